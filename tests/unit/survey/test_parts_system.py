# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine's own parts of the survey. Each text has the form in which the program or the kernel named beside it writes it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._planning.debian13_kernel import DEFAULTS, FORMER, differs
from ansible_collections.lotse.estate.plugins.module_utils._survey.parts import (
    PARTS,
    binaries,
    boot,
    clock,
    kernel,
    limits,
    machine,
    power,
    storage,
    usb,
)
from ansible_collections.lotse.estate.plugins.module_utils._survey.wire import Section, UnseenError, split
from hypothesis import given, settings
from hypothesis import strategies as st

from .helpers import BOUNDARY, FIXTURES, collect, section
from .test_survey_collector import sections
from .test_survey_secrets import SHELLS, programs

OURS = {part.name: part for part in PARTS if part.name in ["binaries", "boot", "clock", "kernel", "limits", "machine", "power", "storage", "usb"]}

# Documentation/ABI (sysfs dmi), /proc/cpuinfo of a machine with two sockets, /proc/mdstat, lspci -mm, dmidecode -t 17.
CPUINFO = "".join(
    f"processor\t: {thread}\n" + ("vendor_id\t: GenuineIntel\n" if thread == 0 else "") + f"physical id\t: {thread % 2}\nsiblings\t: 4\n"
    f"core id\t\t: {thread // 4}\n" + ("flags\t\t: fpu sse2 sse4_2 aes avx popcnt\n" if thread == 0 else "")
    for thread in range(8)
)
MDSTAT = """Personalities : [raid1] [raid6]
md1 : active raid1 sdb2[1](F) sda2[0]
      976630336 blocks super 1.2 [2/1] [U_]
      bitmap: 3/8 pages [12KB], 65536KB chunk

md0 : active (auto-read-only) raid1 nvme0n1p1[0] nvme1n1p1[1]
      1046528 blocks super 1.2 [2/2] [UU]

unused devices: <none>"""
MODULES = """Memory Device
\tSize: 16 GB
\tLocator: DIMM_A1
\tType: DDR3
\tSpeed: 1600 MT/s
Memory Device
\tSize: No Module Installed
\tLocator: DIMM_A2
\tType: Unknown"""


def a_machine(**blocks: str) -> dict[str, Any]:
    defaults = {
        "sys_vendor": "Dell Inc.",
        "product_name": "PowerEdge R720",
        "product_serial": "7XK2P5J",
        "chassis_type": "23",
        "bios_date": "05/21/2013",
        "chassis_asset_tag": "Not Specified",
        "virtual": "none",
        "cpuinfo": CPUINFO,
        "mdstat": MDSTAT,
        "modules": MODULES,
    }
    found: dict[str, Any] = machine.parse(section("machine", None, **(defaults | blocks)))
    return found


def test_a_machine_is_known_by_its_maker_and_counted() -> None:
    found = a_machine()
    assert (found["vendor"], found["serial"], found["asset_tag"], found["chassis"]) == ("Dell Inc.", "7XK2P5J", None, "rack mount chassis")
    assert (found["bios_date"], found["virtual"]) == ("2013-05-21", "none")
    assert (found["sockets"], found["cores"], found["threads"], found["cpu_vendor"]) == (2, 4, 8, "GenuineIntel")
    assert found["cpu_flags"] == ["aes", "avx", "fpu", "popcnt", "sse2", "sse4_2"]
    assert [(row["name"], row["driver"], row["state"]) for row in found["raid"]] == [("md0", "raid1", "UU"), ("md1", "raid1", "U_")]
    assert found["modules"] == [{"slot": "DIMM_A1", "size_mib": 16384, "type": "DDR3", "speed": "1600 MT/s"}]


@pytest.mark.parametrize(
    ("blocks", "virtual"),
    [
        ({"virtual": "lxc"}, "lxc"),
        ({"virtual": "", "sys_vendor": "QEMU", "product_name": "Standard PC"}, "qemu"),
        ({"virtual": ""}, "none"),
        ({"virtual": "", "sys_vendor": "VMware, Inc."}, "vmware"),
        ({"virtual": "", "cpuinfo": "processor: 0\nflags: fpu hypervisor"}, "unknown"),
        ({"virtual": "", "sys_vendor": "", "product_name": ""}, None),
    ],
)
def test_virtual_or_not(blocks: dict[str, str], virtual: str | None) -> None:
    assert a_machine(**blocks)["virtual"] == virtual


