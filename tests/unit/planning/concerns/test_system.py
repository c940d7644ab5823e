# SPDX-License-Identifier: GPL-3.0-or-later
"""The system below the services: every detector speaks when it should, and is silent when it should."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._planning import debian13_kernel, lifespans, processors
from ansible_collections.lotse.estate.plugins.module_utils._planning.carried import base
from ansible_collections.lotse.estate.plugins.module_utils._planning.model import LegacyHost

from ..cases import Case, Quiet, assessed, both, check, inside, part, quiet, section, silent
from ..estates import concerns

Row = dict[str, Any]


def process(unit: str, **fields: Any) -> list[Row]:
    row: Row = {"unit": unit, "process": unit.split(".")[0], "uid": 1, "umask": "0022", "oom_score_adj": 0, "limits": {}, "environment": {}}
    return [row | {"count": 1} | fields]


def sysctl(host: str, name: str, value: str, file: str | None = None, **running: str) -> Any:
    told = [{"name": name, "value": value, "file": file, "line": 3}] if file else []
    return part(host, "kernel", sysctl={name: value, **running}, set_by=told)


def disk(**fields: Any) -> Row:
    row = {"name": "sda", "reads": 5000, "writes": 90000, "flushes": 20000, "read_ms": 4.0, "write_ms": 1.0, "flush_ms": 0.2, "scheduler": "none",
           "write_cache": "write back", "rotational": True, "requests": 256, "read_ahead_kib": 128}  # fmt: skip
    return row | fields


def mount(*options: str) -> list[Row]:
    return [{"source": "/dev/sda1", "target": "/srv", "type": "ext4", "options": list(options)}]


NUMA = [{"node": 0, "memory_mib": 400, "cpus": "0-7"}, {"node": 1, "memory_mib": 400, "cpus": "8-15"}]
HASP = {"id": "0529:0001", "vendor": "AKS", "product": "HASP HL 3.25", "classes": ["ff"]}
MODEM = {"id": "12d1:1506", "vendor": "HUAWEI", "product": "Mobile", "classes": ["ff"]}
KEYBOARD = {"id": "046b:ff10", "vendor": "American Megatrends Inc.", "product": "Virtual Keyboard and Mouse", "classes": ["03", "08"]}
BERLIN = inside("web1", "os", "time_zone", value="Europe/Berlin")
MEMLOCK = {"memlock": {"soft": "unlimited", "hard": "unlimited"}}
BOUND = {"nproc": {"soft": 63000, "hard": 63000}}
TICKS = {"user": 500, "system": 300, "idle": 9000, "steal": 200}

CASES: list[Case] = [
    ("time-zone", inside("db1", "os", "time_zone", value="Europe/Berlin"), "critical", True),
    ("process-time-zone", section("web1", "limits", process("nginx.service", environment={"TZ": "America/Lima"})), "critical", True),
    ("process-time-zone", both(BERLIN, section("web1", "limits", process("nginx.service", environment={"TZ": ":Europe/Berlin"}))), "info", True),
    ("tzdata-age", both(BERLIN, part("web1", "clock", tz_version="2019c")), "warning", False),
    ("tzdata-age", part("db1", "clock", tz_version="2015a"), "info", False),
    ("service-locale", section("db1", "limits", process("mariadb.service", umask="0007", environment={"LANG": "de_DE.UTF-8"})), "warning", False),
    ("service-umask", section("web1", "limits", process("php7.4-fpm.service", umask="0002")), "warning", True),
    ("service-umask", section("edge1", "limits", process("haproxy.service", umask="0077")), "warning", True),
    ("uid-mismatch", inside("web1", "users", 0, "uid", value=1501), "critical", True),
    ("nofile-limit", section("db1", "services", [{"name": "mariadb", "nofile": 20000, "nofile_unit": 48000}]), "warning", True),
    ("nofile-limit", section("web1", "services", [{"name": "nginx", "nofile": 1048576}]), "warning", False),
    ("process-limits", both(section("web1", "limits", process("nginx.service", limits=BOUND)), sysctl("web1", "kernel.threads-max", "30000")),
     "warning", True),
    ("process-limits", section("db1", "limits", process("mysql.service", umask="0007", limits=MEMLOCK)), "warning", True),
    ("process-limits", section("db1", "limits", [*process("mysql.service", umask="0007", limits=MEMLOCK), *process("mysql.service", umask="0007")]),
     "warning", False),
    ("service-umask", section("web1", "limits", [*process("php7.4-fpm.service", umask="0002"), *process("php7.4-fpm.service", umask="0027")]),
     "warning", False),
    ("sysctl-drift", sysctl("db1", "net.core.somaxconn", "65535", "/etc/sysctl.d/10-web.conf"), "critical", True),
    ("sysctl-drift", sysctl("db1", "vm.swappiness", "1", "/etc/sysctl.conf"), "warning", True),
    ("sysctl-drift", sysctl("db1", "vm.nr_hugepages", "4096", "/etc/sysctl.conf"), "warning", False),
    ("sysctl-drift", sysctl("db1", "net.ipv4.tcp_tw_recycle", "1", "/etc/sysctl.conf"), "warning", False),
    ("sysctl-drift", sysctl("db1", "vm.overcommit_memory", "1"), "warning", False),
    ("sysctl-drift", sysctl("db1", "net.ipv4.tcp_fin_timeout", "15"), "info", False),
    ("cpu-flags", part("db1", "machine", cpu_flags=["aes", "avx2", "sse2"]), "info", False),
    ("cpu-flags", part("db1", "binaries", needs=[{"exe": "/opt/own", "isa": "x86-64-v3"}]), "warning", False),
    ("architecture", inside("db1", "os", "architecture", value="i686"), "critical", False),
    ("clock-source", part("db1", "kernel", clocksource="hpet"), "info", False),
    ("clock-source", part("db1", "kernel", clocksource="tsc", command_line=["clocksource=tsc"]), "info", False),
    ("clock-offset", part("db1", "clock", daemon="ntpd", synchronised=True, offset_ms=-900.0), "warning", False),
    ("clock-offset", part("db1", "clock", daemon="ntpd", synchronised=False, offset_ms=90_000.0), "critical", False),
    ("clock-offset", part("db1", "clock", daemon="chronyd", synchronised=False), "warning", False),
    ("clock-offset", part("db1", "machine", virtual="none"), "warning", False),
    ("entropy", part("db1", "kernel", entropy_avail=120), "info", False),
    ("entropy", part("db1", "kernel", entropy_avail=3000, entropy_daemon="haveged"), "info", False),
    ("fsync-latency", both(part("db1", "machine", virtual="none"),
                           part("db1", "storage", devices=[disk()])), "warning", False),
    ("fsync-latency", both(part("db1", "machine", virtual="kvm"), part("db1", "storage", devices=[disk()])), "info", False),
    ("fsync-latency", part("db1", "storage", devices=[disk(flushes=None, flush_ms=None, write_ms=35.0)]), "warning", False),
    ("fsync-latency", part("db1", "storage", devices=[disk(rotational=False)]), "info", False),
    ("write-barrier", part("web1", "storage", mounts=mount("rw", "nobarrier")), "warning", False),
    ("numa-span", part("db1", "machine", numa=NUMA), "warning", False),
    ("numa-span", both(part("db1", "machine", numa=[row | {"memory_mib": 65536} for row in NUMA]), part("db1", "kernel", command_line=["numa=off"])),
     "info", False),
    ("stolen-time", part("db1", "kernel", ticks=TICKS), "warning", False),
    ("stolen-time", part("db1", "kernel", counters={"balloon_inflate": 100}), "warning", False),
    ("usb-device", part("db1", "usb", devices=[HASP]), "critical", False),
    ("usb-device", part("db1", "usb", devices=[MODEM]), "warning", False),
    ("usb-device", part("db1", "usb", devices=[{"id": "051d:0003", "vendor": "APC", "product": "Smart-UPS", "classes": ["03"]}]), "warning", False),
    ("licence", part("db1", "usb", licence_files=["/opt/cad/license.dat"]), "warning", False),
    ("licence", part("db1", "usb", licence_daemons=["lmgrd"]), "critical", False),
    ("modified-binary", part("db1", "binaries", modified=[{"exe": "/usr/sbin/sshd", "package": "openssh-server"}]), "critical", False),
    ("long-uptime", inside("db1", "measured", "uptime_s", value=500 * 86400), "info", False),
    ("not-enabled", part("db1", "boot", not_enabled=["redis-server.service"]), "warning", False),
    ("not-enabled", part("db1", "boot", by_hand=[{"process": "node", "uid": 1501}]), "warning", False),
    ("loose-mount", part("web1", "boot", mounts_not_configured=["/mnt/nas"]), "warning", False),
    ("reboot-pending", part("web1", "boot", kernel_running="5.10.0-21-amd64", kernel_newest="5.10.0-30-amd64"), "info", False),
    ("reboot-pending", part("web1", "boot", failed=[{"unit": "x.service", "result": "exit-code"}]), "info", False),
    ("power-unknown", lambda _: None, "info", False),
    ("power-differs", part("db1", "power", watts=900.0, source="ipmi", whole=True), "info", False),
]  # fmt: skip

SILENT: list[Quiet] = [
    ("time-zone", inside("db1", "os", "time_zone", value="UTC")),
    ("process-time-zone", section("web1", "limits", process("ssh.service", environment={"TZ": "Asia/Tokyo"}))),
    ("tzdata-age", part("db1", "clock", tz_version="2024a")),
    ("service-locale", section("db1", "limits", process("mariadb.service", environment={"LANG": "C.UTF-8", "TZ": "UTC"}))),
    ("service-locale", section("db1", "limits", process("mariadb.service", environment={"LANG": "de_DE.UTF-8", "LC_ALL": "C"}))),
    ("service-umask", section("web1", "limits", process("nginx.service", umask="0000"))),
    ("service-umask", section("db1", "limits", process("mariadb.service", umask="0006"))),
    ("uid-mismatch", inside("web1", "users", 0, "shell", value="/bin/bash")),
    ("nofile-limit", section("db1", "services", [{"name": "mariadb", "nofile": 1024, "nofile_unit": 16384}])),
    ("process-limits", both(section("web1", "limits", process("nginx.service", limits={"nproc": {"soft": 15001, "hard": 15001}})),
                            sysctl("web1", "kernel.threads-max", "30002"))),
    ("process-limits", both(section("edge1", "limits", process("haproxy.service", limits={"nproc": {"soft": 0, "hard": 0}})),
                            sysctl("edge1", "kernel.threads-max", "30002"))),
    ("sysctl-drift", sysctl("db1", "net.core.somaxconn", "128", "/etc/sysctl.conf")),
    ("sysctl-drift", sysctl("db1", "fs.file-max", "2097152", "/etc/sysctl.conf")),
    ("sysctl-drift", sysctl("db1", "net.core.default_qdisc", "pfifo_fast")),
    ("sysctl-drift", sysctl("db1", "net.ipv4.tcp_mem", "188 250 376")),
    ("cpu-flags", part("db1", "machine", cpu_flags=["sse2", "pni", "cx16"])),
    ("architecture", inside("db1", "os", "architecture", value="amd64")),
    ("clock-source", part("db1", "kernel", clocksource="tsc", command_line=["quiet"])),
    ("clock-offset", part("db1", "clock", daemon="ntpd", synchronised=True, offset_ms=-12.0)),
    ("clock-offset", part("db1", "machine", virtual="kvm")),
    ("clock-offset", both(part("db1", "machine", virtual="lxc"), part("db1", "clock", synchronised=False))),
    ("entropy", part("db1", "kernel", entropy_avail=256)),
    ("fsync-latency", part("db1", "storage", devices=[disk(flushes=12)])),
    ("fsync-latency", part("web1", "storage", devices=[disk()])),
    ("write-barrier", part("web1", "storage", mounts=mount("rw", "noatime"))),
    ("numa-span", part("db1", "machine", numa=[row | {"memory_mib": 65536} for row in NUMA])),
    ("numa-span", part("db1", "machine", numa=NUMA[:1])),
    ("stolen-time", part("db1", "kernel", ticks=TICKS | {"steal": 1})),
    ("usb-device", part("db1", "usb", devices=[KEYBOARD])),
    ("usb-device", part("db1", "usb", devices=[{"id": "413c:a102", "vendor": "Dell(TM)", "product": "iDRAC Virtual NIC", "classes": ["02", "0a"]}])),
    ("licence", part("db1", "usb", devices=[HASP])),
    ("modified-binary", part("db1", "binaries", checked=40)),
    ("long-uptime", inside("db1", "measured", "uptime_s", value=90 * 86400)),
    ("not-enabled", part("db1", "boot", failed=[{"unit": "x.service", "result": "exit-code"}])),
    ("loose-mount", part("web1", "boot", not_enabled=["x.service"])),
    ("reboot-pending", part("web1", "boot", kernel_running="5.10.0-30-amd64", kernel_newest="5.10.0-30-amd64")),
    ("power-differs", part("db1", "power", watts=0.8, source="rapl", whole=False)),
    ("power-differs", part("db1", "power", watts=1.2, source="ipmi", whole=True)),
]  # fmt: skip
test_a_detector_speaks = check(CASES)
test_a_detector_is_silent = silent(SILENT)


def test_a_host_whose_facts_are_declared_is_not_asked_for_them() -> None:
    assert concerns(assessed(quiet(), legacy_facts={host: {"watts": 1, "rack_units": 1} for host in quiet()}), "power-unknown") == []


def test_what_a_machine_measured_helps_those_who_have_to_declare_it() -> None:
    surveys = quiet()
    part("db1", "power", watts=220.0, source="ipmi", whole=True, tried=[{"how": "ipmi", "result": "IPMI DCMI (ipmitool)"}])(surveys)
    row = next(row for row in concerns(assessed(surveys, legacy_facts={}), "power-unknown") if row["host"] == "db1")
    assert "220 W (IPMI DCMI (ipmitool))" in row["old"]


def test_a_kernel_parameter_that_people_set_reaches_the_guests_of_its_host_and_no_others() -> None:
    surveys = quiet()
    told = [{"name": name, "value": value, "file": "/etc/sysctl.d/10.conf", "line": 1} for name, value in
            (("net.core.somaxconn", "8192"), ("vm.swappiness", "60"), ("net.ipv4.tcp_tw_recycle", "1"), ("vm.nr_hugepages", "512"),
             ("kernel.hostname", "x"), ("net.ipv4.tcp_rmem", "4096 87380 33554432"), ("net.ipv4.conf.eth0.rp_filter", "0"))]  # fmt: skip
    running = {"net.core.somaxconn": "16384", "vm.swappiness": "60", "net.ipv4.tcp_rmem": "4096 87380 33554432"}
    part("db1", "kernel", sysctl=running, set_by=told)(surveys)
    settings = {row["name"]: row["settings"].get("base_sysctl") for row in assessed(surveys)["guests"]}
    assert settings == {"edge-01": None, "web-01": None, "db-01": {"net.core.somaxconn": "16384", "net.ipv4.tcp_rmem": "4096 87380 33554432"}}
    row = next(row for row in concerns(assessed(surveys), "sysctl-drift") if row["severity"] == "critical")
    assert "net.core.somaxconn = 16384 (/etc/sysctl.d/10.conf:1 says 8192)" in row["old"] and "net.core.somaxconn = 4096" in row["new"]


def test_what_old_units_gave_reaches_the_guests_units() -> None:
    surveys = quiet()
    section("web1", "limits", [
        *process("php7.4-fpm.service", umask="0002", environment={"TZ": "Asia/Tokyo"}, limits=BOUND), *process("nginx.service", umask="0000"),
        *process("cron.service", umask="0077"), *process("ssh.service", umask="0077"),
    ])(surveys)  # fmt: skip
    part("web1", "kernel", sysctl={"kernel.threads-max": "30000"})(surveys)
    settings = {row["name"]: row["settings"].get("base_units") for row in assessed(surveys)["guests"]}
    assert settings == {
        "edge-01": None, "db-01": None,
        "web-01": {"php8.4-fpm.service": {"Environment": "TZ=Asia/Tokyo", "LimitNPROC": "63000", "UMask": "0002"}},
    }  # fmt: skip


def test_what_runs_counts_where_a_file_says_another_thing() -> None:
    told = [{"name": "vm.swappiness", "value": "1", "file": "f", "line": 1}]
    host = LegacyHost("x", {"kernel": {"sysctl": {"vm.swappiness": "60"}, "set_by": told}})
    assert base.sysctl(host) == {}


def test_an_untuned_debian_11_or_12_has_no_drift() -> None:
    """The values of FORMER are those that differ in these releases as they boot."""
    values = dict(debian13_kernel.DEFAULTS)
    for name, former in debian13_kernel.FORMER.items():
        values[name] = min(former)
    surveys = quiet()
    for host in surveys:
        part(host, "kernel", sysctl=values)(surveys)
    assert concerns(assessed(surveys), "sysctl-drift") == []


@pytest.mark.parametrize(
    ("cpu", "severity"),
    [("kvm64", "critical"), ("x86-64-v2-AES", "critical"), ("x86-64-v3", None), ("host", None), ("cputype=kvm64,flags=+aes", "critical")],
)
def test_a_program_that_needs_more_than_the_guests_processor_blocks(cpu: str, severity: str | None) -> None:
    surveys = quiet()
    part("db1", "binaries", needs=[{"exe": "/opt/own", "isa": "x86-64-v3"}])(surveys)
    defaults = {"template": "debian-13", "bridge": "vmbr0", "storage": "shared", "pool": "community", "cpu": cpu}
    found = assessed(surveys, guest_defaults=defaults)
    assert [row["severity"] for row in concerns(found, "cpu-flags")] == ([severity] if severity else [])
    assert {row["cpu"] for row in found["guests"]} == {cpu}


def test_features_of_a_cpu_type() -> None:
    assert processors.has("x86-64-v2-AES", "aes") and not processors.has("x86-64-v2", "aes") and not processors.has(None, "aes")
    assert processors.has("kvm64,flags=+aes;+pcid", "aes") and not processors.has("kvm64,flags=-aes", "aes")
    assert processors.has("host", "avx512f") and not processors.wanted("host")


def test_a_system_without_updates_is_not_carried_on_silently() -> None:
    surveys = copy.deepcopy(quiet())
    surveys["db1"]["os"]["version"] = "10"
    rule = {"os": {"guests": {"db-01": "carry"}}, "templates": {"debian 10": "debian-13"}}
    row = concerns(assessed(surveys, **rule), "end-of-life")
    assert [(one["host"], one["severity"], one["applied"]) for one in row] == [("db1", "critical", False)]
    assert concerns(assessed(surveys), "end-of-life") == []


def test_the_end_of_support_is_known_by_release() -> None:
    today = lifespans.ENDS["debian-11"]
    assert lifespans.ended("debian 11", today) is None
    assert lifespans.ended("debian 10", today) == lifespans.ENDS["debian-10"]
    assert lifespans.ended("alpine 3.16.2", today) == lifespans.ENDS["alpine-3.16"]
    assert lifespans.ended("plan9 4", today) is None
