# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel runs with: parameters, and the files in which people set them; command line, clock source, huge pages, entropy, pressure."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from ..part import COUNT, COUNT_OR_NULL, MAYBE, NUMBER, TEXT, VALUES, WORDS, Limits, Part, or_null, record, rows
from ..wire import Section, number

INTERFACE = re.compile(r"net\.ipv[46]\.(?:conf|neigh)\.(?!all\.|default\.).*")
TICKS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice")
CONFIGURED = re.compile(r"(-?)\s*([A-Za-z0-9_./*-]{2,200})\s*=\s*(.*)", re.DOTALL)


def parse(section: Section) -> dict[str, Any]:
    """``sysctl`` are running values; ``set_by`` the last file of people's that names one, in the order in which the host reads them."""
    values = {}
    for line in section.lines("sysctl"):
        path, sign, value = line.partition(":")
        name = dotted(path)
        if sign and not INTERFACE.fullmatch(name):
            values[name] = " ".join(value.split())[:500]
    clock = [line.strip() for line in _told(section, "clocksource")]
    huge = dict(line.partition(":")[::2] for line in _told(section, "thp"))
    return {
        "sysctl": dict(sorted(values.items())),
        "set_by": _set_by(section),
        "command_line": section.first("cmdline").split(),
        "clocksource": clock[0] if clock else None,
        "clocksources": clock[1].split() if len(clock) > 1 else [],
        "thp": _chosen(huge.get("enabled", "")),
        "thp_defrag": _chosen(huge.get("defrag", "")),
        "entropy_avail": number(section.first("entropy")),
        "entropy_daemon": posixpath.basename(section.first("entropy_daemon")) or None,
        "hw_rng": section.first("hw_rng").removeprefix("none") or None,
        "swap": _swap(_told(section, "swaps")),
        "conntrack": _conntrack(_told(section, "conntrack")),
        "pressure": _pressure(_told(section, "pressure")),
        "ticks": _ticks(section.first("ticks")),
        "counters": _counters(_told(section, "vmstat")),
        "modules": sorted({line.strip() for line in _told(section, "modules")}),
    }


def _told(section: Section, block: str) -> list[str]:
    return [line for line in section.blocks.get(block, []) if line.strip()]


def dotted(path: str) -> str:
    """``net/ipv4/tcp_rmem`` -> ``net.ipv4.tcp_rmem``. As sysctl does: what comes first, a slash or a dot, is the separator."""
    first = re.search(r"[./]", path)
    return path.replace(".", "\n").replace("/", ".").replace("\n", "/") if first and first[0] == "/" else path


def _set_by(section: Section) -> list[dict[str, Any]]:
    packaged = {line.strip() for line in section.blocks.get("packaged", [])}
    found: dict[str, dict[str, Any]] = {}
    # Debian reads /etc/sysctl.conf last, as 99-sysctl.conf; the others by their names, whatever their folder.
    paths = sorted(section.files, key=lambda path: ("~" if path == "/etc/sysctl.conf" else posixpath.basename(path), path))
    for path in paths:
        if path in packaged:
            continue
        for position, line in enumerate(section.files[path], 1):
            text = line.strip()
            match = CONFIGURED.fullmatch(text) if text and text[0] not in "#;" else None
            if match:
                name = dotted(match[2])
                found[name] = {"name": name, "value": " ".join(match[3].split())[:500], "file": path, "line": position}
    return [found[name] for name in sorted(found)]


def _chosen(text: str) -> str | None:
    """``always [madvise] never`` -> ``madvise``."""
    match = re.search(r"\[([\w+-]{1,40})\]", text)
    return match[1] if match else None


def _swap(lines: list[str]) -> list[dict[str, Any]]:
    found = []
    for line in lines:
        words = line.split()
        if len(words) == 5 and (size := number(words[2])) is not None:
            found.append({"name": words[0], "type": words[1], "size_mib": size // 1024, "used_mib": (number(words[3]) or 0) // 1024})
    return sorted(found, key=lambda row: str(row["name"]))


def _conntrack(lines: list[str]) -> dict[str, int | None] | None:
    found = dict(line.split(" ", 1) for line in lines if " " in line)
    if number(found.get("max", "")) is None:
        return None
    return {name: number(found.get(name, "")) for name in ("count", "max", "buckets")}


def _pressure(lines: list[str]) -> dict[str, float] | None:
    """``cpu:some avg10=0.00 avg60=0.12 avg300=0.05 total=123`` -> ``cpu_some: 0.05``: the share of the last five minutes in percent."""
    found = {}
    for line in lines:
        match = re.match(r"(cpu|memory|io):(some|full) .{0,100}\bavg300=(\d{1,3}\.\d{1,4})", line, re.ASCII)
        if match:
            found[f"{match[1]}_{match[2]}"] = float(match[3])
    return found or None


def _ticks(line: str) -> dict[str, int]:
    return {name: number(word) or 0 for name, word in zip(TICKS, line.split()[1:], strict=False)}


def _counters(lines: list[str]) -> dict[str, int]:
    found = {}
    for line in lines:
        name, _, value = line.strip().partition(" ")
        if re.fullmatch(r"[a-z_]{1,40}", name) and (count := number(value)) is not None:
            found[name] = count
    return dict(sorted(found.items()))


# Counters, and sizes that the kernel makes of what happens.
MOVING = re.compile(
    r"fs\.(aio-nr|dentry-state|file-nr|inode-nr|inode-state|dentry-negative)|fs\.quota\..*|kernel\.(pty\..*|hung_task_.*count|hung_task_warnings|ns_last_pid|random\..*|acct)|"
    r"net\.netfilter\.nf_conntrack_(count|.*_stats)|net\.ipv4\.(tcp_.*_mem_used|route\.gc.*)|.*\.(stat_interval_.*)"
)


def _steady(value: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value[name] for name in ("set_by", "command_line", "clocksource", "thp", "thp_defrag", "entropy_daemon", "hw_rng")}
    kept["sysctl"] = {name: text for name, text in value["sysctl"].items() if not MOVING.fullmatch(name)}
    return kept | {"swap": [{"name": row["name"], "size_mib": row["size_mib"]} for row in value["swap"]]}


PART = Part(
    "kernel",
    Limits(15, 500_000),
    parse,
    record(
        sysctl=VALUES, set_by=rows(name=TEXT, value=TEXT, file=TEXT, line=COUNT), command_line=WORDS, clocksource=MAYBE, clocksources=WORDS,
        thp=MAYBE, thp_defrag=MAYBE, entropy_avail=COUNT_OR_NULL, entropy_daemon=MAYBE, hw_rng=MAYBE,
        swap=rows(name=TEXT, type=TEXT, size_mib=COUNT, used_mib=COUNT),
        conntrack=or_null(record(count=COUNT_OR_NULL, max=COUNT, buckets=COUNT_OR_NULL)),
        pressure=or_null({"type": "object", "additionalProperties": NUMBER}),
        ticks={"type": "object", "additionalProperties": COUNT}, counters={"type": "object", "additionalProperties": COUNT}, modules=WORDS,
    ),
    empty={
        "sysctl": {}, "set_by": [], "command_line": [], "clocksource": None, "clocksources": [], "thp": None, "thp_defrag": None,
        "entropy_avail": None, "entropy_daemon": None, "hw_rng": None, "swap": [], "conntrack": None, "pressure": None, "ticks": {},
        "counters": {}, "modules": [],
    },
    steady=_steady,
)  # fmt: skip
