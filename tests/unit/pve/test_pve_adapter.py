# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway over proxmoxer against the lab's API: fail-over, retries, certificates, and errors that keep the secret."""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._pve.adapter import Endpoint, ProxmoxerGateway, endpoint_from, may_repeat
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import (
    ApiError,
    ApiUnreachableError,
    DigestMismatchError,
    ForbiddenError,
    GuestLockedError,
    GuestMissingError,
    LockTimeoutError,
    NodeUnreachableError,
    PveError,
    RefusedError,
    ServerTroubleError,
    UnauthorizedError,
    VmidTakenError,
    api_error,
)

from tests.lab.pve.fixture import MemoryPve

accepted: Counter[int] = Counter()  # connections by port of ``dropping``
GOOD = Endpoint(("pve1.example.org",), "lotse@pve!ci", "s3cr3t-of-the-token")


def endpoint(pve: MemoryPve, **changes: Any) -> Endpoint:
    return replace(Endpoint((pve.host,), pve.token_id, pve.secret, pve.port, str(pve.ca_file)), **changes)


def free_port() -> int:
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        return int(plug.getsockname()[1])


@contextmanager
def dropping(pve: MemoryPve, drops: int, after: int = 900) -> Iterator[int]:
    """A port that leads to the API and cuts the first connections once they have sent more than ``after`` bytes: the answer is lost."""
    left = [drops]
    door = socket.create_server(("127.0.0.1", 0))
    accepted[door.getsockname()[1]] = 0

    def pump(one: socket.socket, other: socket.socket, cut: bool) -> None:
        sent = 0
        try:
            while data := one.recv(65536):
                sent += len(data)
                other.sendall(data)
                if cut and sent > after:
                    break
        except OSError:
            pass
        for plug in (one, other):
            plug.close()

    def serve() -> None:
        while True:
            try:
                near, _ = door.accept()
            except OSError:
                return
            accepted[door.getsockname()[1]] += 1
            far = socket.create_connection((pve.host, pve.port))
            cut = left[0] > 0
            left[0] -= 1
            threading.Thread(target=pump, args=(near, far, cut), daemon=True).start()
            threading.Thread(target=pump, args=(far, near, False), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield int(door.getsockname()[1])
    finally:
        door.close()


# -------------------------------------------------------------------------- options


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"hosts": ()}, "api.hosts is empty"),
        ({"token_id": "lotse"}, "'lotse' is not of the form user@realm!name"),
        ({"token_secret": ""}, "api.token_secret is empty"),
        ({"ca_file": "/x", "fingerprint": "ab" * 32}, "exclude each other"),
        ({"fingerprint": "ab:cd"}, "not a SHA-256 fingerprint"),
        ({"ca_file": "/nowhere/ca.pem"}, "api.ca_file /nowhere/ca.pem does not exist"),
    ],
)
def test_options_that_cannot_work_are_told_before_any_call(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(RefusedError) as refused:
        ProxmoxerGateway(replace(GOOD, **changes))
    assert problem in str(refused.value)


def test_the_secret_is_not_shown() -> None:
    assert "s3cr3t" not in repr(GOOD)
    assert "s3cr3t" not in str(endpoint_from({"hosts": ["x"], "token_id": "lotse@pve!ci", "token_secret": "s3cr3t"}))


# --------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (401, "No ticket", UnauthorizedError),
        (403, "Permission check failed (/vms/100, VM.Audit)", ForbiddenError),
        (500, "Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist", GuestMissingError),
        (500, "can't lock file '/var/lock/qemu-server/lock-110.conf' - got timeout", LockTimeoutError),
        (500, "cfs-lock 'storage-local-lvm' error: got lock request timeout", LockTimeoutError),
        (500, "VM 100 qmp command 'guest-ping' failed - got timeout", ApiError),
        (500, "unable to create VM 100 - VM 100 already exists on node 'pve1'", VmidTakenError),
        (500, "unable to create VM 110: config file already exists", VmidTakenError),
        (500, "VM is locked (backup)", GuestLockedError),
        (500, "checksum mismatch (file change by other user?)", DigestMismatchError),
        (500, "detected modified configuration - file changed by other user? Try again.", DigestMismatchError),
        (503, "Service Unavailable", ServerTroubleError),
        (595, "Connection refused", NodeUnreachableError),
        (599, "Too many redirections", NodeUnreachableError),
        (500, "hotplug problem - no", ApiError),
    ],
)
def test_the_sentences_of_the_api_are_told_apart(status: int, message: str, kind: type[ApiError]) -> None:
    failure = api_error(status, message, call="GET /x")
    assert type(failure) is kind
    assert f"[GET /x: HTTP {status}]" in str(failure)


