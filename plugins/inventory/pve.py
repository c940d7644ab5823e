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
  - Lists the guests of a cluster with one call, whatever their number. Only what you ask for beyond that costs calls for each guest, side by side.
  - C(ansible_host) comes from cloud-init's configuration or from the guest agent, whichever has an address within O(cidrs).
  - Files are called C(*.pve.yml) or C(*.pve.yaml). Option values may be templates; the environment can be read with a lookup.
  - Hosts get the variables C(pve_vmid), C(pve_node), C(pve_status), C(pve_pool), C(pve_tags) (a list), C(pve_type) (V(qemu) or V(lxc)) and
    C(pve_template). With O(want_facts) also C(pve_config), C(pve_row) and C(pve_addresses), with O(want_osinfo) C(pve_osinfo).
  - A guest that was asked about and cannot be reached stays a host and gets C(pve_unreachable) with the reason. That is a node that does not
    answer, a permission that is missing, or an agent that does not answer while no other address is known.
  - An API that does not answer or refuses the token ends the run with one error, whatever C(any_unparsed_is_failed) says. Half an inventory
    would look like a run with nothing to do. So does an empty answer to a token that may not see guests. A cluster without guests is no error.
  - Two guests of one name are told apart by their VMID behind the name. If both have O(guest_tag), it is an error.
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
  types:
    description: Virtual machines, containers, or both.
    type: list
    elements: str
    choices: [qemu, lxc]
    default: [qemu]
  templates:
    description: Whether templates become hosts too. They are never asked about.
    type: bool
    default: false
  guest_tag:
    description:
      - Guests with this tag are asked about, for C(ansible_host) and the facts. The others are listed.
      - V(*) stands for every guest, an empty text for none.
    type: str
    default: lotse
  address_from:
    description:
      - Where C(ansible_host) comes from, in order of preference. The next source is asked only when the one before has no address that fits.
      - V(cloud-init) is the static address in the configuration; for a container, that of its network card.
      - V(agent) is what a running guest has, as its agent says; for a container, as its node says. Neither loopback nor link-local.
      - Each source costs one call for each guest. An empty list asks nobody, and no host gets C(ansible_host).
    type: list
    elements: str
    choices: [agent, cloud-init]
    default: [cloud-init, agent]
  cidrs:
    description:
      - Networks that C(ansible_host) is chosen from, in order of preference, IPv4 or IPv6.
      - Without them the first address is taken, IPv4 before IPv6. The network cards of the configuration come before what the guest made itself.
    type: list
    elements: str
    default: []
  want_facts:
    description:
      - C(pve_config) is the guest's configuration as the API has it, C(pve_row) the same as C(guests[]) of M(lotse.estate.pve_fleet) has it
        (virtual machines only), C(pve_addresses) all addresses of a running guest, or else the configured ones.
      - At most two calls for each guest with O(guest_tag), those for C(ansible_host) included.
    type: bool
    default: false
  want_osinfo:
    description: C(pve_osinfo) is the operating system as the agent of a running guest has it. One more call for each guest with O(guest_tag).
    type: bool
    default: false
  workers:
    description: How many guests are asked about at a time.
    type: int
    default: 16
  group_by:
    description:
      - Groups made of what the list says. V(node) makes C(pve_node_pve1), V(pool) C(pve_pool_web), V(tag) C(pve_tag_lotse), V(status)
        C(pve_status_running), V(type) C(pve_type_qemu), V(template) C(pve_templates).
      - Characters that a group's name must not have become C(_).
    type: list
    elements: str
    choices: [node, pool, tag, status, type, template]
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
# lab.pve.yml: the guests that Lotse made, at their address in one network
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

# all.pve.yml: every guest and container by name, one call, ready-made groups
#   plugin: lotse.estate.pve
#   hosts: [pve1.example.org, pve2.example.org]
#   token_id: audit@pve!inventory
#   fingerprint: "A1:B2:C3:D4:E5:F6:07:18:29:3A:4B:5C:6D:7E:8F:90:A1:B2:C3:D4:E5:F6:07:18:29:3A:4B:5C:6D:7E:8F:90"
#   types: [qemu, lxc]
#   guest_tag: ""
#   group_by: [node, pool, tag, status]

