# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of the lab's hosts, built once with mmdebstrap and kept in the cache under a hash of their recipe.

An image is a folder: its base's folders below it, so that a machine's overlay stacks them. `legacy-web1` is one layer on
`legacy-base`. The guests' packages come from `mirror`, a small Debian repository that guests see read-only at /srv/mirror.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import leftovers
from .lab import LabError

MIRROR = "http://deb.debian.org/debian"
COMMON = "systemd,systemd-sysv,dbus,openssh-server,iproute2,nftables,rsync,procps,ca-certificates,curl"
GUEST_PACKAGES = (
    "haproxy socat nginx-light nginx php-fpm php-cli php-mysql php-redis php-mbstring php-curl mariadb-server mariadb-client "
    "mariadb-backup valkey-server valkey-tools redis-tools cron rsync python3-pymysql acl nftables sudo curl python3-apt msmtp-mta logrotate"
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
    "legacy-web1": Layer(
        "legacy-base",
        "nginx-light php7.4-fpm php7.4-cli php7.4-mysql php7.4-mbstring php7.4-curl php-redis cron python3",
        ("etc/nginx/sites-enabled/default", "etc/php/7.4/fpm/pool.d/www.conf"),
    ),
    "legacy-db1": Layer("legacy-base", "mariadb-server mariadb-client cron python3"),
    "legacy-cache1": Layer("legacy-base", "redis-server"),
    "guest": Base(
        "trixie",
        "main",
        COMMON + ",python3,python3-apt,sudo,tzdata,udev",
        ('printf "deb [trusted=yes] file:/srv/mirror ./\\n" > "$1/etc/apt/sources.list"', 'mkdir -p "$1/srv/mirror"'),
    ),
}
PARTIAL = "partial-"  # a build's folder in the cache until it is whole
WORKERS = 3
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


