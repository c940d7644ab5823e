# SPDX-License-Identifier: GPL-3.0-or-later
"""Real VMs: QEMU processes in the lab's network namespace, each with a tap on the bridge, a cgroup, a monitor and an agent's socket."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import cgroups, network, vm_image
from .lab import Lab, LabError

MEMORY_MIB = (128, 512)
OVERHEAD_MIB = 256  # QEMU's own, with the emulation's translated code
QEMU = "qemu-system-x86_64"
KVM = ("-accel", "kvm", "-cpu", "max")
# What Debian needs and no more: the drivers of each further feature would be loaded and test themselves.
EMULATED = ("-accel", "tcg,tb-size=64", "-cpu", "Nehalem,+rdrand")
# Emulated, the kernel's guards against the processor's faults cost more than all the rest: each system call empties the emulator's caches.
APPEND = f"root=LABEL={vm_image.ROOT_LABEL} ro console=ttyS0 quiet fsck.mode=skip mitigations=off"


@dataclass(frozen=True)
class VmSpec:
    """A VM's hardware. ``disks`` are (key, qcow2 file) such as ("scsi0", …), the root file system first."""

    name: str
    memory_mib: int
    disks: tuple[tuple[str, Path], ...]
    seed: Path  # ISO image with the label cidata
    nics: tuple[tuple[str, str], ...]  # ("net0", MAC address)


def argv(spec: VmSpec, image: Path, taps: Mapping[str, str], processor: Sequence[str]) -> list[str]:
    """QEMU's command line; its sockets and console are relative to its working directory."""
    words = [
        QEMU, "-name", spec.name, "-M", "q35,usb=off,vmport=off", *processor, "-smp", "1", "-m", str(spec.memory_mib),
        "-nodefaults", "-no-user-config", "-display", "none", "-serial", "file:console.log", "-sandbox", "on,spawn=deny",
        "-kernel", f"{image}/vmlinuz", "-initrd", f"{image}/initrd.img", "-append", APPEND,
        "-qmp", "unix:qmp.sock,server=on,wait=off", "-device", "virtio-serial-pci",
        "-chardev", "socket,id=agent,path=agent.sock,server=on,wait=off", "-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0",
        "-device", "virtio-scsi-pci,id=scsihw0",
    ]  # fmt: skip
    for key, mac in spec.nics:
        words += ["-netdev", f"tap,id={key},ifname={taps[key]},script=no,downscript=no"]
        words += ["-device", f"virtio-net-pci,netdev={key},mac={mac},romfile="]
    for number, (key, path) in enumerate(spec.disks):
        words += ["-drive", f"if=none,id=drive-{key},file={_comma(path)},format=qcow2,cache=unsafe,discard=unmap"]
        words += ["-device", f"scsi-hd,id={key},drive=drive-{key},bus=scsihw0.0,scsi-id={number}"]
    words += ["-drive", f"if=none,id=seed,file={_comma(spec.seed)},format=raw,readonly=on,media=cdrom"]
    return [*words, "-device", f"scsi-cd,drive=seed,bus=scsihw0.0,scsi-id={len(spec.disks)}"]


def _comma(path: Path) -> str:
    return str(path).replace(",", ",,")


@functools.cache
def processor(image: Path, timeout: float = 20) -> Sequence[str]:
    """KVM where a kernel was seen to start with it, otherwise emulation. /dev/kvm may be there and not work, so it is tried."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return EMULATED
    with tempfile.TemporaryDirectory() as folder:
        serial = Path(folder, "serial")
        words = [QEMU, *KVM, "-M", "q35", "-m", "128", "-nodefaults", "-display", "none", "-serial", f"file:{serial}"]
        kernel = ["-no-reboot", "-kernel", str(image / "vmlinuz"), "-append", "console=ttyS0 panic=-1"]  # without a root it panics, and ends
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run([*words, *kernel], capture_output=True, timeout=timeout, check=False)
        started = serial.exists() and b"Linux version" in serial.read_bytes()
    return KVM if started else EMULATED


@contextmanager
def connected(home: Path, name: str, timeout: float) -> Iterator[socket.socket]:
    """A socket in a VM's folder, whose path may be longer than a socket's address can be. Raises OSError."""
    folder = os.open(home, os.O_PATH)
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(timeout)
            link.connect(f"/proc/self/fd/{folder}/{name}")
            yield link
    finally:
        os.close(folder)


def start_time(pid: int) -> str | None:
    """When the process started, in the kernel's ticks; None when it is gone. A dead child of ours is buried on the way."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else fields[19]


