# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of the lab's hosts, built once with mmdebstrap and kept in the cache under a hash of their recipe.

An image is a folder: its base's folders below it, so that a machine's overlay stacks them. `legacy-web1` is one layer on
`legacy-base`. The guests' packages come from `mirror`, a small Debian repository that guests see read-only at /srv/mirror.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .lab import LabError, run

MIRROR = "http://deb.debian.org/debian"
COMMON = "systemd,systemd-sysv,dbus,openssh-server,iproute2,nftables,rsync,procps,ca-certificates,curl"
GUEST_PACKAGES = (
    "haproxy socat nginx-light nginx php-fpm php-cli php-mysql php-redis php-mbstring php-curl mariadb-server mariadb-client mariadb-backup valkey-server "
    "valkey-tools redis-tools cron rsync python3-pymysql acl nftables sudo curl python3-apt msmtp-mta logrotate"
)


@dataclass(frozen=True)
class Base:
    """An image made by mmdebstrap."""

    suite: str
    components: str
    packages: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layer:
    """Packages on top of a base."""

    base: str
    packages: str
    removed: tuple[str, ...] = ()


RECIPES: dict[str, Base | Layer] = {
    "legacy-base": Base("bullseye", "main", COMMON + ",tzdata"),
    "legacy-edge1": Layer("legacy-base", "haproxy python3-minimal python3 rsyslog"),
    "legacy-web1": Layer("legacy-base", "nginx-light php7.4-fpm php7.4-cli php7.4-mysql php7.4-mbstring php7.4-curl php-redis cron python3",
                         ("etc/nginx/sites-enabled/default", "etc/php/7.4/fpm/pool.d/www.conf")),
    "legacy-db1": Layer("legacy-base", "mariadb-server mariadb-client cron python3"),
    "legacy-cache1": Layer("legacy-base", "redis-server"),
    "guest": Base(
        "trixie",
        "main",
        COMMON + ",python3,python3-apt,sudo,tzdata,udev",
        ('printf "deb [trusted=yes] file:/srv/mirror ./\\n" > "$1/etc/apt/sources.list"', 'mkdir -p "$1/srv/mirror"'),
    ),
}
SCRUB = ('rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/machine-id', ': > "$1/etc/machine-id"')


def _hash(name: str) -> str:
    recipe = RECIPES[name]
    below = _hash(recipe.base) if isinstance(recipe, Layer) else ""
    return hashlib.sha256(f"{recipe!r}{SCRUB}{below}".encode()).hexdigest()[:12]


def folder(cache: Path, name: str) -> Path:
    return cache / f"{name}-{_hash(name)}"


def mirror(cache: Path) -> Path:
    return cache / f"mirror-{hashlib.sha256((GUEST_PACKAGES + _hash('guest')).encode()).hexdigest()[:12]}"


def layers(cache: Path, name: str) -> str:
    """The image's folders for an overlay's `lowerdir`, the uppermost first."""
    recipe = RECIPES[name]
    own = [folder(cache, name)] + ([folder(cache, recipe.base)] if isinstance(recipe, Layer) else [])
    missing = [path for path in own if not path.is_dir()]
    if missing:
        raise LabError(f"the image {missing[0].name} is not built: run make lab-up")
    return ":".join(str(path) for path in own)


def ensure_all(cache: Path, say: Callable[[str], None]) -> None:
    """Builds what is missing. Each image appears whole or not at all."""
    cache.mkdir(parents=True, exist_ok=True)
    for name, recipe in RECIPES.items():
        _ensure(folder(cache, name), say, name, lambda target, r=recipe: _bootstrap(r, target) if isinstance(r, Base) else _layer(cache, r, target))  # type: ignore[misc]
    _ensure(mirror(cache), say, "mirror of the guests' packages", lambda target: _fill_mirror(cache, target))