def test_a_raid_controller_has_lspcis_name_where_there_is_lspci() -> None:
    controllers = "0000:03:00.0 0x010400 0x1000 0x005b megaraid_sas\n0000:00:1f.2 0x010601 0x8086 0x1d02 ahci"
    lspci = '03:00.0 "RAID bus controller" "Broadcom / LSI" "MegaRAID SAS 2208 [Thunderbolt]" -r05 "Dell" "PERC H710 Mini"'
    rows = a_machine(controllers=controllers, lspci=lspci, mdstat="")["raid"]
    assert rows == [{"kind": "RAID", "name": "Broadcom / LSI MegaRAID SAS 2208 [Thunderbolt]", "driver": "megaraid_sas", "state": None}]
    assert a_machine(controllers=controllers, mdstat="")["raid"][0]["name"] == "0x1000:0x005b"


def test_disks_with_the_cache_that_they_say_they_have() -> None:
    disks = "sda\tDELL\tPERC H710\t1\twrite back\twrite back, no read (daft)\nvda\t0x1af4\t\t1\twrite through\t\n"
    assert [(row["name"], row["model"], row["write_cache"], row["cache_type"]) for row in a_machine(disks=disks)["disks"]] == [
        ("sda", "DELL PERC H710", "write back", "write back, no read (daft)"),
        ("vda", None, "write through", None),
    ]


# ipmitool dcmi power reading; ipmi-dcmi --get-system-power-statistics; /sys/class/powercap (Documentation/power/powercap)
IPMITOOL = """    Instantaneous power reading:                   220 Watts
    Minimum during sampling period:                 18 Watts
    Maximum during sampling period:                438 Watts
    Average power reading over sample period:      222 Watts
    Power reading state is:                   activated"""
FREEIPMI = "Current Power                        : 164 Watts\nPower Measurement                    : Active"


@pytest.mark.parametrize(
    ("blocks", "watts", "source", "whole"),
    [
        ({"ipmi": "ipmitool", "ipmitool": IPMITOOL, "rapl": "no counters"}, 220.0, "ipmi", True),
        ({"ipmi": "ipmi-dcmi", "freeipmi": FREEIPMI, "rapl": "no counters"}, 164.0, "ipmi", True),
        ({"ipmi": "ipmitool", "ipmitool": IPMITOOL.replace(" activated", " deactivated"), "rapl": "not root"}, None, None, False),
        ({"ipmi": "no device", "acpi": "power_meter 187500000", "rapl": "no counters"}, 187.5, "acpi", True),
        (
            {
                "ipmi": "no device",
                "rapl": "100.00\nintel-rapl:0 package-0 1000000 262143328850\nintel-rapl:1 package-1 262143000000 262143328850",
                "later": "101.00\nintel-rapl:0 package-0 31000000 262143328850\nintel-rapl:1 package-1 19671150 262143328850",
            },
            50.0,
            "rapl",
            False,
        ),
        ({"ipmi": "no device", "rapl": "no counters"}, None, None, False),
    ],
)
def test_power_comes_from_the_best_source(blocks: dict[str, str], watts: float | None, source: str | None, whole: bool) -> None:
    found = power.parse(section("power", None, **blocks))
    assert (found["watts"], found["source"], found["whole"]) == (watts, source, whole)
    assert len(found["tried"]) == 3 and all(row["result"] for row in found["tried"])


SYSCTL = (
    "net/core/somaxconn:4096\nnet/ipv4/tcp_rmem:4096\t131072\t6291456\nnet/ipv4/conf/all/rp_filter:0\nnet/ipv4/conf/eno1/rp_filter:1\n"
    "vm/swappiness:10"
)


def a_kernel(files: dict[str, str] | None = None, **blocks: str) -> dict[str, Any]:
    names = [
        "sysctl",
        "cmdline",
        "clocksource",
        "thp",
        "entropy",
        "entropy_daemon",
        "hw_rng",
        "swaps",
        "conntrack",
        "pressure",
        "ticks",
        "vmstat",
        "modules",
        "packaged",
    ]
    found: dict[str, Any] = kernel.parse(section("kernel", files, **(dict.fromkeys(names, "") | {"sysctl": SYSCTL} | blocks)))
    return found


