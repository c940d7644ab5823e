# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a Prometheus over HTTP, from the controller, for what it knows of a legacy host. The token comes from the environment only."""

from __future__ import annotations

import json
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .._domain.errors import LotseError
from .._survey.load import prometheus as asked
from .._survey.load.history import History
from .._survey.load.observe import MACHINES, told
from .._survey.load.samples import DAY, KEPT_DAYS, Sample, Source

TOKEN = "LOTSE_PROMETHEUS_TOKEN"  # noqa: S105 - the variable's name
MOST_BYTES = 64 * 1024**2
WHERE = "survey_prometheus"
SPEC: dict[str, Any] = {
    "type": "dict",
    "options": {
        "url": {"type": "str", "required": True}, "ca_file": {"type": "path"}, "label": {"type": "str", "default": "instance"},
        "instances": {"type": "dict", "default": {}}, "days": {"type": "int", "default": 35}, "timeout": {"type": "int", "default": 30},
    },
}  # fmt: skip


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token must not follow an answer to another address."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True)
class Prometheus:
    """One Prometheus. ``ask`` raises LotseError for whatever is not a whole answer."""

    url: str
    label: str = "instance"
    instances: Mapping[str, str] = field(default_factory=dict)
    days: int = 35
    timeout: int = 30
    token: str = field(default="", repr=False)
    ca_file: str | None = None

    def ask(self, path: str, params: Sequence[tuple[str, str]]) -> Any:
        """The answer's JSON."""
        request = urllib.request.Request(f"{self.url}{path}?{urllib.parse.urlencode(params)}")  # noqa: S310 - options() lets http and https pass
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
        if self.url.startswith("https:"):
            handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self.ca_file)))
        try:
            with urllib.request.build_opener(*handlers).open(request, timeout=self.timeout) as answer:
                body = answer.read(MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            body, status = error.read(100_000), error.code
            if status in (401, 403):
                raise LotseError(f"it refuses us ({status})", self.url, f"set {TOKEN} to a token that may read") from None
            if 300 <= status < 400:
                raise LotseError(f"it sends us elsewhere ({status})", self.url, "give its real address") from None
            if not body.lstrip().startswith(b"{"):
                raise LotseError(f"it answered {status}", self.url, "is this the address of a Prometheus API?") from None
        except TimeoutError:
            raise LotseError(f"it did not answer within {self.timeout} seconds", self.url, "ask for fewer days, or raise the timeout") from None
        except (urllib.error.URLError, OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise LotseError(f"it cannot be reached: {reason}", self.url, "look at the address, and at ca_file for TLS") from None
        if len(body) > MOST_BYTES:
            raise LotseError(f"it answered more than {MOST_BYTES // 1024**2} MiB", self.url, "ask for fewer days")
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise LotseError("its answer is not JSON", self.url, "is this the address of a Prometheus API?") from None

    def range(self, expression: str, matchers: str, window: asked.Window) -> Any:
        words = (("start", str(window.start)), ("end", str(window.end)), ("step", str(window.step)))
        return self.ask("/api/v1/query_range", (("query", asked.query(expression, matchers, window.step)), *words))


def options(given: Mapping[str, Any] | None) -> Prometheus | None:
    """From the playbook's variable. Raises LotseError for one that cannot be meant."""
    if not given:
        return None
    url, token = str(given["url"]).rstrip("/"), os.environ.get(TOKEN, "")
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise LotseError(f"its url is {url!r}, not an address such as https://prometheus.example", WHERE, "correct it")
    if "@" in parts.netloc:
        raise LotseError("its url has a password in it", WHERE, f"take it out and set {TOKEN}")
    if token and parts.scheme == "http":
        raise LotseError(f"{TOKEN} is set, and {url} would send it unencrypted", WHERE, "use https")
    ca_file = str(given["ca_file"]) if given.get("ca_file") else None
    if ca_file and not os.path.isfile(ca_file):  # noqa: PTH113 - a path of the user's
        raise LotseError(f"its ca_file {ca_file} is not there", WHERE, "correct it, or leave it out")
    if not 1 <= int(given["days"]) <= KEPT_DAYS:
        raise LotseError(f"its days are {given['days']}, not 1 to {KEPT_DAYS}", WHERE, "correct them")
    instances = {str(host): str(value) for host, value in (given.get("instances") or {}).items()}
    return Prometheus(url, str(given["label"]), instances, int(given["days"]), int(given["timeout"]), token, ca_file)


def observe(prometheus: Prometheus, survey: Mapping[str, Any], history: History, now: int) -> History:
    """With what Prometheus knows of the host. One that does not answer is told in the load file; the survey stays good."""
    machine = MACHINES if (survey.get("counters") or {}).get("container") else ()
    try:
        found, disks = _observe(prometheus, survey, history.sources.get("prometheus", Source()), now)
    except LotseError as error:
        return told(history, "prometheus", (), now, machine, str(error))
    merged = {mount: {**disks.get(mount, {}), **history.disks.get(mount, {})} for mount in {*disks, *history.disks}}
    return told(replace(history, disks=dict(sorted(merged.items()))), "prometheus", found, now, machine)


def _observe(
    prometheus: Prometheus, survey: Mapping[str, Any], source: Source, now: int
) -> tuple[list[Sample], dict[str, dict[int, tuple[int, int]]]]:  # fmt: skip
    windows = asked.windows(source, now, prometheus.days)
    if not windows:
        return [], {}
    names = sorted({str(survey["host"]), str(survey["address"])})
    selectors = asked.candidates(prometheus.label, names, prometheus.instances.get(str(survey["host"])))
    period = (("start", str(windows[0].start)), ("end", str(now)))
    known = prometheus.ask("/api/v1/series", (*(("match[]", selector) for selector in selectors), *period))
    matchers = asked.target(known, str(survey["host"]), prometheus.url)
    found: list[Sample] = []
    for window in windows:
        answers = {
            name: asked.values(prometheus.range(expression, matchers, window), prometheus.url) for name, (expression, _) in asked.QUERIES.items()
        }
        found += asked.samples(answers, window.step)
    days = asked.Window(windows[0].start // DAY * DAY, now, DAY)
    used, size = (asked.series(prometheus.range(expression, matchers, days), prometheus.url) for expression in (asked.USED, asked.SIZE))
    return found, asked.disks(used, size, [str(row["target"]) for row in survey.get("mounts") or ()])
