<?php // SPDX-License-Identifier: GPL-3.0-or-later
// Everything that was ever acknowledged, for the auditors. Answers in one piece.
require '/srv/community/lib/app.php';
ini_set('memory_limit', '512M');
set_time_limit(60);
$items = [];
switch ($_GET['kind'] ?? '') {
    case 'messages':
        foreach (db()->query('SELECT token, COUNT(*) AS n FROM messages GROUP BY token') as $row) { $items[$row['token']] = (int) $row['n']; }
        break;
    case 'uploads':
        foreach (glob(config()['uploads'] . '/??/*') as $path) { $items[basename($path)] = hash_file('sha256', $path); }
        break;
    case 'drafts':
        $cursor = null;
        cache()->setOption(Redis::OPT_SCAN, Redis::SCAN_RETRY);
        while (($keys = cache()->scan($cursor, 'draft:*', 1000)) !== false) {
            foreach ($keys as $key) { $items[substr($key, 6)] = 1; }
        }
        break;
    case 'profiles':
        foreach (db()->query('SELECT name, bio FROM profiles JOIN users ON id = user_id') as $row) { $items[$row['name']] = $row['bio']; }
        break;
    default:
        answer(['error' => 'kind is messages, uploads, drafts or profiles'], 400);
}
answer(['kind' => $_GET['kind'], 'items' => (object) $items]);
