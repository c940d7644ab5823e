# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages in a real browser: Chromium without a window, of the system, driven over its own protocol. It is never downloaded."""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


def executable() -> str | None:
    """Path of the browser: that of LOTSE_BROWSER, or the first that the system has."""
    return os.environ.get("LOTSE_BROWSER") or next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser. As root it runs without its sandbox, because it refuses to start otherwise; the pages are our own."""
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=executable(), args=[*flags, "--disable-dev-shm-usage", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page, with all that went wrong in it: ``errors`` of its console and scripts, and ``requests`` beyond the file itself."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.context = browser.new_context(**{"viewport": WIDE, "reduced_motion": "reduce", **options})
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type in {"error", "warning"} else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        own = path.resolve().as_uri()
        self.page.on("request", lambda request: self.requests.append(request.url) if request.url.split("#")[0] != own else None)
        self.page.goto(own)

    def close(self) -> None:
        self.context.close()


def measure(path: Path, runs: int = 3) -> dict[str, float]:
    """``open_seconds`` (from the request until after the load event the first frame was drawn; median of ``runs`` fresh pages) and ``bytes``."""
    taken = []
    with chromium() as browser:
        for _ in range(runs):
            context = browser.new_context(viewport=WIDE)
            page = context.new_page()
            begun = time.monotonic()
            page.goto(path.resolve().as_uri(), wait_until="load")
            page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            taken.append(time.monotonic() - begun)
            context.close()
    return {"open_seconds": round(statistics.median(taken), 3), "bytes": path.stat().st_size}
