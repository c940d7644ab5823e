# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge: HAProxy and the public address."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Estate
from testinfra.host import Host

KINDS = ("edge",)


@pytest.mark.control(
    id="edge-service", title="HAProxy runs, starts at boot, its configuration is valid and it listens", severity="critical"
)
def test_service(new: Host, move: dict[str, Any]) -> None:
    assert new.service("haproxy").is_running
    assert new.service("haproxy").is_enabled
    assert new.run("haproxy -c -q -f /etc/haproxy/haproxy.cfg").rc == 0
    assert new.socket("tcp://0.0.0.0:80").is_listening


@pytest.mark.control(
    id="edge-address", title="The public address is on the new edge and no longer answers on the old one", severity="critical"
)
def test_address(new: Host, estate: Estate, move: dict[str, Any]) -> None:
    public = estate.guest(move["to"])["settings"]["edge_public_address"].split("/")[0]
    assert public in new.check_output("ip -4 -o address show"), f"{public} is not on {move['to']}"
    mac = new.check_output(
        "cat /sys/class/net/$(ip -4 -o route get %s | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p')/address", estate.address(move["from"])
    )
    for name in (guest["name"] for guest in estate.plan["guests"] if guest["name"] != move["to"]):
        other = estate.connect(name)
        other.run("curl -s -o /dev/null -m 1 http://%s/", public)
        seen = other.check_output("ip neighbour show to %s", public)
        assert mac in seen, f"{name} sees {public} at {seen!r}, the new edge is {mac}"


@pytest.mark.control(id="edge-requests", title="The application answers through the public address", severity="critical")
def test_requests(new: Host, estate: Estate, move: dict[str, Any]) -> None:
    public = estate.guest(move["to"])["settings"]["edge_public_address"].split("/")[0]
    probe = estate.connect(next(guest["name"] for guest in estate.plan["guests"] if guest["role"] == "web_php"))
    names = [name for vhost in _vhosts(estate) for name in vhost["server_names"] if name != "_"]
    assert names, "the plan has no vhost to ask for"
    for name in names:
        status = probe.check_output("curl -s -o /dev/null -m 5 -w %%{http_code} -H Host:%s http://%s/", name, public)
        assert status in {"200", "301", "302"}, f"{name}: {status}"


def _vhosts(estate: Estate) -> list[dict[str, Any]]:
    return [vhost for guest in estate.plan["guests"] for vhost in guest["settings"].get("web_php_vhosts", [])]