def test_a_taken_vmid_can_be_a_parameter_error() -> None:
    failure = api_error(400, "Parameter verification failed.", {"vmid": "VM 100 already exists"})
    assert isinstance(failure, VmidTakenError)
    assert "Parameter verification failed (vmid: VM 100 already exists)" in str(failure)


@pytest.mark.parametrize(
    ("failure", "write", "repeatable"),
    [
        (api_error(500, "can't lock file '/x' - got timeout"), True, True),
        (api_error(595, "no route"), True, True),
        (api_error(596, "broken pipe"), False, True),
        (api_error(502, "bad gateway"), False, True),
        (ApiUnreachableError("refused", sent=False), True, True),
        (ApiUnreachableError("reset", sent=True), False, True),
        (api_error(401, "No ticket"), False, False),
        (api_error(500, "boom"), False, False),
        (api_error(500, "checksum mismatch"), False, False),
    ],
)
def test_a_call_is_repeated_only_when_that_cannot_do_it_twice(failure: PveError, write: bool, repeatable: bool) -> None:
    assert may_repeat(failure, repeatable=False) is write
    assert may_repeat(failure, repeatable=True) is repeatable


# ---------------------------------------------------------------------------- calls


def test_a_token_that_is_wrong_is_said_so_and_not_shown(memory_pve: MemoryPve) -> None:
    with pytest.raises(UnauthorizedError, match="the API refuses the token") as failure:
        ProxmoxerGateway(endpoint(memory_pve, token_secret="wrong-s3cr3t")).get("version")
    assert "wrong-s3cr3t" not in str(failure.value)
    assert len(memory_pve.calls()) == 1


def test_the_next_endpoint_is_used_when_one_does_not_answer(memory_pve: MemoryPve) -> None:
    slept: list[float] = []
    gateway = ProxmoxerGateway(endpoint(memory_pve, hosts=("127.0.0.9", memory_pve.host)), sleep=slept.append)
    for _ in range(3):
        assert gateway.get("version")["version"]
    assert len(slept) == 1, "the dead endpoint is tried once and then left alone"
    assert gateway.calls == 4


def test_an_api_that_nobody_reaches_is_one_error(memory_pve: MemoryPve) -> None:
    gateway = ProxmoxerGateway(endpoint(memory_pve, port=free_port()), sleep=lambda _: None)
    with pytest.raises(ApiUnreachableError, match=r"the Proxmox VE API at 127\.0\.0\.1:\d+ does not answer: .*refused") as failure:
        gateway.get("version")
    assert gateway.calls == 2
    assert memory_pve.secret not in str(failure.value)


def test_reads_survive_a_server_in_trouble(memory_pve: MemoryPve) -> None:
    memory_pve.faults(calls=[{"method": "GET", "path": "/version", "status": 503, "message": "restarting", "times": 2}])
    assert ProxmoxerGateway(endpoint(memory_pve), sleep=lambda _: None).get("version")
    assert [call.path for call in memory_pve.calls()] == ["/version"] * 3


def test_a_write_in_trouble_is_not_sent_twice(memory_pve: MemoryPve) -> None:
    memory_pve.faults(calls=[{"method": "POST", "path": "/nodes/pve1/qemu/9000/clone", "status": 502, "message": "bad gateway"}])
    with pytest.raises(ServerTroubleError):
        ProxmoxerGateway(endpoint(memory_pve), sleep=lambda _: None).post("nodes/pve1/qemu/9000/clone", {"newid": 100})
    assert len(memory_pve.calls()) == 1


