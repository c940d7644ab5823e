# SPDX-License-Identifier: GPL-3.0-or-later
"""Cron: jobs that nobody remembers, jobs that no mover can take, files that part."""

from __future__ import annotations

from collections.abc import Iterator

from .. import trees
from ..model import Draft, Finding
from ..services import jobs_of
from .detector import detector, listed


@detector("hidden-cron", "Jobs in a user's own crontab")
def hidden_cron(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        move = draft.move(f"cron@{host.name}")
        moved = {table["user"] for table in move.parameters["tables"]} if move else set()
        for user in sorted({str(row["user"]) for row in host.rows("cron") if row.get("spool")}):
            lines = [str(row["line"]) for row in host.rows("cron") if row.get("spool") and row["user"] == user]
            yield Finding(
                host=host.name,
                severity="warning",
                service=move.service.id if move else "",
                title=f"{user} has a crontab of {len(lines)} job{'s' if len(lines) > 1 else ''}",
                old=listed([f"/var/spool/cron/crontabs/{user}: {line}" for line in lines]),
                new=f"moves to {move.guest}" if move and user in moved else "no guest would run it",
                remedy="It moves last, and is never active on both sides." if user in moved else "Drop it with a reason, or let it move.",
                applied=user in moved,
            )


@detector("cron-outside-spool", "Jobs that people put beside the crontabs")
def cron_outside_spool(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        dropped = {entry.id for entry in draft.dropped}
        by_source: dict[str, list[str]] = {}
        for row in jobs_of(host):
            if not row.get("spool"):
                by_source.setdefault(str(row["source"]), []).append(str(row["line"]))
        for source, lines in sorted(by_source.items()):
            name = source.rsplit("/", 1)[-1]
            declared = f"{name}@{host.name}" in dropped
            yield Finding(
                host=host.name,
                severity="critical",
                title=f"{source} has jobs of its own",
                old=listed(lines),
                new="dropped" if declared else "the cron mover takes users' crontabs only: no guest would run it",
                remedy=f"Move the jobs into the crontab of their user, or declare {name}@{host.name} in plan_dropped_services.",
                applied=declared,
            )


@detector("split-file-tree", "Jobs and web server share files that part")
def split_file_tree(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        cron, files = draft.move(f"cron@{host.name}"), draft.move(f"files@{host.name}")
        if not cron or not files or cron.guest == files.guest:
            continue
        moved = files.parameters["paths"]
        shared = [path for path in cron.parameters["paths"] if any(trees.inside(path, tree) or trees.inside(tree, path) for tree in moved)]
        if shared:
            yield Finding(
                host=host.name,
                severity="warning",
                service=cron.service.id,
                old=f"cron jobs and web server work on {', '.join(shared)}",
                new=f"{cron.guest} gets a copy: what jobs write there stays on {cron.guest}, and new uploads are on {files.guest} only",
                remedy="See that jobs read and write the database only, or share the folder.",
            )


DETECTORS = (hidden_cron, cron_outside_spool, split_file_tree)
