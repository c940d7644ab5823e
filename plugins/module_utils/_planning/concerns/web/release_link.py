# SPDX-License-Identifier: GPL-3.0-or-later
"""A document root is a symbolic link to a release."""

from __future__ import annotations

from collections.abc import Iterator

from ... import trees
from ...model import Draft, Finding
from ..detector import detector


@detector(
    "release-link",
    "A document root is a symbolic link to a release",
    severity="critical where the release lies outside of the trees that move, else info",
    compares="each document root with the folder that it means and with the trees that move",
    remedy="let the folder of the releases move as well (name a file of it in the configuration that moves, or copy it by hand)",
    reference="php.net: opcache.revalidate_path, realpath_cache_ttl; nginx: $realpath_root",
    surprise=(12,),
    needs=("nginx",),
)
def release_link(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        if service.kind != "http":
            continue
        files = draft.move(f"files@{service.host}")
        moved = files.parameters["paths"] if files else ()
        for vhost in draft.hosts[service.host].part("nginx").get("vhosts") or ():
            root, target = str(vhost.get("root") or ""), str(vhost.get("root_target") or "")
            if not target:
                continue
            arrives = any(trees.inside(root, tree) for tree in moved) and any(trees.inside(target, tree) for tree in moved)
            yield Finding(
                host=service.host,
                severity="info" if arrives else "critical",
                service=service.id,
                title=f"The document root of {vhost['name']} is a symbolic link",
                old=f"{vhost.get('file')}: root {root} is {target}",
                new="link and release arrive together; do not deploy while the files move"
                if arrives
                else f"{target} is outside of what moves ({', '.join(moved) or 'nothing'}): the link would lead nowhere",
                remedy="Freeze deployments from the last copy to the crossing; PHP-FPM on the guest starts with an empty opcache."
                if arrives
                else "Bring the folder of the releases into the tree that moves, or waive this after copying it by hand.",
                applied=arrives,
            )


DETECTOR = release_link
