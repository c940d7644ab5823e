<?php
// SPDX-License-Identifier: GPL-3.0-or-later
// Everything that was ever acknowledged, as it is stored now: {"kind": …, "items": {token: count or SHA-256}}.
require __DIR__ . '/../lib.php';

function messages(): iterable
{
    // audit_log has no unique key: a statement that was applied twice shows there.
    $rows = run('SELECT m.token, GREATEST(COUNT(DISTINCT m.id), COUNT(a.token)) AS n FROM messages m LEFT JOIN audit_log a ON a.token = m.token GROUP BY m.token');
    while ($row = $rows->fetch()) {
        yield $row['token'] => (int) $row['n'];
    }
}

function uploads(): iterable
{
    foreach (glob(config()['uploads'] . '/??/*') as $path) {
        yield basename($path) => hash_file('sha256', $path);
    }
}

function drafts(): iterable
{
    $cursor = null;
    redis()->setOption(Redis::OPT_SCAN, Redis::SCAN_RETRY);
    $seen = [];
    while (($keys = redis()->scan($cursor, 'draft:*', 500)) !== false) {
        foreach ($keys as $key) {
            $seen[substr($key, 6)] = 1;
        }
    }
    return $seen;
}

$kinds = ['messages', 'uploads', 'drafts'];
$kind = $_GET['kind'] ?? '';
if (!in_array($kind, $kinds, true)) {
    answer(400, ['error' => 'kind is one of ' . implode(', ', $kinds)]);
}
set_time_limit(120);
$items = [];
foreach ($kind() as $token => $value) {
    $items[$token] = $value;
}
answer(200, ['kind' => $kind, 'items' => (object) $items]);
