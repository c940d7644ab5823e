# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps trees on one host like those on another: whole passes while the source serves, then short ones that know what has changed.

A short pass walks the source's trees once (one `find`), compares the directories that changed name by name, and lets an rsync that waits
on both sides bring what differs. So the critical section costs a walk over the inodes, not a comparison of two trees.

On the way back to a legacy host there are only short passes, from the moment of the cutover on: what the guest has not changed since is
not touched there. A job that has not moved may have written there meanwhile (cron moves later, and goes back earlier): such files stay.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..._domain.errors import LotseError
from ..hosts import Host, RemoteError, Shell
from . import tree
from .courier import Courier, Pass, Waiting
from .tree import Entry, Scan, Totals

HASHED_MIB = 128
"""Files of a short pass are compared by hash up to so much. rsync itself compares what it sent in any case."""
CLOCK_S = 0.5
CLOCK_TICK_S = 0.02  # of the coarse clock that stamps files
NEVER = 2**33  # nothing has changed after the year 2242


@dataclass(frozen=True)
class Rule:
    """A file in which addresses differ between the legacy host and the guest. ``replace`` goes from the legacy's to the guest's."""

    file: str
    replace: Mapping[str, str]


@dataclass(frozen=True)
class Brought:
    """What a short pass did: the source's clock when it began, names brought and removed, the source's totals, files compared by hash."""

    at: float
    brought: int
    removed: int
    totals: Totals
    hashed: int


@dataclass(frozen=True)
class _Names:
    """What a short pass has to do: names to bring and to remove; directories that changed, and those that are new to the target."""

    bring: list[str]
    gone: list[str]
    directories: list[str]
    new: list[str]


