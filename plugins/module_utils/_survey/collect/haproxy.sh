# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# HAProxy's configuration files: those that the running process was started with, else the usual one.
exe=$(running haproxy | head -n 1)
files=$(
    for link in /proc/[0-9]*/exe; do
        case $(readlink "$link" 2>/dev/null) in (*/haproxy) tr '\000' '\n' < "${link%/exe}/cmdline" ;; esac
    done 2>/dev/null | sed -n '/^-f$/{n;p;}' | sort -u
)
[ -n "$files" ] || files=/etc/haproxy/haproxy.cfg
if ! there /etc/haproxy/haproxy.cfg && [ -z "$exe" ]; then absent; fi
block version; "${exe:-haproxy}" -v 2>&1 | head -n 1 | raw
# The key that cookies of servers are made of is a secret, too.
no_keys() { sed -E 's/(dynamic-cookie-key[[:space:]]+).*/\1[redacted]/'; }
printf '%s\n' "$files" | while IFS= read -r path; do
    if [ -d "$root$path" ]; then
        for part in "$root$path"/*.cfg; do file "${part#"$root"}"; done
    else
        file "$path"
    fi
done | no_keys
