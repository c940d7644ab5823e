# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a real VM that need none: the agent's protocol, the cloud-init drive, QEMU's command line, the choice of a driver."""

from __future__ import annotations

import base64
import json
import socket
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab import vm
from tests.lab.lab import Lab, LabError
from tests.lab.pve import seed
from tests.lab.pve.driver import GuestError
from tests.lab.pve.qga import DELIMITER, Agent
from tests.lab.pve.volumes import QemuVolumes

# ------------------------------------------------------------ the agent's protocol

Handler = Callable[[str, dict[str, Any]], dict[str, Any] | None]


class Port:
    """A guest's end of the port: answers what the handler says, after ``stale`` bytes that nobody here asked for."""

    def __init__(self, handler: Handler, stale: bytes = b"") -> None:
        self.handler, self.stale = handler, stale
        self.asked: list[str] = []

    @contextmanager
    def connect(self, wait: float) -> Iterator[socket.socket]:
        ours, theirs = socket.socketpair()
        ours.settimeout(wait)
        guest = threading.Thread(target=self._serve, args=(theirs,))
        guest.start()
        with ours:
            yield ours
        guest.join()

    def _serve(self, link: socket.socket) -> None:
        with link, link.makefile("rb") as lines:
            link.sendall(self.stale)
            for line in lines:
                asked = json.loads(line.lstrip(DELIMITER))
                command, given = asked["execute"].removeprefix("guest-"), asked.get("arguments", {})
                if command == "sync-delimited":
                    assert line.startswith(DELIMITER)
                    link.sendall(DELIMITER + json.dumps({"return": given["id"]}).encode() + b"\n")
                    continue
                self.asked.append(command)
                answer = self.handler(command, given)
                if answer is not None:
                    link.sendall(json.dumps(answer).encode() + b"\n")


def test_an_answer_to_somebody_elses_request_is_skipped() -> None:
    port = Port(lambda *_: {"return": {"mine": True}}, stale=b'{"return": {"mine": false}}\n\xff{"return": 7}\nhalf a li')
    assert Agent(port.connect).call("ping") == {"mine": True}


def test_a_silent_agent_is_not_running() -> None:
    with pytest.raises(GuestError, match="QEMU guest agent is not running"):
        Agent(Port(lambda *_: None).connect).call("ping", wait=0.1)


def test_a_port_that_closes_is_not_running() -> None:
    @contextmanager
    def closed(wait: float) -> Iterator[socket.socket]:
        ours, theirs = socket.socketpair()
        theirs.close()
        with ours:
            yield ours

    with pytest.raises(GuestError, match="QEMU guest agent is not running"):
        Agent(closed).call("ping")


def test_an_error_keeps_the_agents_words() -> None:
    port = Port(lambda *_: {"error": {"class": "GenericError", "desc": "failed to open file '/x' (mode: 'r'): No such file or directory"}})
    with pytest.raises(GuestError, match="No such file or directory"):
        Agent(port.connect).read("/x", 0, 10)


def test_shutdown_waits_for_no_answer() -> None:
    port = Port(lambda *_: None)
    assert Agent(port.connect).call("shutdown", mode="powerdown", silent=True, wait=0.1) is None
    assert port.asked == ["shutdown"]


def test_a_program_runs_to_its_end() -> None:
    polls = iter([{"exited": False}, {"exited": True, "exitcode": 3, "out-data": base64.b64encode(b"out").decode()}])
    seen: list[dict[str, Any]] = []

    def handler(command: str, given: dict[str, Any]) -> dict[str, Any]:
        seen.append(given)
        return {"return": {"pid": 42} if command == "exec" else next(polls)}

    done = Agent(Port(handler).connect).execute(["sh", "-c", "cat"], b"in", 10)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"out", b"")
    assert seen[0] == {"path": "sh", "arg": ["-c", "cat"], "capture-output": True, "input-data": base64.b64encode(b"in").decode()}
    assert seen[1:] == [{"pid": 42}, {"pid": 42}]


def test_a_program_that_a_signal_ended_has_a_shells_exit_code() -> None:
    port = Port(lambda command, _: {"return": {"pid": 1} if command == "exec" else {"exited": True, "signal": 9}})
    assert Agent(port.connect).execute(["sleep"], None, 10).returncode == 137


def test_a_program_that_does_not_end_is_an_error() -> None:
    port = Port(lambda command, _: {"return": {"pid": 1} if command == "exec" else {"exited": False}})
    with pytest.raises(GuestError, match="'sleep' did not end within 0 s"):
        Agent(port.connect).execute(["sleep"], None, 0)


class Files:
    """One file as the agent serves it, at most ``most`` bytes in one piece."""

    def __init__(self, content: bytes = b"", most: int = 4) -> None:
        self.content, self.most, self.at = content, most, 0
        self.open = 0

    def __call__(self, command: str, given: dict[str, Any]) -> dict[str, Any]:
        if command == "file-open":
            self.open += 1
            self.content = b"" if given["mode"] == "w" else self.content
            return {"return": 1000}
        assert given["handle"] == 1000
        if command == "file-seek":
            self.at = given["offset"]
            return {"return": {"position": self.at, "eof": False}}
        if command == "file-read":
            piece = self.content[self.at : self.at + min(given["count"], self.most)]
            self.at += len(piece)
            return {"return": {"count": len(piece), "buf-b64": base64.b64encode(piece).decode(), "eof": not piece}}
        if command == "file-write":
            self.content = base64.b64decode(given["buf-b64"])[: self.most]
            return {"return": {"count": len(self.content), "eof": False}}
        self.open -= 1
        return {"return": {}}


