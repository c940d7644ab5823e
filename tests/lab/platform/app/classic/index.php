<?php
// SPDX-License-Identifier: GPL-3.0-or-later
// The guestbook: its session is a file, its entries are a file, its template needs short_open_tag.
$book = '/srv/community/guestbook.txt';
if (!session_start()) {
    http_response_code(503);
    exit('unavailable');
}
$_SESSION['visits'] = ($_SESSION['visits'] ?? 0) + 1;
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    $entry = trim(preg_replace('/\s+/', ' ', $_POST['entry'] ?? ''));
    if ($entry === '' || file_put_contents($book, date('Y-m-d H:i') . " $entry\n", FILE_APPEND | LOCK_EX) === false) {
        http_response_code($entry === '' ? 400 : 503);
        exit('not stored');
    }
    $_SESSION['entries'] = ($_SESSION['entries'] ?? 0) + 1;
    http_response_code(201);
}
$entries = array_slice(file($book, FILE_IGNORE_NEW_LINES) ?: [], -20);
?>
<!doctype html>
<title>Guestbook</title>
<h1>Guestbook</h1>
<p id="visits"><? echo $_SESSION['visits'] ?></p>
<ul>
<? foreach ($entries as $line) { ?>
<li><? echo htmlspecialchars($line) ?></li>
<? } ?>
</ul>
