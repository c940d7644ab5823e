<?php // SPDX-License-Identifier: GPL-3.0-or-later
require '/srv/community/lib/app.php';
session_start();
if (empty($_SESSION['user'])) { answer(['error' => 'not signed in'], 401); }
$_SESSION['visits']++;
$user = $_SESSION['user'];
$name = $_SESSION['name'];
$visits = $_SESSION['visits'];
session_write_close();
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    $statement = db()->prepare('UPDATE profiles SET bio = ?, changed_at = NOW() WHERE user_id = ?');
    $statement->execute([substr($_POST['bio'] ?? '', 0, 500), $user]);
    db()->prepare("INSERT INTO audit_log (at, what) VALUES (NOW(), ?)")->execute(["profile $user"]);
}
$statement = db()->prepare('SELECT bio FROM profiles WHERE user_id = ?');
$statement->execute([$user]);
answer(['name' => $name, 'visits' => $visits, 'bio' => $statement->fetchColumn()]);