def test_kernel_parameters_and_who_set_them() -> None:
    """sysctl.conf(5): the last one counts, /etc/sysctl.conf comes last, and a leading minus ignores errors."""
    files = {
        "/etc/sysctl.conf": "# vm.swappiness = 1\n-net/core/somaxconn = 4096\n",
        "/etc/sysctl.d/10-web.conf": "net.core.somaxconn=1024\n\nvm.swappiness = 10\n",
        "/etc/sysctl.d/protect-links.conf": "fs.protected_fifos = 1\n",
    }
    found = a_kernel(files, packaged="/etc/sysctl.d/protect-links.conf")
    assert found["sysctl"] == {
        "net.core.somaxconn": "4096",
        "net.ipv4.conf.all.rp_filter": "0",
        "net.ipv4.tcp_rmem": "4096 131072 6291456",
        "vm.swappiness": "10",
    }
    assert found["set_by"] == [
        {"name": "net.core.somaxconn", "value": "4096", "file": "/etc/sysctl.conf", "line": 2},
        {"name": "vm.swappiness", "value": "10", "file": "/etc/sysctl.d/10-web.conf", "line": 3},
    ]


def test_an_interface_with_a_dot_keeps_it() -> None:
    assert kernel.dotted("net/ipv4/conf/eth0.100/mtu") == "net.ipv4.conf.eth0/100.mtu"
    assert kernel.dotted("net.ipv4.conf.eth0/100.mtu") == "net.ipv4.conf.eth0/100.mtu"


def test_what_the_kernel_does() -> None:
    found = a_kernel(
        clocksource="hpet\ntsc hpet acpi_pm \n",
        thp="enabled:always [madvise] never\ndefrag:always defer defer+madvise [madvise] never",
        entropy="162",
        entropy_daemon="/usr/sbin/haveged",
        swaps="Filename Type Size Used Priority\n/dev/sda2 partition 8388604 1024 -2",
        conntrack="count 61000\nmax 65536\nbuckets 16384",
        ticks="cpu  100 1 50 8000 20 0 5 800 0 0",
        vmstat="numa_miss 12\noom_kill 1",
        pressure="cpu:some avg10=0.00 avg60=1.00 avg300=2.50 total=17\nio:full avg10=0.00 avg60=0.00 avg300=0.10 total=9",
    )
    assert (found["clocksource"], found["clocksources"], found["thp"], found["thp_defrag"]) == (
        "hpet",
        ["tsc", "hpet", "acpi_pm"],
        "madvise",
        "madvise",
    )
    assert (found["entropy_avail"], found["entropy_daemon"]) == (162, "haveged")
    assert found["swap"] == [{"name": "/dev/sda2", "type": "partition", "size_mib": 8191, "used_mib": 1}]
    assert found["conntrack"] == {"count": 61000, "max": 65536, "buckets": 16384}
    assert (found["ticks"]["steal"], found["counters"], found["pressure"]) == (
        800,
        {"numa_miss": 12, "oom_kill": 1},
        {"cpu_some": 2.5, "io_full": 0.1},
    )


# chronyc tracking, ntpq -pn, timedatectl (238 and later: show; before: status), timedatectl timesync-status
CHRONY = """Reference ID    : CB00710F (203.0.113.15)
Stratum         : 3
System time     : 0.250006523 seconds slow of NTP time
Last offset     : -0.000006747 seconds
Leap status     : Normal"""
NTPQ = """     remote           refid      st t when poll reach   delay   offset  jitter
==============================================================================
+192.0.2.7       .GPS.            1 u   33   64  377    0.411   -0.021   0.008
*192.0.2.8       .GPS.            1 u   33   64  377    0.411   12.500   0.008"""


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ({"daemons": "/usr/sbin/chronyd", "chronyc": CHRONY}, ("chronyd", True, -250.007, 3)),
        ({"daemons": "/usr/sbin/chronyd", "chronyc": CHRONY.replace("Normal", "Not synchronised")}, ("chronyd", False, -250.007, 3)),
        ({"daemons": "/usr/sbin/ntpd", "ntpq": NTPQ}, ("ntpd", True, -12.5, 2)),
        ({"daemons": "/usr/sbin/ntpd", "ntpq": NTPQ.replace("*", " ")}, ("ntpd", False, None, None)),
        (
            {
                "daemons": "/lib/systemd/systemd-timesyncd",
                "timedatectl": "Timezone=Etc/UTC\nNTPSynchronized=yes",
                "timesync": "       Offset: +1.523ms",
            },
            ("systemd-timesyncd", True, -1.523, None),
        ),
        ({"daemons": "", "status": "      NTP enabled: yes\nNTP synchronized: no"}, (None, False, None, None)),
        ({"daemons": "", "applets": "ntpd"}, ("ntpd", None, None, None)),
        ({"daemons": ""}, (None, None, None, None)),
    ],
)
def test_who_keeps_the_time(blocks: dict[str, str], expected: tuple[Any, ...]) -> None:
    found = clock.parse(section("clock", None, **blocks))
    assert (found["daemon"], found["synchronised"], found["offset_ms"], found["stratum"]) == expected


