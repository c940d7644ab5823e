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
    return {"version": version[1] if version else "", "vhosts": _vhosts(servers)}, seen


def _vhosts(servers: list[tuple[Directive, Directive]]) -> list[dict[str, Any]]:
    count: dict[str, int] = {}
    rows = []
    for http, server in servers:
        name = posixpath.basename(server.file).removesuffix(".conf")
        count[name] = count.get(name, 0) + 1
        listen = [" ".join(one.words) for one in server.own("listen")] or ["80"]
        limits = server.own("client_max_body_size") or http.own("client_max_body_size")
        rows.append(
            {
                "name": name if count[name] == 1 else f"{name}-{count[name]}",
                "file": server.file,
                "server_names": [word for one in server.own("server_name") for word in one.words],
                "listen": listen,
                "default": any(re.search(r"\bdefault(_server)?\b", words) for words in listen),
                "root": _word(server.own("root") or list(server.all("root")) or http.own("root")),
                "fastcgi_pass": _word(list(server.all("fastcgi_pass"))),
                "proxy_pass": _word(list(server.all("proxy_pass"))),
                "fallback": _fallback(server),
                "client_max_body_size": _word(limits),
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
