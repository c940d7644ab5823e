# SPDX-License-Identifier: GPL-3.0-or-later
"""What a part of the survey is: one file in ``parts/`` that says how to ask a host, how to read its answer, and what shape that has.

A part has one program, ``collect/<name>.sh``, one value in the survey's file, and one line in ``parts/__init__.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .wire import Section

Shape = dict[str, Any]


@dataclass(frozen=True)
class Limits:
    """Seconds and bytes that a section may take."""

    seconds: int
    size: int


@dataclass(frozen=True)
class Part:
    """``parse`` gives the value, raises UnseenError where the host did not say, and nothing else whatever the host sent.

    ``shape`` is its JSON schema. ``empty`` is the value of a host that has no such thing: None for a program, a list or record for what
    every host has. ``steady`` takes away what moves by itself, so that only changes of the host count as changes.
    """

    name: str
    limits: Limits
    parse: Callable[[Section], Any]
    shape: Shape
    empty: Any = None
    steady: Callable[[Any], Any] = lambda value: value


TEXT: Shape = {"type": "string"}
MAYBE: Shape = {"type": ["string", "null"]}
COUNT: Shape = {"type": "integer", "minimum": 0}
COUNT_OR_NULL: Shape = {"type": ["integer", "null"], "minimum": 0}
NUMBER: Shape = {"type": "number"}
NUMBER_OR_NULL: Shape = {"type": ["number", "null"]}
PORT: Shape = {"type": "integer", "minimum": 0, "maximum": 65535}
FLAG: Shape = {"type": "boolean"}
FLAG_OR_NULL: Shape = {"type": ["boolean", "null"]}
WORDS: Shape = {"type": "array", "items": TEXT}
VALUES: Shape = {"type": "object", "additionalProperties": TEXT}
COUNTS: Shape = {"type": "object", "additionalProperties": COUNT}


def record(**fields: Shape) -> Shape:
    """An object; every field is there."""
    return {"type": "object", "properties": fields, "required": list(fields)}


def partly(shape: Shape, *optional: str) -> Shape:
    """These fields may be missing: what one question could not find out (``not_assessed`` says why)."""
    return {**shape, "required": [name for name in shape["required"] if name not in optional]}


def or_null(shape: Shape) -> Shape:
    """Null: the host does not have this program."""
    return {**shape, "type": [shape["type"], "null"]}


def rows(**fields: Shape) -> Shape:
    """A list of objects."""
    return {"type": "array", "items": record(**fields)}


def without(*names: str) -> Callable[[Any], Any]:
    """For ``steady``: a record without these fields. Null stays null."""

    def steady(value: Mapping[str, Any] | None) -> Any:
        return None if value is None else {name: field for name, field in value.items() if name not in names}

    return steady
