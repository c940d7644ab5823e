# SPDX-License-Identifier: GPL-3.0-or-later
"""What is plugged in, and licences: files by their paths, daemons by their names."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from ..part import MAYBE, TEXT, WORDS, Limits, Part, record, rows
from ..wire import Section

ROOT_HUB = "1d6b"  # the Linux Foundation's own: the ports themselves
HUB = "09"


def parse(section: Section) -> dict[str, Any]:
    """``classes`` are the device's class and its interfaces' as two hexadecimal digits (usb.org: 03 is HID, 08 storage, 0b smart card)."""
    interfaces: dict[str, set[str]] = {}
    for line in section.lines("interfaces"):
        name, _, kind = line.partition("\t")
        if re.fullmatch(r"[0-9a-f]{2}", kind.strip()):
            interfaces.setdefault(name.split(":")[0], set()).add(kind.strip())
    devices = []
    for line in section.lines("devices"):
        words = [word.strip() for word in line.split("\t")]
        if len(words) < 5 or not re.fullmatch(r"[0-9a-f]{4}:[0-9a-f]{4}", words[1]) or words[1].startswith(ROOT_HUB):
            continue
        classes = ({words[2]} if re.fullmatch(r"[0-9a-f]{2}", words[2]) else set()) | interfaces.get(words[0], set())
        if classes <= {HUB, "00"} and HUB in classes:
            continue
        devices.append({"id": words[1], "vendor": words[3] or None, "product": words[4] or None, "classes": sorted(classes - {"00"})})
    return {
        "devices": sorted(devices, key=lambda row: (str(row["id"]), str(row["product"]))),
        "licence_files": sorted({line.strip() for line in section.blocks.get("licences", []) if line.strip().startswith("/")}),
        "licence_daemons": sorted({posixpath.basename(line.strip()) for line in section.blocks.get("daemons", []) if line.strip()}),
    }


PART = Part(
    "usb",
    Limits(15, 100_000),
    parse,
    record(devices=rows(id=TEXT, vendor=MAYBE, product=MAYBE, classes=WORDS), licence_files=WORDS, licence_daemons=WORDS),
    empty={"devices": [], "licence_files": [], "licence_daemons": []},
)
