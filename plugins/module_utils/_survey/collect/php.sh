# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# PHP per SAPI: every directive as PHP itself reports it, with and without the ini files, and the FPM pools' files.
# A program of a container cannot be started from here.
seen=$(running 'php-fpm[0-9.]*')
fpm=$(printf '%s\n' "$seen" | while IFS= read -r path; do [ -x "$path" ] && printf '%s\n' "$path"; done)
[ -n "$fpm" ] || fpm=$(ls /usr/sbin/php-fpm* 2>/dev/null)
more=$(printf '%s\n' "$fpm" | sed -n '2,5p')
fpm=$(printf '%s\n' "$fpm" | head -n 1)
cli=
have php && cli=php
if [ -z "$fpm$cli" ] && ! there /etc/php; then
    [ -z "$seen" ] || { unseen 'PHP-FPM runs, and its program cannot be started from here'; exit 0; }
    absent
fi
directives() {
    sed -n -E -e 's/^([a-z][A-Za-z0-9_.]*(pw|pass|secret|token|_key)[a-z]*) => .*/\1 => [redacted] => [redacted]/' -e '/^[a-z][A-Za-z0-9_.]* => .* => /p' | raw
}
sapi() { # name program
    block "$1_version"; "$2" -v 2>/dev/null | head -n 1 | raw
    block "$1_extensions"; "$2" -m 2>/dev/null | raw
    block "$1_built_in"; "$2" -n -i 2>/dev/null | directives
    info=$("$2" -i 2>/dev/null)
    block "$1_effective"; printf '%s\n' "$info" | directives
    ini=$(printf '%s\n' "$info" | sed -n 's/^Loaded Configuration File => //p')
    scan=$(printf '%s\n' "$info" | sed -n 's/^Scan this dir for additional .ini files => //p')
    # What somebody set: every line of the added files, and of php.ini what the distribution did not ship.
    shipped=/dev/null
    for path in /usr/lib/php/[0-9]*/php.ini-production; do
        case $ini in "/etc/php/$(basename "${path%/*}")/"*) shipped=$path ;; esac
    done
    [ "$1" = cli ] && [ -f "$shipped.cli" ] && shipped=$shipped.cli
    block "$1_set"
    { grep -vxF -f "$shipped" "$ini"; cat "$scan"/*.ini; } 2>/dev/null | sed -n 's/^[[:space:]]*\([a-z][A-Za-z0-9_.]*\)[[:space:]]*=.*/\1/p' | sort -u | plain
}
[ -z "$fpm" ] || sapi fpm "$fpm"
[ -z "$cli" ] || sapi cli "$cli"
number=2
for program in $more; do sapi "fpm$number" "$program"; number=$((number + 1)); done
# PHP inside of Apache, as the command line reports it with Apache's own ini files.
for home in /etc/php/[0-9]*/apache2; do
    [ -f "$home/php.ini" ] || continue
    version=${home%/apache2}; version=${version##*/}
    [ -n "$(running 'apache2|httpd')" ] && have "php$version" || continue
    ls /etc/apache2/mods-enabled/php*.load >/dev/null 2>&1 || continue
    apache() { PHP_INI_SCAN_DIR=$home/conf.d "php$version" -c "$home/php.ini" "$@"; }
    sapi apache apache
    break
done
pool_files() {
    grep -ah 'php-fpm: master process (' /proc/[0-9]*/cmdline 2>/dev/null | tr '\000' '\n' | sed -n 's/.*master process (\([^)]*\)).*/\1/p'
    printf '%s\n' "$root"/etc/php/*/fpm/php-fpm.conf "$root/etc/php-fpm.conf" | sed "s|^$root/|/|"
}
mains=$(pool_files | while IFS= read -r path; do [ -f "$root$path" ] && printf '%s\n' "$path"; done | awk '!seen[$0]++')
# Without a running master the first version that is installed.
grep -aqs 'php-fpm: master process (' /proc/[0-9]*/cmdline || mains=$(printf '%s\n' "$mains" | head -n 1)
[ -n "$mains" ] || exit 0
paths() {
    printf '%s\n' "$mains" | head -n 5 | while IFS= read -r main; do
        printf '%s\n' "$main"
        sed -n 's/^[[:space:]]*include[[:space:]]*=[[:space:]]*//p' "$root$main" | tr -d '"' | while IFS= read -r pattern; do
            # shellcheck disable=SC2086
            for path in "$root"$pattern; do printf '%s\n' "${path#"$root"}"; done
        done
    done
}
paths | while IFS= read -r path; do file "$path"; done
# The pools' own status pages, where people opened them and the host has a client for FastCGI.
have cgi-fcgi && [ -z "$root" ] || exit 0
block status
paths | tr '\n' '\000' | xargs -0 awk '
    /^[ \t]*\[/ { listen = "" }
    /^[ \t]*listen[ \t]*=/ { sub(/^[^=]*=[ \t]*/, ""); listen = $0 }
    /^[ \t]*pm\.status_path[ \t]*=/ { sub(/^[^=]*=[ \t]*/, ""); if (listen != "") print listen "\t" $0 }' 2>/dev/null | head -n 10 |
    while IFS='	' read -r listen path; do
        case $listen in /* | *:*) ;; *) listen=127.0.0.1:$listen ;; esac
        SCRIPT_NAME=$path SCRIPT_FILENAME=$path REQUEST_METHOD=GET QUERY_STRING='' cgi-fcgi -bind -connect "$listen" 2>/dev/null
        echo
    done | grep -E '^[a-z ]+:' | raw
