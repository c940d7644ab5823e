# SPDX-License-Identifier: GPL-3.0-or-later
"""When a wave may run: in staffed hours, never in frozen periods, daylight saving respected. No clock: the day is given.

``plan_calendar: {zone, staffed: [{days: [tue], from: "09:00", to: "16:00"}, {dates: [2026-12-05], …}], frozen: [{from, to, reason}],
first, canary_observe_days, wave_gap_days, observe_minutes}``
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .._domain.errors import LotseError

WHERE = "plan_calendar"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FIELDS = ("zone", "staffed", "frozen", "first", "canary_observe_days", "wave_gap_days", "observe_minutes")
FAR = 731  # days after which no window is looked for any more
STEP = timedelta(minutes=15)
BY_HAND_S = 3600  # of a move that people make


@dataclass(frozen=True)
class Hours:
    """Hours in which people watch, on days of the week or on dates. ``end`` at or before ``start`` is the next day's."""

    days: frozenset[int]
    dates: frozenset[date]
    start: time
    end: time

    def told(self) -> str:
        """Such as: tue, wed 09:00 to 16:00."""
        days = [DAYS[day] for day in sorted(self.days)] + [day.isoformat() for day in sorted(self.dates)]
        return f"{', '.join(days)} {self.start:%H:%M} to {self.end:%H:%M}"


@dataclass(frozen=True)
class Frozen:
    """Days, both included, on which nothing is changed."""

    first: date
    last: date
    reason: str


def fixed(instant: datetime) -> datetime:
    """The same with its offset alone: two times of one zone object would be compared and subtracted by their clocks, not by their instants."""
    return instant.astimezone(timezone(instant.utcoffset() or timedelta()))


@dataclass(frozen=True)
class Window:
    """Times with the offset that the calendar's zone has then."""

    start: datetime
    end: datetime

    def row(self) -> dict[str, str]:
        return {"start": self.start.isoformat(), "end": self.end.isoformat()}


@dataclass(frozen=True)
class Calendar:
    """See the head of this file."""

    zone: ZoneInfo
    staffed: tuple[Hours, ...]
    frozen: tuple[Frozen, ...] = ()
    first: date = date.min
    canary_observe_days: int = 1
    wave_gap_days: int = 0
    observe_minutes: int = 30

    def row(self) -> dict[str, Any]:
        """What plan.yml and its page tell of it: the zone, staffed hours in words, and the frozen periods."""
        frozen = [{"start": row.first.isoformat(), "end": row.last.isoformat(), "reason": row.reason} for row in self.frozen]
        return {"zone": str(self.zone), "staffed": [hours.told() for hours in self.staffed], "frozen": frozen}

    def slots(self, day: date) -> Iterator[Window]:
        """The staffed hours that begin on a day, without what is frozen, in their order."""
        found = []
        for hours in self.staffed:
            if day.weekday() in hours.days or day in hours.dates:
                last = day if hours.end > hours.start else day + timedelta(days=1)
                found += self._thawed(self._at(day, hours.start), self._at(last, hours.end))
        yield from sorted(found, key=lambda slot: slot.start)

    def _thawed(self, start: datetime, end: datetime) -> list[Window]:
        parts = [(start, end)]
        for period in self.frozen:
            cold, warm = self._at(period.first, time()), self._at(period.last + timedelta(days=1), time())
            parts = [part for a, b in parts for part in ((a, min(b, cold)), (max(a, warm), b)) if part[0] < part[1]]
        return [Window(self._local(a), self._local(b)) for a, b in parts]

    def _at(self, day: date, clock: time) -> datetime:
        """An instant in UTC. An hour that daylight saving skips is the one after it."""
        return datetime.combine(day, clock, self.zone).astimezone(UTC)

    def _local(self, instant: datetime) -> datetime:
        return fixed(instant.astimezone(self.zone))

    def trouble(self, window: Window) -> str | None:
        """Why a window cannot be, or None."""
        for period in self.frozen:
            last = (window.end - timedelta(seconds=1)).astimezone(self.zone).date()
            if window.start.astimezone(self.zone).date() <= period.last and last >= period.first:
                return f"it lies in the frozen period {period.first} to {period.last} ({period.reason})"
        day = window.start.astimezone(self.zone).date()
        for before in (1, 0):
            for slot in self.slots(day - timedelta(days=before)):
                if slot.start <= window.start and window.end <= slot.end:
                    return None
        return "it lies outside of the staffed hours"

    def find(self, earliest: datetime, length: timedelta) -> Window | None:
        """The first window of a length that begins at ``earliest`` (aware) or later, on a quarter of an hour."""
        begin = _quarter(earliest.astimezone(UTC))
        day = begin.astimezone(self.zone).date() - timedelta(days=1)
        for number in range(FAR + 2):
            for slot in self.slots(day + timedelta(days=number)):
                start = max(_quarter(slot.start.astimezone(UTC)), begin)
                if start + length <= slot.end.astimezone(UTC):
                    return Window(self._local(start), self._local(start + length))
        return None

    def midnight(self, day: date) -> datetime:
        return self._local(self._at(day, time()))


