# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Guests of a Proxmox VE cluster as hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: pve
short_description: Guests of a Proxmox VE cluster
version_added: 0.1.0
author: The Lotse authors (@lotse)
description:
  - Lists the virtual machines of a cluster with one call, and sets C(ansible_host) of the tagged ones from their cloud-init address with
    one call for each, side by side.
  - Files are called C(*.pve.yml) or C(*.pve.yaml). Option values may be templates; the environment can be read with a lookup.
  - Hosts get the variables C(pve_vmid), C(pve_node), C(pve_status), C(pve_pool), C(pve_tags) and, when the node does not answer, C(pve_unreachable).
  - An API that does not answer or refuses the token ends the run with one error, whatever C(any_unparsed_is_failed) says. Half an inventory
    would look like a run with nothing to do. So does an empty answer to a token that may not see guests. A cluster without guests is no error.
  - A syntax check asks no API.
extends_documentation_fragment:
  - constructed
  - inventory_cache
requirements:
  - proxmoxer >= 2.3
  - requests
options:
  plugin:
    description: Name of this plugin.
    type: str
    required: true
    choices: [lotse.estate.pve]
  hosts:
    description: Names or addresses of nodes; the first one that answers is used.
    type: list
    elements: str
    required: true
  port:
    description: Port of the API.
    type: int
    default: 8006
  token_id:
    description: API token in the form C(user@realm!name).
    type: str
    required: true
  token_secret:
    description: The token's secret. Leave it out of the file.
    type: str
    default: ""
    env:
      - name: LOTSE_PVE_TOKEN_SECRET
  ca_file:
    description: File with the CA of the API's certificate; a relative path starts at the folder of the inventory file.
    type: str
  fingerprint:
    description: SHA-256 fingerprint of the API's certificate, instead of O(ca_file).
    type: str
  timeout:
    description: Seconds to wait for an answer.
    type: float
    default: 30
  guest_tag:
    description: Guests with this tag get C(ansible_host). An empty text stands for none.
    type: str
    default: lotse
  cidrs:
    description: Networks that C(ansible_host) is chosen from. Without them the first cloud-init address is taken.
    type: list
    elements: str
    default: []
  always_groups:
    description: Groups that exist even without a host, so that playbooks can name them before any guest exists.
    type: list
    elements: str
    default: []
  filters:
    description: Conditions on the variables; only guests for which all are true become hosts.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
# lab.pve.yml
plugin: lotse.estate.pve
hosts: [10.77.0.2]
token_id: lotse@pve!ci
ca_file: ../../.lab/lab/pve-ca.pem
cidrs: [10.77.0.0/24]
always_groups: [guests]
groups:
  guests: "'lotse' in pve_tags"
keyed_groups:
  - {key: pve_tags, prefix: "", separator: ""}
  - {key: pve_node, prefix: pve_node}
"""

from pathlib import Path
from typing import Any

from ansible import context
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.display import Display
from ansible_collections.lotse.estate.plugins.module_utils._ansible.pve_start import require_libraries
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import PveError

PATIENCE = 10.0  # seconds for a call: nobody waits a minute for a list because one node is down


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Records from the API (or the cache) become hosts."""

    NAME = "lotse.estate.pve"

    def verify_file(self, path: str) -> bool:
        return bool(super().verify_file(path)) and path.endswith((".pve.yml", ".pve.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        for name in [*self.get_option("always_groups"), *self.get_option("groups")]:
            self.inventory.add_group(self._sanitize_group_name(name))
        if context.CLIARGS.get("syntax"):
            return
        try:
            records = self._records(path, cache)
        except PveError as failure:
            # An AnsibleError would make Ansible try its other plugins on this file, and by default go on without the guests.
            Display().error(f"{path}: {failure}", wrap_text=False)
            raise SystemExit(1) from None
        for record in records:
            self._add(record)

    def _records(self, path: str, cache: bool) -> list[dict[str, Any]]:
        """From the cache if it may be used and has them."""
        cached = self.get_option("cache")
        key = self.get_cache_key(path) if cached else ""
        if cached and cache and key in self._cache:
            known: list[dict[str, Any]] = self._cache[key]
            return known
        require_libraries()
        from ansible_collections.lotse.estate.plugins.module_utils._pve.adapter import ProxmoxerGateway, endpoint_from
        from ansible_collections.lotse.estate.plugins.module_utils._pve.hosts import records

        options = {name: self._value(name) for name in ("hosts", "port", "token_id", "token_secret", "ca_file", "fingerprint", "timeout")}
        if options["ca_file"]:
            options["ca_file"] = str(Path(path).resolve().parent / Path(options["ca_file"]).expanduser())
        gateway = ProxmoxerGateway(endpoint_from(options), patience=PATIENCE)
        found = records(gateway, tag=self._value("guest_tag") or None, cidrs=self._value("cidrs"))
        if cached:
            self._cache[key] = found
        return found

    def _value(self, name: str) -> Any:
        value = self.get_option(name)
        return self.templar.template(value) if isinstance(value, (str, list)) else value

    def _add(self, record: dict[str, Any]) -> None:
        variables = {f"pve_{name}": record[name] for name in ("vmid", "node", "status", "pool", "tags")}
        if record["unreachable"]:
            variables["pve_unreachable"] = record["unreachable"]
        if record["address"]:
            variables["ansible_host"] = record["address"]
        if not all(self._holds(condition, variables) for condition in self.get_option("filters")):
            return
        host = self.inventory.add_host(record["name"])
        for name, value in variables.items():
            self.inventory.set_variable(host, name, value)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, host, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host, strict=strict)

    def _holds(self, condition: str, variables: dict[str, Any]) -> bool:
        self.templar.available_variables = variables
        return bool(self.templar.evaluate_conditional(condition))
