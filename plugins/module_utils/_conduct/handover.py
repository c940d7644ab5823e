# SPDX-License-Identifier: GPL-3.0-or-later
"""A public address changes hosts without one broken connection: flows are moved, not connections.

While the old host still owns the address, its network card's ingress hook passes *new* flows on unchanged, on the same wire, to the new
host. That one has the address on its loopback interface, mute in ARP, and answers the client directly. Old flows end where they began.
When none is left, the address itself moves, and the flows that were passed on never notice: their ends are on the new host already.

The scripts are plain sh around one table, ``netdev lotse_edge``, on the host that gives the address away. Its sets are the memory:
``flows`` knows the clients' address and port of every flow that was passed on, ``lease`` allows taking more. The lease runs out in the
kernel: without a conductor, new flows stay on the old host and those that were passed on go on being passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

from .._domain.errors import LotseError

TABLE = "netdev lotse_edge"
FLOW_MINUTES = 5  # a flow without a packet for so long is forgotten; HAProxy ends idle clients after one
FLOWS = 262144
_SYN = "tcp flags & (fin|syn|rst|ack) == syn"
ENDED = frozenset({"LISTEN", "UNCONN", "TIME-WAIT", "FIN-WAIT-2"})
"""States of a connection that has nothing more to say to its client."""

LOOK = 'ip -o -4 address show; for path in /sys/class/net/*; do echo "mac ${path##*/} $(cat $path/address)"; done; ip -4 route show table all'
"""What ``Side.read`` reads."""


@dataclass(frozen=True)
class Side:
    """A host in the public network: its device there, its own address on it, its MAC, and how it has the public address."""

    device: str
    address: str
    mac: str
    owns: bool
    listens: bool

    @classmethod
    def read(cls, output: str, public: IPv4Interface, host: str) -> Side:
        """From the output of ``LOOK``. Raises LotseError when the host has no address of its own in the public network."""
        rows: list[tuple[str, IPv4Interface]] = []
        macs: dict[str, str] = {}
        for words in (line.split() for line in output.splitlines()):
            if len(words) > 3 and words[2] == "inet":
                rows.append((words[1].split("@")[0], IPv4Interface(words[3])))
            elif len(words) == 3 and words[0] == "mac":
                macs[words[1]] = words[2]
        own = [(device, address) for device, address in rows if device != "lo" and public.ip in address.network and address.ip != public.ip]
        owners = [device for device, address in rows if device != "lo" and address.ip == public.ip]
        own = [(device, address) for device, address in own if device in (owners or [device])]
        if not own:
            remedy = f"give it another address in {public.network} first"
            raise LotseError(f"it has no address of its own beside {public.ip} in the public network", host, remedy)
        device, address = own[0]
        listens = any(device == "lo" and address.ip == public.ip for device, address in rows)
        return cls(device, str(address.ip), macs.get(device, ""), bool(owners), listens)


def routes_from(output: str, public: IPv4Address) -> list[str]:
    """Routes in the output of ``LOOK`` that would vanish with the address, because it is their source."""
    lines = (line.strip() for line in output.splitlines())
    made_by_hand = (line for line in lines if " proto kernel " not in f"{line} " and not line.startswith(("local", "broadcast")))
    return [line for line in made_by_hand if f" src {public} " in f"{line} "]


def open_peers(output: str) -> list[str]:
    """Peers of the connections that still live, from ``ss -Htan``."""
    rows = (line.split() for line in output.splitlines() if line.strip())
    return [row[4] for row in rows if len(row) >= 5 and row[0] not in ENDED]


@dataclass(frozen=True)
class Handover:
    """From one host to another: the public address and port, the old host's device, the new host's own address in that network."""

    public: IPv4Interface
    port: int
    device: str
    to: str

    def _load(self, *rules: str, lease: float | None = None) -> str:
        """Replaces the rules and the lease in one transaction; the flows stay. ``lease`` in seconds, None for none."""
        lines = [
            f"add table {TABLE}",
            f"add set {TABLE} flows {{ type ipv4_addr . inet_service; flags dynamic,timeout; timeout {FLOW_MINUTES}m; size {FLOWS}; }}",
            f"add set {TABLE} lease {{ type inet_service; flags timeout; }}",
            f'add chain {TABLE} ingress {{ type filter hook ingress device "{self.device}" priority -10; policy accept; }}',
            f"flush chain {TABLE} ingress",
            f"flush set {TABLE} lease",
            *([f"add element {TABLE} lease {{ {self.port} timeout {lease:g}s }}"] if lease else []),
            *(f"add rule {TABLE} ingress ip daddr {self.public.ip} {rule}" for rule in rules),
        ]
        return "nft -f - <<'LOTSE_NFT'\n" + "\n".join(lines) + "\nLOTSE_NFT"

    @property
    def _pass(self) -> str:
        return f'counter fwd ip to {self.to} device "{self.device}"'

    @property
    def _known(self) -> str:
        return f"tcp dport {self.port} ip saddr . tcp sport @flows update @flows {{ ip saddr . tcp sport }} {self._pass}"

    def offer(self, seconds: float, *, only: Sequence[str] = ()) -> str:
        """A script: new flows go to the new host while the lease lasts (of the clients in ``only``, if any), and their answers from there."""
        clients = f"ip saddr {{ {', '.join(only)} }} " if only else ""
        new = f"{clients}tcp dport @lease {_SYN} add @flows {{ ip saddr . tcp sport }} {self._pass}"
        # A router that cannot pass a large packet tells the address; the flows that still learn are the new ones.
        return self._load(self._known, new, f"icmp type destination-unreachable {self._pass}", lease=seconds)

    def renew(self, seconds: float) -> str:
        """A script: the lease begins anew. Fails when there is none to renew (the table is gone)."""
        lines = [f"flush set {TABLE} lease", f"add element {TABLE} lease {{ {self.port} timeout {seconds:g}s }}"]
        return "nft -f - <<'LOTSE_NFT'\n" + "\n".join(lines) + "\nLOTSE_NFT"

    def all(self) -> str:
        """A script: every packet to the public address goes to the new host, without a lease, also when the address has left this host."""
        return self._load(f"tcp dport {self.port} update @flows {{ ip saddr . tcp sport }} {self._pass}", self._pass)

    def give_back(self) -> str:
        """A script: new flows stay here again, those that were passed on are passed on until their end. Right without a table, too."""
        # A client may use its port again: that flow is a new one.
        new = f"tcp dport {self.port} {_SYN} delete @flows {{ ip saddr . tcp sport }} accept"
        return f"if nft list table {TABLE} >/dev/null 2>&1; then\n{self._load(new, self._known)}\nfi"

    @staticmethod
    def sweeper() -> str:
        """A script that starts a process which removes the table when neither lease nor flow nor the rule for all is left. It ends with the table."""
        sweep = (
            f"while sleep 10; do table=$(nft list table {TABLE} 2>/dev/null) || exit 0; "
            f'case "$table" in *"elements ="*) continue ;; esac; '
            # Without the test for known flows it is the rule for all, which only a conductor or a dead-man ends.
            f'case "$table" in *"tcp sport @flows"*) nft delete table {TABLE}; exit ;; esac; done'
        )
        return f"setsid nohup sh -c '{sweep}' </dev/null >/dev/null 2>&1 &"

    @staticmethod
    def remove() -> str:
        """A script: nothing is passed on any more."""
        return f"nft delete table {TABLE} 2>/dev/null || :"

    @staticmethod
    def passed() -> str:
        """A script that prints how many packets were passed on since the rules were loaded."""
        return (
            f"nft list table {TABLE} 2>/dev/null | sed -n 's/.*counter packets \\([0-9]*\\).*/\\1/p' | "
            "{ sum=0; while read -r n; do sum=$((sum + n)); done; echo $sum; }"
        )

    def flows(self) -> str:
        """A script that prints the connections of the public address which this host itself still has, for ``open_peers``."""
        return f"ss -Htan src {self.public.ip}"


# ------------------------------------------------------------ the address


def listen(public: IPv4Interface, side: Side) -> str:
    """A script for the new host: it takes packets for the address, and says nothing about it in ARP."""
    conf = f"/proc/sys/net/ipv4/conf/{side.device}"
    return "\n".join([
        "set -e",
        f"echo 1 > {conf}/arp_ignore",
        f"echo 2 > {conf}/arp_announce",
        f"ip -o -4 address show dev lo to {public.ip}/32 | grep -q . || ip address add {public.ip}/32 dev lo scope host",
    ])  # fmt: skip


def unlisten(public: IPv4Interface, side: Side, arp: tuple[int, int]) -> str:
    """A script: the address is not on the loopback interface any more, and ARP is as it was (arp_ignore, arp_announce)."""
    conf = f"/proc/sys/net/ipv4/conf/{side.device}"
    return f"ip address del {public.ip}/32 dev lo 2>/dev/null || :\necho {arp[0]} > {conf}/arp_ignore\necho {arp[1]} > {conf}/arp_announce"


def own(public: IPv4Interface, side: Side) -> str:
    """A script: the host has the address on its device, and answers for it."""
    return f"ip -o -4 address show dev {side.device} to {public.ip}/32 | grep -q . || ip address add {public} dev {side.device}"


def disown(public: IPv4Interface, side: Side) -> str:
    """A script: the host has the address on its device no more. Its other addresses there stay, even if it was the first one."""
    shown = f"ip -o -4 address show dev {side.device} to {public.ip}/32"
    promote = f"/proc/sys/net/ipv4/conf/{side.device}/promote_secondaries"
    return "\n".join([
        f"if {shown} | grep -q .; then before=$(cat {promote})",
        f"{shown} | grep -q secondary || echo 1 > {promote}",
        # With the prefix that it has here, whatever the plan says.
        f"ip address del $({shown} | sed 's/.* inet \\([^ ]*\\) .*/\\1/') dev {side.device} || exit 1",
        f"echo $before > {promote}; fi",
    ])  # fmt: skip


def disown_if_answered(public: IPv4Interface, old: Side, new: Side) -> str:
    """A script for the old host that nobody conducts: it drops the address if, and only if, the new host answers for it in ARP.

    The neighbour table does the asking: an entry that is in the state `probe` is asked for directly, and becomes reachable or fails.
    """
    entry = f"{public.ip} dev {old.device}"
    return "\n".join([
        f"ip neigh replace {entry} lladdr {new.mac} nud probe",
        f"tries=0; until ip neigh show to {entry} | grep -q REACHABLE; do tries=$((tries + 1)); [ $tries -lt 40 ] || break; sleep 0.1; done",
        f"if ip neigh show to {entry} | grep -q REACHABLE; then",
        disown(public, old),
        "fi",
        f"ip neigh del {entry} 2>/dev/null || :",
    ])  # fmt: skip


_ANNOUNCE = """
import socket, struct, sys, time
device, address, mac, times, pause = sys.argv[1:6]
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
wire.bind((device, 0))
here, there, ip = wire.getsockname()[4], bytes.fromhex(mac.replace(":", "")), socket.inet_aton(address)
for turn in range(int(times)):
    for operation in (1, 2):
        body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + there + ip + b"\\xff" * 6 + ip
        wire.send(b"\\xff" * 6 + here + struct.pack("!H", 0x0806) + body.ljust(46, b"\\0"))
    time.sleep(float(pause))
