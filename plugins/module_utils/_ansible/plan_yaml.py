# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes plain data as YAML that people read and edit. PyYAML's own writer takes a minute for a thousand hosts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

# A text without quotes: it begins harmlessly, has no ": " and no " #", and ends with neither a colon nor a blank.
PLAIN = re.compile(r"[A-Za-z0-9_/](?:[\x20-\x22\x24-\x39\x3b-\x7e\u00a1-\u1fff]|(?<! )#|:(?=[^\s]))*(?<! )")
UNPRINTED = re.compile(r"[\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
TEXT = "tag:yaml.org,2002:str"


RESOLVER: Any = yaml.resolver.Resolver()  # knows what YAML 1.1 takes for a number, a date or a truth value


def dump(data: Mapping[str, Any]) -> str:
    """Dicts, lists, texts, numbers, truth values and None, in the order that they have. No line is folded, and nothing is an alias."""
    return "".join(f"{line}\n" for line in _mapping(data, "")) if data else "{}\n"


def _mapping(data: Mapping[str, Any], pad: str) -> Iterator[str]:
    for name, value in data.items():
        key = f"{pad}{_scalar(name)}:"
        if isinstance(value, Mapping) and value:
            yield key
            yield from _mapping(value, f"{pad}  ")
        elif isinstance(value, (list, tuple)) and value:
            yield key
            yield from _list(value, f"{pad}  ")
        else:
            yield f"{key} {_leaf(value)}"


def _list(rows: list[Any] | tuple[Any, ...], pad: str) -> Iterator[str]:
    for row in rows:
        if isinstance(row, (Mapping, list, tuple)) and row:
            below = f"{pad}  "
            lines = _mapping(row, below) if isinstance(row, Mapping) else _list(row, below)
            yield f"{pad}- {next(lines)[len(below):]}"
            yield from lines
        else:
            yield f"{pad}- {_leaf(row)}"


def _leaf(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{}"
    return "[]" if isinstance(value, (list, tuple)) else _scalar(value)


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return str(yaml.safe_dump(value)).split("\n", maxsplit=1)[0]
    text = str(value)
    if PLAIN.fullmatch(text) and RESOLVER.resolve(yaml.ScalarNode, text, (True, False)) == TEXT:
        return text
    return UNPRINTED.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def load(text: str) -> Any:
    """By libyaml where PyYAML has it."""
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
