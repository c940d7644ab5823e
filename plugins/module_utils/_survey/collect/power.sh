# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# What the machine draws. IPMI only where the kernel already has its device: nothing is loaded, no port is probed.
ipmi=; for device in /dev/ipmi0 /dev/ipmi/0 /dev/ipmidev/0; do [ -e "$device" ] && ipmi=$device; done
block ipmi
if [ -z "$ipmi" ]; then echo 'no device'
elif [ ! -r "$ipmi" ]; then echo 'not root'
elif have ipmitool; then echo 'ipmitool'
elif have ipmi-dcmi; then echo 'ipmi-dcmi'
else echo 'no program'; fi | plain
if [ -n "$ipmi" ] && [ -r "$ipmi" ]; then
    if have ipmitool; then block ipmitool; ipmitool dcmi power reading 2>&1 | head -n 20 | plain
    elif have ipmi-dcmi; then block freeipmi; ipmi-dcmi --get-system-power-statistics 2>&1 | head -n 20 | plain; fi
fi
# Counters of the processors (and of memory): read twice, over a second.
counters() {
    for zone in "$root"/sys/class/powercap/intel-rapl:*; do
        [ -r "$zone/energy_uj" ] && printf '%s %s %s %s\n' "${zone##*/}" "$(cat "$zone/name")" "$(cat "$zone/energy_uj" 2>/dev/null)" "$(cat "$zone/max_energy_range_uj" 2>/dev/null)"
    done
}
found=; for zone in "$root"/sys/class/powercap/intel-rapl:*; do [ -e "$zone/energy_uj" ] && found=$zone && break; done
block rapl
if [ -z "$found" ]; then echo 'no counters' | plain
elif [ ! -r "$found/energy_uj" ]; then echo 'not root' | plain
else
    { cut -d' ' -f1 /proc/uptime; counters; } | plain
    sleep 1
    block later; { cut -d' ' -f1 /proc/uptime; counters; } | plain
fi
block acpi
for meter in "$root"/sys/class/hwmon/hwmon*/power1_average; do
    [ -r "$meter" ] && printf '%s %s\n' "$(cat "${meter%/*}/name" 2>/dev/null)" "$(cat "$meter" 2>/dev/null)"
done | plain
