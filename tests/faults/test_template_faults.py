# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever gets lost while a template is built and rotated, the next run leaves exactly one generation, with its name, and nothing else behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._pve.diff import Do, State
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import PveError
from ansible_collections.lotse.estate.plugins.module_utils._pve.keeper import Keeper
from ansible_collections.lotse.estate.plugins.module_utils._pve.templates import Image as Source
from ansible_collections.lotse.estate.plugins.module_utils._pve.templates import Recipe

from tests.lab.pve.fixture import MemoryPve, reset
from tests.lab.pve.served import Image, Images, images

from .drills import CALLS, a_death_after_each_write, broken_then_whole, each_call_in_turn
from .world import STRANGER, TEMPLATE, World, hasty_clock, hasty_sleep

__all__ = ["images"]
FAULTS = ["an answer is lost", "a call arrives twice", "a proxy says 504 to a call that was carried out", "the API says 500"]
SETTINGS = {"first_vmid": STRANGER - 1, "state": State.TEMPLATE, "max_destroys": 3, "keep_going": True}


class Workshop(World):
    """The cluster with one generation of the template, and the image of the next one."""

    image: Image

    def keeper(self, image: Image, gateway: Any = None) -> Keeper:
        recipe = Recipe(
            "golden", "pve1", Source(url=image.url, checksum=image.checksum), "shared", "local", {"key": "scsi0", "size_gib": 4}, {}, "community"
        )
        return Keeper(self.fleet(gateway or self.gateway()), recipe, 1, hasty_sleep, hasty_clock)

    def work(self, gateway: Any = None) -> None:
        self.rotate(gateway)

    def rotate(self, gateway: Any = None, image: Image | None = None) -> None:
        keeper = self.keeper(image or self.image, gateway)
        keeper.apply(keeper.plan())

    def problems(self) -> list[str]:
        found = self._orphans()
        made = [row for row in self.guests() if row["vmid"] not in (TEMPLATE, STRANGER)]
        if [(row["name"], row["template"]) for row in made] != [("golden", True)]:
            found.append(f"there are {[(row['vmid'], row['name'], row['template']) for row in made]}")
        if self.guest(STRANGER) != self.stranger:
            found.append("the stranger was touched")
        plan = self.keeper(self.image).plan()
        return [*found, *(f"still to do: {step.text}" for step in plan.steps)]


Make = Callable[[], Workshop]


@pytest.fixture
def make(memory_pve: MemoryPve, images: Images, tmp_path: Path) -> Make:
    first, second = images.serve("d1.qcow2", text="one"), images.serve("d2.qcow2", text="two")

    def fresh() -> Workshop:
        reset(memory_pve)
        world = Workshop(memory_pve, tmp_path, (), SETTINGS)
        world.add_stranger()
        world.rotate(image=first)
        world.image = second
        memory_pve.forget_calls()
        return world

    return fresh


def test_without_a_fault(make: Make) -> None:
    world = make()
    steps = [step.do for step in world.keeper(world.image).plan().steps]
    assert (steps[0], steps[-1]) == (Do.DOWNLOAD, Do.DESTROY)
    world.rotate()
    assert world.problems() == []


@pytest.mark.parametrize("fault", FAULTS)
def test_each_write_in_turn(make: Make, fault: str) -> None:
    """What a read suffers is the gateway's to mend, and proven with the fleet."""
    found = each_call_in_turn(make, CALLS[fault], reads=False)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("kind", ["download", "qmcreate", "resize", "qmtemplate", "qmdestroy"])
def test_each_task_fails(make: Make, memory_pve: MemoryPve, kind: str) -> None:
    world = make()
    memory_pve.faults(tasks=[{"type": kind, "message": "the storage is gone", "times": 1}])
    with pytest.raises(PveError, match="the storage is gone"):
        world.rotate()
    assert broken_then_whole(world, lambda: None) == []


def test_the_controller_dies_after_each_write(make: Make) -> None:
    found = a_death_after_each_write(make)
    assert not found, "\n".join(found)
