# SPDX-License-Identifier: GPL-3.0-or-later
"""Argument specification of the module estate_plan."""

from __future__ import annotations

from typing import Any

Spec = dict[str, Any]


def plan_spec() -> Spec:
    return {
        "estate_dir": {"type": "path", "required": True},
        "environment": {"type": "str", "required": True},
        "hosts": {"type": "list", "elements": "str", "required": True},
        "cluster": {"type": "dict", "required": True},
        "address_range": {
            "type": "dict", "required": True,
            "options": {
                "first": {"type": "str", "required": True}, "last": {"type": "str", "required": True},
                "prefix": {"type": "int", "required": True}, "gateway": {"type": "str", "required": True},
            },
        },
        "guest_defaults": {
            "type": "dict", "required": True,
            "options": {name: {"type": "str", "required": True} for name in ("template", "bridge", "storage", "pool")}
            | {"cpu": {"type": "str"}},
        },
        "edge_public_address": {"type": "str", "default": ""},
        "legacy_facts": {"type": "dict", "default": {}},
        "node_facts": {"type": "dict", "default": {}},
        "guests": {"type": "dict", "default": {}},
        "placement": {
            "type": "dict", "default": {},
            "options": {
                "spare_nodes": {"type": "int", "default": 1}, "reserve_mib": {"type": "int", "default": 2048},
                "cpu_overcommit": {"type": "float", "default": 1.0}, "anti_affinity": {"type": "list", "elements": "str", "default": []},
                "failure_domains": {"type": "dict", "default": {}}, "spare_domains": {"type": "int", "default": 0},
            },
        },
        "comfort": {"type": "float", "default": 1.5},
        "sizing": {
            "type": "dict", "default": {},
            "options": {
                "percentile": {"type": "int", "choices": [50, 95, 99, 100]}, "comfort": {"type": "float"},
                "headroom": {"type": "float", "default": 0.1}, "horizon_days": {"type": "int", "default": 180},
                "cores_most": {"type": "int", "default": 32},
            },
        },
        "waivers": {"type": "list", "elements": "dict", "default": []},
        "dropped_services": {"type": "list", "elements": "dict", "default": []},
        "os": {"type": "dict", "default": {}, "options": {"default": {"type": "str", "default": "lift", "choices": ["lift", "carry"]},
                                                          "guests": {"type": "dict", "default": {}}}},
        "templates": {"type": "dict", "default": {}},
        "rates": {"type": "dict", "default": {}},
        "target": {"type": "float", "default": 0.5},
        "calendar": {"type": "dict", "default": {}},
        "waves": {
            "type": "dict", "default": {},
            "options": {
                "most_moves": {"type": "int"}, "most_per_host": {"type": "int"}, "canaries": {"type": "list", "elements": "str", "default": []},
            },
        },
        "approvers": {"type": "list", "elements": "str", "default": []},
        "approve_by": {"type": "str", "default": ""},
        "approve_note": {"type": "str", "default": ""},
        "today": {"type": "str"},
    }  # fmt: skip
