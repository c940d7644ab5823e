#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Build and rotate a golden template."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pve_template
short_description: Build a golden template from a cloud image on Proxmox VE, and rotate its generations
version_added: 0.1.0
author: The Lotse authors (@lotse)
description:
  - Makes a template from a cloud image. The node downloads the image itself and proves its checksum; nothing has to be done on the node by hand.
  - A template has generations. Another image or other hardware makes a new one; otherwise nothing is done, which costs one call for the cluster and
    one for each generation.
  - The newest generation bears O(name), so whoever clones by name gets it. Older ones are called C(NAME-gN). A new generation gets the name
    once it is a complete template; until then the one before has it.
  - The newest O(keep) generations stay. An older one is destroyed only if no linked clone needs it, at most O(max_destroys) of them in one run, and
    only after its identity was proven once more. One that has to stay is named with the reason, and goes with a later run.
  - A generation is recognised by marks in its description together with its SMBIOS UUID, which clones do not inherit. Nothing else is ever renamed or
    destroyed. A template of this name that was made otherwise is an error.
  - What a killed run left half-made is finished if it still fits, and replaced if not.
  - Generations are counted for each node. Where templates lie on storage that nodes do not share, run this once for each node.
notes:
  - Downloading from O(image.url) needs Proxmox VE 8.4 or newer, the content type C(import) on O(import_storage), and for the token
    C(Sys.AccessNetwork) on the node and C(Datastore.AllocateTemplate) on that storage. On older releases give O(image.volume).
  - The downloaded file stays on O(import_storage); the name of each holds the start of its checksum.
extends_documentation_fragment:
  - lotse.estate.pve
options:
  name:
    description: Name of the template; what guests name in C(template).
    type: str
    required: true
  node:
    description: Node that the template is built on.
    type: str
    required: true
  state:
    description:
      - V(present) has the newest generation be as described, and rotates.
      - V(absent) destroys all generations on the node, at most O(max_destroys), or none if one of them has linked clones.
    type: str
    choices: [present, absent]
    default: present
  image:
    description: The cloud image. Needed for O(state=present).
    type: dict
    suboptions:
      url:
        description: Where the node downloads it from.
        type: str
      checksum:
        description: Checksum of the file. Another checksum is another image; another URL is not.
        type: str
      algorithm:
        description: Kind of the checksum.
        type: str
        choices: [md5, sha1, sha224, sha256, sha384, sha512]
        default: sha256
      file_name:
        description:
          - Name of the file on the storage, before the start of its checksum is put into it. Without it the last part of the URL.
          - It ends in C(.qcow2), C(.raw) or C(.vmdk). A file called C(.img) is mostly a qcow2 image and needs a name that says so.
        type: str
      verify_certificates:
        description: Whether the node verifies the certificate of the server.
        type: bool
        default: true
      volume:
        description:
          - Instead of a URL, a volume that the node has already, such as C(local:import/debian-13.qcow2).
          - Another file under the same name is not noticed; give it another name.
        type: str
  storage:
    description: Storage of the template's disks. Needed for O(state=present).
    type: str
  import_storage:
    description: Storage that images are downloaded to.
    type: str
    default: local
  disk:
    description:
      - The first disk, which is made from the image. Options of a disk in C(guests) of M(lotse.estate.pve_fleet), such as C(size_gib), C(discard),
        C(ssd), C(iothread) and C(format), and its C(key), without which it is V(scsi0).
      - Without a size it is as large as the image.
    type: dict
    default: {}
  hardware:
    description:
      - Hardware of the template, in the words of C(guests) of M(lotse.estate.pve_fleet); C(cores), C(sockets), C(cpu), C(cpu_limit),
        C(cpu_units), C(numa), C(memory_mib), C(balloon_mib), C(machine), C(bios), C(efi), C(tpm), C(os_type), C(scsi_controller), C(vga),
        C(serial), C(agent), C(boot), C(nics), C(api_options).
      - Unless it is stated otherwise the guest agent is on, the system is C(l26), the SCSI controller C(virtio-scsi-single), the serial console
        a socket, and the template boots from O(disk). It always has a cloud-init drive. Without C(nics) it has no network card, and guests
        bring their own.
    type: dict
    default: {}
  pool:
    description: Resource pool of new generations.
    type: str
  tags:
    description: Further tags of new generations. The tags C(lotse) and C(lotse-template) are always there.
    type: list
    elements: str
    default: []
  keep:
    description: Number of generations that stay, the newest one counted.
    type: int
    default: 2
  max_destroys:
    description: Most generations that one run may destroy.
    type: int
    default: 1
  vmids:
    description: Range of VMIDs for generations.
    type: dict
    default: {}
    suboptions:
      first:
        description: First VMID.
        type: int
        default: 100
      last:
        description: Last VMID.
        type: int
        default: 999999999
  task_timeout:
    description: Seconds for each task of the cluster, the download among them, and for a clone that keeps a template from being renamed.
    type: float
    default: 600
