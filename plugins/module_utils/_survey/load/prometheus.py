# SPDX-License-Identifier: GPL-3.0-or-later
"""What Prometheus is asked about a host, and how its answers are read. Pure; ``_ansible/prometheus.py`` does the asking.

Metrics of node_exporter have two names: those before and since its release 0.16. ``or`` takes whichever was there at each moment.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..._domain.errors import LotseError
from .samples import DAY, FINE_DAYS, FINE_S, MEASURES, Sample, Source, sample

STEP_S = 600
MOST_POINTS = 5000  # Prometheus answers 11000 at most
MIB = 1024**2
BUSY = 'mode!~"idle|iowait|steal|guest|guest_nice"'
DISKS = 'device!~"(dm-|md|loop|ram|zram|sr|fd|nbd|drbd).*"'
CARDS = 'device!~"(lo|bond|br|veth|docker|virbr|vnet|tap|tun|wg|dummy|ifb|vlan|vmbr|fwbr|fwpr|fwln|cni|flannel|cali).*|.*[.@].*"'
FILES = 'fstype!~"tmpfs|devtmpfs|overlay|squashfs|ramfs|iso9660|fuse.lxcfs"'


Points = Sequence[tuple[int, float]]  # moment and value


class Window(NamedTuple):
    start: int
    end: int
    step: int


def _rate(more: str, *names: str) -> str:
    return " + ".join(f"sum(rate({name}{{{more}}}[$window]))" for name in names)


def _used(suffix: str) -> str:
    """Two ways, because kernels before 3.14 do not tell what is available."""
    total, available, free, buffers, cached = (
        f"node_memory_{name}{suffix}{{$target}}" for name in ("MemTotal", "MemAvailable", "MemFree", "Buffers", "Cached")
    )
    return f"max({total} - {available}) or max({total} - {free} - {buffers} - {cached})"


def _either(more: str, new: tuple[str, ...], old: tuple[str, ...]) -> str:
    return f"{_rate(more, *new)} or {_rate(more, *old)}"


_DISK, _CARD = f"$target,{DISKS}", f"$target,{CARDS}"
# Expression and divisor by measure.
QUERIES: dict[str, tuple[str, int]] = {
    "cpu_cores": (_either(f"$target,{BUSY}", ("node_cpu_seconds_total",), ("node_cpu",)), 1),
    "memory_mib": (f"{_used('_bytes')} or {_used('')}", MIB),
    "disk_read_mib_s": (_either(_DISK, ("node_disk_read_bytes_total",), ("node_disk_bytes_read",)), MIB),
    "disk_write_mib_s": (_either(_DISK, ("node_disk_written_bytes_total",), ("node_disk_bytes_written",)), MIB),
    "disk_iops": (
        _either(
            _DISK,
            ("node_disk_reads_completed_total", "node_disk_writes_completed_total"),
            ("node_disk_reads_completed", "node_disk_writes_completed"),
        ),
        1,
    ),
    "network_mib_s": (
        _either(
            _CARD,
            ("node_network_receive_bytes_total", "node_network_transmit_bytes_total"),
            ("node_network_receive_bytes", "node_network_transmit_bytes"),
        ),
        MIB,
    ),
}
SIZE = f"max by (mountpoint) (node_filesystem_size_bytes{{$target,{FILES}}}) or max by (mountpoint) (node_filesystem_size{{$target,{FILES}}})"
USED = (
    f"max by (mountpoint) (node_filesystem_size_bytes{{$target,{FILES}}} - node_filesystem_free_bytes{{$target,{FILES}}})"
    f" or max by (mountpoint) (node_filesystem_size{{$target,{FILES}}} - node_filesystem_free{{$target,{FILES}}})"
)


def candidates(label: str, names: Sequence[str], exact: str | None) -> list[str]:
    """Selectors that find a host's node_exporter: the declared value, or any of its names, with or without domain and port."""
    words = "|".join(re.escape(name) + r"(\.[^:]*)?" if not re.fullmatch(r"[\d.]+", name, re.ASCII) else re.escape(name) for name in names)
    wanted = f"{label}={json.dumps(exact)}" if exact else f"{label}=~{json.dumps(f'({words})(:[0-9]+)?')}"
    return [f"{name}{{{wanted}}}" for name in ("node_boot_time_seconds", "node_boot_time")]


