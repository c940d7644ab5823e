# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection through the guest agent, against an agent with the real one's limits whose guest is this computer."""

from __future__ import annotations

import base64
import io
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._pve import channel as channels
from ansible_collections.lotse.estate.plugins.module_utils._pve.channel import INPUT, PIECE, SLICE, Channel, Ended, Seat, as_bytes, find_seat
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import ApiUnreachableError, PveError, api_error

from .conversation import Clock

OUTPUT = 16 * 1024**2
ROWS = [
    {"type": "qemu", "vmid": 101, "name": "web-01", "node": "pve2"},
    {"type": "qemu", "vmid": 102, "name": "twin", "node": "pve1"},
    {"type": "qemu", "vmid": 103, "name": "twin", "node": "pve1"},
    {"type": "qemu", "vmid": 9000, "name": "debian-13", "node": "pve1", "template": 1},
    {"type": "lxc", "vmid": 104, "name": "box", "node": "pve1"},
]


@dataclass
class Agent:
    """The API's calls for one guest, VM 101 on ``node``."""

    node: str = "pve2"
    slow: int = 0  # how often a program is said to run still
    lose: str | None = None  # a command whose answer never arrives
    calls: list[str] = field(default_factory=list)
    ended: dict[int, Any] = field(default_factory=dict)

    def _seat(self, path: str) -> str:
        _, node, _, vmid, _, command = path.split("/")
        if (node, vmid) != (self.node, "101"):
            raise api_error(500, f"Configuration file 'nodes/{node}/qemu-server/{vmid}.conf' does not exist")
        self.calls.append(command)
        if self.lose == command:
            raise ApiUnreachableError("no answer", sent=True)
        return command

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        if path == "cluster/resources":
            self.calls.append(path)
            return [{**row, "node": self.node} if row["vmid"] == 101 else row for row in ROWS]
        assert self._seat(path) == "exec-status"
        pid = (params or {})["pid"]
        if self.slow:
            self.slow -= 1
            return {"exited": 0}
        done = self.ended.pop(pid)
        answer: dict[str, Any] = {"exited": 1, **({"exitcode": done.returncode} if done.returncode >= 0 else {"signal": -done.returncode})}
        for name, data in (("out", done.stdout), ("err", done.stderr)):
            if data:  # each byte is one character, as the API's JSON has it
                answer[f"{name}-data"] = data[:OUTPUT].decode("latin-1")
            if len(data) > OUTPUT:
                answer[f"{name}-truncated"] = 1
        return answer

    def post(self, path: str, data: Mapping[str, Any] | None = None, *, repeatable: bool = False) -> Any:
        command, data = self._seat(path), data or {}
        if command == "file-write":
            assert repeatable
            assert len(data["content"]) <= 61_440
            try:
                Path(data["file"]).write_bytes(base64.b64decode(data["content"], validate=True))
            except OSError as failure:
                raise api_error(500, f"Agent error: failed to open file '{data['file']}' (mode: 'w'): {failure.strerror}") from None
            return None
        assert command == "exec"
        assert not repeatable
        given = data.get("input-data", "")
        assert len(given) <= INPUT
        pid = len(self.calls)
        self.ended[pid] = subprocess.run(data["command"], input=given.encode("ascii"), capture_output=True, check=False, timeout=60)
        return {"pid": pid}

    put = delete = post


@pytest.fixture
def agent() -> Agent:
    return Agent()


