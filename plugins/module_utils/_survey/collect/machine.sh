# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# What the machine is: maker, age, virtual or not, processors, NUMA, RAID controllers, disks, memory modules.
for name in sys_vendor product_name product_version product_serial chassis_type chassis_asset_tag bios_date bios_version board_vendor; do
    [ -e "$root/sys/class/dmi/id/$name" ] || continue
    block "$name"
    if [ -r "$root/sys/class/dmi/id/$name" ]; then head -c 500 "$root/sys/class/dmi/id/$name" | plain
    else unseen "$name: only root may read it"; fi
done
block virtual
if have systemd-detect-virt; then systemd-detect-virt 2>/dev/null | plain
elif [ "$(id -u)" = 0 ] && have virt-what; then virt-what 2>/dev/null | plain
fi
block cpuinfo
grep -E '^(processor|physical id|core id|siblings|vendor_id|flags|Features)[[:space:]]*:' "$root/proc/cpuinfo" 2>/dev/null |
    awk -F: '/^(flags|Features|vendor_id)/ { if (seen[$1]++) next } { print }' | plain
block numa
for node in "$root"/sys/devices/system/node/node[0-9]*; do
    [ -r "$node/cpulist" ] && printf '%s %s %s\n' "${node##*/node}" "$(sed -n 's/.*MemTotal: *\([0-9]*\) kB.*/\1/p' "$node/meminfo")" "$(cat "$node/cpulist")"
done | plain
block mdstat; head -c 65536 "$root/proc/mdstat" 2>/dev/null | plain
block controllers
for device in "$root"/sys/bus/pci/devices/*; do
    [ -r "$device/class" ] || continue
    read -r class < "$device/class"
    case $class in 0x0100* | 0x0104* | 0x0107*) ;; *) continue ;; esac
    driver=$(readlink "$device/driver")
    printf '%s %s %s %s %s\n' "${device##*/}" "$class" "$(cat "$device/vendor")" "$(cat "$device/device")" "${driver##*/}"
done | plain
if have lspci; then block lspci; lspci -mm 2>/dev/null | grep -iE '"(RAID|SCSI|Serial Attached|SATA)[^"]*"' | head -n 50 | plain; fi
block disks
for disk in "$root"/sys/block/*; do
    name=${disk##*/}
    case $name in loop* | ram* | zram* | sr* | fd* | dm-* | md* | nbd*) continue ;; esac
    [ -d "$disk/queue" ] || continue
    for scsi in "$disk"/device/scsi_disk/*/cache_type; do [ -r "$scsi" ] && cache=$(cat "$scsi") && break; cache=; done
    printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$name" "$(cat "$disk/device/vendor" 2>/dev/null)" "$(cat "$disk/device/model" 2>/dev/null)" \
        "$(cat "$disk/queue/rotational" 2>/dev/null)" "$(cat "$disk/queue/write_cache" 2>/dev/null)" "$cache"
done | plain
if have dmidecode && [ "$(id -u)" = 0 ]; then block modules; dmidecode -t 17 2>/dev/null | grep -E '^(Memory Device|[[:space:]]*(Size|Type|Speed|Locator):)' | head -n 1000 | plain
elif [ -z "$(systemd-detect-virt 2>/dev/null | grep -v '^none$')" ]; then
    if have dmidecode; then unseen 'memory modules: only root may run dmidecode'; else unseen 'memory modules: there is no dmidecode'; fi
fi
