# SPDX-License-Identifier: GPL-3.0-or-later
"""File trees: whole rsync passes while the old side serves, and in the critical section only what has changed since (see files/sync.py).

The files have no fence of their own: who writes them is fenced (http, in the same section). The way back brings what the guest has
changed or removed since the cutover, and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from ..._domain.errors import LotseError
from ..._domain.phases import NEW_SIDE_SERVES, State
from ..files import tree
from ..files.courier import Courier
from ..files.sync import Brought, Rule, TreeSync
from ..hosts import Shell
from ..journal import Journal, move_states
from .base import Context, Mover

ENOUGH_S = 1.0  # a whole pass that takes less is close enough
PASSES = 10
TRIES = 20  # short passes until both sides were seen equal once, on a tree that lives
BUDGET_S = 1.5  # of the section's time


def rules(parameters: Mapping[str, Any]) -> list[Rule]:
    """The plan's ``rewrite`` list."""
    return [Rule(str(row["file"]), {str(old): str(new) for old, new in row["replace"].items()}) for row in parameters.get("rewrite", [])]


async def refuse_what_would_be_left_out(source: Shell, target: Shell, paths: Sequence[str], *, guest: str) -> None:
    """Raises LotseError for trees that could not be brought as a whole; says it before anything is changed. ``guest`` runs rsync's client."""
    for shell, programs in ((source, "rsync find awk sha256sum"), (target, "rsync find awk sha256sum")):
        wanted = f"{programs} socat" if shell.host == guest else programs
        missing = (await shell.run(f"for name in {wanted}; do command -v $name >/dev/null || echo $name; done")).out.split()
        if missing:
            raise LotseError(f"{', '.join(missing)} is missing there, files cannot be brought", shell.host, "install it, or bring the files by hand")
    for path in paths:
        quoted = tree.quoted([path])
        kind = (await source.run(f"if [ -L {quoted} ]; then echo link; elif [ -e {quoted} ]; then echo there; fi")).out.strip()
        if kind != "there":
            what = f"{path} is a symbolic link" if kind else f"{path} does not exist"
            raise LotseError(what, source.host, "name the directory itself in the plan" if kind else "correct the plan's paths")
    mounts = tree.mounts_below((await source.run("cat /proc/mounts")).out, paths)
    if mounts:
        raise LotseError(f"another file system is mounted at {mounts[0]}", source.host, "name it as a path of its own in the plan, or move its mount")
    owners = "find {} -ignore_readdir_race -xdev -printf '%U\\n' | sort -u | while read -r id; do getent passwd $id | cut -d: -f1,3; done"
    here = set((await source.run(owners.format(tree.quoted(paths)), within=600)).out.split())
    there = (await target.run("getent passwd | cut -d: -f1,3")).out.split()
    strangers = sorted(here - set(there))
    if strangers:
        raise LotseError(
            f"files belong to {strangers[0]} (name:id), whom the other side does not know so", target.host, "carry the user over with its id"
        )
    need = int((await source.run(f"du -skcx {tree.quoted(paths)} | tail -n 1 | cut -f1", within=600)).out)
    parents = tree.quoted(sorted({path.rsplit("/", 1)[0] or "/" for path in paths}))
    await target.run(f"mkdir -p -m 755 {parents}")
    used = int((await target.run(f"du -skcx {tree.quoted(paths)} 2>/dev/null | tail -n 1 | cut -f1", within=600)).out or 0)
    free = min(int(row.split()[3]) for row in (await target.run(f"df -Pk {parents} | tail -n +2")).out.splitlines())
    if need - used > free * 0.95:
        raise LotseError(f"{need >> 10} MiB are to come, {free >> 10} MiB are free", target.host, "give its disk more space")


async def whole_passes(context: Context, sync: TreeSync, undo: str) -> None:
    """Whole passes until one is quick enough for a short one to follow in the section; one journaled step."""
    with context.journal.step("copy", undo, paths=sync.paths) as result:
        for number in range(1, PASSES + 1):
            done = await sync.whole()
            context.say(f"pass {number}: {done.sent} files in {done.seconds:.1f} s")
            result.update(passes=number, seconds=round(done.seconds, 2), sent=done.sent)
            if done.seconds < ENOUGH_S:
                break


def last_cut(journal: Journal, what: str) -> Mapping[str, Any]:
    """When, by both hosts' clocks, the move last went to its guest. Raises LotseError when the journal does not say."""
    cuts = [entry["data"] for entry in journal.entries if (entry["event"], entry["step"]) == ("observation", "cut-time")]
    if not cuts or cuts[-1]["back"]:
        remedy = "compare the trees by hand; without that moment nobody can say which side's file is the newer one"
        raise LotseError(f"the journal does not say when the {what} changed sides", str(journal.path), remedy)
    return dict(cuts[-1])


