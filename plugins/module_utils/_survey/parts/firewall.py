# SPDX-License-Identifier: GPL-3.0-or-later
"""Packet filter rules as they are loaded. Formats: iptables-save(8), `nft list ruleset`."""

from __future__ import annotations

import re
from typing import Any

from ..part import COUNTS, FLAG, TEXT, WORDS, Limits, Part, record, rows
from ..wire import Section, UnseenError

# Chains that a program fills by itself, and fills again on a guest that has it.
PROGRAMS = re.compile(r"(DOCKER|KUBE|CNI|CALI|cali|LIBVIRT|LXC|f2b-|fail2ban|crowdsec|CROWDSEC|ufw6?-|FWD|IN_|FWDI|FWDO|INPUT_ZONES|PRE_|POST_)")
MOST = 2000

Row = dict[str, Any]


def parse(section: Section) -> Row:
    """``own``: the rule is in a chain of a program such as Docker, or jumps into one."""
    if "state" not in section.blocks:
        raise UnseenError("; ".join(section.unseen) or "the rules could not be read")
    found = [*_iptables(section.blocks.get("iptables", [])), *_nft(section.blocks.get("nft", []))]
    # iptables-nft and nft show the same rules: nft's listing of iptables' own tables is the second telling.
    seen = {(row["family"], row["table"]) for row in found if row["family"] in {"ip", "ip6"} and row["source"] == "iptables"}
    rules = [row for row in found if row["source"] == "iptables" or (row["family"], row["table"]) not in seen]
    kept = [row for row in rules if row["rule"]]
    counts = {"rules": len(kept), "people": sum(not row["own"] for row in kept)}
    return {
        "managers": sorted({line.strip() for line in section.lines("state")}),
        "files": sorted({line.strip() for line in section.blocks.get("files", []) if line.strip()}),
        "policies": [{key: row[key] for key in ("family", "table", "chain", "policy")} for row in rules if row["policy"]],
        "rules": [{key: row[key] for key in ("family", "table", "chain", "rule", "own")} for row in kept[:MOST]],
        "counts": counts,
    }  # fmt: skip


def _row(source: str, family: str, table: str, chain: str, *, rule: str = "", policy: str = "") -> Row:
    own = bool(PROGRAMS.match(chain) or PROGRAMS.match(table) or re.search(rf"(?:-j|-g|jump|goto) {PROGRAMS.pattern}", rule))
    return {"source": source, "family": family, "table": table, "chain": chain, "rule": rule, "policy": policy, "own": own}


def _iptables(lines: list[str]) -> list[Row]:
    found: dict[tuple[str, ...], Row] = {}
    family, table = "ip", ""
    for line in lines:
        text = line.strip()
        if text.startswith("*** "):
            family = "ip6" if text.endswith("ip6") else "ip"
        elif text.startswith("*"):
            table = text[1:]
        elif match := re.match(r":(\S+) (ACCEPT|DROP|QUEUE)\b", text):
            found[(family, table, match[1], "policy")] = _row("iptables", family, table, match[1], policy=match[2].lower())
        elif match := re.match(r"(?:\[\d+:\d+\] )?-A (\S+) ?(.{0,2000})", text):
            # The same rule comes twice where both of iptables' programs see one table.
            found.setdefault((family, table, match[1], match[2]), _row("iptables", family, table, match[1], rule=match[2] or "all"))
    return list(found.values())


def _nft(lines: list[str]) -> list[Row]:
    found: list[Row] = []
    family, table, chain, depth = "", "", "", 0
    for line in lines:
        text = line.strip()
        if match := re.match(r"table (\S+) (\S+) \{", text):
            family, table, chain, depth = match[1], match[2], "", 1
        elif match := re.match(r"chain (\S+) \{", text):
            chain, depth = match[1], 2
        elif text.endswith("{") and not chain:
            depth += 1
        elif text == "}":
            depth -= 1
            chain = chain if depth >= 2 else ""
        elif chain:
            if match := re.search(r"\bpolicy (accept|drop)\b", text):
                found.append(_row("nft", family, table, chain, policy=match[1]))
            elif text and not text.startswith("type "):
                found.append(_row("nft", family, table, chain, rule=text[:2000]))
    return found


PART = Part(
    "firewall",
    Limits(15, 600_000),
    parse,
    record(
        managers=WORDS,
        files=WORDS,
        policies=rows(family=TEXT, table=TEXT, chain=TEXT, policy=TEXT),
        rules=rows(family=TEXT, table=TEXT, chain=TEXT, rule=TEXT, own=FLAG),
        counts=COUNTS,
    ),
    empty={"managers": [], "files": [], "policies": [], "rules": [], "counts": {"rules": 0, "people": 0}},
)