def _quarter(instant: datetime) -> datetime:
    """The next full quarter of an hour. All zones of today are whole quarters from UTC."""
    rest = instant - datetime(1970, 1, 1, tzinfo=UTC)
    return datetime(1970, 1, 1, tzinfo=UTC) + math.ceil(rest / STEP) * STEP


@dataclass
class Wish:
    """What one wave needs: how long it takes, and which window a person or an earlier plan gave it."""

    name: str
    seconds: int
    canary: bool = False
    given: Window | None = None  # a person's
    said: str = ""  # where
    kept: Window | None = None  # an earlier plan's
    begun: bool = False
    reasons: tuple[str, ...] = ()


def windows(wishes: Sequence[Wish], calendar: Calendar | None, today: date) -> list[tuple[Window | None, list[str]]]:
    """A window for each wave, one after the other, and why it is there. Raises LotseError where one cannot have any."""
    if calendar is None:
        return _declared(wishes)
    found: list[tuple[Window | None, list[str]]] = []
    earliest = calendar.midnight(max(calendar.first, today))
    why = f"not before {max(calendar.first, today)}" if calendar.first >= today else "as early as possible"
    for wish in wishes:
        length = _length(wish, calendar)
        window, reason = _window(wish, calendar, earliest, length, why)
        found.append((window, [reason]))
        earliest, why = _after(window, wish, calendar)
    return found


def _declared(wishes: Sequence[Wish]) -> list[tuple[Window | None, list[str]]]:
    """Without a calendar only what people said counts, in the order of the waves."""
    found: list[tuple[Window | None, list[str]]] = []
    last: tuple[Window, Wish] | None = None
    for wish in wishes:
        if wish.given and last and wish.given.start < last[0].end:
            what = f"wave {wish.name!r} begins before wave {last[1].name!r} ends ({last[0].end.isoformat()})"
            raise LotseError(what, wish.said, "choose a later window, or move the other one")
        if wish.given:
            last = (wish.given, wish)
        found.append((wish.given, [f"the window is from {wish.said}"] if wish.given else ["no window: there is no plan_calendar"]))
    return found


def _window(wish: Wish, calendar: Calendar, earliest: datetime, length: timedelta, why: str) -> tuple[Window, str]:
    if wish.begun and wish.kept:
        return wish.kept, "it has begun: its window stays"
    if wish.given:
        return _given(wish, wish.given, calendar, earliest, length), f"the window is from {wish.said}"
    reason = f"{_words(length)}: cutovers of {_words(timedelta(seconds=wish.seconds))} and {calendar.observe_minutes} min to watch"
    if wish.kept and wish.kept.start >= earliest and wish.kept.end - wish.kept.start >= length and calendar.trouble(wish.kept) is None:
        return wish.kept, reason
    window = calendar.find(earliest, length)
    if window is None:
        raise _impossible(wish, calendar, earliest, length, why)
    return window, reason


