# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# What this host exports and to whom, what it mounts from others, and how names become numbers on the wire. A server that hangs is not
# touched: only tables of the kernel and files are read.
proc=$root/proc
mounts=$(awk '$3 ~ /^nfs4?$/ { print $1 "\t" $2 "\t" $3 "\t" $4 }' "$proc/mounts" 2>/dev/null)
exports=$(cat "$root/etc/exports" "$root"/etc/exports.d/*.exports 2>/dev/null | grep -vE '^[[:space:]]*(#|$)')
wanted=$(awk '!/^[ \t]*#/ && $3 ~ /^nfs4?$/ { print FNR "\t" $1 "\t" $2 "\t" $3 "\t" $4 }' "$root/etc/fstab" 2>/dev/null)
[ -n "$mounts$exports$wanted" ] || [ -s "$root/var/lib/nfs/etab" ] || [ -s "$proc/fs/nfsd/exports" ] || absent
for path in /etc/exports "$root"/etc/exports.d/*.exports; do file "${path#"$root"}"; done
block mounts; printf '%s\n' "$mounts" | plain
block fstab; printf '%s\n' "$wanted" | raw
block autofs; grep -hE 'fstype=nfs|:/' "$root"/etc/auto.* "$root"/etc/auto.master.d/* 2>/dev/null | grep -v '^[[:space:]]*#' | head -n 200 | raw
block etab; cat "$root/var/lib/nfs/etab" 2>/dev/null | head -n 500 | plain
block versions; cat "$proc/fs/nfsd/versions" 2>/dev/null | plain
block clients
{
    cut -d: -f1 "$root/var/lib/nfs/rmtab" 2>/dev/null
    cat "$proc"/fs/nfsd/clients/*/info 2>/dev/null | sed -n 's/^address: *"\{0,1\}\([^"]*\)"\{0,1\}/\1/p'
    [ -n "$exports" ] && have ss && [ -z "$root" ] && ss -tn state established '( sport = :2049 )' 2>/dev/null | awk 'NR > 1 { print $4 }'
} | sort -u | head -n 500 | plain
block domain; sed -n 's/^[[:space:]]*Domain[[:space:]]*=[[:space:]]*//p' "$root/etc/idmapd.conf" 2>/dev/null | plain
block dnsdomain; { [ -z "$root" ] && have dnsdomainname && dnsdomainname 2>/dev/null; } | plain
# Age of each mount and what went over it, in bytes.
block stats
awk '/^device / { device = $2; at = $5; kind = $8; next } /^[ \t]*age:/ { if (kind ~ /^nfs/) age[at] = $2 }
    /^[ \t]*bytes:/ { if (kind ~ /^nfs/) print at "\t" age[at] "\t" $6 "\t" $7 }' "$proc/self/mountstats" 2>/dev/null | plain
