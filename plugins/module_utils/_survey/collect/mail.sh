# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Who sends mail, over whom, and what waits. Of logs and queues only counts, relays and the senders' domains leave the host.
mta=
if have postconf; then mta=postfix
elif have exim4 || have exim; then mta=exim
elif [ -x /usr/sbin/smtpd ] && [ -d "$root/etc/mail" ] && have smtpctl; then mta=opensmtpd
elif [ -x /usr/sbin/sendmail ] && [ -f "$root/etc/mail/sendmail.cf" ]; then mta=sendmail
elif [ -d "$root/etc/nullmailer" ]; then mta=nullmailer
elif [ -f "$root/etc/msmtprc" ]; then mta=msmtp
elif [ -f "$root/etc/ssmtp/ssmtp.conf" ]; then mta=ssmtp
elif [ -f "$root/etc/dma/dma.conf" ]; then mta=dma
elif [ -d "$root/var/qmail/control" ]; then mta=qmail
elif [ -e /usr/sbin/sendmail ] || [ -n "$(running 'exim4?|sendmail.*|smtpd|nullmailer-send|qmail-send|dma')" ]; then mta=unknown
else absent
fi
block mta; echo "$mta" | plain
block running; running 'master|exim4?|sendmail.*|smtpd|nullmailer-send|qmail-send|dma' | plain
block signing; { running 'opendkim|rspamd|dkimproxy.*|amavisd.*'; have rspamd && echo rspamd; } | sed 's|.*/||' | sort -u | plain
some() { [ -f "$root$1" ] && { [ -r "$root$1" ] || { unseen "$1 cannot be read"; return 0; }; printf '@file %s\n' "$1"; head -c 65536 "$root$1" | grep -E "$2" | raw; }; }
case $mta in
    postfix)
        some /etc/postfix/main.cf '^(relayhost|inet_interfaces|myhostname|myorigin|mydestination|mynetworks|smtp_bind_address|transport_maps|sender_dependent_relayhost_maps|smtp_sasl_auth_enable)[[:space:]]*='
        for queue in active deferred hold incoming maildrop; do
            [ -r "$root/var/spool/postfix/$queue" ] && printf '%s %s\n' "$queue" "$(find "$root/var/spool/postfix/$queue" -type f 2>/dev/null | head -n 100000 | wc -l)"
        done | { echo '@block queue'; plain; } ;;
    exim)
        some /etc/exim4/update-exim4.conf.conf '^dc_'
        some /etc/exim/exim.conf '^[[:space:]]*(route_list|primary_hostname|local_interfaces|interface)[[:space:]]*='
        for spool in /var/spool/exim4 /var/spool/exim; do
            [ -r "$root$spool/input" ] && printf 'input %s\n' "$(find "$root$spool/input" -name '*-H' 2>/dev/null | head -n 100000 | wc -l)"
        done | { echo '@block queue'; plain; } ;;
    sendmail)
        some /etc/mail/sendmail.cf '^(DS|Dj|O DaemonPortOptions)'
        [ -r "$root/var/spool/mqueue" ] && { echo '@block queue'; printf 'mqueue %s\n' "$(find "$root/var/spool/mqueue" -name 'qf*' 2>/dev/null | head -n 100000 | wc -l)" | plain; } ;;
    opensmtpd) some /etc/mail/smtpd.conf '^[[:space:]]*(listen|action|relay)'; some /etc/smtpd.conf '^[[:space:]]*(listen|action|relay)' ;;
    nullmailer)
        some /etc/nullmailer/remotes '.'
        [ -r "$root/var/spool/nullmailer/queue" ] && { echo '@block queue'; printf 'queue %s\n' "$(find "$root/var/spool/nullmailer/queue" -type f 2>/dev/null | head -n 100000 | wc -l)" | plain; } ;;
    msmtp) some /etc/msmtprc '^[[:space:]]*(account|host|port|from|domain)[[:space:]]' ;;
    ssmtp) some /etc/ssmtp/ssmtp.conf '^[[:space:]]*(mailhub|rewriteDomain|hostname|FromLineOverride)[[:space:]]*=' ;;
    dma) some /etc/dma/dma.conf '^[[:space:]]*(SMARTHOST|PORT|MASQUERADE|MAILNAME)[[:space:]]' ;;
    qmail) some /var/qmail/control/smtproutes '.' ;;
esac
some /etc/mailname '.'
[ "$(id -u)" = 0 ] || unseen 'not root: queue and log may be incomplete'
for log in /var/log/mail.log /var/log/maillog /var/log/exim4/mainlog /var/log/exim/main.log /var/log/mail.info; do
    [ -r "$root$log" ] || continue
    printf '@block log\n'
    tail -c 4000000 "$root$log" | awk '
        / status=sent / || / => / || / stat=Sent/ { sent++
            if (match($0, /relay=[^ ,\[]+/)) relay[substr($0, RSTART + 6, RLENGTH - 6)]++
            else if (match($0, / H=[^ ]+/)) relay[substr($0, RSTART + 3, RLENGTH - 3)]++ }
        / status=(deferred|bounced) / || / == / || / \*\* / { failed++ }
        / from=<[^>@]*@[^>]*>/ { match($0, / from=<[^>@]*@[^>]*>/); part = substr($0, RSTART, RLENGTH); sub(/.*@/, "", part); sub(/>.*/, "", part); from[tolower(part)]++ }
        / <= [^ @]+@[^ ]+/ { match($0, / <= [^ @]+@[^ ]+/); part = substr($0, RSTART, RLENGTH); sub(/.*@/, "", part); from[tolower(part)]++ }
        END { print "sent", sent + 0; print "failed", failed + 0; for (name in relay) print "relay", relay[name], name; for (name in from) print "from", from[name], name }
    ' | sort | head -n 300 | raw
    break
done