def _given(wish: Wish, window: Window, calendar: Calendar, earliest: datetime, length: timedelta) -> Window:
    if trouble := calendar.trouble(window):
        what = f"the window of wave {wish.name!r} that begins {window.start.isoformat()} cannot be: {trouble}"
        raise LotseError(what, f"{wish.said} against {WHERE}", "choose another window, or change plan_calendar")
    if window.start < earliest:
        what = f"the window of wave {wish.name!r} begins {window.start.isoformat()}, and it cannot begin before {earliest.isoformat()}"
        raise LotseError(what, wish.said, "choose a later window, or move the wave before it")
    if window.end - window.start < length:
        what = f"the window of wave {wish.name!r} has {_words(window.end - window.start)}, and it needs {_words(length)}"
        raise LotseError(what, wish.said, "make it longer, or move some of its moves to another wave")
    return window


def _impossible(wish: Wish, calendar: Calendar, earliest: datetime, length: timedelta, why: str) -> LotseError:
    day = earliest.astimezone(calendar.zone).date()
    slots = [slot for number in range(FAR + 1) for slot in calendar.slots(day + timedelta(days=number))]
    longest = max((slot.end - slot.start for slot in slots), default=timedelta())
    what = f"wave {wish.name!r} finds no window: it needs {_words(length)} from {day} on ({why}), and "
    if not slots:
        what += "nobody is there on a day that is not frozen, for two years"
        return LotseError(what, WHERE, "add staffed hours, or shorten frozen")
    what += f"the longest staffed hours have {_words(longest)}"
    return LotseError(what, WHERE, "lengthen staffed, lower plan_waves.most_moves or observe_minutes, or give it a window in overrides.waves")


def _after(window: Window, wish: Wish, calendar: Calendar) -> tuple[datetime, str]:
    """When the next wave may begin."""
    days = calendar.wave_gap_days
    why = f"wave {wish.name!r} ends {window.end.isoformat()}"
    if wish.canary and calendar.canary_observe_days > days:
        days, why = calendar.canary_observe_days, f"the canaries are watched for {calendar.canary_observe_days} days"
    if not days:
        return window.end, why
    return max(window.end, calendar.midnight(window.end.astimezone(calendar.zone).date() + timedelta(days=days))), why


def _length(wish: Wish, calendar: Calendar) -> timedelta:
    """Whole quarters of an hour."""
    return math.ceil((timedelta(seconds=wish.seconds) + timedelta(minutes=calendar.observe_minutes)) / STEP) * STEP