@pytest.mark.parametrize(("offset", "count", "expected"), [(0, 100, b"0123456789"), (3, 5, b"34567"), (0, 0, b""), (9, 100, b"9")])
def test_a_file_is_read_in_pieces_and_closed(offset: int, count: int, expected: bytes) -> None:
    files = Files(b"0123456789")
    assert Agent(Port(files).connect).read("/f", offset, count) == expected
    assert files.open == 0


def test_a_file_that_is_not_written_whole_is_an_error_and_closed() -> None:
    files = Files(most=4)
    Agent(Port(files).connect).write("/f", b"whol")
    assert files.content == b"whol"
    with pytest.raises(GuestError, match="/f: 4 of 5 bytes were written"):
        Agent(Port(files).connect).write("/f", b"whole")
    assert files.open == 0


# ------------------------------------------------------------- the cloud-init drive

CONFIG = {
    "name": "web-01", "ciuser": "root", "sshkeys": urllib.parse.quote("ssh-ed25519 AAAA one\nssh-ed25519 BBBB two\n", safe=""),
    "net0": "virtio=BC:24:11:AA:BB:CC,bridge=vmbr0", "ipconfig0": "ip=10.77.0.101/24,gw=10.77.0.1", "nameserver": "10.77.0.1 10.77.0.3",
    "net1": "virtio=BC:24:11:AA:BB:DD,bridge=vmbr0", "ipconfig1": "ip=dhcp,ip6=2001:db8::5/64",
}  # fmt: skip


def test_the_user_and_the_name() -> None:
    text = seed.user_data(CONFIG, "web-01")
    made = yaml.safe_load(text)
    assert text.startswith("#cloud-config\n")
    assert (made["hostname"], made["user"], made["disable_root"]) == ("web-01", "root", False)
    assert made["ssh_authorized_keys"] == ["ssh-ed25519 AAAA one", "ssh-ed25519 BBBB two"]
    assert "user" not in yaml.safe_load(seed.user_data({}, "web-01"))


def test_each_card_has_its_address() -> None:
    first, second, names = yaml.safe_load(seed.network_config(CONFIG))["config"]
    assert (first["name"], first["mac_address"]) == ("eth0", "bc:24:11:aa:bb:cc")
    assert first["subnets"] == [{"type": "static", "address": "10.77.0.101", "netmask": "255.255.255.0", "gateway": "10.77.0.1"}]
    assert second["subnets"] == [{"type": "dhcp4"}, {"type": "static6", "address": "2001:db8::5/64"}]
    assert names == {"type": "nameserver", "address": ["10.77.0.1", "10.77.0.3"]}


def test_another_config_is_another_instance_and_the_same_is_not() -> None:
    first, same = seed.files(CONFIG, "web-01"), seed.files({**CONFIG, "memory": 512}, "web-01")
    other = seed.files({**CONFIG, "ipconfig0": "ip=10.77.0.102/24"}, "web-01")
    assert first["meta-data"] == same["meta-data"] != other["meta-data"]


# ------------------------------------------------------------------- QEMU and its disks


def test_the_command_line_has_each_disk_and_each_card() -> None:
    disks = (("scsi0", Path("/lab/a,b.qcow2")), ("scsi1", Path("/lab/c.qcow2")))
    spec = vm.VmSpec("web-01", 256, disks, Path("/lab/seed.iso"), (("net0", "BC:24:11:AA:BB:CC"),))
    words = vm.argv(spec, Path("/image"), {"net0": "tap0"}, vm.EMULATED)
    text = " ".join(words)
    assert words[words.index("-m") + 1] == "256"
    assert "file=/lab/a,,b.qcow2," in text
    assert [word.partition(",")[0] for word in words if "scsi-id=" in word] == ["scsi-hd", "scsi-hd", "scsi-cd"]
    assert "tap,id=net0,ifname=tap0,script=no,downscript=no" in words
    assert "virtio-net-pci,netdev=net0,mac=BC:24:11:AA:BB:CC,romfile=" in words


@pytest.mark.parametrize("memory", [64, 4096])
def test_a_vm_of_a_size_that_the_lab_cannot_carry_does_not_start(memory: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lab, "directory", tmp_path)
    with pytest.raises(LabError, match=rf"128 to 512 MiB of memory, not {memory}"):
        vm.Vms(Lab("never_was")).boot(vm.VmSpec("web-01", memory, (), Path("seed.iso"), ()))
    assert not list(tmp_path.rglob("*"))


def test_only_the_process_that_was_started_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that another process has got meanwhile is no VM of ours, and is never ended."""
    monkeypatch.setattr(Lab, "directory", tmp_path)
    vms = vm.Vms(Lab("never_was"))
    vms.home("web-01").mkdir(parents=True)
    (vms.home("web-01") / "qemu.pid").write_text("1 12345")
    assert vms.running() == {}
    vms.remove("web-01")
    assert vms.known() == []


def test_a_number_has_no_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lab, "directory", tmp_path)
    volumes = QemuVolumes(Lab("never_was"), "shared:9001/base-9001-disk-0.qcow2")
    assert volumes.real("shared:9001/base-9001-disk-0.qcow2")
    assert not volumes.real("shared:9000/base-9000-disk-0.qcow2")
    volumes.copy("shared:9000/base-9000-disk-0.qcow2", "shared:101/vm-101-disk-0.qcow2", linked=False)
    volumes.grow("shared:101/vm-101-disk-0.qcow2", 1)
    volumes.free("shared:101/vm-101-disk-0.qcow2")
    assert not list(tmp_path.rglob("*"))
