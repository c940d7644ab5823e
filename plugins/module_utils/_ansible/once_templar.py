# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible compiles an expression anew for every host, about 1 ms each: here it does so once for each set of values that the expression reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ansible.template import Templar
from jinja2 import Environment, TemplateSyntaxError, nodes

IMPURE = re.compile("random|shuffle")
PARSER = Environment(autoescape=True)  # never renders


class OnceTemplar(Templar):
    """A Templar that remembers what expressions gave.

    Only those that read nothing but the variables ``own``, which must be plain data: with a lookup, the time or somebody else's variable in
    it, an expression may give another answer next time.
    """

    def __init__(self, own: frozenset[str], **options: Any) -> None:
        super().__init__(**options)
        self._own = own
        self._reads: dict[str, tuple[str, ...] | None] = {}
        self._known: dict[tuple[str, str, str], tuple[Any, Exception | None]] = {}

    def evaluate_expression(self, expression: str, **options: Any) -> Any:
        return self._once("expression", expression, lambda: super(OnceTemplar, self).evaluate_expression(expression, **options))

    def evaluate_conditional(self, conditional: str | bool) -> bool:
        return bool(self._once("conditional", conditional, lambda: super(OnceTemplar, self).evaluate_conditional(conditional)))

    def _once(self, kind: str, expression: str | bool, evaluate: Callable[[], Any]) -> Any:
        names = self._names(expression) if isinstance(expression, str) else None
        if names is None:
            return evaluate()
        variables = self.available_variables
        key = (kind, str(expression), repr([variables.get(name, ...) for name in names]))
        if key not in self._known:
            try:
                self._known[key] = (evaluate(), None)
            except Exception as failure:  # noqa: BLE001 - whatever it is, the same values give it again
                self._known[key] = (None, failure)
        value, raised = self._known[key]
        if raised is not None:
            raise raised
        return value

    def _names(self, expression: str) -> tuple[str, ...] | None:
        """The variables that it reads; None: do not remember it."""
        if expression not in self._reads:
            self._reads[expression] = self._read_by(expression)
        return self._reads[expression]

    def _read_by(self, expression: str) -> tuple[str, ...] | None:
        if IMPURE.search(expression) or "{{" in expression or "{%" in expression:
            return None
        try:
            tree = PARSER.parse(f"{{{{ ({expression}) }}}}")
        except TemplateSyntaxError:
            return None
        names = {node.name for node in tree.find_all(nodes.Name)}
        return tuple(sorted(names)) if names <= self._own else None
