# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin: records in scripted conversations, hosts through Ansible's own inventory manager."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import proxmoxer.core
import pytest
from ansible_collections.lotse.estate.plugins.module_utils._pve.adapter import may_repeat
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import RefusedError, UnauthorizedError, api_error
from ansible_collections.lotse.estate.plugins.module_utils._pve.hosts import Wanted, records

from tests.lab.pve.fixture import ROOT, MemoryPve

from .conversation import TEMPLATE_ROW, Conversation, config, row
from .test_pve_adapter import free_port

RESOURCES = "cluster/resources"
Listing = Callable[..., subprocess.CompletedProcess[str]]


# -------------------------------------------------------------------------- records

LAB = Wanted(tag="lotse", cidrs=["10.77.0.0/24"])
AGENT = "nodes/pve2/qemu/101/agent/network-get-interfaces"
CONFIG = "nodes/pve2/qemu/101/config"
MAC = "bc:24:11:aa:bb:cc"
SILENT = api_error(500, "QEMU guest agent is not running")


def interfaces(*addresses: str, mac: str = MAC, name: str = "eth0") -> dict[str, Any]:
    """An answer of network-get-interfaces."""
    loopback = {"name": "lo", "hardware-address": "00:00:00:00:00:00", "ip-addresses": [{"ip-address": "127.0.0.1"}, {"ip-address": "::1"}]}
    docker = {"name": "docker0", "hardware-address": "02:42:00:00:00:01", "ip-addresses": [{"ip-address": "172.17.0.1"}]}
    card = {"name": name, "hardware-address": mac, "ip-addresses": [{"ip-address": address} for address in addresses]}
    return {"result": [loopback, docker, card, {"name": "veth0"}]}


def one(talk: Conversation, wanted: Wanted = LAB) -> dict[str, Any]:
    (record,) = records(talk, wanted)
    return record


def test_a_list_costs_one_call_and_one_for_each_tagged_guest(talk: Conversation) -> None:
    talk.expect("get", RESOURCES, [TEMPLATE_ROW, row("web-01", 102), row("db-01", 101), row("stranger", 140, tags="blue", status="stopped")])
    talk.expect("get", CONFIG, config())
    talk.expect("get", "nodes/pve2/qemu/102/config", config("web-01"))
    found = records(talk, LAB)
    assert [(record["name"], record["address"]) for record in found] == [("db-01", "10.77.0.103"), ("stranger", None), ("web-01", "10.77.0.102")]
    assert len(talk.made) == 3


@pytest.mark.parametrize("wanted", [Wanted(tag=None), Wanted(tag="*", address_from=())])
def test_thousands_of_names_cost_one_call(talk: Conversation, wanted: Wanted) -> None:
    talk.expect("get", RESOURCES, [row(f"web-{number}", number) for number in range(5000, 0, -1)])
    assert len(records(talk, wanted)) == 5000
    assert len(talk.made) == 1


def test_facts_cost_two_calls_a_guest_at_most(talk: Conversation) -> None:
    talk.expect("get", RESOURCES, [row(), row("web-01", 102, status="stopped")])
    talk.expect("get", CONFIG, config(cipassword="**********"))
    talk.expect("get", AGENT, interfaces("10.77.0.103", "fe80::1", "2001:db8::3"))
    talk.expect("get", "nodes/pve2/qemu/102/config", config("web-01"))
    database, web = records(talk, Wanted(tag="*", facts=True, address_from=["agent", "cloud-init"], cidrs=["10.77.0.0/24"]))
    assert database["addresses"] == ["10.77.0.103", "2001:db8::3", "172.17.0.1"], "its own card first"
    assert (web["addresses"], web["address"]) == (["10.77.0.102"], "10.77.0.102")
    assert database["config"]["cores"] == database["row"]["cores"] == 1
    assert database["row"]["nics"]["net0"]["bridge"] == "vmbr0"
    assert not {"digest", "cipassword"} & set(database["config"])


