# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Network cards, what is made of them, their addresses, who configures them, and files that name them. Keys of networks stay here: of
# configuration only the lines that are listed below are sent.
net=$root/sys/class/net
[ -d "$net" ] || { unseen 'there is no /sys/class/net'; exit 0; }
value() { [ -r "$1" ] && head -c 200 "$1" 2>/dev/null | head -n 1 | tr -d '\t'; }
link() { readlink "$1" 2>/dev/null | sed 's|.*/||'; }
names=$(for path in "$net"/*; do [ -d "$path" ] && echo "${path##*/}"; done)
block links
for name in $names; do
    path=$net/$name
    kind=virtual
    [ -e "$path/device" ] && kind=physical
    [ -d "$path/bonding" ] && kind=bond
    [ -d "$path/bridge" ] && kind=bridge
    [ -f "$root/proc/net/vlan/$name" ] && kind=vlan
    [ "$name" = lo ] && kind=loopback
    members=$(value "$path/bonding/slaves")
    for port in "$path"/brif/*; do [ -e "$port" ] && members="$members ${port##*/}"; done
    [ $kind = vlan ] && members=$(sed -n 's/^Device: *//p' "$root/proc/net/vlan/$name" 2>/dev/null)
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$name" "$kind" "$(value "$path/address")" "$(value "$path/mtu")" "$(value "$path/speed")" \
        "$(value "$path/operstate")" "$(link "$path/master")" "$(link "$path/device/driver")" "$members"
done | plain
if have ip; then
    block addresses
    ip -o addr show 2>/dev/null | plain
else
    unseen 'there is no program ip: who has which address is not known'
fi
keys='auto|allow-[a-z-]*|iface|mapping|source|source-directory|inherits|address|netmask|broadcast|network|gateway|metric|mtu|hwaddress|dns-[a-z]*|bond[-_][a-z_-]*|slaves'
keys="$keys|bridge[-_][a-z_-]*|vlan[-_][a-z_-]*|up|down|pre-up|post-up|pre-down|post-down"
wanted() { # path pattern
    case $1 in *"
"*) return 0 ;; esac
    [ -f "$1" ] || return 0
    [ -r "$1" ] || { unseen "${1#"$root"} cannot be read"; return 0; }
    printf '@file %s\n' "${1#"$root"}"
    head -c 65536 "$1" | awk -v pattern="$2" '{ print ($0 ~ pattern) ? $0 : "" }' | raw
}
for path in "$root/etc/network/interfaces" "$root"/etc/network/interfaces.d/*; do wanted "$path" "^[ \t]*($keys)([ \t]|\$)"; done
for path in "$root"/etc/netplan/*.yaml "$root"/etc/netplan/*.yml; do
    wanted "$path" '^[ \t]*(-[ \t]|(network|version|renderer|ethernets|bonds|bridges|vlans|match|name|set-name|macaddress|dhcp4|dhcp6|addresses|gateway4|gateway6|routes|to|via|table|on-link|metric|mtu|interfaces|id|link|parameters|mode|nameservers|search|"?[A-Za-z0-9_.-]+"?):[ \t]*(\{\}|true|false|"?[0-9a-fA-F.:/]+"?|\[[^]]*\]|[a-z0-9._-]*)?[ \t]*$)'
done
for path in "$root"/etc/sysconfig/network-scripts/ifcfg-* "$root"/etc/sysconfig/network/ifcfg-*; do
    wanted "$path" '^[ \t]*(DEVICE|NAME|TYPE|ONBOOT|STARTMODE|BOOTPROTO|IPADDR[_0-9]*|PREFIX[_0-9]*|NETMASK[_0-9]*|IPV6ADDR[A-Z_]*|GATEWAY[0-9]*|MTU|HWADDR|MACADDR|MASTER|SLAVE|BRIDGE|VLAN|BONDING_OPTS)='
done
for path in "$root"/etc/systemd/network/*.network "$root"/etc/systemd/network/*.netdev "$root"/etc/systemd/network/*.link; do
    wanted "$path" '^[ \t]*(\[[A-Za-z0-9]+\]|(Name|OriginalName|MACAddress|PermanentMACAddress|Kind|Id|Address|Gateway|Destination|DHCP|DNS|Domains|MTUBytes|Bond|Bridge|VLAN|NamePolicy)[ \t]*=)'
done
for path in "$root"/etc/NetworkManager/system-connections/*; do
    wanted "$path" '^[ \t]*(\[[a-z0-9-]+\]|(id|type|interface-name|method|addresses|address[0-9]+|gateway|route[0-9]+|mac-address|mtu|master|slave-type)[ \t]*=)'
done
for path in "$root"/etc/udev/rules.d/*persistent-net.rules; do wanted "$path" 'NAME='; done
# Where a name is written outside of these files: only file, line and name leave the host.
have awk || { unseen 'there is no awk: files that name an interface were not looked for'; exit 0; }
block mentions
find "$root"/etc/keepalived "$root"/etc/sysctl.conf "$root"/etc/sysctl.d "$root"/etc/iptables "$root"/etc/iptables.* "$root"/etc/sysconfig/iptables \
    "$root"/etc/sysconfig/ip6tables "$root"/etc/nftables.conf "$root"/etc/nftables.d "$root"/etc/nftables "$root"/etc/ufw "$root"/etc/firewalld "$root"/etc/shorewall \
    "$root"/etc/ferm "$root"/etc/firehol "$root"/etc/default "$root"/etc/dhcp "$root"/etc/dnsmasq.conf "$root"/etc/dnsmasq.d "$root"/etc/haproxy "$root"/etc/corosync \
    "$root"/etc/ha.d "$root"/etc/ucarp "$root"/etc/network/if-*.d "$root"/etc/rc.local "$root"/etc/rc.d/rc.local "$root"/etc/cron.d "$root"/etc/cron.daily \
    "$root"/etc/cron.hourly "$root"/etc/crontab "$root"/var/spool/cron "$root"/etc/systemd/system "$root"/etc/snmp "$root"/etc/collectd "$root"/etc/telegraf \
    "$root"/etc/zabbix "$root"/etc/nagios "$root"/etc/munin "$root"/etc/vnstat.conf "$root"/etc/radvd.conf "$root"/usr/local/bin "$root"/usr/local/sbin \
    "$root"/usr/local/etc -type f -size -256k 2>/dev/null | head -n 2000 | tr '\n' '\000' | xargs -0 awk -v names="$(echo $names)" '
    BEGIN { n = split(names, all, " "); for (i = 1; i <= n; i++) if (all[i] != "lo" && all[i] !~ /^(veth|tap|docker|br-|virbr|cali|flannel|cni|ifb|dummy|tunl|sit|gre|ip6tnl)/) want[all[i]] = 1 }
    /^[ \t]*(#|;|\/\/)/ { next }
    {
        line = substr($0, 1, 4096)
        for (name in want) {
            rest = line; before = ""
            while ((at = index(rest, name)) > 0) {
                prev = at > 1 ? substr(rest, at - 1, 1) : before
                next_ = substr(rest, at + length(name), 1)
                if (prev !~ /[A-Za-z0-9_-]/ && next_ !~ /[A-Za-z0-9_-]/) { print FILENAME "\t" FNR "\t" name; break }
                before = substr(rest, at + length(name) - 1, 1)
                rest = substr(rest, at + length(name))
            }
        }
    }' 2>/dev/null | sed "s|^$root/|/|" | head -n 300 | plain
