# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API refuses, and how: statuses and texts of a real one."""

from __future__ import annotations

import http.client
import json
import re
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from proxmoxer.core import AuthenticationError, ResourceException

from tests.lab.pve import pki
from tests.lab.pve.fixture import MemoryPve

from .helpers import clone, ended, started


def raw(pve: MemoryPve, method: str, path: str, body: Any = None, secret: str | None = None, login: bool = True) -> tuple[int, str, Any]:
    """(status, reason, answer) without a client's opinion, over a connection that passes strict X.509 checks."""
    headers = {"Authorization": f"PVEAPIToken={pve.token_id}={secret or pve.secret}"} if login else {}
    if isinstance(body, dict):
        body, headers["Content-Type"] = json.dumps(body), "application/json"
    context = ssl.create_default_context(cafile=str(pve.ca_file))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    connection = http.client.HTTPSConnection(pve.host, pve.port, timeout=30, context=context)
    try:
        connection.request(method, f"/api2/json{path}", body, headers)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, answer.reason, json.loads(text) if text else None
    finally:
        connection.close()


def test_nobody_enters_without_the_right_token(memory_pve: MemoryPve) -> None:
    assert raw(memory_pve, "GET", "/version", login=False)[:2] == (401, "No ticket")
    assert raw(memory_pve, "GET", "/version", secret="wrong")[:2] == (401, "Authentication failed!")
    with pytest.raises((ResourceException, AuthenticationError), match="401"):
        memory_pve.proxmoxer(token_value="wrong").version.get()


def test_nobody_else_speaks_for_the_api(memory_pve: MemoryPve, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        raw(replace(memory_pve, ca_file=pki.ensure(tmp_path, ("127.0.0.1",)).ca), "GET", "/version")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "reason"),
    [
        ("GET", "/foo", None, 501, "Method 'GET /foo' not implemented"),
        ("POST", "/version", {}, 501, "Method 'POST /version' not implemented"),
        ("DELETE", "/nodes/pve1/qemu/9000", "purge=1", 501, "Unexpected content for method 'DELETE'"),
        ("GET", "/nodes/nonode/qemu/9000/config", None, 500, "hostname lookup 'nonode' failed - "),
        ("GET", "/nodes/nonode/status", None, 500, "hostname lookup 'nonode' failed - "),
        ("GET", "/nodes/pve2/qemu/999/config", None, 500, "Configuration file 'nodes/pve2/qemu-server/999.conf' does "),
        ("PUT", "/nodes/pve1/qemu/9000/config", {"memory": 512}, 403, "Permission check failed (/vms/9000, VM.Config."),
        ("PUT", "/nodes/pve1/qemu/999/config", {"memory": 512}, 403, "Permission check failed (/vms/999, VM.Config."),
        ("POST", "/nodes/pve1/qemu/999/status/start", {}, 403, "Permission check failed (/vms/999, VM.PowerMgmt)"),
        ("GET", "/cluster/resources?type=nothing", None, 400, "Parameter verification failed."),
        ("POST", "/nodes/pve1/qemu/9000/clone", {"newid": 5}, 400, "Parameter verification failed."),
        ("POST", "/nodes/pve1/qemu/9000/clone", {"newid": 101}, 403, "Permission check failed"),
        ("GET", "/nodes/pve1/tasks/UPID:pve1:1:1:1:x:1:u:/status", None, 400, "Parameter verification failed."),
        ("POST", "/cluster/ha/resources", {"sid": "vm:101"}, 500, "unable to add service 'vm:101' - VM 101 does not exist"),
        ("POST", "/cluster/firewall/rules", {"type": "in", "action": "DROP"}, 501, "Method 'POST /cluster/firewall/rules'"),
        ("POST", "/nodes/pve1/lxc", {"vmid": 200, "ostemplate": "local:vztmpl/x.tar.gz"}, 501, "Method 'POST /nodes/"),
        ("POST", "/nodes/pve1/qemu/9000/clone", "newid=101&pool=community&full=true", 400, "Parameter verification"),
    ],
)
def test_refusals(memory_pve: MemoryPve, method: str, path: str, body: Any, status: int, reason: str) -> None:
    got = raw(memory_pve, method, path, body)
    assert got[0] == status
    assert got[1].startswith(reason)