def _ensure(target: Path, say: Callable[[str], None], name: str, build: Callable[[Path], None]) -> None:
    if target.is_dir():
        return
    say(f"building {name}")
    began = time.monotonic()
    partial = target.with_name(f"partial-{target.name}")
    _discard(partial)
    try:
        build(partial)
        partial.rename(target)
    finally:
        _discard(partial)
    say(f"built {name} in {time.monotonic() - began:.0f} s")


def _discard(path: Path) -> None:
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((point for point in mounts if point.startswith(f"{path}/")), reverse=True):
        run(["umount", mount])
    shutil.rmtree(path, ignore_errors=True)


def _bootstrap(recipe: Base, target: Path) -> None:
    hooks = [f"--customize-hook={command}" for command in (*recipe.commands, *SCRUB)]
    run(["mmdebstrap", "--quiet", "--variant=minbase", "--dpkgopt=force-unsafe-io", "--dpkgopt=path-exclude=/usr/share/doc/*",
         "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*", f"--components={recipe.components}",
         f"--include={recipe.packages}", *hooks, recipe.suite, str(target), f"deb {MIRROR} {recipe.suite} {recipe.components}"])  # fmt: skip


class _Chroot:
    """A base image with a fresh layer on it, ready for apt."""

    def __init__(self, cache: Path, base: str, home: Path) -> None:
        self.home, self.root, self.upper = home, home / "root", home / "upper"
        for path in (self.root, self.upper, home / "work"):
            path.mkdir(parents=True)
        run(["mount", "-t", "overlay", "lotse-build", "-o", f"lowerdir={layers(cache, base)},upperdir={self.upper},workdir={home}/work", str(self.root)])
        run(["mount", "--bind", "/dev", str(self.root / "dev")])
        run(["mount", "-t", "proc", "proc", str(self.root / "proc")])
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")
        policy = self.root / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)

    def apt(self, *words: str) -> None:
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LANG": "C.UTF-8"}
        for proxy in ("http_proxy", "https_proxy"):
            if proxy in __import__("os").environ:
                environment[proxy] = __import__("os").environ[proxy]
        run(["chroot", str(self.root), "apt-get", "-q", "-y", "-o", "Dpkg::Options::=--force-unsafe-io", *words], env=environment)

    def close(self) -> None:
        (self.root / "usr/sbin/policy-rc.d").unlink(missing_ok=True)
        (self.root / "etc/resolv.conf").unlink(missing_ok=True)
        for path in ("proc", "dev", ""):
            subprocess.run(["umount", str(self.root / path)], check=False, capture_output=True)


def _layer(cache: Path, recipe: Layer, target: Path) -> None:
    home = target.with_name(f"{target.name}-chroot")
    _discard(home)
    chroot = _Chroot(cache, recipe.base, home)
    try:
        chroot.apt("update")
        chroot.apt("install", "--no-install-recommends", *recipe.packages.split())
        chroot.apt("clean")
        for path in recipe.removed:
            (chroot.root / path).unlink()
    finally:
        chroot.close()
    shutil.rmtree(chroot.upper / "var/lib/apt/lists", ignore_errors=True)
    chroot.upper.rename(target)
    _discard(home)


def _fill_mirror(cache: Path, target: Path) -> None:
    home = target.with_name(f"{target.name}-chroot")
    _discard(home)
    chroot = _Chroot(cache, "guest", home)
    try:
        (chroot.root / "etc/apt/sources.list").write_text(f"deb {MIRROR} trixie main\n")
        chroot.apt("update")
        chroot.apt("install", "--no-install-recommends", "--download-only", *GUEST_PACKAGES.split())
    finally:
        chroot.close()
    target.mkdir(parents=True)
    for package in sorted((chroot.upper / "var/cache/apt/archives").glob("*.deb")):
        shutil.move(package, target / package.name)
    index = run(["dpkg-scanpackages", "--multiversion", "."], cwd=target).stdout
    (target / "Packages").write_text(index)
    _discard(home)
