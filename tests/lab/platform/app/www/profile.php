<?php
// SPDX-License-Identifier: GPL-3.0-or-later
require __DIR__ . '/../lib.php';

session();
if (empty($_SESSION['id'])) {
    answer(401, ['error' => 'sign in first']);
}
if (method() === 'POST') {
    run('REPLACE INTO profiles (user_id, bio, changed_at) VALUES (?, ?, NOW())', [$_SESSION['id'], field('bio')]);
}
$_SESSION['visits']++;
$visits = $_SESSION['visits'];
$name = $_SESSION['name'];
$bio = run('SELECT bio FROM profiles WHERE user_id = ?', [$_SESSION['id']])->fetchColumn();
keep_session();
answer(200, ['name' => $name, 'visits' => $visits, 'bio' => $bio === false ? null : $bio]);
