# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Apache's configuration, directives that we read and no others. Apache itself is asked for its version only: a test opens its log files.
exe=$(running 'apache2|httpd' | head -n 1)
for main in /etc/apache2/apache2.conf /etc/httpd/conf/httpd.conf /etc/apache2/httpd.conf /usr/local/apache2/conf/httpd.conf ''; do
    [ -n "$main" ] && there "$main" && break
done
if [ -z "$main" ]; then
    [ -z "$exe" ] || { unseen 'Apache runs, and its configuration is not where we look'; exit 0; }
    absent
fi
have awk || { unseen 'there is no awk'; exit 0; }
[ -z "$exe" ] || { block running; echo "$exe" | plain; }
block version; { "${exe:-apache2}" -v 2>/dev/null || httpd -v 2>/dev/null; } | head -n 1 | raw
known() {
    sed -e ':a' -e '/\\$/{N;s/\\\n//;ta' -e '}' "$1" | grep -iE "^[[:space:]]*(</?(VirtualHost|Location|LocationMatch|Directory|DirectoryMatch|Files|FilesMatch|Proxy|IfModule|IfDefine|If|Else|ElseIf|IfVersion|Limit|LimitExcept|Macro|RequireAll|RequireAny|RequireNone)|Listen|ServerName|ServerAlias|ServerRoot|DocumentRoot|VirtualDocumentRoot|Include|IncludeOptional|LoadModule|SSL(Engine|Protocol|CipherSuite|CertificateFile|CertificateChainFile|CACertificateFile|VerifyClient|ProxyEngine|OpenSSLConfCmd)|ProxyPass|ProxyPassMatch|BalancerMember|SetHandler|AddHandler|Define|AllowOverride|FcgidWrapper|User|Group|KeepAliveTimeout|Timeout|MaxRequestWorkers)([[:space:]>]|\$)" |
        awk 'tolower($1) != "define" || NF < 3 || tolower($2) !~ /pass|pwd|secret|token|key|cred/'
}
one() {
    case $1 in *"
"*) return 0 ;; esac
    [ -r "$root$1" ] || { unseen "$1 cannot be read"; return 0; }
    printf '@file %s\n' "$1"
    known "$root$1" | head -c 262144 | raw
}
one "$main"
home=${main%/*}; [ "${home##*/}" != conf ] || home=${home%/conf}
files() { find -L "$root$home" -type f \( -name '*.conf' -o -path '*-enabled/*' \) ! -path '*-available/*' ! -path "$root$main" 2>/dev/null | sort | head -n 1000; }
files | while IFS= read -r path; do one "${path#"$root"}"; done
block variables; sed -n -E 's/^[[:space:]]*export[[:space:]]+(APACHE_[A-Z_]+)=(.*)/\1=\2/p' "$root$home/envvars" 2>/dev/null | grep -E '^APACHE_(RUN_USER|RUN_GROUP|LOG_DIR|RUN_DIR|PID_FILE|LOCK_DIR|CONFDIR)=' | raw
roots=$({ cat "$root$main"; files | tr '\n' '\000' | xargs -0 cat; } 2>/dev/null | sed -n -E 's/^[[:space:]]*[Dd]ocument[Rr]oot[[:space:]]+"?([^"[:space:]]+).*/\1/p' | grep '^/' | sort -u | head -n 200)
block roots
printf '%s\n' "$roots" | while IFS= read -r path; do
    [ -n "$path" ] && target=$(readlink -f "$root$path" 2>/dev/null) && [ -n "$target" ] && [ "${target#"$root"}" != "${path%/}" ] && printf '%s\t%s\n' "$path" "${target#"$root"}"
done | raw
# Files with rules of their own: how many directives each has, not which.
block htaccess
printf '%s\n' "$roots" | while IFS= read -r path; do
    [ -n "$path" ] && [ -d "$root$path" ] && find -L "$root$path" -maxdepth 8 -name .htaccess -type f 2>/dev/null
done | sort -u | head -n 500 | while IFS= read -r path; do
    [ -r "$path" ] || { unseen "${path#"$root"} cannot be read"; continue; }
    printf '%s\t%s\t%s\n' "$(grep -cE '^[[:space:]]*[A-Za-z]' "$path")" "$(grep -ciE '^[[:space:]]*(RewriteRule|RewriteCond|Redirect)' "$path")" "${path#"$root"}" | raw
done
