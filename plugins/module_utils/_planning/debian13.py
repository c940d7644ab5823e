# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service gets on Debian 13 when nobody says otherwise: the one table that old values are compared with.

Read from running programs: ``ini_get_all()`` of PHP 8.4.27 with Debian's php.ini, ``mariadbd --help --verbose`` of 11.8.9,
``CONFIG GET *`` of Valkey 8.1.1, the packages' systemd units, adduser's first id, and a service's environment and limits in a virtual machine
that was booted from Debian 13.8.
"""

from __future__ import annotations

VERSIONS = {"php": "8.4", "mariadb": "11.8", "redis": "Valkey 8.1", "edge": "HAProxy 3.0", "nginx": "1.26", "postgresql": "17",
            "rabbitmq": "4.0.5", "memcached": "1.6.38"}  # fmt: skip
TIME_ZONE = "Etc/UTC"
FIRST_USER_ID = 1000  # adduser's FIRST_UID
STATIC_IDS = 100  # below it an id means the same user on every Debian
TZDATA = "2025b"  # in Debian 13 at its release; updates follow the tz database
TZDATA_OLD = "2022"  # releases before have rules that several zones gave up since
LANG = "C.UTF-8"  # systemd 257 gives it to every service where no locale is configured
UMASK_OTHERS = "0022"
UMASK = {"mariadb": "0006", "redis": "0007", "postgresql": "0077", "rabbitmq": "0027"}  # of the units; MariaDB and PostgreSQL set their own
# What programs set for themselves, on both sides: nginx has none, postfix and exim switch.
UMASK_USUAL = {
    "mariadb": frozenset({"0007"}), "http": frozenset({"0000"}), "mail": frozenset({"0000", "0077"}), "docker": frozenset({"0000", "0027", "0077"}),
}  # fmt: skip
MEMLOCK = 8388608  # bytes
NOFILE = {"mariadb": 32768, "redis": 65535}  # LimitNOFILE of the unit
NOFILE_OTHERS = 524288  # systemd's hard limit, which nginx, PHP-FPM and HAProxy may raise theirs to
MEMORY_MIB = 512  # the least with which apt and a service work without swapping
SYSTEM_MIB = 200  # used by an idle guest
DISK_GIB = 8

NODEJS = "20.19"
OPENSSL = "3.5"
# OpenSSL 3.5.9 of Debian 13, tried: a server refuses its own RSA key of 1024 bits ("ee key too small"), a client offers nothing older than TLS 1.2.
TLS_LEAST = "TLSv1.2"
TLS_LEVEL = 2
TLS_BITS = {"RSA": 2048, "DSA": 2048, "EC": 224}  # level 2: 112 bits of security

# Jobs that Debian's packages bring. The guest's packages bring their own.
PACKAGED_CRON = frozenset({
    "anacron", "certbot", "e2scrub_all", "logcheck", "mdadm", "mlocate", "ntpsec", "php", "popularity-contest", "sysstat", "zfsutils-linux",
})  # fmt: skip

_PHP = """
allow_url_fopen=1 allow_url_include=0 arg_separator.input=& arg_separator.output=& auto_append_file= auto_globals_jit=1 auto_prepend_file=
date.timezone= default_charset=UTF-8 default_mimetype=text/html default_socket_timeout=60 disable_classes= disable_functions=
display_errors=0 display_startup_errors=0 doc_root= enable_dl=0 enable_post_data_reading=1 error_append_string= error_prepend_string=
error_reporting=22527 expose_php=0 file_uploads=1 filter.default=unsafe_raw html_errors=1 ignore_repeated_errors=0 ignore_repeated_source=0
ignore_user_abort=0 implicit_flush=0 include_path=.:/usr/share/php log_errors=1 mail.add_x_header=0 mail.force_extra_parameters= mail.log=
max_execution_time=30 max_file_uploads=20 max_input_nesting_level=64 max_input_time=60 max_input_vars=1000 memory_limit=128M open_basedir=
output_buffering=4096 output_handler= pcre.backtrack_limit=1000000 pcre.jit=1 pcre.recursion_limit=100000 post_max_size=8M precision=14
realpath_cache_size=4096K realpath_cache_ttl=120 register_argc_argv=0 report_memleaks=1 request_order=GP sendmail_from= serialize_precision=-1
short_open_tag=0 SMTP=localhost smtp_port=25 sys_temp_dir= unserialize_callback_func= unserialize_max_depth=4096 upload_max_filesize=2M
upload_tmp_dir= user_agent= user_dir= user_ini.cache_ttl=300 user_ini.filename=.user.ini variables_order=GPCS zend.assertions=-1
zend.detect_unicode=1 zend.enable_gc=1 zend.exception_ignore_args=1 zend.multibyte=0 zlib.output_compression=0 zlib.output_compression_level=-1
session.auto_start=0 session.cache_expire=180 session.cache_limiter=nocache session.cookie_domain= session.cookie_httponly=0
session.cookie_lifetime=0 session.cookie_path=/ session.cookie_samesite= session.cookie_secure=0 session.gc_divisor=1000
session.gc_maxlifetime=1440 session.gc_probability=0 session.lazy_write=1 session.name=PHPSESSID session.referer_check=
session.save_handler=files session.save_path=/var/lib/php/sessions session.serialize_handler=php session.trans_sid_hosts=
session.trans_sid_tags=a=href,area=href,frame=src,form= session.upload_progress.enabled=1 session.use_cookies=1 session.use_only_cookies=1
session.use_strict_mode=0 session.use_trans_sid=0 mbstring.encoding_translation=0 mbstring.http_output= mbstring.internal_encoding=
mbstring.language=neutral mbstring.strict_detection=0 mbstring.substitute_character= mysqli.allow_local_infile=0 mysqli.allow_persistent=1
mysqli.default_host= mysqli.default_port=3306 mysqli.default_socket=/var/run/mysqld/mysqld.sock mysqli.default_user= mysqli.max_links=-1
mysqli.max_persistent=-1 mysqlnd.collect_statistics=1 mysqlnd.collect_memory_statistics=0 mysqlnd.net_read_timeout=86400
pdo_mysql.default_socket=/var/run/mysqld/mysqld.sock opcache.enable=1 opcache.enable_cli=0 opcache.enable_file_override=0
opcache.interned_strings_buffer=8 opcache.max_accelerated_files=10000 opcache.max_file_size=0 opcache.max_wasted_percentage=5
opcache.memory_consumption=128 opcache.preload= opcache.revalidate_freq=2 opcache.revalidate_path=0 opcache.save_comments=1 opcache.use_cwd=1
opcache.validate_permission=0 opcache.validate_root=0 opcache.validate_timestamps=1 phar.readonly=1 phar.require_hash=1 curl.cainfo=
openssl.cafile= openssl.capath= assert.exception=1 session.upload_progress.cleanup=1 session.upload_progress.name=PHP_SESSION_UPLOAD_PROGRESS
session.upload_progress.prefix=upload_progress_ session.upload_progress.freq=1% session.upload_progress.min_freq=1 user_ini.cache_ttl=300
bcmath.scale=0 soap.wsdl_cache_enabled=1 soap.wsdl_cache_dir=/tmp soap.wsdl_cache_ttl=86400 soap.wsdl_cache_limit=5 ldap.max_links=-1
pgsql.allow_persistent=1 pgsql.max_links=-1 pgsql.max_persistent=-1 tidy.clean_output=0 intl.default_locale= apc.enabled=1 apc.shm_size=32M
redis.session.locking_enabled=0 redis.session.lock_expire=0 redis.session.lock_retries=100 redis.session.lock_wait_time=20000
redis.session.early_refresh=0 redis.pconnect.pooling_enabled=1 redis.pconnect.connection_limit=0
"""
PHP_INI: dict[str, str] = dict(entry.split("=", 1) for entry in _PHP.split() if "=" in entry) | {"sendmail_path": "/usr/sbin/sendmail -t -i"}
PHP_CLI: dict[str, str] = PHP_INI | {
    "memory_limit": "-1", "max_execution_time": "0", "max_input_time": "-1", "html_errors": "0", "implicit_flush": "1", "output_buffering": "0",
    "register_argc_argv": "1", "expose_php": "1",
}  # fmt: skip

# Directives that PHP 8.4 no longer knows, or warns about at each start: since when, and what it means.
PHP_REMOVED: dict[str, str] = {
    "asp_tags": "7.0: templates with <% are sent as text",
    "always_populate_raw_post_data": "7.0: read php://input",
    "register_globals": "5.4",
    "magic_quotes_gpc": "5.4",
    "magic_quotes_runtime": "5.4",
    "safe_mode": "5.4",
    "session.hash_function": "7.1",
    "session.hash_bits_per_character": "7.1",
    "session.entropy_file": "7.1",
    "session.entropy_length": "7.1",
    "track_errors": "8.0: $php_errormsg is empty, use error_get_last()",
    "mbstring.func_overload": "8.0: strlen() counts bytes, use mb_strlen()",
    "assert.quiet_eval": "8.0",
    "log_errors_max_len": "8.0: messages are not cut",
    "mysqli.reconnect": "8.2: no reconnection",
    "assert.active": "deprecated in 8.3, use zend.assertions",
    "assert.bail": "deprecated in 8.3",
    "assert.callback": "deprecated in 8.3",
    "assert.warning": "deprecated in 8.3",
    "auto_detect_line_endings": "deprecated in 8.1",
    "session.sid_length": "deprecated in 8.4: new ids have 32 characters, old ones stay valid",
    "session.sid_bits_per_character": "deprecated in 8.4: new ids are hexadecimal, old ones stay valid",
    "iconv.input_encoding": "deprecated, use default_charset",
    "iconv.internal_encoding": "deprecated, use default_charset",
    "iconv.output_encoding": "deprecated, use default_charset",
    "mbstring.http_input": "deprecated, use default_charset",
    "opcache.fast_shutdown": "7.2",
    "opcache.inherited_hack": "7.3",
}
# Known to both, and yet not for the guest.
PHP_LEFT_ALONE: dict[str, str] = {
    "error_log": "errors go where the guest's PHP-FPM logs",
    "extension_dir": "belongs to the package",
    "extension": "belongs to the package",
    "zend_extension": "belongs to the package",
}
# PHP extension -> suffix of Debian's package (php8.4-SUFFIX). The empty one comes with the base packages.
PHP_EXTENSIONS: dict[str, str] = dict.fromkeys(
    (
        "calendar", "core", "ctype", "date", "exif", "ffi", "fileinfo", "filter", "ftp", "gettext", "hash", "iconv", "json", "libxml", "openssl",
        "pcntl", "pcre", "pdo", "phar", "posix", "random", "readline", "reflection", "session", "shmop", "sockets", "sodium", "spl", "standard",
        "sysvmsg", "sysvsem", "sysvshm", "tokenizer", "zend opcache", "opcache", "zlib", "cgi-fcgi",
    ), "",
) | dict.fromkeys(("mysqli", "mysqlnd", "pdo_mysql"), "mysql") | dict.fromkeys(("redis", "igbinary"), "redis") | dict.fromkeys(
    ("dom", "simplexml", "xml", "xmlreader", "xmlwriter", "xsl"), "xml"
) | dict.fromkeys(("pgsql", "pdo_pgsql"), "pgsql") | dict.fromkeys(("sqlite3", "pdo_sqlite"), "sqlite3") | {
    name: name for name in (
        "mbstring", "curl", "gd", "intl", "zip", "bcmath", "soap", "ldap", "gmp", "bz2", "tidy", "snmp", "enchant", "odbc", "dba",
        "imagick", "memcached", "apcu", "msgpack", "amqp", "mongodb", "ssh2", "yaml", "uuid", "xdebug",
    )
}  # fmt: skip
ROLE_EXTENSIONS = ("mysql", "redis", "mbstring", "curl")  # the default of the roles web_php and cron_worker

# Server variables that may be carried to MariaDB 11.8, with its defaults. What is not here is never carried.
MARIADB: dict[str, str] = {
    "sql_mode": "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION",
    "character_set_server": "utf8mb4",
    "collation_server": "utf8mb4_uca1400_ai_ci",
    "max_connections": "151",
    "max_allowed_packet": "16777216",
    "wait_timeout": "28800",
    "interactive_timeout": "28800",
    "connect_timeout": "10",
    "net_read_timeout": "30",
    "net_write_timeout": "60",
    "lock_wait_timeout": "86400",
    "innodb_lock_wait_timeout": "50",
    "innodb_buffer_pool_size": "134217728",
    "innodb_log_file_size": "100663296",
    "innodb_flush_log_at_trx_commit": "1",
    "innodb_autoinc_lock_mode": "1",
    "innodb_file_per_table": "ON",
    "innodb_strict_mode": "ON",
    "innodb_ft_min_token_size": "3",
    "ft_min_word_len": "4",
    "sync_binlog": "0",
    "lower_case_table_names": "0",
    "local_infile": "ON",
    "explicit_defaults_for_timestamp": "ON",
    "transaction_isolation": "REPEATABLE-READ",
    "event_scheduler": "OFF",
    "group_concat_max_len": "1048576",
    "max_heap_table_size": "16777216",
    "tmp_table_size": "16777216",
    "sort_buffer_size": "2097152",
    "join_buffer_size": "262144",
    "key_buffer_size": "134217728",
    "table_open_cache": "2000",
    "table_definition_cache": "400",
    "max_connect_errors": "100",
    "log_bin_trust_function_creators": "OFF",
    "auto_increment_increment": "1",
    "auto_increment_offset": "1",
    "div_precision_increment": "4",
    "default_week_format": "0",
    "init_connect": "",
    "long_query_time": "10.000000",
    "slow_query_log": "OFF",
    "port": "3306",
}
MARIADB_RENAMED = {"tx_isolation": "transaction_isolation"}
SQL_MODES = frozenset({
    "ALLOW_INVALID_DATES", "ANSI", "ANSI_QUOTES", "DB2", "EMPTY_STRING_IS_NULL", "ERROR_FOR_DIVISION_BY_ZERO", "HIGH_NOT_PRECEDENCE",
    "IGNORE_BAD_TABLE_OPTIONS", "IGNORE_SPACE", "MAXDB", "MSSQL", "MYSQL323", "MYSQL40", "NO_AUTO_CREATE_USER", "NO_AUTO_VALUE_ON_ZERO",
    "NO_BACKSLASH_ESCAPES", "NO_DIR_IN_CREATE", "NO_ENGINE_SUBSTITUTION", "NO_FIELD_OPTIONS", "NO_KEY_OPTIONS", "NO_TABLE_OPTIONS",
    "NO_UNSIGNED_SUBTRACTION", "NO_ZERO_DATE", "NO_ZERO_IN_DATE", "ONLY_FULL_GROUP_BY", "ORACLE", "PAD_CHAR_TO_FULL_LENGTH", "PIPES_AS_CONCAT",
    "POSTGRESQL", "REAL_AS_FLOAT", "SIMULTANEOUS_ASSIGNMENT", "STRICT_ALL_TABLES", "STRICT_TRANS_TABLES", "TIME_ROUND_FRACTIONAL", "TRADITIONAL",
})  # fmt: skip

# Settings that may be carried to Valkey 8.1, with its defaults.
REDIS: dict[str, str] = {
    "maxmemory-policy": "noeviction",
    "maxmemory-samples": "5",
    "databases": "16",
    "protected-mode": "yes",
    "appendonly": "no",
    "appendfsync": "everysec",
    "no-appendfsync-on-rewrite": "no",
    "auto-aof-rewrite-percentage": "100",
    "auto-aof-rewrite-min-size": "67108864",
    "save": "3600 1 300 100 60 10000",
    "stop-writes-on-bgsave-error": "yes",
    "rdbcompression": "yes",
    "timeout": "0",
    "tcp-keepalive": "300",
    "tcp-backlog": "511",
    "maxclients": "10000",
    "port": "6379",
    "notify-keyspace-events": "",
    "proto-max-bulk-len": "536870912",
    "client-query-buffer-limit": "1073741824",
    "client-output-buffer-limit": "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
    "lua-time-limit": "5000",
    "hash-max-listpack-entries": "512",
    "hash-max-listpack-value": "64",
    "zset-max-listpack-entries": "128",
    "zset-max-listpack-value": "64",
    "list-max-listpack-size": "-2",
    "set-max-intset-entries": "512",
    "activedefrag": "no",
    "lfu-log-factor": "10",
    "lfu-decay-time": "1",
    "hz": "10",
}
REDIS_RENAMED = {
    "hash-max-ziplist-entries": "hash-max-listpack-entries",
    "hash-max-ziplist-value": "hash-max-listpack-value",
    "zset-max-ziplist-entries": "zset-max-listpack-entries",
    "zset-max-ziplist-value": "zset-max-listpack-value",
    "list-max-ziplist-size": "list-max-listpack-size",
}

MTU = 1500  # of a virtio card on a bridge that nobody changed
INTERFACE = "ens18"  # Proxmox VE puts net0 at PCI slot 18 (0x12), systemd names it after the slot


def conntrack_max(memory_mib: int) -> int:
    """Linux 6.12: as many as the table has buckets, which follow from memory (nf_conntrack_init_start)."""
    if memory_mib > 4096:
        return 262144
    return 65536 if memory_mib > 1024 else max(1024, memory_mib * 1024 * 1024 // 16384 // 8)

# glibc, and the hash of the survey's words (collect/libc.sh) as it sorts them: measured on Debian 13. Debian 11 and 12 sort de_DE, en_US
# and sv_SE in the same order.
GLIBC = "2.41"
SORTED: dict[str, str] = dict.fromkeys(
    (
        "de_AT.utf8", "de_CH.utf8", "de_DE.utf8", "en_GB.utf8", "en_US.utf8", "es_ES.utf8", "fr_FR.utf8", "it_IT.utf8",
        "nl_NL.utf8", "pl_PL.utf8", "pt_BR.utf8", "ru_RU.utf8",
    ), "2eab8d51a2830e1d",
) | {
    "cs_CZ.utf8": "f081454284421044", "da_DK.utf8": "e8b903898dc33824", "fi_FI.utf8": "242538d8d4418910",
    "nb_NO.utf8": "ae5605ca6f64c239", "sv_SE.utf8": "9916eb59d08749d9",
}  # fmt: skip

# The plugins and the types of exchanges that rabbitmq-server 4.0.5 brings.
_RABBITMQ = """
rabbitmq_amqp1_0 rabbitmq_auth_backend_cache rabbitmq_auth_backend_http rabbitmq_auth_backend_ldap rabbitmq_auth_backend_oauth2
rabbitmq_auth_mechanism_ssl rabbitmq_consistent_hash_exchange rabbitmq_event_exchange rabbitmq_federation rabbitmq_federation_management
rabbitmq_federation_prometheus rabbitmq_jms_topic_exchange rabbitmq_management rabbitmq_management_agent rabbitmq_mqtt
rabbitmq_peer_discovery_aws rabbitmq_peer_discovery_common rabbitmq_peer_discovery_consul rabbitmq_peer_discovery_etcd
rabbitmq_peer_discovery_k8s rabbitmq_prometheus rabbitmq_random_exchange rabbitmq_recent_history_exchange rabbitmq_sharding rabbitmq_shovel
rabbitmq_shovel_management rabbitmq_shovel_prometheus rabbitmq_stomp rabbitmq_stream rabbitmq_stream_common rabbitmq_stream_management
rabbitmq_top rabbitmq_tracing rabbitmq_trust_store rabbitmq_web_dispatch rabbitmq_web_mqtt rabbitmq_web_mqtt_examples rabbitmq_web_stomp
rabbitmq_web_stomp_examples
"""
RABBITMQ_PLUGINS: frozenset[str] = frozenset(_RABBITMQ.split())
RABBITMQ_EXCHANGES = frozenset({
    "direct", "fanout", "headers", "topic", "x-consistent-hash", "x-event", "x-federation-upstream", "x-jms-topic", "x-local-random",
    "x-modulus-hash", "x-random", "x-recent-history",
})  # fmt: skip
