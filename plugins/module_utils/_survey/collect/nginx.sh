# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# nginx' configuration, file by file: `nginx -T` would create the log files that it names.
for home in /etc/nginx /usr/local/nginx/conf /usr/local/openresty/nginx/conf ''; do
    [ -n "$home" ] && there "$home/nginx.conf" && break
done
if [ -z "$home" ]; then
    [ -z "$(running nginx)" ] || { unseen 'nginx runs, and its configuration is not where we look'; exit 0; }
    absent
fi
exe=$(running nginx | head -n 1)
block version; "${exe:-nginx}" -v 2>&1 | raw
configuration() {
    find -L "$root$home" -type f \( -name '*.conf' -o -path '*/sites-enabled/*' -o -path '*/conf.d/*' -o -path '*/vhosts/*' \) \
        ! -name '*.key' ! -name '*.pem' ! -name '*.crt' ! -name '*passw*' ! -path '*/sites-available/*' 2>/dev/null | sort | head -n 1000
}
configuration | while IFS= read -r path; do file "${path#"$root"}"; done
# Document roots behind a symbolic link: an application in folders of releases, one of which is the current one.
block roots
configuration | tr '\n' '\000' | xargs -0 sed -n 's/.*[[:space:];{]root[[:space:]][[:space:]]*\([^;]*\);.*/\1/p;s/^root[[:space:]][[:space:]]*\([^;]*\);.*/\1/p' 2>/dev/null |
    tr -d "\"'" | sort -u | head -n 500 | while IFS= read -r path; do
    case $path in /*) ;; *) continue ;; esac
    target=$(readlink -f "$root$path" 2>/dev/null) && [ -n "$target" ] && [ "${target#"$root"}" != "${path%/}" ] && printf '%s\t%s\n' "$path" "${target#"$root"}"
done | raw
