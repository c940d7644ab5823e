# SPDX-License-Identifier: GPL-3.0-or-later
"""Approved exceptions to a concern. One that is incomplete, expired, foreign, or approved by the wrong person never counts, and is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from .._domain.errors import LotseError
from .model import Row

WHERE = "plan_waivers"
SCOPES = ("host", "guest", "service")
NEEDED = ("id", "reason", "approver", "expires")
FIELDS = (*NEEDED, *SCOPES, "author")
EVERYTHING = "*"
SOON = 14  # days


@dataclass(frozen=True)
class Waiver:
    """What somebody wrote. ``scope`` has any of host, guest, service; a host of ``*`` is the whole estate. It lasts to the end of ``expires``."""

    id: str
    scope: tuple[tuple[str, str], ...]
    reason: str
    approver: str
    author: str
    expires: date | None
    why_not: str = ""  # why it does not count, as far as its own text tells

    def covers(self, names: Mapping[str, frozenset[str]]) -> bool:
        """``names`` are a finding's own: host, guest, service."""
        return all(value in names[part] or (part == "host" and value == EVERYTHING) for part, value in self.scope)

    def row(self) -> Row:
        scope = dict(self.scope)
        return {
            "id": self.id, **{part: scope[part] for part in SCOPES if part in scope}, "reason": self.reason, "approver": self.approver,
            **({"author": self.author} if self.author else {}), "expires": self.expires.isoformat() if self.expires else None,
        }  # fmt: skip


def parse(rows: Sequence[Any], approvers: Sequence[str], today: date) -> list[Waiver]:
    """All waivers, sorted. Raises LotseError for what is no waiver at all."""
    found = [_waiver(row, f"{WHERE}[{number}]", approvers, today) for number, row in enumerate(rows)]
    return sorted(found, key=lambda waiver: (waiver.id, waiver.scope, waiver.expires or date.min, waiver.approver, waiver.reason))


def _waiver(row: Any, where: str, approvers: Sequence[str], today: date) -> Waiver:
    if not isinstance(row, Mapping):
        raise LotseError("a waiver is not {id, host, reason, approver, expires}", where, "see docs/guides/plan.md")
    if strange := sorted(str(name) for name in set(row) - set(FIELDS)):
        raise LotseError(f"a waiver knows no {', '.join(strange)}", where, f"it takes {', '.join(FIELDS)}")
    for name, value in row.items():
        if isinstance(value, (Mapping, list, tuple)):
            raise LotseError(f"{name} is not a text", f"{where}.{name}", "one waiver for each concern and scope")
    texts = {name: str(row.get(name) if row.get(name) is not None else "").strip() for name in FIELDS}
    scope = tuple((part, texts[part]) for part in SCOPES if texts[part])
    expires = _day(row.get("expires"))
    lacks = [name for name in NEEDED if not texts[name]] + ([] if scope else ["a scope (host, guest, service, or host: '*')"])
    return Waiver(
        id=texts["id"],
        scope=scope,
        reason=texts["reason"],
        approver=texts["approver"],
        author=texts["author"],
        expires=expires,
        why_not=_why_not(texts, lacks, expires, approvers, today),
    )


def _why_not(texts: Mapping[str, str], lacks: Sequence[str], expires: date | None, approvers: Sequence[str], today: date) -> str:
    if lacks:
        return f"it lacks {', '.join(lacks)}"
    if expires is None:
        return f"{texts['expires']!r} is no date such as 2026-12-31"
    if expires < today:
        return f"it expired on {expires}"
    if approvers and texts["approver"] not in approvers:
        return f"{texts['approver']} is not among plan_approvers"
    if texts["author"] and texts["author"] == texts["approver"]:
        return f"{texts['approver']} wrote it, and somebody else has to approve it"
    return ""


def _day(value: Any) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    try:
        return value if isinstance(value, date) else date.fromisoformat(str(value))
    except ValueError:
        return None


def table(waivers: Sequence[Waiver], known: Iterable[str], names: Mapping[str, frozenset[str]], used: Iterable[Waiver]) -> list[Row]:
    """Each waiver for plan.yml: whether it counts, and why not. ``names`` are all hosts, guests and services; ``used`` waive something."""
    ids, in_use = set(known), set(used)
    rows = []
    for waiver in waivers:
        why = waiver.why_not or _foreign(waiver, ids, names) or ("" if waiver in in_use else "there is no such concern: remove it")
        rows.append({**waiver.row(), "counts": not why, "why": why})
    return rows


def _foreign(waiver: Waiver, ids: set[str], names: Mapping[str, frozenset[str]]) -> str:
    if waiver.id not in ids:
        return f"no concern has the id {waiver.id}"
    unknown = [f"{part} {value}" for part, value in waiver.scope if value not in names[part] and not (part == "host" and value == EVERYTHING)]
    return f"the estate has no {' and no '.join(unknown)}" if unknown else ""


def warnings(rows: Iterable[Mapping[str, Any]], today: date) -> list[str]:
    """What people are told at every run: waivers that do not count, and those that will soon not."""
    told = []
    for row in rows:
        name = f"waiver of {row['id'] or '(no id)'} ({', '.join(f'{part} {row[part]}' for part in SCOPES if part in row) or 'no scope'})"
        if not row["counts"]:
            told.append(f"{name} does not count: {row['why']}")
        elif (left := (date.fromisoformat(row["expires"]) - today).days) <= SOON:
            told.append(f"{name} expires {'today' if not left else f'in {left} days'}, on {row['expires']}")
    return told
