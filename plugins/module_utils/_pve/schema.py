# SPDX-License-Identifier: GPL-3.0-or-later
"""The API's own schema: what each call demands. A cluster serves it with its manual, to everybody; it is read once for each version.

A rule is what the schema calls ``permissions``: ``{"check": ["and", ["perm", "/vms/{vmid}", ["VM.Clone"]], …]}``, ``{"user": "all"}``, or
None where only root may.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .errors import PveError
from .values import release_of

DOCUMENT = "pve-docs/api-viewer/apidoc.js"  # the manual's viewer: a JavaScript constant with the schema, and the viewer's code behind it
CONSTANT = re.compile(r"\b(?:const|let|var)\s+\w+\s*=\s*(?=\[)")
KEPT = "lotse/pve-schema/1"
Rule = Mapping[str, Any] | None
Rules = Mapping[str, Mapping[str, Rule]]

VMS, AGENT = "/nodes/{node}/qemu/{vmid}", "/nodes/{node}/qemu/{vmid}/agent"
CONFIG_WRITE = [
    "perm", "/vms/{vmid}",
    ["VM.Config.Disk", "VM.Config.CDROM", "VM.Config.CPU", "VM.Config.Memory", "VM.Config.Network", "VM.Config.HWType", "VM.Config.Options",
     "VM.Config.Cloudinit"],
    "any", 1,
]  # fmt: skip


@dataclass(frozen=True)
class ApiSchema:
    """The rules of one version. ``note`` says why they are not the cluster's own; None if they are."""

    rules: Rules
    note: str | None = None

    def rule(self, method: str, path: str) -> Rule:
        """Raises PveError for a call that this version does not have."""
        try:
            return self.rules[path][method]
        except KeyError:
            raise PveError(f"this version of the API has no call {method} {path}") from None


class Library(Protocol):
    """Where documents of the API server come from."""

    def document(self, path: str) -> str: ...


def schema_of(library: Library, version: Mapping[str, Any], cache: Path | None = None) -> ApiSchema:
    """From the cache, else from the cluster, else our own table for the version. ``version``: the answer of /version."""
    said = str(version.get("version", ""))
    kept = _kept_at(cache or default_cache(), version)
    with suppress(OSError, ValueError):
        return ApiSchema(_from_cache(kept))
    try:
        rules = parse(library.document(DOCUMENT))
    except (PveError, ValueError) as failure:
        why = f"the API's schema could not be read ({failure}): permissions were checked against Lotse's own table"
        return ApiSchema(own_rules(release_of(said)[0]), why)
    with suppress(OSError):  # a home that cannot be written to costs a second the next time
        _keep(kept, rules)
    return ApiSchema(rules)


def parse(text: str) -> Rules:
    """The rules in the text of the viewer's document. Raises ValueError if it is something else."""
    start = CONSTANT.search(text)
    if start is None:
        raise ValueError(f"{DOCUMENT} holds no schema")
    tree, _ = json.JSONDecoder().raw_decode(text, start.end())
    return _proven({str(path): methods for path, methods in _walk(tree)})


def _walk(nodes: Sequence[Any]) -> Iterator[tuple[str, dict[str, Rule]]]:
    for node in nodes:
        info = node.get("info") or {}
        if info:
            yield node["path"], {method: call.get("permissions") for method, call in info.items()}
        yield from _walk(node.get("children") or ())


def _proven(rules: Any) -> Rules:
    """Raises ValueError unless every call that we make is there with a rule of a known form."""
    if not isinstance(rules, dict):
        raise ValueError("the schema is not a table")
    for path, methods in own_rules(0).items():
        for method in methods:
            if method not in rules.get(path, {}):
                raise ValueError(f"the schema lacks {method} {path}")
            rule = rules[path][method]
            if rule is not None and not isinstance(rule, dict):
                raise ValueError(f"the schema's permissions of {method} {path} are not understood")
    return rules


# ------------------------------------------------------------------------ cache


def default_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lotse" / "pve-schema"


def _kept_at(cache: Path, version: Mapping[str, Any]) -> Path:
    """A release can be built twice, so its repoid is part of the name."""
    name = "-".join(re.sub(r"[^0-9A-Za-z.]", "", str(version.get(key, ""))) for key in ("version", "repoid"))
    return cache / f"{name}.json"