def _words(length: timedelta) -> str:
    minutes = math.ceil(length.total_seconds() / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


# --- reading what people wrote


def parse(given: Mapping[str, Any] | None) -> Calendar | None:
    """A calendar, or None where there is none. Raises LotseError that names the field."""
    if not given:
        return None
    if strange := sorted(set(given) - set(FIELDS)):
        raise LotseError(f"plan_calendar knows no {', '.join(strange)}", WHERE, f"it takes {', '.join(FIELDS)}")
    staffed = tuple(_hours(row, f"{WHERE}.staffed[{number}]") for number, row in enumerate(_rows(given.get("staffed"), f"{WHERE}.staffed")))
    if not staffed:
        remedy = 'say when people watch, as {days: [tue], from: "09:00", to: "16:00"}'
        raise LotseError("nobody is ever there: staffed is empty", f"{WHERE}.staffed", remedy)
    frozen = tuple(_frozen(row, f"{WHERE}.frozen[{number}]") for number, row in enumerate(_rows(given.get("frozen"), f"{WHERE}.frozen")))
    first = given.get("first")
    return Calendar(
        zone=_zone(given.get("zone")),
        staffed=staffed,
        frozen=tuple(sorted(frozen, key=lambda period: (period.first, period.last))),
        first=_date(first, f"{WHERE}.first") if first else date.min,
        canary_observe_days=_count(given.get("canary_observe_days", 1), f"{WHERE}.canary_observe_days"),
        wave_gap_days=_count(given.get("wave_gap_days", 0), f"{WHERE}.wave_gap_days"),
        observe_minutes=_count(given.get("observe_minutes", 30), f"{WHERE}.observe_minutes"),
    )


def window(given: object, where: str, calendar: Calendar | None) -> Window:
    """A window as people write one: ``{start, end}``, ISO 8601. Without an offset the calendar's zone is meant."""
    if not isinstance(given, Mapping) or set(given) != {"start", "end"}:
        remedy = 'write for example {start: "2026-12-02T09:00:00+01:00", end: "2026-12-02T10:00:00+01:00"}'
        raise LotseError("a window is {start, end}", where, remedy)
    start, end = (_instant(given[name], f"{where}.{name}", calendar) for name in ("start", "end"))
    if end <= start:
        raise LotseError(f"the window ends ({end.isoformat()}) before it begins ({start.isoformat()})", where, "swap them, or correct one")
    return Window(start, end)


def _instant(value: object, where: str, calendar: Calendar | None) -> datetime:
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise LotseError(f"{value!r} is no time", where, 'write for example "2026-12-02T09:00:00+01:00"') from None
    if found.tzinfo is None:
        if calendar is None:
            what = f"{found.isoformat()} has no offset from UTC, and there is no plan_calendar with a zone"
            raise LotseError(what, where, "add one, such as +01:00")
        return fixed(found.replace(tzinfo=calendar.zone))
    return fixed(found.astimezone(calendar.zone) if calendar else found)


def _rows(given: object, where: str) -> Sequence[object]:
    if given is None:
        return ()
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise LotseError("this is not a list", where, "see docs/guides/plan.md")
    return given


def _hours(row: object, where: str) -> Hours:
    if not isinstance(row, Mapping):
        raise LotseError("this is not {days, from, to}", where, "see docs/guides/plan.md")
    if strange := sorted(set(row) - {"days", "dates", "from", "to"}):
        raise LotseError(f"staffed hours know no {', '.join(map(str, strange))}", where, "they take days or dates, from, to")
    names = [str(name).lower()[:3] for name in _rows(row.get("days"), f"{where}.days")]
    if wrong := sorted(set(names) - set(DAYS)):
        raise LotseError(f"{wrong[0]!r} is no day of the week", f"{where}.days", f"it is one of {', '.join(DAYS)}")
    dates = frozenset(_date(entry, f"{where}.dates") for entry in _rows(row.get("dates"), f"{where}.dates"))
    if not names and not dates:
        raise LotseError("these staffed hours have no day", where, "name days (mon to sun) or dates")
    start, end = (_clock(row.get(name), f"{where}.{name}") for name in ("from", "to"))
    if start == end:
        raise LotseError(f"these staffed hours begin and end at {start:%H:%M}", where, "correct one of them")
    return Hours(frozenset(DAYS.index(name) for name in names), dates, start, end)


def _frozen(row: object, where: str) -> Frozen:
    if not isinstance(row, Mapping) or set(row) - {"from", "to", "reason"}:
        raise LotseError("this is not {from, to, reason}", where, "see docs/guides/plan.md")
    first, last = _date(row.get("from"), f"{where}.from"), _date(row.get("to"), f"{where}.to")
    if last < first:
        raise LotseError(f"the frozen period ends ({last}) before it begins ({first})", where, "swap them, or correct one")
    reason = str(row.get("reason") or "").strip()
    if not reason:
        raise LotseError("a frozen period has no reason", f"{where}.reason", "say why nothing is changed then")
    return Frozen(first, last, reason)


def _zone(value: object) -> ZoneInfo:
    where = f"{WHERE}.zone"
    if not value:
        raise LotseError("the calendar has no time zone", where, "name one, such as Europe/Berlin")
    try:
        return ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        remedy = "name one of the IANA list, such as Europe/Berlin (package tzdata)"
        raise LotseError(f"there is no time zone {value!r} here", where, remedy) from None


def _date(value: object, where: str) -> date:
    try:
        return value if isinstance(value, date) and not isinstance(value, datetime) else date.fromisoformat(str(value))
    except ValueError:
        raise LotseError(f"{value!r} is no date", where, "write it as 2026-12-01") from None


def _clock(value: object, where: str) -> time:
    """``09:00``. YAML 1.1 reads 16:00 without quotes as the number 960: minutes."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 24 * 60:
        return time(value // 60, value % 60)
    match = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", str(value))
    if not match:
        raise LotseError(f"{value!r} is no time of day", where, 'write it as "09:00"')
    return time(int(match[1]), int(match[2]))


def _count(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10_000:
        raise LotseError(f"{value!r} is no number of days or minutes", where, "write a whole number that is not negative")
    return value
