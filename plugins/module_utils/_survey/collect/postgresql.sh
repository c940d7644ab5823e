# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# PostgreSQL through its local sockets, as the account that runs it. Nothing is written: read-only sessions with a short time limit.
# Of passwords only the kind is asked for, and settings that may hold a secret are told by name alone.
servers=$(running 'postgres|postmaster')
[ -n "$servers" ] || absent
psql=
for name in $(printf '%s\n' "$servers" | sed 's|/[^/]*$|/psql|') psql; do have "$name" && { psql=$name; break; }; done
[ -n "$psql" ] || { unseen 'the server runs, and there is no client (psql)'; exit 0; }
places=$(sed -n 's|^.* \(/.*/\.s\.PGSQL\.[0-9]\{1,5\}\)$|\1|p' /proc/net/unix | sort -u)
[ -n "$places" ] || { unseen 'the server runs, and has no local socket here'; exit 0; }
cd / || exit 0
unset PGPASSWORD PGSERVICE PGUSER PGHOSTADDR PGSSLMODE
PGDATABASE=postgres PGCONNECT_TIMEOUT=5 PGAPPNAME=survey PGPASSFILE=/proc/none PGCLIENTENCODING=UTF8
export PGDATABASE PGHOST PGPORT PGCONNECT_TIMEOUT PGAPPNAME PGPASSFILE PGCLIENTENCODING PGUSER
# Statements on the standard input; a name between ~( and ) comes back in one line and one field.
ask() {
    command="'$psql' -XAtqw -F '	' 2>&1"
    sed "s/~(\\([^)]*\\))/translate(\\1::text, E'\\\\n\\\\r\\\\t', '???')/g" | head -c 60000 |
        if [ "$uid" != 0 ] || [ "$owner" = root ]; then sh -c "$command"
        elif have runuser; then runuser -u "$owner" -- sh -c "$command"
        else su -s /bin/sh "$owner" -c "$command"
        fi
}
limits="SET statement_timeout = 8000; SET lock_timeout = 500; SET default_transaction_read_only = on;"
hide="(conninfo|passw|passphrase|secret|token|_key|_command|credential)"
own="n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%' AND n.nspname NOT LIKE 'pg\_temp%'"
for place in $places; do
    PGHOST=${place%/*}; PGPORT=${place##*.}; PGDATABASE=postgres
    # shellcheck disable=SC2012
    owner=$(ls -ld "$place" 2>/dev/null | awk '{ print $3 }')
    case $owner in '' | *[!A-Za-z0-9._-]*) unseen "port $PGPORT: whose socket $place is cannot be told"; continue ;; esac
    PGUSER=$owner
    first=$(printf '%s\n' "SELECT current_setting('server_version_num'), current_setting('server_version'), pg_is_in_recovery();" | ask)
    number=${first%%	*}
    case $number in
        '' | *[!0-9]*) unseen "port $PGPORT: $(printf '%s' "$first" | head -n 1)"; continue ;;
    esac
    [ "$number" -ge 90200 ] || { unseen "port $PGPORT: version $number is older than 9.2, which is the oldest that is read"; continue; }
    since() { [ "$number" -ge "$1" ]; }
    block "server $PGPORT"; printf 'ask server\n%s\t%s\n' "$first" "$PGHOST" | plain
    block "settings $PGPORT"
    printf '%s\n' "\\echo ask settings
SELECT name, CASE WHEN name ~* '$hide' AND name <> 'password_encryption' THEN CASE WHEN setting = '' THEN '' ELSE '[redacted]' END ELSE ~(setting) END, COALESCE(unit, ''), source
    FROM pg_settings WHERE source NOT IN ('default', 'override', 'client', 'session') OR name IN ('wal_level', 'max_connections', 'shared_buffers',
    'max_wal_senders', 'max_replication_slots', 'max_prepared_transactions', 'password_encryption', 'data_checksums', 'fsync', 'synchronous_commit',
    'full_page_writes', 'listen_addresses', 'data_directory', 'TimeZone', 'lc_collate', 'server_encoding', 'shared_preload_libraries',
    'standard_conforming_strings', 'jit', 'work_mem', 'effective_cache_size') ORDER BY 1;
\\echo ask role_settings
SELECT COALESCE(~(r.rolname), ''), COALESCE(~(d.datname), ''), CASE WHEN s.x ~* '^[^=]*$hide' THEN split_part(s.x, '=', 1) || '=[redacted]'
    WHEN split_part(s.x, '=', 1) LIKE '%.%' THEN split_part(s.x, '=', 1) || '=[set]' ELSE ~(s.x) END
    FROM (SELECT setrole, setdatabase, unnest(setconfig) AS x FROM pg_db_role_setting) s LEFT JOIN pg_roles r ON r.oid = s.setrole
    LEFT JOIN pg_database d ON d.oid = s.setdatabase ORDER BY 1, 2, 3 LIMIT 200;" | ask | raw
    block "cluster $PGPORT"
    collation="'', '', '', ''"
    since 150000 && collation="datlocprovider, COALESCE(daticulocale, ''), COALESCE(datcollversion, ''), COALESCE(pg_database_collation_actual_version(oid), '')"
    since 170000 && collation="datlocprovider, COALESCE(datlocale, ''), COALESCE(datcollversion, ''), COALESCE(pg_database_collation_actual_version(oid), '')"
    theirs='pid <> pg_backend_pid()'
    since 100000 && theirs="$theirs AND backend_type = 'client backend'"
    {
        printf '%s\n' "$limits
\\echo ask databases
SELECT ~(datname), pg_database_size(oid), pg_encoding_to_char(encoding), datcollate, datctype, $collation, datallowconn, datistemplate
    FROM pg_database ORDER BY pg_database_size(oid) DESC, 1;
\\echo ask roles
SELECT ~(rolname), rolsuper, rolcanlogin, rolreplication, CASE WHEN rolpassword IS NULL THEN 'none' WHEN rolpassword LIKE 'SCRAM-SHA-256\$%' THEN 'scram-sha-256'
    WHEN rolpassword ~ '^md5[0-9a-f]{32}\$' THEN 'md5' ELSE 'other' END FROM pg_authid WHERE rolname !~ '^pg_' ORDER BY 1 LIMIT 1000;
\\echo ask clients
SELECT COALESCE(~(usename), ''), COALESCE(~(datname), ''), COALESCE(host(client_addr), 'local'), COALESCE(state, ''), count(*),
    COALESCE(max(extract(epoch FROM now() - xact_start))::bigint, 0) FROM pg_stat_activity WHERE $theirs GROUP BY 1, 2, 3, 4
    ORDER BY 6 DESC, 1, 2, 3, 4 LIMIT 300;
\\echo ask prepared
SELECT ~(gid), ~(owner), ~(database), extract(epoch FROM now() - prepared)::bigint FROM pg_prepared_xacts ORDER BY 4 DESC LIMIT 50;
\\echo ask cache
SELECT sum(blks_hit)::bigint, sum(blks_read)::bigint FROM pg_stat_database;
\\echo ask replicas
SELECT ~(application_name), COALESCE(host(client_addr), 'local'), COALESCE(state, ''), COALESCE(sync_state, '') FROM pg_stat_replication ORDER BY 1, 2;"
        since 90400 && printf '%s\n' "\\echo ask slots
SELECT ~(slot_name), COALESCE(~(plugin), ''), slot_type, COALESCE(~(database), ''), active FROM pg_replication_slots ORDER BY 1;"
        since 110000 && printf '%s\n' "\\echo ask upstream
SELECT COALESCE(sender_host, ''), COALESCE(sender_port, 0), COALESCE(status, '') FROM pg_stat_wal_receiver;"
        since 100000 && printf '%s\n' "\\echo ask subscriptions
SELECT ~(s.subname), ~(d.datname), s.subenabled FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid ORDER BY 1;
\\echo ask access
SELECT type, auth_method, count(*) FROM pg_hba_file_rules WHERE auth_method IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2;"
    } | ask | plain
    count=0
    printf '%s\n' "SELECT datname FROM pg_database WHERE datallowconn AND datname NOT LIKE 'template_' AND datname !~ E'[\\n\\r]' ORDER BY pg_database_size(oid) DESC, 1;" | ask |
        while IFS= read -r PGDATABASE; do
            count=$((count + 1))
            [ "$count" -le 40 ] || { unseen "port $PGPORT: more than 40 databases; the largest were looked into"; break; }
            export PGDATABASE
            block "database $PGPORT $(printf '%s' "$PGDATABASE" | tr '\t' '?')"
            versions=
            since 100000 && versions="\\echo ask collations_changed
SELECT ~(collname), collprovider, collversion, pg_collation_actual_version(oid) FROM pg_collation
    WHERE collversion IS NOT NULL AND collversion IS DISTINCT FROM pg_collation_actual_version(oid) ORDER BY 1 LIMIT 50;
\\echo ask publications
SELECT ~(pubname), puballtables FROM pg_publication ORDER BY 1;"
            identity="c.relreplident = 'n' OR (c.relreplident = 'd' AND NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary))"
            since 90400 || identity="NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)"
            oids=
            since 120000 || oids="\\echo ask with_oids
SELECT ~(n.nspname), ~(c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND c.relhasoids AND $own
    ORDER BY 1, 2 LIMIT 200;"
            printf '%s\n' "$limits
\\echo ask counts
SELECT count(CASE WHEN c.relkind = 'r' THEN 1 END), count(CASE WHEN c.relkind = 'S' THEN 1 END), (SELECT count(*) FROM pg_largeobject_metadata),
    (SELECT count(*) FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
        WHERE $own AND EXISTS (SELECT 1 FROM unnest(i.indcollation::oid[]) x WHERE x NOT IN (0, 950, 951)))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE $own;
\\echo ask without_identity
SELECT ~(n.nspname), ~(c.relname), pg_relation_size(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND $own AND ($identity) ORDER BY 3 DESC, 1, 2 LIMIT 200;
\\echo ask unlogged
SELECT ~(n.nspname), ~(c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence = 'u' AND $own ORDER BY 1, 2 LIMIT 200;
\\echo ask extensions
SELECT ~(extname), ~(extversion) FROM pg_extension ORDER BY 1;
\\echo ask removed_types
SELECT ~(n.nspname), ~(c.relname), t.typname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE t.typname IN ('abstime', 'reltime', 'tinterval') AND NOT a.attisdropped AND c.relkind = 'r' AND $own
    ORDER BY 1, 2, 3 LIMIT 100;
\\echo ask foreign
SELECT ~(s.srvname), ~(w.fdwname), COALESCE((SELECT ~(o.option_value) FROM pg_options_to_table(s.srvoptions) o WHERE o.option_name = 'host'), '')
    FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw ORDER BY 1;
$versions
$oids" | ask | plain
        done
done
