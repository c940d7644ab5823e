# SPDX-License-Identifier: GPL-3.0-or-later
"""Redis or Valkey: the service, its limits, and the keys that the old side still holds."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Estate
from testinfra.host import Host

KINDS = ("redis",)


def command(host: Host, *words: str) -> str:
    client = "valkey-cli" if host.exists("valkey-cli") else "redis-cli"
    return str(host.check_output("%s " * (len(words) + 1), client, *words))


def info(host: Host, section: str) -> dict[str, str]:
    lines = command(host, "INFO", section).splitlines()
    return dict(line.strip().split(":", 1) for line in lines if ":" in line)


@pytest.mark.control(id="redis-service", title="The cache runs, starts at boot and listens", severity="critical")
def test_service(new: Host, move: dict[str, Any]) -> None:
    assert new.service("valkey-server").is_running
    assert new.service("valkey-server").is_enabled
    assert new.socket(f"tcp://0.0.0.0:{move['parameters'].get('port', 6379)}").is_listening


@pytest.mark.control(id="redis-one-writer", title="Exactly one side takes writes: the new one", severity="critical")
def test_one_writer(old: Host, new: Host) -> None:
    assert info(new, "replication")["role"] == "master"
    assert int(info(old, "replication").get("min_slaves_good_slaves", "0")) == 0
    fence = int(command(old, "CONFIG", "GET", "min-replicas-to-write").splitlines()[-1])
    assert fence > 0 or info(old, "replication")["role"] == "slave", "the old side is not fenced"
    assert int(command(new, "CONFIG", "GET", "min-replicas-to-write").splitlines()[-1]) == 0


@pytest.mark.control(id="redis-limits", title="Memory limit and eviction are those of the old side", severity="warning")
def test_limits(old: Host, new: Host) -> None:
    for name in ("maxmemory", "maxmemory-policy", "databases"):
        assert command(old, "CONFIG", "GET", name).splitlines()[-1] == command(new, "CONFIG", "GET", name).splitlines()[-1], name


@pytest.mark.control(id="redis-keys", title="Every key without expiry that the old side holds is on the new side", severity="critical")
def test_keys(old: Host, new: Host, estate: Estate) -> None:
    script = (
        "local gone = {} local cursor = '0' repeat local page = redis.call('SCAN', cursor, 'COUNT', 1000) cursor = page[1] "
        "for _, key in ipairs(page[2]) do if redis.call('TTL', key) == -1 then gone[#gone + 1] = key end end until cursor == '0' "
        "table.sort(gone) return gone"
    )
    before, after = (set(command(host, "EVAL", script, "0").splitlines()) for host in (old, new))
    before.discard("")
    assert before, "the old side holds no key without expiry: nothing is compared"
    missing = sorted(before - after)
    assert not missing, f"{len(missing)} of {len(before)} keys are missing, the first: {missing[:5]}"