def test_a_guest_is_asked_about_its_system_only_on_request_and_while_it_runs(talk: Conversation) -> None:
    talk.expect("get", RESOURCES, [row(), row("web-01", 102, status="stopped")])
    talk.expect("get", "nodes/pve2/qemu/101/agent/get-osinfo", {"result": {"id": "debian", "version-id": "13"}})
    database, web = records(talk, Wanted(tag="*", osinfo=True, address_from=()))
    assert database["osinfo"]["id"] == "debian"
    assert "osinfo" not in web


@pytest.mark.parametrize(
    ("changes", "cidrs", "address"),
    [
        ({"ipconfig0": "ip=192.0.2.9/24", "ipconfig1": "ip=10.77.0.9/24,ip6=auto"}, ["10.77.0.0/24"], "10.77.0.9"),
        ({"ipconfig0": "ip=192.0.2.9/24,ip6=2001:db8::9/64"}, ["2001:db8::/64", "192.0.2.0/24"], "2001:db8::9"),
        ({"ipconfig0": "ip6=2001:db8::9/64,ip=192.0.2.9/24"}, [], "192.0.2.9"),
        ({"ipconfig0": "ip6=fe80::9/64,ip=127.0.0.9/8", "agent": "0"}, [], None),
    ],
)
def test_the_address_is_the_one_within_the_networks(
    talk: Conversation, changes: dict[str, str], cidrs: list[str], address: str | None
) -> None:
    talk.expect("get", RESOURCES, [row()])
    talk.expect("get", CONFIG, config(**changes))
    assert one(talk, Wanted(tag="lotse", cidrs=cidrs))["address"] == address


def test_the_agent_is_asked_where_cloud_init_has_no_address_that_fits(talk: Conversation) -> None:
    talk.expect("get", RESOURCES, [row()])
    talk.expect("get", CONFIG, config(ipconfig0="ip=dhcp"))
    talk.expect("get", AGENT, interfaces("169.254.1.1", "10.77.0.50"))
    assert one(talk)["address"] == "10.77.0.50"


def test_the_agent_first_saves_the_configuration(talk: Conversation) -> None:
    talk.expect("get", RESOURCES, [row()])
    talk.expect("get", AGENT, interfaces("10.77.0.50"))
    assert one(talk, Wanted(tag="lotse", address_from=["agent", "cloud-init"], cidrs=["10.77.0.0/24"]))["address"] == "10.77.0.50"


@pytest.mark.parametrize(("status", "agent"), [("stopped", "1"), ("running", "0"), ("running", "enabled=0,fstrim_cloned_disks=1")])
def test_the_agent_is_not_asked_where_nobody_can_answer(talk: Conversation, status: str, agent: str) -> None:
    talk.expect("get", RESOURCES, [row(status=status)])
    talk.expect("get", CONFIG, config(ipconfig0="ip=dhcp", agent=agent))
    assert (one(talk)["address"], len(talk.made)) == (None, 2)


def test_an_agent_that_does_not_answer_matters_only_without_another_address(talk: Conversation) -> None:
    for ipconfig, address, marked in (("ip=10.77.0.103/24", "10.77.0.103", False), ("ip=dhcp", None, True)):
        talk.expect("get", RESOURCES, [row()])
        talk.expect("get", AGENT, SILENT)
        talk.expect("get", CONFIG, config(ipconfig0=ipconfig))
        record = one(talk, Wanted(tag="lotse", address_from=["agent", "cloud-init"]))
        assert record["address"] == address
        assert ("agent is not running" in (record["unreachable"] or "")) is marked


def test_containers_and_templates_on_request(talk: Conversation) -> None:
    container = row("ct-01", 200, type="lxc")
    talk.expect("get", RESOURCES, [TEMPLATE_ROW, row("db-01", 101, tags=""), container, row("ct-02", 201, type="lxc")])
    talk.expect("get", "nodes/pve2/lxc/200/config", {"net0": "name=eth0,bridge=vmbr0,ip=10.77.0.60/24"})
    talk.expect("get", "nodes/pve2/lxc/201/config", {"net0": "name=eth0,bridge=vmbr0,ip=dhcp"})
    talk.expect("get", "nodes/pve2/lxc/201/interfaces", [{"name": "lo", "inet": "127.0.0.1/8"}, {"name": "eth0", "inet": "10.77.0.61/24"}])
    found = records(talk, Wanted(tag="lotse", types=["qemu", "lxc"], templates=True))
    assert [(record["name"], record["type"], record["template"], record["address"]) for record in found] == [
        ("ct-01", "lxc", False, "10.77.0.60"), ("ct-02", "lxc", False, "10.77.0.61"),
        ("db-01", "qemu", False, None), ("debian-13", "qemu", True, None),
    ]  # fmt: skip