"""


def announce(public: IPv4Interface, guest: Side, owner: Side, *, times: int, pause: float) -> str:
    """A script for the *guest* (it has Python, a legacy host may not): tells all neighbours the owner's MAC, as request and as answer."""
    return f"python3 - {guest.device} {public.ip} {owner.mac} {times} {pause:g} <<'LOTSE_PY'\n{_ANNOUNCE.strip()}\nLOTSE_PY"


def _drop_in(device: str) -> str:
    """sh that sets `folder` to the drop-in folder of the device's systemd-networkd configuration, and ends with 3 where that is not in charge."""
    return (
        f"file=$(networkctl status {device} 2>/dev/null | sed -n 's/^ *Network File: *//p'); case \"$file\" in *.network) ;; *) "
        "echo 'systemd-networkd does not configure this device'; exit 3 ;; esac; folder=/etc/systemd/network/${file##*/}.d"
    )


def persist(public: IPv4Interface, guest: Side) -> str:
    """A script for the guest: the address comes back after a restart."""
    text = f"# The public address of the edge, moved here by Lotse.\\n[Network]\\nAddress={public}\\n"
    return f"{_drop_in(guest.device)}; mkdir -p $folder && printf '{text}' > $folder/lotse-public.conf"


def forget(guest: Side) -> str:
    """A script for the guest: the address does not come back after a restart."""
    return f"{_drop_in(guest.device)}; rm -f $folder/lotse-public.conf; rmdir $folder 2>/dev/null || :"


def persistable(guest: Side) -> str:
    """A script for the guest that fails, with the reason, where ``persist`` could not be carried out."""
    return _drop_in(guest.device)


def configured(public: IPv4Interface) -> str:
    """A script for the legacy host that prints the files of its network configuration which name the address."""
    folders = "/etc/network /etc/systemd/network /etc/netplan /etc/sysconfig/network-scripts /etc/NetworkManager/system-connections /etc/keepalived"
    return f"grep -rlswF '{public.ip}' {folders} 2>/dev/null || :"
