<?php
// SPDX-License-Identifier: GPL-3.0-or-later
// What every page of the community needs. Runs on PHP 7.4 and 8.4. Nothing is acknowledged before it is stored: else 503.

ini_set('display_errors', '0');

const UUID = '/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/';

function config(): array
{
    static $config;
    return $config ?? $config = require __DIR__ . '/config.php';
}

function answer(int $status, array $body)
{
    http_response_code($status);
    header('Content-Type: application/json');
    header('Cache-Control: no-store');
    echo json_encode($body, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE), "\n";
    exit;
}

function unavailable(Throwable $reason)
{
    error_log(get_class($reason) . ': ' . $reason->getMessage());
    answer(503, ['error' => 'unavailable']);
}

set_exception_handler('unavailable');

function db(): PDO
{
    static $db;
    if (!$db) {
        $c = config();
        $db = new PDO("mysql:host={$c['db_host']};dbname={$c['db_name']};charset=utf8mb4", $c['db_user'], $c['db_password'], [
            PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
            PDO::ATTR_PERSISTENT => PHP_SAPI !== 'cli',
            PDO::ATTR_TIMEOUT => 5,
            PDO::ATTR_EMULATE_PREPARES => true,
            PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC,
        ]);
    }
    return $db;
}

function run(string $sql, array $values = []): PDOStatement
{
    $statement = db()->prepare($sql);
    $statement->execute($values);
    return $statement;
}

function redis(): Redis
{
    static $redis;
    if (!$redis) {
        $c = config();
        $redis = new Redis();
        if (!$redis->pconnect($c['redis_host'], $c['redis_port'], 2.5)) {
            throw new RuntimeException('redis does not answer');
        }
    }
    return $redis;
}

function session(): void
{
    if (!@session_start()) {
        throw new RuntimeException('no session: ' . (error_get_last()['message'] ?? ''));
    }
}

function keep_session(): void
{
    if (!@session_write_close()) {
        throw new RuntimeException('session not stored: ' . (error_get_last()['message'] ?? ''));
    }
}

function method(): string
{
    return $_SERVER['REQUEST_METHOD'];
}

function field(string $name): string
{
    $value = $_POST[$name] ?? '';
    if (!is_string($value) || $value === '') {
        answer(400, ['error' => "$name is missing"]);
    }
    return $value;
}

function token(array $from): string
{
    $token = $from['token'] ?? '';
    if (!is_string($token) || !preg_match(UUID, $token)) {
        answer(400, ['error' => 'token is not a UUID']);
    }
    return $token;
}

/** Makes a file or folder durable. PHP has fsync() since 8.1 only, and none for folders. */
function settle(string $path): void
{
    exec('/bin/sync ' . escapeshellarg($path), $output, $status);
    if ($status !== 0) {
        throw new RuntimeException("not on disk: $path");
    }
}
