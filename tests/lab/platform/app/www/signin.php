<?php
// SPDX-License-Identifier: GPL-3.0-or-later
require __DIR__ . '/../lib.php';

if (method() !== 'POST') {
    answer(405, ['error' => 'POST only']);
}
$name = field('name');
run('INSERT INTO users (name, last_seen) VALUES (?, NOW()) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id), last_seen = NOW()', [$name]);
$id = (int) db()->lastInsertId();
session();
$_SESSION = ['id' => $id, 'name' => $name, 'visits' => 0];
keep_session();
answer(200, ['name' => $name]);
