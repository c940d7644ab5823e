# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Which package owns each program that runs or that a unit starts.
[ "$uid" = 0 ] || unseen 'not root: programs of other users cannot be seen'
newline='
'
paths=$({
    running '[^/]*'
    if have systemctl && [ -d /run/systemd/system ]; then
        systemctl show --no-pager -p ExecStart '*.service' 2>/dev/null | sed -n 's/^ExecStart={ *path=\([^ ;]*\) .*/\1/p'
    fi
} | sed 's/ (deleted)$//' | grep '^/' | sort -u)
IFS=$newline
set -f
block paths
for path in $paths; do [ -e "$path" ] && printf '%s\n' "$path"; done | plain
# On a system with /bin -> usr/bin a package may list either name of the same file.
if [ -L /bin ]; then
    echo '@merged'
    paths=$paths$newline$(printf '%s\n' "$paths" | sed -n -e 's|^/usr\(/s*bin/.*\)|\1|p' -e 's|^/usr\(/lib.*\)|\1|p' -e 's|^\(/s*bin/.*\)|/usr\1|p' -e 's|^\(/lib.*\)|/usr\1|p')
fi
if have dpkg; then
    echo '@manager dpkg'
    # shellcheck disable=SC2086
    owners=$(dpkg -S $paths 2>/dev/null | grep -v '^diversion by ')
    block owners; printf '%s\n' "$owners" | plain
    names=$(printf '%s\n' "$owners" | sed -n 's|: /.*||p' | tr ',' '\n' | tr -d ' ' | sort -u)
    block versions
    # shellcheck disable=SC2086,SC2016
    dpkg-query -W -f '${Package}\t${Version}\n' $names 2>/dev/null | sort -u | plain
elif have rpm; then
    echo '@manager rpm'
    block owners
    for path in $paths; do
        name=$(rpm -qf --qf '%{NAME}\n' "$path" 2>/dev/null) && printf '%s: %s\n' "${name%%"$newline"*}" "$path"
    done | plain
    block versions; rpm -qa --qf '%{NAME}\t%{VERSION}\n' 2>/dev/null | sort -u | plain
elif have apk; then
    echo '@manager apk'
    # shellcheck disable=SC2086
    block apk; apk info --who-owns $paths 2>/dev/null | plain
else
    unseen 'there is neither dpkg nor rpm nor apk'
fi
