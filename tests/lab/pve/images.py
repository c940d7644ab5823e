# SPDX-License-Identifier: GPL-3.0-or-later
"""Disk images on a storage: downloaded from a URL, imported as a guest's disk."""

from __future__ import annotations

import hashlib
import socket
import struct
import time
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from fakepve.model import PveError
from fakepve.qemu import NEW_DISK, join_drive, split_drive, volume_ref
from fakepve.routing import split_list
from fakepve.server import USER, ok, params
from fakepve.storage import _is_file

from .base import Values, bad, die, task_failure
from .disks import DiskParts, format_size

ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
EXTENSIONS = {"import": (".ova", ".qcow2", ".raw", ".vmdk"), "iso": (".iso", ".img"), "vztmpl": (".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2")}
QCOW2 = b"QFI\xfb"
HEADER = 32  # bytes of a qcow2 file up to and with its virtual size (big endian, at 24)
CHUNK = 1 << 20


def virtual_size(head: bytes, size: int) -> int:
    """What a guest sees of an image: a qcow2 file says so itself, anything else is raw."""
    if head[:4] == QCOW2 and len(head) >= HEADER:
        return int(struct.unpack(">Q", head[24:32])[0])
    return size


def inside(url: str) -> bool:
    """Whether the URL's host is this computer or the lab's network: the lab reaches nothing else."""
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(urlsplit(url).hostname or "", None)}
    except OSError:
        return False
    return bool(found) and all(ip_address(address).is_private for address in found)


