<?php
// SPDX-License-Identifier: GPL-3.0-or-later
require __DIR__ . '/../lib.php';

if (method() === 'POST') {
    $token = token($_POST);
    if (redis()->set("draft:$token", field('body')) !== true) {
        throw new RuntimeException('draft not stored: ' . redis()->getLastError());
    }
    answer(201, ['token' => $token]);
}
$draft = redis()->get('draft:' . token($_GET));
answer($draft === false ? 404 : 200, $draft === false ? ['error' => 'no such draft'] : ['body' => $draft]);
