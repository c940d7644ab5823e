<?php // SPDX-License-Identifier: GPL-3.0-or-later
require '/srv/community/lib/app.php';
$token = token();
if (cache()->set("draft:$token", substr($_POST['body'] ?? '', 0, 2000)) !== true) { throw new RuntimeException('the draft was not kept'); }
answer(['token' => $token], 201);
