# SPDX-License-Identifier: GPL-3.0-or-later
"""The readiness ladder and host keys: known before the first connection, never accepted blindly, never shown."""

from __future__ import annotations

import concurrent.futures
import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._pve.agent import Agent
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import NotReadyError, PveError, TaskFailedError, api_error
from ansible_collections.lotse.estate.plugins.module_utils._pve.guest import DesiredGuest, desired_guests
from ansible_collections.lotse.estate.plugins.module_utils._pve.hostkeys import KnownHosts, fingerprint, generate
from ansible_collections.lotse.estate.plugins.module_utils._pve.ready import CLOUD_INIT, CLOUD_INIT_RESULT, PRIVATE, PUBLIC, Ladder, SshDoor
from ansible_collections.lotse.estate.plugins.module_utils._pve.tasks import await_task
from hypothesis import given, settings
from hypothesis import strategies as st

from .conversation import UPID, Clock, Conversation, plan_row

AGENT = "nodes/pve2/qemu/101/agent"
NOT_RUNNING = api_error(500, "QEMU guest agent is not running")


def ladder(talk: Conversation, known: KnownHosts | None = None, door: Any = None, timeout: float = 10) -> Ladder:
    clock = Clock()
    return Ladder(desired_guests([plan_row()])[0], Agent(talk, "pve2", 101, clock.sleep), known, door, timeout, clock.sleep, clock)


def no_address(guest: DesiredGuest) -> dict[str, Any]:
    """What is to be replaced so that the guest takes what dhcp gives it."""
    return {"networks": {}}


def reads(talk: Conversation, path: str, content: str | None) -> None:
    missing = api_error(500, f"Agent error: failed to open file '{path}' (mode: 'r'): No such file or directory")
    talk.expect("get", f"{AGENT}/file-read", missing if content is None else {"content": content}, {"file": path})


def runs(talk: Conversation, *argv: str, code: int = 0, said: str = "") -> None:
    talk.expect("post", f"{AGENT}/exec", {"pid": 7}, {"command": list(argv)})
    talk.expect("get", f"{AGENT}/exec-status", {"exited": 1, "exitcode": code, "err-data": said})


# ------------------------------------------------------------------------- rungs


def test_an_agent_that_comes_up_late_is_waited_for(talk: Conversation) -> None:
    answers: list[Any] = [NOT_RUNNING, NOT_RUNNING, {}]
    for answer in answers:
        talk.expect("post", f"{AGENT}/ping", answer)
    climbing = ladder(talk)
    climbing.agent_answers()
    assert climbing.seconds["agent"] > 0


def test_an_agent_that_never_answers_gives_its_reason(talk: Conversation) -> None:
    talk.always("post", f"{AGENT}/ping", NOT_RUNNING)
    with pytest.raises(NotReadyError, match=r"db-01: not ready: rung 'agent': QEMU guest agent is not running \(gave up after"):
        ladder(talk, timeout=5).agent_answers()


def test_waiting_does_not_help_without_permission(talk: Conversation) -> None:
    talk.expect("post", f"{AGENT}/ping", api_error(403, "Permission check failed (/vms/101, VM.GuestAgent.Unrestricted)"))
    with pytest.raises(PveError, match="Permission check failed"):
        ladder(talk).agent_answers()


def test_cloud_init_must_be_over_and_without_errors(talk: Conversation) -> None:
    reads(talk, CLOUD_INIT, "#!/usr/bin/python3")
    reads(talk, CLOUD_INIT_RESULT, None)
    reads(talk, CLOUD_INIT_RESULT, json.dumps({"v1": {"errors": []}}))
    ladder(talk).cloud_init_done()


def test_an_error_of_cloud_init_is_named(talk: Conversation) -> None:
    reads(talk, CLOUD_INIT, "#!/usr/bin/python3")
    reads(talk, CLOUD_INIT_RESULT, json.dumps({"v1": {"errors": ["no datasource"]}}))
    with pytest.raises(NotReadyError, match="cloud-init reports: no datasource"):
        ladder(talk, timeout=1000).cloud_init_done()  # at once: it is over