# facts.pve.yml: addresses from the running guests, IPv6 first; what there is about each guest; kept for ten minutes
#   plugin: lotse.estate.pve
#   hosts: [pve1.example.org, pve2.example.org]
#   token_id: audit@pve!inventory
#   guest_tag: "*"
#   address_from: [agent, cloud-init]
#   cidrs: ["2001:db8:1::/64", 192.0.2.0/24]
#   want_facts: true
#   filters: ["pve_status == 'running'"]
#   compose:
#     ansible_user: "'debian'"
#     memory_mib: pve_row.memory_mib
#   cache: true
#   cache_plugin: ansible.builtin.jsonfile
#   cache_connection: .cache/inventory
#   cache_timeout: 600
"""

from pathlib import Path
from typing import Any

from ansible import context
from ansible.errors import AnsibleError
from ansible.inventory.group import to_safe_group_name
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.display import Display
from ansible_collections.lotse.estate.plugins.module_utils._ansible.once_templar import OnceTemplar
from ansible_collections.lotse.estate.plugins.module_utils._ansible.pve_start import require_libraries
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import PveError

PATIENCE = 10.0  # seconds for a call: nobody waits a minute for a list because one node is down
CONNECTION = ("hosts", "port", "token_id", "token_secret", "ca_file", "fingerprint", "timeout")
QUESTION = ("types", "templates", "guest_tag", "address_from", "cidrs", "want_facts", "want_osinfo")
# Variables by their name in a record; a value of None is not set.
VARIABLES = {
    **{name: f"pve_{name}" for name in ("vmid", "node", "status", "pool", "tags", "type", "template")},
    **{name: f"pve_{name}" for name in ("config", "row", "addresses", "osinfo", "unreachable")},
    "address": "ansible_host",
}
ALWAYS = frozenset({"pool"})  # set even to None: there is no pool
OPTIONAL = frozenset({"config", "row", "addresses", "osinfo"})  # of a record
OWN = frozenset({*VARIABLES.values(), "inventory_hostname", "inventory_hostname_short"})


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
        if not self.get_option("use_extra_vars"):  # an extra variable may be a template, so no value says what it will give
            self.templar = OnceTemplar(OWN, loader=loader)
        self._fill(records)

    # ------------------------------------------------------------------ records

    def _records(self, path: str, cache: bool) -> list[dict[str, Any]]:
        """From the cache if it may be used and has the answer to this question."""
        cached = self.get_option("cache")
        options = {name: self._value(name) for name in (*CONNECTION, *QUESTION)}
        if options["ca_file"]:
            options["ca_file"] = str(Path(path).resolve().parent / Path(options["ca_file"]).expanduser())
        question = {name: value for name, value in options.items() if name != "token_secret"}
        key = self.get_cache_key(path) if cached else ""
        if cached and cache and (known := self._remembered(key, question)) is not None:
            return known
        require_libraries()
        from ansible_collections.lotse.estate.plugins.module_utils._pve.adapter import ProxmoxerGateway, endpoint_from
        from ansible_collections.lotse.estate.plugins.module_utils._pve.hosts import Wanted, records

        wanted = Wanted(
            types=options["types"], templates=options["templates"], tag=options["guest_tag"] or None, address_from=options["address_from"],
            cidrs=options["cidrs"], facts=options["want_facts"], osinfo=options["want_osinfo"], workers=self.get_option("workers"),
        )  # fmt: skip
        found = records(ProxmoxerGateway(endpoint_from(options), patience=PATIENCE), wanted)
        if cached:
            self._cache[key] = {"question": question, "records": found}
        return found

    def _remembered(self, key: str, question: dict[str, Any]) -> list[dict[str, Any]] | None:
        """None for an answer that is not there, is damaged, or belongs to other options."""
        try:
            kept = self._cache[key]
            if kept["question"] == question and all({"name", *VARIABLES} - OPTIONAL <= set(record) for record in kept["records"]):
                return list(kept["records"])
        except (AnsibleError, KeyError, TypeError):
            pass
        return None

    def _value(self, name: str) -> Any:
        value = self.get_option(name)
        return self.templar.template(value) if isinstance(value, (str, list)) else value

    # -------------------------------------------------------------------- hosts

    def _fill(self, records: list[dict[str, Any]]) -> None:
        filters, compose = self.get_option("filters"), self.get_option("compose")
        groups, keyed_groups, strict = self.get_option("groups"), self.get_option("keyed_groups"), self.get_option("strict")
        group_by = self.get_option("group_by")
        hosts = self.inventory.hosts
        made: dict[str, str] = {}
        for record in records:
            variables = {
                variable: record[name] for name, variable in VARIABLES.items() if record.get(name) is not None or name in ALWAYS
            }
            if not all(self._holds(condition, variables) for condition in filters):
                continue
            name = self.inventory.add_host(record["name"])
            host = hosts[name]
            for variable, value in variables.items():
                host.set_variable(variable, value)  # not through the inventory: its wrapper would copy and mark every value
            for group in self._groups_of(record, group_by):
                if group not in made:
                    made[group] = self.inventory.add_group(to_safe_group_name(group, force=True, silent=True))
                self.inventory.add_child(made[group], name)
            if compose:
                self._set_composite_vars(compose, variables, name, strict=strict)
            if groups:
                self._add_host_to_composed_groups(groups, host.get_vars(), name, strict=strict, fetch_hostvars=False)
            if keyed_groups:
                self._add_host_to_keyed_groups(keyed_groups, host.get_vars(), name, strict=strict, fetch_hostvars=False)

    @staticmethod
    def _groups_of(record: dict[str, Any], group_by: list[str]) -> Any:
        for kind in group_by:
            if kind == "template":
                if record["template"]:
                    yield "pve_templates"
                continue
            values = record["tags"] if kind == "tag" else [record[kind]]
            yield from (f"pve_{kind}_{value}" for value in values if value is not None)

    def _holds(self, condition: str, variables: dict[str, Any]) -> bool:
        self.templar.available_variables = variables
        return bool(self.templar.evaluate_conditional(condition))
