# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# memcached through its own port on this host. Of its arguments only port, address and socket are looked at, and they stay here.
[ -n "$(running memcached)" ] || absent
talk() { # address, port: asks on the standard input
    if have nc; then nc -w 2 "$1" "$2"
    elif have perl; then perl -MIO::Socket::INET -e 'alarm 4; my $s = IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => $ARGV[1], Timeout => 2) or exit 1;
        print $s $_ while <STDIN>; print while <$s>' "$1" "$2"
    elif have socat; then socat -T 2 - "TCP:$1:$2"
    else return 9
    fi
}
found=
for status in /proc/[0-9]*/comm; do
    read -r name 2>/dev/null < "$status" || continue
    [ "$name" = memcached ] || continue
    arguments=$(tr '\000\n' '\n?' < "${status%comm}cmdline" 2>/dev/null)
    value() { printf '%s\n' "$arguments" | awk -v o="$1" -v l="$2" 'want { print; exit } $0 == o || $0 == l { want = 1; next } index($0, l "=") == 1 { print substr($0, length(l) + 2); exit }
        index($0, o) == 1 && substr($0, 2, 1) != "-" { print substr($0, 3); exit }'; }
    port=$(value -p --port); address=$(value -l --listen); socket=$(value -s --unix-socket)
    [ -z "$socket" ] || { unseen 'a memcached listens on a socket file only'; continue; }
    case $port in '' | *[!0-9]*) port=11211 ;; esac
    address=${address%%,*}
    case $address in '' | 0.0.0.0 | '*' | INADDR_ANY | :: | *[!0-9.]*) address=127.0.0.1 ;; esac
    case " $found " in *" $port "*) continue ;; esac
    found="$found $port"
    answer=$(printf 'stats\r\nstats settings\r\nquit\r\n' | talk "$address" "$port" | tr -d '\r' | head -c 20000)
    case $answer in
        *'STAT version'*)
            block "server $port"
            printf '%s\n' "$answer" | grep -E '^STAT (version|uptime|threads|curr_items|total_items|bytes|limit_maxbytes|cmd_get|cmd_set|get_hits|get_misses|evictions|curr_connections|total_connections|auth_cmds|maxbytes|maxconns|item_size_max|auth_enabled_sasl|cas_enabled|evictions_on|num_threads|inter|udpport) [A-Za-z0-9._:,*-]*$' | plain ;;
        '') unseen "port $port: no answer (refused, it asks for SASL, or there is no nc, perl or socat)" ;;
        *) unseen "port $port: it answered something else" ;;
    esac
done
[ -n "$found" ] || unseen 'it runs, and its arguments cannot be read'
