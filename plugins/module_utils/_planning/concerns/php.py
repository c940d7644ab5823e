# SPDX-License-Identifier: GPL-3.0-or-later
"""PHP: another version, other settings, sessions on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .. import debian13, trees
from ..carried.php import differences, removed, socket_of, sockets, unknown
from ..model import Draft, Finding, LegacyHost, Service
from ..moves import version
from .detector import detector, listed


def _web(draft: Draft) -> Iterator[tuple[Service, LegacyHost]]:
    """Hosts whose PHP moves: with the web application, or with cron jobs alone."""
    for service in draft.services:
        host = draft.hosts[service.host]
        if host.part("php") and (service.kind == "http" or (service.kind == "cron" and not draft.service("http", service.host))):
            yield service, host


@detector("php-version", "Another major version of PHP")
def php_version(draft: Draft) -> Iterator[Finding]:
    for service, host in _web(draft):
        old = version(str(host.part("php").get("version") or ""))
        if old and old < version(debian13.VERSIONS["php"]):
            yield Finding(
                host=host.name,
                severity="warning",
                service=service.id,
                old=f"PHP {host.part('php')['version']}",
                new=f"PHP {debian13.VERSIONS['php']}: stricter comparisons and types, removed functions, warnings that became errors",
                remedy="Smoke-test the application on the guest before its wave: the mover asks each vhost, a person should click.",
            )


@detector("php-ini-difference", "PHP would behave differently with the guest's own php.ini")
def php_ini_difference(draft: Draft) -> Iterator[Finding]:
    for service, host in _web(draft):
        if service.kind != "http":
            continue
        php = host.part("php")
        carried = {row["name"]: row["ini"] for row in draft.settings_of(service.id).get("web_php_pools", ())}
        for pool in php.get("pools") or ():
            wanted = differences({**(php.get("ini") or {}), **(pool.get("ini") or {})}, debian13.PHP_INI)
            if wanted:
                yield Finding(
                    host=host.name,
                    severity="critical",
                    service=service.id,
                    title=f"Pool {pool['name']} has PHP settings that Debian 13 does not have",
                    old=listed([f"{name} = {value}" for name, value in wanted.items()], 20),
                    new=listed([f"{name} = {debian13.PHP_INI[name] or 'nothing'}" for name in wanted], 20),
                    remedy="The pool on the guest gets them.",
                    applied=set(wanted) <= set(carried.get(str(pool["name"]), {})),
                )


@detector("php-cli-difference", "PHP's command line would behave differently")
def php_cli_difference(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        wanted = differences(draft.hosts[service.host].part("php").get("cli_ini") or {}, debian13.PHP_CLI) if service.kind == "cron" else {}
        if wanted:
            yield Finding(
                host=service.host,
                severity="warning",
                service=service.id,
                old=listed([f"{name} = {value}" for name, value in wanted.items()], 20),
                new=listed([f"{name} = {debian13.PHP_CLI[name] or 'nothing'}" for name in wanted], 20),
                remedy="The worker gets them.",
                applied=set(wanted) <= set(draft.settings_of(service.id).get("cron_worker_ini", {})),
            )


@detector("php-setting-gone", "A PHP setting that means nothing any more")
def php_setting_gone(draft: Draft) -> Iterator[Finding]:
    for service, host in _web(draft):
        gone: dict[str, str] = {}
        strange: set[str] = set()
        for ini in _inis(host):
            # What Debian's own old php.ini sets nobody chose, and nobody will miss.
            chosen = {name for name, value in ini.items() if not name.startswith("session.sid_") and str(value) not in {"", "0", "Off"}}
            gone |= {name: why for name, why in removed(ini).items() if name in chosen}
            strange |= {name for name in unknown(ini) if not name.startswith("igbinary.")}
        if gone or strange:
            reasons = [f"{name}: {why}" for name, why in sorted(gone.items())] + [f"{name}: not in the table of PHP 8.4" for name in sorted(strange)]
            yield Finding(
                host=host.name,
                severity="warning",
                service=service.id,
                old=listed(sorted(gone | dict.fromkeys(strange, ""))),
                new=listed(reasons),
                remedy="They are not carried over. See whether the application counts on one of them.",
            )


def _inis(host: LegacyHost) -> list[Mapping[str, str]]:
    php = host.part("php")
    return [php.get("ini") or {}, *(pool.get("ini") or {} for pool in php.get("pools") or ())]


@detector("php-extension", "A PHP extension without a known package")
def php_extension(draft: Draft) -> Iterator[Finding]:
    for service, host in _web(draft):
        lost = sorted(str(name) for name in host.part("php").get("extensions") or () if str(name).lower() not in debian13.PHP_EXTENSIONS)
        if lost:
            yield Finding(
                host=host.name,
                severity="critical",
                service=service.id,
                old=f"loaded: {listed(lost)}",
                new="no package of Debian 13 is known for it",
                remedy="See that the application does not need it and waive this, or bring a package of your own.",
            )


@detector("sessions-on-disk", "Sessions are files on the old server")
def sessions_on_disk(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        if service.kind != "http":
            continue
        move = draft.move(f"files@{service.host}")
        moved = move.parameters["paths"] if move else []
        for path, pools in trees.session_paths(draft.hosts[service.host]).items():
            applied = any(trees.inside(path, tree) for tree in moved)
            yield Finding(
                host=service.host,
                severity="critical",
                service=service.id,
                title=f"Sessions of pool {', '.join(pools)} are files",
                old=f"session.save_handler = files, session.save_path = {path}",
                new=f"{path} arrives with the files, in the section that switches requests" if applied else "no session arrives: all sign in again",
                remedy="The files move in the critical section of the requests." if applied else "Move sessions to Redis before the crossing.",
                applied=applied,
            )


@detector("vhost-without-pool", "A vhost whose PHP no surveyed pool runs")
def vhost_without_pool(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        if service.kind != "http":
            continue
        host = draft.hosts[service.host]
        known = sockets(host)
        lost = sorted(
            f"{vhost['name']} ({vhost.get('fastcgi_pass') or 'no PHP'})"
            for vhost in host.part("nginx").get("vhosts") or ()
            if not known or (vhost.get("fastcgi_pass") and socket_of(vhost) not in known)
        )
        if lost:
            yield Finding(
                host=host.name,
                severity="critical",
                service=service.id,
                old=listed(lost),
                new="the role web_php runs every vhost with a pool that it knows"
                + (": the first one would get it" if known else ", and there is none"),
                remedy="Name the pool's socket in the old vhost directly, or move the vhost by hand.",
            )


@detector("pool-owner", "A pool whose user or group the guest would not have")
def pool_owner(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        if service.kind != "http":
            continue
        host = draft.hosts[service.host]
        carried = draft.settings_of(service.id).get("base_users", ())
        static = {str(row["name"]) for row in host.rows("users") if int(row["uid"]) < debian13.STATIC_IDS}
        users, groups = {row["name"] for row in carried} | static, {row["group"] for row in carried} | static
        for pool in host.part("php").get("pools") or ():
            lacks = [f"user {pool['user']}"] * (pool["user"] not in users) + [f"group {pool['group']}"] * (pool["group"] not in groups)
            if lacks:
                yield Finding(
                    host=host.name,
                    severity="critical",
                    service=service.id,
                    title=f"Pool {pool['name']} runs as somebody that the guest would not have",
                    old=f"{' and '.join(lacks)}, not from passwd or not anybody's primary group",
                    new="PHP-FPM refuses to start with it",
                    remedy="Make it a local user with this primary group on the old host, and survey again.",
                )


DETECTORS = (vhost_without_pool, pool_owner, php_version, php_ini_difference, php_cli_difference, php_setting_gone, php_extension, sessions_on_disk)
