# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks of real VMs: qcow2 files of the lab. The template's is the image in the cache; every other one descends from it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.lab import vm_image
from tests.lab.lab import Lab, LabError, run

from .driver import GuestError

FAILURES = (LabError, OSError, subprocess.SubprocessError)
QCOW2 = ("-q", "-f", "qcow2")


class QemuVolumes:
    """Content of volumes by their id, such as ``shared:101/vm-101-disk-0.qcow2``."""

    def __init__(self, lab: Lab, template: str) -> None:
        self._lab, self._template = lab, template

    def file(self, volume: str) -> Path:
        """Where the content lies, or would."""
        if volume == self._template:
            return vm_image.folder(self._lab.cache) / "disk.qcow2"
        storage, _, name = volume.partition(":")
        return self._lab.volumes / storage / name.replace("/", "_")

    def real(self, volume: str) -> bool:
        return volume == self._template or self.file(volume).exists()

    def make(self, volume: str, size: int) -> None:
        """An empty disk of ``size`` bytes, unless there is one."""
        file = self.file(volume)
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            run(["qemu-img", "create", *QCOW2, str(file), str(size)])

    def copy(self, source: str, target: str, *, linked: bool) -> None:
        if not self.real(source):
            return
        old, new = self.file(source), self.file(target)
        try:
            vm_image.need(self._lab.cache)
            new.parent.mkdir(parents=True, exist_ok=True)
            if linked:
                run(["qemu-img", "create", *QCOW2, "-F", "qcow2", "-b", str(old), str(new)])
            else:
                run(["qemu-img", "convert", *QCOW2, "-O", "qcow2", str(old), str(new)])
        except FAILURES as failure:
            raise GuestError(f"copy failed: {failure}") from failure

    def grow(self, volume: str, size: int) -> None:
        if not self.real(volume):
            return
        try:
            run(["qemu-img", "resize", *QCOW2, str(self.file(volume)), str(size)])
        except FAILURES as failure:
            raise GuestError(f"resize failed: {failure}") from failure

    def free(self, volume: str) -> None:
        if volume != self._template:
            self.file(volume).unlink(missing_ok=True)
