# SPDX-License-Identifier: GPL-3.0-or-later
"""Apache httpd: virtual hosts, listening, TLS, what it passes requests to, how PHP runs, and .htaccess files."""

from __future__ import annotations

import fnmatch
import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..part import COUNT, FLAG, MAYBE, TEXT, WORDS, Limits, Part, or_null, record, rows
from ..wire import Section, UnseenError, number

DEEPEST = 20
MOST = 100_000  # directives; includes may go in circles
# Blocks that only say when or where the directives inside count.
TRANSPARENT = {"ifdefine", "ifversion", "if", "else", "elseif", "requireall", "requireany", "requirenone"}


@dataclass
class Block:
    """A directive, or a block with its argument and the directives inside."""

    name: str
    words: list[str]
    file: str
    inside: list[Block] = field(default_factory=list)

    def all(self, *names: str) -> Iterator[Block]:
        for one in self.inside:
            if one.name in names:
                yield one
            if one.name != "virtualhost":
                yield from one.all(*names)

    def word(self, *names: str) -> str | None:
        return next((one.words[0] for one in self.all(*names) if one.words), None)


class Reader:
    """Follows includes in order. ``${NAME}`` is what envvars or Define say."""

    def __init__(self, section: Section, main: str) -> None:
        self.files = section.files
        self.home = posixpath.dirname(main).removesuffix("/conf")
        text = "\n".join(line for lines in section.files.values() for line in lines)
        self.modules = set(re.findall(r"LoadModule\s+(\w{1,80})", text, re.IGNORECASE))
        self.variables = dict(line.strip().split("=", 1) for line in section.blocks.get("variables", []) if "=" in line)
        self.count = 0

    def read(self, path: str, target: list[Block], chain: tuple[str, ...]) -> None:
        stack = [target]
        for line in self.files.get(path, ()):
            text = re.sub(r"\$\{(\w{1,60})\}", lambda match: self.variables.get(match[1], match[0]).strip("\"'"), line.strip()[:4000])
            name, words = _words(text)
            if name.startswith("</"):
                if len(stack) > 1:
                    stack.pop()
            elif name.startswith("<"):
                stack.append(self._opened(Block(name[1:].lower(), words, path), stack[-1]))
                if len(stack) > DEEPEST:
                    raise UnseenError(f"{path} nests more than {DEEPEST} blocks")
            elif name.lower() in ("include", "includeoptional") and words:
                for other in self._included(words[0]):
                    if other not in chain and len(chain) < DEEPEST:
                        self.read(other, stack[-1], (*chain, other))
            elif name.lower() == "define" and len(words) > 1:
                self.variables[words[0]] = words[1]
            elif name:
                stack[-1].append(Block(name.lower(), words, path))

    def _opened(self, block: Block, outer: list[Block]) -> list[Block]:
        """Where the directives inside of a block go."""
        self.count += 1
        if self.count > MOST:
            raise UnseenError("its configuration has too many blocks")
        if not self._counts(block):
            return []
        if block.name in TRANSPARENT or block.name == "ifmodule":
            return outer
        outer.append(block)
        return block.inside

    def _counts(self, block: Block) -> bool:
        """``<IfModule ssl_module>`` and ``<IfModule mod_ssl.c>``; everything else is taken as true."""
        if block.name != "ifmodule" or not block.words:
            return True
        name = block.words[0].lstrip("!")
        short = re.sub(r"^mod_|\.c$|_module$", "", name)
        known = f"{short}_module" in self.modules or short in ("core", "so", "version", "unixd", "log_config", "logio", "watchdog", "http")
        return known != block.words[0].startswith("!")

    def _included(self, pattern: str) -> list[str]:
        whole = pattern if pattern.startswith("/") else f"{self.home}/{pattern}"
        folder = whole.rstrip("/") + "/*"
        fits = (whole, folder)
        return sorted(path for path in self.files if any(fnmatch.fnmatchcase(path, one) and path.count("/") == one.count("/") for one in fits))


def _words(text: str) -> tuple[str, list[str]]:
    if text.startswith("<") and text.endswith(">"):
        text = text[:-1]
    try:
        words = shlex.split(text, comments=False, posix=True)
    except ValueError:
        words = text.split()
    return (words[0], words[1:]) if words else ("", [])