class FilesMover(Mover):
    """Moves trees. Parameters: ``paths``; ``rewrite``, files in which addresses are replaced on the guest."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.paths = [str(path) for path in context.parameters["paths"]]
        self._shells: dict[str, Shell] = {}
        self._courier = Courier(context.legacy, context.guest, context.token)
        self.sync = TreeSync(context.source, context.target, self._courier, self.paths, rules(context.parameters), back=context.back)
        self._cut_at: float | None = None  # the source's clock

    # ---------------------------------------------------------------- before

    async def prepare(self) -> None:
        source, target = await self._shell(self.context.source), await self._shell(self.context.target)
        await refuse_what_would_be_left_out(source, target, self.paths, guest=self.context.guest.name)

    async def replicate(self) -> None:
        context = self.context
        if context.back:
            cut = last_cut(context.journal, "trees")
            await self.sync.since(float(cut["target_at"]), float(cut["source_at"]))
            with context.journal.step("bring-back", "the guest still has everything", since=cut["target_at"]) as result:
                result.update(await self._short_passes())
            return
        await whole_passes(context, self.sync, f"the copies on {context.target.name} stay, nobody uses them; the next pass corrects them")

    async def gate(self) -> dict[str, Any]:
        """Rehearses the short pass until both sides were equal, measures it, and makes the next one ready."""
        loop = asyncio.get_running_loop()
        for attempt in range(1, TRIES + 1):
            if self.context.back:
                await self.sync.measure_extra()
            await self.sync.ready()
            began = loop.time()
            try:
                brought = await self.sync.short(within=30, prove=True)
                break
            except LotseError:
                if attempt == TRIES:
                    raise
        took = loop.time() - began
        if took > BUDGET_S:
            what = f"looking for what changed takes {took:.1f} s, more than the {BUDGET_S:g} s that requests may wait for it"
            raise LotseError(what, self.context.source.name, "split the tree, or move what is never written beforehand")
        await self.sync.ready()
        return {"equal": brought.totals.text, "short_pass_ms": round(took * 1000, 1), "attempts": attempt}

    async def reopen(self) -> None:
        """The files are all there: a commit was decided. Only the moment of the cutover may be unknown."""
        cut = self.context.journal.last("observation", "cut-time")
        if cut is not None and cut["token"] == self.context.token:
            self._cut_at = float(cut["source_at"])
            return
        decided = f"stat -c %.Y /run/lotse/{self.context.token}.decided 2>/dev/null || {tree.clock()}"
        self._cut_at = float((await (await self._shell(self.context.source)).run(decided)).out)

    # ------------------------------------------------------ critical section

    async def fence(self) -> None:
        """Who writes the files is fenced by its own mover, before this one catches up."""

    async def catch_up(self) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        brought = await self.sync.short(within=3, prove=True)
        self._cut_at = brought.at
        return {"ms": round((loop.time() - began) * 1000, 1), **_figures(brought)}

    async def open(self) -> None:
        """Notes by both hosts' clocks when the sides changed: the way back needs it."""
        known = self.context.journal.last("observation", "cut-time")
        if known is None or known["token"] != self.context.token:
            target_at = await self.sync.clock(self.context.target)
            moment = {"source_at": self._cut_at, "target_at": target_at, "token": self.context.token, "back": self.context.back}
            self.context.journal.observe("cut-time", **moment)

    async def lift(self) -> None:
        self.sync.leave()

    # ----------------------------------------------------------------- after

    async def observe(self) -> dict[str, Any]:
        changed = await self.sync.changed(self.context.source, self._cut_at or 0)
        names = [tree.printable(entry.path) for entry in changed]
        jobs = self._jobs_that_write_there()
        if names and jobs:
            evidence = f"{len(names)} files on {self.context.source.name} were changed by {', '.join(jobs)}, which has not moved and takes them along"
            return {"healthy": True, "evidence": evidence, "writes": 0}
        evidence = f"{len(names)} files changed on {self.context.source.name} since the cutover"
        if names:
            evidence += f", the first is {names[0]}"
        return {"healthy": True, "evidence": evidence, "writes": len(names)}

    async def finish(self) -> None:
        self.sync.leave()
        await self._courier.close()

    # ----------------------------------------------------------------- parts

    def _jobs_that_write_there(self) -> list[str]:
        """Cron tables that still run on the source and use these paths. Requests are not among them: http counts those."""
        context = self.context
        states = move_states(context.estate_dir)
        return [
            str(move["service"])
            for move in context.plan["moves"]
            if move["kind"] == "cron"
            and move["from"] == context.source.name
            and State(states.get(str(move["id"]), State.PLANNED)) not in NEW_SIDE_SERVES
            and any(_overlap(str(path), own) for path in move["parameters"].get("paths", []) for own in self.paths)
        ]

    async def _short_passes(self) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        total, number = 0, 0
        for number in range(1, PASSES + 1):
            await self.sync.ready()
            began = loop.time()
            brought = await self.sync.short(within=24 * 3600, prove=False)
            total += brought.brought
            self.context.say(f"pass {number}: {brought.brought} names in {loop.time() - began:.1f} s")
            if loop.time() - began < ENOUGH_S:
                break
        return {"passes": number, "brought": total}

    async def _shell(self, host: Any) -> Shell:
        if host.name not in self._shells:
            self._shells[host.name] = await host.shell()
        return self._shells[host.name]


def _overlap(one: str, other: str) -> bool:
    return f"{one.rstrip('/')}/".startswith(f"{other.rstrip('/')}/") or f"{other.rstrip('/')}/".startswith(f"{one.rstrip('/')}/")


def _figures(brought: Brought) -> dict[str, Any]:
    return {"brought": brought.brought, "removed": brought.removed, "hashed": brought.hashed, "equal": brought.totals.text}
