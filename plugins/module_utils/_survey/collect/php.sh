# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# PHP per SAPI: every directive as PHP itself reports it, with and without the ini files, and the FPM pools' files.
fpm=$(running 'php-fpm[0-9.]*')
[ -n "$fpm" ] || fpm=$(ls /usr/sbin/php-fpm* 2>/dev/null)
more=$(printf '%s\n' "$fpm" | sed -n '2,$p' | tr '\n' ' ')
fpm=$(printf '%s\n' "$fpm" | head -n 1)
cli=
have php && cli=php
if [ -z "$fpm$cli" ] && [ ! -d "$root/etc/php" ]; then absent; fi
[ -z "$more" ] || unseen "several PHP-FPM versions: only $fpm was read, not $more"
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
pool_files() {
    grep -ah 'php-fpm: master process (' /proc/[0-9]*/cmdline 2>/dev/null | tr '\000' '\n' | sed -n 's/.*master process (\([^)]*\)).*/\1/p'
    printf '%s\n' "$root"/etc/php/*/fpm/php-fpm.conf "$root/etc/php-fpm.conf" | sed "s|^$root/|/|"
}
main=$(pool_files | while IFS= read -r path; do [ -f "$root$path" ] && { printf '%s\n' "$path"; break; }; done)
[ -n "$main" ] || exit 0
file "$main"
sed -n 's/^[[:space:]]*include[[:space:]]*=[[:space:]]*//p' "$root$main" | tr -d '"' | while IFS= read -r pattern; do
    # shellcheck disable=SC2086
    for path in "$root"$pattern; do file "${path#"$root"}"; done
done