@pytest.mark.parametrize(
    ("blocks", "version"), [({"tzdata": "2021a-1+deb11u11"}, "2021a"), ({"zones": "# version 2024b", "tzdata": "x"}, "2024b"), ({}, None)]
)
def test_how_old_the_time_zones_are(blocks: dict[str, str], version: str | None) -> None:
    assert clock.parse(section("clock", None, daemons="", **blocks))["tz_version"] == version


def test_limits_of_a_unit_are_one_row_for_each_kind_of_process() -> None:
    status = "".join(
        f"{pid} Name:\tphp-fpm7.4\n{pid} Umask:\t{umask}\n{pid} Uid:\t33\t33\t33\t33\n" for pid, umask in ((7, "0002"), (8, "0002"), (9, "0022"))
    )
    cgroup = "".join(f"{pid} 0::/system.slice/php7.4-fpm.service\n" for pid in (7, 8, 9))
    nofile = "".join(f"{pid} Max open files            1024                 524288               files     \n" for pid in (7, 8, 9))
    nproc = "".join(f"{pid} Max processes             unlimited            unlimited            processes \n" for pid in (7, 8))
    found = limits.parse(
        section("limits", status=status, cgroup=cgroup, limits=nofile + nproc, oom="7 -500\n8 -500", environ="7 TZ=Europe/Berlin\n8 TZ=Europe/Berlin")
    )
    assert [(row["unit"], row["umask"], row["count"], row["oom_score_adj"]) for row in found] == [
        ("php7.4-fpm.service", "0002", 2, -500),
        ("php7.4-fpm.service", "0022", 1, None),
    ]
    assert found[0]["limits"] == {"nofile": {"soft": 1024, "hard": 524288}, "nproc": {"soft": "unlimited", "hard": "unlimited"}}
    assert found[0]["environment"] == {"TZ": "Europe/Berlin"}


# Documentation/admin-guide/iostats.rst: 20 columns from kernel 5.5 on, 14 before 4.18
def test_disk_times_are_averages_and_old_kernels_count_no_flushes() -> None:
    stats = (
        "   8       0 sda 100 3 800 250 200 60 1600 3000 0 900 3300 0 0 0 0 50 2500\n   8      16 sdb 10 0 80 5 0 0 0 0 0 5 5\n   8 1 "
        "sda1 1 1 1 1 1 1 1 1 1 1 1"
    )
    queues = "sda\tnone [mq-deadline] kyber\twrite back\t1\t256\t128\nsdb\t[none]\twrite through\t0\t64\t128"
    mounts = "/dev/mapper/vg0-srv /srv\\040data ext4 rw,noatime,data=writeback,barrier=0 0 0\nproc /proc proc rw 0 0"
    maps = "vg0-srv\tdm-0\n\ndm-0\tvg0-srv\tLVM-x8Gz1uQn\t2097152\tsda2 "
    found = storage.parse(section("storage", diskstats=stats, queues=queues, mounts=mounts, maps=maps, mdstat=MDSTAT))
    sda, sdb = found["devices"]
    assert (sda["name"], sda["read_ms"], sda["write_ms"], sda["flush_ms"], sda["scheduler"], sda["write_cache"]) == (
        "sda",
        2.5,
        15.0,
        50.0,
        "mq-deadline",
        "write back",
    )
    assert (sdb["write_ms"], sdb["flush_ms"], sdb["flushes"], sdb["rotational"]) == (None, None, None, False)
    assert found["mounts"] == [
        {"source": "/dev/mapper/vg0-srv", "target": "/srv data", "type": "ext4", "options": ["barrier=0", "data=writeback", "noatime", "rw"]}
    ]
    assert found["maps"] == [{"name": "vg0-srv", "device": "dm-0", "kind": "lvm", "size_mib": 1024, "on": ["sda2"]}]
    assert [row["devices"] for row in found["arrays"]] == [["nvme0n1p1", "nvme1n1p1"], ["sda2", "sdb2"]]


