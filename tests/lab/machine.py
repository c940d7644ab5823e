# SPDX-License-Identifier: GPL-3.0-or-later
"""Real hosts: systemd-nspawn machines on an overlay of a cached image, each in its own network namespace and cgroup."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from . import cgroups, images, network
from .lab import Lab, LabError, run

POWEROFF = signal.SIGRTMIN + 4
MASKED = ("systemd-resolved.service", "systemd-timesyncd.service", "systemd-networkd-wait-online.service", "console-getty.service", "apt-daily.timer",
          "apt-daily-upgrade.timer", "e2scrub_all.timer", "fstrim.timer", "man-db.timer", "systemd-udevd.service")  # fmt: skip


@dataclass(frozen=True)
class MachineSpec:
    """What a machine is to be when it starts. Addresses with their prefix length: ``10.77.0.12/24``."""

    name: str
    image: str
    address: str
    gateway: str | None = None
    extra_addresses: tuple[str, ...] = ()
    authorized_keys: tuple[str, ...] = ()
    host_key: str | None = None
    memory_mib: int | None = None


class Machines:
    """The machines of one lab."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def _home(self, name: str) -> Path:
        return self.lab.machines / name

    def root(self, name: str) -> Path:
        return self._home(name) / "root"

    def _init(self, name: str) -> int | None:
        """Pid of the machine's init, None when it does not run. A pid of another process does not count."""
        try:
            leader = int((self._home(name) / "nspawn.pid").read_text())
            command = Path(f"/proc/{leader}/cmdline").read_bytes().split(b"\0")
            if b"systemd-nspawn" not in command[0] or str(self.root(name)).encode() not in command:
                return None
            children = Path(f"/proc/{leader}/task/{leader}/children").read_text().split()
        except (OSError, ValueError):
            return None
        return int(children[0]) if children else None

    def running(self) -> dict[str, int]:
        """Names of the machines that run, with the pid of their init."""
        if not self.lab.machines.is_dir():
            return {}
        found = {home.name: self._init(home.name) for home in sorted(self.lab.machines.iterdir())}
        return {name: pid for name, pid in found.items() if pid is not None}

    def boot(self, spec: MachineSpec) -> None:
        """Starts a machine, on its old disk when it has one. Returns when its systemd answers. Nothing happens when it runs."""
        if spec.name in self.running():
            return
        home, root = self._home(spec.name), self.root(spec.name)
        for folder in ("root", "upper", "work"):
            (home / folder).mkdir(parents=True, exist_ok=True)
        (home / "spec.json").write_text(json.dumps({**asdict(spec), "host_key": None}, indent=1))
        lower = images.layers(self.lab.cache, spec.image)
        if not os.path.ismount(root):
            options = f"lowerdir={lower},upperdir={home}/upper,workdir={home}/work"
            run(["mount", "-t", "overlay", f"lotse-{self.lab.name}", "-o", options, str(root)])
        _prepare(root, spec)
        namespace = network.plug(self.lab, spec.name)
        mirror = images.mirror(self.lab.cache) if spec.image == "guest" else None
        self._spawn(spec, home, namespace, mirror)
        self._wait(spec.name)

    def _spawn(self, spec: MachineSpec, home: Path, namespace: str, mirror: Path | None) -> None:
        group = cgroups.make(self.lab.name, spec.name, spec.memory_mib)
        argv = [
            "systemd-nspawn", "--quiet", "--directory", f"{home}/root", f"--machine={self.lab.name}-{spec.name}",
            f"--hostname={spec.name}", f"--network-namespace-path={namespace}", "--capability=CAP_NET_ADMIN,CAP_NET_RAW", "--register=no",
            "--keep-unit", "--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=pipe",
            "--rlimit=RLIMIT_NOFILE=1024:65536", "--boot",
        ]  # fmt: skip
        if mirror:
            argv.insert(-1, f"--bind-ro={mirror}:/srv/mirror")
        with (home / "console.log").open("wb") as console:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
                env={"PATH": os.environ["PATH"], "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"},
                preexec_fn=lambda: cgroups.enter(group),  # between fork and exec
            )
        (home / "nspawn.pid").write_text(str(process.pid))

    def _wait(self, name: str, timeout: float = 60) -> None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if name in self.running() and self.run(name, ["systemctl", "is-system-running"]).stdout.strip() in {b"running", b"degraded"}:
                return
            time.sleep(0.1)
        console = (self._home(name) / "console.log").read_text(errors="replace")
        raise LabError(f"{name} did not boot within {timeout:g} s: {console[-1000:]}")

    def run(
        self,
        name: str,
        argv: Sequence[str],
        input: bytes | None = None,  # noqa: A002 - as subprocess.run
        timeout: float = 30,
    ) -> subprocess.CompletedProcess[bytes]:
        """Runs a program inside a machine, without ssh. Raises LabError when the machine does not run."""
        pid = self._init(name)
        if pid is None:
            raise LabError(f"{name} does not run")
        enter = ["nsenter", "--target", str(pid), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root"]
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        inside = [*enter, "--", "env", "-C", "/", "-i", path, "HOME=/root", "LANG=C.UTF-8", *argv]
        return subprocess.run(inside, input=input, capture_output=True, timeout=timeout, check=False)

    def stop(self, name: str, timeout: float = 20) -> None:
        """Powers a machine off and keeps its disk. After the timeout the power is cut."""
        pid = self._init(name)
        if pid is not None:
            leader = int((self._home(name) / "nspawn.pid").read_text())
            os.kill(pid, POWEROFF)
            if not _gone(leader, timeout):
                os.kill(leader, signal.SIGKILL)
                os.kill(pid, signal.SIGKILL)
                _gone(leader, 5)
        self._clear(name)

    def _clear(self, name: str) -> None:
        home = self._home(name)
        (home / "nspawn.pid").unlink(missing_ok=True)
        if os.path.ismount(home / "root"):
            run(["umount", str(home / "root")])
        network.unplug(self.lab, name)
        cgroups.remove(self.lab.name, name)

    def remove(self, name: str) -> None:
        """Stops a machine and deletes its disk."""
        self.stop(name)
        shutil.rmtree(self._home(name), ignore_errors=True)


def _gone(pid: int, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            done, _ = os.waitpid(pid, os.WNOHANG)
            if done:
                return True
        except ChildProcessError:
            state = Path(f"/proc/{pid}/stat")
            if not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        time.sleep(0.05)
    return False


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(mode)


def _prepare(root: Path, spec: MachineSpec) -> None:
    """What cloud-init or an installer would have written."""
    network_file = root / "etc/systemd/network/10-host0.network"
    if not network_file.exists():
        addresses = "".join(f"Address={address}\n" for address in (spec.address, *spec.extra_addresses))
        gateway = f"Gateway={spec.gateway}\n" if spec.gateway else ""
        keep = "LinkLocalAddressing=no\nIPv6AcceptRA=no\nConfigureWithoutCarrier=yes\n"
        _write(network_file, f"[Match]\nName=host0\n\n[Network]\n{keep}{addresses}{gateway}")
    _write(root / "etc/hostname", f"{spec.name}\n")
    _write(root / "etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {spec.name}\n")
    for unit in MASKED:
        link = root / "etc/systemd/system" / unit
        if not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to("/dev/null")
    wanted = root / "etc/systemd/system/multi-user.target.wants/systemd-networkd.service"
    if not wanted.is_symlink():
        wanted.parent.mkdir(parents=True, exist_ok=True)
        wanted.symlink_to("/lib/systemd/system/systemd-networkd.service")
    if spec.authorized_keys:
        (root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
        _write(root / "root/.ssh/authorized_keys", "".join(f"{key.strip()}\n" for key in spec.authorized_keys), 0o600)
    key = root / "etc/ssh/ssh_host_ed25519_key"
    if spec.host_key:
        _write(key, spec.host_key, 0o600)
        public = run(["ssh-keygen", "-y", "-f", str(key)]).stdout
        _write(key.with_suffix(".pub"), public)
    elif not key.exists():
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"root@{spec.name}", "-f", str(key)])
