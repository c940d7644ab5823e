# SPDX-License-Identifier: GPL-3.0-or-later
"""Argument specs that the pve modules share."""

from __future__ import annotations

from typing import Any

Spec = dict[str, Any]


def api_spec() -> Spec:
    return {
        "api": {
            "type": "dict",
            "required": True,
            "options": {
                "hosts": {"type": "list", "elements": "str", "required": True},
                "port": {"type": "int", "default": 8006},
                "token_id": {"type": "str", "required": True},
                "token_secret": {"type": "str", "required": True, "no_log": True},
                "ca_file": {"type": "path"},
                "fingerprint": {"type": "str"},
                "timeout": {"type": "float", "default": 30},
            },
            "mutually_exclusive": [("ca_file", "fingerprint")],
        }
    }


def guests_spec() -> Spec:
    return {"guests": {"type": "list", "elements": "dict", "required": True, "options": guest_options()}}


def guest_options() -> Spec:
    text, number, flag = {"type": "str"}, {"type": "int"}, {"type": "bool"}
    return {
        "name": {"type": "str", "required": True},
        "uuid": {"type": "str", "required": True},
        "node": {"type": "str", "required": True},
        "template": text,
        "cores": number,
        "sockets": number,
        "cpu": text,
        "memory_mib": number,
        "balloon_mib": number,
        "disks": {"type": "dict", "default": {}},
        "nics": {"type": "dict", "default": {}},
        "address": text,
        "gateway": text,
        "nameserver": text,
        "search_domain": text,
        "ci_user": text,
        "pool": text,
        "tags": {"type": "list", "elements": "str", "default": []},
        "description": text,
        "onboot": flag,
        "protection": flag,
        "startup": text,
        "role": text,
        "services": {"type": "list", "elements": "str"},
        "settings": {"type": "dict"},
    }


def ssh_spec() -> Spec:
    return {
        "ssh": {
            "type": "dict",
            "default": {},
            "options": {
                "user": {"type": "str", "default": "root"},
                "port": {"type": "int", "default": 22},
                "key_file": {"type": "path"},
                "public_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
                "known_hosts": {"type": "path"},
            },
        }
    }


STATES = ["present", "started", "stopped", "template", "absent"]


def converge_spec() -> Spec:
    """How guests are converged, however many there are."""
    return {
        "state": {"type": "str", "choices": STATES, "default": "started"},
        **ssh_spec(),
        "allow_reboot": {"type": "bool", "default": False},
        "purge_disks": {"type": "bool", "default": False},
        "migrate": {"type": "bool", "default": False},
        "vmids": {
            "type": "dict",
            "default": {},
            "options": {"first": {"type": "int", "default": 100}, "last": {"type": "int", "default": 999999999}},
        },
        "wait_for": {"type": "str", "choices": ["none", "agent", "ssh"], "default": "ssh"},
        "address_cidrs": {"type": "list", "elements": "str", "default": []},
        "ready_timeout": {"type": "float", "default": 180},
        "task_timeout": {"type": "float", "default": 600},
    }


def fleet_spec() -> Spec:
    return {
        **api_spec(),
        **guests_spec(),
        **converge_spec(),
        "workers": {"type": "int", "default": 16},
        "per_template": {"type": "int", "default": 4},
        "per_node": {"type": "int", "default": 4},
        "per_storage": {"type": "int", "default": 4},
        "max_destroys": {"type": "int", "default": 0},
        "keep_going": {"type": "bool", "default": False},
    }


def guest_spec() -> Spec:
    """One guest: its options stand beside ``api``. Its state is not optional here."""
    return {**api_spec(), **guest_options(), **converge_spec()}


def preflight_spec() -> Spec:
    own: Spec = {"probe_addresses": {"type": "bool", "default": True}, "clock_tolerance": {"type": "float", "default": 5}}
    return {**fleet_spec(), **own}