def _from_cache(path: Path) -> Rules:
    """Raises OSError or ValueError for a file that is not there, not ours, or not whole."""
    if path.stat().st_uid != os.getuid():
        raise ValueError(f"{path} belongs to somebody else")
    kept = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(kept, dict) or kept.get("schema") != KEPT:
        raise ValueError(f"{path} is not ours")
    return _proven(kept.get("rules"))


def _keep(path: Path, rules: Rules) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, fresh = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"schema": KEPT, "rules": rules}, file)
        Path(fresh).replace(path)
    except BaseException:
        Path(fresh).unlink(missing_ok=True)
        raise


# ------------------------------------------------------------------------ our own table


def own_rules(release: int) -> Rules:
    """The calls that we make, with the rules of this major release (0: with those that all releases share)."""

    def on_guest(*privileges: str) -> Rule:
        return {"check": ["perm", "/vms/{vmid}", list(privileges), *(("any", 1) if len(privileges) > 1 else ())]}

    def agent(*privileges: str) -> Rule:
        return on_guest(*privileges, "VM.GuestAgent.Unrestricted") if release >= 9 else on_guest("VM.Monitor")

    def at(path: str, *privileges: str) -> Rule:
        return {"check": ["perm", path, list(privileges), *(("any", 1) if len(privileges) > 1 else ())]}

    new_id = ["or", ["perm", "/vms/{newid}", ["VM.Allocate"]], ["perm", "/pool/{pool}", ["VM.Allocate"], "require_param", "pool"]]
    everybody: Rule = {"user": "all"}
    affinity = {"/cluster/ha/rules": {"POST": at("/", "Sys.Console")}} if release >= 9 else {}
    groups = {"/cluster/ha/groups": {"POST": at("/", "Sys.Console")}} if 0 < release < 9 else {}
    return {
        "/nodes/{node}/qemu": {"POST": everybody},
        VMS: {"DELETE": on_guest("VM.Allocate")},
        f"{VMS}/clone": {"POST": {"check": ["and", ["perm", "/vms/{vmid}", ["VM.Clone"]], new_id]}},
        f"{VMS}/config": {"PUT": {"check": CONFIG_WRITE}, "POST": {"check": CONFIG_WRITE}},
        f"{VMS}/pending": {"GET": on_guest("VM.Audit")},
        f"{VMS}/status/current": {"GET": on_guest("VM.Audit")},
        f"{VMS}/resize": {"PUT": on_guest("VM.Config.Disk")},
        f"{VMS}/move_disk": {"POST": on_guest("VM.Config.Disk")},
        f"{VMS}/migrate": {"POST": on_guest("VM.Migrate")},
        f"{VMS}/template": {"POST": on_guest("VM.Allocate")},
        **{f"{VMS}/status/{verb}": {"POST": on_guest("VM.PowerMgmt")} for verb in ("start", "stop", "shutdown", "reboot")},
        f"{AGENT}/ping": {"POST": agent("VM.GuestAgent.Audit")},
        f"{AGENT}/network-get-interfaces": {"GET": agent("VM.GuestAgent.Audit")},
        f"{AGENT}/exec": {"POST": agent()},
        f"{AGENT}/exec-status": {"GET": agent()},
        f"{AGENT}/file-read": {"GET": agent("VM.GuestAgent.FileRead")},
        f"{AGENT}/file-write": {"POST": agent("VM.GuestAgent.FileWrite")},
        "/pools/{poolid}": {"PUT": at("/pool/{poolid}", "Pool.Allocate")},
        "/cluster/status": {"GET": at("/", "Sys.Audit")},
        "/cluster/ha/resources": {"POST": at("/", "Sys.Console"), "GET": at("/", "Sys.Audit")},
        **affinity,
        **groups,
        "/nodes/{node}/time": {"GET": at("/nodes/{node}", "Sys.Audit")},
        "/nodes/{node}/storage/{storage}/content": {"GET": at("/storage/{storage}", "Datastore.Audit", "Datastore.AllocateSpace")},
    }
