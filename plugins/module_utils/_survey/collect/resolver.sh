# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# How names become addresses: files, order, caches. Names that configuration uses are asked for with getent, at most 50, each at most 2 s;
# nothing else is resolved. Only file, line and name leave the host, never the line.
file /etc/resolv.conf
file /etc/hosts
block target; readlink "$root/etc/resolv.conf" | plain
block order; sed -n 's/^[[:space:]]*hosts:[[:space:]]*//p' "$root/etc/nsswitch.conf" 2>/dev/null | head -n 1 | plain
block daemons
running 'systemd-resolved|nscd|dnsmasq|unbound|named|pdns_recursor|kresd|avahi-daemon|sssd|nslcd' | plain
have awk || { unseen 'there is no awk: names in configuration were not looked for'; exit 0; }
known=$(awk '!/^[ \t]*#/ { for (i = 2; i <= NF && $i !~ /^#/; i++) if ($i !~ /^(localhost|ip6-|broadcasthost)/ && $i ~ /^[A-Za-z0-9][A-Za-z0-9._-]*$/ && length($i) > 1) print $i }' "$root/etc/hosts" 2>/dev/null | sort -u | head -n 200)
used=$({
    find "$root"/etc/nginx "$root"/etc/apache2 "$root"/etc/httpd "$root"/etc/haproxy "$root"/etc/php "$root"/etc/php.ini "$root"/etc/php.d "$root"/etc/php-fpm.d \
        "$root"/etc/mysql "$root"/etc/my.cnf "$root"/etc/redis "$root"/etc/postfix/main.cf "$root"/etc/default "$root"/etc/environment "$root"/etc/systemd/system \
        "$root"/etc/supervisor "$root"/etc/crontab "$root"/etc/cron.d "$root"/var/spool/cron "$root"/etc/fstab "$root"/etc/rsyslog.conf "$root"/etc/rsyslog.d \
        "$root"/etc/msmtprc "$root"/etc/ssmtp "$root"/etc/nullmailer/remotes "$root"/etc/exim4/update-exim4.conf.conf "$root"/usr/local/bin "$root"/usr/local/sbin \
        "$root"/usr/local/etc -name sites-available -prune -o -type f -size -256k ! -name '*.txt' ! -name '*.md' -print
    # Applications: their configuration, not all of their code.
    find "$root"/srv "$root"/var/www "$root"/opt -xdev -maxdepth 6 \( -name .git -o -name node_modules -o -name vendor -o -name cache -o -name uploads \) -prune -o \
        -type f -size -128k \( -name '.env*' -o -name '*conf*.php' -o -name '*settings*.php' -o -name '*conf*.js*' -o -name '*.y*ml' -o -name '*.ini' -o -name '*.conf' \
            -o -name '*.toml' -o -name '*.properties' -o -name '*conf*.xml' \) -print | head -n 3000
} 2>/dev/null | tr '\n' '\000' | xargs -0 awk -v names="$(echo $known)" '
    BEGIN { n = split(names, all, " "); for (i = 1; i <= n; i++) listed[tolower(all[i])] = 1 }
    /^[ \t]*(#|;|\/\/|\*)/ { next }
    {
        line = tolower(substr($0, 1, 4096))
        m = split(line, words, /[^a-z0-9._-]+/)
        for (i = 1; i <= m; i++) { word = words[i]; gsub(/^[.-]+|[.-]+$/, "", word); if (word in listed && (length(word) > 3 || line ~ "(//|@|host[^a-z0-9]*)" word "([^a-z0-9_.-]|$)" || line ~ "(^|[^a-z0-9_.-])" word ":[0-9]")) print FILENAME "\t" FNR "\t" word }
        rest = line
        while (match(rest, /(:\/\/([a-z0-9._-]+(:[^@\/ ]*)?@)?|(host|hostname|server|relayhost|mailhub|smarthost)["\047]?[ \t]*(=>|=|:)[ \t]*["\047]?\[?|host=)[a-z][a-z0-9.-]*[a-z0-9]/)) {
            word = substr(rest, RSTART, RLENGTH); rest = substr(rest, RSTART + RLENGTH)
            sub(/^.*[^a-z0-9.-]/, "", word)
            if (word ~ /\./ && word !~ /\.(php|sock|so|html?|xml|js|conf|log|invalid|service)$/ && word !~ /^(www\.w3\.org|example\.(com|org|net))$/) print FILENAME "\t" FNR "\t" word
        }
    }' 2>/dev/null | sed "s|^$root/|/|" | sort -u | head -n 1000)
block used
printf '%s\n' "$used" | plain
[ -z "$root" ] && have getent || exit 0
have timeout && limit='timeout 2' || limit=
# Only glibc's getent can pass the hosts file by; another answer to "does DNS know it" would be a guess.
dns=no
getent --version 2>/dev/null | grep -qiE 'glibc|gnu libc' && dns=yes
[ $dns = yes ] || unseen 'the C library does not tell what DNS alone knows'
slow=0
block answers
for name in $(printf '%s\n' "$used" | cut -f3 | sort | uniq -c | sort -rn | awk 'NF > 1 { print $2 }' | head -n 50); do
    printf '%s\tall\t%s\n' "$name" "$($limit getent ahosts "$name" 2>/dev/null | cut -d' ' -f1 | sort -u | tr '\n' ' ')"
    [ $dns = yes ] || continue
    found=$($limit getent -s hosts:dns ahosts "$name" 2>/dev/null); status=$?
    if [ $status = 124 ] || [ $status = 143 ] || [ $status = 1 ]; then
        slow=$((slow + 1))
        [ $slow -ge 3 ] && dns=no
        continue
    fi
    slow=0
    printf '%s\tdns\t%s\n' "$name" "$(printf '%s\n' "$found" | cut -d' ' -f1 | sort -u | tr '\n' ' ')"
done | plain
