# SPDX-License-Identifier: GPL-3.0-or-later
"""The placement's question by numbers: who could go where, what each node holds, which deaths must be survived. Pure look-ups, no search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ..._domain.errors import LotseError
from .words import Bin, Item, Reservation, Rules

Where = Sequence[int]  # the node of each guest
Stay = Mapping[int, int]  # guests of which it is settled that they stay, with their node


class Problem:
    """Guests and nodes are numbers here, in the order given. ``room[b]`` and needs list memory, cores, then each storage that is local."""

    def __init__(self, items: Sequence[Item], bins: Sequence[Bin], rules: Rules, reservations: Sequence[Reservation] = ()) -> None:
        _refuse_nonsense(items, bins, rules)
        self.gave_up = False  # whether a search ended before it was certain
        self.items, self.bins, self.rules, self.reservations = items, bins, rules, reservations
        self.number = {node.name: b for b, node in enumerate(bins)}
        shared = {name for node in bins for name in node.shared}
        self.local = sorted({name for node in bins for name in node.storages} - shared)
        self.full = [(item.memory, item.cores, *(item.disks.get(name, 0) for name in self.local)) for item in items]
        self.light = [(item.memory, item.cores, *(0 for _ in self.local)) for item in items]
        self.used = [sum(row.memory for row in reservations if row.bin == node.name) for node in bins]
        taken = [sum(row.cores for row in reservations if row.bin == node.name) for node in bins]
        self.room = [
            [max(0, has) for has in (node.memory - self.used[b], node.cores - taken[b], *(node.storages.get(name, 0) for name in self.local))]
            for b, node in enumerate(bins)
        ]
        self.scale = max([1, *(node.memory for node in bins)])
        self.current = [self.number.get(item.current) if item.current is not None else None for item in items]
        self.pinned: dict[int, int] = {i: at for i, at in enumerate(self.current) if items[i].pinned and at is not None}
        self.could = [[b for b, node in enumerate(bins) if not _missing(item, node)] for item in items]
        self.can = [[self.pinned[i]] if i in self.pinned else [b for b in self.could[i] if not self.lack(i, b)] for i in range(len(items))]
        self.tags = [sorted(item.tags & set(rules.anti_affinity)) for item in items]
        self.members = {tag: [i for i, tags in enumerate(self.tags) if tag in tags] for tag in sorted(set(rules.anti_affinity))}
        domains = [("domain", node.domain) if node.domain is not None else ("node", node.name) for node in bins]
        self.domain = [sorted(set(domains)).index(name) for name in domains]
        self.domain_names = [name for _, name in sorted(set(domains))]
        self.tag_cap, self.domain_cap = self._caps()
        self.broken = self._make_way_for_pinned()

    def under(self, rules: Rules) -> Problem:
        """The same guests and nodes with other promises."""
        return Problem(self.items, self.bins, rules, self.reservations)

    @property
    def failures(self) -> dict[str, frozenset[int]]:
        """What may die, by name: each domain or each node."""
        if self.rules.spare_domains:
            return {name: frozenset(b for b, d in enumerate(self.domain) if d == number) for number, name in enumerate(self.domain_names)}
        return {node.name: frozenset({b}) for b, node in enumerate(self.bins)} if self.rules.spare_nodes else {}

    def need(self, i: int, b: int) -> tuple[int, ...]:
        """What guest ``i`` takes of node ``b``: no disk where it has it already."""
        return self.light[i] if self.items[i].exists and self.current[i] == b else self.full[i]

    def lack(self, i: int, b: int) -> str:
        """Why node ``b`` cannot take guest ``i``, were it alone; empty when it can."""
        item, node = self.items[i], self.bins[b]
        if reason := _missing(item, node) or item.barred.get(node.name, ""):
            return reason
        for what, has, needs in zip(("MiB of memory", "cores", *(f"GiB on {s}" for s in self.local)), self.room[b], self.need(i, b), strict=True):
            if needs > has:
                return f"{has} {what} left, {needs} needed"
        return ""

    def level(self, b: int, memory: int) -> int:
        """How full node ``b`` is with so much memory, in parts of the largest node's MiB."""
        return -(-memory * self.scale // max(1, self.bins[b].memory))

    def base(self, stay: Stay) -> list[int]:
        """The memory of each node that is settled."""
        held = list(self.used)
        for i, b in stay.items():
            held[b] += self.items[i].memory
        return held

    def level_of(self, where: Where, stay: Stay) -> int:
        """The fullest node of those that take a guest that is not settled; of all nodes when everybody is."""
        held = self.base(dict(enumerate(where)))
        takes = {b for i, b in enumerate(where) if i not in stay} or set(range(len(self.bins)))
        return max((self.level(b, held[b]) for b in takes), default=0)

    def level_bound(self, stay: Stay) -> int:
        """What the level cannot be below: guests poured like water over what is settled, and the largest single one.

        With a spare, the largest guest must find room on a second node; the best one for that is kept so empty.
        """
        base = self.base(stay)
        free = [i for i in range(len(self.items)) if i not in stay]
        single = max((min((self.level(b, base[b] + self.items[i].memory) for b in self.can[i]), default=0) for i in free), default=0)
        water = sum(self.items[i].memory for i in free)
        whole = [node.memory for node in self.bins]
        if not self.failures or not free:
            return self._poured(base, whole, water, single)
        largest = max(range(len(self.items)), key=lambda i: self.items[i].memory)
        holes = [(b, whole[b] - self.items[largest].memory) for b in self.could[largest]]
        return min((self._poured(base, [*whole[:b], rest, *whole[b + 1 :]], water, single) for b, rest in holes if base[b] <= rest), default=single)

    def _poured(self, base: Sequence[int], most: Sequence[int], water: int, low: int) -> int:
        """The least level at which so much water fits on top of ``base``, and below ``most``."""
        high = max(low, self.scale)
        while low < high:
            middle = (low + high) // 2
            taken = sum(max(0, min(middle * node.memory // self.scale, most[b]) - base[b]) for b, node in enumerate(self.bins))
            low, high = (low, middle) if taken >= water else (middle + 1, high)
        return low

    @property
    def hopeless(self) -> bool:
        """Whether all guests together are too much for all nodes together, or for those that a death leaves."""
        for dead in self.failures.values() or [frozenset[int]()]:
            alive = [b for b in range(len(self.bins)) if b not in dead]
            for d in (0, 1):
                if sum(full[d] for full in self.full) > sum(self.room[b][d] for b in alive):
                    return True
        return False

    def _caps(self) -> tuple[list[dict[str, int]], list[dict[str, int]]]:
        """Guests of each tag that a node may hold (one), and a domain: as few as the number of guests and of nodes allows."""
        nodes: list[dict[str, int]] = [dict.fromkeys(self.members, 1) for _ in self.bins]
        domains: list[dict[str, int]] = [{} for _ in self.domain_names]
        for tag, members in self.members.items():
            able = {b for i in members for b in self.can[i]}
            seats = len({b for i, b in self.pinned.items() if i in members}) + sum(i not in self.pinned for i in members)
            if seats > len(able):
                names = ", ".join(self.items[i].name for i in members)
                what = f"the tag {tag} keeps {len(members)} guests apart ({names}), and only {len(able)} nodes can take them"
                raise LotseError(what, ", ".join(self.bins[b].name for b in sorted(able)), f"add a node, or take {tag} out of anti_affinity")
            size = Counter(self.domain[b] for b in able)
            cap = next((n for n in range(1, len(members) + 1) if sum(min(n, count) for count in size.values()) >= seats), 1)
            for domain in domains:
                domain[tag] = cap
        return nodes, domains

    def _make_way_for_pinned(self) -> tuple[str, ...]:
        """Pinned guests may be too many for a rule. Then the rule ends there: nothing is added, and it is said."""
        broken = []
        for b, node in enumerate(self.bins):
            here = [i for i, at in self.pinned.items() if at == b]
            for d, what in enumerate(("MiB of memory", "cores", *(f"GiB on {name}" for name in self.local))):
                load = sum(self.need(i, b)[d] for i in here)
                if load > self.room[b][d] and load:
                    broken.append(f"{node.name} has {self.room[b][d]} {what} for guests, and those that stay there need {load}")
                self.room[b][d] = max(self.room[b][d], load)
        nodes = (self.tag_cap, list(range(len(self.bins))), [node.name for node in self.bins])
        for caps, of, names in (nodes, (self.domain_cap, self.domain, self.domain_names)):
            for tag, members in self.members.items():
                stay = [i for i in members if i in self.pinned]
                for place, count in sorted(Counter(of[self.pinned[i]] for i in stay).items()):
                    if count > caps[place][tag]:
                        those = ", ".join(self.items[i].name for i in stay if of[self.pinned[i]] == place)
                        broken.append(f"{those} are all on {names[place]}, and the tag {tag} keeps them apart")
                        caps[place][tag] = count
        return tuple(dict.fromkeys(broken))  # a node without a domain is one of its own


def _missing(item: Item, node: Bin) -> str:
    """What a node does not have at all."""
    if strange := sorted(set(item.disks) - set(node.storages)):
        return f"no storage {', '.join(strange)} for disks"
    if strange := sorted(item.bridges - node.bridges):
        return f"no bridge {', '.join(strange)}"
    return "" if item.allowed is None or node.name in item.allowed else f"{item.name} may only run on {', '.join(sorted(item.allowed))}"


def _refuse_nonsense(items: Sequence[Item], bins: Sequence[Bin], rules: Rules) -> None:
    for what, names in (("guest", [item.name for item in items]), ("node", [node.name for node in bins])):
        if twice := sorted(name for name, count in Counter(names).items() if count > 1):
            raise LotseError(f"two {what}s are called {twice[0]}", "", "names are unique")
    for name, value in (("spare_nodes", rules.spare_nodes), ("spare_domains", rules.spare_domains)):
        if value not in (0, 1):
            raise LotseError(f"{name} is {value}, and what can be proven is 0 or 1", "", "choose one of them")
    if not bins:
        raise LotseError("there is no node to place guests on", "", "look at the cluster first")
