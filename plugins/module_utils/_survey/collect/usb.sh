# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Things plugged in, and licences: paths only, never their content.
block devices
for device in "$root"/sys/bus/usb/devices/*; do
    [ -r "$device/idVendor" ] || continue
    printf '%s\t%s:%s\t%s\t%s\t%s\n' "${device##*/}" "$(cat "$device/idVendor")" "$(cat "$device/idProduct")" "$(cat "$device/bDeviceClass" 2>/dev/null)" \
        "$(cat "$device/manufacturer" 2>/dev/null)" "$(cat "$device/product" 2>/dev/null)"
done | plain
block interfaces
for interface in "$root"/sys/bus/usb/devices/*:*/bInterfaceClass; do
    [ -r "$interface" ] || continue
    name=${interface%/bInterfaceClass}
    printf '%s\t%s\n' "${name##*/}" "$(cat "$interface")"
done | plain
block licences
for folder in etc opt srv home root usr/local var/lib var/opt; do
    [ -d "$root/$folder" ] || continue
    find "$root/$folder" -xdev -maxdepth 6 -type f \( -iname '*.lic' -o -iname 'license.dat' -o -iname 'licence.dat' -o -iname '*.lic.txt' -o -iname 'license.key' -o -iname 'license.xml' \) 2>/dev/null
done | sed "s|^$root||" | grep -vE '/(node_modules|vendor|site-packages|dist-packages)/' | sort -u | head -n 200 | raw
[ "$(id -u)" = 0 ] || unseen 'not root: licence files in folders of other users cannot be seen'
block daemons; running 'lmgrd|lmadmin|[A-Za-z0-9_]*flex[A-Za-z0-9_]*|hasplmd[A-Za-z0-9_]*|aksusbd[A-Za-z0-9_]*|winehasp|rlm|lmx-serv[A-Za-z0-9_.-]*|CodeMeterLin|sntlsrvr|usbdaemon|serverquest|orchid_lm' | plain
