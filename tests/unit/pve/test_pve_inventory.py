# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin: records in scripted conversations, hosts through Ansible's own inventory manager."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import RefusedError, UnauthorizedError, api_error
from ansible_collections.lotse.estate.plugins.module_utils._pve.hosts import records

from tests.lab.pve.fixture import ROOT, MemoryPve

from .conversation import TEMPLATE_ROW, Conversation, config, row
from .test_pve_adapter import free_port

RESOURCES = "cluster/resources"
Listing = Callable[..., subprocess.CompletedProcess[str]]


# -------------------------------------------------------------------------- records


def test_a_list_costs_one_call_and_one_for_each_tagged_guest(talk: Conversation) -> None:
    talk.expect("get", RESOURCES, [TEMPLATE_ROW, row("web-01", 102), row("db-01", 101), row("stranger", 140, tags="blue", status="stopped")])
    talk.expect("get", "nodes/pve2/qemu/101/config", config())
    talk.expect("get", "nodes/pve2/qemu/102/config", config("web-01"))
    found = records(talk, tag="lotse", cidrs=["10.77.0.0/24"])
    assert [(record["name"], record["address"]) for record in found] == [("db-01", "10.77.0.103"), ("stranger", None), ("web-01", "10.77.0.102")]
    assert len(talk.made) == 3


def test_the_address_is_the_one_within_the_networks(talk: Conversation) -> None:
    talk.expect("get", RESOURCES, [row()])
    talk.expect("get", "nodes/pve2/qemu/101/config", config(ipconfig0="ip=192.0.2.9/24", ipconfig1="ip=10.77.0.9/24,ip6=auto"))
    assert records(talk, tag="lotse", cidrs=["10.77.0.0/24"])[0]["address"] == "10.77.0.9"


def test_a_guest_whose_node_does_not_answer_is_marked_not_dropped(talk: Conversation) -> None:
    talk.expect("get", RESOURCES, [row()])
    talk.expect("get", "nodes/pve2/qemu/101/config", api_error(595, "No route to host"))
    (record,) = records(talk, tag="lotse")
    assert record["address"] is None
    assert "No route to host" in record["unreachable"]


def test_an_empty_list_is_believed_only_from_somebody_who_may_see_guests(talk: Conversation) -> None:
    talk.expect("get", RESOURCES, [])
    talk.expect("get", "access/permissions", {"/": {"VM.Audit": 1}})
    assert records(talk, tag="lotse") == []
    talk.expect("get", RESOURCES, [])
    talk.expect("get", "access/permissions", {"/storage": {"Datastore.Audit": 1}})
    with pytest.raises(RefusedError, match=r"because the token lacks VM\.Audit"):
        records(talk, tag="lotse")


def test_names_are_unique(talk: Conversation) -> None:
    talk.expect("get", RESOURCES, [row("same", 140, tags=""), row("same", 141, tags="")])
    assert [record["name"] for record in records(talk, tag=None)] == ["same-140", "same-141"]
    talk.expect("get", RESOURCES, [row(), row(vmid=107)])
    for vmid in (101, 107):
        talk.expect("get", f"nodes/pve2/qemu/{vmid}/config", config())
    with pytest.raises(RefusedError, match="VMs 101 and 107 are both called db-01 and tagged lotse"):
        records(talk, tag="lotse")


def test_a_refused_token_is_an_error(talk: Conversation) -> None:
    talk.expect("get", RESOURCES, api_error(401, "No ticket"))
    with pytest.raises(UnauthorizedError):
        records(talk, tag="lotse")


# --------------------------------------------------------------------------- plugin


@pytest.fixture
def listing(memory_pve: MemoryPve, tmp_path: Path) -> Listing:
    """``ansible-inventory --list`` over the lab's API."""
    source = tmp_path / "lab.pve.yml"

    def run(secret: str | None = None, *, port: int = 0, command: tuple[str, ...] = ("ansible-inventory", "--list"), **environment: str) -> Any:
        source.write_text(
            f"plugin: lotse.estate.pve\nhosts: [{memory_pve.host}]\nport: {port or memory_pve.port}\ntoken_id: {memory_pve.token_id}\n"
            f"ca_file: {os.path.relpath(memory_pve.ca_file, tmp_path)}\ncidrs: [10.77.0.0/24]\nfilters: [\"'lotse' in pve_tags\"]\n"
            "always_groups: [guests, role_redis]\ngroups: {guests: \"'lotse' in pve_tags\"}\n"
            "keyed_groups:\n  - {key: \"pve_tags | select('match', 'role-') | list\", prefix: '', separator: ''}\n"
            "compose: {where: pve_node ~ '/' ~ pve_vmid}\n"
        )
        environment |= {"LOTSE_PVE_TOKEN_SECRET": secret if secret is not None else memory_pve.secret}
        program, *options = command
        argv = [str(Path(sys.executable).with_name(program)), "-i", str(source), *options]
        return subprocess.run(argv, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False)

    return run


