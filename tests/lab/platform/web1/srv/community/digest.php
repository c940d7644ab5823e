<?php // SPDX-License-Identifier: GPL-3.0-or-later
// Once a minute: the digest of new messages. Each run leaves a row, and a mail in the outbox.
require '/srv/community/lib/app.php';
$slot = gmdate('Y-m-d H:i');
$count = (int) db()->query('SELECT COUNT(*) FROM messages')->fetchColumn();
db()->prepare('INSERT INTO digest_runs (slot, host, ran_at) VALUES (?, ?, UTC_TIMESTAMP())')->execute([$slot, gethostname()]);
file_put_contents(config()['outbox'] . '/' . str_replace([' ', ':'], ['T', ''], $slot) . '.eml', "Subject: Digest of $slot\n\n$count messages\n");