class Vms:
    """The VMs of one lab, by name. All methods raise LabError."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def home(self, name: str) -> Path:
        return self.lab.vms / name

    def pid(self, name: str) -> int | None:
        """The VM's process, if it runs and is the one that was started here."""
        try:
            pid, started = (self.home(name) / "qemu.pid").read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        return int(pid) if start_time(int(pid)) == started else None

    def known(self) -> list[str]:
        return sorted(path.name for path in self.lab.vms.iterdir()) if self.lab.vms.is_dir() else []

    def running(self) -> dict[str, int]:
        return {name: pid for name in self.known() if (pid := self.pid(name)) is not None}

    def boot(self, spec: VmSpec) -> None:
        """Powers a VM on; returns when its processor runs. Nothing happens when it is on."""
        if self.pid(spec.name) is not None:
            return
        low, high = MEMORY_MIB
        if not low <= spec.memory_mib <= high:
            raise LabError(f"a VM of the lab has {low} to {high} MiB of memory, not {spec.memory_mib}")
        self._clear(spec.name)
        image, home = vm_image.need(self.lab.cache), self.home(spec.name)
        home.mkdir(parents=True, exist_ok=True)
        taps = {key: network.plug_tap(self.lab, spec.name, key) for key, _ in spec.nics}
        group = cgroups.make(self.lab.name, spec.name, spec.memory_mib + OVERHEAD_MIB)
        words = ["nsenter", f"--net=/run/netns/{self.lab.namespace}", "nice", "-n", "5", *argv(spec, image, taps, processor(image))]
        with (home / "qemu.log").open("wb") as log:
            process = subprocess.Popen(
                words, cwd=home, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=lambda: cgroups.enter(group),  # between fork and exec
            )  # fmt: skip
        (home / "qemu.pid").write_text(f"{process.pid} {start_time(process.pid)}")
        self._until_it_runs(spec.name)

    def _until_it_runs(self, name: str, timeout: float = 30) -> None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self.pid(name) is not None:
            with contextlib.suppress(OSError):
                if self.monitor(name, "query-status")["running"]:
                    return
            time.sleep(0.1)
        why = (self.home(name) / "qemu.log").read_text(errors="replace").strip()[-500:]
        self.stop(name, lambda: None, timeout=0)
        raise LabError(f"QEMU did not start {name}: {why or f'no answer within {timeout:g} s'}")

    def monitor(self, name: str, command: str, **arguments: Any) -> Any:
        """One command of QMP and its answer. Raises OSError when nobody answers."""
        with connected(self.home(name), "qmp.sock", 10) as link, link.makefile("rw", encoding="utf-8") as lines:
            for word, given in (("qmp_capabilities", {}), (command, arguments)):
                lines.write(json.dumps({"execute": word, "arguments": given}) + "\n")
                lines.flush()
                answer: dict[str, Any] = {}
                while not {"return", "error"} & set(answer):  # a greeting and events come between
                    line = lines.readline()
                    if not line:
                        raise ConnectionError("the monitor closed the connection")
                    answer = json.loads(line)
                if "error" in answer:
                    raise LabError(f"{name}: {word}: {answer['error']['desc']}")
        return answer["return"]

    def stop(self, name: str, ask: Callable[[], None], timeout: float) -> None:
        """``ask`` asks the system inside to power off; after ``timeout`` seconds the power is cut. The disks stay."""
        pid = self.pid(name)
        if pid is not None:
            if timeout > 0:
                ask()
            deadline = time.monotonic() + timeout
            while self.pid(name) is not None and time.monotonic() < deadline:
                time.sleep(0.1)
            if self.pid(name) is not None:
                os.kill(pid, signal.SIGKILL)
            while self.pid(name) is not None:
                time.sleep(0.02)
        self._clear(name)

    def _clear(self, name: str) -> None:
        for entry in ("qemu.pid", "qmp.sock", "agent.sock"):
            (self.home(name) / entry).unlink(missing_ok=True)
        network.unplug_taps(self.lab, name)
        cgroups.remove(self.lab.name, name)

    def remove(self, name: str) -> None:
        """Cuts the power and forgets the VM."""
        self.stop(name, lambda: None, timeout=0)
        shutil.rmtree(self.home(name), ignore_errors=True)