def test_a_guest_whose_node_does_not_answer_is_marked_not_dropped(talk: Conversation) -> None:
    """The node is asked once, not once for each of its guests."""
    talk.expect("get", RESOURCES, [row(), row("web-01", 102), row("web-02", 103, node="pve1")])
    talk.expect("get", CONFIG, api_error(595, "No route to host"))
    talk.expect("get", "nodes/pve1/qemu/103/config", config())
    found = records(talk, Wanted(tag="lotse", workers=1))
    assert [record["address"] for record in found] == [None, None, "10.77.0.103"]
    assert all("No route to host" in record["unreachable"] for record in found[:2])


def test_a_guest_that_may_not_be_asked_about_is_marked(talk: Conversation) -> None:
    talk.expect("get", RESOURCES, [row()])
    talk.expect("get", CONFIG, api_error(403, "Permission check failed (/vms/101, VM.Audit)"))
    assert "VM.Audit" in one(talk)["unreachable"]


def test_an_empty_list_is_believed_only_from_somebody_who_may_see_guests(talk: Conversation) -> None:
    talk.expect("get", RESOURCES, [])
    talk.expect("get", "access/permissions", {"/": {"VM.Audit": 1}})
    assert records(talk, LAB) == []
    talk.expect("get", RESOURCES, [])
    talk.expect("get", "access/permissions", {"/storage": {"Datastore.Audit": 1}})
    with pytest.raises(RefusedError, match=r"because the token lacks VM\.Audit"):
        records(talk, LAB)


def test_names_are_unique(talk: Conversation) -> None:
    talk.expect("get", RESOURCES, [row("same", 140, tags=""), row("same", 141, tags="")])
    assert [record["name"] for record in records(talk, LAB)] == ["same-140", "same-141"]
    talk.expect("get", RESOURCES, [row(), row(vmid=107)])
    for vmid in (101, 107):
        talk.expect("get", f"nodes/pve2/qemu/{vmid}/config", config())
    with pytest.raises(RefusedError, match="VMs 101 and 107 are both called db-01 and tagged lotse"):
        records(talk, LAB)