def plain(values: dict[str, Any]) -> Any:
    """Values of the API are no templates: Ansible marks them."""
    return values.get("__ansible_unsafe", values)


def made(pve: MemoryPve, vmid: int, name: str, tags: str) -> None:
    api = pve.proxmoxer()
    api.nodes("pve1").qemu(9000).clone.post(newid=vmid, name=name, full=1, pool="community")
    while "lock" in api.nodes("pve1").qemu(vmid).config.get():
        pass
    api.nodes("pve1").qemu(vmid).config.put(tags=tags, ipconfig0=f"ip=10.77.0.{vmid}/24")


def test_guests_become_hosts_with_groups_and_variables(listing: Listing, memory_pve: MemoryPve) -> None:
    made(memory_pve, 103, "db-01", "lotse;role-mariadb")
    made(memory_pve, 140, "stranger", "blue")
    found = json.loads(listing().stdout, object_hook=plain)
    hosts = found["_meta"]["hostvars"]
    assert list(hosts) == ["db-01"]
    assert hosts["db-01"]["ansible_host"] == "10.77.0.103"
    assert (hosts["db-01"]["where"], hosts["db-01"]["pve_tags"]) == ("pve1/103", ["lotse", "role-mariadb"])
    assert found["guests"]["hosts"] == found["role_mariadb"]["hosts"] == ["db-01"]
    assert memory_pve.secret not in json.dumps(found)


def test_a_cluster_without_guests_is_no_error(listing: Listing) -> None:
    done = listing()
    assert done.returncode == 0
    assert "[WARNING]: Failed" not in done.stderr


@pytest.mark.parametrize(
    ("secret", "port", "why"),
    [
        ("not-the-s3cr3t", 0, "the API refuses the token"),
        ("", 0, "api.token_secret is empty"),
        (None, free_port(), "does not answer"),
    ],
    ids=["wrong secret", "no secret", "nobody there"],
)
def test_an_api_that_cannot_be_asked_ends_the_run_with_one_error(listing: Listing, secret: str | None, port: int, why: str) -> None:
    """Also where Ansible would only warn about an inventory that it cannot parse, and go on without the guests."""
    done = listing(secret, port=port, ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="False")
    assert done.returncode == 1
    assert done.stdout == ""
    (error,) = done.stderr.strip().splitlines()
    assert error.startswith("[ERROR]: ")
    assert "lab.pve.yml" in error
    assert why in error
    assert "not-the-s3cr3t" not in error


def test_a_syntax_check_asks_no_api(listing: Listing, memory_pve: MemoryPve) -> None:
    done = listing("", command=("ansible-playbook", "--syntax-check", "playbooks/provision.yml"))
    assert done.returncode == 0
    assert "Failed to parse" not in done.stderr
    assert memory_pve.calls() == []


def test_the_cache_answers_until_it_is_refreshed(listing: Listing, memory_pve: MemoryPve, tmp_path: Path) -> None:
    made(memory_pve, 103, "db-01", "lotse")
    cache = {
        "ANSIBLE_INVENTORY_CACHE": "True", "ANSIBLE_INVENTORY_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_INVENTORY_CACHE_CONNECTION": str(tmp_path / "cache"),
    }  # fmt: skip
    first = json.loads(listing(**cache).stdout)
    memory_pve.forget_calls()
    assert json.loads(listing(**cache).stdout) == first
    assert memory_pve.calls() == []
    kept = "".join(path.read_text() for path in (tmp_path / "cache").iterdir())
    assert "db-01" in kept
    assert memory_pve.secret not in kept
    listing(command=("ansible-inventory", "--list", "--flush-cache"), **cache)
    assert memory_pve.calls() != []
