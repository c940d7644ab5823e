# SPDX-License-Identifier: GPL-3.0-or-later
"""The dead-man, with its real scripts in a real shell: one party decides, and only one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._conduct import fence
from ansible_collections.lotse.estate.plugins.module_utils._conduct.fence import COMMIT, LIFT, DeadMan, sweep, timers_are_over
from ansible_collections.lotse.estate.plugins.module_utils._conduct.hosts import RemoteError

from tests.unit.conduct.stage import LocalHost, LocalShell, World


def man(world: World, seconds: float, number: int = 0) -> DeadMan:
    lift, forward = f"echo x >> {world.folder}/lifted", f"echo x >> {world.folder}/forwarded"
    return DeadMan(LocalShell(), f"db1-go-{number}", seconds, lift=lift, forward=forward)  # type: ignore[arg-type]


def done(world: World) -> tuple[int, int]:
    """How often the fence was lifted and how often the commit was carried through."""
    files = (world.folder / "lifted", world.folder / "forwarded")
    lifted, forwarded = (len(file.read_text().splitlines()) if file.exists() else 0 for file in files)
    return lifted, forwarded


async def over(_world: World) -> None:
    await timers_are_over(LocalHost("db1", ""), "db1", 10)  # type: ignore[arg-type]


def test_nobody_commits_and_the_fence_is_lifted(world: World) -> None:
    async def story() -> str:
        timer = man(world, 0.2)
        await timer.arm()
        await over(world)
        return await timer.decision()

    assert asyncio.run(story()) == LIFT
    assert done(world) == (1, 0)


def test_after_the_commit_the_timer_carries_it_through(world: World) -> None:
    async def story() -> None:
        timer = man(world, 1.3)
        await timer.arm()
        await timer.decide(COMMIT)
        await over(world)
        with pytest.raises(RemoteError, match="refused"):
            await timer.decide(LIFT)

    asyncio.run(story())
    assert done(world) == (0, 1)


def test_after_the_lift_a_commit_is_refused(world: World) -> None:
    async def story() -> None:
        timer = man(world, 0.1)
        await timer.arm()
        await over(world)
        with pytest.raises(RemoteError):
            await timer.decide(COMMIT, margin=-100)

    asyncio.run(story())
    assert done(world) == (1, 0)


def test_a_commit_near_the_deadline_is_not_dared(world: World) -> None:
    async def story() -> None:
        timer = man(world, 0.9)
        await timer.arm()
        with pytest.raises(RemoteError, match="too late to commit"):
            await timer.decide(COMMIT)
        await over(world)

    asyncio.run(story())
    assert done(world) == (1, 0)


def test_at_the_deadline_one_wins_and_never_both(world: World) -> None:
    async def race(number: int) -> bool:
        timer = man(world, 0.3, number)
        await timer.arm()
        await asyncio.sleep(0.28 + number * 0.002)
        try:
            await timer.decide(COMMIT, margin=-100)
        except RemoteError:
            return False
        return True

    async def story() -> list[bool]:
        committed = [await race(number) for number in range(25)]
        await over(world)
        return committed

    committed = asyncio.run(story())
    assert done(world) == (committed.count(False), committed.count(True))


def test_the_timer_outlives_the_shell_that_armed_it(world: World) -> None:
    asyncio.run(man(world, 0.3).arm())
    asyncio.run(over(world))
    assert done(world) == (1, 0)


def test_nothing_is_left(world: World) -> None:
    async def story() -> None:
        timer = man(world, 1.2)
        await timer.arm()
        await timer.decide(COMMIT)
        await sweep(LocalHost("db1", ""), "db1", 10)  # type: ignore[arg-type]

    asyncio.run(story())
    assert not Path(fence.FOLDER).exists()


def test_a_timer_that_does_not_end_is_said(world: World) -> None:
    async def story() -> None:
        timer = man(world, 2)
        await timer.arm()
        with pytest.raises(RemoteError, match="does not end"):
            await timers_are_over(LocalHost("db1", ""), "db1", 0.2)  # type: ignore[arg-type]
        await over(world)

    asyncio.run(story())
