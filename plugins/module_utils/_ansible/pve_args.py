# SPDX-License-Identifier: GPL-3.0-or-later
"""Argument specs that the pve modules share."""

from __future__ import annotations

from typing import Any

from .._pve.info import PARTS, USUAL

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
    """One guest, in the shape of the plan's ``guests``. What is not stated is left alone, so nothing has a default."""
    texts = (
        "uuid node template image pool description cpu affinity machine os_type scsi_controller vga serial address gateway address6 gateway6"
        " ci_user nameserver search_domain ci_storage role"
    )
    kinds: dict[str, str] = {
        "str": texts,
        "int": "adopt cores sockets cpu_units memory_mib balloon_mib",
        "float": "cpu_limit",
        "bool": "full_clone numa ci_upgrade onboot protection",
        "dict": "efi tpm disks nics snippets api_options settings settings_reasons os sizing",
        "raw": "agent startup ha",
    }
    return {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "started", "stopped", "template", "absent"]},
        "bios": {"type": "str", "choices": ["seabios", "ovmf"]},
        "ci_password": {"type": "str", "no_log": True},
        "ssh_keys": {"type": "list", "elements": "str", "no_log": False},
        **{option: {"type": "list", "elements": "str"} for option in ("tags", "boot", "services")},
        **{option: {"type": kind} for kind, options in kinds.items() for option in options.split()},
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
        "placement": {
            "type": "dict",
            "options": {
                "spare_nodes": {"type": "int", "choices": [0, 1], "default": 0},
                "spare_domains": {"type": "int", "choices": [0, 1], "default": 0},
                "memory_reserve_mib": {"type": "int", "default": 2048},
                "cpu_overcommit": {"type": "float", "default": 4.0},
                "anti_affinity": {"type": "list", "elements": "str", "default": []},
                "failure_domains": {"type": "dict", "default": {}},
            },
        },
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


def info_spec() -> Spec:
    return {
        **api_spec(),
        "gather": {"type": "list", "elements": "str", "choices": list(PARTS), "default": list(USUAL)},
        "guests": {"type": "list", "elements": "str", "default": []},
    }


def preflight_spec() -> Spec:
    own: Spec = {"probe_addresses": {"type": "bool", "default": True}, "clock_tolerance": {"type": "float", "default": 5}}
    return {**fleet_spec(), **own}


def template_spec() -> Spec:
    """A golden template. ``disk`` and ``hardware`` have the options of a guest, which are checked where a guest's are."""
    text, converge = {"type": "str"}, converge_spec()
    return {
        **api_spec(),
        "name": {"type": "str", "required": True},
        "node": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "image": {
            "type": "dict",
            "options": {
                "url": text,
                "checksum": text,
                "algorithm": {"type": "str", "choices": ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"], "default": "sha256"},
                "file_name": text,
                "verify_certificates": {"type": "bool", "default": True},
                "volume": text,
            },
            "mutually_exclusive": [("url", "volume")],
            "required_one_of": [("url", "volume")],
            "required_together": [("url", "checksum")],
        },
        "storage": text,
        "import_storage": {"type": "str", "default": "local"},
        "disk": {"type": "dict", "default": {}},
        "hardware": {"type": "dict", "default": {}},
        "pool": text,
        "tags": {"type": "list", "elements": "str", "default": []},
        "keep": {"type": "int", "default": 2},
        "max_destroys": {"type": "int", "default": 1},
        "vmids": converge["vmids"],
        "task_timeout": converge["task_timeout"],
    }
