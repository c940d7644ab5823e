# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests as an inventory sees them: one call for the list, and for each guest that is asked about at most one for each kind of fact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .addresses import Net, chosen, configured, networks, of_agent, of_container
from .errors import ApiError, NodeUnreachableError, RefusedError, UnauthorizedError
from .gateway import Gateway
from .guest import ObservedGuest
from .observe import in_parallel
from .permissions import Permissions
from .reverse import row_of
from .values import boolean, properties, words

Record = dict[str, Any]
EVERY = "*"


@dataclass(frozen=True)
class Wanted:
    """What an inventory asks for.

    tag: only guests with it are asked about; ``*`` for all, None for none. address_from: agent, cloud-init, in order of preference.
    """

    types: Sequence[str] = ("qemu",)
    templates: bool = False
    tag: str | None = None
    address_from: Sequence[str] = ("cloud-init", "agent")
    cidrs: Sequence[str] = ()
    facts: bool = False
    osinfo: bool = False
    workers: int = 16

    def asks_about(self, record: Record) -> bool:
        if not (self.address_from or self.facts or self.osinfo) or record["template"]:
            return False
        return self.tag == EVERY or self.tag in record["tags"]


def records(gateway: Gateway, wanted: Wanted) -> list[Record]:
    """One record for each guest, sorted by name; values fit into JSON.

    ::

        {"name", "vmid", "node", "status", "pool", "tags", "type": "qemu" or "lxc", "template": bool, "address": None or text,
         "unreachable": None or reason}

    With ``facts`` also ``config`` (as the API has it), ``row`` (as a plan has it; virtual machines only) and ``addresses`` (of a running
    guest its own ones, else the configured ones), with ``osinfo`` the agent's answer; missing where nobody answered. Raises RefusedError when
    the list is empty only because the token may not see guests.
    """
    try:
        nets = networks(wanted.cidrs)
    except ValueError as failure:
        raise RefusedError([f"cidrs: {failure}"]) from None
    if wanted.workers < 1:
        raise RefusedError([f"workers: {wanted.workers} is too few"])
    rows = gateway.get("cluster/resources", {"type": "vm"})
    if not rows:
        may_see(gateway)
    found = [
        record(row) for row in rows if row.get("type") in wanted.types and (wanted.templates or not int(row.get("template") or 0))
    ]
    found.sort(key=lambda entry: (entry["name"], entry["vmid"]))
    visit = _Visit(gateway, wanted, nets)
    in_parallel(visit, [entry for entry in found if wanted.asks_about(entry)], wanted.workers)
    return unique(found, wanted.tag)


def record(row: dict[str, Any]) -> Record:
    """What the list says about a guest."""
    return {
        "name": str(row.get("name") or f"vm-{row['vmid']}"),
        "vmid": int(row["vmid"]),
        "node": str(row["node"]),
        "status": str(row.get("status", "unknown")),
        "pool": row.get("pool") or None,
        "tags": sorted(words(row.get("tags") or "")),
        "type": str(row["type"]),
        "template": bool(int(row.get("template") or 0)),
        "address": None,
        "unreachable": None,
    }


def may_see(gateway: Gateway) -> None:
    """Missing permissions read as 200 with an empty list: an empty list is believed only from somebody who may see guests."""
    permissions = Permissions(gateway.get("access/permissions"))
    if not permissions.anywhere("VM.Audit"):
        raise RefusedError(["the API lists no guest because the token lacks VM.Audit: give the token (not only its user) a role on /vms or its pool"])


def unique(found: list[Record], tag: str | None) -> list[Record]:
    """Names are the inventory's host names. Two of our own with one name are an error; strangers get their VMID behind the name."""
    by_name: dict[str, list[Record]] = {}
    for entry in found:
        by_name.setdefault(entry["name"], []).append(entry)
    for name, same in by_name.items():
        if len(same) > 1:
            ours = [entry for entry in same if tag is not None and tag in entry["tags"]]
            if len(ours) > 1:
                raise RefusedError([f"VMs {' and '.join(str(entry['vmid']) for entry in ours)} are both called {name} and tagged {tag}"])
            for entry in same:
                if entry not in ours:
                    entry["name"] = f"{name}-{entry['vmid']}"
    return found


