# SPDX-License-Identifier: GPL-3.0-or-later
"""The image of real VMs: Debian 13 as a disk with cloud-init and the guest agent, its kernel and a small initrd beside it.

It boots the kernel directly, without a boot loader: emulated, each second of firmware is felt. Made without a loop device.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from . import images
from .lab import LabError

PROGRAMS = {
    "mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs", "genisoimage": "genisoimage", "qemu-img": "qemu-utils",
    "qemu-system-x86_64": "qemu-system-x86",
}  # fmt: skip
SIZE_GIB = 2
ROOT_LABEL = "lotse-root"
PACKAGES = (
    "systemd,systemd-sysv,dbus,udev,openssh-server,iproute2,procps,python3,sudo,"
    "cloud-init,e2fsprogs,qemu-guest-agent,linux-image-cloud-amd64,initramfs-tools,zstd"
)
MODULES = "virtio_pci virtio_scsi sd_mod ext4"  # what finds the root file system; the rest is loaded from it
MASKED = (
    "apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer systemd-timesyncd.service "
    "systemd-networkd-wait-online.service systemd-pstore.service cloud-init-hotplugd.socket getty@tty1.service serial-getty@ttyS0.service "
    "dev-hugepages.mount dev-mqueue.mount sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount "
    "modprobe@configfs.service modprobe@drm.service modprobe@fuse.service modprobe@efi_pstore.service systemd-binfmt.service "
    "proc-sys-fs-binfmt_misc.automount ldconfig.service systemd-hwdb-update.service systemd-journal-catalog-update.service "
    "systemd-update-done.service"
)
# The initrd needs no udev, which takes as long as the kernel does: its modules are named, and the root file system is found by its label.
WITHOUT = tuple(f"initramfs-tools/{place}/udev" for place in ("hooks", "scripts/init-top", "scripts/init-bottom"))
HOOK = """\
#!/bin/sh
[ "\\$1" != prereqs ] || exit 0
. /usr/share/initramfs-tools/hook-functions
copy_exec /usr/sbin/blkid /sbin
"""
# Stock cloud-init takes a minute of emulated time and ends in an error in its locale module: these are the modules that a guest here uses.
CLOUD_CONFIG = """\
datasource_list: [NoCloud, None]
cloud_init_modules: [resizefs, set_hostname, update_hostname, update_etc_hosts, users_groups, ssh]
cloud_config_modules: [set_passwords, runcmd]
cloud_final_modules: [scripts_user, final_message]
"""
ESSENTIAL = (
    'cd "$1" && mkdir -p usr/share/initramfs-tools/conf.d usr/share/initramfs-tools/hooks usr/share/initramfs-tools/modules.d',
    'printf "MODULES=list\\nCOMPRESS=zstd\\nFSTYPE=ext4\\n" > "$1/usr/share/initramfs-tools/conf.d/lotse"',
    f'printf "%s\\n" {MODULES} > "$1/usr/share/initramfs-tools/modules.d/lotse"',
    f'cat > "$1/usr/share/initramfs-tools/hooks/lotse" <<EOF\n{HOOK}EOF\n',
    'chmod 755 "$1/usr/share/initramfs-tools/hooks/lotse"',
)
CUSTOMIZE = (
    f'cat > "$1/etc/cloud/cloud.cfg.d/99-lotse.cfg" <<EOF\n{CLOUD_CONFIG}EOF\n',
    'mkdir -p "$1/etc/systemd/journald.conf.d" && printf "[Journal]\\nStorage=volatile\\n" > "$1/etc/systemd/journald.conf.d/lotse.conf"',
    f'chroot "$1" systemctl --quiet mask {MASKED}',
    'chroot "$1" systemctl --quiet enable systemd-networkd.service',
    f'printf "LABEL={ROOT_LABEL} / ext4 errors=remount-ro 0 0\\n" > "$1/etc/fstab"',
    'cp -L "$1/vmlinuz" "$1/initrd.img" "$1/.."',
    'rm -f "$1"/boot/initrd.img-* "$1/etc/hostname" "$1/etc/resolv.conf"',
    *images.SCRUB,
)
LACKING = ("doc/*", "man/*", "locale/*", "info/*", *WITHOUT)


def folder(cache: Path) -> Path:
    """Holds ``disk.qcow2``, ``vmlinuz`` and ``initrd.img``."""
    recipe = (SIZE_GIB, ROOT_LABEL, PACKAGES, ESSENTIAL, CUSTOMIZE, LACKING)
    return cache / f"vm-{hashlib.sha256(repr(recipe).encode()).hexdigest()[:12]}"


def need(cache: Path) -> Path:
    """The image's folder. Raises LabError when it is not built."""
    found = folder(cache)
    if not found.is_dir():
        raise LabError(f"the image {found.name} is not built: run python -m tests.lab vm-image")
    return found


def ensure(cache: Path, say: Callable[[str], None]) -> None:
    """Builds the image when it is missing: some two minutes. Raises LabError."""
    if folder(cache).is_dir():
        return
    for program, package in PROGRAMS.items():
        if not shutil.which(program):
            raise LabError(f"{program} is missing: run make setup (package {package})")
    with images.locked(cache):
        builder = images.Builder(cache, say)
        try:
            builder.ensure(folder(cache), "the image of real VMs", lambda partial: _build(builder, partial))
        finally:
            builder.stop()


def _build(builder: images.Builder, partial: Path) -> None:
    root, made, raw = partial / "root", partial / "made", partial / "disk.raw"
    made.mkdir()
    hooks = [f"--essential-hook={command}" for command in ESSENTIAL] + [f"--customize-hook={command}" for command in CUSTOMIZE]
    without = [f"--dpkgopt=path-exclude=/usr/share/{name}" for name in LACKING]
    builder.run([
        "mmdebstrap", "--quiet", "--variant=minbase", "--dpkgopt=force-unsafe-io", *without, "--components=main", f"--include={PACKAGES}",
        *hooks, "trixie", str(root), f"deb {images.MIRROR} trixie main",
    ])  # fmt: skip
    for name in ("vmlinuz", "initrd.img"):
        (partial / name).rename(made / name)
    builder.run(["mke2fs", "-q", "-t", "ext4", "-L", ROOT_LABEL, "-E", "lazy_itable_init=1", "-d", str(root), str(raw), f"{SIZE_GIB}G"])
    builder.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(made / "disk.qcow2")])
    raw.unlink()
    shutil.rmtree(root)
