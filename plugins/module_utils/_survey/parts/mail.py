# SPDX-License-Identifier: GPL-3.0-or-later
"""Who sends mail from this host, over whom, and what waits. Formats: postconf(5), Debian's update-exim4.conf, the MTAs' logs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ..part import COUNT_OR_NULL, COUNTS, FLAG, MAYBE, TEXT, WORDS, Limits, Part, or_null, record, without
from ..wire import Section, UnseenError, number

Row = dict[str, Any]
SEPARATORS = r"[\s,;:]+"


def parse(section: Section) -> Row | None:
    if section.absent:
        return None
    mta = section.first("mta")
    if not mta:
        raise UnseenError("; ".join(section.unseen) or "the host did not say who sends its mail")
    relay, listens, domains = _configured(mta, section)
    log = section.blocks.get("log")
    counted: dict[str, int] = {}
    relays: dict[str, int] = {}
    senders: set[str] = set()
    for line in log or []:
        words = line.split()
        amount = number(words[1]) if len(words) > 1 else None
        if words[:1] == ["relay"] and len(words) == 3 and amount is not None:
            relays[words[2]] = amount
        elif words[:1] == ["from"] and len(words) == 3:
            senders.add(words[2])
        elif len(words) == 2 and amount is not None:
            counted[words[0]] = amount
    queue = [number(line.split()[-1]) or 0 for line in section.blocks.get("queue", []) if line.split()]
    return {
        "mta": mta, "kind": _kind(mta, section), "running": bool(section.first("running")), "relay": relay or None,
        "listens": listens, "domains": domains,
        "queue": sum(queue) if "queue" in section.blocks else None, "sent": counted.get("sent", 0) if log is not None else None,
        "failed": counted.get("failed", 0) if log is not None else None, "relays": dict(sorted(relays.items())), "senders": sorted(senders),
        "signs": bool(section.first("signing")), "files": sorted(section.files),
    }  # fmt: skip


def _settings(lines: list[str], pattern: str) -> dict[str, str]:
    found = {}
    for line in lines:
        if match := re.match(pattern, line, re.ASCII):
            found[match[1]] = match[2].strip().strip("\"'")
    return found


def _configured(mta: str, section: Section) -> tuple[str, list[str], list[str]]:
    """Relay, addresses that it listens on, domains that it says it is."""
    lines = [line for path in sorted(section.files) if path != "/etc/mailname" for line in section.files[path]]
    named = [line.strip() for line in section.files.get("/etc/mailname", []) if line.strip()]
    if mta == "exim":
        found = _settings(lines, r"\s*(\w{1,60})\s*=\s*(.{0,500})")
        kind = found.get("dc_eximconfig_configtype", "")
        relay = found.get("dc_smarthost", "") if kind in {"smarthost", "satellite"} else found.get("route_list", "")
        listens = re.split(r"[\s;]+", found.get("dc_local_interfaces", ""))
        return relay, sorted(filter(None, listens)), _plain([*named, *re.split(SEPARATORS, found.get("dc_other_hostnames", ""))])
    if mta == "postfix":
        found = _settings(lines, r"\s*(\w{1,60})\s*=\s*(.{0,500})")
        names = {found.get("myhostname", ""), found.get("myorigin", ""), *named}
        listens = re.split(r"[\s,]+", found.get("inet_interfaces", ""))
        return found.get("relayhost", ""), sorted(filter(None, listens)), _plain(names)
    if mta == "sendmail":
        relay = next((line[2:].strip() for line in lines if line.startswith("DS")), "")
        return relay, sorted({match[1] for line in lines if (match := re.search(r"\bAddr=([\w.:]{1,60})", line, re.ASCII))}), _plain(named)
    keys = {"msmtp": "host", "ssmtp": "mailhub", "dma": "SMARTHOST"}
    if mta in keys:
        found = _settings(lines, r"\s*(\w{1,60})(?:\s*=\s*|\s+)(.{0,500})")
        return found.get(keys[mta], ""), [], _plain(named)
    if mta in {"nullmailer", "qmail"}:
        first = next((line.split() for line in lines if line.strip()), [""])
        return first[0], [], _plain(named)
    relays = [match[1] for line in lines if (match := re.search(r"\brelay\s+host\s+\"?([^\s\"]{1,200})", line))]
    listening = [match[1] for line in lines if (match := re.match(r"\s*listen on (\S{1,60})", line))]
    return next(iter(relays), ""), sorted(set(listening)), _plain(named)


def _kind(mta: str, section: Section) -> str | None:
    """Debian's word for what exim does: internet, smarthost, satellite, local, none."""
    found = _settings(section.files.get("/etc/exim4/update-exim4.conf.conf", []), r"\s*(\w{1,60})\s*=\s*(.{0,500})")
    return found.get("dc_eximconfig_configtype") or None if mta == "exim" else None


def _plain(names: Iterable[str]) -> list[str]:
    return sorted({name for name in names if name and "$" not in name and not name.startswith("/")})


PART = Part(
    "mail",
    Limits(15, 200_000),
    parse,
    or_null(
        record(
            mta=TEXT, kind=MAYBE, running=FLAG, relay=MAYBE, listens=WORDS, domains=WORDS, queue=COUNT_OR_NULL, sent=COUNT_OR_NULL,
            failed=COUNT_OR_NULL, relays=COUNTS, senders=WORDS, signs=FLAG, files=WORDS,
        )
    ),
    steady=without("queue", "sent", "failed", "relays", "senders"),
)  # fmt: skip
