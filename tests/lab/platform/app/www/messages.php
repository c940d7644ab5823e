<?php
// SPDX-License-Identifier: GPL-3.0-or-later
require __DIR__ . '/../lib.php';

if (method() === 'POST') {
    $token = token($_POST);
    $body = field('body');
    db()->beginTransaction();
    try {
        run('INSERT INTO messages (token, user_id, body, created_at) VALUES (?, 1, ?, NOW())', [$token, $body]);
        run('INSERT INTO audit_log (token, action, at) VALUES (?, "message", NOW())', [$token]);
        db()->commit();
    } catch (PDOException $failure) {
        if (db()->inTransaction()) {
            @db()->rollBack();
        }
        if (($failure->errorInfo[1] ?? 0) === 1062) {
            answer(409, ['error' => 'this message is there already']);
        }
        throw $failure;
    }
    answer(201, ['token' => $token]);
}
$limit = max(1, min(100, (int) ($_GET['limit'] ?? 20)));
answer(200, ['messages' => run("SELECT token, user_id, body, created_at FROM messages ORDER BY id DESC LIMIT $limit")->fetchAll()]);