def test_a_guest_without_cloud_init_is_not_waited_for(talk: Conversation) -> None:
    reads(talk, CLOUD_INIT, None)
    ladder(talk).cloud_init_done()


def test_another_address_than_the_planned_one_is_not_ready(talk: Conversation) -> None:
    talk.expect("get", f"{AGENT}/network-get-interfaces", {"result": [{"ip-addresses": [{"ip-address": "10.77.0.9", "prefix": 24}]}]})
    with pytest.raises(NotReadyError, match=r"expected 10\.77\.0\.103, the guest has 10\.77\.0\.9/24"):
        ladder(talk, timeout=0).address_is_right()


CARDS = [
    {"name": "lo", "hardware-address": "00:00:00:00:00:00", "ip-addresses": [{"ip-address": "127.0.0.1", "prefix": 8}]},
    {"name": "docker0", "hardware-address": "02:42:AC:11:00:01", "ip-addresses": [{"ip-address": "172.17.0.1", "prefix": 16}]},
    {
        "name": "eth0",
        "hardware-address": "BC:24:11:AA:BB:CC",
        "ip-addresses": [{"ip-address": address, "prefix": prefix} for address, prefix in (("fe80::1", 64), ("10.9.0.7", 16), ("10.77.0.9", 24))],
    },
    {"name": "eth1"},
]


@pytest.mark.parametrize(
    ("macs", "cidrs", "host"),
    [
        ({"bc:24:11:aa:bb:cc"}, [], "10.9.0.7"),
        ({"bc:24:11:aa:bb:cc"}, ["10.77.0.0/24"], "10.77.0.9"),
        (set(), ["172.16.0.0/12", "10.77.0.0/24"], "172.17.0.1"),
    ],
)
def test_an_address_that_nobody_planned_is_that_of_the_card_or_of_the_network(
    talk: Conversation, tmp_path: Path, macs: set[str], cidrs: list[str], host: str
) -> None:
    """And it is the one that ssh is tried at and that becomes known."""
    talk.expect("get", f"{AGENT}/network-get-interfaces", {"result": CARDS[:2]} if macs else {"result": CARDS})
    if macs:  # the lease comes late
        talk.expect("get", f"{AGENT}/network-get-interfaces", {"result": CARDS})
    climbing = ladder(talk, KnownHosts(tmp_path / "known_hosts"))
    climbing.guest = replace(climbing.guest, **no_address(climbing.guest))
    climbing.macs, climbing.cidrs = frozenset(macs), cidrs
    climbing.address_is_right()
    assert (climbing.host, climbing.names) == (host, (host, "db-01"))
    assert "127.0.0.1" not in climbing.addresses
    assert "fe80::1" not in climbing.addresses


def test_a_network_that_no_address_is_in_is_named(talk: Conversation) -> None:
    talk.expect("get", f"{AGENT}/network-get-interfaces", {"result": CARDS})
    climbing = ladder(talk, timeout=0)
    climbing.guest = replace(climbing.guest, **no_address(climbing.guest))
    climbing.cidrs = ["192.0.2.0/24"]
    with pytest.raises(NotReadyError, match=r"rung 'address': expected an address in 192\.0\.2\.0/24 on any card, the guest has .*10\.9\.0\.7/16"):
        climbing.address_is_right()


# --------------------------------------------------------------------- host keys


def test_a_fresh_key_is_installed_and_known_before_anybody_connects(talk: Conversation, tmp_path: Path) -> None:
    key, known = generate(), KnownHosts(tmp_path / "known_hosts")
    runs(talk, "install", "-m", "600", "-o", "root", "-g", "root", "/dev/null", PRIVATE)
    talk.expect("post", f"{AGENT}/file-write", None, {"file": PRIVATE, "content": key.private})
    talk.expect("post", f"{AGENT}/file-write", None, {"file": PUBLIC, "content": f"{key.public} db-01\n"})
    runs(talk, "chmod", "600", PRIVATE)
    runs(talk, "systemctl", "restart", "ssh")
    reads(talk, PUBLIC, f"{key.public} db-01\n")
    assert ladder(talk, known).host_key(key, None) == key
    assert known.lookup("10.77.0.103") == known.lookup("db-01") == key.public
    assert "PRIVATE KEY" not in known.path.read_text()
    assert "PRIVATE KEY" not in repr(key)


