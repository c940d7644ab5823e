# SPDX-License-Identifier: GPL-3.0-or-later
"""Guest agent: every answer comes from the machine itself."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import Awaitable, Callable
from typing import Any

from .base import LabBase, Values, bad, die
from .driver import Completed, GuestError

EXEC_TIMEOUT = 900.0
READ_LIMIT = 16 * 1024**2
OUTPUT_LIMIT = 16 * 1024**2
COMMANDS = (
    "ping", "info", "get-osinfo", "get-host-name", "get-time", "get-timezone", "get-vcpus", "get-fsinfo",
    "network-get-interfaces", "exec", "exec-status", "file-read", "file-write", "fsfreeze-status", "shutdown",
)  # fmt: skip


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def os_info(release: str, kernel: str) -> Values:
    """get-osinfo from the text of os-release and ``uname -r``."""
    pairs = (line.split("=", 1) for line in release.splitlines() if "=" in line and not line.startswith("#"))
    found = {key: value.strip().strip("\"'") for key, value in pairs}
    return {
        "id": found.get("ID", ""), "name": found.get("NAME", ""), "pretty-name": found.get("PRETTY_NAME", ""),
        "version": found.get("VERSION", ""), "version-id": found.get("VERSION_ID", ""),
        "kernel-release": kernel.strip(), "kernel-version": "", "machine": "x86_64",
    }  # fmt: skip


class AgentParts(LabBase):
    """The agent's commands."""

    async def _agent_call(self, match: Any, values: Values) -> Any:
        vm = self.find(values["node"], values["vmid"])
        command = match.template.rsplit("/", 1)[1]
        await self._agent_up(vm)
        handler: Callable[[Any, Values], Awaitable[Any]] | None = getattr(self, "_agent_" + command.replace("-", "_"), None)
        if command not in COMMANDS or handler is None:
            raise die(f"Agent error: The command guest-{command} has not been found")
        try:
            return await handler(vm, values)
        except GuestError as failure:
            raise die(f"Agent error: {failure}") from failure

    async def _agent_up(self, vm: Any) -> None:
        enabled = str(vm.config.get("agent", "0")).split(",")[0].split("=")[-1]
        if enabled != "1":
            raise die("No QEMU guest agent configured")
        if vm.status != "running":
            raise die(f"VM {vm.vmid} is not running")
        machine = getattr(vm, "machine", None)
        if machine is None or self.faults.agent_down(vm.vmid) or not await self._ask(self.driver.ready, machine):
            raise die("QEMU guest agent is not running")

    async def _ask[Answer](self, question: Callable[[str], Answer], machine: str) -> Answer:
        """A machine in memory is asked at once; asking another one blocks."""
        return question(machine) if self.driver.instant else await asyncio.to_thread(question, machine)

    async def _run(self, vm: Any, *argv: str) -> bytes:
        done = await asyncio.to_thread(self.driver.execute, vm.machine, argv, None, 30.0)
        if done.returncode:
            raise GuestError(_text(done.stderr).strip() or f"{argv[0]} ended with {done.returncode}")
        return done.stdout

    async def _agent_ping(self, vm: Any, values: Values) -> Any:
        return {"result": {}}

    async def _agent_info(self, vm: Any, values: Values) -> Any:
        names = [{"name": f"guest-{name}", "enabled": True, "success-response": True} for name in COMMANDS if name != "info"]
        return {"result": {"version": "10.0.0", "supported_commands": names}}

    async def _agent_get_osinfo(self, vm: Any, values: Values) -> Any:
        release = await asyncio.to_thread(self.driver.read_file, vm.machine, "/etc/os-release", 0, 65536)
        return {"result": os_info(_text(release), _text(await self._run(vm, "uname", "-r")))}

    async def _agent_get_host_name(self, vm: Any, values: Values) -> Any:
        return {"result": {"host-name": _text(await self._run(vm, "hostname")).strip()}}

    async def _agent_get_time(self, vm: Any, values: Values) -> Any:
        return {"result": time.time_ns()}

    async def _agent_get_timezone(self, vm: Any, values: Values) -> Any:
        zone, offset = _text(await self._run(vm, "date", "+%Z %z")).split()
        seconds = (int(offset[1:3]) * 60 + int(offset[3:5])) * 60
        return {"result": {"zone": zone, "offset": -seconds if offset.startswith("-") else seconds}}

    async def _agent_get_vcpus(self, vm: Any, values: Values) -> Any:
        cores = int(vm.config.get("cores", 1)) * int(vm.config.get("sockets", 1))
        return {"result": [{"logical-id": n, "online": True, "can-offline": n > 0} for n in range(cores)]}

    async def _agent_get_fsinfo(self, vm: Any, values: Values) -> Any:
        rows = _text(await self._run(vm, "df", "-B1", "--output=source,fstype,used,size,target", "/")).splitlines()[1:]
        result = []
        for row in rows:
            source, kind, used, size, target = row.split(maxsplit=4)
            result.append({"name": source, "type": kind, "used-bytes": int(used), "total-bytes": int(size),
                           "mountpoint": target, "disk": []})  # fmt: skip
        return {"result": result}

    async def _agent_network_get_interfaces(self, vm: Any, values: Values) -> Any:
        return {"result": await self._ask(self.driver.interfaces, vm.machine)}

    async def _agent_fsfreeze_status(self, vm: Any, values: Values) -> Any:
        return {"result": "thawed"}

    async def _agent_shutdown(self, vm: Any, values: Values) -> Any:
        await self._power_off(vm, 60)
        return {"result": None}

    # ---------------------------------------------------------------- files

    async def _agent_file_read(self, vm: Any, values: Values) -> Any:
        count = int(values.get("count", READ_LIMIT))
        offset = int(values.get("offset", 0))
        data = await asyncio.to_thread(self.driver.read_file, vm.machine, values["file"], offset, count + 1)
        kept = data[:count]
        content = _text(kept) if values.get("decode", 1) else base64.b64encode(kept).decode()
        return {"content": content, **({"truncated": True} if len(data) > count else {})}

    async def _agent_file_write(self, vm: Any, values: Values) -> Any:
        content = str(values["content"])
        if values.get("encode", 1):
            data = content.encode()
        else:
            try:
                data = base64.b64decode(content, validate=True)
            except binascii.Error:
                raise bad(content="not valid base64") from None
        await asyncio.to_thread(self.driver.write_file, vm.machine, values["file"], data)

    # ------------------------------------------------------------- programs

    async def _agent_exec(self, vm: Any, values: Values) -> Any:
        given = values.get("input-data")
        data = None if given is None else str(given).encode()
        vm.agent_pid += 1
        pid = vm.agent_pid
        argv = [str(part) for part in values["command"]]
        if not argv:
            raise bad(command="property is missing and it is not optional")
        job = asyncio.ensure_future(asyncio.to_thread(self.driver.execute, vm.machine, argv, data, EXEC_TIMEOUT))
        vm.agent_execs[pid] = job
        if not self.time_scale:
            await asyncio.wait([job])
        return {"pid": pid}

    async def _agent_exec_status(self, vm: Any, values: Values) -> Any:
        pid = int(values["pid"])
        job = vm.agent_execs.get(pid)
        if job is None:
            raise die(f"Agent error: PID {pid} does not exist")
        if not job.done():
            return {"exited": 0}
        del vm.agent_execs[pid]  # the agent reaps a program once its end was asked for
        done: Completed = job.result()
        answer: Values = {"exited": 1, "exitcode": done.returncode}
        for key, output in (("out", done.stdout), ("err", done.stderr)):
            if output:
                answer[f"{key}-data"] = _text(output[:OUTPUT_LIMIT])
            if len(output) > OUTPUT_LIMIT:
                answer[f"{key}-truncated"] = 1
        return answer
