# SPDX-License-Identifier: GPL-3.0-or-later
"""The house's rules: imports go only downward, pure rooms do no I/O, module files stay thin (docs/architecture.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UTILS = ROOT / "plugins" / "module_utils"

MAY_IMPORT = {
    "_domain": set(),
    "_planning": {"_domain"},
    "_survey": {"_domain"},
    "_pve": {"_domain", "_planning"},
    "_conduct": {"_domain", "_planning"},
    "_controls": {"_domain", "_survey"},
    "_report": {"_domain", "_planning"},
    "_ansible": {"_domain", "_planning", "_survey", "_pve", "_conduct", "_controls", "_report"},
}
OWNED_BY = {
    "ansible": {"_ansible"},
    "proxmoxer": {"_pve"},
    "requests": {"_pve"},
    "urllib3": {"_pve"},
    "cryptography": {"_pve"},
    "asyncssh": {"_conduct", "_pve"},
    "pymysql": {"_conduct"},
    "ortools": {"_planning"},
    "networkx": {"_planning"},
    "jsonschema": {"_survey", "_ansible"},
    "yaml": {"_ansible", "_report", "_conduct"},
}
PURE = {"_domain", "_planning"}
IMPURE_MODULES = {"os", "io", "socket", "subprocess", "time", "random", "shutil", "tempfile", "pathlib", "asyncio", "threading", "urllib"}
IMPURE_CALLS = {"open", "print", "input"}
MAIN_LINES = 25

FILES = sorted(path for path in UTILS.rglob("*.py") if path.parent != UTILS)


def room(path: Path) -> str:
    return path.relative_to(UTILS).parts[0]


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Absolute dotted names that a file imports, relative ones resolved against its own package, with their line."""
    package = ("plugins", "module_utils", *path.relative_to(UTILS).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((f"{prefix}.{alias.name}", node.lineno) for alias in node.names)


def test_the_tree_has_rooms() -> None:
    assert {room(path) for path in FILES} <= set(MAY_IMPORT), "a new room needs a line in MAY_IMPORT and in docs/architecture.md"
    assert len(FILES) > 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(UTILS)))
def test_imports_go_downward(path: Path) -> None:
    own = room(path)
    for name, line in imports(path):
        if "module_utils." in name:
            target = name.split("module_utils.", 1)[1].split(".")[0]
            assert target == own or target in MAY_IMPORT[own], f"{path}:{line}: {own} must not import {target}"
        else:
            top = name.split(".")[0]
            assert own in OWNED_BY.get(top, {own}), f"{path}:{line}: {top} belongs to {sorted(OWNED_BY[top])}, not to {own}"
            if own in PURE:
                assert top not in IMPURE_MODULES, f"{path}:{line}: {own} is pure and must not import {top}"


@pytest.mark.parametrize("path", [path for path in FILES if room(path) in PURE], ids=lambda path: str(path.relative_to(UTILS)))
def test_pure_rooms_do_no_input_or_output(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in IMPURE_CALLS, f"{path}:{node.lineno}: {node.func.id}() in a pure room"
        if isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"}:
            pytest.fail(f"{path}:{node.lineno}: a pure room knows no clock")


@pytest.mark.parametrize("path", sorted((ROOT / "plugins" / "modules").glob("*.py")), ids=lambda path: path.name)
def test_modules_are_documentation_and_a_thin_main(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets if isinstance(target, ast.Name)}
    assert {"DOCUMENTATION", "EXAMPLES", "RETURN"} <= names
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            assert node.name == "main", f"{path.name}: {node.name}() belongs in module_utils"
            assert (node.end_lineno or 0) - node.lineno < MAIN_LINES, f"{path.name}: main() is too long"
