# SPDX-License-Identifier: GPL-3.0-or-later
"""keepalived: virtual routers with their addresses, and virtual servers of IPVS. Pass phrases never leave a host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..part import COUNT_OR_NULL, FLAG, MAYBE, TEXT, VALUES, WORDS, Limits, Part, or_null, record, rows
from ..wire import Section, UnseenError, number

GARP = re.compile(r"(?:vrrp_)?(garp_master_(?:delay|repeat|refresh))")
DEEPEST = 20


@dataclass
class Block:
    """A line's words and, where it opens a brace, the lines inside."""

    words: list[str]
    inside: list[Block] = field(default_factory=list)

    def last(self, name: str) -> str | None:
        rows = [" ".join(one.words[1:]) for one in self.inside if one.words[0] == name and len(one.words) > 1]
        return rows[-1] if rows else None

    def own(self, name: str) -> Iterator[Block]:
        return (one for one in self.inside if one.words[0] == name)

    def listed(self, name: str) -> list[str]:
        """First words of the lines in ``name { … }``."""
        return [line.words[0] for block in self.own(name) for line in block.inside]


def parse(section: Section) -> dict[str, Any] | None:
    """Version, whether it runs, its VRRP instances and IPVS servers; None without keepalived."""
    if section.absent:
        return None
    if not section.files:
        raise UnseenError(section.unseen[0] if section.unseen else "its configuration was not found")
    top = Block([])
    names = list(section.files)
    for path in names:
        top.inside += _tree([word for line in section.files[path] for word in [*line.split(), "\n"]])
    defaults = {row.words[0]: row.words[1] for block in top.own("global_defs") for row in block.inside if len(row.words) > 1}
    version = re.search(r"[vV](\d[\w.]*)", section.first("version"))
    return {
        "version": version[1] if version else "",
        "running": bool(section.first("running")),
        "file": names[0],
        "instances": sorted((_instance(one, defaults) for one in top.own("vrrp_instance")), key=lambda row: str(row["name"])),
        "virtual_servers": [_virtual(one) for one in top.own("virtual_server")],
    }


def _tree(words: list[str]) -> list[Block]:
    stack = [Block([])]
    line: list[str] = []
    last: Block | None = None
    for word in words:
        if word in ("\n", "{", "}") and line:
            last = Block(line)
            stack[-1].inside.append(last)
            line = []
        if word == "{":
            # ``vrrp_instance NAME`` and its brace may stand on lines of their own.
            stack.append(last or Block(["other"]))
            if len(stack) > DEEPEST:
                raise UnseenError("its configuration nests too many blocks")
        elif word == "}":
            if len(stack) > 1:
                stack.pop()
            last = None
        elif word != "\n":
            line.append(word)
    if line:
        stack[-1].inside.append(Block(line))
    return stack[0].inside


def _instance(block: Block, defaults: dict[str, str]) -> dict[str, Any]:
    garp = {match[1]: value for name, value in defaults.items() if (match := GARP.fullmatch(name))}
    garp |= {match[1]: row.words[1] for row in block.inside if len(row.words) > 1 and (match := GARP.fullmatch(row.words[0]))}
    auth = next((row.last("auth_type") for row in block.own("authentication")), None) or block.last("auth_type")
    return {
        "name": block.words[1] if len(block.words) > 1 else "",
        "interface": block.last("interface"),
        "virtual_router_id": number(block.last("virtual_router_id") or ""),
        "priority": number(block.last("priority") or ""),
        "state": block.last("state"),
        "auth_type": auth,
        "unicast_source": block.last("unicast_src_ip"),
        "unicast_peers": sorted(block.listed("unicast_peer")),
        "addresses": [*block.listed("virtual_ipaddress"), *block.listed("virtual_ipaddress_excluded")],
        "own_mac": any(block.own("use_vmac")),
        "garp": dict(sorted(garp.items())),
    }


def _virtual(block: Block) -> dict[str, Any]:
    return {
        "address": " ".join(block.words[1:]),
        "algorithm": block.last("lb_algo") or block.last("lvs_sched"),
        "kind": block.last("lb_kind") or block.last("lvs_method"),
        "protocol": block.last("protocol"),
        "persistence_s": number(block.last("persistence_timeout") or ""),
        "servers": [" ".join(one.words[1:]) for one in block.own("real_server")],
    }


PART = Part(
    "keepalived",
    Limits(10, 300_000),
    parse,
    or_null(record(
        version=TEXT, running=FLAG, file=TEXT,
        instances=rows(
            name=TEXT, interface=MAYBE, virtual_router_id=COUNT_OR_NULL, priority=COUNT_OR_NULL, state=MAYBE, auth_type=MAYBE, unicast_source=MAYBE,
            unicast_peers=WORDS, addresses=WORDS, own_mac=FLAG, garp=VALUES,
        ),
        virtual_servers=rows(address=TEXT, algorithm=MAYBE, kind=MAYBE, protocol=MAYBE, persistence_s=COUNT_OR_NULL, servers=WORDS),
    )),
)  # fmt: skip