@contextmanager
def locked(cache: Path, *, wait: bool = True) -> Iterator[bool]:
    """One builder at a time, of all labs that share the cache. Gives False when another one builds and ``wait`` is not set."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True


def tidy(cache: Path) -> None:
    """Removes what a killed build left behind, unless a build is going on."""
    if not cache.is_dir():
        return
    with locked(cache, wait=False) as ours:
        for partial in cache.glob(f"{PARTIAL}*") if ours else ():
            _discard(partial)


def _discard(path: Path) -> None:
    leftovers.unmount(path)
    shutil.rmtree(path, ignore_errors=True)


def ensure_all(cache: Path, say: Callable[[str], None]) -> None:
    """Builds what is missing, side by side. Each image appears whole or not at all. Raises LabError."""
    if all(folder(cache, name).is_dir() for name in RECIPES) and mirror(cache).is_dir():
        return
    with locked(cache):
        builder = Builder(cache, say)
        try:
            builder.build()
        finally:
            builder.stop()


class Builder:
    """Builds images in threads: the bases first, and what stands on a base as soon as that is there."""

    def __init__(self, cache: Path, say: Callable[[str], None]) -> None:
        self._cache, self._say = cache, say
        self._pool = ThreadPoolExecutor(max(WORKERS, os.cpu_count() or 1))
        self._programs: set[subprocess.Popen[str]] = set()
        self._guard = threading.Lock()
        self._stopped = False

    def build(self) -> None:
        """Returns when all are there."""
        # A job waits for its base inside a worker. The bases were submitted before, so they run already, and nobody waits for ever.
        bases = {name: self._pool.submit(self._base, name, recipe) for name, recipe in RECIPES.items() if isinstance(recipe, Base)}
        mirrored = self._pool.submit(self._mirror, bases["guest"])
        layered = [self._pool.submit(self._layer, name, recipe, bases[recipe.base]) for name, recipe in RECIPES.items() if isinstance(recipe, Layer)]
        for job in (*bases.values(), *layered, mirrored):
            job.result()

    def _base(self, name: str, recipe: Base) -> None:
        self.ensure(folder(self._cache, name), name, lambda partial: self._bootstrap(recipe, partial))

    def _layer(self, name: str, recipe: Layer, base: Future[None]) -> None:
        base.result()
        self.ensure(folder(self._cache, name), name, lambda partial: self._add_packages(recipe, partial))

    def _mirror(self, base: Future[None]) -> None:
        base.result()
        self.ensure(mirror(self._cache), "the mirror of the guests' packages", self._fill_mirror)

    def stop(self) -> None:
        """Ends the programs that still run, and returns when every thread has cleaned up behind itself."""
        with self._guard:
            self._stopped = True
            for program in self._programs:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(program.pid, signal.SIGTERM)
        self._pool.shutdown(cancel_futures=True)

    def run(self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
        """Runs a program and gives what it printed. Raises LabError with its last words."""
        with self._guard:
            if self._stopped:
                raise LabError("the build was stopped")
            program = subprocess.Popen(
                argv, env=env, cwd=cwd, text=True, start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            self._programs.add(program)
        try:
            output, errors = program.communicate()
        finally:
            with self._guard:
                self._programs.discard(program)
        if program.returncode != 0:
            raise LabError(f"{' '.join(argv[:6])}… failed ({program.returncode}): {(errors or output).strip()[-1500:]}")
        return output

    def ensure(self, target: Path, name: str, build: Callable[[Path], None]) -> None:
        if target.is_dir():
            return
        self._say(f"building {name}")
        began = time.monotonic()
        partial = target.with_name(f"{PARTIAL}{target.name}")
        _discard(partial)
        partial.mkdir()
        try:
            build(partial)
            (partial / "made").rename(target)
        finally:
            _discard(partial)
        self._say(f"built {name} in {time.monotonic() - began:.0f} s")

    def _bootstrap(self, recipe: Base, partial: Path) -> None:
        hooks = [f"--customize-hook={command}" for command in (*recipe.commands, *SCRUB)]
        without = [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("doc", "man", "locale")]
        self.run([
            "mmdebstrap", "--quiet", "--variant=minbase", "--dpkgopt=force-unsafe-io", *without, f"--components={recipe.components}",
            f"--include={recipe.packages}", *hooks, recipe.suite, str(partial / "made"), f"deb {MIRROR} {recipe.suite} {recipe.components}",
        ])  # fmt: skip

    def _add_packages(self, recipe: Layer, partial: Path) -> None:
        with self._chroot(recipe.base, partial) as root:
            self._apt(root, "update")
            self._apt(root, "install", "--no-install-recommends", *recipe.packages.split())
            self._apt(root, "clean")
            for path in recipe.removed:
                (root / path).unlink()
        shutil.rmtree(partial / "upper/var/lib/apt/lists", ignore_errors=True)
        (partial / "upper").rename(partial / "made")

    def _fill_mirror(self, partial: Path) -> None:
        with self._chroot("guest", partial) as root:
            (root / "etc/apt/sources.list").write_text(f"deb {MIRROR} trixie main\n")
            self._apt(root, "update")
            self._apt(root, "install", "--no-install-recommends", "--download-only", *GUEST_PACKAGES.split())
        made = partial / "made"
        made.mkdir()
        for package in sorted((partial / "upper/var/cache/apt/archives").glob("*.deb")):
            shutil.move(package, made / package.name)
        (made / "Packages").write_text(self.run(["dpkg-scanpackages", "--multiversion", "."], cwd=made))

    @contextmanager
    def _chroot(self, base: str, partial: Path) -> Iterator[Path]:
        """A base with a fresh layer, ``upper``, on it, ready for apt."""
        root, upper, work = (partial / name for name in ("root", "upper", "work"))
        for path in (root, upper, work):
            path.mkdir()
        layered = f"lowerdir={layers(self._cache, base)},upperdir={upper},workdir={work}"
        try:
            self.run(["mount", "-t", "overlay", "lotse-build", "-o", layered, str(root)])
            self.run(["mount", "--bind", "/dev", str(root / "dev")])
            self.run(["mount", "-t", "proc", "proc", str(root / "proc")])
            shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
            policy = root / "usr/sbin/policy-rc.d"  # no service starts in here
            policy.write_text("#!/bin/sh\nexit 101\n")
            policy.chmod(0o755)
            yield root
            for path in (policy, root / "etc/resolv.conf"):
                path.unlink()
        finally:
            leftovers.unmount(partial)

    def _apt(self, root: Path, *words: str) -> None:
        proxies = {name: value for name, value in os.environ.items() if name.lower() in {"http_proxy", "https_proxy", "no_proxy"}}
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LANG": "C.UTF-8", **proxies}
        self.run(["chroot", str(root), "apt-get", "-q", "-y", "-o", "Dpkg::Options::=--force-unsafe-io", *words], env=environment)
