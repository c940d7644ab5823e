<?php // SPDX-License-Identifier: GPL-3.0-or-later
require '/srv/community/lib/app.php';
$path = upload_path(token());
if (!is_file($path)) { answer(['error' => 'no such file'], 404); }
header('Content-Type: application/octet-stream');
readfile($path);
