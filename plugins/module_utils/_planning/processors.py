# SPDX-License-Identifier: GPL-3.0-or-later
"""CPU types of virtual machines, and the features that each has.

Sources: the System V ABI's micro-architecture levels; QEMU's model kvm64 (target/i386/cpu.c); Proxmox VE's x86-64-v2-AES and x86-64-v3
(administration guide, CPU Type). Names of flags are those of /proc/cpuinfo.
"""

from __future__ import annotations

import re

BASE = frozenset({"fpu", "cx8", "cmov", "mmx", "sse", "sse2", "lm", "nx", "syscall"})
KVM64 = BASE | {"cx16", "pni"}
V2 = KVM64 | {"popcnt", "sse4_1", "sse4_2", "ssse3", "lahf_lm"}
V2_AES = V2 | {"aes"}
V3 = V2_AES | {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"}
V4 = V3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
TYPES = {"kvm64": KVM64, "qemu64": KVM64, "x86-64-v2": V2, "x86-64-v2-AES": V2_AES, "x86-64-v3": V3, "x86-64-v4": V4}
# Without a type the plan does not know the template's: it counts with the least.
LEAST = KVM64
# What software is chosen or compiled by: encryption, checksums, searching.
TELLING = ("aes", "sse4_2", "popcnt", "avx", "avx2", "avx512f")
LEVELS = {"x86-64-v2": V2, "x86-64-v3": V3 - {"aes"}, "x86-64-v4": V4 - {"aes"}}


def _name(kind: str) -> str:
    """``cputype=host,flags=+aes`` -> ``host``."""
    return re.sub(r"^cputype=", "", kind.split(",")[0].strip())


def wanted(kind: str | None) -> bool:
    """Whether the plan can say anything: a real processor's model, or the node's own, has what it has."""
    return kind is None or _name(kind) in TYPES


def has(kind: str | None, flag: str) -> bool:
    """Whether a guest of this type has a feature. ``host`` and models of real processors are taken for having it."""
    if kind and re.search(rf"[+;=]\+?{re.escape(flag)}\b", kind.partition("flags")[2]):
        return True
    return flag in (TYPES.get(_name(kind)) or frozenset({flag}) if kind else LEAST)


def level(kind: str | None, isa: str) -> bool:
    """Whether a guest of this type runs a program that needs this level."""
    needs = LEVELS.get(isa, frozenset())
    if kind is None:
        return needs <= LEAST
    return _name(kind) not in TYPES or needs <= TYPES[_name(kind)]
