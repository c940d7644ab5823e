# SPDX-License-Identifier: GPL-3.0-or-later
"""Every role keeps its contract: documented variables equal the defaults, bear the role's name, and know no inventory group."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = Path(__file__).parents[3] / "roles"
NAMES = sorted(path.name for path in ROLES.iterdir() if (path / "tasks" / "main.yml").is_file())


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}


def options(role: str) -> dict[str, dict[str, Any]]:
    specification = load(ROLES / role / "meta" / "argument_specs.yml")
    found: dict[str, dict[str, Any]] = specification["argument_specs"]["main"]["options"]
    return found


def test_there_are_roles() -> None:
    assert {"base", "edge", "web_php", "mariadb", "redis", "cron_worker"} <= set(NAMES)


@pytest.mark.parametrize("role", NAMES)
def test_every_default_is_documented_with_its_value(role: str) -> None:
    documented = options(role)
    for name, value in load(ROLES / role / "defaults" / "main.yml").items():
        assert name in documented, name
        if "default" in documented[name]:
            assert documented[name]["default"] == value, name


@pytest.mark.parametrize("role", NAMES)
def test_every_documented_default_is_one(role: str) -> None:
    defaults = load(ROLES / role / "defaults" / "main.yml")
    for name, option in options(role).items():
        assert option.get("required") or name in defaults, f"{name} is neither required nor has it a default"


@pytest.mark.parametrize("role", NAMES)
def test_variables_bear_the_roles_name(role: str) -> None:
    public = [*options(role), *load(ROLES / role / "defaults" / "main.yml")]
    assert [name for name in public if not name.startswith(f"{role}_")] == []
    private = load(ROLES / role / "vars" / "main.yml")
    assert [name for name in private if not name.startswith(f"__{role}_")] == []


@pytest.mark.parametrize("role", NAMES)
def test_no_role_knows_an_inventory_group(role: str) -> None:
    forbidden = re.compile(r"\bgroups\s*[\[.]|\bgroup_names\b|\brole_(?:edge|web_php|mariadb|redis|cron_worker)\b")
    for path in (path for folder in ("tasks", "handlers", "templates", "vars", "defaults") for path in (ROLES / role / folder).rglob("*")):
        if path.is_file():
            assert not forbidden.search(path.read_text(encoding="utf-8")), path
