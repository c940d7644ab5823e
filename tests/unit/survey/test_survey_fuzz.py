# SPDX-License-Identifier: GPL-3.0-or-later
"""Every parser of every section, old and new, on text that nobody wrote for it: a value of its shape, or a reason; never another error, never
a parser that does not end."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError
from ansible_collections.lotse.estate.plugins.module_utils._survey import assemble, collector, schema
from ansible_collections.lotse.estate.plugins.module_utils._survey.parts import PARTS
from ansible_collections.lotse.estate.plugins.module_utils._survey.wire import UnseenError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .helpers import BOUNDARY, whole

# Far above what a line takes, on a machine that does other things too: only an expression that backtracks without end comes here.
DEADLINE = timedelta(seconds=10)
RECORDED = [path for folder in ("fixtures", "systems") for path in sorted((Path(__file__).parent / folder).glob("*.txt"))]
NASTY = (
    "9" * 400, "-1", "1e309", "nan", "inf", "0x7fffffffffffffff", "-9223372036854775809", "2106-02-07T06:28:15Z", "1969-12-31", "\x00", "\x1b[2J",
    "\ud7ff\ufffd", "\u0661\u0662", "a=" * 2000, " " * 4000, "(" * 4000, "{" * 4000, "1 " * 2000, "a.b." * 1500, "/x" * 2000, "\t" * 2000, '"' * 3999,
    "\\" * 3999, "[" * 4000, "::" * 2000, ",=" * 2000, "{}", "[]", "null", "{\"a\": 1e999}", "- - - - -", "@absent", "@block x", "%s%n",
)  # fmt: skip


def answers(name: str) -> list[str]:
    """What real hosts said in this section."""
    found = []
    for path in RECORDED:
        text = path.read_text(encoding="utf-8")
        start, end = f"\n{BOUNDARY} section {name}\n", f"\n{BOUNDARY} end {name} "
        if start in text:
            found.append(text.split(start, 1)[1].split(end, 1)[0])
    return found


def vocabulary(name: str) -> tuple[list[str], list[str]]:
    """The section's own lines (blocks, files, marks), and words that its program and its parser know."""
    code = (collector.FOLDER / f"{name}.sh").read_text(encoding="utf-8")
    blocks = [f"@block {word}" for word in re.findall(r"\b(?:block|@block) ['\"]?([\w-]+)", code)]
    files = [f"@file {word}" for word in re.findall(r"/(?:etc|var|usr|srv)/[\w./-]+", code)]
    marks = ["@absent", "@unseen not root", *re.findall(r"'(@\w[^']*)'", code)]
    module = Path(schema.__file__).parent / "parts" / f"{name}.py"
    source = module.read_text(encoding="utf-8") if module.is_file() else ""
    words = sorted(set(re.findall(r"[\"']([A-Za-z_][\w .:=/-]{1,40})[\"']", source + code)))
    return [*blocks, *files, *marks], words[:400]


@st.composite
def texts(draw: Any, name: str) -> str:
    """A section's answer: a real one that was cut, mixed and overwritten, or lines made of what the section knows."""
    own, words = vocabulary(name)
    real = answers(name)
    word = st.one_of(st.sampled_from(NASTY), st.text(max_size=12), st.integers(-(10**20), 10**20).map(str), st.sampled_from(words or ["x"]))
    line = st.one_of(
        st.tuples(st.sampled_from([" ", "\t", "=", ": ", ":", "|", ",", "/"]), st.lists(word, max_size=8)).map(lambda row: " " + row[0].join(row[1])),
        st.text(max_size=40),
        st.sampled_from(own),
    )
    lines: list[str] = []
    if real and draw(st.booleans()):
        lines = draw(st.sampled_from(real)).split("\n")[: draw(st.integers(1, 400))]
        for _ in range(draw(st.integers(1, 6))):
            at = draw(st.integers(0, len(lines)))
            change = draw(st.sampled_from(["put", "drop", "cut", "join"]))
            if change == "put":
                lines.insert(at, draw(line))
            elif lines and at < len(lines):
                spoiled = {"drop": "", "cut": lines[at][: len(lines[at]) // 2], "join": lines[at] + draw(word)}
                lines[at] = spoiled[change]
        return "\n".join(lines)
    head = draw(st.sampled_from(own)) if own else ""
    return "\n".join([head, *draw(st.lists(line, max_size=12))])


@pytest.mark.parametrize("name", collector.SECTIONS)
def test_a_section_of_anything_is_a_valid_survey(name: str) -> None:
    @settings(max_examples=8, deadline=DEADLINE, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(texts(name))
    def check(text: str) -> None:
        survey = assemble.survey(whole({name: text}), BOUNDARY, "host", "192.0.2.1")
        assert schema.load(schema.dump(survey), "host") == survey

    check()


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_a_parts_parser_gives_its_shape_or_says_why_not(part: Any) -> None:
    """Without the assembly, which would put a reason in the place of a value that has another shape."""

    @settings(max_examples=12, deadline=DEADLINE, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(texts(part.name))
    def check(text: str) -> None:
        section = assemble.sections_of(whole({part.name: text}), BOUNDARY, "host")[part.name]
        try:
            value = part.parse(section)
        except UnseenError:
            return
        assert schema.fault(part.name, value) is None
        part.steady(value)

    check()


@settings(max_examples=20, deadline=DEADLINE, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(RECORDED), st.binary(max_size=60), st.floats(0, 1), st.integers(0, 400))
def test_bytes_in_a_whole_answer_are_a_survey_or_one_clear_error(path: Path, bytes_: bytes, where: float, gone: int) -> None:
    text = path.read_bytes()
    at = int(len(text) * where)
    spoiled = (text[:at] + bytes_ + text[at + gone :]).decode("utf-8", "replace")
    rest = [f"\n{BOUNDARY} section {name}\n@absent\n{BOUNDARY} end {name} 0\n" for name in collector.SECTIONS if f"section {name}\n" not in spoiled]
    try:
        assemble.survey(spoiled.replace(f"\n{BOUNDARY} complete\n", "".join([*rest, f"\n{BOUNDARY} complete\n"])), BOUNDARY, "host", "192.0.2.1")
    except LotseError as error:
        assert error.where == "host"