attributes:
  check_mode:
    support: full
    description: Returns exactly the steps that a run would take.
  diff_mode:
    support: full
    description: Shows the steps with every value before and after, and what stays for which reason.
"""

EXAMPLES = r"""
- name: Have a golden template of Debian 13, and keep the generation before
  lotse.estate.pve_template:
    api: "{{ pve_api }}"
    name: debian-13
    node: pve1
    pool: community
    storage: ceph
    image:
      url: https://cloud.debian.org/images/cloud/trixie/20251117-2299/debian-13-genericcloud-amd64-20251117-2299.qcow2
      algorithm: sha512
      checksum: "{{ debian_13_sha512 }}"
    disk: {size_gib: 8, discard: true, ssd: true, iothread: true}
    hardware:
      cores: 1
      memory_mib: 1024
      cpu: x86-64-v2-AES
      nics: {net0: {bridge: vmbr0}}
    keep: 2

- name: Ubuntu calls its qcow2 images .img
  lotse.estate.pve_template:
    api: "{{ pve_api }}"
    name: ubuntu-24.04
    node: pve1
    storage: ceph
    image:
      url: https://cloud-images.ubuntu.com/releases/24.04/release/ubuntu-24.04-server-cloudimg-amd64.img
      checksum: "{{ ubuntu_2404_sha256 }}"
      file_name: ubuntu-24.04.qcow2

- name: One template on each node, because its storage is not shared
  lotse.estate.pve_template:
    api: "{{ pve_api }}"
    name: debian-13
    node: "{{ item }}"
    storage: local-lvm
    image: "{{ debian_13_image }}"
  loop: [pve1, pve2, pve3]

- name: Proxmox VE 7.4 to 8.3, from a file that root put on the node
  lotse.estate.pve_template:
    api: "{{ pve_api }}"
    name: debian-13
    node: pve1
    storage: local-lvm
    image: {volume: "local:9999/debian-13.qcow2"}

- name: Take all generations away
  lotse.estate.pve_template:
    api: "{{ pve_api }}"
    name: debian-11
    node: pve1
    state: absent
    max_destroys: 3
"""

RETURN = r"""
template:
  description: The newest generation, in check mode as it would be. V(vmid) is then that which would be tried first. Empty for O(state=absent).
  returned: always
  type: dict
  sample: {name: debian-13, generation: 4, vmid: 9004, node: pve1, fingerprint: 1f0c9a7be2d34a55}
generations:
  description: The other generations on the node that are there afterwards; C(kept) says why one stays that is older than O(keep) allows.
  returned: always
  type: list
  elements: dict
  sample:
    - {name: debian-13-g3, generation: 3, vmid: 9003, node: pve1, fingerprint: 77d0c1aa02b64e11, kept: null}
    - {name: debian-13-g1, generation: 1, vmid: 9001, node: pve1, fingerprint: 02b64e1177d0c1aa, kept: "it has linked clones: VM 101"}
steps:
  description: What was done, or in check mode would be; each with C(do) C(text) C(undo) and C(changes).
  returned: always
  type: list
  elements: dict
tasks:
  description: UPIDs of the tasks.
  returned: always
  type: list
  elements: str
api_calls:
  description: Number of calls to the API.
  returned: always
  type: int
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.lotse.estate.plugins.module_utils._ansible.pve_args import template_spec
from ansible_collections.lotse.estate.plugins.module_utils._ansible.pve_start import RunFailedError, run
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import PveError


def main() -> None:
    needed = [("state", "present", ("image", "storage"))]
    module = AnsibleModule(argument_spec=template_spec(), required_if=needed, supports_check_mode=True)
    try:
        result = run("template", module.params, check=module.check_mode)
    except RunFailedError as failure:
        module.fail_json(msg=str(failure), **failure.result)
    except PveError as failure:
        module.fail_json(msg=str(failure))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
