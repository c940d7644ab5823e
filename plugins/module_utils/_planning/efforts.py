# SPDX-License-Identifier: GPL-3.0-or-later
"""What a move is expected to take, and how long there is a way back. Figures are measured ones (docs/guides/migrate*.md) or declared."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import trees
from .model import BY_HAND, Effort, LegacyHost, Row, Service, WayBack
from .policy import Policy

# How long writers wait, in ms: measured sections (MariaDB 10, Redis 5) and requests that wait at the edge meanwhile.
PAUSES_MS = {"edge": 50, "mariadb": 50, "redis": 25, "files": 200, "http": 200, "cron": 0}
# How long a cutover may take with everything around it, in seconds: the edge waits for its last connection, a table of jobs for the right
# second of a minute and for jobs that run, the others are undone after migrate_hold.
CUTS_S = {"edge": 120, "mariadb": 3, "redis": 3, "files": 3, "http": 3, "cron": 120}
# MiB a second until the new side follows. MariaDB's is measured (a dump and its load on two shared cores), the others are careful guesses.
RATES_MIB_S = {"mariadb": 12.0, "redis": 40.0, "files": 30.0}
READY_S = 10  # connections, gates, accounts: with nothing to copy
LOSSLESS_SINCE = (10, 5)  # the oldest MariaDB that replication back was proven to
# The server's own, and the conductor's: a survey that was taken after a cutover sees them too.
OWN_SCHEMAS = frozenset({"mysql", "sys", "information_schema", "performance_schema", "lotse"})
CONTAINER_ROOTS = frozenset({"overlay", "overlayfs", "aufs"})
RETIRED = "until {host} is retired"


Reckoned = tuple[Effort, tuple[str, ...]]


def of_all(services: Iterable[Service], hosts: Mapping[str, LegacyHost], policy: Policy, previous: Mapping[str, Any]) -> dict[str, Reckoned]:
    """By service: what its move takes, and what that was reckoned from."""
    former = {str(row["service"]): row for row in previous.get("moves", ())}
    return {service.id: of(service, hosts[service.host], policy, former.get(service.id)) for service in services}


def of(service: Service, host: LegacyHost, policy: Policy, previous: Mapping[str, Any] | None) -> Reckoned:
    """The effort of a move, and what it was reckoned from. A former volume stays while the true one fits it: noise moves nothing."""
    if service.kind in BY_HAND:
        return Effort(), ("by hand: nobody measured how long it takes",)
    volume, seen = volume_mib(service, host)
    former = (previous or {}).get("volume_mib")
    if volume and former and volume <= int(former) <= 4 * volume:
        volume = int(former)
    prepare, told = _prepare(service.kind, volume, policy.rates)
    return Effort(volume, prepare, CUTS_S[service.kind], PAUSES_MS[service.kind]), (seen, *told)


def _prepare(kind: str, volume: int | None, rates: Mapping[str, float]) -> tuple[int | None, tuple[str, ...]]:
    if volume is None:
        return None, ()
    if not volume:
        return READY_S, ()
    rate = rates.get(kind) or RATES_MIB_S.get(kind) or RATES_MIB_S["files"]
    source = f"plan_rates.{kind}" if kind in rates else "measured in the lab" if kind == "mariadb" else "a guess; say better in plan_rates"
    return READY_S + math.ceil(volume / rate), (f"{rate:g} MiB/s ({source})",)


def volume_mib(service: Service, host: LegacyHost) -> tuple[int | None, str]:
    """How much is copied, rounded up to a power of two so that a little growth is no other plan, and where that was seen."""
    if service.kind == "mariadb":
        rows = databases(host)
        return round_up(sum(int(row["size_mib"]) for row in rows)), f"{len(rows)} database{'s' if len(rows) != 1 else ''}"
    if service.kind == "redis":
        used = host.part("redis").get("used_memory_mib")
        return (None, "how much it holds was not seen") if used is None else (round_up(math.ceil(float(used))), "data in memory")
    if service.kind == "files":
        return _held(host, trees.of(host))
    return 0, "configuration, which the plan holds" if service.kind != "cron" else "its table and scripts"


def _held(host: LegacyHost, paths: Iterable[str]) -> tuple[int | None, str]:
    """What the file systems hold that the paths are on: an upper bound. A container's root is the whole machine's, and says nothing."""
    mounts = {str(row["target"]): row for row in host.rows("mounts")}
    holding = sorted({max((target for target in mounts if trees.inside(path, target)), key=len, default="") for path in paths})
    unseen = [target for target in holding if not target or mounts[target].get("type") in CONTAINER_ROOTS or mounts[target].get("used_mib") is None]
    if unseen or not holding:
        return None, "how large the trees are was not seen"
    used = sum(math.ceil(float(mounts[target]["used_mib"])) for target in holding)
    return round_up(used), f"at most what {', '.join(holding)} hold{'s' if len(holding) == 1 else ''}"


def databases(host: LegacyHost) -> Sequence[Row]:
    """The databases that move, by name."""
    rows = host.part("mariadb").get("databases") or ()
    return sorted((row for row in rows if row["name"] not in OWN_SCHEMAS), key=lambda row: str(row["name"]))


def round_up(mib: int) -> int:
    return 1 << max(0, mib - 1).bit_length()


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text.split("-")[0])[:2])


def rollback(service: Service) -> str:
    return way_back(service).kind


def way_back(service: Service) -> WayBack:
    """``lossless`` where writes made on the new side come back too, else ``lossy``; ``none`` where no mover knows a way back."""
    retired = RETIRED.format(host=service.host)
    if service.kind in BY_HAND:
        return WayBack("none", "no mover knows a way back: who moves it by hand says how it goes back, before it moves")
    if service.kind == "mariadb":
        if version(service.version) and version(service.version) < LOSSLESS_SINCE:
            told = f"{retired}, but without the writes of the new side: nobody proved that {service.version} can follow it"
            return WayBack("lossy", told)
        told = f"{retired}, while it follows the new side: the first statement that {service.version or 'it'} does not know ends it"
        return WayBack("lossless", told)
    if service.kind == "redis":
        return WayBack("lossless", f"{retired}: keys are compared and copied back one by one, for an older server cannot follow a newer one")
    if service.kind in {"files", "http"}:
        return WayBack("lossless", f"{retired}: what changed on the guest is copied back; where both sides changed a file, the guest's wins")
    if service.kind == "cron":
        return WayBack("lossless", f"{retired}: the table goes back, and what jobs have written")
    return WayBack("lossless", f"{retired}: new connections go to the old edge again, then the address")
