<?php // SPDX-License-Identifier: GPL-3.0-or-later
// What every page of the community shares. Runs on PHP 7.4 and 8.4.
const APP = '/srv/community';

function config(): array { static $config; return $config ?? $config = require APP . '/config.php'; }

function db(): PDO {
    static $pdo;
    if (!$pdo) {
        $db = config()['db'];
        $pdo = new PDO("mysql:host={$db['host']};dbname={$db['name']};charset=utf8mb4", $db['user'], $db['password'],
            [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_TIMEOUT => 5]);
    }
    return $pdo;
}

function cache(): Redis {
    static $redis;
    if (!$redis) {
        $redis = new Redis();
        $redis->connect(config()['redis']['host'], config()['redis']['port'], 3.0);
    }
    return $redis;
}

function answer(array $data, int $status = 200): void {
    http_response_code($status);
    header('Content-Type: application/json');
    echo json_encode($data), "\n";
    exit;
}

function token(string $name = 'token'): string {
    $token = $_POST[$name] ?? $_GET[$name] ?? '';
    if (!preg_match('/^[0-9a-f-]{36}$/', $token)) {
        answer(['error' => "$name is missing or malformed"], 400);
    }
    return $token;
}

function upload_path(string $token): string { return config()['uploads'] . '/' . substr($token, 0, 2) . '/' . $token; }

// Nothing is acknowledged that was not written.
set_exception_handler(function (Throwable $error): void {
    error_log(get_class($error) . ': ' . $error->getMessage());
    if (PHP_SAPI === 'cli') {
        fwrite(STDERR, $error->getMessage() . "\n");
        exit(1);
    }
    answer(['error' => 'unavailable', 'reason' => get_class($error)], 503);
});
