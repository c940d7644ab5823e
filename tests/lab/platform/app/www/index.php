<?php
// SPDX-License-Identifier: GPL-3.0-or-later
require __DIR__ . '/../lib.php';

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if ($path === '/healthz') {
    run('SELECT 1')->fetchAll();
    if (!redis()->ping()) {
        throw new RuntimeException('redis does not answer');
    }
    answer(200, ['ok' => true, 'php' => PHP_VERSION, 'host' => gethostname()]);
}
if ($path !== '/' && $path !== '/index.php') {
    answer(404, ['error' => 'no such page']);
}
$members = (int) run('SELECT COUNT(*) FROM users')->fetchColumn();
header('Content-Type: text/html; charset=utf-8');
echo "<!doctype html><title>Community</title><h1>Community</h1><p>$members members, <a href=\"/messages.php\">what they say</a></p>\n";
