#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Dumps every database in one snapshot, loads the dump into a scratch server without a network, compares every table's checksum.
set -eu
scratch=$1
mkdir -p "$(dirname "$scratch")"
umask 077
rm -rf "$scratch"
mkdir -p "$scratch/data"
server=""
finish() {
    [ -z "$server" ] || { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }
    rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM
fail() { printf '%s\n' "$*" >&2; exit 1; }

own="'mysql','sys','information_schema','performance_schema','lotse'"
databases=$(mariadb -N -e "SELECT schema_name FROM information_schema.schemata WHERE schema_name NOT IN ($own)")
[ -n "$databases" ] || fail "there is no database to restore"
# shellcheck disable=SC2086
mariadb-dump --single-transaction --master-data=2 --routines --triggers --events --databases $databases > "$scratch/dump.sql"
start=$(sed -n "s/^-- CHANGE MASTER TO MASTER_LOG_FILE='\([^']*\)', MASTER_LOG_POS=\([0-9]*\);.*/\1 \2/p" "$scratch/dump.sql" | head -n 1)
[ -n "$start" ] || fail "the dump names no position: is the binary log on?"

chown -R mysql: "$scratch"
mariadb-install-db --no-defaults --auth-root-authentication-method=socket --user=mysql --skip-test-db --datadir="$scratch/data" >/dev/null 2>&1 \
    || fail "no scratch server could be made"
mariadbd --no-defaults --user=mysql --datadir="$scratch/data" --socket="$scratch/socket" --pid-file="$scratch/pid" --skip-networking \
    --innodb-buffer-pool-size=64M --innodb-flush-log-at-trx-commit=0 >"$scratch/log" 2>&1 &
server=$!
copy() { mariadb --no-defaults --user=root --socket="$scratch/socket" -N "$@"; }
tries=0
until copy -e 'SELECT 1' >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 150 ] || fail "the scratch server did not start: $(tail -n 3 "$scratch/log")"
    sleep 0.2
done
copy < "$scratch/dump.sql"

tables=$(copy -e "SELECT CONCAT('\`', table_schema, '\`.\`', table_name, '\`') FROM information_schema.tables
    WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ($own) ORDER BY 1" | paste -sd, -)
[ -n "$tables" ] || fail "the restored server has no table"

# The source is read in one snapshot; the copy is brought to exactly that transaction with the binary log, as in a real recovery.
mariadb -N -e "START TRANSACTION WITH CONSISTENT SNAPSHOT;
    SELECT LOWER(variable_name), variable_value FROM information_schema.session_status WHERE variable_name LIKE 'BINLOG_SNAPSHOT_%';
    CHECKSUM TABLE $tables" > "$scratch/snapshot"
stop_file=$(awk '$1 == "binlog_snapshot_file" { print $2 }' "$scratch/snapshot")
stop_position=$(awk '$1 == "binlog_snapshot_position" { print $2 }' "$scratch/snapshot")
grep -v '^binlog_snapshot_' "$scratch/snapshot" > "$scratch/source"
logs=$(mariadb -N -e 'SHOW BINARY LOGS' | awk -v from="${start% *}" -v to="$stop_file" '$1 == from { on = 1 } on { print $1 } $1 == to { exit }')
folder=$(dirname "$(mariadb -N -e 'SELECT @@log_bin_basename')")
# shellcheck disable=SC2086
(cd "$folder" && mariadb-binlog --start-position="${start#* }" --stop-position="$stop_position" $logs) > "$scratch/log.sql"
copy < "$scratch/log.sql"

copy -e "CHECKSUM TABLE $tables" > "$scratch/restored"
cmp -s "$scratch/source" "$scratch/restored" || fail "checksums differ after the restore: $(diff "$scratch/source" "$scratch/restored" | tr '\n\t' '; ')"
awk '$2 != 0 && $2 != "NULL" { seen = 1 } END { exit !seen }' "$scratch/restored" || fail "every restored table is empty"
printf '%s tables equal after a restore from a dump and the binary log up to %s:%s\n' "$(wc -l < "$scratch/restored")" "$stop_file" "$stop_position"