def parse(section: Section) -> dict[str, Any] | None:
    """None without Apache. A host without a VirtualHost has one row: its main server."""
    if section.absent:
        return None
    if not section.files:
        raise UnseenError(section.unseen[0] if section.unseen else "its configuration was not found")
    main = next(iter(section.files))
    reader = Reader(section, main)
    top = Block("", [], main)
    reader.read(main, top.inside, (main,))
    targets = dict(row[:2] for line in section.blocks.get("roots", []) if len(row := line.strip().split("\t")) == 2)
    version = re.search(r"Apache/(\d[\w.]*)", section.first("version"))
    mpm = sorted(match[1] for name in reader.modules if (match := re.fullmatch(r"mpm_(\w+)_module", name)))
    vhosts = [(top, one) for one in top.all("virtualhost")] or ([(top, top)] if top.word("documentroot") else [])
    return {
        "version": version[1] if version else "",
        "running": bool(section.first("running")),
        "mpm": mpm[0] if mpm else None,
        "modules": sorted(name.removesuffix("_module") for name in reader.modules),
        "listen": sorted({" ".join(one.words) for one in top.all("listen") if one.words}),
        "user": top.word("user"),
        "vhosts": [_vhost(whole, one, targets, reader.modules) for whole, one in vhosts],
        "htaccess": _htaccess(section),
    }


def _vhost(top: Block, vhost: Block, targets: Mapping[str, str], modules: set[str]) -> dict[str, Any]:
    root = vhost.word("documentroot")
    handlers = [" ".join(one.words) for block in (vhost, top) for one in block.all("sethandler", "addhandler")]
    php = next((text for text in handlers if "php" in text.lower()), None)
    return {
        "file": vhost.file,
        "names": sorted({word for one in vhost.all("servername", "serveralias") for word in one.words}),
        "addresses": list(vhost.words),
        "root": root,
        "root_target": targets.get(root or ""),
        "proxies": sorted({word for word in _proxied(vhost) if re.match(r"[a-z]+:", word)}),
        "php": None if php is None else "fcgi" if "fcgi:" in php or "fcgid" in php else "module",
        "tls": _tls(top, vhost) if (vhost.word("sslengine") or "").lower() == "on" and "ssl_module" in modules else None,
    }


def _proxied(vhost: Block) -> Iterator[str]:
    for one in vhost.all("proxypass", "proxypassmatch", "balancermember"):
        yield from one.words[:2]


def _tls(top: Block, vhost: Block) -> dict[str, Any]:
    def of(*names: str) -> str | None:
        row = next(iter(vhost.all(*names)), None) or next(iter(top.all(*names)), None)
        return " ".join(row.words) if row and row.words else None

    return {
        "protocols": (of("sslprotocol") or "").split(),
        "ciphers": of("sslciphersuite"),
        "certificates": [one.words[0] for one in vhost.all("sslcertificatefile") if one.words],
        "client_ca": of("sslcacertificatefile"),
        "verify_client": of("sslverifyclient"),
    }


def _htaccess(section: Section) -> list[dict[str, Any]]:
    found = []
    for line in section.blocks.get("htaccess", []):
        words = line.rstrip().split("\t")
        if len(words) == 3 and words[2].startswith("/"):
            found.append({"file": words[2], "directives": number(words[0]) or 0, "rewrites": number(words[1]) or 0})
    return sorted(found, key=lambda row: str(row["file"]))


PART = Part(
    "apache",
    Limits(20, 1_000_000),
    parse,
    or_null(record(
        version=TEXT, running=FLAG, mpm=MAYBE, modules=WORDS, listen=WORDS, user=MAYBE,
        vhosts=rows(
            file=TEXT, names=WORDS, addresses=WORDS, root=MAYBE, root_target=MAYBE, proxies=WORDS, php=MAYBE,
            tls=or_null(record(protocols=WORDS, ciphers=MAYBE, certificates=WORDS, client_ca=MAYBE, verify_client=MAYBE)),
        ),
        htaccess=rows(file=TEXT, directives=COUNT, rewrites=COUNT),
    )),
)  # fmt: skip
