<?php // SPDX-License-Identifier: GPL-3.0-or-later
// The old guestbook: its sessions are files, and nobody remembers why.
session_start();
$_SESSION['visits'] = ($_SESSION['visits'] ?? 0) + 1;
if ($_SERVER['REQUEST_METHOD'] === 'POST') { $_SESSION['entries'][] = substr($_POST['entry'] ?? '', 0, 200); }
?><!doctype html><title>Guestbook</title><p>Visit <? echo $_SESSION['visits'] ?>, <? echo count($_SESSION['entries'] ?? []) ?> entries</p>
