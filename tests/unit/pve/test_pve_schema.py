# SPDX-License-Identifier: GPL-3.0-or-later
"""The API's schema: read from the cluster, kept for each version, proven before use, and our own table where there is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._pve.adapter import Endpoint, ProxmoxerGateway
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import PveError
from ansible_collections.lotse.estate.plugins.module_utils._pve.schema import DOCUMENT, ApiSchema, own_rules, parse, schema_of

from tests.lab.pve.fixture import MemoryPve

VERSION = {"version": "9.2.2", "release": "9.2", "repoid": "0123abcd"}
CLONE = "/nodes/{node}/qemu/{vmid}/clone"


class Shelf:
    """A library with one document, or none."""

    def __init__(self, text: str | PveError) -> None:
        self.text, self.asked = text, 0

    def document(self, path: str) -> str:
        assert path == DOCUMENT
        self.asked += 1
        if isinstance(self.text, PveError):
            raise self.text
        return self.text


def document(keyword: str = "const apiSchema", rules: Any = None) -> str:
    """Our own rules in the form in which a cluster serves its own."""
    nodes = [
        {"path": path, "text": path.rsplit("/", 1)[-1], "leaf": 1, "info": {method: {"permissions": rule} for method, rule in methods.items()}}
        for path, methods in (rules or own_rules(9)).items()
    ]
    tree = [{"path": "/nodes", "text": "nodes", "leaf": 0, "children": nodes}]
    return f"{keyword} = {json.dumps(tree, indent=3)}\n;\n\nExt.onReady(function() {{ let x = []; }});\n"


@pytest.mark.parametrize("keyword", ["const apiSchema", "var pveapi"])
def test_the_constant_is_found_in_front_of_the_viewers_code(keyword: str) -> None:
    assert parse(document(keyword)) == own_rules(9)


@pytest.mark.parametrize(
    "text", ["<html>not here</html>", "const apiSchema = [", "const apiSchema = [];", document(rules={"/version": {"GET": {"user": "all"}}})]
)
def test_what_is_no_schema_is_not_taken_for_one(text: str, tmp_path: Path) -> None:
    schema = schema_of(Shelf(text), VERSION, tmp_path)
    assert schema.rules == own_rules(9)
    assert schema.note is not None
    assert "could not be read" in schema.note
    assert not list(tmp_path.iterdir())


def test_it_is_read_once_for_each_version(tmp_path: Path) -> None:
    shelf = Shelf(document())
    first, again = schema_of(shelf, VERSION, tmp_path), schema_of(shelf, VERSION, tmp_path)
    assert (first, first.note, shelf.asked) == (again, None, 1)
    schema_of(shelf, {**VERSION, "repoid": "other"}, tmp_path)
    assert shelf.asked == 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda kept: kept.write_text(kept.read_text()[:500]),
        lambda kept: kept.write_text("[]"),
        lambda kept: kept.write_text(json.dumps({**json.loads(kept.read_text()), "schema": "other/1"})),
        lambda kept: kept.write_text(json.dumps({**json.loads(kept.read_text()), "rules": {}})),
        lambda kept: kept.write_text(kept.read_text().replace('{"user": "all"}', '"all"')),
        lambda kept: kept.unlink(),
    ],
)
def test_a_spoilt_cache_is_read_anew(spoil: Callable[[Path], Any], tmp_path: Path) -> None:
    shelf = Shelf(document())
    schema_of(shelf, VERSION, tmp_path)
    (kept,) = tmp_path.iterdir()
    spoil(kept)
    assert schema_of(shelf, VERSION, tmp_path) == ApiSchema(own_rules(9))
    assert shelf.asked == 2


def test_without_a_cache_it_still_works(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert schema_of(Shelf(document()), VERSION, tmp_path / "file").note is None


def test_a_server_without_a_manual_leaves_our_own_table(tmp_path: Path) -> None:
    old = schema_of(Shelf(PveError("the API server has no /pve-docs")), {"version": "8.4.1"}, tmp_path)
    assert old.rule("POST", "/nodes/{node}/qemu/{vmid}/agent/exec") == {"check": ["perm", "/vms/{vmid}", ["VM.Monitor"]]}
    with pytest.raises(PveError, match="no call POST /cluster/ha/rules"):
        old.rule("POST", "/cluster/ha/rules")
    assert old.rule("POST", "/cluster/ha/groups") == {"check": ["perm", "/", ["Sys.Console"]]}


def test_our_own_table_says_what_the_schema_says(memory_pve: MemoryPve, tmp_path: Path) -> None:
    """The lab serves the schema of a real 9.x; whatever we know by heart must agree with it."""
    gateway = ProxmoxerGateway(Endpoint((memory_pve.host,), memory_pve.token_id, memory_pve.secret, memory_pve.port, str(memory_pve.ca_file)))
    schema = schema_of(gateway, VERSION, tmp_path)
    assert schema.note is None
    assert len(schema.rules) > 400
    for path, methods in own_rules(9).items():
        for method, rule in methods.items():
            assert schema.rule(method, path) == rule, f"{method} {path}"


def test_the_manual_is_asked_for_without_the_token(memory_pve: MemoryPve) -> None:
    where = Endpoint((memory_pve.host,), memory_pve.token_id, "wrong-wrong-wrong-wrong", memory_pve.port, str(memory_pve.ca_file))
    gateway = ProxmoxerGateway(where)
    assert CLONE in parse(gateway.document(DOCUMENT))
    assert gateway.server_time() is not None
    with pytest.raises(PveError, match=r"has no /pve-docs/nothing \(HTTP 4"):
        gateway.document("pve-docs/nothing")
