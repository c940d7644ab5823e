<?php // SPDX-License-Identifier: GPL-3.0-or-later
require '/srv/community/lib/app.php';
db()->query('SELECT 1')->fetch();
cache()->ping();
answer(['ok' => true, 'php' => PHP_VERSION, 'host' => gethostname()]);