def test_the_key_that_the_description_names_is_learned_not_replaced(talk: Conversation, tmp_path: Path) -> None:
    key, known = generate(), KnownHosts(tmp_path / "known_hosts")
    reads(talk, PUBLIC, f"{key.public} root@db-01\n")
    assert ladder(talk, known).host_key(None, key.fingerprint) is None
    assert known.lookup("10.77.0.103") == key.public


def test_a_key_that_nobody_vouches_for_is_replaced(talk: Conversation, tmp_path: Path) -> None:
    foreign, known = generate(), KnownHosts(tmp_path / "known_hosts")
    reads(talk, PUBLIC, foreign.public)
    for words in (
        ("install", "-m", "600", "-o", "root", "-g", "root", "/dev/null", PRIVATE),
        ("chmod", "600", PRIVATE),
        ("systemctl", "restart", "ssh"),
    ):
        runs(talk, *words)
    for _ in range(2):
        talk.expect("post", f"{AGENT}/file-write")
    reads(talk, PUBLIC, foreign.public)  # somebody writes against us
    with pytest.raises(NotReadyError, match="is not what was written"):
        ladder(talk, known).host_key(None, "SHA256:ofanotherkey")
    assert known.lookup("10.77.0.103") is None


def test_a_changed_key_is_told_with_both_fingerprints(talk: Conversation, tmp_path: Path) -> None:
    expected, there, known = generate(), generate(), KnownHosts(tmp_path / "known_hosts")
    known.learn(["10.77.0.103"], expected.public)

    class Door:
        def knock(self, host: str) -> str | None:
            return "Host key verification failed."

    reads(talk, PUBLIC, there.public)
    with pytest.raises(NotReadyError) as failure:
        ladder(talk, known, Door()).ssh_works()
    assert expected.fingerprint in str(failure.value)
    assert there.fingerprint in str(failure.value)
    assert "find out who changed it" in str(failure.value)


def test_a_program_that_fails_in_the_guest_says_why(talk: Conversation, tmp_path: Path) -> None:
    runs(talk, "install", "-m", "600", "-o", "root", "-g", "root", "/dev/null", PRIVATE, code=1, said="read-only file system")
    with pytest.raises(PveError, match="install ended with 1 in the guest: read-only file system"):
        ladder(talk, KnownHosts(tmp_path / "known_hosts")).host_key(generate(), None)


def test_a_program_that_does_not_end(talk: Conversation) -> None:
    talk.expect("post", f"{AGENT}/exec", {"pid": 7})
    talk.always("get", f"{AGENT}/exec-status", {"exited": 0})
    with pytest.raises(PveError, match="still runs in the guest after 3 s"):
        Agent(talk, "pve2", 101, lambda _: None).run(["sleep", "9"], timeout=3)


# ------------------------------------------------------------------- known hosts

hosts = st.text("abcdefghij0123456789.-", min_size=1, max_size=10)


