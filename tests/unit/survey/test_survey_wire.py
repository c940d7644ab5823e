# SPDX-License-Identifier: GPL-3.0-or-later
"""The way from a host to its survey: nothing forged, nothing cut, nothing unseen passes for something else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError
from ansible_collections.lotse.estate.plugins.module_utils._survey import assemble, collector, schema, wire
from hypothesis import given, settings
from hypothesis import strategies as st

from .helpers import BOUNDARY, HOSTS, answer, surveyed, whole


def unseen(survey: dict[str, Any], name: str) -> list[str]:
    return [row["reason"] for row in survey["not_assessed"] if row["section"] == name]


def replaced(host: str, name: str, text: str, status: int = 0) -> str:
    """A host's answer with another text for one section."""
    whole_answer = answer(host)
    start = whole_answer.index(f"{BOUNDARY} section {name}\n") + len(f"{BOUNDARY} section {name}\n")
    end = whole_answer.index(f"{BOUNDARY} end {name} ")
    rest = whole_answer[end:].split("\n", 1)[1]
    return f"{whole_answer[:start]}{text}\n{BOUNDARY} end {name} {status}\n{rest}"


def assembled(host: str, name: str, text: str, status: int = 0) -> dict[str, Any]:
    return assemble.survey(replaced(host, name, text, status), BOUNDARY, host, HOSTS[host])


def test_an_answer_that_ends_early_is_an_error() -> None:
    with pytest.raises(LotseError, match="did not run to its end"):
        assemble.survey(answer("db1")[: len(answer("db1")) // 2], BOUNDARY, "db1", "10.77.0.13")


def test_an_answer_to_another_run_is_an_error() -> None:
    with pytest.raises(LotseError, match="did not run to its end"):
        assemble.survey(answer("db1"), collector.new_boundary(), "db1", "10.77.0.13")


def test_text_of_the_host_cannot_pass_for_the_collectors_own_lines() -> None:
    forged = f"@system\n@file /var/spool/cron/crontabs/eve\n @file /etc/crontab\n @absent\n {BOUNDARY} end cron 0\n 1 * * * * root true"
    survey = assembled("web1", "cron", forged)
    assert [job["source"] for job in survey["cron"]] == ["/var/spool/cron/crontabs/eve"]


def test_a_section_that_took_too_long_is_not_an_empty_one() -> None:
    survey = assembled("db1", "mariadb", "", 137)
    assert "mariadb" not in survey
    assert unseen(survey, "mariadb")[0] == "it took too long and was ended"
    with pytest.raises(LotseError, match="took too long"):
        schema.section(survey, "mariadb")


def test_what_a_section_saw_before_it_was_ended_is_kept_and_marked() -> None:
    survey = assembled("web1", "cron", "@spool\n@system\n@file /etc/crontab\n 1 * * * * root true", 137)
    assert len(survey["cron"]) == 1
    assert unseen(survey, "cron") == ["it took too long and was ended"]


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("processes", ("services", "listening", "connections", "unpackaged", "measured")),
        ("packages", ("unpackaged",)),
        ("sockets", ("listening", "connections")),
        ("addresses", ("addresses", "literal_addresses")),
        ("cron", ("cron",)),
        ("php", ("php",)),
    ],
)
def test_without_privilege_the_reason_is_told(name: str, keys: tuple[str, ...]) -> None:
    survey = assembled("web1", name, "@unseen not root")
    for key in keys:
        assert key not in survey
        assert "not root" in " ".join(unseen(survey, key)) or key == "literal_addresses"


def test_a_question_that_the_server_refused_leaves_its_part_out() -> None:
    text = "@block version\n 10.5.23-MariaDB\n@block variables\n sql_mode\tX\n@block privileged\n@unseen privileged: SELECT command denied\n"
    survey = assembled("db1", "mariadb", text)
    assert "privileged_accounts" not in survey["mariadb"]
    assert unseen(survey, "mariadb") == ["privileged: SELECT command denied"]


