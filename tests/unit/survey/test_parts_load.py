# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of the survey that the load over time is made of: counters of the kernel, and sysstat's archives."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._survey import wire
from ansible_collections.lotse.estate.plugins.module_utils._survey.load.samples import MEASURES
from ansible_collections.lotse.estate.plugins.module_utils._survey.parts import counters, sysstat
from ansible_collections.lotse.estate.plugins.module_utils._survey.wire import Section, UnseenError

from .helpers import BOUNDARY, collect, section
from .test_survey_secrets import SHELLS, programs

MIB = 1024**2


def asked(name: str, root: Path, environment: dict[str, str] | None = None) -> Section:
    """What the collector's real program says about a tree."""
    return wire.split(collect((name,), root, environment), BOUNDARY, {name: 0}, "here")[name]


def tree(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


# /proc of a Debian 11 (kernel 5.10); the fields are those of proc(5) and of the kernel's Documentation/block/stat.rst.
HOST = {
    "proc/uptime": "5000.25 9000.00\n",
    "proc/sys/kernel/random/boot_id": "11111111-2222-3333-4444-555555555555\n",
    "proc/stat": "cpu  1000 200 300 90000 4000 50 60 700 80 0\ncpu0 1000 200 300 90000 4000 50 60 700 80 0\nbtime 1795000000\n",
    "proc/meminfo": "MemTotal:        2048000 kB\nMemFree:          100000 kB\nMemAvailable:    1024000 kB\nBuffers:           1000 kB\n",
    "proc/net/dev": (
        "Inter-|   Receive                                                |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"
        "    lo: 99999999999 1 0 0 0 0 0 0 99999999999 1 0 0 0 0 0 0\n"
        f"  eth0: {3 * MIB} 10 0 0 0 0 0 0 {2 * MIB} 10 0 0 0 0 0 0\n"
        f"eth0.12:{7 * MIB} 10 0 0 0 0 0 0 {7 * MIB} 10 0 0 0 0 0 0\n"
        f" bond0: {9 * MIB} 10 0 0 0 0 0 0 {9 * MIB} 10 0 0 0 0 0 0\n"
    ),
    "proc/mounts": "/dev/sda1 / ext4 rw 0 0\n",
    "sys/block/sda/stat": "  100 0 4096 10 50 0 8192 20 0 30 30\n",
    "sys/block/dm-0/stat": "  100 0 4096 10 50 0 8192 20 0 30 30\n",
}  # fmt: skip
CONTAINER = {
    **HOST,
    "run/systemd/container": "systemd-nspawn\n",
    "sys/fs/cgroup/memory.current": f"{300 * MIB}\n",
    "sys/fs/cgroup/memory.stat": f"anon {90 * MIB}\nfile {210 * MIB}\ninactive_file {150 * MIB}\nactive_file {50 * MIB}\n",
    "sys/fs/cgroup/cpu.stat": "usage_usec 12500000\nuser_usec 1\nsystem_usec 1\n",
    "sys/fs/cgroup/io.stat": f"8:0 rbytes={4 * MIB} wbytes={8 * MIB} rios=11 wios=22 dbytes=0 dios=0\n8:16 rbytes={MIB} wbytes=0 rios=1 wios=0\n",
}  # fmt: skip


@pytest.mark.parametrize("shell", SHELLS)
def test_what_a_host_counts(tmp_path: Path, shell: str) -> None:
    found = counters.parse(asked("counters", tree(tmp_path / "root", HOST), programs(tmp_path / "bin", shell)))
    assert (found["uptime_s"], found["boot"][:8], found["container"]) == (5000, "11111111", "")
    assert found["cpu_s"] == 16.1, "user, nice, system, irq and softirq; neither waiting, nor stolen, nor a guest's time twice"
    assert found["memory_mib"] == 1000
    assert (found["disk_read_mib"], found["disk_written_mib"], found["disk_operations"]) == (2.0, 4.0, 150), "a disk, and not what lies on it"
    assert found["network_mib"] == 5.0, "cards, and neither bonds, VLANs nor loopback"
    assert abs(found["clock"] - time.time()) < 60


@pytest.mark.parametrize("shell", SHELLS)
def test_what_a_container_counts_is_its_own(tmp_path: Path, shell: str) -> None:
    found = counters.parse(asked("counters", tree(tmp_path / "root", CONTAINER), programs(tmp_path / "bin", shell)))
    assert found["container"] == "systemd-nspawn"
    assert (found["cpu_s"], found["memory_mib"]) == (12.5, 100)
    assert (found["disk_read_mib"], found["disk_written_mib"], found["disk_operations"]) == (5.0, 8.0, 34)


def test_a_container_without_a_group_of_its_own_has_seen_the_whole_machine_only(tmp_path: Path) -> None:
    files = {
        **HOST, "run/systemd/container": "lxc\n", "sys/fs/cgroup/cpuacct/cpuacct.usage": "99\n", "sys/fs/cgroup/cpuacct/release_agent": "",
    }  # fmt: skip
    found = counters.parse(asked("counters", tree(tmp_path, files)))
    assert (found["cpu_s"], found["memory_mib"], found["disk_operations"]) == (None, None, None)
    assert found["network_mib"] == 5.0


def test_a_container_with_control_groups_of_version_1(tmp_path: Path) -> None:
    files = {
        **HOST, "run/systemd/container": "docker\n", "sys/fs/cgroup/cpuacct/cpuacct.usage": "2500000000\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{50 * MIB}\n",
        "sys/fs/cgroup/memory/memory.stat": f"inactive_file 1\ntotal_inactive_file {8 * MIB}\ntotal_active_file {2 * MIB}\n",
    }  # fmt: skip
    found = counters.parse(asked("counters", tree(tmp_path, files)))
    assert (found["cpu_s"], found["memory_mib"]) == (2.5, 40)


def test_lxcfs_shows_a_container_its_own(tmp_path: Path) -> None:
    mounts = "lxcfs /proc/stat fuse.lxcfs rw 0 0\nlxcfs /proc/meminfo fuse.lxcfs rw 0 0\n"
    found = counters.parse(asked("counters", tree(tmp_path, {**HOST, "run/systemd/container": "lxc\n", "proc/mounts": mounts})))
    assert (found["cpu_s"], found["memory_mib"], found["disk_operations"]) == (16.1, 1000, None)


def test_a_kernel_before_3_14_has_no_available_memory() -> None:
    memory = "MemTotal: 10240 kB\nMemFree: 1024 kB\nCached: 3072 kB\nShmem: 1024 kB"
    answer = section("counters", clock="1", uptime="1.5 1", stat="cpu  1 1 1 1", memory=memory)
    assert counters.parse(answer)["memory_mib"] == 7


@pytest.mark.parametrize("blocks", [{}, {"clock": "x", "uptime": "1 1", "stat": ""}, {"clock": "1", "uptime": "-", "stat": "cpu"}])
def test_no_counters_are_not_zero(blocks: dict[str, str]) -> None:
    with pytest.raises(UnseenError):
        counters.parse(section("counters", None, **blocks))


# `sadf -d FILE -- -u -r -b -n DEV` of sysstat 9.0.4 (CentOS 6), 10.1.5 (CentOS 7), 11.6.1 (Ubuntu 18.04) and 12.6.1 (Debian 12), by their
# documented columns: before 11.5 there is no kbavail and kbmemused counts the cache, before 12 no dtps and bdscd/s.
CPU = "# hostname;interval;timestamp;CPU;%user;%nice;%system;%iowait;%steal;%idle"
OUTPUTS = {
    "9.0.4": [
        CPU, "old;-1;2026-11-20 10:00:00 UTC;LINUX-RESTART",
        "old;600;2026-11-20 10:10:01 UTC;-1;20.00;0.00;5.00;10.00;0.00;65.00", "old;600;2026-11-20 10:20:01 UTC;-1;40.00;0.00;10.00;0.00;0.00;50.00",
        "# hostname;interval;timestamp;tps;rtps;wtps;bread/s;bwrtn/s",
        "old;600;2026-11-20 10:10:01 UTC;12.00;4.00;8.00;2048.00;4096.00", "old;600;2026-11-20 10:20:01 UTC;2.00;1.00;1.00;0.00;0.00",
        "# hostname;interval;timestamp;kbmemfree;kbmemused;%memused;kbbuffers;kbcached;kbcommit;%commit",
        "old;600;2026-11-20 10:10:01 UTC;1;1024000;50.00;100000;412000;1;1", "old;600;2026-11-20 10:20:01 UTC;1;1024000;50.00;0;0;1;1",
        "# hostname;interval;timestamp;IFACE;rxpck/s;txpck/s;rxkB/s;txkB/s;rxcmp/s;txcmp/s;rxmcst/s",
        "old;600;2026-11-20 10:10:01 UTC;lo;1;1;9999.00;9999.00;0;0;0", "old;600;2026-11-20 10:10:01 UTC;eth0;1;1;512.00;512.00;0;0;0",
        "old;600;2026-11-20 10:20:01 UTC;eth0;1;1;0.00;0.00;0;0;0",
    ],
    "11.6.1": [
        CPU,
        "u18;600;2026-11-20 10:10:01 UTC;-1;20.00;0.00;5.00;10.00;0.00;65.00", "u18;600;2026-11-20 10:20:01 UTC;-1;40.00;0.00;10.00;0.00;0.00;50.00",
        "# hostname;interval;timestamp;tps;rtps;wtps;bread/s;bwrtn/s",
        "u18;600;2026-11-20 10:10:01 UTC;12.00;4.00;8.00;2048.00;4096.00", "u18;600;2026-11-20 10:20:01 UTC;2.00;1.00;1.00;0.00;0.00",
        "# hostname;interval;timestamp;kbmemfree;kbavail;kbmemused;%memused;kbbuffers;kbcached;kbcommit;%commit;kbactive;kbinact;kbdirty",
        "u18;600;2026-11-20 10:10:01 UTC;1;1536000;9;9;9;9;9;9;9;9;9", "u18;600;2026-11-20 10:20:01 UTC;1;1024000;9;9;9;9;9;9;9;9;9",
        "# hostname;interval;timestamp;IFACE;rxpck/s;txpck/s;rxkB/s;txkB/s;rxcmp/s;txcmp/s;rxmcst/s;%ifutil",
        "u18;600;2026-11-20 10:10:01 UTC;veth1@if3;1;1;9999.00;9999.00;0;0;0;0", "u18;600;2026-11-20 10:10:01 UTC;ens3;1;1;512.00;512.00;0;0;0;0",
        "u18;600;2026-11-20 10:20:01 UTC;ens3;1;1;0.00;0.00;0;0;0;0",
    ],
}  # fmt: skip
OUTPUTS["12.6.1"] = [
    line.replace("tps;rtps;wtps;bread/s;bwrtn/s", "tps;rtps;wtps;dtps;bread/s;bwrtn/s;bdscd/s").replace(";4.00;8.00;", ";4.00;8.00;0.00;")
    .replace("1.00;1.00;0.00;0.00", "1.00;1.00;0.00;0.00;0.00;0.00") for line in OUTPUTS["11.6.1"]
]  # fmt: skip


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("version", OUTPUTS)
def test_archives_of_each_version_of_sysstat(tmp_path: Path, version: str, shell: str) -> None:
    environment = programs(tmp_path / "bin", shell)
    (tmp_path / "answer").write_text("\n".join(OUTPUTS[version]) + "\n", encoding="utf-8")
    sadf = tmp_path / "bin" / "sadf"
    sadf.unlink(missing_ok=True)
    sadf.write_text(f"#!/bin/sh\nif [ \"$1\" = -V ]; then echo 'sysstat version {version}' >&2; else cat {tmp_path}/answer; fi\n", encoding="utf-8")
    sadf.chmod(0o755)
    root = tree(tmp_path / "root", {"var/log/sa/sa20": "x", "var/log/sa/sar20": "text", "proc/meminfo": "MemTotal:  2048000 kB\n"})
    answer = asked("sysstat", root, environment)
    cpus = int(answer.first("cpus"))
    found = sysstat.samples(answer)
    assert [(one.end % 86400, one.seconds) for one in found] == [(36600, 600), (37200, 600)]
    values = dict(zip(MEASURES, found[0].values, strict=True))
    assert values["cpu_cores"] == pytest.approx(0.25 * cpus), "waiting for a disk is no work"
    assert (values["memory_mib"], values["disk_read_mib_s"], values["disk_write_mib_s"]) == (500, 1, 2)
    assert (values["disk_iops"], values["network_mib_s"]) == (12, 1)
    assert found[1].values[1:] == (1000, 0, 0, 2, 0)
    about = sysstat.parse(answer)
    assert about and (about["version"], about["archives"], about["samples"]) == (version, 1, 2)
    assert (about["first"], about["last"]) == ("2026-11-20T10:10Z", "2026-11-20T10:20Z")


def test_archives_that_nobody_can_read(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": str(tmp_path / "bin")}  # a host without sadf
    (tmp_path / "bin").mkdir()
    for program in Path("/usr/bin").iterdir():
        if program.name != "sadf":
            (tmp_path / "bin" / program.name).symlink_to(program)
    root = tree(tmp_path / "root", {"var/log/sa/sa20": "x", "proc/meminfo": "MemTotal: 1 kB\n"})
    answer = asked("sysstat", root, environment)
    assert not answer.absent and answer.unseen == ("there are archives of sysstat, and no program sadf to read them",)
    with pytest.raises(UnseenError, match="no program sadf"):
        sysstat.parse(answer)
    (root / "var/log/sa/sa20").unlink()
    assert sysstat.parse(asked("sysstat", root, environment)) is None


@pytest.mark.skipif(not Path("/usr/lib/sysstat/sadc").is_file(), reason="sysstat is not installed: scripts/setup installs it")
def test_real_archives(tmp_path: Path) -> None:
    """sadc writes, sadf reads, the collector reduces: memory and time agree with the kernel."""
    folder = tmp_path / "root" / "var/log/sysstat"
    folder.mkdir(parents=True)
    subprocess.run(["/usr/lib/sysstat/sadc", "1", "3", str(folder / "sa24")], check=True, timeout=30)
    (folder / "sa23").write_bytes(b"no archive")
    shutil.copy(folder / "sa24", folder / "sa22.xz")
    began = time.time()
    answer = asked("sysstat", tmp_path / "root")
    about: Any = sysstat.parse(answer)
    assert (about["archives"], about["packed"], about["unreadable"]) == (3, 1, 1)
    found = sysstat.samples(answer)
    assert 1 <= len(found) <= 2 and sum(one.seconds for one in found) == 2
    assert began - 1300 < found[-1].end <= began
    values = dict(zip(MEASURES, found[-1].values, strict=True))
    memory = {line.split(":")[0]: int(line.split()[1]) for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines() if "kB" in line}
    used = (memory["MemTotal"] - memory["MemAvailable"]) / 1024
    assert values["memory_mib"] == pytest.approx(used, rel=0.5, abs=1500)
    assert values["cpu_cores"] is not None and 0 <= values["cpu_cores"] <= int(answer.first("cpus"))
    assert None not in (values["disk_iops"], values["network_mib_s"])


@pytest.mark.parametrize(
    "line", ["", "2026-13-40 10:10 600 1 1 1 1 1 1", "x" * 500, "2026-11-20 10:10 0 1 1 1 1 1 1", "2026-11-20 10:10 600 1 1 1 nan 1 1"]
)
def test_lines_that_are_no_samples(line: str) -> None:
    assert sysstat.samples(section("sysstat", samples=line)) == []
