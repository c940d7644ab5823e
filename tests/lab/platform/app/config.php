<?php
return [
    'db_host' => '10.77.0.13',
    'db_name' => 'community',
    'db_user' => 'community',
    'db_password' => '@DB_PASSWORD@',
    'redis_host' => '10.77.0.14',
    'redis_port' => 6379,
    'uploads' => '/srv/community/uploads',
    'outbox' => '/srv/community/outbox',
];
