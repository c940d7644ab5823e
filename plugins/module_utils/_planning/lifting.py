# SPDX-License-Identifier: GPL-3.0-or-later
"""The operating system of each guest: lifted to the new version, or the old one carried on. The reason is kept."""

from __future__ import annotations

from .._domain.errors import LotseError
from .model import LIFT, LegacyHost, System
from .policy import INVENTORY, Policy

TARGET = "debian 13"


def choose(guest: str, host: LegacyHost, policy: Policy) -> System:
    """A guest's system, and the template that has it. Raises LotseError for a carried version without a template."""
    source = version(host)
    choice = policy.systems.get(guest, policy.system)
    said = f"plan_os.guests.{guest}" if guest in policy.systems else "plan_os.default"
    if choice == LIFT:
        stays = source == TARGET
        reason = f"{host.name} has {TARGET} already" if stays else f"{said} says so" if guest in policy.systems else "plan_os.default is lift"
        return System(LIFT, source, TARGET, policy.templates.get(TARGET, policy.template), reason)
    template = policy.templates.get(source)
    if not template:
        known = ", ".join(sorted(policy.templates)) or "none"
        what = f"{guest} is to carry {source or 'an unknown system'} of {host.name} on, and there is no template for that"
        raise LotseError(what, said, f"name one in plan_templates (it has {known}), or lift the guest; {INVENTORY}")
    return System(choice, source, source, template, f"{said} is carry")


def version(host: LegacyHost) -> str:
    """``debian 11``, ``centos 7``, ``ubuntu 22.04``: what templates are named by. Debian's point releases are one version."""
    system = host.part("os")
    name, number = str(system.get("id") or "").lower(), str(system.get("version") or "")
    return f"{name} {number if name == 'ubuntu' else number.split('.')[0]}".strip()
