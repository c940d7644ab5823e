# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks for every acknowledged write, through the edge, as the users would: each must be there exactly once."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import WWW, Address
from .records import AUDIT, UNANSWERED, WRITES, RecordsError, Write, put, read_writes

SCHEMA = "lotse/audit/1"
KINDS = ("messages", "uploads", "drafts", "profiles")
SHOWN = 20
TRIES, PAUSE_S, TIMEOUT_S = 3, 2, 90

Found = Mapping[str, Mapping[str, Any]]
"""By kind: token and number of rows (messages, drafts), token and sha256 (uploads), user and text (profiles)."""


class AuditError(Exception):
    """The platform did not say what it has; nothing is proven."""


def evaluate(acknowledged: Sequence[Write], unanswered: Sequence[Write], found: Found) -> dict[str, Any]:
    """Compares what was acknowledged with what is there.

    An unanswered write may be there or not, but not twice. Of the profile writes of one user only the last acknowledged one can be looked
    for: the earlier ones are superseded. An unanswered later one may stand in its place.
    """
    lost: list[str] = []
    doubled: list[str] = []
    by_kind: dict[str, dict[str, int]] = {}
    for kind in KINDS:
        writes = [write for write in acknowledged if write.kind == kind]
        expected = _last_of_each_user(writes) if kind == "profiles" else writes
        kind_lost = [write.token for write in expected if not _is_there(write, unanswered, found.get(kind, {}))]
        tokens = [write.token for write in (*writes, *unanswered) if write.kind == kind]
        kind_doubled = [token for token in tokens if _rows(found.get(kind, {}).get(token)) > 1]
        lost += [f"{kind} {token}" for token in kind_lost]
        doubled += [f"{kind} {token}" for token in kind_doubled]
        by_kind[kind] = {
            "acknowledged": len(writes), "superseded": len(writes) - len(expected), "lost": len(kind_lost), "duplicated": len(kind_doubled),
            "unanswered": sum(write.kind == kind for write in unanswered),
        }  # fmt: skip
    return _answer(acknowledged, by_kind, lost, doubled)


def _answer(acknowledged: Sequence[Write], by_kind: dict[str, dict[str, int]], lost: list[str], doubled: list[str]) -> dict[str, Any]:
    if not acknowledged:
        return not_proven("no write was acknowledged: there is nothing to look for", 0)
    return {
        "schema": SCHEMA, "writes_acknowledged": len(acknowledged), "writes_lost": len(lost), "writes_duplicated": len(doubled),
        "lost": lost[:SHOWN], "duplicated": doubled[:SHOWN], "by_kind": by_kind, "error": "",
    }  # fmt: skip


def not_proven(error: str, acknowledged: int | None) -> dict[str, Any]:
    """The answer when there is none: not a zero."""
    return {
        "schema": SCHEMA, "writes_acknowledged": acknowledged, "writes_lost": None, "writes_duplicated": None,
        "lost": [], "duplicated": [], "by_kind": {}, "error": error,
    }  # fmt: skip


def _rows(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _last_of_each_user(writes: Sequence[Write]) -> list[Write]:
    return list({write.user: write for write in writes}.values())


def _is_there(write: Write, unanswered: Sequence[Write], found: Mapping[str, Any]) -> bool:
    if write.kind == "profiles":
        later = [other.token for other in unanswered if other.kind == "profiles" and other.user == write.user and other.at > write.at]
        return any(token in str(found.get(write.user, "")) for token in (write.token, *later))
    value = found.get(write.token)
    if write.kind == "uploads":
        return bool(value == write.sha256)
    return _rows(value) >= 1


def ask(address: Address, kind: str) -> Mapping[str, Any]:
    """What the platform has of a kind. Asks a few times; raises AuditError."""
    for left in reversed(range(TRIES)):
        try:
            return _ask_once(address, kind)
        except (AuditError, OSError, http.client.HTTPException, ValueError) as error:
            if not left:
                raise AuditError(f"audit.php?kind={kind} was not answered: {error}") from error
        time.sleep(PAUSE_S)
    raise AssertionError("unreachable")


def _ask_once(address: Address, kind: str) -> Mapping[str, Any]:
    connection = http.client.HTTPConnection(*address, timeout=TIMEOUT_S)
    try:
        connection.request("GET", f"/audit.php?kind={kind}", headers={"Host": WWW})
        reply = connection.getresponse()
        body = reply.read()
    finally:
        connection.close()
    answer = json.loads(body) if reply.status == 200 else None
    if not isinstance(answer, dict) or answer.get("kind") != kind or not isinstance(answer.get("items"), dict):
        raise AuditError(f"status {reply.status}: {body[:200].decode(errors='replace')}")
    items: dict[str, Any] = answer["items"]
    return items


def audit(folder: Path, address: Address) -> dict[str, Any]:
    """Writes ``audit.json`` and gives its content."""
    acknowledged: Sequence[Write] = ()
    known = False
    try:
        acknowledged, unanswered = read_writes(folder / WRITES), read_writes(folder / UNANSWERED)
        known = True
        answer = evaluate(acknowledged, unanswered, {kind: ask(address, kind) for kind in KINDS})
    except (RecordsError, AuditError) as error:
        answer = not_proven(str(error), len(acknowledged) if known else None)
    put(folder / AUDIT, answer)
    return answer


def is_flawless(answer: Mapping[str, Any]) -> bool:
    """Proven, and nothing lost or doubled."""
    return bool(answer["writes_lost"] == 0 and answer["writes_duplicated"] == 0)
