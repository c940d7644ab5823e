# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the generations of a golden template on one node: builds the newest one as a fleet of one guest, then names and removes older ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .diff import Do, State, Step
from .errors import ApiError, BaseInUseError, LockTimeoutError, PveError, RefusedError, TaskBusyError
from .fleet import Fleet, FleetError, GuestPlan, GuestResult
from .gateway import Gateway
from .guest import DesiredGuest, ObservedGuest, desired_guests
from .observe import Cluster, Row, cluster, observe, observe_all
from .templates import (
    TEMPLATE_TAG,
    Generation,
    Recipe,
    Removal,
    Rotation,
    base_volumes,
    based_on,
    destroy_step,
    download_step,
    generation_of,
    linked_volumes,
    name_step,
    removals,
    rotation,
)
from .values import release_of, words

IMPORTS_SINCE = (8, 4)
BUSY = "it is busy, probably as the source of a clone"


@dataclass(frozen=True)
class TemplatePlan:
    """``build``: the newest generation's steps, as a fleet of one; ``removed``: which of the others go, and why the rest stays."""

    recipe: Recipe
    turn: Rotation
    found: tuple[Generation, ...]
    build: GuestPlan | None
    removed: tuple[Removal, ...]
    steps: tuple[Step, ...]

    @property
    def others(self) -> list[Generation]:
        """The generations on the node that are not the newest one."""
        return [one for one in self.found if one is not self.turn.newest and one.guest.node == self.recipe.node]

    @property
    def kept(self) -> dict[int, str]:
        return {removal.generation.vmid: removal.kept for removal in self.removed if removal.kept}

    def foreseen(self) -> TemplateResult:
        """What a run would say if everything goes as planned."""
        result = TemplateResult(self._vmid, list(self.steps), kept=self.kept, names={one.vmid: name for one, name in self.turn.names})
        result.gone = {removal.generation.vmid for removal in self.removed if removal.kept is None}
        return result

    @property
    def _vmid(self) -> int | None:
        if self.build is not None:
            return self.build.vmid
        return self.turn.newest.vmid if self.turn.newest else None


@dataclass
class TemplateResult:
    """What was done. ``vmid``: that of the newest generation; by VMID, ``kept``: why one stayed that was to go, ``names``: new ones, ``gone``."""

    vmid: int | None = None
    steps: list[Step] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    kept: dict[int, str] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)


class TemplateError(PveError):
    """Something failed; ``result`` says how far it came."""

    def __init__(self, message: str, result: TemplateResult) -> None:
        super().__init__(message)
        self.result = result


