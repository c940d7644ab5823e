# SPDX-License-Identifier: GPL-3.0-or-later
"""The readiness ladder after the task that started the guest: agent, cloud-init, address, host key, ssh. Each rung has a timeout and a reason."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_interface, ip_network
from pathlib import Path
from typing import Protocol

from .agent import Agent
from .errors import ApiError, AsleepError, ForbiddenError, NotReadyError, PveError, StoppedError, UnauthorizedError
from .guest import DesiredGuest
from .hostkeys import HostKey, KnownHosts, fingerprint, generate, without_comment

PRIVATE = "/etc/ssh/ssh_host_ed25519_key"
PUBLIC = PRIVATE + ".pub"
CLOUD_INIT = "/usr/bin/cloud-init"
CLOUD_INIT_RESULT = "/run/cloud-init/result.json"


class WaitFor(IntEnum):
    """How far up the ladder a guest has to be."""

    NONE = 0
    AGENT = 1
    SSH = 2


class Door(Protocol):
    """Logs in over ssh; None, or the reason why it did not work."""

    def knock(self, host: str) -> str | None: ...


@dataclass(frozen=True)
class SshDoor:
    """The ssh program, with the host key that is expected and no other."""

    known_hosts: Path
    user: str = "root"
    port: int = 22
    key_file: Path | None = None

    def knock(self, host: str) -> str | None:
        identity = ["-i", str(self.key_file), "-o", "IdentitiesOnly=yes"] if self.key_file else []
        options = (
            "BatchMode=yes", "StrictHostKeyChecking=yes", f"UserKnownHostsFile={self.known_hosts}", "GlobalKnownHostsFile=/dev/null",
            "UpdateHostKeys=no", "ConnectTimeout=5", "ControlPath=none", "LogLevel=ERROR",
        )  # fmt: skip
        argv = ["ssh", *identity, *(part for option in options for part in ("-o", option)), "-p", str(self.port), "-l", self.user, host, "true"]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL, check=False)
        except subprocess.TimeoutExpired:
            return f"ssh to {host} does not answer"
        if done.returncode == 0:
            return None
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip() and "@@@" not in line]
        return next((line for line in lines if "verification failed" in line), lines[-1] if lines else f"ssh ended with {done.returncode}")


@dataclass
class Ladder:
    """Takes one guest up the rungs, and gives it its host key on the way."""

    guest: DesiredGuest
    agent: Agent
    known: KnownHosts | None
    door: Door | None
    timeout: float
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    cidrs: Sequence[str] = ()  # where an address that is not planned must be
    macs: frozenset[str] = frozenset()  # of the guest's cards, in lower case
    runs: Callable[[], bool] | None = None  # asked once when ssh fails, for a guest that only the cluster's list says to run
    seconds: dict[str, float] = field(default_factory=dict)
    addresses: list[str] = field(default_factory=list)  # what was found inside the guest, that of ``host`` first

    @property
    def host(self) -> str | None:
        """The planned address, or the one that was found."""
        return self.guest.host or (self.addresses[0] if self.addresses else None)

    @property
    def names(self) -> tuple[str, ...]:
        """What the guest is called in the known hosts."""
        return (self.host, self.guest.name) if self.host else (self.guest.name,)

    def climb(self, rung: str, attempt: Callable[[], str | None]) -> None:
        """Repeat until ``attempt`` gives no reason any more; raise NotReadyError with the last one when the time is over."""
        begun = self.clock()
        pause = 0.2
        while True:
            try:
                why = attempt()
            except (UnauthorizedError, ForbiddenError, NotReadyError, AsleepError, StoppedError):
                raise  # waiting does not help
            except PveError as failure:
                why = failure.message if isinstance(failure, ApiError) else str(failure)
            passed = self.clock() - begun
            if why is None:
                self.seconds[rung] = round(self.seconds.get(rung, 0) + passed, 3)
                return
            if passed + pause > self.timeout:
                raise NotReadyError(self.guest.name, rung, why, passed)
            self.sleep(pause)
            pause = min(2.0, pause * 1.5)

    def agent_answers(self) -> None:
        def attempt() -> None:
            self.agent.ping()

        self.climb("agent", attempt)

    def cloud_init_done(self) -> None:
        """Where cloud-init is installed it must be over, because it makes host keys and restarts services."""
        if self.agent.read(CLOUD_INIT) is None:
            return
        begun = self.clock()

        def attempt() -> str | None:
            text = self.agent.read(CLOUD_INIT_RESULT)
            if text is None:
                return "cloud-init has not finished"
            errors = json.loads(text).get("v1", {}).get("errors") or []
            if errors:  # it is over, and waiting changes nothing
                raise NotReadyError(self.guest.name, "cloud-init", f"cloud-init reports: {'; '.join(map(str, errors))}", self.clock() - begun)
            return None

        self.climb("cloud-init", attempt)

    def address_is_right(self) -> None:
        """The planned address is up inside the guest. Without one (dhcp): some address of one of its cards, within the CIDRs if any are given."""
        wanted = self.guest.host
        if wanted is None and not self.macs and not self.cidrs:
            return
        nets = [ip_network(cidr, strict=False) for cidr in self.cidrs]

        def fits(mac: str, address: IPv4Address | IPv6Address) -> bool:
            if wanted is not None:
                return str(address) == wanted
            ours = any(address in net for net in nets) if nets else not address.is_link_local
            return ours and (not self.macs or mac in self.macs) and not address.is_loopback

        def attempt() -> str | None:
            there = [(mac, text) for mac, texts in self.agent.interfaces() for text in texts]
            found = [(mac, ip_interface(text).ip) for mac, text in there]
            fitting = [str(address) for mac, address in found if fits(mac, address)]
            others = [str(address) for _, address in found if not address.is_loopback and not address.is_link_local]
            if fitting:
                self.addresses = list(dict.fromkeys([*fitting, *others]))
                return None
            expected = wanted or f"an address{' in ' + ' or '.join(self.cidrs) if nets else ''} on {' or '.join(sorted(self.macs)) or 'any card'}"
            return f"expected {expected}, the guest has {', '.join(text for _, text in there) or 'none'}"

        self.climb("address", attempt)

    def host_key(self, fresh: HostKey | None, marked: str | None) -> HostKey | None:
        """Makes the guest's host key known. Returns the key that was installed, or None if the guest's own was learned.

        ``fresh`` was made for a guest that was cloned in this run. A guest from an earlier run keeps its key if the key is the one whose
        fingerprint its description carries (``marked``); otherwise it gets a new one.
        """
        if self.known is None or self.host is None:
            return None
        names = self.names
        begun = self.clock()
        if fresh is None:
            there = self.agent.read(PUBLIC)
            if there and marked and fingerprint(there) == marked:
                self.known.learn(names, without_comment(there))
                self.seconds["host key"] = round(self.clock() - begun, 3)
                return None
        key = fresh or generate()
        self.agent.run(["install", "-m", "600", "-o", "root", "-g", "root", "/dev/null", PRIVATE])
        self.agent.write(PRIVATE, key.private)
        self.agent.write(PUBLIC, f"{key.public} {self.guest.name}\n")
        self.agent.run(["chmod", "600", PRIVATE])
        self.agent.run(["systemctl", "restart", "ssh"])
        there = self.agent.read(PUBLIC)
        if there is None or fingerprint(there) != key.fingerprint:
            raise NotReadyError(self.guest.name, "host key", f"{PUBLIC} in the guest is not what was written", self.clock() - begun)
        self.known.learn(names, key.public)
        self.seconds["host key"] = round(self.clock() - begun, 3)
        return key

    def host_key_is_known(self) -> None:
        """Compares the key in the known hosts with the guest's own, read through the agent. Raises NotReadyError if they differ."""
        if self.known is None or self.host is None:
            return
        expected, there = self.known.lookup(self.host), self.agent.read(PUBLIC)
        if expected is None or there is None:
            return
        if without_comment(there) != expected:
            why = f"{self.known.path} has {fingerprint(expected)} for {self.host}, the guest has {fingerprint(there)}: "
            why += "find out who changed it; then remove the line and run again"
            raise NotReadyError(self.guest.name, "host key", why, 0)

    def ssh_works(self) -> None:
        door, host = self.door, self.host
        if door is None or host is None:
            return

        def attempt() -> str | None:
            why = door.knock(host)
            if why and "verification failed" in why:
                self.host_key_is_known()
            if why and self.runs is not None:
                runs, self.runs = self.runs, None
                if not runs():
                    raise AsleepError(f"{self.guest.name} does not run")
            return why

        self.climb("ssh", attempt)
