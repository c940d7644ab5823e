# SPDX-License-Identifier: GPL-3.0-or-later
"""Applications that pm2 starts."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed


@detector(
    "pm2-applications",
    "Applications that pm2 starts",
    severity="warning",
    compares="what pm2 wrote into its dump with what the guest would start",
    remedy="install pm2 on the guest, start the applications there and save them; on the old host stop and save, or they start again",
    reference="pm2: pm2 save, pm2 startup",
    needs=("pm2",),
)
def pm2_applications(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        pm2 = host.part("pm2")
        apps, daemons = pm2.get("apps") or (), pm2.get("daemons") or ()
        if not apps and not daemons:
            continue
        service = draft.service("nodejs", host.name)
        named = [f"{app['name']} ({app['instances']} of {app.get('script') or 'unknown'}, {app['file']})" for app in apps]
        unsaved = [str(row["home"]) for row in daemons if not any(str(app["file"]).startswith(f"{row['home']}/") for app in apps)]
        yield Finding(
            host=host.name,
            severity="warning",
            service=service.id if service else "",
            old=listed(named) if named else f"pm2 runs ({listed(unsaved)}) and never saved what it runs",
            new="no guest starts them" + (f"; {listed(unsaved)} has no dump: also the old host would not after a boot" if unsaved and named else ""),
            remedy="Start them on the guest, `pm2 save`, `pm2 startup`; stop and save on the old host, or its next boot starts them again.",
        )


DETECTOR = pm2_applications
