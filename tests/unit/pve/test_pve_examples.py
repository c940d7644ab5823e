# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example in the documentation of the pve modules is a task that its module accepts, and a guest that the fleet understands."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator
from ansible_collections.lotse.estate.plugins.module_utils._pve.guest import desired_guests

from tests.lab.pve.fixture import ROOT

MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("pve_*.py"))
API = {"hosts": ["pve1.example.org"], "token_id": "lotse@pve!ci", "token_secret": "secret-of-the-example"}
ROWS = [{"name": "db-01", "node": "pve1", "template": "debian-13", "nics": {"net0": {"bridge": "vmbr0"}}}]
# What stands for an expression that is not a text.
IMAGE = {"url": "https://cloud.example.org/debian-13.qcow2", "checksum": "0" * 64}
VALUES: dict[str, Any] = {
    "{{ pve_api }}": API, "{{ plan.guests }}": ROWS, "{{ guests }}": ROWS, "{{ live.rows }}": ROWS, "{{ debian_13_image }}": IMAGE,
}  # fmt: skip


class SpecError(Exception):
    """Carries a module's argument spec out of its main()."""


def spec_of(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    def caught(**options: Any) -> None:
        raise SpecError(options)

    monkeypatch.setattr(module, "AnsibleModule", caught)
    with pytest.raises(SpecError) as raised:
        module.main()
    return dict(raised.value.args[0])


def filled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: filled(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner) for inner in value]
    return VALUES.get(value, value) if isinstance(value, str) else value


def tasks(module: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name of the task, parameters) of each example."""
    text = importlib.import_module(f"ansible_collections.lotse.estate.plugins.modules.{module}").EXAMPLES
    for task in yaml.safe_load(text):
        if f"lotse.estate.{module}" in task:
            yield task["name"], filled(task[f"lotse.estate.{module}"])


EXAMPLES = [pytest.param(module, parameters, id=f"{module}: {name}") for module in MODULES for name, parameters in tasks(module)]


@pytest.mark.parametrize(("module", "parameters"), EXAMPLES)
def test_an_example_is_accepted(module: str, parameters: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of(importlib.import_module(f"ansible_collections.lotse.estate.plugins.modules.{module}"), monkeypatch)
    spec.pop("supports_check_mode")
    validated = ModuleArgumentSpecValidator(**spec).validate(parameters)
    assert validated.error_messages == []
    if spec["argument_spec"].get("guests", {}).get("elements") == "dict":
        desired_guests(validated.validated_parameters["guests"])


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_examples(module: str) -> None:
    assert list(tasks(module))


def test_the_fleet_has_six() -> None:
    assert len(list(tasks("pve_fleet"))) >= 6
