# SPDX-License-Identifier: GPL-3.0-or-later
"""Old programs, no programs, no privilege, sections that do not end: the survey is right or says what it could not see."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._survey import assemble, collector, schema
from ansible_collections.lotse.estate.plugins.module_utils._survey.part import Limits
from ansible_collections.lotse.estate.plugins.module_utils._survey.parts import PARTS
from ansible_collections.lotse.estate.plugins.module_utils._survey.wire import split

from .helpers import BOUNDARY, collect
from .test_survey_secrets import SHELLS, TREE, programs

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
NOBODY: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": []}


def old(folder: Path, **texts: str) -> dict[str, str]:
    """An environment in which these programs come first."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


def refuses(program: str, *options: str) -> str:
    """A program that knows everything but these options."""
    cases = " | ".join(f"*' {option}'*" for option in options)
    return f'case " $*" in {cases}) echo "{program}: invalid option" >&2; exit 1 ;; esac; exec {shutil.which(program)} "$@"'


def substitutions(text: str) -> Iterator[str]:
    """What bash 3 takes for the inside of each ``$( … )``: it counts brackets and knows quotes, but not ``case``."""
    for start in re.finditer(r"\$\((?!\()", text):
        depth, at, quote = 1, start.end(), ""
        while at < len(text) and depth:
            letter = text[at]
            if quote:
                quote = "" if letter == quote else quote
                at += letter == "\\" and quote == '"'
            elif letter in "\"'":
                quote = letter
            elif letter == "\\":
                at += 1
            else:
                depth += (letter == "(") - (letter == ")")
            at += 1
        yield text[start.end() : at]


@pytest.mark.parametrize("name", ["prelude", *collector.SECTIONS])
def test_bash_3_finds_the_end_of_every_substitution(name: str) -> None:
    """Its parser ends ``$(case x in a) …)`` at the pattern's bracket: patterns inside need an opening one."""
    for inside in substitutions((collector.FOLDER / f"{name}.sh").read_text(encoding="utf-8")):
        words = re.findall(r"(?<![\w$-])(case|esac)(?![\w-])", re.sub(r"(^|\s)#.*", "", inside))
        assert words.count("case") == words.count("esac"), inside


@pytest.mark.parametrize("name", collector.SECTIONS)
def test_no_section_uses_what_only_new_shells_or_programs_have(name: str) -> None:
    text = collector._text(name)
    shells = (r"\[\[ ", r"<<<", r"(^|;|\{)\s*local [a-z]", r"(^|;)\s*function [a-z_]+ *(\(\) *)?\{", r"&>", r"<\(")
    for pattern in (*shells, r"\bgrep -[a-zA-Z]*P", r"\bmktemp\b", r"\bsort -V", r"\b(tee|touch)\b"):
        assert not re.search(pattern, text, re.MULTILINE), pattern


@pytest.mark.parametrize("name", collector.SECTIONS)
def test_no_section_asks_what_starts_a_service(name: str) -> None:
    """These programs ask over D-Bus, which starts a service of systemd to answer: seen as new folders on a real host's disk."""
    assert not re.search(r"\b(hostnamectl|localectl|timedatectl (?!timesync-status))", collector._text(name))
    assert not re.search(r"\b(start|restart|reload|enable|daemon-reload)\b", " ".join(re.findall(r"systemctl [^|;\n]*", collector._text(name))))


def test_old_sed_and_head_give_the_same(tmp_path: Path) -> None:
    plant(tmp_path / "root", TREE)
    names = ("os", "users", "nginx", "haproxy", "cron", "php")
    environment = old(tmp_path / "bin", sed=refuses("sed", "-E", "-nE"), head=refuses("head", "-c"), timeout="exit 127")
    assert collect(names, tmp_path / "root", environment) == collect(names, tmp_path / "root")


