<?php
// SPDX-License-Identifier: GPL-3.0-or-later
require __DIR__ . '/../lib.php';

if (method() !== 'POST') {
    answer(405, ['error' => 'POST only']);
}
$token = token($_POST);
$file = $_FILES['file'] ?? null;
if (!$file || $file['error'] !== UPLOAD_ERR_OK) {
    answer(400, ['error' => 'no file, or too large', 'code' => $file['error'] ?? null]);
}
$folder = config()['uploads'] . '/' . substr($token, 0, 2);
$path = "$folder/$token";
if (file_exists($path)) {
    answer(409, ['error' => 'this file is there already']);
}
if (!is_dir($folder) && !@mkdir($folder, 0750) && !is_dir($folder)) {
    throw new RuntimeException("no folder $folder");
}
$partial = "$folder/.$token." . getmypid();
if (!move_uploaded_file($file['tmp_name'], $partial)) {
    throw new RuntimeException("not stored: $partial");
}
chmod($partial, 0640);
settle($partial);
if (!rename($partial, $path)) {
    throw new RuntimeException("not stored: $path");
}
settle($folder);
answer(201, ['token' => $token, 'sha256' => hash_file('sha256', $path)]);
