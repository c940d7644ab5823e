# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# IPv4 addresses, and names of the estate's hosts, that are written into configuration and code. Only file, line number and what was found
# leave the host, never the line.
have awk || { unseen 'there is no awk'; exit 0; }
[ "$(id -u)" = 0 ] || unseen 'not root: files of other users cannot be read'
# A folder that belongs to one application, not a shared one such as /var/www or /home.
own() {
    case $1 in
        / | /srv | /var | /var/www | /var/www/html/.. | /var/lib | /usr | /usr/* | /home | /opt | /etc | /etc/* | /root | /tmp | /bin | /lib | /nonexistent) return 1 ;;
        /proc* | /sys* | /dev* | /run*) return 1 ;;
        /*) [ -d "$root$1" ] ;;
        *) return 1 ;;
    esac
}
folders() {
    cat "$root"/etc/nginx/sites-enabled/* "$root"/etc/nginx/conf.d/*.conf "$root"/etc/nginx/nginx.conf 2>/dev/null |
        sed -n 's/^[[:space:]]*root[[:space:]][[:space:]]*\([^;]*\);.*/\1/p' | tr -d "\"'" | while IFS= read -r path; do
            printf '%s\n%s\n' "$path" "${path%/*}"
        done
    cat "$root"/var/spool/cron/crontabs/* "$root"/var/spool/cron/* "$root"/etc/cron.d/* "$root/etc/crontab" 2>/dev/null | grep -v '^[[:space:]]*#' |
        tr -s '[:space:]' '\n' | grep '^/' | while IFS= read -r path; do [ -f "$root$path" ] && printf '%s\n' "${path%/*}"; done
}
names=$(folders | sed 's|//*$||' | sort -u)
set --
for part in php nginx haproxy mysql redis apache2 httpd supervisor default cron.d cron.hourly cron.daily cron.weekly cron.monthly systemd/system; do
    [ -d "$root/etc/$part" ] && set -- "$@" "$root/etc/$part"
done
for part in crontab my.cnf php.ini environment; do [ -f "$root/etc/$part" ] && set -- "$@" "$root/etc/$part"; done
for part in /var/spool/cron /usr/local/bin /usr/local/sbin /usr/local/lib /usr/local/etc; do [ -d "$root$part" ] && set -- "$@" "$root$part"; done
IFS='
'
set -f
found=
for path in $names; do
    own "$path" || continue
    # A folder below one that is looked through already adds nothing.
    for above in $found; do case $path/ in "$above"/*) continue 2 ;; esac; done
    found="$found$IFS$path"
    set -- "$@" "$root$path"
done
set +f
roots="$*"
look() { # program with its arguments
    set -f
    # shellcheck disable=SC2086
    find $roots \( -name .git -o -name .svn -o -name node_modules -o -name sites-available -o -name '*.dpkg-*' -o -name '*~' \) -prune -o \
        -type f -size -512k \( -path "$root/etc/*" -o -path "$root/var/spool/cron/*" \
        -o -path "$root/usr/local/bin/*" -o -path "$root/usr/local/sbin/*" -o -path "$root/usr/local/etc/*" \
        -o -name '*.php' -o -name '*.inc' -o -name '*.phtml' -o -name '*.js' -o -name '*.mjs' -o -name '*.ts' -o -name '*.json' -o -name '*.yml' -o -name '*.yaml' \
        -o -name '*.ini' -o -name '*.conf' -o -name '*.cnf' -o -name '*.cfg' -o -name '*.toml' -o -name '*.xml' -o -name '*.properties' -o -name '.env*' \
        -o -name '*.sh' -o -name '*.py' -o -name '*.pl' -o -name '*.rb' -o -name '*.sql' \) -exec "$@" {} + 2>/dev/null
    set +f
}
block found
look awk '
    # Comments say nothing about what runs.
    /^[ \t]*(#|;|\/\/)/ { next }
    {
        rest = substr($0, 1, 65536)
        before = ""
        while (match(rest, /[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+/)) {
            address = substr(rest, RSTART, RLENGTH)
            head = before substr(rest, 1, RSTART - 1)
            rest = substr(rest, RSTART + RLENGTH)
            before = address
            if (head ~ /[0-9A-Za-z_.]$/ || rest ~ /^([0-9A-Za-z_]|\.[0-9])/) continue
            if (tolower(head) ~ /(version|release|revision|ver|rev|chrome\/|firefox\/)[^0-9A-Za-z]*$/) continue
            print FILENAME ":" FNR ":" address
        }
    }' | sed "s|^$root/|/|" | head -n 1000 | plain
[ -n "$estate_names" ] || exit 0
block names
look grep -liF "$estate_names" | while IFS= read -r path; do
    awk -v known="$(printf '%s' "$estate_names" | tr '\n' ' ')" '
    BEGIN { count = split(known, list, " "); for (i = 1; i <= count; i++) wanted[list[i]] = 1 }
    /^[ \t]*(#|;|\/\/)/ { next }
    {
        count = split(tolower(substr($0, 1, 65536)), words, /[^a-z0-9.-]+/)
        for (i = 1; i <= count; i++) {
            word = words[i]
            sub(/\.+$/, "", word)
            if (word in wanted) print FILENAME ":" FNR ":" word
        }
    }' "$path" 2>/dev/null
done | sed "s|^$root/|/|" | sort -u | head -n 1000 | plain
