<?php // SPDX-License-Identifier: GPL-3.0-or-later
require '/srv/community/lib/app.php';
$token = token();
if (!isset($_FILES['file']) || $_FILES['file']['error'] !== UPLOAD_ERR_OK) { answer(['error' => 'no file'], 400); }
$path = upload_path($token);
if (!is_dir(dirname($path))) { @mkdir(dirname($path), 0755, true); }
$data = file_get_contents($_FILES['file']['tmp_name']);
$file = fopen("$path.part", 'wb');
if (!$file || fwrite($file, $data) !== strlen($data) || !fflush($file)) { throw new RuntimeException('the file was not written'); }
if (function_exists('fsync')) { fsync($file); }
fclose($file);
if (!rename("$path.part", $path)) { throw new RuntimeException('the file was not kept'); }
answer(['token' => $token, 'sha256' => hash('sha256', $data)], 201);
