# SPDX-License-Identifier: GPL-3.0-or-later
"""What systems from Debian 8 to 13, Ubuntu 14.04 to 24.04, CentOS 6 to Alma 9 and Alpine answer: each is a valid survey with what is known of it.

The first line of each file in ``systems/`` says whether it was recorded or made from the system's documented formats; those have only the
sections in which systems differ.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._survey import assemble, collector, schema

from .helpers import BOUNDARY

FOLDER = Path(__file__).parent / "systems"
MADE = {
    "debian8": ("debian", "8", "systemd", "1.6.2"),
    "debian9": ("debian", "9", "systemd", "1.10.3"),
    "debian10": ("debian", "10", "systemd", "1.14.2"),
    "ubuntu1404": ("ubuntu", "14.04", "sysv", "1.4.6"),
    "ubuntu1604": ("ubuntu", "16.04", "systemd", "1.10.3"),
    "ubuntu1804": ("ubuntu", "18.04", "systemd", "1.14.0"),
    "ubuntu2004": ("ubuntu", "20.04", "systemd", "1.18.0"),
    "ubuntu2204": ("ubuntu", "22.04", "systemd", "1.18.0"),
    "ubuntu2404": ("ubuntu", "24.04", "systemd", "1.24.0"),
    "centos6": ("centos", "6.10", "sysv", "1.10.3"),
    "centos7": ("centos", "7", "systemd", "1.20.1"),
    "centos8": ("centos", "8", "systemd", "1.14.1"),
    "alma8": ("almalinux", "8.10", "systemd", "1.14.1"),
    "alma9": ("almalinux", "9.5", "systemd", "1.20.1"),
    "alpine": ("alpine", "3.18.4", "openrc", "1.24.0"),
}


def surveyed(system: str) -> dict[str, Any]:
    first, _, text = (FOLDER / f"{system}.txt").read_text(encoding="utf-8").partition("\n")
    assert first.startswith(("# made from documented formats", "# recorded"))
    missing = [name for name in collector.SECTIONS if f"\n{BOUNDARY} section {name}\n" not in text]
    rest = [f"\n{BOUNDARY} section {name}\n@absent\n{BOUNDARY} end {name} 0\n" for name in missing]
    return assemble.survey(text.replace(f"\n{BOUNDARY} complete\n", "".join([*rest, f"\n{BOUNDARY} complete\n"])), BOUNDARY, system, "10.20.0.5")


def service(survey: dict[str, Any], name: str) -> dict[str, Any]:
    return next(row for row in survey["services"] if row["name"] == name)


def test_every_file_is_tested() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == {*MADE, *RECORDED}


@pytest.mark.parametrize("system", MADE)
def test_what_is_known_of_it_is_seen(system: str) -> None:
    survey = surveyed(system)
    assert schema.load(schema.dump(survey), system) == survey
    identity, version, kind, nginx = MADE[system]
    assert (survey["os"]["id"], survey["os"]["version"], survey["os"]["time_zone"]) == (identity, version, "Europe/Berlin")
    server = service(survey, "nginx")
    assert (server["kind"], server["state"], server["enabled"], server["package"], server["version"]) == (kind, "running", True, "nginx", nginx)
    assert (server["exe"], server["user"], server["nofile"]) == ("/usr/sbin/nginx", "root", 1024)
    names = {row["name"] for row in survey["services"]}
    assert {"cron", "crond"} & names and {"ssh", "sshd"} & names
    assert {(row["protocol"], row["address"], row["port"], row["process"]) for row in survey["listening"]} >= {
        ("tcp", "0.0.0.0", 22, "sshd"),  # noqa: S104 - what the host listens on
        ("tcp", "0.0.0.0", 80, "nginx"),  # noqa: S104
        ("tcp", "::", 22, "sshd"),
    }
    assert [row["port"] for row in survey["listening"] if row["protocol"] == "udp"] == [123]
    assert {(row["peer_address"], row["peer_port"], row["process"], row["state"]) for row in survey["connections"]} == {
        ("10.20.0.9", 50122, "nginx", "established"),
        ("10.20.0.7", 3306, None, "ended"),
    }
    assert survey["addresses"] == ["10.20.0.5/24"]
    assert [(row["target"], row["size_mib"]) for row in survey["mounts"]] == [("/", 20030)]
    assert survey["measured"]["memory_available_mib"] in (700, 650)
    assert survey["unpackaged"] == []


@pytest.mark.parametrize("system", [name for name, row in MADE.items() if row[2] == "systemd"])
def test_units_of_systemd_own_their_processes(system: str) -> None:
    survey = surveyed(system)
    assert {row["unit"] for row in survey["listening"] if row["port"] == 80} == {"nginx.service"}
    assert service(survey, "nginx")["nofile_unit"] is None


@pytest.mark.parametrize("system", ["debian8", "debian9", "ubuntu1604", "centos7"])
def test_scripts_that_systemd_wraps_are_services_too(system: str) -> None:
    found = service(surveyed(system), "legacyapp")
    assert (found["kind"], found["state"], found["enabled"], found["unit"]) == ("sysv", "exited", True, "legacyapp.service")


def test_upstart_of_ubuntu_14_04() -> None:
    survey = surveyed("ubuntu1404")
    found = {row["name"]: (row["kind"], row["state"], row["enabled"]) for row in survey["services"]}
    assert found["cron"] == found["ssh"] == ("upstart", "running", True)
    assert "mysql" not in found, "it is stopped, and its override says manual"
    assert not {"ondemand", "urandom", "rc", "network-interface"} & set(found)
    assert survey["measured"]["memory_available_mib"] == 650, "free, buffers and cache"


def test_upstart_and_scripts_of_centos_6() -> None:
    found = {row["name"]: (row["kind"], row["state"], row["enabled"]) for row in surveyed("centos6")["services"]}
    assert found["crond"] == found["sshd"] == ("sysv", "running", True)
    assert found["network"] == ("sysv", "exited", True)
    assert "other" not in found, "it starts at another level"
    assert surveyed("centos6")["os"]["pretty_name"] == "CentOS release 6.10 (Final)"


def test_openrc_of_alpine() -> None:
    found = {row["name"]: (row["kind"], row["state"], row["enabled"]) for row in surveyed("alpine")["services"]}
    assert found["chronyd"] == ("openrc", "failed", True)
    assert found["sshd"] == ("openrc", "running", True)
    assert found["hostname"] == ("openrc", "running", True)


RECORDED = {"debian11": ("debian", "11"), "debian12": ("debian", "12"), "debian13": ("debian", "13")}


@pytest.mark.parametrize("system", RECORDED)
def test_a_recorded_system_is_seen_whole(system: str) -> None:
    survey, text = surveyed(system), (FOLDER / f"{system}.txt").read_text(encoding="utf-8")
    # Parts that came later are not in the record.
    assert [row for row in survey["not_assessed"] if f"{BOUNDARY} section {row['section']}\n" in text] == []
    assert (survey["os"]["id"], survey["os"]["version"]) == RECORDED[system]
    server = next(row for row in survey["services"] if row["unit"] == "ssh.service")
    assert (server["kind"], server["state"], server["enabled"], server["package"]) == ("systemd", "running", True, "openssh-server")
    assert ("sshd", 22) in {(row["process"], row["port"]) for row in survey["listening"]}
