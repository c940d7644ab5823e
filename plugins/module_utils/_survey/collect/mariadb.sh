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
