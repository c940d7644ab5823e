# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan as data inside the page: JSON that no browser can take for markup or for code."""

from __future__ import annotations

import json
from typing import Any

# Inside <script> only these could end the element or begin a comment; ampersands are written away so that nobody has to think about XHTML.
UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def embed(identity: str, data: Any) -> str:
    """A data block. Everything beyond ASCII is escaped too, line separators and lone surrogates among it. Raises ValueError for NaN."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character, written in UNSAFE.items():
        text = text.replace(character, written)
    return f'<script type="application/json" id="{identity}">{text}</script>'