class Keeper:
    """One template on one node. Times and limits are those of the fleet's settings."""

    def __init__(
        self, fleet: Fleet, recipe: Recipe, keep: int, sleep: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.fleet = fleet
        self.gateway: Gateway = fleet.gateway
        self.recipe = recipe
        self.keep = keep
        self._sleep = sleep
        self._clock = clock

    # ------------------------------------------------------------------- plan

    def plan(self) -> TemplatePlan:
        """Reads only. One call for the cluster and one for each generation when nothing is to be done."""
        problems = self.recipe.problems() + (["keep is the number of generations that stay, at least 1"] if self.keep < 1 else [])
        if problems:
            raise RefusedError(problems)
        seen = cluster(self.gateway)
        found = self._generations(seen)
        self._no_strangers(seen, found)
        turn = rotation(self.recipe, found, self.keep)
        build = None if turn.complete else self._build_plan(turn)
        removed = removals(turn.extra, self._held(turn.extra, seen), self.fleet.settings.max_destroys)
        return TemplatePlan(self.recipe, turn, tuple(found), build, tuple(removed), tuple(self._steps(turn, build, removed)))

    def plan_absent(self) -> TemplatePlan:
        """All generations on the node go, or nothing is done. Raises RefusedError when one of them must stay."""
        seen = cluster(self.gateway)
        found = [one for one in self._generations(seen) if one.guest.node == self.recipe.node]
        removed = removals(found, self._held(found, seen), len(found))
        problems = [f"{one.generation.where} cannot go: {one.kept}" for one in removed if one.kept]
        limit = self.fleet.settings.max_destroys
        if len(found) > limit:
            names = ", ".join(one.guest.name for one in found)
            problems.append(f"{len(found)} generations would be destroyed ({names}) and max_destroys is {limit}: raise it to confirm")
        if problems:
            raise RefusedError(problems)
        turn = Rotation(0, None, (), tuple(found))
        return TemplatePlan(self.recipe, turn, tuple(found), None, tuple(removed), tuple(destroy_step(one) for one in found))

    def _generations(self, seen: Cluster) -> list[Generation]:
        """On all nodes, by their marks. Looked at is what is called so, what carries our tag, and what is just being made."""
        name = self.recipe.name
        rows = [row for row in seen.machines() if _may_be_one(row, name)]
        found = map(generation_of, observe_all(self.gateway, rows, self.fleet.settings.workers))
        return sorted((one for one in found if one is not None and one.template == name), key=lambda one: one.vmid)

    def _no_strangers(self, seen: Cluster, found: Sequence[Generation]) -> None:
        """A template of this name that is not ours would be cloned instead of ours."""
        ours = {one.vmid for one in found}
        problems = [
            f"template {self.recipe.name}: VM {row['vmid']} on {row['node']} has this name and was not made here: rename it or remove it"
            for row in seen.machines()
            if int(row.get("template") or 0) and row.get("name") == self.recipe.name and int(row["vmid"]) not in ours
        ]
        if problems:
            raise RefusedError(problems)

    def _build_plan(self, turn: Rotation) -> GuestPlan:
        (desired,) = desired_guests([self.recipe.row(turn.ordinal)])
        (plan,) = self.fleet.plan([replace(desired, cloud_init=True)])
        if any(step.do is Do.CREATE for step in plan.steps):
            self._prove_source()
        return plan

    def _prove_source(self) -> None:
        """That the image can be had. Raises RefusedError, saying what to do about it."""
        recipe, image = self.recipe, self.recipe.image
        if image.volume:
            storage, _, volume = image.volume.partition(":")
            if volume.startswith("import/"):
                try:
                    self.gateway.get(f"nodes/{recipe.node}/storage/{storage}/content/{image.volume}")
                except ApiError as failure:
                    raise RefusedError([f"image {image.volume} cannot be read on node {recipe.node}: {failure}"]) from None
            return
        version = str(self.gateway.get("version").get("version", ""))
        if release_of(version) < IMPORTS_SINCE:
            why = (
                f"Proxmox VE {version} cannot import an image that it downloaded (8.4 can): as root on {recipe.node}, put the file into the directory"
            )
            why += " images/9999 of a storage with content images, and give it as image.volume, such as local:9999/debian-13.qcow2 (the token needs"
            raise RefusedError([f"{why} VM.Clone on /vms/9999)"])
        status = self.gateway.get(f"nodes/{recipe.node}/storage/{recipe.import_storage}/status")
        if "import" not in words(status.get("content", "")):
            why = f"storage {recipe.import_storage} on node {recipe.node} does not hold images for import (it holds {status.get('content')}): add the"
            raise RefusedError([f"{why} content type Import to a storage of directories (Datacenter, Storage) and name it in import_storage"])

    def _steps(self, turn: Rotation, build: GuestPlan | None, removed: Sequence[Removal]) -> list[Step]:
        steps: list[Step] = []
        if build is not None:
            if self.recipe.image.url and any(step.do is Do.CREATE for step in build.steps):
                steps.append(download_step(self.recipe))
            steps += build.steps
            steps.append(name_step(turn.ordinal, self.recipe.name_of(turn.ordinal), self.recipe.name))
        steps += [name_step(one.ordinal, one.guest.name, name) for one, name in turn.names]
        return steps + [destroy_step(one.generation) for one in removed if one.kept is None]

    # ----------------------------------------------------------- linked clones

    def _held(self, extra: Sequence[Generation], seen: Cluster) -> Mapping[int, str]:
        """Why a generation must stay, by VMID. What cannot be found out holds it too."""
        held: dict[int, str] = {}
        for one in extra:
            try:
                clones = self._clones(one, seen)
            except PveError as failure:
                held[one.vmid] = f"it is not known whether it has linked clones: {failure}"
            else:
                if clones:
                    held[one.vmid] = f"it has linked clones: VM {', '.join(map(str, clones))}"
        return held

    def _clones(self, one: Generation, seen: Cluster) -> list[int]:
        """Owners of linked clones: of volumes on its storages; only if none is there, by the configuration of every guest that may be seen."""
        bases = base_volumes(one.guest)
        if not bases:
            return []
        owners: set[int] = set()
        for storage in sorted({base.partition(":")[0] for base in bases}):
            rows: list[Row] = self.gateway.get(f"nodes/{one.guest.node}/storage/{storage}/content", {"content": "images"})
            owners |= {int(row.get("vmid") or 0) for row in rows if based_on(str(row["volid"]), bases)}
        if not owners:
            others = [row for row in seen.machines() if int(row["vmid"]) != one.vmid]
            guests = observe_all(self.gateway, others, self.fleet.settings.workers)
            owners = {guest.vmid for guest in guests if linked_volumes(guest, bases)}
        return sorted(owners)

    # ------------------------------------------------------------------ apply

    def apply(self, plan: TemplatePlan) -> TemplateResult:
        """Carries the plan out. Raises TemplateError, which says how far it came."""
        result = TemplateResult(plan.turn.newest.vmid if plan.turn.newest else None, kept=plan.kept)
        try:
            if plan.build is not None:
                self._make(plan, plan.build, result)
            for one, name in plan.turn.names:
                self._call(one.guest, one.ordinal, name, result)
            for removal in plan.removed:
                if removal.kept is None:
                    self._destroy(removal.generation, result)
        except PveError as failure:
            raise TemplateError(str(failure), result) from failure
        return result

    def _make(self, plan: TemplatePlan, build: GuestPlan, result: TemplateResult) -> None:
        for step in plan.steps:
            if step.do is Do.DOWNLOAD:
                self._download(step, build.desired, result)
        made = self._run(build, result)
        result.vmid = made.vmid
        guest = observe(self.gateway, {"vmid": made.vmid, "node": made.node, "status": "stopped", "pool": plan.recipe.pool})
        self._call(guest, plan.turn.ordinal, self.recipe.name, result)

    def _download(self, step: Step, desired: DesiredGuest, result: TemplateResult) -> None:
        given: dict[str, Any] = {key: value for key, value in step.values.items() if key not in ("node", "storage")}
        path = f"nodes/{step.values['node']}/storage/{step.values['storage']}/download-url"
        self.fleet.hand(desired, result.tasks).task(lambda: self.gateway.post(path, given, repeatable=True))
        result.steps.append(step)

    def _call(self, guest: ObservedGuest, ordinal: int, name: str, result: TemplateResult) -> None:
        """A template that is just being cloned cannot be renamed until that is over."""
        plan = GuestPlan(_as_it_is(guest, name), guest, None, guest.vmid, (name_step(ordinal, guest.name, name),))
        deadline = self._clock() + self.fleet.settings.task_timeout
        while True:
            try:
                self._run(plan, result)
                break
            except LockTimeoutError:
                if self._clock() > deadline:
                    raise
                self._sleep(1)
        result.names[guest.vmid] = name

    def _destroy(self, one: Generation, result: TemplateResult) -> None:
        """The API's own refusal because of linked clones that nobody told us about is no failure."""
        desired = replace(_as_it_is(one.guest, result.names.get(one.vmid, one.guest.name)), state=State.ABSENT)
        try:
            self._run(GuestPlan(desired, one.guest, None, one.vmid, (destroy_step(one),)), result)
        except BaseInUseError as refusal:
            result.kept[one.vmid] = f"the cluster says: {refusal.why}"
        except TaskBusyError:
            result.kept[one.vmid] = BUSY
        else:
            result.gone.add(one.vmid)

    def _run(self, plan: GuestPlan, result: TemplateResult) -> GuestResult:
        """A fleet of one. Raises what went wrong with it."""
        try:
            (done,) = self.fleet.apply([plan])
        except FleetError as failed:
            (done,) = failed.results
        result.steps += done.steps
        result.tasks += done.tasks
        if done.failure is not None:
            raise done.failure
        return done


def _may_be_one(row: Row, name: str) -> bool:
    called = str(row.get("name") or "")
    return called == name or called.startswith(f"{name}-g") or TEMPLATE_TAG in words(row.get("tags") or "") or row.get("status") == "unknown"


def _as_it_is(guest: ObservedGuest, name: str) -> DesiredGuest:
    """The generation with everything that it has, and this name."""
    return DesiredGuest(name=name, uuid=str(guest.mark), node=guest.node, tags=words(guest.config.get("tags") or ""), state=State.TEMPLATE)
