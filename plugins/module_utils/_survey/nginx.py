# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx: virtual hosts from its configuration files, includes followed in order."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .wire import Section, UnseenError

TOKEN = re.compile(
    r"""\s*(?:(?P<comment>\#[^\n]*)|(?P<mark>[{};])|(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<word>(?:\\.|\$\{[^}]*\}|[^\s{};\\])+))"""
)
HARMLESS = re.compile(r"(.*/)?mime\.types|.*_params|(.*/)?(koi-.*|win-utf|fastcgi\.conf)|.*/modules-enabled/.*|/usr/share/nginx/modules/.*")
DEEPEST = 40


@dataclass
class Directive:
    """``name words… ;`` or ``name words… { children }``, with the file that it is written in."""

    name: str
    words: list[str]
    file: str
    children: list[Directive] = field(default_factory=list)

    def all(self, name: str) -> Iterator[Directive]:
        """Every directive of a name, however deep."""
        for child in self.children:
            if child.name == name:
                yield child
            yield from child.all(name)

    def own(self, name: str) -> list[Directive]:
        """Directives of a name directly inside."""
        return [child for child in self.children if child.name == name]


def parse(files: Mapping[str, str], main: str) -> tuple[Directive, list[str]]:
    """The tree of a configuration, and the includes that were not among ``files``. Raises UnseenError for unbalanced braces."""
    missing: list[str] = []
    return Directive("", [], main, _file(files, main, posixpath.dirname(main), missing, (main,))), missing


def _file(files: Mapping[str, str], path: str, home: str, missing: list[str], chain: tuple[str, ...]) -> list[Directive]:
    top: list[Directive] = []
    stack, words = [top], list[str]()
    for piece, quoted in _tokens(files[path]):
        if quoted or piece not in ("{", "}", ";"):
            words.append(piece)
        elif piece == "}":
            if len(stack) == 1:
                raise UnseenError(f"{path} closes a block that it did not open")
            stack.pop()
            words = []
        elif words:
            directive = Directive(words[0], words[1:], path)
            words = []
            if piece == ";" and directive.name == "include":
                stack[-1].extend(_include(files, directive, home, missing, chain))
                continue
            stack[-1].append(directive)
            if piece == "{":
                if len(stack) > DEEPEST:
                    raise UnseenError(f"{path} nests more than {DEEPEST} blocks")
                stack.append(directive.children)
    if len(stack) > 1:
        raise UnseenError(f"{path} ends inside a block")
    return top


def _tokens(text: str) -> Iterator[tuple[str, bool]]:
    for match in TOKEN.finditer(text):
        if match["quoted"]:
            yield re.sub(r"\\(.)", r"\1", match["quoted"][1:-1]), True
        elif match["mark"] or match["word"]:
            yield match["mark"] or match["word"], False


def _include(files: Mapping[str, str], directive: Directive, home: str, missing: list[str], chain: tuple[str, ...]) -> list[Directive]:
    found: list[Directive] = []
    for pattern in directive.words:
        whole = pattern if pattern.startswith("/") else f"{home}/{pattern}"
        paths = sorted(path for path in files if fnmatch.fnmatchcase(path, whole) and path.count("/") == whole.count("/"))
        if not paths and not any(sign in whole for sign in "*?[") and not HARMLESS.fullmatch(whole):
            missing.append(whole)
        for path in paths:
            if path in chain or len(chain) > DEEPEST:
                continue
            found += _file(files, path, home, missing, (*chain, path))
    return found


def survey(section: Section) -> tuple[dict[str, Any] | None, list[str]]:
    """Version and vhosts, or None without nginx; and what could not be seen of it."""
    if section.absent:
        return None, []
    main = min((path for path in section.files if path.endswith("/nginx.conf")), key=lambda path: (path.count("/"), path), default=None)
    if main is None:
        raise UnseenError(section.unseen[0] if section.unseen else "its configuration was not found")
    tree, missing = parse({path: "\n".join(lines) for path, lines in section.files.items()}, main)
    version = re.search(r"(?:nginx|openresty)/(\d[\w.]*)", section.first("version"))
    servers = [(http, server) for http in tree.own("http") for server in http.own("server")]
    seen = [f"{path} is included and was not read" for path in missing]
    upstreams = [_upstream(one) for http in tree.own("http") for one in http.own("upstream") if one.words]
    return {
        "version": version[1] if version else "",
        "vhosts": _vhosts(servers, _targets(section)),
        "upstreams": upstreams,
        "names": _names(tree, {str(row["name"]) for row in upstreams}),
        "resolver": sorted({word for one in tree.all("resolver") for word in one.words if "=" not in word}),
    }, seen


