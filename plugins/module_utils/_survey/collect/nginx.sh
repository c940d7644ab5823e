# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# nginx' configuration, file by file: `nginx -T` would create the log files that it names.
for home in /etc/nginx /usr/local/nginx/conf /usr/local/openresty/nginx/conf ''; do
    [ -n "$home" ] && [ -e "$root$home/nginx.conf" ] && break
done
if [ -z "$home" ]; then
    [ -z "$(running nginx)" ] || { unseen 'nginx runs, and its configuration is not where we look'; exit 0; }
    absent
fi
exe=$(running nginx | head -n 1)
block version; "${exe:-nginx}" -v 2>&1 | raw
find -L "$root$home" -type f \( -name '*.conf' -o -path '*/sites-enabled/*' -o -path '*/conf.d/*' -o -path '*/vhosts/*' \) \
    ! -name '*.key' ! -name '*.pem' ! -name '*.crt' ! -name '*passw*' ! -path '*/sites-available/*' 2>/dev/null |
    sort | head -n 1000 | while IFS= read -r path; do file "${path#"$root"}"; done
