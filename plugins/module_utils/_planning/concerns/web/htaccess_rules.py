# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules in .htaccess files."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed


@detector(
    "htaccess-rules",
    "Rules in .htaccess files",
    severity="warning",
    compares="the .htaccess files below Apache's document roots with the web server of a guest",
    remedy="write the rules into the vhost (nginx), or move Apache as it is",
    reference="httpd.apache.org: AllowOverride",
    needs=("apache",),
)
def htaccess_rules(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        rows = host.part("apache").get("htaccess") or ()
        if not rows:
            continue
        service = draft.service("apache", host.name)
        yield Finding(
            host=host.name,
            severity="warning",
            service=service.id if service else "",
            title=f"{len(rows)} .htaccess file{'s' if len(rows) > 1 else ''} with {sum(int(row['directives']) for row in rows)} directives",
            old=listed([f"{row['file']}: {row['directives']} directives, {row['rewrites']} of them rewrite" for row in rows]),
            new="the role web_php serves with nginx, which does not read .htaccess",
            remedy="Write the rules into the new vhost, also those that forbid access to files, or bring Apache to the guest.",
        )


DETECTOR = htaccess_rules
