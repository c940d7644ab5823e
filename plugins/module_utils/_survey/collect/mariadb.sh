# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# MariaDB or MySQL through its local socket; the accounts' password hashes are not asked for.
[ -n "$(running 'mariadbd|mysqld')" ] || absent
client=
for name in mariadb mysql; do have "$name" && { client=$name; break; }; done
[ -n "$client" ] || { unseen 'the server runs, and there is no client (mariadb or mysql)'; exit 0; }
ask() { "$client" "$@" --batch --skip-column-names --connect-timeout=5; }
options=--default-character-set=utf8mb4
if ! why=$(echo 'SELECT 1' | ask $options 2>&1 >/dev/null); then
    # Debian's maintenance account; the file holds its password, which the client reads by itself.
    options=--defaults-extra-file=/etc/mysql/debian.cnf
    if [ ! -r /etc/mysql/debian.cnf ] || ! echo 'SELECT 1' | ask $options >/dev/null 2>&1; then
        unseen "the server refused us: $why"
        exit 0
    fi
fi
system="'information_schema','performance_schema','mysql','sys'"
query() { # block, statement
    block "$1"
    answer=$(printf '%s' "$2" | ask $options 2>&1) || { unseen "$1: $(printf '%s' "$answer" | tail -n 1)"; return 0; }
    if [ "$1" = variables ]; then
        printf '%s\n' "$answer" | sed -E "s/^(($secret)	).+/\\1[redacted]/" | raw
    else
        printf '%s\n' "$answer" | plain
    fi
}
secret='[a-z0-9_]*(secret|secret_key|_token|_pwd|filekey|access_key|sst_auth)|report_password|init_connect|init_slave|init_file'
query version 'SELECT VERSION()'
query variables 'SHOW GLOBAL VARIABLES'
case $("$client" --version) in
    *MariaDB*) query origins "SELECT LOWER(VARIABLE_NAME), GLOBAL_VALUE_ORIGIN FROM information_schema.SYSTEM_VARIABLES" ;;
esac
query databases "SELECT s.SCHEMA_NAME, COALESCE(CEIL(SUM(t.DATA_LENGTH + t.INDEX_LENGTH) / 1048576), 0), COALESCE(SUM(t.TABLE_TYPE = 'BASE TABLE'), 0)
    FROM information_schema.SCHEMATA s LEFT JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = s.SCHEMA_NAME
    WHERE s.SCHEMA_NAME NOT IN ($system) GROUP BY s.SCHEMA_NAME ORDER BY 1"
query without_primary_key "SELECT CONCAT(t.TABLE_SCHEMA, '.', t.TABLE_NAME) FROM information_schema.TABLES t
    LEFT JOIN information_schema.TABLE_CONSTRAINTS c
        ON c.TABLE_SCHEMA = t.TABLE_SCHEMA AND c.TABLE_NAME = t.TABLE_NAME AND c.CONSTRAINT_TYPE = 'PRIMARY KEY'
    WHERE t.TABLE_TYPE = 'BASE TABLE' AND t.TABLE_SCHEMA NOT IN ($system) AND c.CONSTRAINT_NAME IS NULL ORDER BY 1"
query engines "SELECT ENGINE, COUNT(*) FROM information_schema.TABLES WHERE TABLE_TYPE = 'BASE TABLE' AND ENGINE IS NOT NULL AND TABLE_SCHEMA NOT IN ($system)
    GROUP BY ENGINE ORDER BY 1"
query privileged "SELECT CONCAT(User, '@', Host) FROM mysql.user WHERE Super_priv = 'Y' ORDER BY 1"
query accounts "SELECT CONCAT(User, '@', Host), plugin FROM mysql.user ORDER BY 1"
query plugins "SELECT PLUGIN_NAME FROM information_schema.PLUGINS WHERE PLUGIN_LIBRARY IS NOT NULL AND PLUGIN_STATUS = 'ACTIVE' ORDER BY 1"
query collations "SELECT 'schema', DEFAULT_COLLATION_NAME, COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN ($system) GROUP BY 2
    UNION ALL SELECT 'table', TABLE_COLLATION, COUNT(*) FROM information_schema.TABLES
        WHERE TABLE_SCHEMA NOT IN ($system) AND TABLE_COLLATION IS NOT NULL GROUP BY 2
    UNION ALL SELECT 'column', COLLATION_NAME, COUNT(*) FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA NOT IN ($system) AND COLLATION_NAME IS NOT NULL GROUP BY 2"
query transactions "SELECT TIMESTAMPDIFF(SECOND, t.trx_started, NOW()), COALESCE(p.COMMAND, ''), COALESCE(CONCAT(p.USER, '@', SUBSTRING_INDEX(p.HOST, ':', 1)), '')
    FROM information_schema.INNODB_TRX t LEFT JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id ORDER BY 1 DESC LIMIT 20"
query sessions "SELECT CONCAT(USER, '@', SUBSTRING_INDEX(HOST, ':', 1)), COUNT(*) FROM information_schema.PROCESSLIST
    WHERE COMMAND NOT IN ('Daemon', 'Binlog Dump') GROUP BY 1 ORDER BY 1"
query objects "SELECT 'event', COUNT(*), COALESCE(SUM(STATUS = 'ENABLED'), 0) FROM information_schema.EVENTS WHERE EVENT_SCHEMA NOT IN ($system)
    UNION ALL SELECT 'routine', COUNT(*), 0 FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA NOT IN ($system)
    UNION ALL SELECT 'trigger', COUNT(*), 0 FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA NOT IN ($system)"
query definers "SELECT DISTINCT d.DEFINER FROM (SELECT DEFINER FROM information_schema.EVENTS WHERE EVENT_SCHEMA NOT IN ($system)
        UNION SELECT DEFINER FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA NOT IN ($system)
        UNION SELECT DEFINER FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA NOT IN ($system)
        UNION SELECT DEFINER FROM information_schema.VIEWS WHERE TABLE_SCHEMA NOT IN ($system)) d
    LEFT JOIN mysql.user u ON d.DEFINER = CONCAT(u.User, '@', u.Host) WHERE u.User IS NULL ORDER BY 1"
query status "SHOW GLOBAL STATUS WHERE Variable_name IN ('Uptime', 'Questions', 'Threads_connected', 'Max_used_connections',
    'Innodb_buffer_pool_reads', 'Innodb_buffer_pool_read_requests', 'Innodb_data_fsyncs', 'Innodb_os_log_fsyncs', 'Slaves_connected', 'Slave_running')"
# Only where the server replicates from, and how; its password is not among the columns that leave the host.
if answer=$(printf 'SHOW SLAVE STATUS\\G' | ask $options 2>/dev/null); then
    block replica
    printf '%s\n' "$answer" |
        sed -n 's/^ *\(Master_Host\|Master_Port\|Using_Gtid\|Slave_IO_Running\|Slave_SQL_Running\): */\1	/p' | plain
else
    unseen 'replica: the server refused to tell whether it replicates'
fi
# MariaDB does not tell the modes of other sessions; MySQL does.
case $("$client" --version) in
    *MariaDB*) ;;
    *) query session_modes "SELECT VARIABLE_VALUE, COUNT(*) FROM performance_schema.variables_by_thread WHERE VARIABLE_NAME = 'sql_mode' GROUP BY 1 ORDER BY 1" ;;
esac
