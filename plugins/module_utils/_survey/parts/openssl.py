# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenSSL: what its configuration allows, and which authorities the host trusts beyond the distribution's."""

from __future__ import annotations

import re
from typing import Any

from .. import certificates
from ..part import COUNT, COUNT_OR_NULL, MAYBE, TEXT, Limits, Part, or_null, record, rows
from ..wire import Section, number


def parse(section: Section) -> dict[str, Any] | None:
    """``security_level`` is what a CipherString sets; null where nobody set one. None without OpenSSL."""
    if section.absent:
        return None
    version = re.search(r"(?:OpenSSL|LibreSSL) (\d[\w.]*)", " ".join(section.lines("version")))
    settings: dict[str, str] = {}
    file = None
    for line in section.lines("settings"):
        path, _, rest = line.partition("\t")
        name, sign, value = rest.partition("=")
        if sign:
            file = file or path.strip()
            settings[name.strip()] = re.sub(r"\s#.*", "", value).strip()
    level = re.search(r"@SECLEVEL=(\d)", settings.get("CipherString", ""), re.ASCII)
    return {
        "version": version[1] if version else "",
        "file": file,
        "min_protocol": settings.get("MinProtocol"),
        "cipher_string": settings.get("CipherString"),
        "security_level": int(level[1]) if level else None,
        "options": settings.get("Options"),
        "policy": settings.get("policy"),
        "bundle": _bundle(section),
        "local_authorities": certificates.read(section.lines("local") if "local" in section.blocks else []),
    }


def _bundle(section: Section) -> dict[str, Any] | None:
    words = section.first("bundle").split("\t")
    if len(words) != 3 or not re.fullmatch(r"[0-9a-f]{64}", words[1]):
        return None
    return {"file": words[0], "sha256": words[1], "certificates": number(words[2]) or 0}


PART = Part(
    "openssl",
    Limits(15, 300_000),
    parse,
    or_null(record(
        version=TEXT, file=MAYBE, min_protocol=MAYBE, cipher_string=MAYBE, security_level=COUNT_OR_NULL, options=MAYBE, policy=MAYBE,
        bundle=or_null(record(file=TEXT, sha256=TEXT, certificates=COUNT)), local_authorities=rows(**certificates.SHAPE),
    )),
)  # fmt: skip
