# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL, RabbitMQ, memcached and the C library, as real servers answered the collector: fixtures/*.txt say which version."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from ansible_collections.lotse.estate.plugins.module_utils._survey.parts import PARTS, libc, memcached, postgresql, rabbitmq
from ansible_collections.lotse.estate.plugins.module_utils._survey.wire import Section, UnseenError, split
from hypothesis import given, settings
from hypothesis import strategies as st

from .helpers import BOUNDARY, FIXTURES, section

OURS = {part.name: part for part in PARTS if part.name in ("libc", "memcached", "postgresql", "rabbitmq")}


def recorded(name: str, part: str) -> Section:
    """One section of a recording. Canaries had been planted in the servers as passwords and in settings."""
    text = (FIXTURES / name).read_text(encoding="utf-8")
    assert "cAnArY" not in text
    return split(text, BOUNDARY, {part: 0}, name)[part]


def cluster(name: str) -> dict[str, Any]:
    found = postgresql.parse(recorded(name, "postgresql"))
    assert found is not None
    return dict(found["clusters"][0])


@pytest.mark.parametrize(("name", "version", "glibc"), [("postgresql-13.txt", "13.16", "2.31"), ("postgresql-17.txt", "17.12", "2.41")])
def test_a_real_postgresql(name: str, version: str, glibc: str) -> None:
    found = cluster(name)
    assert (found["port"], found["version"], found["major"], found["standby"]) == (5432, version, version.split(".")[0], False)
    assert found["not_answered"] == []
    assert found["settings"]["wal_level"] == "logical"
    assert found["settings"]["shared_buffers"] == "2048 x 8kB"
    assert (found["settings"]["primary_conninfo"], found["settings"]["archive_command"]) == ("[redacted]", "[redacted]")
    assert {row["name"]: row["password"] for row in found["roles"]} == {
        "app": "scram-sha-256" if version > "14" else "md5", "legacy": "md5", "ops": "none", "postgres": "none", "report": "none",
    }  # fmt: skip
    assert [row["name"] for row in found["roles"] if row["superuser"]] == ["ops", "postgres"]
    assert [(row["name"], row["owner"], row["database"]) for row in found["prepared"]] == [("forgotten", "postgres", "shop")]
    idle = [row for row in found["clients"] if row["state"] == "idle in transaction"]
    assert [(row["user"], row["database"], row["address"]) for row in idle] == [("postgres", "shop", "local")]
    assert {"role": "app", "database": None, "setting": "statement_timeout=30s"} in found["role_settings"]
    assert found["cache"]["hits"] > found["cache"]["reads"] > 0
    assert {row["method"] for row in found["access"]} == {"peer", "scram-sha-256" if version > "14" else "md5"}
    assert recorded(name, "libc").first("version") == f"glibc {glibc}"


@pytest.mark.parametrize("name", ["postgresql-13.txt", "postgresql-17.txt"])
def test_a_real_database(name: str) -> None:
    databases = {row["name"]: row for row in cluster(name)["databases"]}
    shop = databases["shop"]
    assert (shop["encoding"], shop["collate"], shop["provider"]) == ("UTF8", "de_DE.UTF-8", "libc")
    assert (shop["tables"], shop["sequences"], shop["large_objects"], shop["text_indexes"]) == (5, 1, 2, 2)
    assert [row["table"] for row in shop["without_identity"]] == ["public.audit", "public.odd?name"]
    assert (shop["unlogged"], shop["removed_types"], shop["collations_changed"]) == (["public.cached"], [], [])
    assert shop["foreign"] == [{"name": "other", "wrapper": "postgres_fdw", "host": "10.77.0.99"}]
    assert shop["publications"] == [{"name": "everything", "all_tables": True}]
    assert set(shop["extensions"]) == {"pg_trgm", "plpgsql", "postgres_fdw"}
    odd = databases["odd name?x"]
    assert (odd["encoding"], odd["collate"], odd["tables"], odd["text_indexes"]) == ("LATIN1", "C", 0, 0)
    assert "tables" not in databases["template0"], "it takes no connections"


def test_postgresql_15_and_later_tell_versions_of_collations() -> None:
    old, new = ({row["name"]: row for row in cluster(name)["databases"]}["shop"] for name in ("postgresql-13.txt", "postgresql-17.txt"))
    assert (old["collation_version"], old["collation_version_now"]) == (None, None)
    assert (new["collation_version"], new["collation_version_now"]) == ("2.41", "2.41")


def test_what_one_question_could_not_find_out_is_missing_and_named() -> None:
    """psql writes an error behind the question, on its own line."""
    answer = {"server 5432": "ask server\n90603\t9.6.3\tf\t/run/postgresql", "settings 5432": "ask settings\nport\t5432\t\tconfiguration file",
              "cluster 5432": "ask databases\nshop\t1\tUTF8\tC\tC\t\t\t\t\tt\tf\nask roles\nERROR:  permission denied for relation pg_authid",
              "database 5432 shop": "ask counts\nERROR:  canceling statement due to statement timeout"}  # fmt: skip
    found = postgresql.parse(section("postgresql", None, **answer))
    assert found is not None
    assert (found["version"], found["clusters"][0]["major"]) == ("9.6.3", "9.6")
    assert "roles" not in found["clusters"][0]
    assert found["clusters"][0]["not_answered"] == ["clients", "prepared", "replicas", "roles", "shop: counts", "shop: without_identity"]


