# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# What every section starts with. Lines that begin with @ are ours; whatever comes from the host is printed by `raw`, behind one blank,
# so that nothing on the host can pass for one of our own lines.
LC_ALL=C
PATH=${PATH:-/usr/bin:/bin}:/usr/sbin:/sbin:/usr/local/sbin:/usr/local/bin
export LC_ALL PATH
umask 077
: "${root=}"    # the tests survey a tree below it; always empty on a host
uid=$(id -u)

# What the driver found to be older than what we write: `sed` that knows -r for -E, `head` without -c.
case ${LOTSE_OLD:-} in *sed*)
    sed() {
        _n=$#
        while [ "$_n" -gt 0 ]; do
            _w=$1; shift
            case $_w in -E) _w=-r ;; -nE) _w=-nr ;; esac
            set -- "$@" "$_w"
            _n=$((_n - 1))
        done
        command sed "$@"
    } ;;
esac
case ${LOTSE_OLD:-} in *head*) head() { if [ "$1" = -c ]; then shift; _n=$1; shift; cat "$@" | dd bs=1 count="$_n" 2>/dev/null; else command head "$@"; fi; } ;; esac

# Says that this section, or a part of it, could not be seen, and why.
unseen() { printf '@unseen '; printf '%s' "$*" | redact | tr '\n' ' '; echo; }
# What we were not allowed to look for is not absent.
hidden=
absent() {
    if [ "$uid" != 0 ] && [ ! -r /proc/1/status ]; then unseen 'not root, and this host hides the processes of other users'
    elif [ -z "$hidden" ]; then echo '@absent'
    fi
    exit 0
}
have() { command -v "$1" >/dev/null 2>&1; }
# Whether a path is there. A folder on the way that does not let us in is told, and then nothing behind it counts as absent.
there() {
    [ -e "$root$1" ] && return 0
    [ "$uid" = 0 ] && return 1
    _up=$1
    while _up=${_up%/*}; [ -n "$_up" ]; do
        [ -d "$root$_up" ] || continue
        [ -x "$root$_up" ] || { hidden=1; unseen "$_up cannot be looked into"; }
        break
    done
    return 1
}
# The same for a folder whose files are to be listed.
listable() {
    there "$1" || return 1
    [ -d "$root$1" ] || return 1
    { [ -r "$root$1" ] && [ -x "$root$1" ]; } || { hidden=1; unseen "$1 cannot be read"; return 1; }
}
# The paths of the running programs of these names. Who is not root sees only the names of others' processes.
# shellcheck disable=SC2012
running() {
    {
        ls -ln /proc/[0-9]*/exe 2>/dev/null | sed -n 's|^.* /proc/[0-9]*/exe -> ||p' | sed 's/ (deleted)$//'
        [ "$uid" = 0 ] || sed -n 's/^Name:[[:space:]]*//p' /proc/[0-9]*/status 2>/dev/null | sort -u | while IFS= read -r _w; do
            command -v "$_w" 2>/dev/null | grep '^/' || printf '/%s\n' "$_w"
        done
    } | grep -E "/($1)\$" | sort -u
}