@settings(deadline=None)
@given(st.dictionaries(hosts, st.integers(0, 3), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_same_hosts_give_the_same_bytes(tmp_path_factory: pytest.TempPathFactory, wanted: dict[str, int], chance: Any) -> None:
    keys = [f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{letter * 43}" for letter in "abcd"]
    folder = tmp_path_factory.mktemp("known")
    shuffled = list(wanted)
    chance.shuffle(shuffled)
    files = []
    for name, order in (("one", list(wanted)), ("other", shuffled)):
        known = KnownHosts(folder / name)
        for host in order:
            known.learn([host], keys[wanted[host]])
        files.append(known.path.read_bytes())
        assert all(known.lookup(host) == keys[number] for host, number in wanted.items())
    assert files[0] == files[1]


def test_lines_of_others_stay_and_forgetting_twice_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    others = "# ours\n@cert-authority *.example.org ssh-ed25519 AAAAother\nelsewhere ssh-rsa AAAAelse comment\n"
    path.write_text(others)
    known = KnownHosts(path)
    known.learn(["10.77.0.103", "db-01"], generate().public)
    assert known.forget(["db-01"])
    assert not known.forget(["db-01"])
    assert sorted(path.read_text().splitlines()) == sorted(others.splitlines())


def test_two_that_learn_at_once_do_not_lose_a_line(tmp_path: Path) -> None:
    path, key = tmp_path / "deep" / "known_hosts", generate().public
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: KnownHosts(path).learn([f"host{number}"], key), range(40)))
    assert len(path.read_text().splitlines()) == 40
    assert [entry.name for entry in path.parent.iterdir()] == ["known_hosts"]


def test_a_fingerprint_is_that_of_ssh_keygen() -> None:
    public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJXXv8Hk3cJKVzoHq2pT2CjB1mQq5yoPeYg6T8bn7w2N root@x"
    assert fingerprint(public).startswith("SHA256:")
    assert len(fingerprint(public)) == 50
    with pytest.raises(ValueError, match="not a public key"):
        fingerprint("nonsense")


# ---------------------------------------------------------------------- ssh door


@pytest.fixture
def fake_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program called ssh that keeps its arguments and answers as told by the file beside it."""
    program = tmp_path / "ssh"
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/arguments\n[ ! -e {tmp_path}/says ] && exit 0\ncat {tmp_path}/says >&2; exit 255\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def test_the_door_accepts_the_known_key_and_no_other(fake_ssh: Path) -> None:
    door = SshDoor(fake_ssh / "known_hosts", "root", 2222, fake_ssh / "id")
    assert door.knock("10.77.0.103") is None
    arguments = (fake_ssh / "arguments").read_text().split()
    for wanted in (
        "StrictHostKeyChecking=yes",
        f"UserKnownHostsFile={fake_ssh}/known_hosts",
        "GlobalKnownHostsFile=/dev/null",
        "BatchMode=yes",
        "2222",
    ):
        assert wanted in arguments
    assert arguments[-2:] == ["10.77.0.103", "true"]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("@@@@@@@@\nHost key verification failed.\n", "Host key verification failed."),
        ("ssh: connect to host 10.77.0.103 port 22: No route to host\n", "ssh: connect to host 10.77.0.103 port 22: No route to host"),
        ("", "ssh ended with 255"),
    ],
)
def test_a_closed_door_has_a_reason(fake_ssh: Path, said: str, reason: str) -> None:
    (fake_ssh / "says").write_text(said)
    assert SshDoor(fake_ssh / "known_hosts").knock("10.77.0.103") == reason


# ------------------------------------------------------------------------- tasks

WHERE = UPID.format(node="pve1", kind="qmclone", vmid=9000)


def test_a_task_with_warnings_is_a_success(talk: Conversation) -> None:
    talk.expect("get", f"nodes/pve1/tasks/{WHERE}/status", {"status": "running"})
    talk.expect("get", f"nodes/pve1/tasks/{WHERE}/status", {"status": "stopped", "exitstatus": "WARNINGS: 2"})
    clock = Clock()
    assert await_task(talk, WHERE, 10, sleep=clock.sleep, clock=clock) == "WARNINGS: 2"


def test_a_task_that_does_not_end_in_time_is_left_running_and_said_so(talk: Conversation) -> None:
    talk.always("get", f"nodes/pve1/tasks/{WHERE}/status", {"status": "running"})
    talk.expect("get", f"nodes/pve1/tasks/{WHERE}/log", [{"t": f"line {number}"} for number in range(20)])
    clock = Clock()
    with pytest.raises(TaskFailedError, match="still runs after 1 s") as failure:
        await_task(talk, WHERE, 1, sleep=clock.sleep, clock=clock)
    assert failure.value.log == tuple(f"line {number}" for number in range(12, 20))
    assert talk.writes == []


def test_what_is_no_upid_is_refused(talk: Conversation) -> None:
    with pytest.raises(ValueError, match="not a UPID"):
        await_task(talk, "OK", 1)
