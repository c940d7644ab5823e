# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host exports and mounts over NFS. Formats: exports(5), /var/lib/nfs/etab, proc_mounts(5), proc_pid_mountstats(5), fstab(5)."""

from __future__ import annotations

import re
from typing import Any

from ..part import COUNT_OR_NULL, FLAG, MAYBE, TEXT, WORDS, Limits, Part, or_null, record, rows
from ..wire import Section, UnseenError, number

Row = dict[str, Any]
CLIENT = re.compile(r"([^\s()]{0,200})\(([^()]{0,1000})\)")


def parse(section: Section) -> Row | None:
    if section.absent:
        return None
    if "mounts" not in section.blocks:
        raise UnseenError("; ".join(section.unseen) or "the host did not answer about NFS")
    return {
        "exports": _exports(section), "mounts": _mounts(section),
        "clients": sorted({line.strip() for line in section.blocks.get("clients", []) if line.strip()}),
        "served_versions": [word[1:] for word in section.first("versions").split() if word.startswith("+")],
        "idmap_domain": section.first("domain") or None, "dns_domain": section.first("dnsdomain") or None,
        "automounts": sorted({re.sub(r"\s+", " ", line.strip()) for line in section.blocks.get("autofs", []) if line.strip()}),
    }  # fmt: skip


def _octal(text: str) -> str:
    """Blanks in a path are written as \\040."""
    return re.sub(r"\\([0-3][0-7]{2})", lambda match: chr(int(match[1], 8)), text)


def _exports(section: Section) -> list[Row]:
    """By path and client. The running table has every default; the files say where it is written."""
    running: dict[tuple[str, str], list[str]] = {}
    for line in section.blocks.get("etab", []):
        path, _, rest = line.partition("\t")
        for client, options in CLIENT.findall(rest or line.partition(" ")[2]):
            running[(_octal(path.strip()), client)] = options.split(",")
    found = {}
    for file, lines in sorted(section.files.items()):
        for place, line in enumerate(lines, 1):
            words = line.split("#", 1)[0]
            match = re.match(r'\s*("[^"]{1,500}"|/\S{0,500})\s*(.*)', words)
            if not match:
                continue
            path = _octal(match[1].strip('"'))
            for word in match[2].split():
                if word.startswith("-"):
                    continue
                client, options = CLIENT.fullmatch(word).groups() if CLIENT.fullmatch(word) else (word, "")  # type: ignore[union-attr]
                found[(path, client)] = _export(path, client, running.get((path, client)) or options.split(","), file, place)
    for (path, client), options in running.items():
        found.setdefault((path, client), _export(path, client, options, None, None))
    return [found[key] for key in sorted(found)]


def _export(path: str, client: str, options: list[str], file: str | None, line: int | None) -> Row:
    given = [option.strip() for option in options if option.strip()]
    fsid = next((option[5:] for option in given if option.startswith("fsid=")), None)
    return {"path": path, "client": client or "*", "options": sorted(set(given)), "fsid": fsid, "file": file, "line": line}


def _mounts(section: Section) -> list[Row]:
    stats: dict[str, tuple[int | None, int | None, int | None]] = {}
    for line in section.blocks.get("stats", []):
        words = line.split("\t")
        if len(words) == 4:
            stats[_octal(words[0])] = (number(words[1]), number(words[2]), number(words[3]))
    written: dict[str, tuple[int, str, str, str]] = {}
    for line in section.blocks.get("fstab", []):
        words = line.split("\t")
        if len(words) == 5 and (place := number(words[0])) is not None:
            written[_octal(words[2])] = (place, words[1], words[3], words[4])
    found = {}
    for line in section.lines("mounts"):
        words = line.split("\t")
        if len(words) == 4:
            target = _octal(words[1])
            entry = written.pop(target, None)
            found[target] = _mount(_octal(words[0]), target, words[2], words[3], entry[0] if entry else None, stats.get(target), mounted=True)
    for target, (place, source, kind, options) in written.items():
        found[target] = _mount(_octal(source), target, kind, options, place, None, mounted=False)
    return [found[key] for key in sorted(found)]


def _mount(
    source: str, target: str, kind: str, options: str, line: int | None, stats: tuple[int | None, int | None, int | None] | None, *, mounted: bool
) -> Row:
    values = dict(option.partition("=")[::2] for option in options.split(","))
    host, _, path = source.rpartition(":/") if not source.startswith("[") else (source[1 : source.find("]")], "", source[source.find("]") + 3 :])
    version = values.get("vers") or values.get("nfsvers") or ("4" if kind == "nfs4" else "")
    age, read, wrote = stats or (None, None, None)
    return {
        "server": host.strip("[]"), "path": f"/{path}", "target": target, "version": version or None, "protocol": values.get("proto"),
        "security": values.get("sec"), "address": values.get("addr"), "hard": "soft" not in values, "options": sorted(set(options.split(","))),
        "mounted": mounted, "fstab_line": line, "age_s": age, "read_bytes": read, "written_bytes": wrote,
    }  # fmt: skip


def _steady(value: Row | None) -> Row | None:
    if value is None:
        return None
    moving = ("age_s", "read_bytes", "written_bytes")
    mounts = [{key: field for key, field in row.items() if key not in moving} for row in value["mounts"]]
    return {**value, "mounts": mounts, "clients": []}


PART = Part(
    "nfs",
    Limits(10, 300_000),
    parse,
    or_null(
        record(
            exports=rows(path=TEXT, client=TEXT, options=WORDS, fsid=MAYBE, file=MAYBE, line=COUNT_OR_NULL),
            mounts=rows(
                server=TEXT, path=TEXT, target=TEXT, version=MAYBE, protocol=MAYBE, security=MAYBE, address=MAYBE, hard=FLAG, options=WORDS,
                mounted=FLAG, fstab_line=COUNT_OR_NULL, age_s=COUNT_OR_NULL, read_bytes=COUNT_OR_NULL, written_bytes=COUNT_OR_NULL,
            ),
            clients=WORDS, served_versions=WORDS, idmap_domain=MAYBE, dns_domain=MAYBE, automounts=WORDS,
        )
    ),
    steady=_steady,
)  # fmt: skip
