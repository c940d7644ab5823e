<?php
// SPDX-License-Identifier: GPL-3.0-or-later
// Cron, every minute: sends the digest and notes that it did. An insert that failed stored nothing, so it may be tried again.
require __DIR__ . '/lib.php';

$slot = gmdate('Y-m-d H:i');
$host = gethostname();
set_exception_handler(null);
for ($attempt = 1; ; $attempt++) {
    try {
        $c = config();
        $db = new PDO("mysql:host={$c['db_host']};dbname={$c['db_name']};charset=utf8mb4", $c['db_user'], $c['db_password'], [
            PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
            PDO::ATTR_TIMEOUT => 5,
        ]);
        $db->prepare('INSERT INTO digest_runs (slot, host, ran_at) VALUES (?, ?, NOW())')->execute([$slot, $host]);
        break;
    } catch (PDOException $failure) {
        if ($attempt === 15) {
            fwrite(STDERR, "digest $slot: {$failure->getMessage()}\n");
            exit(1);
        }
        sleep(1);
    }
}
$news = $db->query('SELECT COUNT(*) FROM messages WHERE created_at > NOW() - INTERVAL 1 DAY')->fetchColumn();
file_put_contents(config()['outbox'] . '/' . strtr($slot, ' :', '--') . "-$host.eml", "To: members\nSubject: $news new messages\n\nDigest of $slot UTC.\n");
