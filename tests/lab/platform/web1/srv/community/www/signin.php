<?php // SPDX-License-Identifier: GPL-3.0-or-later
require '/srv/community/lib/app.php';
if ($_SERVER['REQUEST_METHOD'] !== 'POST') { answer(['error' => 'POST only'], 405); }
$statement = db()->prepare('SELECT id, name FROM users WHERE name = ?');
$statement->execute([$_POST['name'] ?? '']);
$user = $statement->fetch(PDO::FETCH_ASSOC);
if (!$user) { answer(['error' => 'unknown user'], 403); }
session_start();
$_SESSION['user'] = (int) $user['id'];
$_SESSION['name'] = $user['name'];
$_SESSION['visits'] = 0;
session_write_close();
answer(['name' => $user['name']]);
