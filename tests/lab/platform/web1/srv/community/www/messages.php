<?php // SPDX-License-Identifier: GPL-3.0-or-later
require '/srv/community/lib/app.php';
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    $token = token();
    db()->beginTransaction();
    db()->prepare('INSERT INTO messages (token, body, sent_at) VALUES (?, ?, NOW())')->execute([$token, substr($_POST['body'] ?? '', 0, 2000)]);
    db()->commit();
    answer(['token' => $token], 201);
}
$limit = max(1, min(100, (int) ($_GET['limit'] ?? 20)));
answer(['messages' => db()->query("SELECT token, body, sent_at FROM messages ORDER BY id DESC LIMIT $limit")->fetchAll(PDO::FETCH_ASSOC)]);