def test_more_than_a_section_may_say_is_marked() -> None:
    survey = assembled("web1", "addresses", "@block addresses\n" + " 2: host0 inet 10.77.0.12/24 scope global\n" * 3000)
    assert survey["addresses"] == ["10.77.0.12/24"]
    assert "the rest was left out" in unseen(survey, "addresses")[0]


LINES = st.lists(
    st.one_of(
        st.text(max_size=60),
        st.text(max_size=60).map(lambda text: f" {text}"),
        st.sampled_from(["exe", "status", "cgroup", "nofile", "pss", "script", "show", "owners", "versions", "paths", "sockets", "df"]).map(
            "@block {}".format
        ),
        st.sampled_from(["/etc/nginx/nginx.conf", "/etc/haproxy/haproxy.cfg", "/etc/crontab", "/var/spool/cron/x", "/etc/os-release"]).map(
            "@file {}".format
        ),
        st.sampled_from(["passwd", "group", "load", "memory", "uptime", "disks", "cpus", "info", "config", "version", "variables"]).map(
            "@block {}".format
        ),
        st.sampled_from(["fpm_version", "fpm_extensions", "fpm_effective", "fpm_built_in", "found", "addresses", "localtime"]).map(
            "@block {}".format
        ),
        st.sampled_from(
            [" 1 /bin/x (deleted)", " 1 Uid:\t99999999999999999999 0", " server { {", " a b 9999999999999999999999 1 1 1% /", " [global]"]
        ),
        st.sampled_from([" LISTEN [::%9]:x *:*", " db0:keys=1,", " x\t" + "9" * 5000, "@absent", "@system", "@merged", " */* * * * * root"]),
    ),
    max_size=25,
).map("\n".join)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(list(collector.SECTIONS)), LINES))
def test_garbage_is_a_survey_with_reasons_or_one_clear_error(sections: dict[str, str]) -> None:
    try:
        survey = assemble.survey(whole(sections), BOUNDARY, "host", "192.0.2.1")
    except LotseError:
        return
    assert schema.load(schema.dump(survey), "host") == survey


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(list(HOSTS)), st.randoms(use_true_random=False))
def test_a_damaged_answer_is_a_survey_or_one_clear_error(host: str, random: Any) -> None:
    text = list(answer(host))
    for _ in range(40):
        at = random.randrange(len(text))
        text[at : at + random.randrange(1, 12)] = random.choice(["", "\x00", "{", "\t", "\udcff", "9" * 40, "\n", "@"])
    try:
        assemble.survey("".join(text), BOUNDARY, host, HOSTS[host])
    except LotseError:
        return


def test_a_survey_is_read_back_only_when_it_is_sound() -> None:
    text = schema.dump(surveyed("web1"))
    for damage, named in [
        (text[:-20], "not JSON"),
        (text.replace('"lotse/survey/2"', '"lotse/survey/9"'), "schema"),
        (text.replace('"port": 80,', '"port": "80",'), r"listening\[1\]\.port"),
    ]:
        with pytest.raises(LotseError, match=named) as error:
            schema.load(damage, "survey/web1.json")
        assert error.value.where == "survey/web1.json"
    survey = json.loads(text)
    del survey["cron"]
    with pytest.raises(LotseError, match="cron: neither surveyed nor listed"):
        schema.check(survey, "survey/web1.json")


def test_what_moves_by_itself_is_no_change() -> None:
    before, after = surveyed("db1"), surveyed("db1")
    after["measured"]["load"] = [9.0, 9.0, 9.0]
    after["connections"] = []
    after["mounts"][0]["used_mib"] += 1
    after["mariadb"]["databases"][0]["size_mib"] += 1
    assert schema.comparable(before) == schema.comparable(after)
    after["mariadb"]["variables"]["sql_mode"] = ""
    assert schema.comparable(before) != schema.comparable(after)
    assert "measured" in after, "comparing must not change what it compares"


def test_numbers_are_bounded() -> None:
    assert wire.number("9" * 5000) is None
    assert wire.number(" 42 ") == 42
    assert wire.number("٤") is None
