# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps as data: what each kind takes, and what needs an operator's word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .write import Change

NO_UNDO = "none: this is a point of no return"


class Do(StrEnum):
    """Kinds of steps, in the order in which they are taken."""

    DOWNLOAD = "download"
    CLONE = "clone"
    CREATE = "create"
    POOL = "pool"
    CONFIG = "config"
    DETACH = "detach"
    PURGE = "purge"
    MOVE_DISK = "move_disk"
    RESIZE = "resize"
    MIGRATE = "migrate"
    HA = "ha"
    START = "start"
    SHUTDOWN = "shutdown"
    REBOOT = "reboot"
    TEMPLATE = "template"
    HOST_KEY = "host_key"
    STOP = "stop"
    DESTROY = "destroy"


@dataclass(frozen=True)
class Words:
    """What is done only by an operator's explicit word."""

    allow_reboot: bool = False
    purge_disks: bool = False
    migrate: bool = False


@dataclass(frozen=True)
class Step:
    """One mutation. ``values`` are its parameters (they may hold secrets), ``text`` tells an operator what it does.

    ========= =====================================================================================================================
    kind      values
    ========= =====================================================================================================================
    clone     template (VMID), source, node, full (0 or 1), and where stated storage, pool
    create    node, config {API key: value} (name, description, disks and all), and where stated pool
    pool      pool
    config    set {API key: value}, delete (keys, sorted): one write, with the digest
    detach    keys (disks, which become unusedN): one write, with the digest
    purge     volumes: those unusedN that hold exactly these are deleted for ever
    move_disk disk, storage, and where stated format
    resize    disk, size
    migrate   target
    ha        resource {state, max_restart, max_relocate} or None (none of it), nodes {name: priority} or None, strict
    others    none
    ========= =====================================================================================================================
    """

    do: Do
    text: str
    undo: str
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    changes: tuple[Change, ...] = ()
