# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes where: guests and nodes as the placement sees them. Memory in MiB, disks in GiB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Item:
    """A guest. ``current`` is where it is or was planned; leaving it counts as a move.

    ``exists`` says that its disks are made already, at ``current``. ``pinned`` guests stay at ``current`` whatever the rules say.
    ``allowed`` are the only nodes that it may ever run on (None: any). ``barred`` are nodes that cannot take it now, with the reason; it may
    still be brought up there when its node dies.
    """

    name: str
    memory: int
    cores: int
    disks: Mapping[str, int] = field(default_factory=dict)
    bridges: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    current: str | None = None
    exists: bool = False
    pinned: bool = False
    allowed: frozenset[str] | None = None
    barred: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Bin:
    """A node with the room that guests may have in all. ``storages`` are free GiB by name, ``shared`` those that other nodes see too."""

    name: str
    memory: int
    cores: int
    storages: Mapping[str, int] = field(default_factory=dict)
    shared: frozenset[str] = frozenset()
    bridges: frozenset[str] = frozenset()
    domain: str | None = None


@dataclass(frozen=True)
class Reservation:
    """Room of a node that somebody else has, or is about to have: a guest that is not ours to place, one that is being made."""

    bin: str
    memory: int
    cores: int


@dataclass(frozen=True)
class Rules:
    """The promises. ``spare_nodes`` 1: any one node may die; ``spare_domains`` 1: any one failure domain. ``anti_affinity`` are tags."""

    spare_nodes: int = 0
    spare_domains: int = 0
    anti_affinity: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """Where each guest goes.

    ``moves`` maps guests that leave their node to the reason. ``peak`` is the fullest node's share (0 to 1) of those that take a guest anew,
    ``bound`` what it cannot be below, ``gap`` the distance of the two as a part of ``peak``. ``fewest_proven`` says that no answer moves less.
    ``recovery`` is the proof of the spare: by what dies (a node, or a domain), where its guests go while all others stay; None when none was
    asked for. ``together`` lists deaths after which guests of an anti-affinity tag share a node. ``broken`` are rules that pinned guests break.
    """

    assignment: Mapping[str, str]
    moves: Mapping[str, str]
    peak: float
    bound: float
    fewest_proven: bool
    recovery: Mapping[str, Mapping[str, str]] | None
    together: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()

    @property
    def gap(self) -> float:
        return (self.peak - self.bound) / self.peak if self.peak else 0.0

    @property
    def spare_proven(self) -> bool:
        return self.recovery is not None