@dataclass
class _Visit:
    """Asks about one guest after the other, from several threads. A guest that cannot be reached is marked, not dropped."""

    gateway: Gateway
    wanted: Wanted
    nets: tuple[Net, ...]
    away: dict[str, str] = field(default_factory=dict)  # nodes that did not answer, with the reason: once is enough

    def __call__(self, entry: Record) -> None:
        guest = _Guest(self.gateway, entry)
        try:
            if entry["node"] in self.away:
                entry["unreachable"] = self.away[entry["node"]]
            else:
                self._ask(guest, entry)
        except NodeUnreachableError as failure:
            self.away[entry["node"]] = entry["unreachable"] = str(failure)
        except UnauthorizedError:
            raise
        except ApiError as failure:
            entry["unreachable"] = str(failure)

    def _ask(self, guest: _Guest, entry: Record) -> None:
        if self.wanted.facts:
            config = guest.config()
            entry["config"] = {key: value for key, value in config.items() if key not in ("digest", "cipassword")}
            if entry["type"] == "qemu":
                entry["row"] = guest.row()
        for source in self.wanted.address_from:
            addresses = guest.live() if source == "agent" else configured(guest.config())
            entry["address"] = chosen(addresses, self.nets)
            if entry["address"]:
                break
        if self.wanted.facts:
            entry["addresses"] = guest.live() or configured(guest.config())
        if self.wanted.osinfo and (osinfo := guest.agent("get-osinfo")):
            entry["osinfo"] = osinfo
        if entry["address"] is None:
            entry["unreachable"] = guest.trouble


class _Guest:
    """What is asked about one guest, each thing once."""

    def __init__(self, gateway: Gateway, entry: Record) -> None:
        self._gateway = gateway
        self._entry = entry
        self._path = f"nodes/{entry['node']}/{entry['type']}/{entry['vmid']}"
        self._config: dict[str, Any] | None = None
        self._live: list[str] | None = None
        self.trouble: str | None = None  # why the guest itself does not answer

    def config(self) -> dict[str, Any]:
        if self._config is None:
            self._config = dict(self._gateway.get(f"{self._path}/config"))
        return self._config

    def row(self) -> dict[str, Any]:
        entry, config = self._entry, {key: value for key, value in self.config().items() if key != "digest"}
        return row_of(ObservedGuest(entry["vmid"], entry["name"], entry["node"], entry["status"], entry["pool"], config))

    def live(self) -> list[str]:
        """The addresses that a running guest has; none when nobody answers."""
        if self._live is None:
            if self._entry["type"] == "lxc":
                self._live = of_container(self._answer("interfaces") or ()) if self._runs else []
            else:
                self._live = of_agent(self.agent("network-get-interfaces") or (), self._config or {})
        return self._live

    def agent(self, command: str) -> Any:
        """The agent's answer; None when the guest does not run, has no agent by its configuration (if that is known), or does not answer."""
        if not self._runs or self._entry["type"] != "qemu":
            return None
        if self._config is not None and not boolean(properties(str(self._config.get("agent", 0)), "enabled").get("enabled", 0)):
            return None
        answer = self._answer(f"agent/{command}")
        return None if answer is None else answer.get("result")

    @property
    def _runs(self) -> bool:
        return bool(self._entry["status"] == "running")

    def _answer(self, what: str) -> Any:
        try:
            return self._gateway.get(f"{self._path}/{what}")
        except (NodeUnreachableError, UnauthorizedError):
            raise
        except ApiError as failure:
            self.trouble = str(failure)
            return None