def test_a_vmid_that_is_taken(memory_pve: MemoryPve) -> None:
    api = memory_pve.proxmoxer()
    assert clone(api) == "OK"
    with pytest.raises(ResourceException, match="unable to create VM 101: config file already exists"):
        clone(api)
    with pytest.raises(ResourceException, match="unable to create VM 101 - VM 101 already exists on node 'pve2'"):
        api.nodes("pve3").qemu.post(vmid=101, pool="community")
    status, _, answer = raw(memory_pve, "GET", "/cluster/nextid?vmid=101")
    assert (status, list(answer["errors"])) == (400, ["vmid"])


def test_a_locked_guest(memory_pve: MemoryPve) -> None:
    api = memory_pve.proxmoxer()
    assert clone(api) == "OK"
    vm = api.nodes("pve2").qemu(101)
    memory_pve.faults(locked={"101": "backup"})
    with pytest.raises(ResourceException, match=r"500 .*VM is locked \(backup\)"):
        vm.config.put(memory=2048)
    with pytest.raises(ResourceException, match=r"500 .*VM is locked \(backup\)"):
        vm.move_disk.post(disk="scsi0", storage="local-lvm")
    assert vm.status.current.get()["lock"] == "backup"
    assert ended(api, vm.status.start.post()) == "VM is locked (backup)"
    assert ended(api, vm.resize.put(disk="scsi0", size="+1G")) == "VM is locked (backup)"
    assert ended(api, vm.delete()) == "VM is locked (backup)"
    memory_pve.faults()
    vm.config.put(memory=2048)
    with pytest.raises(ResourceException, match="Only root may use this option"):
        vm.config.put(memory=2048, skiplock=1)


def test_an_offline_node(memory_pve: MemoryPve) -> None:
    api = memory_pve.proxmoxer()
    started(api)
    memory_pve.faults(nodes_offline=["pve2"])
    with pytest.raises(ResourceException, match="595"):
        api.nodes("pve2").qemu(101).config.get()
    with pytest.raises(ResourceException, match="595"):
        clone(api, 102, "db-01")
    rows = {row["id"]: row["status"] for row in api.cluster.resources.get()}
    assert (rows["node/pve2"], rows["node/pve1"], rows["qemu/101"]) == ("offline", "online", "unknown")


def test_a_call_and_a_task_that_fail_once(memory_pve: MemoryPve) -> None:
    api = memory_pve.proxmoxer()
    memory_pve.faults(
        calls=[{"method": "GET", "path": "/version", "status": 503, "message": "busy", "times": 1}],
        tasks=[{"type": "qmclone", "message": "boom", "times": 1}],
    )
    with pytest.raises(ResourceException, match=r"503 .*busy"):
        api.version.get()
    assert api.version.get()["release"] == "9.0"
    assert clone(api) == "clone failed: boom"


def test_calls_are_counted(memory_pve: MemoryPve) -> None:
    api = memory_pve.proxmoxer()
    memory_pve.forget_calls()
    api.version.get()
    api.nodes.get()
    assert memory_pve.calls() == [("GET", "/version"), ("GET", "/nodes")]


@pytest.mark.parametrize(
    ("what", "done", "seen"),
    [
        ({"do": "lose_call"}, 0, "Connection aborted|RemoteDisconnected|reset"),
        ({"do": "lose_answer"}, 1, "Connection aborted|RemoteDisconnected|reset"),
        ({"do": "answer", "status": 502, "message": "Bad Gateway"}, 0, "502"),
        ({"do": "answer_after", "status": 504, "message": "Gateway Timeout"}, 1, "504"),
        ({"do": "repeat"}, 1, "config file already exists"),
        ({"do": "repeat_first"}, 1, ""),
        ({"do": "delay", "seconds": 0.05}, 1, ""),
    ],
)
def test_what_a_call_can_suffer(memory_pve: MemoryPve, what: dict[str, Any], done: int, seen: str) -> None:
    """Whether the second write is carried out, and what its sender sees."""
    api = memory_pve.proxmoxer()
    memory_pve.faults(calls=[{"method": "!GET", "path": "/nodes", "skip": 1, "times": 1, **what}])
    assert clone(api, 101, "first") == "OK"
    try:
        api.nodes("pve1").qemu(9000).clone.post(newid=102, name="second", pool="community", full=1)
        said = ""
    except Exception as failure:  # noqa: BLE001 - a refusal and a broken connection are told apart by their text
        said = str(failure)
    assert re.search(seen, said), said
    assert bool(seen) == bool(said), said
    assert len([row for row in api.cluster.resources.get(type="vm") if row["name"] == "second"]) == done