def target(payload: Any, host: str, where: str) -> str:
    """The one scrape target of a host as matchers. Raises LotseError for none and for several: their sum would be nobody's load."""
    found = sorted({(str(row.get("job", "")), str(row.get("instance", ""))) for row in _data(payload, where, list) if isinstance(row, dict)})
    if not found:
        remedy = "name its instance under survey_prometheus.instances"
        raise LotseError(f"it has no metrics of node_exporter for {host} in the days that were asked for", where, remedy)
    if len(found) > 1:
        told = ", ".join(f"{instance} (job {job})" for job, instance in found[:5])
        raise LotseError(f"{host} may be {told}", where, "name the right one under survey_prometheus.instances")
    job, instance = found[0]
    return f"job={json.dumps(job)},instance={json.dumps(instance)}"


def windows(source: Source, now: int, days: int) -> list[Window]:
    """What is not known yet: before the first sample and after the last one; ten minutes a sample, an hour for what is older than FINE_DAYS."""
    start, end = now - days * DAY, now // STEP_S * STEP_S
    first, last = (source.samples[0].end, source.samples[-1].end) if source.samples else (end, start)
    wanted = [(start, min(first - DAY, end)), (max(last, start), end)] if source.samples else [(start, end)]
    turn = now - FINE_DAYS * DAY
    parts = [(low, min(high, turn), FINE_S) for low, high in wanted] + [(max(low, turn), high, STEP_S) for low, high in wanted]
    found = []
    for low, high, step in parts:
        at = (low // step + 1) * step
        while at <= high:
            until = min(high, at + (MOST_POINTS - 1) * step)
            found.append(Window(at, until // step * step, step))
            at = found[-1].end + step
    return sorted(found)


def query(expression: str, matchers: str, step: int) -> str:
    return expression.replace("$target", matchers).replace("$window", f"{step}s")


def samples(answers: Mapping[str, Sequence[tuple[int, float]]], step: int) -> list[Sample]:
    """From values by measure to samples; each is the average over the step before its moment (memory: the value at it)."""
    by_time: dict[int, dict[str, float | None]] = {}
    for name in MEASURES:
        for moment, value in answers.get(name, ()):
            by_time.setdefault(moment, {})[name] = max(0.0, value) / QUERIES[name][1]
    return [sample(moment, step, values) for moment, values in sorted(by_time.items())]


def values(payload: Any, where: str) -> list[tuple[int, float]]:
    """The one series of an answer; empty where there is none. Raises LotseError for what is no answer to query_range."""
    rows = series(payload, where)
    return next(iter(rows.values()), []) if rows else []


def series(payload: Any, where: str) -> dict[str, list[tuple[int, float]]]:
    """Values by mount point (empty for a sum)."""
    data = _data(payload, where, dict)
    found: dict[str, list[tuple[int, float]]] = {}
    try:
        for row in data["result"]:
            points = [(round(float(moment)), float(text)) for moment, text in row["values"]]
            found[str(row["metric"].get("mountpoint", ""))] = [(moment, value) for moment, value in points if math.isfinite(value)]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise LotseError(f"this is no answer to query_range: {error!r:.100}", where, "is this the address of a Prometheus API?") from None
    return found


def disks(used: Mapping[str, Points], size: Mapping[str, Points], mounts: Iterable[str]) -> dict[str, dict[int, tuple[int, int]]]:
    """MiB used and MiB of each of the host's file systems by day (since 1970)."""
    found: dict[str, dict[int, tuple[int, int]]] = {}
    for mount in sorted(set(mounts) & set(used) & set(size)):
        sizes = dict(size[mount])
        both = ((moment, max(0.0, value), max(0.0, sizes[moment])) for moment, value in used[mount] if moment in sizes)
        found[mount] = {moment // DAY: (int(value / MIB), int(whole / MIB)) for moment, value, whole in both}
    return found


def _data(payload: Any, where: str, kind: type) -> Any:
    if not isinstance(payload, dict) or payload.get("status") not in ("success", "error"):
        raise LotseError("this is no answer of Prometheus", where, "is this the address of a Prometheus API?")
    if payload["status"] == "error":
        raise LotseError(f"it says {payload.get('errorType')}: {str(payload.get('error'))[:300]}", where, "look at its log")
    if payload.get("warnings"):
        raise LotseError(f"the answer is not whole: {str(payload['warnings'])[:300]}", where, "nothing of it was taken; survey again")
    if not isinstance(payload.get("data"), kind):
        raise LotseError("this is no answer of Prometheus", where, "is this the address of a Prometheus API?")
    return payload["data"]