def test_hubs_are_no_devices() -> None:
    devices = "usb1\t1d6b:0002\t09\tLinux 5.10 ehci_hcd\tEHCI Host Controller\n1-1\t8087:0024\t09\t\t\n1-1.2\t0529:0001\tff\tAKS\tHASP HL 3.25"
    found = usb.parse(
        section(
            "usb", devices=devices, interfaces="1-0:1.0\t09\n1-1:1.0\t09\n1-1.2:1.0\tff", licences="/opt/cad/license.dat", daemons="/opt/flex/lmgrd"
        )
    )
    assert found == {
        "devices": [{"id": "0529:0001", "vendor": "AKS", "product": "HASP HL 3.25", "classes": ["ff"]}],
        "licence_files": ["/opt/cad/license.dat"],
        "licence_daemons": ["lmgrd"],
    }


def test_a_program_that_is_not_its_packages_own() -> None:
    listed = f"nginx-light {'a' * 32}  usr/sbin/nginx\ndash {'b' * 32}  bin/dash\nopenssh-server:amd64 {'c' * 32}  usr/sbin/sshd"
    found = f"{'a' * 32}  /usr/sbin/nginx\n{'b' * 32}  /usr/bin/dash\n{'d' * 32}  /usr/sbin/sshd\n{'e' * 32}  /opt/own"
    isa = "/usr/sbin/nginx\tx86-64-baseline\n/opt/own\tx86-64-baseline, x86-64-v2, x86-64-v3"
    value = binaries.parse(section("binaries", listed=listed, found=found, isa=isa))
    assert value == {
        "checked": 3,
        "modified": [{"exe": "/usr/sbin/sshd", "package": "openssh-server"}],
        "needs": [{"exe": "/opt/own", "isa": "x86-64-v3"}],
        "needs_seen": True,
    }


def test_rpm_tells_sha256_or_on_old_systems_md5() -> None:
    listed = f"httpd {'a' * 64}  /usr/sbin/httpd\ncronie {'b' * 32}  /usr/sbin/crond"
    value = binaries.parse(
        section(
            "binaries", listed=listed, found=f"{'a' * 64}  /usr/sbin/httpd\n{'f' * 64}  /usr/sbin/crond", found_md5=f"{'9' * 32}  /usr/sbin/crond"
        )
    )
    assert (value["checked"], [row["exe"] for row in value["modified"]]) == (2, ["/usr/sbin/crond"])


UNITS = """Id=cron.service
ActiveState=active
SubState=running
UnitFileState=enabled
WantedBy=multi-user.target

Id=redis-server.service
ActiveState=active
SubState=running
UnitFileState=disabled
WantedBy=
TriggeredBy=

Id=dbus.service
ActiveState=active
SubState=running
UnitFileState=static
TriggeredBy=dbus.socket

Id=oldapp.service
ActiveState=active
SubState=running
UnitFileState=generated
SourcePath=/etc/init.d/oldapp
WantedBy=

Id=backup.service
ActiveState=failed
SubState=failed
UnitFileState=enabled
Result=exit-code
"""


def test_what_the_next_boot_would_not_bring_back() -> None:
    blank = dict.fromkeys(("kernels", "pending", "pending_packages", "cgroup", "status", "mounts", "mount_units"), "")
    blocks = blank | {
        "kernel": "5.10.0-21-amd64",
        "kernels": "vmlinuz-5.10.0-9-amd64\nvmlinuz-5.10.0-30-amd64\nvmlinuz-5.10.0-21-amd64",
        "pending": "/run/reboot-required",
        "units": UNITS,
        "inactive": "Id=nginx.service\nType=forking\nActiveState=inactive\nConditionResult=yes\n\nId=e2scrub_reap.service\n"
        "Type=oneshot\n"
        "ActiveState=inactive\nConditionResult=yes",
        "cgroup": "70 0::/user.slice/user-0.slice/session-3.scope\n71 0::/user.slice/user-0.slice/session-3.scope",
        "status": "70 Name:\tnode\n70 PPid:\t1\n70 Uid:\t1501\t1501\t1501\t1501\n71 Name:\tbash\n71 PPid:\t1\n71 Uid:\t0\t0\t0\t0\n72 "
        "Name:\tcron\n72 PPid:\t1\n72 Uid:\t0",
        "mounts": "/dev/sda1 / ext4\n/dev/sdb1 /srv ext4\nnas:/export /mnt/nas nfs4\nproc /proc proc\n/dev/sdc1 /var/backups xfs",
        "mount_units": "/var/backups",
    }
    found = boot.parse(
        section("boot", {"/etc/fstab": "UUID=1 / ext4 defaults 0 1\n#nas:/export /mnt/nas nfs\n/dev/sdb1  /srv ext4 defaults 0 2"}, **blocks)
    )
    assert (found["kernel_running"], found["kernel_newest"], found["reboot_required"]) == (
        "5.10.0-21-amd64",
        "5.10.0-30-amd64",
        "/run/reboot-required",
    )
    assert found["not_enabled"] == ["oldapp.service", "redis-server.service"]
    assert found["failed"] == [{"unit": "backup.service", "result": "exit-code"}]
    assert found["enabled_not_running"] == ["nginx.service"]
    assert found["by_hand"] == [{"process": "node", "uid": 1501}]
    assert found["mounts_not_configured"] == ["/mnt/nas"]


