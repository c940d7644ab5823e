# SPDX-License-Identifier: GPL-3.0-or-later
"""ssh host keys that exist before the first connection, and the file that makes them known."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

KEY_TYPE = "ssh-ed25519"


@dataclass(frozen=True)
class HostKey:
    """A fresh key pair. The private half lives in memory only and is never shown."""

    private: str = field(repr=False)
    public: str  # "ssh-ed25519 AAAA…"

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.public)


def generate() -> HostKey:
    key = ed25519.Ed25519PrivateKey.generate()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return HostKey(private.decode(), public.decode())


def without_comment(public: str) -> str:
    """``ssh-ed25519 AAAA… root@host`` -> ``ssh-ed25519 AAAA…``. Raises ValueError for anything else."""
    parts = public.split()
    if len(parts) < 2 or not parts[1].startswith("AAAA"):
        raise ValueError(f"not a public key: {public[:40]!r}")
    return f"{parts[0]} {parts[1]}"


def fingerprint(public: str) -> str:
    """As ``ssh-keygen -l`` prints it: SHA256:…"""
    blob = base64.b64decode(without_comment(public).split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


class KnownHosts:
    """A known_hosts file of plain names. Lines of others are kept; ours are sorted, so that the same hosts give the same bytes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lookup(self, host: str) -> str | None:
        """The ed25519 key of a host, without comment."""
        for line in self._lines():
            if host not in line:
                continue
            names, key = _parse(line)
            if host in names and key and key.startswith(f"{KEY_TYPE} "):
                return key
        return None

    def names(self) -> frozenset[str]:
        """Every name with an ed25519 key."""
        parsed = map(_parse, self._lines())
        return frozenset(name for names, key in parsed if key and key.startswith(f"{KEY_TYPE} ") for name in names)

    def learn(self, names: Iterable[str], public: str) -> None:
        """Make ``public`` the only key of these names."""
        wanted = list(dict.fromkeys(names))
        with self._locked():
            kept = [line for line in self._lines() if not set(wanted) & set(_parse(line)[0])]
            self._write([*kept, f"{','.join(wanted)} {without_comment(public)}"])

    def forget(self, names: Iterable[str]) -> bool:
        """Remove every line of these names; whether there was one."""
        unwanted = set(names)
        with self._locked():
            before = self._lines()
            kept = [line for line in before if not unwanted & set(_parse(line)[0])]
            if kept != before:
                self._write(kept)
            return kept != before

    def _lines(self) -> list[str]:
        try:
            return [line for line in self.path.read_text(encoding="utf-8").splitlines() if line.strip()]
        except FileNotFoundError:
            return []

    def _write(self, lines: list[str]) -> None:
        partial = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        partial.write_text("".join(f"{line}\n" for line in sorted(lines)), encoding="utf-8")
        partial.replace(self.path)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Exclusive between threads and processes; the lock is on the directory, so no file is left behind."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _parse(line: str) -> tuple[list[str], str | None]:
    if line.startswith(("#", "@", "|")):
        return [], None
    names, _, key = line.partition(" ")
    parts = key.split()
    return names.split(","), f"{parts[0]} {parts[1]}" if len(parts) >= 2 else None
