<?php
// SPDX-License-Identifier: GPL-3.0-or-later
require __DIR__ . '/../lib.php';

$token = token($_GET);
$path = config()['uploads'] . '/' . substr($token, 0, 2) . "/$token";
if (!is_file($path)) {
    answer(404, ['error' => 'no such file']);
}
header('Content-Type: application/octet-stream');
header('Content-Length: ' . filesize($path));
readfile($path);
