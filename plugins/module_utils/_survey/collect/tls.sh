# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Certificates that configurations name. Of each file only the certificates' names, dates and kinds of key leave the host; what is between
# other marks (a private key in the same file) is not read further than its first line.
have awk || { unseen 'there is no awk'; exit 0; }
words() { # a keyword's argument in these files, whatever their syntax: NAME value; NAME = value; NAME: value
    expression=$1; shift
    for path in "$@"; do [ -f "$path" ] && [ -r "$path" ] && printf '%s\n' "$path"; done | tr '\n' '\000' |
        xargs -0 grep -HiE "(^|[[:space:];{])($expression)[[:space:]=:]" /dev/null 2>/dev/null | grep -vE '^[^:]*:[[:space:]]*[#;]' |
        sed -E "s#^([^:]+):(.*[[:space:];{])?($expression)[[:space:]=:]+[\"'<]?([^\"';[:space:]]+).*#\\1	\\4#I"
}
listing() {
    find -L "$root/etc/nginx" "$root/usr/local/nginx/conf" -type f \( -name '*.conf' -o -path '*/sites-enabled/*' \) ! -path '*/sites-available/*' 2>/dev/null | head -n 1000
}
named() { # purpose TAB file that names it TAB path
    for home in nginx; do
        set -- ; IFS='
'
        # shellcheck disable=SC2046
        set -- $(listing); unset IFS
        words 'ssl_certificate' "$@" | sed "s/^/server	/"
        words 'ssl_client_certificate|ssl_trusted_certificate|proxy_ssl_trusted_certificate' "$@" | sed "s/^/ca	/"
        words 'proxy_ssl_certificate' "$@" | sed "s/^/client	/"
    done
    set -- "$root"/etc/apache2/*.conf "$root"/etc/apache2/sites-enabled/* "$root"/etc/apache2/conf-enabled/* "$root"/etc/apache2/mods-enabled/*.conf \
        "$root"/etc/httpd/conf/*.conf "$root"/etc/httpd/conf.d/*.conf
    words 'SSLCertificateFile|SSLCertificateChainFile' "$@" | sed "s/^/server	/"
    words 'SSLCACertificateFile|SSLProxyCACertificateFile' "$@" | sed "s/^/ca	/"
    set -- "$root"/etc/mysql/my.cnf "$root"/etc/my.cnf "$root"/etc/mysql/*.d/*.cnf "$root"/etc/mysql/*/*.cnf "$root"/etc/my.cnf.d/*.cnf
    words 'ssl[-_]cert' "$@" | sed "s/^/server	/"
    words 'ssl[-_]ca' "$@" | sed "s/^/ca	/"
    set -- "$root"/etc/postgresql/*/*/postgresql.conf "$root"/var/lib/pgsql/data/postgresql.conf "$root"/etc/dovecot/dovecot.conf "$root"/etc/dovecot/conf.d/*.conf \
        "$root"/etc/postfix/main.cf "$root"/etc/redis/*.conf "$root"/etc/redis.conf "$root"/etc/ldap/ldap.conf "$root"/etc/rabbitmq/rabbitmq.conf
    words 'ssl_cert_file|ssl_cert|smtpd_tls_cert_file|smtpd_tls_chain_files|tls-cert-file|ssl_options.certfile' "$@" | sed "s/^/server	/"
    words 'smtp_tls_cert_file' "$@" | sed "s/^/client	/"
    words 'ssl_ca_file|smtpd_tls_CAfile|smtp_tls_CAfile|tls-ca-cert-file|TLS_CACERT|ssl_options.cacertfile' "$@" | sed "s/^/ca	/"
    for path in "$root"/etc/haproxy/*.cfg "$root"/etc/haproxy/conf.d/*.cfg; do
        [ -r "$path" ] || continue
        awk -v file="$path" '
            $1 == "crt-base" { certificates = $2 "/" }
            $1 == "ca-base" { authorities = $2 "/" }
            $1 == "bind" || $1 == "server" || $1 == "default-server" {
                for (i = 2; i < NF; i++) {
                    base = ""
                    if ($i == "crt") { if ($(i + 1) !~ /^\//) base = certificates; print ($1 == "bind" ? "server" : "client") "\t" file "\t" base $(i + 1) }
                    if ($i == "ca-file") { if ($(i + 1) !~ /^[\/@]/) base = authorities; print "ca\t" file "\t" base $(i + 1) }
                }
            }' "$path"
    done
    for path in "$root"/etc/ssl/local/*.pem "$root"/etc/ssl/local/*.crt; do [ -f "$path" ] && printf 'server\t%s\t%s\n' "$path" "${path#"$root"}"; done
}
list=$(named | awk -F '	' -v root="$root" 'length(root) && index($2, root) == 1 { $2 = substr($2, length(root) + 1) } $3 ~ /^\// { print $1 "\t" $2 "\t" $3 }' | sort -u | head -n 300)
block named; [ -z "$list" ] || printf '%s\n' "$list" | raw
paths=$(printf '%s\n' "$list" | cut -f 3 | sort -u | while IFS= read -r path; do
    if [ -d "$root$path" ]; then for file in "$root${path%/}"/*; do [ -f "$file" ] && printf '%s\n' "${file#"$root"}"; done; elif [ -n "$path" ]; then printf '%s\n' "$path"; fi
done | head -n 300)
block missing; printf '%s\n' "$paths" | while IFS= read -r path; do [ -z "$path" ] || there "$path" || printf '%s\n' "$path"; done | raw
block certificates
[ -n "$paths" ] || exit 0
have openssl || { unseen 'there is no openssl to read the certificates with'; exit 0; }
printf '%s\n' "$paths" | while IFS= read -r path; do
    [ -f "$root$path" ] || continue
    [ -r "$root$path" ] || { printf '%s\n' "$path" | sed 's/^/@unseen cannot read /'; continue; }
    count=$(grep -ac 'BEGIN \(TRUSTED \)\{0,1\}CERTIFICATE' "$root$path" 2>/dev/null)
    position=1
    while [ "$position" -le "${count:-0}" ] && [ "$position" -le 10 ]; do
        printf '= %s\t%s\n' "$path" "$position" | raw
        awk -v wanted="$position" '/-----BEGIN (TRUSTED )?CERTIFICATE-----/ { number++; inside = 1 } inside && number == wanted { print } /-----END (TRUSTED )?CERTIFICATE-----/ { inside = 0 }' \
            "$root$path" | openssl x509 -noout -text 2>/dev/null |
            grep -A1 -E '^ *(Signature Algorithm|Issuer|Not Before|Not After ?|Subject|Public Key Algorithm|(RSA |DSA )?Public-Key|X509v3 (Subject Alternative Name|Basic Constraints)) ?:' | grep -v '^--$' | plain
        position=$((position + 1))
    done
done