class ImageParts(DiskParts):
    """download-url, and ``import-from`` of a drive."""

    # --------------------------------------------------------------- download

    async def _download_url(self, request: web.Request) -> web.Response:
        node, name, user = request.match_info["node"], request.match_info["storage"], request[USER]
        store = self._active_store(name, node)
        self.require(user, f"/storage/{name}", "Datastore.AllocateTemplate")
        if not all(self.allowed(user, "/", priv) for priv in ("Sys.Audit", "Sys.Modify")):
            self.require(user, f"/nodes/{node}", "Sys.AccessNetwork")
        values = self._verify(request, await params(request))
        content, filename = values["content"], values["filename"]
        if content == "import" and tuple(int(part) for part in self.version.split(".")[:2]) < (8, 4):
            raise bad(content="value 'import' does not have a value in the enumeration 'iso, vztmpl'")
        if not _is_file(store):
            raise die(f"can't upload to storage type '{store['type']}', not a file based storage!")
        if content not in split_list(store.get("content")):
            raise die(f"storage '{name}' is not configured for content-type '{content}'")
        if not filename.endswith(EXTENSIONS[content]):
            raise bad(filename="wrong file extension")
        if values.get("compression"):
            raise die("the lab's API decompresses nothing")
        where = f"{self._base_path(name)}/{'template/' if content != 'import' else ''}{content}/{filename}"

        async def body() -> None:
            await self.pause(self.io_secs)
            await self._fetch(store, node, where, f"{content}/{filename}", values)

        answer: web.Response = ok(await self.task(node, "download", filename, user, body, log=[f"downloading {values['url']} to {where}"]))
        return answer

    async def _fetch(self, store: dict[str, Any], node: str, where: str, volume: str, values: Values) -> None:
        algorithm, expected = values.get("checksum-algorithm"), str(values.get("checksum", "")).lower()
        there = store["volumes"].get(volume)
        if there is not None and node in there.get("nodes", (node,)):
            if algorithm is None:
                raise task_failure(f"refusing to override existing file '{where}'")
            if there["digests"][algorithm] != expected:
                raise task_failure(f"checksum mismatch: got '{there['digests'][algorithm]}' != expect '{expected}', aborting")
            return
        head, size, digests = await self._read(values["url"], verify=bool(values.get("verify-certificates", 1)))
        if algorithm and digests[algorithm] != expected:
            raise task_failure(f"checksum mismatch: got '{digests[algorithm]}' != expect '{expected}'")
        shared = bool(store.get("shared"))
        if there is not None and there["digests"] != digests:
            raise task_failure("the lab's API keeps one file of a name, the same on every node")
        store["volumes"][volume] = {
            "content": volume.partition("/")[0], "format": volume.rpartition(".")[2], "size": size, "ctime": int(time.time()),
            "virtual": virtual_size(head, size), "digests": digests,
            **({} if shared else {"nodes": sorted({node, *(there or {}).get("nodes", ())})}),
        }  # fmt: skip

    @staticmethod
    async def _read(url: str, *, verify: bool) -> tuple[bytes, int, dict[str, str]]:
        """(the first bytes, size, digests by algorithm) of what the URL gives."""
        failed = f"download failed: command '/usr/bin/wget … {url}' failed: exit code"
        if not inside(url):
            raise task_failure(f"{failed} 4 (the lab reaches nothing outside)")
        sums = {name: hashlib.new(name, usedforsecurity=False) for name in ALGORITHMS}
        head, size = b"", 0
        try:
            async with aiohttp.ClientSession() as session, session.get(url, ssl=verify, raise_for_status=True) as answer:
                async for chunk in answer.content.iter_chunked(CHUNK):
                    head += chunk[: HEADER - len(head)]
                    size += len(chunk)
                    for one in sums.values():
                        one.update(chunk)
        except aiohttp.ClientResponseError as failure:
            raise task_failure(f"{failed} 8 (HTTP {failure.status})") from None
        except (aiohttp.ClientError, OSError) as failure:
            raise task_failure(f"{failed} 4 ({failure})") from None
        return head, size, {name: one.hexdigest() for name, one in sums.items()}

    # ----------------------------------------------------------------- import

    def _qm_check_drive(self, user: str, vmid: int, pool: str | None, key: str, value: Any, default: str | None) -> None:
        super()._qm_check_drive(user, vmid, pool, key, value, default)
        target, props = split_drive(value)
        source = props.get("import-from")
        if source is None:
            return
        new = NEW_DISK.match(target)
        if new is None or float(new.group(2)) != 0:
            raise bad(**{key: "import-from requires special syntax - use <storage ID>:0,import-from=<source>"})
        sid, name = volume_ref(source)
        if sid is None:
            if user != "root@pam":
                raise PveError(403, "Only root can pass arbitrary filesystem paths.")
            raise die("the lab's API has no files outside of its storages")
        vtype, owner, _ = self._parse_volname(self._store(sid), name)
        if vtype not in ("images", "import"):
            raise bad(**{key: f"{source} has wrong type '{vtype}' - needs to be 'images' or 'import'"})
        if owner:
            self.require(user, f"/vms/{owner}", "VM.Clone")
        else:
            self._check_access(user, sid, vtype, owner, source)

    def _qm_new_drive(self, vmid: int, key: str, value: Any, default: str | None) -> tuple[str, list[str]]:
        target, props = split_drive(value)
        source = props.pop("import-from", None)
        if target.endswith(":cloudinit"):
            drive = self._cloud_init_drive(self.vm(vmid), volume_ref(target)[0], {key: props[key] for key in props if key != "format"})
            return drive, [split_drive(drive)[0]]
        if source is None:
            made: tuple[str, list[str]] = super()._qm_new_drive(vmid, key, value, default)
            return made
        sid, name = volume_ref(source)
        record = self._volumes(sid).get(name)
        if record is None or not self.lies_on(self.storages[sid], record, self.node_of(vmid)):
            raise die(f"could not get size of {source}")
        if record["format"] not in ("qcow2", "raw"):
            raise die(f"the lab's API imports qcow2 and raw images only, not {record['format']}")
        size = int(record.get("virtual") or record["size"])
        volume, _ = self._qm_alloc(str(volume_ref(target)[0] or default), vmid, props.pop("format", None), size)
        return join_drive(volume, {**props, "size": format_size(size)}), [volume]