@pytest.fixture
def channel(agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Channel:
    monkeypatch.setattr(channels, "STAGING", str(tmp_path / "staging"))
    clock = Clock()
    return Channel(agent, Seat(101, "pve2"), clock.sleep, clock)


def sh(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


# --------------------------------------------------------------------- programs


def test_a_program_costs_two_calls_and_gives_its_code_and_both_outputs(channel: Channel, agent: Agent) -> None:
    assert channel.run(sh("printf out; printf err >&2; exit 3")) == Ended(3, b"out", b"err")
    assert agent.calls == ["exec", "exec-status"]


def test_a_program_that_a_signal_ended_has_not_succeeded(channel: Channel) -> None:
    assert channel.run(sh("kill -9 $$")).returncode == 137


@pytest.mark.parametrize("said", ["grün\n".encode(), b"\xff\xfe\x00 raw", b""])
def test_what_is_printed_arrives_byte_for_byte(channel: Channel, said: bytes) -> None:
    octal = "".join(f"\\{byte:03o}" for byte in said)
    assert channel.run(sh(f"printf '{octal}'")).stdout == said


def test_text_that_the_api_has_decoded_already() -> None:
    assert as_bytes("→ grün") == "→ grün".encode()


@pytest.mark.parametrize("size", [0, 10, INPUT, INPUT + 1, 3 * PIECE + 7])
def test_standard_input_of_any_size(channel: Channel, agent: Agent, tmp_path: Path, size: int) -> None:
    data = (b"0123456789\n" * (size // 11 + 1))[:size]
    assert channel.run(["cat"], data).stdout == data
    assert not list((tmp_path / "staging").glob("*"))  # nothing stays behind
    assert agent.calls.count("file-write") == (0 if size <= INPUT else -(-size // PIECE) + 1)


def test_input_that_is_no_ascii_and_a_code_behind_the_pipe(channel: Channel) -> None:
    assert channel.run(sh("cat; exit 5"), "grün".encode()) == Ended(5, "grün".encode(), b"")


def test_pieces_lie_where_only_root_looks_and_the_place_is_made_once(channel: Channel, agent: Agent, tmp_path: Path) -> None:
    channel.run(["true"], b"x" * (INPUT + 1))
    assert (tmp_path / "staging").stat().st_mode & 0o777 == 0o700
    agent.calls.clear()
    channel.run(["true"], b"x" * (INPUT + 1))
    assert agent.calls == ["file-write", "file-write", "exec", "exec-status"]


def test_a_cut_output_is_an_error(channel: Channel) -> None:
    with pytest.raises(PveError, match="printed more than the guest agent passes on"):
        channel.run(sh(f"head -c {OUTPUT + 1} /dev/zero"))


def test_a_long_program_is_asked_for_less_and_less_often(channel: Channel, agent: Agent) -> None:
    agent.slow = 30
    assert channel.run(["true"]).returncode == 0
    agent.slow = 1000
    with pytest.raises(PveError, match="true still runs in VM 101 after 60 s"):
        channel.run(["true"], timeout=60)
    assert agent.calls.count("exec-status") < 120


def test_a_program_whose_start_is_not_known_is_not_started_again(channel: Channel, agent: Agent) -> None:
    agent.lose = "exec"
    with pytest.raises(ApiUnreachableError):
        channel.run(["true"])
    assert agent.calls == ["exec"]


# ------------------------------------------------------------------------ files


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 5 * PIECE])
def test_a_file_goes_there_and_comes_back(channel: Channel, tmp_path: Path, size: int) -> None:
    data, path = bytes(range(256)) * (size // 256) + bytes(range(size % 256)), tmp_path / "a file, 'quoted'"
    channel.put(data, str(path))
    assert path.read_bytes() == data
    back = io.BytesIO()
    channel.fetch(str(path), back)
    assert back.getvalue() == data
    assert not list((tmp_path / "staging").glob("*"))


def test_a_file_of_several_slices_is_fetched_whole(channel: Channel, agent: Agent, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"\xff\x00" * SLICE)
    back = io.BytesIO()
    channel.fetch(str(tmp_path / "big"), back)
    assert back.getvalue() == b"\xff\x00" * SLICE
    assert agent.calls.count("exec") == 3


def test_a_file_that_is_not_there(channel: Channel, tmp_path: Path) -> None:
    with pytest.raises(PveError, match=r"cannot read .*nothing in VM 101: no such file"):
        channel.fetch(str(tmp_path / "nothing"), io.BytesIO())
    with pytest.raises(PveError, match=r"cannot put together .*: .*(?:nonexistent|No such file)"):
        channel.put(b"x" * (PIECE + 1), str(tmp_path / "no" / "file"))
    assert not list((tmp_path / "staging").glob("*"))


# ------------------------------------------------------------------------ seats


def test_a_guest_that_has_moved_is_followed(agent: Agent) -> None:
    channel = Channel(agent, Seat(101, "pve1"))
    assert channel.run(["true"]).returncode == 0
    assert agent.calls == ["cluster/resources", "exec", "exec-status"]


def test_a_guest_that_is_nowhere_is_said_so() -> None:
    with pytest.raises(PveError, match=r"Configuration file .* does not exist"):
        Channel(Agent(node="pve2"), Seat(102, "pve1")).run(["true"])


def test_guests_are_found_by_number_or_by_a_name_of_their_own() -> None:
    assert find_seat(Agent(), None, "web-01") == find_seat(Agent(), 101, "") == Seat(101, "pve2")
    for vmid, name, why in ((None, "twin", "VMs 102, 103 have this name"), (None, "box", "there is none"), (9000, "", "there is none")):
        with pytest.raises(PveError, match=why):
            find_seat(Agent(), vmid, name)