def test_a_lock_timeout_is_waited_out(memory_pve: MemoryPve) -> None:
    locked = {"method": "PUT", "path": "/pools/community", "status": 500, "message": "can't lock file '/x' - got timeout", "times": 2}
    memory_pve.faults(calls=[locked])
    ProxmoxerGateway(endpoint(memory_pve), sleep=lambda _: None).put("pools/community", {"comment": "again"})
    assert len(memory_pve.calls()) == 3


def test_patience_ends(memory_pve: MemoryPve) -> None:
    memory_pve.faults(calls=[{"method": "GET", "path": "/version", "status": 503, "message": "down for long"}])
    with pytest.raises(ServerTroubleError, match="down for long"):
        ProxmoxerGateway(endpoint(memory_pve), patience=0.0, sleep=lambda _: None).get("version")


def test_a_dropped_connection_is_reopened_for_reads(memory_pve: MemoryPve) -> None:
    with dropping(memory_pve, 1) as port:
        assert ProxmoxerGateway(endpoint(memory_pve, port=port), sleep=lambda _: None).get("version")


def test_a_dropped_connection_leaves_a_write_unknown(memory_pve: MemoryPve) -> None:
    with dropping(memory_pve, 1) as port, pytest.raises(ApiUnreachableError) as failure:
        ProxmoxerGateway(endpoint(memory_pve, port=port), sleep=lambda _: None).post("nodes/pve1/qemu/9000/clone", {"newid": 100})
    assert failure.value.sent
    assert memory_pve.secret not in str(failure.value)


# --------------------------------------------------------------------- certificates


def fingerprint_of(pve: MemoryPve) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((pve.host, pve.port)))).hexdigest()


def test_a_pinned_certificate_needs_no_ca_and_another_one_is_refused(memory_pve: MemoryPve) -> None:
    pin = fingerprint_of(memory_pve)
    shown = ":".join(pin[at : at + 2].upper() for at in range(0, 64, 2))
    assert ProxmoxerGateway(endpoint(memory_pve, ca_file=None, fingerprint=shown)).get("version")
    with pytest.raises(PveError, match=r"not the one that api\.fingerprint names"):
        ProxmoxerGateway(endpoint(memory_pve, ca_file=None, fingerprint="ab" * 32)).get("version")


def test_an_unknown_ca_is_refused_with_the_remedy(memory_pve: MemoryPve) -> None:
    with pytest.raises(PveError, match=r"certificate is not trusted; give api\.ca_file, or pin"):
        ProxmoxerGateway(endpoint(memory_pve, ca_file=None)).get("version")


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("pinned", [True, False])
def test_the_environment_cannot_redirect_calls(
    memory_pve: MemoryPve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, pinned: bool
) -> None:
    """Neither its proxy nor its CA bundle: a pin is a pin also where the machine has a bundle of its own, and what is not pinned stays refused."""
    pin = {"ca_file": None, "fingerprint": fingerprint_of(memory_pve)} if pinned else {}
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    for bundle in (tmp_path / "none.pem", memory_pve.ca_file):
        monkeypatch.setenv(variable, str(bundle))
        assert ProxmoxerGateway(endpoint(memory_pve, **pin)).get("version")
        with pytest.raises(PveError, match="TLS to"):
            ProxmoxerGateway(endpoint(memory_pve, ca_file=None, **({"fingerprint": "ab" * 32} if pinned else {}))).get("version")


def test_connections_are_kept_by_all_threads_together(memory_pve: MemoryPve) -> None:
    """Threads of a second round use the connections of the first: as many as there are calls at once."""
    with dropping(memory_pve, 0) as port:
        gateway = ProxmoxerGateway(endpoint(memory_pve, port=port))
        for _ in range(3):
            with ThreadPoolExecutor(4) as pool:
                assert len(list(pool.map(lambda _: gateway.get("version"), range(20)))) == 20
        assert gateway.calls == 60
        assert accepted[port] <= 4