class TreeSync:
    """Trees with the same paths on both hosts. ``delete``: what the source has removed goes; ``newer_only``: newer files on the target stay."""

    def __init__(
        self,
        source: Host,
        target: Host,
        courier: Courier,
        paths: Sequence[str],
        rules: Sequence[Rule],
        *,
        back: bool,
        delete: bool = True,
        newer_only: bool = False,
    ) -> None:
        self.source, self.target, self.back = source, target, back
        self.paths, self.rules = list(paths), list(rules)
        self.delete, self.newer_only = delete, newer_only
        self._courier = courier
        self._extra = Totals(0, 0, 0, 0, 0)
        self._proven_at: float | None = None  # the target's clock when both sides were last seen equal
        self._fenced_at: float | None = None
        self._brought: set[str] = set()
        self._mark: tuple[float, float] | None = None  # the source's clock and ours, when the first whole pass, or the last short one, began
        self._margin = tree.MARGIN_S
        self._shells: dict[str, Shell] = {}
        self._waiting: Waiting | None = None

    # ------------------------------------------------------------ whole passes

    async def whole(self) -> Pass:
        """One pass over everything, while the source may be written to."""
        mark = await self._now()
        leave_out = [tree.rule(path) for path in self._rewritten]
        done = await self._courier.carry(self.paths, back=self.back, leave_out=leave_out, delete=self.delete)
        await self._rewrite()
        # Not from this pass, but from the first one: it compared size and time only, and a file may have changed without either.
        self._mark = self._mark or mark
        return done

    async def since(self, source_at: float, target_at: float) -> None:
        """Instead of a whole pass: the trees were equal when the clocks of both hosts showed this."""
        at, here = await self._now()
        self._mark = (source_at, here - (at - source_at))
        self._margin = CLOCK_TICK_S  # what the cutover itself brought a moment before shall not go back over newer files
        self._fenced_at = target_at

    # -------------------------------------------------------------- short pass

    async def ready(self) -> None:
        """Starts the rsync that the next short pass feeds."""
        self.leave()
        self._waiting = await self._courier.wait(back=self.back, newer_only=self.newer_only)

    def leave(self) -> None:
        if self._waiting is not None:
            self._waiting.leave()
            self._waiting = None

    async def short(self, *, within: float, prove: bool) -> Brought:
        """Brings what has changed since the last pass. ``prove``: both sides must then be equal, or RemoteError is raised.

        The first proof counts everything on both sides. Later ones know that nothing but what has changed since, on either side, can
        differ (both are walked over at the same time), and compare that name by name.
        """
        if self._mark is None or self._waiting is None:
            raise RuntimeError("a short pass needs a whole one, and ready()")
        waiting, self._waiting = self._waiting, None
        proven_at, self._proven_at = self._proven_at, None
        try:
            before = asyncio.get_running_loop().time()
            look, there = await asyncio.gather(
                self._look(self.source, self._mark[0] - self._margin, within), self._look_there(proven_at if prove else None, within)
            )
            self._same_clock(look.at, before)
            names = await self._compare(look, there, within)
            if names.gone:
                await self._run(self.target, tree.remove(names.gone), within=within)
            await waiting.bring(names.bring, within=within)
            if any(entry.path in self._rewritten for entry in (*look.changed, *there.changed)):
                await self._rewrite()
        except BaseException:
            waiting.leave()
            raise
        hashed = 0
        if prove:
            proof = self._same_totals(look, within) if proven_at is None else self._same_names(names, there.at, within)
            hashed, self._proven_at = await asyncio.gather(self._same_hashes(look, within), proof)
        self._mark, self._margin = (look.at, before), tree.MARGIN_S
        self._brought.update(names.bring)
        return Brought(look.at, len(names.bring), len(names.gone), look.totals, hashed)

    async def measure_extra(self) -> Totals:
        """What the target has beyond the source: what jobs there wrote. From now on the proof allows for exactly that."""
        here, there = await asyncio.gather(self._totals(self.source, 600), self._totals(self.target, 600))
        self._extra, self._proven_at = there - here, None
        return self._extra

    async def changed(self, host: Host, since: float, *, within: float = 60) -> list[Entry]:
        """What has changed on a host after a moment of its clock, without directories."""
        return [entry for entry in (await self._look(host, since, within)).changed if entry.kind != "d"]

    async def clock(self, host: Host) -> float:
        return float(await self._run(host, tree.clock()))

    # ------------------------------------------------------------------ parts

    @property
    def _rewritten(self) -> list[str]:
        return [rule.file for rule in self.rules]

    async def _look_there(self, since: float | None, within: float) -> Scan:
        """What something else has changed on the target since the proof. Going back, jobs on the legacy host do so rightly."""
        if since is None or self.back:
            return Scan(since or 0, (), Totals(0, 0, 0, 0, 0))
        return await self._look(self.target, since - CLOCK_TICK_S, within)

    async def _compare(self, look: Scan, there: Scan, within: float) -> _Names:
        """Names to bring and names to remove. A directory changes when a name in it comes or goes: those are compared name by name."""
        changed = {entry.path: entry for entry in (*there.changed, *look.changed)}
        directories = [path for path, entry in changed.items() if entry.kind == "d"]
        bring = set(changed)
        gone: list[Entry] = []
        new: list[str] = []
        if directories:
            source, target = await self._children(directories, [], within)
            missing, gone = tree.differences(source, target)
            # A directory that was moved here brings names whose inodes did not change.
            new = [entry.path for entry in source if entry.kind == "d" and entry.path in set(missing)]
            old = [entry.path for entry in gone if entry.kind == "d"]
            if new:
                bring.update(entry.path for entry in tree.read_entries(await self._run(self.source, tree.below(new), within=within)))
            if old:
                gone += tree.read_entries(await self._run(self.target, tree.below(old), within=within))
            bring.update(missing)
        names = {entry.path for entry in gone if self._may_go(entry)} if self.delete else set()
        return _Names(sorted(bring - set(self._rewritten)), sorted(names - set(self._rewritten)), directories, new)

    async def _children(self, directories: Sequence[str], whole: Sequence[str], within: float) -> tuple[list[Entry], list[Entry]]:
        """What both sides have directly in these directories, and anywhere in the ``whole`` ones; without the files of the rules."""
        script = "\n".join([tree.children(directories), *([tree.below(whole)] if whole else [])])
        ours, theirs = await asyncio.gather(self._run(self.source, script, within=within), self._run(self.target, script, within=within))
        left_out = set(self._rewritten)
        source, target = ([entry for entry in tree.read_entries(text) if entry.path not in left_out] for text in (ours, theirs))
        return source, target

    def _may_go(self, entry: Entry) -> bool:
        """Going back, a name that appeared on the legacy host after the cutover is not ours to remove, unless we brought it."""
        return self._fenced_at is None or entry.changed <= self._fenced_at or entry.path in self._brought

    async def _same_hashes(self, look: Scan, within: float) -> int:
        """The files that changed have the same SHA-256 on both sides. Gives how many were hashed."""
        changed = [entry for entry in look.changed if entry.kind == "f" and entry.path not in self._rewritten]
        files = [entry.path for entry in changed] if sum(entry.size for entry in changed) <= HASHED_MIB << 20 else []
        if not files:
            return 0
        script = tree.hashes(files)
        ours, theirs = await asyncio.gather(self._beside(self.source, script, within), self._beside(self.target, script, within))
        if ours != theirs:
            pairs = zip(ours.splitlines(), theirs.splitlines(), strict=False)
            first = next((mine for mine, other in pairs if mine != other), "?")
            raise RemoteError(f"a file differs after the last pass: {tree.printable(first)}", self.target.name, "run it again")
        return len(files)

    async def _same_names(self, names: _Names, at: float, within: float) -> float:
        """The directories that changed have the same names, kinds and sizes on both sides. Gives ``at``: what we brought changed later."""
        if not names.directories:
            return at
        source, target = await self._children(names.directories, names.new, within)
        missing, surplus = tree.differences(source, target)
        wrong = [*missing, *(entry.path for entry in surplus if self._may_go(entry) and self.delete)]
        if wrong:
            what = f"the trees differ after the last pass: {len(wrong)} names, the first is {tree.printable(wrong[0])}"
            raise RemoteError(what, self.target.name, "see whether something else writes there, then run it again")
        return at

    async def _same_totals(self, look: Scan, within: float) -> float:
        """Both sides have as many directories, files, links and bytes (going back: but for what is there more). Gives the target's clock."""
        there = await self._look(self.target, NEVER, within)
        if there.totals - look.totals != self._extra:
            what = f"the trees differ after the last pass: {look.totals.text} on {self.source.name}, {there.totals.text} here"
            raise RemoteError(what, self.target.name, "see whether something else writes there, then run it again")
        return there.at

    async def _look(self, host: Host, since: float, within: float) -> Scan:
        return tree.read_scan(await self._run(host, tree.scan(self.paths, since, leave_out=self._rewritten), within=within))

    async def _totals(self, host: Host, within: float) -> Totals:
        return (await self._look(host, NEVER, within)).totals

    async def _rewrite(self) -> None:
        """Brings each file of the rules with its addresses replaced; owner, mode and times are kept."""
        for rule in self.rules:
            there, here = await asyncio.gather(self._read(self.source, rule.file), self._read(self.target, rule.file))
            if there is None:
                if here is not None and self.delete and not self.back:
                    await self._run(self.target, tree.remove([rule.file]))
                continue
            if self.back and here is not None and tree.rewrite(here, rule.replace) == there:
                continue  # the guest has what it was given: the legacy host keeps its own
            replace = tree.inverse(rule.replace, rule.file) if self.back else rule.replace
            await self._write(rule.file, tree.rewrite(there, replace), here)

    async def _read(self, host: Host, path: str) -> bytes | None:
        """The bytes of a file, None when there is none."""
        quoted = shlex.quote(path)
        done = await host.connection.run(f"if [ -e {quoted} ]; then cat {quoted}; else exit 66; fi", encoding=None, check=False)
        if done.exit_status == 66:
            return None
        if done.exit_status != 0:
            raise RemoteError(f"cannot be read ({done.exit_status})", f"{host.name}: {path}")
        return bytes(done.stdout or b"")

    async def _write(self, path: str, text: bytes, before: bytes | None) -> None:
        quoted = shlex.quote(path)
        facts = (await self._run(self.source, f"stat -c '%u:%g %a %Y' {quoted}")).split()
        same = (await self._run(self.target, f"stat -c '%u:%g %a %Y' {quoted} 2>/dev/null || :")).split()
        if text == before and facts == same:
            return
        owner, mode, changed = facts
        new = shlex.quote(f"{path}.lotse-new")
        script = f"umask 077; cat > {new} && chown {owner} {new} && chmod {mode} {new} && touch -d @{changed} {new} && mv {new} {quoted}"
        await self.target.run(script, data=text)

    async def _run(self, host: Host, script: str, *, within: float = 60) -> str:
        return (await (await self._shell(host, "first")).run(script, within=within)).out

    async def _beside(self, host: Host, script: str, within: float) -> str:
        """While another command runs on the same host."""
        return (await (await self._shell(host, "second")).run(script, within=within)).out

    async def _shell(self, host: Host, name: str) -> Shell:
        key = f"{host.name}/{name}"
        if key not in self._shells:
            self._shells[key] = await host.shell(errors="surrogateescape")
        return self._shells[key]

    async def _now(self) -> tuple[float, float]:
        here = asyncio.get_running_loop().time()
        return await self.clock(self.source), here

    def _same_clock(self, at: float, before: float) -> None:
        """What has changed is found by the source's clock, so nobody may have set that one meanwhile."""
        if self._mark is None:
            return
        passed, least = at - self._mark[0], before - self._mark[1]
        most = asyncio.get_running_loop().time() - self._mark[1]
        if not least - CLOCK_S <= passed <= most + CLOCK_S:
            what = f"its clock was set since the last pass: it went {passed:.1f} s where {least:.1f} s passed"
            raise LotseError(what, self.source.name, "run it again; nothing was changed")
