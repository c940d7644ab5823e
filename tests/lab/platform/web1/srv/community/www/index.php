<?php // SPDX-License-Identifier: GPL-3.0-or-later
require '/srv/community/lib/app.php';
$rows = db()->query('SELECT body FROM messages ORDER BY id DESC LIMIT 10')->fetchAll(PDO::FETCH_COLUMN);
?><!doctype html><title>Community</title><h1>Community</h1><ul><?php foreach ($rows as $row): ?><li><? echo htmlspecialchars($row) ?></li><?php endforeach ?></ul>
