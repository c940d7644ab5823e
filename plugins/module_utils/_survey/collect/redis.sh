# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Redis or Valkey through its own client. Its password, if it has one, is read from its configuration on the host and stays there.
servers=$(running 'redis-server|valkey-server|redis-check-rdb')
[ -n "$servers" ] || absent
client=
for name in redis-cli valkey-cli; do have "$name" && { client=$name; break; }; done
[ -n "$client" ] || { unseen 'the server runs, and there is no client (redis-cli or valkey-cli)'; exit 0; }
setting() { sed -n "s/^[[:space:]]*$1[[:space:]][[:space:]]*//p" /etc/redis/*.conf /etc/redis.conf /etc/valkey/*.conf 2>/dev/null | tail -n 1 | tr -d '"'; }
port=$(setting port)
REDISCLI_AUTH=$(setting requirepass)
if [ -n "$REDISCLI_AUTH" ]; then export REDISCLI_AUTH; else unset REDISCLI_AUTH; fi
place=
for address in 127.0.0.1 $(setting bind | sed 's/[-*:]\{1,\}//g'); do
    why=$("$client" -h "$address" -p "${port:-6379}" PING 2>&1)
    [ "$why" = PONG ] && { place=$address; break; }
done
[ -n "$place" ] || { unseen "the server did not answer: $why"; exit 0; }
ask() { "$client" -h "$place" -p "${port:-6379}" "$@" 2>&1 | tr -d '\r'; }
block info; for part in server memory persistence stats replication keyspace modules; do ask INFO $part; done | raw
config=$(ask CONFIG GET '*')
case $config in
    ERR* | NOPERM* | NOAUTH* | '') unseen "CONFIG GET was refused: ${config%% *}" ;;
    *)
        block config
        printf '%s\n' "$config" | while IFS= read -r name && IFS= read -r value; do
            case $name in
                requirepass) [ -z "$value" ] || echo '@password'; continue ;;
                *pass | *auth | *user | *secret*) continue ;;
            esac
            printf ' %s\t' "$name"
            printf '%s\n' "$value" | redact
        done
        echo
        ;;
esac
count=0
for link in /proc/[0-9]*/exe; do
    case $(readlink "$link" 2>/dev/null) in */redis-server | */valkey-server | */redis-check-rdb) count=$((count + 1)) ;; esac
done
[ "$count" -le 1 ] || unseen "several servers run: only the one on port ${port:-6379} was read"
