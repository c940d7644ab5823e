# SPDX-License-Identifier: GPL-3.0-or-later
"""From the collector's sections to the survey of one host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import cron, haproxy, host, literals, mariadb, nginx, php, processes, redis, schema, services
from .collector import SECTIONS
from .parts import PARTS
from .wire import Section, UnseenError, split

# Which values of the file a section of the collector stands for.
STANDS_FOR = {
    "units": ("services",), "sockets": ("listening", "connections"), "packages": ("unpackaged",), "processes": ("services", "unpackaged"),
    "literal_addresses": ("literal_addresses", "literal_names"),
}  # fmt: skip


class Assembly:
    """Collects values and the reasons for those that could not be seen."""

    def __init__(self, sections: Mapping[str, Section]) -> None:
        self.sections = sections
        self.values: dict[str, Any] = {}
        self.reasons: set[tuple[str, str]] = set()

    def unseen(self, name: str, reason: str) -> None:
        self.reasons.add((name, reason[:500]))

    def see(self, name: str, parse: Callable[[], Any]) -> Any:
        """Puts a value into the survey, or its reason. Returns the value or None."""
        try:
            value = parse()
        except UnseenError as error:
            self.unseen(name, error.what)
            return None
        return self.put(name, value)

    def put(self, name: str, value: Any) -> Any:
        """A value that has its shape; another one was not understood. Returns the value or None."""
        fault = schema.fault(name, value)
        if fault is not None:
            self.unseen(name, f"the host's answer could not be understood: {fault}")
            return None
        self.values[name] = value
        return value

    def ask(self, name: str, parse: Callable[[Section], Any]) -> Any:
        """The value of the section of this name. One that said nothing at all, or only why not, was not seen, whatever its parser makes of it."""
        section = self.sections[name]

        def seen() -> Any:
            if not section.absent and not section.blocks and not section.files and not section.marks:
                raise UnseenError(section.unseen[0] if section.unseen else "the host said nothing about it")
            value = parse(section)
            if value is None and not section.absent:
                raise UnseenError(section.unseen[0] if section.unseen else "the host's answer could not be understood")
            return value

        return self.see(name, seen)

    def attempt(self, parse: Callable[[], Any], *names: str) -> Any:
        """Something that other sections need; its reason is theirs."""
        try:
            return parse()
        except UnseenError as error:
            for name in names:
                self.unseen(name, error.what)
            return None


def sections_of(output: str, boundary: str, name: str) -> dict[str, Section]:
    """The answer's sections. Raises LotseError when the output is not whole."""
    return split(output, boundary, {section: limits.size for section, limits in SECTIONS.items()}, name)


def survey(output: str, boundary: str, name: str, address: str) -> dict[str, Any]:
    """The survey of a host, checked against its schema. Raises LotseError when the output is not whole."""
    return survey_of(sections_of(output, boundary, name), name, address)


def survey_of(sections: Mapping[str, Section], name: str, address: str) -> dict[str, Any]:
    """The survey of a host from its sections, checked against its schema."""
    made = Assembly(sections)
    for key, section in sections.items():
        for reason in section.unseen:
            for target in STANDS_FOR.get(key, (key,)):
                made.unseen(target, reason)
    _host(made)
    _programs(made)
    _services(made)
    for part in PARTS:
        made.ask(part.name, part.parse)
    reasons = [{"section": section, "reason": reason} for section, reason in sorted(made.reasons)]
    whole = {"schema": schema.NAME, "host": name, "address": address, "not_assessed": reasons, **made.values}
    return schema.complete(whole, f"survey of {name}")


def _host(made: Assembly) -> None:
    sections = made.sections
    made.ask("os", host.system)
    made.ask("hardware", host.hardware)
    made.ask("mounts", host.mounts)
    made.see("literal_names", lambda: literals.names(sections["literal_addresses"]))
    own = made.ask("addresses", host.addresses)
    made.ask("users", host.users)
    if own is None:
        made.unseen("literal_addresses", "the host's own addresses are not known")
        return
    found = made.attempt(lambda: literals.survey(sections["literal_addresses"], own), "literal_addresses")
    if found is not None:
        made.put("literal_addresses", found[0])
        if found[1]:
            made.unseen("literal_addresses", f"more than {literals.MOST}; the first {literals.MOST} are listed")


def _programs(made: Assembly) -> None:
    sections = made.sections
    names = {user["uid"]: user["name"] for user in reversed(made.values.get("users", []))}
    table = made.attempt(lambda: processes.table(sections["processes"]), "services", "listening", "connections", "unpackaged", "measured")
    owned = made.attempt(lambda: processes.packages(sections["packages"]), "unpackaged")
    if table is None:
        return
    made.see("measured", lambda: host.measured(sections["measured"], len(table), processes.used_kib(table)))
    started = made.see("services", lambda: services.survey(sections["units"], table, owned, names))
    if owned is not None and started is not None:
        made.see("unpackaged", lambda: processes.unpackaged(table, started, owned, names))
    elif owned is not None:
        made.unseen("unpackaged", "the services are not known")
    pair = made.attempt(lambda: processes.sockets(sections["sockets"], table), "listening", "connections")
    if pair is not None:
        for name, value in zip(("listening", "connections"), pair, strict=True):
            made.put(name, value)


def _services(made: Assembly) -> None:
    missing: list[str] = []

    def of_nginx(section: Section) -> Any:
        seen = nginx.survey(section)
        missing.extend(seen[1] if seen else ())
        return seen[0] if seen else None

    made.ask("nginx", of_nginx)
    for reason in missing:
        made.unseen("nginx", reason)
    made.ask("haproxy", haproxy.survey)
    made.ask("php", php.survey)
    made.ask("mariadb", mariadb.survey)
    made.ask("redis", redis.survey)
    made.ask("cron", cron.survey)
