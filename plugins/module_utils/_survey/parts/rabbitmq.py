# SPDX-License-Identifier: GPL-3.0-or-later
"""RabbitMQ: versions, queues with type and arguments, and what moves messages between servers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..part import COUNT, FLAG, MAYBE, TEXT, VALUES, WORDS, Limits, Part, or_null, partly, record, rows
from ..wire import Section, UnseenError, number

QUEUE = ("name", "type", "durable", "auto_delete", "exclusive", "messages", "consumers", "policy", "arguments")
OLD_QUEUE = tuple(name for name in QUEUE if name != "type")  # before 3.8


def parse(section: Section) -> dict[str, Any] | None:
    """A question that was not answered leaves its field out."""
    if section.absent:
        return None
    if "version" not in section.blocks:
        raise UnseenError(section.unseen[0] if section.unseen else "the server did not answer")
    told = [line.strip() for line in section.lines("version")] + ["", "", ""]
    if not re.match(r"\d{1,4}\.\d", told[0], re.ASCII):
        raise UnseenError("the server did not tell its version")
    made: dict[str, Any] = {"version": told[0][:40], "erlang": told[1][:40] or None, "node": told[2][:200] or None}
    if "plugins" in section.blocks:
        made["plugins"] = sorted({line.strip() for line in section.lines("plugins")})
    if "vhosts" in section.blocks:
        made["vhosts"] = sorted(line for line in section.lines("vhosts") if line != "name")
    if "users" in section.blocks:
        made["users"] = [{"name": row[0], "tags": re.findall(r"[\w.-]{1,80}", row[1])} for row in _table(section, "users", 2) if row[0] != "user"]
    if "flags" in section.blocks:
        made["feature_flags"] = {row[0]: row[1] for row in sorted(_table(section, "flags", 2)) if row[0] != "name"}
    for name, rows_of in (("queues", _queues), ("policies", _policies), ("exchanges", _exchanges), ("parameters", _parameters)):
        vhosts = sorted(block.split(" ", 1)[1] for block in section.blocks if block.startswith(f"{name} "))
        if vhosts:
            made[name] = [row for vhost in vhosts for row in rows_of(section, vhost)]
    return made


def _table(section: Section, block: str, width: int) -> list[list[str]]:
    return [row for line in section.lines(block) if len(row := line.split("\t")) == width]


def _queues(section: Section, vhost: str) -> Iterator[dict[str, Any]]:
    """Exclusive queues end with their connection, and are no more than one."""
    found = [line.split("\t") for line in section.lines(f"queues {vhost}")]
    for row in sorted(found):
        names = {len(QUEUE): QUEUE, len(OLD_QUEUE): OLD_QUEUE}.get(len(row))
        if names is None or row[0] == "name" or row[names.index("exclusive")] == "true":
            continue
        field = dict(zip(names, row, strict=True))
        yield {
            "vhost": vhost, "name": field["name"], "type": _type(field.get("type") or "classic"), "durable": field["durable"] == "true",
            "auto_delete": field["auto_delete"] == "true", "messages": number(field["messages"]) or 0, "consumers": number(field["consumers"]) or 0,
            "policy": field["policy"] or None, "arguments": _arguments(field["arguments"]),
        }  # fmt: skip



def _type(text: str) -> str:
    """``rabbit_classic_queue`` and ``classic`` are one."""
    return text.removeprefix("rabbit_").removesuffix("_queue")


def _arguments(text: str) -> dict[str, str]:
    """Erlang's list of pairs, ``[{"x-max-priority",10},{"x-queue-type","quorum"}]``, or of triples with the type between."""
    pairs = re.findall(r'\{(?:<<)?"([^"{}]{1,100})"(?:>>)?,(?:[a-z]{1,20},)?(?:<<)?("[^"]{0,300}"|[^{}<>"]{0,100})(?:>>)?\}', text)
    return {name: value.strip('"') for name, value in sorted(pairs)}


def _policies(section: Section, vhost: str) -> Iterator[dict[str, Any]]:
    for row in sorted(_table(section, f"policies {vhost}", 6)):
        if row[0] != "vhost":
            yield {"vhost": vhost, "name": row[1], "pattern": row[2], "apply_to": row[3], "definition": row[4]}


def _exchanges(section: Section, vhost: str) -> Iterator[dict[str, Any]]:
    for row in sorted(_table(section, f"exchanges {vhost}", 3)):
        if row[0] not in {"", "name"} and not row[0].startswith("amq."):
            yield {"vhost": vhost, "name": row[0], "type": row[1], "durable": row[2] == "true"}


def _parameters(section: Section, vhost: str) -> Iterator[dict[str, Any]]:
    for row in sorted(_table(section, f"parameters {vhost}", 2)):
        if row[0] != "component":
            yield {"vhost": vhost, "component": row[0], "name": row[1]}


def _steady(value: dict[str, Any] | None) -> Any:
    """Messages and consumers come and go, and queues that are not durable."""
    if value is None or "queues" not in value:
        return value
    kept = [{name: field for name, field in row.items() if name not in {"messages", "consumers"}} for row in value["queues"] if row["durable"]]
    return value | {"queues": kept}


_OPTIONAL = ("plugins", "vhosts", "users", "feature_flags", "queues", "policies", "exchanges", "parameters")
PART = Part(
    "rabbitmq",
    Limits(90, 1_000_000),
    parse,
    or_null(
        partly(
            record(
                version=TEXT, erlang=MAYBE, node=MAYBE, plugins=WORDS, vhosts=WORDS, users=rows(name=TEXT, tags=WORDS), feature_flags=VALUES,
                queues=rows(vhost=TEXT, name=TEXT, type=TEXT, durable=FLAG, auto_delete=FLAG, messages=COUNT, consumers=COUNT, policy=MAYBE,
                            arguments=VALUES),
                policies=rows(vhost=TEXT, name=TEXT, pattern=TEXT, apply_to=TEXT, definition=TEXT),
                exchanges=rows(vhost=TEXT, name=TEXT, type=TEXT, durable=FLAG), parameters=rows(vhost=TEXT, component=TEXT, name=TEXT),
            ),
            *_OPTIONAL,
        )
    ),
    steady=_steady,
)  # fmt: skip