def _targets(section: Section) -> dict[str, str]:
    """Document roots that are reached through a symbolic link, with the folder that they mean."""
    rows = [line.strip().split("\t") for line in section.blocks.get("roots", [])]
    return {row[0]: row[1] for row in rows if len(row) == 2 and row[1].startswith("/")}


def _upstream(group: Directive) -> dict[str, Any]:
    """Its servers and what sends a client to the same one again: ``ip_hash``, ``hash``, or ``sticky`` of other builds."""
    sticky = next((one for one in group.children if one.name in ("ip_hash", "hash", "sticky", "sticky_cookie_insert")), None)
    servers = [one.words for one in group.own("server") if one.words]
    return {
        "name": group.words[0],
        "file": group.file,
        "servers": [{"address": words[0], "resolve": "resolve" in words, "backup": "backup" in words} for words in servers],
        "sticky": " ".join([sticky.name, *sticky.words]) if sticky else None,
    }


def _names(tree: Directive, groups: set[str]) -> list[dict[str, Any]]:
    """Names of other machines, and when nginx asks for their address: at its start, or, where a variable hides the name, with each request."""
    found = {}
    for directive in ("proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass"):
        for one in tree.all(directive):
            name = _hostname(one.words[0]) if one.words else ""
            if name and name not in groups:
                found[name, one.file, directive] = "request" if "$" in one.words[0] else "start"
    for http in tree.own("http"):
        for group in http.own("upstream"):
            for one in group.own("server"):
                if name := _hostname(one.words[0]) if one.words else "":
                    found[name, one.file, "upstream"] = "request" if "resolve" in one.words else "start"
    return [{"name": name, "file": file, "directive": word, "resolved": when} for (name, file, word), when in sorted(found.items())]


def _hostname(target: str) -> str:
    """The name in ``http://name:8080/path``; empty for addresses, sockets, variables and this machine itself."""
    match = re.match(r"([A-Za-z0-9_][A-Za-z0-9_.-]{0,252})(?::|/|$)", target.partition("://")[2] or target)
    name = match[1].lower().rstrip(".") if match else ""
    return "" if name in ("localhost", "unix") or re.fullmatch(r"[\d.]+", name, re.ASCII) else name


def _tls(http: Directive, server: Directive) -> dict[str, Any] | None:
    """What a TLS vhost speaks; a setting of ``http`` counts where the server has none."""
    if not any("ssl" in one.words for one in server.own("listen")) and not any(one.words == ["on"] for one in server.own("ssl")):
        return None

    def of(name: str) -> list[Directive]:
        return server.own(name) or http.own(name)

    return {
        "protocols": [word for one in of("ssl_protocols") for word in one.words],
        "ciphers": _word(of("ssl_ciphers")),
        "certificates": [one.words[0] for one in of("ssl_certificate") if one.words],
        "client_ca": _word(of("ssl_client_certificate")) or _word(of("ssl_trusted_certificate")),
        "verify_client": _word(of("ssl_verify_client")),
        "dhparam": _word(of("ssl_dhparam")),
    }


def _vhosts(servers: list[tuple[Directive, Directive]], targets: Mapping[str, str]) -> list[dict[str, Any]]:
    count: dict[str, int] = {}
    rows = []
    for http, server in servers:
        name = posixpath.basename(server.file).removesuffix(".conf")
        count[name] = count.get(name, 0) + 1
        listen = [" ".join(one.words) for one in server.own("listen")] or ["80"]
        root = _word(server.own("root") or list(server.all("root")) or http.own("root"))
        limits = server.own("client_max_body_size") or http.own("client_max_body_size")
        rows.append(
            {
                "name": name if count[name] == 1 else f"{name}-{count[name]}",
                "file": server.file,
                "server_names": [word for one in server.own("server_name") for word in one.words],
                "listen": listen,
                "default": any(re.search(r"\bdefault(_server)?\b", words) for words in listen),
                "root": root,
                "root_target": targets.get(root or ""),
                "fastcgi_pass": _word(list(server.all("fastcgi_pass"))),
                "proxy_pass": _word(list(server.all("proxy_pass"))),
                "fallback": _fallback(server),
                "client_max_body_size": _word(limits),
                "tls": _tls(http, server),
            }
        )
    return rows


def _word(directives: list[Directive]) -> str | None:
    return next((one.words[0] for one in directives if one.words), None)


def _fallback(server: Directive) -> str | None:
    for location in server.own("location"):
        if location.words == ["/"]:
            tries = location.own("try_files")
            return tries[-1].words[-1] if tries and tries[-1].words else None
    return None