@pytest.mark.parametrize(
    ("wanted", "why"), [(Wanted(cidrs=["10.77.0.0/33"]), r"cidrs: '10\.77\.0\.0/33'"), (Wanted(workers=0), "workers: 0 is too few")]
)
def test_options_that_make_no_sense_are_said_before_anything_is_asked(talk: Conversation, wanted: Wanted, why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        records(talk, wanted)


@pytest.mark.parametrize("path", [RESOURCES, CONFIG])
def test_a_refused_token_is_an_error(talk: Conversation, path: str) -> None:
    if path != RESOURCES:
        talk.expect("get", RESOURCES, [row()])
    talk.expect("get", path, api_error(401, "No ticket"))
    with pytest.raises(UnauthorizedError):
        records(talk, LAB)


def test_an_agent_that_hangs_is_not_taken_for_a_lock() -> None:
    assert not may_repeat(api_error(500, "VM 101 qmp command 'guest-network-get-interfaces' failed - got timeout"), repeatable=True)


# --------------------------------------------------------------------------- plugin


@pytest.fixture
def listing(memory_pve: MemoryPve, tmp_path: Path) -> Listing:
    """``ansible-inventory --list`` over the lab's API."""
    source = tmp_path / "lab.pve.yml"

    def run(
        secret: str | None = None, *, port: int = 0, command: tuple[str, ...] = ("ansible-inventory", "--list"), more: str = "",
        filters: str = "[\"'lotse' in pve_tags\"]", **environment: str,
    ) -> Any:  # fmt: skip
        source.write_text(
            f"plugin: lotse.estate.pve\nhosts: [{memory_pve.host}]\nport: {port or memory_pve.port}\ntoken_id: {memory_pve.token_id}\n"
            f"ca_file: {os.path.relpath(memory_pve.ca_file, tmp_path)}\ncidrs: [10.77.0.0/24]\nfilters: {filters}\n{more}"
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


def until_running(pve: MemoryPve, vmid: int) -> None:
    api = pve.proxmoxer()
    while api.nodes("pve1").qemu(vmid).status.current.get()["status"] != "running":
        pass
    while True:
        with contextlib.suppress(proxmoxer.core.ResourceException):
            api.nodes("pve1").qemu(vmid).agent("network-get-interfaces").get()
            return


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


def test_groups_without_expressions(listing: Listing, memory_pve: MemoryPve) -> None:
    made(memory_pve, 103, "db-01", "lotse;role-mariadb")
    found = json.loads(listing(more="group_by: [node, pool, tag, status, type, template]\ntemplates: true\n").stdout)
    groups = {name for name, group in found.items() if group.get("hosts") == ["db-01"]}
    assert groups >= {"pve_node_pve1", "pve_pool_community", "pve_tag_lotse", "pve_tag_role_mariadb", "pve_status_stopped", "pve_type_qemu"}
    assert "pve_templates" not in found, "the filter has left the template out"
    found = json.loads(listing(more="group_by: [template]\ntemplates: true\n", filters="[]").stdout)
    assert found["pve_templates"]["hosts"] == ["debian-13"]


def test_facts_of_a_running_guest(listing: Listing, memory_pve: MemoryPve) -> None:
    made(memory_pve, 103, "db-01", "lotse")
    memory_pve.proxmoxer().nodes("pve1").qemu(103).status.start.post()
    until_running(memory_pve, 103)
    memory_pve.forget_calls()
    found = json.loads(listing(more="want_facts: true\naddress_from: [agent, cloud-init]\n").stdout, object_hook=plain)
    host = found["_meta"]["hostvars"]["db-01"]
    assert (host["ansible_host"], host["pve_addresses"]) == ("10.77.0.103", ["10.77.0.103"])
    assert host["pve_config"]["ipconfig0"] == "ip=10.77.0.103/24"
    assert (host["pve_row"]["adopt"], host["pve_row"]["nics"]["net0"]["address"]) == (103, "10.77.0.103/24")
    assert len(memory_pve.calls()) == 1 + 2


def test_what_somebody_wrote_into_a_guest_is_never_taken_for_a_template(listing: Listing, memory_pve: MemoryPve) -> None:
    made(memory_pve, 103, "db-01", "lotse")
    memory_pve.proxmoxer().nodes("pve1").qemu(103).config.put(description="{{ 6 * 7 }} is not 42")
    show = ("ansible", "db-01", "-c", "local", "-m", "ansible.builtin.debug", "-a", "msg={{ pve_config.description }}")
    done = listing(more="want_facts: true\n", command=show)
    assert done.returncode == 0, done.stderr
    assert "{{ 6 * 7 }} is not 42" in done.stdout


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


@pytest.mark.parametrize("damage", ["{ this is no JSON", "[]", '{"question": {}, "records": []}', '{"records": [{"name": "db-01"}]}'])
def test_a_damaged_cache_is_fetched_again(listing: Listing, memory_pve: MemoryPve, tmp_path: Path, damage: str) -> None:
    made(memory_pve, 103, "db-01", "lotse")
    cache = {
        "ANSIBLE_INVENTORY_CACHE": "True", "ANSIBLE_INVENTORY_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_INVENTORY_CACHE_CONNECTION": str(tmp_path / "cache"),
    }  # fmt: skip
    first = json.loads(listing(**cache).stdout)
    (kept,) = (tmp_path / "cache").iterdir()
    kept.write_text(damage)
    memory_pve.forget_calls()
    assert json.loads(listing(**cache).stdout) == first
    assert memory_pve.calls() != []
    assert "db-01" in kept.read_text(), "and it is whole again"