BLOCKS = (
    "sysctl",
    "cpuinfo",
    "numa",
    "mdstat",
    "rapl",
    "later",
    "status",
    "limits",
    "environ",
    "units",
    "listed",
    "found",
    "isa",
    "diskstats",
    "queues",
    "mounts",
    "maps",
    "devices",
    "interfaces",
    "kernels",
    "cgroup",
    "chronyc",
    "ntpq",
    "timesync",
    "swaps",
    "thp",
    "clocksource",
    "conntrack",
    "pressure",
    "ticks",
    "vmstat",
)


@given(st.sampled_from(sorted(OURS)), st.dictionaries(st.sampled_from(BLOCKS), st.lists(st.text(max_size=60), max_size=6)))
@settings(max_examples=150, deadline=None)
def test_whatever_a_host_says_is_a_value_or_a_reason(name: str, blocks: dict[str, list[str]]) -> None:
    with contextlib.suppress(UnseenError):
        OURS[name].steady(OURS[name].parse(Section(name, blocks)))


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_tells_the_same_of_this_machine(tmp_path: Path, shell: str) -> None:
    found = sections(
        collect(("machine", "kernel", "storage", "binaries", "boot"), "", programs(tmp_path / "bin", shell)),
        "machine",
        "kernel",
        "storage",
        "binaries",
        "boot",
    )
    value = kernel.parse(found["kernel"])
    assert value["sysctl"]["kernel.pid_max"] == Path("/proc/sys/kernel/pid_max").read_text(encoding="ascii").strip()
    assert not [name for name in value["sysctl"] if name.startswith("kernel.random.") or name in ("kernel.hostname", "net.ipv4.tcp_fastopen_key")]
    assert machine.parse(found["machine"])["threads"] == os.cpu_count()
    assert boot.parse(found["boot"])["kernel_running"] == os.uname().release
    assert binaries.parse(found["binaries"])["checked"] >= 1


CANARY = "cAnArY"


@pytest.mark.parametrize("shell", SHELLS)
def test_of_an_environment_only_language_and_time_zone_leave_the_host(tmp_path: Path, shell: str) -> None:
    environment = {
        "TZ": "Asia/Tokyo",
        "DB_PASSWORD": CANARY,
        "LANG_SECRET": CANARY,
        "LANG": f"x {CANARY}",
        "MY": f"1\nTZ={CANARY}\n2",
        "PATH": os.environ["PATH"],
    }
    with subprocess.Popen(["sleep", "60"], env=environment) as sleeper:
        try:
            output = collect(("limits",), "", programs(tmp_path / "bin", shell))
        finally:
            sleeper.kill()
    assert f" {sleeper.pid} TZ=Asia/Tokyo" in output.splitlines()
    assert CANARY not in output