def test_no_answer_is_no_absence() -> None:
    with pytest.raises(UnseenError, match="no server answered"):
        postgresql.parse(Section("postgresql"))
    assert postgresql.parse(Section("postgresql", absent=True)) is None


def test_the_order_of_debian_11_and_13_is_one() -> None:
    """Measured: glibc 2.31 and 2.41 sort the collector's words alike, and Swedish unlike German."""
    old, new = (libc.parse(recorded(name, "libc")) for name in ("postgresql-13.txt", "postgresql-17.txt"))
    assert (old["version"], new["version"]) == ("2.31", "2.41")
    assert old["order"]["de_DE.utf8"] == new["order"]["de_DE.utf8"] != new["order"]["sv_SE.utf8"]


@pytest.mark.parametrize(
    ("text", "name", "version"),
    [
        ("ldd (Debian GLIBC 2.24-11+deb9u4) 2.24", "glibc", "2.24"),
        ("ldd (GNU libc) 2.17", "glibc", "2.17"),
        ("musl libc (x86_64)\nVersion 1.2.5", "musl", "1.2.5"),
        ("", None, None),
    ],
)
def test_libraries_by_their_own_words(text: str, name: str | None, version: str | None) -> None:
    found = libc.parse(section("libc", None, version=text, locales=""))
    assert (found["name"], found["version"], found["order"]) == (name, version, {})


@pytest.mark.parametrize(("name", "version", "erlang"), [("rabbitmq-3.8.txt", "3.8.9", "23"), ("rabbitmq-4.0.txt", "4.0.5", "27")])
def test_a_real_rabbitmq(name: str, version: str, erlang: str) -> None:
    found = rabbitmq.parse(recorded(name, "rabbitmq"))
    assert found is not None
    assert (found["version"], found["erlang"], found["node"], found["vhosts"]) == (version, erlang, "rabbit@localhost", ["/"])
    assert found["plugins"] == ["rabbitmq_federation", "rabbitmq_shovel"]
    assert sorted((row["name"], row["tags"]) for row in found["users"]) == [("app", ["monitoring"]), ("guest", ["administrator"])]
    assert [(row["name"], row["type"], row["durable"]) for row in found["queues"]] == [
        ("ha.mail", "classic", True), ("orders", "classic", True), ("quorum", "quorum", True), ("tmp", "classic", False),
    ]  # fmt: skip
    assert found["queues"][1]["arguments"] == {"x-dead-letter-exchange": "dead, end", "x-max-priority": "10"}
    assert found["queues"][2]["arguments"] == {"x-queue-type": "quorum"}
    assert found["feature_flags"]["quorum_queue"] == "enabled"
    assert found["exchanges"] == []
    assert found["parameters"] == [{"vhost": "/", "component": "federation-upstream", "name": "up"}]
    policy = ("ha", '{"ha-mode":"all"}') if version == "3.8.9" else ("ttl", '{"message-ttl":60000}')
    assert [(row["name"], row["definition"]) for row in found["policies"]] == [policy], "4.0.5 had refused the other"


@pytest.mark.parametrize(("name", "version"), [("rabbitmq-3.8.txt", "1.6.9"), ("rabbitmq-4.0.txt", "1.6.38")])
def test_a_real_memcached(name: str, version: str) -> None:
    found = memcached.parse(recorded(name, "memcached"))
    assert found is not None
    assert found["version"] == version
    assert [(row["port"], row["limit_mib"], row["connections_most"], row["sasl"]) for row in found["servers"]] == [(11211, 32, 1024, False)]
    assert {key: found["statistics"][key] for key in ("get_hits", "get_misses", "curr_items")} == {"get_hits": 1, "get_misses": 1, "curr_items": 1}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(OURS)), st.dictionaries(st.sampled_from(
    ["version", "sorted de_DE.utf8", "server 5432", "server x", "settings 5432", "cluster 5432", "database 5432 a", "plugins", "vhosts", "users",
     "flags", "queues /", "policies /", "exchanges /", "parameters /"]),
    st.lists(st.one_of(st.text(max_size=30), st.sampled_from(
        ["ask server", "ask databases", "ask counts", "170000\t17\tf\t/x", "a\t1\tb\tc\td\te\tf\tg\th\tt\tf", "1\t2\t3\t4", "3.8.9", "STAT uptime 5",
         "q\tclassic\ttrue\tfalse\tfalse\t1\t0\t\t[{\"a\",1}]", "/\ta\tb\tall\t{}\t0"])), max_size=6)))
def test_whatever_a_host_sends(name: str, blocks: dict[str, list[str]]) -> None:
    try:
        value = OURS[name].parse(Section(name, blocks))
    except UnseenError:
        return
    jsonschema.Draft202012Validator(OURS[name].shape).validate(value)
    OURS[name].steady(value)