# Everything from the host goes through here: secrets end on the host. Names and shapes of secrets, not their values, decide.
redact() {
    s='[Pp][Aa][Ss][Ss]|[Pp][Ww][Dd]|[._]pw|[Ss][Ee][Cc][Rr][Ee][Tt]|[Tt][Oo][Kk][Ee][Nn]|[Aa][Pp][Ii][_-]?[Kk][Ee][Yy]|[Aa][Cc][Cc][Ee][Ss][Ss][_-]?[Kk][Ee][Yy]'
    s="$s|[Pp][Rr][Ii][Vv][Aa][Tt][Ee][_-]?[Kk][Ee][Yy]|[Cc][Rr][Ee][Dd][Ee][Nn][Tt][Ii][Aa][Ll]|[Ss][Ss][Tt]_[Aa][Uu][Tt][Hh]"
    q="\"([^\"\\\\]|\\\\.)*\"|'([^'\\\\]|\\\\.)*'"
    b='[^[:space:]"'\'']'
    x='[redacted]'
    sed -E \
        -e '/-----BEGIN [A-Z ]*PRIVATE KEY-----/,/-----END/d' \
        -e "s#(://[^/@:[:space:]\"']*:)$b+@#\\1$x@#g" \
        -e "s#([?&;]|%26)([A-Za-z_]*[Aa][Uu][Tt][Hh](\\[[^]=]*\\]|%5[Bb][^=]*)?=)[^&\"'[:space:]]*#\\1\\2$x#g" \
        -e "s#([Aa][Uu][Tt][Hh][Oo][Rr][Ii][Zz][Aa][Tt][Ii][Oo][Nn][\"']?[[:space:]]*(=>|[:=,])?[[:space:]]*)($q|[^;\"']+)#\\1$x#g" \
        -e "s#([Bb]earer[[:space:]]+)$b+#\\1$x#g" \
        -e "s#^([[:space:];]*[]A-Za-z0-9_.[-]*($s)[]A-Za-z0-9_.[-]*[[:space:]]*[=:])[^>].*\$#\\1 $x#" \
        -e "s#(($s)[A-Za-z0-9_.-]*(\\]|\\\\?[\"'])*[[:space:]]*(=>|[:=]|,)[[:space:]]*)($q|\\\\[\"'][^\"']*|[^[:space:]\"']+)#\\1$x#g" \
        -e "s#([Xx]-[A-Za-z-]*([Kk]ey|[Tt]oken|[Ss]ecret|[Aa]uth)[[:space:]]+)($q|[^[:space:];]+)#\\1$x#g" \
        -e "s#((^|[^A-Za-z])(requirepass|masterauth|primaryauth|[A-Za-z-]*[Pp]assword|passwd|passphrase)[[:space:]]+)($q|[^[:space:];]+)#\\1$x#g" \
        -e "s#([A-Z0-9_]+(PASS|PASSWORD|PASSWD|PWD|SECRET|TOKEN|KEY)[[:space:]]+)($q|[^[:space:];]+)#\\1$x#g" \
        -e "s#(--?[a-z-]*(pass|passwd|pwd|secret|token|api-?key)[[:space:]]+)($q|[^[:space:]]+)#\\1$x#g" \
        -e "s#((mysql|mariadb|mydumper|innobackupex|xtrabackup)[^|;]*[[:space:]]-p)($q|[^[:space:]]+)#\\1$x#g" \
        -e "s#((sshpass[^|;]*[[:space:]]-p|(redis|valkey)-cli[^|;]*[[:space:]]-a)[[:space:]]*)($q|[^[:space:]]+)#\\1$x#g" \
        -e "s#((curl|wget|http|lftp)[^|;]*[[:space:]](-u|--user)[[:space:]=]*[\"']?[^[:space:]:]+:)$b+#\\1$x#g" \
        -e "s#(stats[[:space:]]+auth[[:space:]]+[^[:space:]:]+:)[^[:space:]]+#\\1$x#g" \
        -e "s#(auth-pass[[:space:]]+[^[:space:]]+[[:space:]]+)[^[:space:]]+#\\1$x#g"
}
# What cannot hold a secret (tables of the kernel, names of packages) is only marked as the host's.
plain() { sed 's/^/ /'; echo; }
raw() { tr -d '\000' | redact | sed 's/^/ /'; echo; }
block() { printf '@block %s\n' "$1"; }

# A file's text, at most 256 KiB. Names that hold a line break are left out: they could not be told from two names.
file() {
    case $1 in *"
"*) return 0 ;; esac
    there "$1" || return 0
    [ -f "$root$1" ] || return 0
    [ -r "$root$1" ] || { unseen "$1 cannot be read"; return 0; }
    printf '@file %s\n' "$1"
    head -c 262144 "$root$1" | raw
}

# Of a JSON text on the standard input the values at these paths and no others, as: number of the outermost list's entry, path, value.
# Paths have dots; an entry of a list is #. So `json '#.name|#.pm_cwd'` tells two values of each entry, and none of its variables.
json() {
    head -c 524288 | awk -v wanted="$1" '
        function tell(value) {
            path = ""
            for (d = 1; d <= depth; d++) path = path (d > 1 ? "." : "") (type[d] == "[" ? "#" : key[d])
            if (path in keep) { gsub(/[\t\n\r]/, " ", value); print entry "\t" path "\t" substr(value, 1, 500) }
        }
        BEGIN { count = split(wanted, list, "|"); for (i = 1; i <= count; i++) keep[list[i]]; depth = 0; entry = 0 }
        {
            rest = $0
            while (length(rest) > 0) {
                if (open) {
                    if (match(rest, /^[^"\\]+/)) { text = text substr(rest, 1, RLENGTH); rest = substr(rest, RLENGTH + 1); continue }
                    sign = substr(rest, 1, 1)
                    if (sign == "\\") { text = text substr(rest, 2, 1); rest = substr(rest, 3); continue }
                    open = 0; rest = substr(rest, 2)
                    if (type[depth] == "{" && !after[depth]) key[depth] = text; else tell(text)
                    continue
                }
                if (match(rest, /^[ \t\r]+/)) { rest = substr(rest, RLENGTH + 1); continue }
                sign = substr(rest, 1, 1)
                if (match(rest, /^[-+0-9a-zA-Z.]+/)) { tell(substr(rest, 1, RLENGTH)); rest = substr(rest, RLENGTH + 1); continue }
                rest = substr(rest, 2)
                if (sign == "\"") { open = 1; text = "" }
                else if (sign == "{" || sign == "[") { depth++; type[depth] = sign; after[depth] = 0; key[depth] = ""; if (depth == 1) entry = 0 }
                else if (sign == "}" || sign == "]") { if (depth > 0) depth-- }
                else if (sign == ":") after[depth] = 1
                else if (sign == ",") { after[depth] = 0; if (depth == 1) entry++ }
            }
            if (open) text = text " "
        }'
}
