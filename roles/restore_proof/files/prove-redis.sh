#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Saves a snapshot, loads it into a scratch server without a network, and looks for every lasting key in it.
set -eu
scratch=$1
mkdir -p "$(dirname "$scratch")"
umask 077
rm -rf "$scratch"
mkdir -p "$scratch"
server=""
finish() {
    [ -z "$server" ] || { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }
    rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM
fail() { printf '%s\n' "$*" >&2; exit 1; }
lasting="local found = {} local cursor = '0' repeat local page = redis.call('SCAN', cursor, 'COUNT', 1000) cursor = page[1]
    for _, key in ipairs(page[2]) do if redis.call('TTL', key) == -1 then found[#found + 1] = key end end until cursor == '0'
    table.sort(found) return found"

valkey-cli EVAL "$lasting" 0 > "$scratch/before"
[ -s "$scratch/before" ] || fail "there is no lasting key to restore"
saved=$(valkey-cli LASTSAVE)
valkey-cli BGSAVE SCHEDULE >/dev/null
tries=0
until [ "$(valkey-cli LASTSAVE)" -gt "$saved" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || fail "no snapshot was saved within 60 s"
    sleep 0.2
done
cp "$(valkey-cli CONFIG GET dir | tail -n 1)/$(valkey-cli CONFIG GET dbfilename | tail -n 1)" "$scratch/copy.rdb"
valkey-server --port 0 --unixsocket "$scratch/socket" --dir "$scratch" --dbfilename copy.rdb --save '' --daemonize no >"$scratch/log" 2>&1 &
server=$!
tries=0
until [ "$(valkey-cli -s "$scratch/socket" PING 2>/dev/null)" = PONG ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 150 ] || fail "the scratch server did not start: $(tail -n 3 "$scratch/log")"
    sleep 0.2
done
valkey-cli -s "$scratch/socket" EVAL "$lasting" 0 > "$scratch/after"
gone=$(LC_ALL=C sort "$scratch/before" > "$scratch/b"; LC_ALL=C sort "$scratch/after" > "$scratch/a"; LC_ALL=C comm -23 "$scratch/b" "$scratch/a" | wc -l)
[ "$gone" -eq 0 ] || fail "$gone of $(wc -l < "$scratch/before") lasting keys are not in the restored server"
printf 'all %s lasting keys are in a server restored from a snapshot\n' "$(wc -l < "$scratch/before")"
