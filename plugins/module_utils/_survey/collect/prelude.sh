# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# What every section starts with. Lines that begin with @ are ours; whatever comes from the host is printed by `raw`, behind one blank,
# so that nothing on the host can pass for one of our own lines.
LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin:/usr/local/bin
export LC_ALL PATH
umask 077
: "${root=}"    # the tests survey a tree below it; always empty on a host

# Says that this section, or a part of it, could not be seen, and why.
unseen() { printf '@unseen '; printf '%s' "$*" | redact | tr '\n' ' '; echo; }
absent() { echo '@absent'; exit 0; }
have() { command -v "$1" >/dev/null 2>&1; }
# The paths of the running programs of these names.
# shellcheck disable=SC2012
running() { ls -ln /proc/[0-9]*/exe 2>/dev/null | sed -n 's|^.* /proc/[0-9]*/exe -> ||p' | sed 's/ (deleted)$//' | grep -E "/($1)\$" | sort -u; }

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
    [ -f "$root$1" ] || return 0
    [ -r "$root$1" ] || { unseen "$1 cannot be read"; return 0; }
    printf '@file %s\n' "$1"
    head -c 262144 "$root$1" | raw
}