def test_without_awk_the_section_says_so(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": str(farm(tmp_path, "awk", "mawk", "gawk"))}
    code = collector.program(BOUNDARY, "", ("literal_addresses",)).replace(":/usr/sbin:/sbin:/usr/local/sbin:/usr/local/bin", "")
    done = subprocess.run(["/bin/sh", "-s"], input=code.encode(), capture_output=True, timeout=60, env=environment, check=False)
    assert "@unseen there is no awk" in done.stdout.decode()


def farm(folder: Path, *missing: str) -> Path:
    """A folder of links to this machine's programs without some."""
    (folder / "farm").mkdir()
    for path in Path("/usr/bin").iterdir():
        if path.name not in missing:
            (folder / "farm" / path.name).symlink_to(path)
    return folder / "farm"


def test_the_kernels_tables_say_what_ss_says(tmp_path: Path) -> None:
    names = ("processes", "sockets", "units", "packages", "measured")
    with ExitStack() as stack:
        ports = []
        for family, kind, address in (
            (socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1"),
            (socket.AF_INET6, socket.SOCK_STREAM, "::1"),
            (socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1"),
        ):
            made = stack.enter_context(socket.socket(family, kind))
            for port in range(20053, 20153):
                try:
                    made.bind((address, port))
                except OSError:
                    continue
                break
            if kind == socket.SOCK_STREAM:
                made.listen()
                stack.enter_context(socket.create_connection(made.getsockname()[:2]))
            ports.append(made.getsockname()[1])
        new = collect(names)
        without = collect(names, "", old(tmp_path / "bin", ss="exit 1"))
        later = collect(names)
    assert "@block inodes" in without and "@block inodes" not in new
    mine, theirs = (survey_of(answer, names) for answer in (without, new))
    for survey in (mine, theirs):
        found = [(row["protocol"], row["address"], row["port"], row["process"]) for row in survey["listening"] if row["port"] in ports]
        assert [row[:2] for row in found] == [("tcp", "127.0.0.1"), ("udp", "127.0.0.1"), ("tcp", "::1")] or len(found) >= 3, found
        assert all(row[3] and row[3].startswith(("python", "pytest", "execnet")) for row in found), found
    # Other programs of this machine come and go; what was there before and after must be seen in between.
    stayed = [keys(survey["listening"], "protocol", "address", "port") for survey in (theirs, survey_of(later, names))]
    assert stayed[0] & stayed[1] <= keys(mine["listening"], "protocol", "address", "port")
    wanted = {row["peer_port"] for row in theirs["connections"]} & set(ports)
    assert wanted and wanted <= {row["peer_port"] for row in mine["connections"]}


def keys(rows: list[dict[str, Any]], *names: str) -> set[tuple[Any, ...]]:
    return {tuple(row[name] for name in names) for row in rows}


def survey_of(output: str, names: tuple[str, ...], others: str = "@absent") -> dict[str, Any]:
    """A survey of an answer that has only these sections."""
    rest = [f"\n{BOUNDARY} section {name}\n{others}\n{BOUNDARY} end {name} 0\n" for name in collector.SECTIONS if name not in names]
    return assemble.survey(output.replace(f"\n{BOUNDARY} complete\n", "".join([*rest, f"\n{BOUNDARY} complete\n"])), BOUNDARY, "here", "192.0.2.1")


def test_without_ip_the_addresses_are_the_same(tmp_path: Path) -> None:
    with_ip = survey_of(collect(("addresses",)), ("addresses",))["addresses"]
    assert with_ip
    for number, tools in enumerate(({"ip": "exit 1"}, {"ip": "exit 1", "ifconfig": "exit 1"})):
        assert survey_of(collect(("addresses",), "", old(tmp_path / str(number), **tools)), ("addresses",))["addresses"] == with_ip


def test_without_a_df_that_knows_types_the_file_systems_are_the_same(tmp_path: Path) -> None:
    new = survey_of(collect(("mounts",)), ("mounts",))["mounts"]
    without = survey_of(collect(("mounts",), "", old(tmp_path / "bin", df=refuses("df", "-PT"))), ("mounts",))["mounts"]
    assert keys(new, "source", "target", "type", "size_mib") == keys(without, "source", "target", "type", "size_mib") != set()


LONG = f"98765.{os.getpid()}"  # a sleep that nothing else on this machine does
LEAVES = {
    "one that goes on behind": f"sleep {LONG} & echo '@fine'",
    "one that leaves its group": f"(setsid sleep {LONG} >/dev/null 2>&1 &); sleep 0.2; exit 3",
    "a tree that hangs": f"(sh -c '(sleep {LONG}; true) & wait; true') & wait",
    "one that ignores signals": f"trap '' TERM HUP INT; sleep {LONG} & while :; do sleep {LONG}; done",
    "one that floods behind": f"(while :; do echo ' aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'; done) & sleep {LONG}",
}


@pytest.mark.parametrize("leaves", LEAVES)
@pytest.mark.parametrize("shell", [*SHELLS, "no timeout"])
def test_no_section_leaves_a_process_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str, leaves: str) -> None:
    codes = {"mounts": LEAVES[leaves], "os": "echo @fine"}
    monkeypatch.setattr(collector, "_text", lambda name: codes.get(name, ""))
    monkeypatch.setattr(collector, "SECTIONS", {"mounts": Limits(1, 5000), "os": Limits(5, 1000)})
    environment = old(tmp_path / "bin", timeout="exit 127") if shell == "no timeout" else programs(tmp_path / "bin", shell)
    assert not sleepers()
    output = collect(("mounts", "os"), "", environment)
    assert sleepers() == []
    assert output.count("@fine") >= 1 and f"{BOUNDARY} complete" in output


def sleepers() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if LONG.encode() in words[1:2]:
            found.append(path.parent.name)
    return found


def test_a_survey_that_takes_too_long_tells_what_it_did_not_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = {"mounts": "sleep 60", "os": "echo @fine", "users": "echo @fine"}
    monkeypatch.setattr(collector, "_text", lambda name: codes.get(name, ""))
    monkeypatch.setattr(collector, "SECTIONS", dict.fromkeys(codes, Limits(30, 1000)))
    program = collector.program(BOUNDARY, sections=tuple(codes), seconds=1)
    done = subprocess.run(["sh", "-s"], input=program.encode(), capture_output=True, timeout=20, check=False)
    found = split(done.stdout.decode(), BOUNDARY, dict.fromkeys(codes, 0), "here")
    assert found["mounts"].unseen == ("it took too long and was ended",)
    assert found["users"].unseen == ("the survey's time of 1 seconds was over before this section",)


# Privilege


def plant(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter; pytest's own are closed."""
    folder = Path(tempfile.mkdtemp(prefix="lotse-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def as_nobody(names: tuple[str, ...], root: Path | str = "", **environment: str) -> str:
    program = collector.program(BOUNDARY, str(root), names).encode()
    home = {**os.environ, "HOME": "/", **environment}
    done: subprocess.CompletedProcess[bytes] = subprocess.run(
        ["sh", "-s"], input=program, capture_output=True, timeout=240, check=False, env=home, cwd="/", **NOBODY
    )
    return done.stdout.decode("utf-8", "replace")


def seen(survey: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in survey.items() if name in schema.SECTIONS and value not in (None, [], {})}


@as_root
def test_what_only_root_may_read_is_not_absent_for_others(open_folder: Path) -> None:
    """Every folder of a host's tree is closed, one level below /etc, /srv and /var: each section tells it."""
    root = open_folder / "root"
    plant(root, TREE)
    for folder in (*(root / "etc").iterdir(), *(path for path in (root / "srv", root / "var" / "spool") if path.is_dir())):
        if folder.is_dir():
            folder.chmod(0o700)
    names = tuple(collector.SECTIONS)
    root_sees = survey_of(collect(names, root), names)
    nobody_sees = survey_of(as_nobody(names, root), names)
    told = {row["section"] for row in nobody_sees["not_assessed"]}
    lost = [name for name in seen(root_sees) if name not in seen(nobody_sees) and name not in told]
    assert lost == []
    assert {"cron", "nginx", "haproxy"} <= told


def named_programs() -> dict[str, list[str]]:
    """The programs that each section looks for among the running ones."""
    found = {}
    for name in collector.SECTIONS:
        text = (collector.FOLDER / f"{name}.sh").read_text(encoding="utf-8")
        patterns = re.findall(r"\brunning (?:'([^']+)'|([\w-]+))", text)
        words = [re.sub(r"\[[^]]*\]\*|\(|\)|\\|\?|\.\*|\*", "", word) for pair in patterns for word in "".join(pair).split("|")]
        found[name] = [word for word in words if re.fullmatch(r"[A-Za-z][\w.-]*", word)]
    return {name: words for name, words in found.items() if words}


@as_root
def test_a_program_that_runs_as_another_user_is_not_absent(open_folder: Path) -> None:
    """Each program that any section looks for runs here as root; who is not root must see it or say that it cannot."""
    wanted = named_programs()
    assert {"mariadb", "redis", "nginx"} <= set(wanted)
    running = []
    try:
        for word in sorted({word for words in wanted.values() for word in words}):
            shutil.copy(shutil.which("sleep") or "/bin/sleep", open_folder / word)
            running.append(subprocess.Popen([open_folder / word, "240"]))
        output = as_nobody(tuple(wanted))
    finally:
        for process in running:
            process.kill()
            process.wait()
    sections = split(output, BOUNDARY, dict.fromkeys(wanted, 0), "here")
    assert [name for name, section in sections.items() if section.absent] == []


@as_root
def test_on_a_host_that_hides_processes_nothing_is_absent(open_folder: Path) -> None:
    """/proc mounted with hidepid=2, as on hardened hosts."""
    inside = "mount -t proc -o hidepid=2 proc /proc && setpriv --reuid 65534 --regid 65534 --clear-groups sh -s; exit $?"
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "sh", "-c", inside],
        input=collector.program(BOUNDARY, "", ("mariadb", "redis")).encode(),
        capture_output=True,
        timeout=60,
        check=False,
        cwd="/",
    )
    if b"complete" not in done.stdout:
        pytest.skip(f"this machine cannot mount /proc anew: {done.stderr.decode()[:200]}")
    sections = split(done.stdout.decode(), BOUNDARY, {"mariadb": 0, "redis": 0}, "here")
    assert [section.absent for section in sections.values()] == [False, False]
    assert all("hides the processes" in section.unseen[0] for section in sections.values())


def test_an_answer_without_words_is_not_absent() -> None:
    """Every section ended without a word: nothing is empty, and everything has a reason."""
    nothing = "".join(f"\n{BOUNDARY} section {name}\n\n{BOUNDARY} end {name} 2\n" for name in collector.SECTIONS) + f"\n{BOUNDARY} complete\n"
    survey = assemble.survey(nothing, BOUNDARY, "here", "192.0.2.1")
    assert set(survey) == {"schema", "host", "address", "not_assessed"}
    assert {row["section"] for row in survey["not_assessed"]} == set(schema.SECTIONS)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_a_part_that_only_says_why_not_has_no_value(part: Any) -> None:
    survey = survey_of(f"\n{BOUNDARY} section {part.name}\n@unseen not root\n{BOUNDARY} end {part.name} 0\n\n{BOUNDARY} complete\n", (part.name,))
    assert part.name not in survey
    assert {"section": part.name, "reason": "not root"} in survey["not_assessed"]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_the_empty_value_of_a_part_has_its_shape(part: Any) -> None:
    assert schema.fault(part.name, part.empty) is None
    assert part.limits.seconds <= 120 and part.limits.size <= 4_000_000
