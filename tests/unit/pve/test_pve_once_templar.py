# SPDX-License-Identifier: GPL-3.0-or-later
"""Expressions are evaluated once for each set of the values that they read, and only when nothing else can change the answer."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.lotse.estate.plugins.module_utils._ansible.once_templar import OnceTemplar

OWN = frozenset({"pve_node", "pve_tags", "pve_vmid"})
HOSTS: list[dict[str, Any]] = [
    {"pve_node": f"pve{number % 3}", "pve_tags": ["lotse", f"role-{number % 2}"], "pve_vmid": 100 + number} for number in range(60)
]


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Ansible itself was asked."""
    asked: list[str] = []
    for name in ("evaluate_expression", "evaluate_conditional"):
        original = getattr(Templar, name)

        def counting(self: Any, expression: Any, *, original: Any = original, **options: Any) -> Any:
            asked.append(expression)
            return original(self, expression, **options)

        monkeypatch.setattr(Templar, name, counting)
    return asked


def all_hosts(expression: str, templar: Any, method: str = "evaluate_expression", **more: Any) -> list[Any]:
    found = []
    for host in HOSTS:
        templar.available_variables = {**host, **more}
        found.append(getattr(templar, method)(trust_as_template(expression)))
    return found


@pytest.mark.parametrize(
    ("expression", "times"),
    [
        ("pve_node", 3),
        ("pve_tags | select('match', 'role-') | list", 2),
        ("pve_node ~ '/' ~ (pve_tags | last)", 6),
        ("'debian'", 1),
        ("pve_node | upper if 'role-1' in pve_tags else pve_vmid | string", 60),
    ],
)
def test_the_answers_are_ansibles_own(evaluated: list[str], expression: str, times: int) -> None:
    answers = all_hosts(expression, OnceTemplar(OWN, loader=DataLoader()))
    assert len(evaluated) == times
    assert answers == all_hosts(expression, Templar(loader=DataLoader()))


def test_conditions_too(evaluated: list[str]) -> None:
    answers = all_hosts("'role-1' in pve_tags", OnceTemplar(OWN, loader=DataLoader()), "evaluate_conditional")
    assert (answers[:4], len(evaluated)) == ([False, True, False, True], 2)


def test_what_is_not_set_is_not_what_is_none() -> None:
    templar = OnceTemplar(OWN, loader=DataLoader())
    said = []
    for variables in ({"pve_node": None}, {}, {"pve_node": "pve1"}, {}):
        templar.available_variables = variables
        said.append(templar.evaluate_expression(trust_as_template("pve_node is defined")))
    assert said == [True, False, True, False]


@pytest.mark.parametrize("expression", ["pve_node ~ somebody", "range(9) | random", "lookup('env', 'HOME')", "now() and pve_node"])
def test_an_answer_that_may_differ_next_time_is_not_remembered(evaluated: list[str], expression: str) -> None:
    all_hosts(expression, OnceTemplar(OWN, loader=DataLoader()), somebody="x")
    assert len(evaluated) == len(HOSTS)


def test_an_error_is_the_same_error_again(evaluated: list[str]) -> None:
    templar = OnceTemplar(OWN, loader=DataLoader())
    for host in HOSTS:
        templar.available_variables = {"pve_tags": host["pve_tags"]}
        with pytest.raises(Exception, match="'pve_node' is undefined"):
            templar.evaluate_expression(trust_as_template("pve_node ~ 'x'"))
    assert len(evaluated) == 1
