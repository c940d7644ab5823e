# SPDX-License-Identifier: GPL-3.0-or-later
"""What the machine draws at this moment: the whole machine by IPMI or ACPI, or at least its processors by their energy counters."""

from __future__ import annotations

import re
from typing import Any

from ..part import FLAG, MAYBE, NUMBER_OR_NULL, TEXT, Limits, Part, record, rows
from ..wire import Section

WHOLE = {"ipmitool": "IPMI DCMI (ipmitool)", "freeipmi": "IPMI DCMI (ipmi-dcmi)"}
REFUSED = {"no device": "the kernel has no IPMI device", "not root": "only root may read it", "no program": "there is neither ipmitool nor ipmi-dcmi"}
MOST_WATTS = 20_000


def parse(section: Section) -> dict[str, Any]:
    """``whole`` is False where only the processors were measured: a lower bound. ``tried`` says how each way ended."""
    tried = []
    answers = [("ipmi", *_ipmi(section)), ("acpi", *_acpi(section)), ("rapl", *_rapl(section))]
    best: tuple[float | None, str | None] = (None, None)
    for how, watts, result in answers:
        tried.append({"how": how, "result": result})
        if best[0] is None and watts is not None:
            best = (watts, result)
    source = next((how for how, watts, _ in answers if watts is not None), None)
    return {"watts": best[0], "source": source, "whole": source in ("ipmi", "acpi"), "tried": tried}


def _ipmi(section: Section) -> tuple[float | None, str]:
    state = " ".join(section.lines("ipmi"))
    for block, name in WHOLE.items():
        if block in section.blocks:
            text = "\n".join(section.blocks[block])
            match = re.search(r"(?:Instantaneous power reading|Current Power)\s*:\s*(\d{1,6}) [Ww]atts", text, re.ASCII)
            off = re.search(r"(?:Power reading state is|Power Measurement)\s*:\s*(?:deactivated|Not Available)", text)
            if match and not off and 0 < int(match[1]) <= MOST_WATTS:
                return float(match[1]), name
            return None, f"{name} gave no reading: {section.first(block)[:100] or 'no answer'}"
    return None, REFUSED.get(state, state or "not tried")


def _acpi(section: Section) -> tuple[float | None, str]:
    for line in section.blocks.get("acpi", []):
        match = re.fullmatch(r"(power_meter|ibmpowernv) (\d{1,12})", line.strip(), re.ASCII)
        if match and 0 < int(match[2]) <= MOST_WATTS * 1_000_000:
            return round(int(match[2]) / 1_000_000, 1), "ACPI power meter"
    return None, "there is no power meter"


def _rapl(section: Section) -> tuple[float | None, str]:
    first, later = section.lines("rapl"), section.blocks.get("later", [])
    if first and first[0] in ("no counters", "not root"):
        return None, {"no counters": "the processor has no counters, or a hypervisor hides them", "not root": "only root may read them"}[first[0]]
    before, after = _counters(first), _counters(later)
    if before[0] is None or after[0] is None or after[0] <= before[0]:
        return None, "the counters gave no answer"
    total, seen = 0.0, []
    for zone, (name, value, most) in before[1].items():
        if zone not in after[1] or not name.startswith(("package", "dram")):
            continue
        used = after[1][zone][1] - value
        used += most if used < 0 else 0  # the counter began anew
        if used < 0:
            continue
        total += used / 1_000_000 / (after[0] - before[0])
        seen.append(name)
    if not seen or not 0 < total <= MOST_WATTS:
        return None, "the counters gave no answer"
    return round(total, 1), f"energy counters of {', '.join(sorted(seen))}"


def _counters(lines: list[str]) -> tuple[float | None, dict[str, tuple[str, int, int]]]:
    words = [line.split() for line in lines if line.strip()]
    uptime = float(words[0][0]) if words and re.fullmatch(r"\d{1,12}(\.\d{1,3})?", words[0][0], re.ASCII) else None
    zones = {}
    for row in words[1:]:
        if len(row) == 4 and re.fullmatch(r"\d{1,18}", row[2], re.ASCII) and re.fullmatch(r"\d{1,18}", row[3], re.ASCII):
            zones[row[0]] = (row[1], int(row[2]), int(row[3]))
    return uptime, zones


def _steady(value: dict[str, Any]) -> dict[str, Any]:
    """Where the figure comes from, not the figure."""
    return {"source": value["source"], "whole": value["whole"]}


PART = Part(
    "power",
    Limits(15, 20_000),
    parse,
    record(watts=NUMBER_OR_NULL, source=MAYBE, whole=FLAG, tried=rows(how=TEXT, result=TEXT)),
    empty={"watts": None, "source": None, "whole": False, "tried": []},
    steady=_steady,
)