def test_secrets_of_the_kernels_parameters_stay_on_the_host(tmp_path: Path) -> None:
    files = {
        "proc/sys/net/ipv4/tcp_fastopen_key": CANARY,
        "proc/sys/net/ipv6/conf/all/stable_secret": CANARY,
        "proc/sys/kernel/random/boot_id": CANARY,
        "proc/sys/kernel/hostname": CANARY,
        "proc/sys/net/core/somaxconn": "128",
        "proc/cmdline": f"root=/dev/sda1 ro ipmi.password={CANARY} token={CANARY}",
        "etc/sysctl.d/a.conf": f"net.ipv4.tcp_fastopen = 3\n# password = {CANARY}\n",
        "opt/x/license.dat": CANARY,
        "etc/fstab": f"//nas/x /mnt cifs user=a,password={CANARY} 0 0\n",
        "proc/self/mounts": "//nas/x /mnt cifs rw,username=a 0 0\n",
        "etc/chrony/chrony.conf": f"server ntp.example iburst\n# key {CANARY}\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n", encoding="utf-8")
    output = collect(tuple(OURS), tmp_path)
    assert CANARY not in output
    assert {" net/core/somaxconn:128", " /opt/x/license.dat", " ntp.example"} <= set(output.splitlines())


# Recorded from virtual machines that were booted from Debian's own packages, with a file in /etc/sysctl.d and a unit that nobody enabled. They
# are slow, and what came after a section's limit is not in the files of Debian 11 and 13.
def recorded(release: str) -> dict[str, Any]:
    text = (FIXTURES / f"{release}-machine.txt").read_text(encoding="utf-8")
    names = [name for name in OURS if f"{BOUNDARY} section {name}\n" in text]
    found = split(text, BOUNDARY, dict.fromkeys(names, 0), release)
    return {name: OURS[name].parse(found[name]) for name in names}


@pytest.mark.parametrize(("release", "memlock"), [("debian11", 65536), ("debian12", 8388608), ("debian13", 8388608)])
def test_real_machines_are_read(release: str, memlock: int) -> None:
    found = recorded(release)
    assert (found["machine"]["virtual"], found["machine"]["vendor"], found["machine"]["bios_date"]) == ("qemu", "QEMU", "2014-04-01")
    assert [row["size_mib"] for row in found["machine"]["modules"]] == [1024]
    hand = next(row for row in found["limits"] if row["unit"] == "byhand.service")
    assert (hand["umask"], hand["limits"]["nproc"]["soft"], hand["limits"]["memlock"]["soft"]) == ("0002", 5000, memlock)
    assert hand["environment"] == {"LANG": "C.UTF-8", "TZ": "Europe/Berlin"}
    assert found["binaries"]["checked"] >= 14 and found["binaries"]["modified"] == []
    assert [(row["name"], row["rotational"]) for row in found["storage"]["devices"]] == [("sda", True)]
    assert found["storage"]["mounts"] == [{"source": "/dev/sda", "target": "/", "type": "ext4", "options": ["errors=remount-ro", "relatime", "rw"]}]
    assert found["power"]["watts"] is None and len(found["power"]["tried"]) == 3


def test_a_real_boot_and_a_real_clock() -> None:
    found = recorded("debian12")
    assert found["boot"]["kernel_newest"] == found["boot"]["kernel_running"] == "6.1.0-50-cloud-amd64"
    assert found["boot"]["not_enabled"] == ["byhand.service"]
    assert (found["clock"]["daemon"], found["clock"]["synchronised"], found["clock"]["servers"]) == ("chronyd", False, ["2.debian.pool.ntp.org"])
    assert found["clock"]["tz_version"] == "2026b"


@pytest.mark.parametrize("release", ["debian12", "debian13"])
def test_a_machine_as_it_was_installed_differs_only_where_people_changed_it(release: str) -> None:
    found = recorded(release)["kernel"]
    assert [(row["name"], row["file"], row["line"]) for row in found["set_by"]] == [
        ("net.core.somaxconn", "/etc/sysctl.d/60-web.conf", 2),
        ("vm.swappiness", "/etc/sysctl.d/60-web.conf", 3),
    ]
    drift = {name for name, value in found["sysctl"].items() if name in DEFAULTS and differs(name, value) and value not in FORMER.get(name, ())}
    assert drift == {"net.core.somaxconn", "vm.swappiness"}


def test_jobs_and_workers_that_come_and_go_are_no_change() -> None:
    row: dict[str, Any] = {"unit": "php7.4-fpm.service", "process": "php-fpm7.4", "umask": "0022", "limits": {}, "environment": {}, "count": 4}
    job = row | {"unit": "cron.service", "process": "php", "umask": "0077"}
    assert limits.PART.steady([row, job]) == limits.PART.steady([row | {"count": 9}])
    assert limits.PART.steady([row]) != limits.PART.steady([row | {"umask": "0002"}])
