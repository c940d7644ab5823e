# SPDX-License-Identifier: GPL-3.0-or-later
"""The API as a daemon inside the lab's network namespace."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.lab.lab import ROOT, Lab

HOST = "10.77.0.2"
PORT = 8006
SECRET = "LOTSE_PVE_TOKEN_SECRET"
START_TIMEOUT = 60.0
STOP_TIMEOUT = 15.0


def lab_directory(lab: str) -> Path:
    return Lab(lab).directory


def token_secret(directory: Path) -> str:
    """The token's secret: from the environment, else from secrets.env, else a new one that is written there."""
    given = os.environ.get(SECRET)
    kept = directory / "secrets.env"
    lines = kept.read_text().splitlines() if kept.exists() else []
    found = next((line.split("=", 1)[1].strip("'\"") for line in lines if line.startswith(f"{SECRET}=")), None)
    secret = given or found or secrets.token_urlsafe(32)
    if secret != found:
        rest = [line for line in lines if not line.startswith(f"{SECRET}=")]
        kept.touch(mode=0o600)
        kept.chmod(0o600)
        kept.write_text("\n".join([*rest, f"{SECRET}={secret}"]) + "\n")
    return secret


def _in_namespace(lab: str, *command: str) -> list[str]:
    """Not ``ip netns exec``: that hides what is mounted inside from everybody else, and guests' disks are mounts."""
    return ["nsenter", f"--net=/run/netns/{Lab(lab).namespace}", *command]


def _pid(directory: Path) -> int | None:
    """The daemon's pid, if that process is ours and alive."""
    try:
        pid = int((directory / "pve.pid").read_text())
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ValueError, ProcessLookupError):
        return None
    return pid if b"tests.lab.pve" in arguments else None


def running(lab: str) -> bool:
    return _pid(lab_directory(lab)) is not None


def start(lab: str) -> None:
    """Start the API unless it runs; return when it answers."""
    directory = lab_directory(lab)
    directory.mkdir(parents=True, exist_ok=True)
    secret = token_secret(directory)
    if running(lab):
        return
    address = _in_namespace(lab, "ip", "address", "replace", f"{HOST}/24", "dev", "br0")
    subprocess.run(address, check=True, capture_output=True)
    log = directory / "pve.log"
    command = _in_namespace(
        lab, sys.executable, "-m", "tests.lab.pve", "serve", "--lab", lab, "--dir", str(directory),
        "--host", HOST, "--port", str(PORT), "--record",
    )  # fmt: skip
    with log.open("a") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, SECRET: secret},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    (directory / "pve.pid").write_text(f"{process.pid}\n")
    deadline = time.monotonic() + START_TIMEOUT
    while not _answers(lab, directory):
        if process.poll() is not None or time.monotonic() > deadline:
            stop(lab)
            raise RuntimeError(f"the lab's API did not start, see {log}:\n{log.read_text()[-2000:]}")
        time.sleep(0.2)


def _answers(lab: str, directory: Path) -> bool:
    """True once /version is served under the lab's certificate."""
    probe = (
        "import json, ssl, sys, urllib.request\n"
        "context = ssl.create_default_context(cafile=sys.argv[1])\n"
        "request = urllib.request.Request(sys.argv[2], headers={'Authorization': sys.stdin.read()})\n"
        "print(json.load(urllib.request.urlopen(request, timeout=3, context=context))['data']['version'])\n"
    )
    ca = directory / "pve-ca.pem"
    if not ca.exists():
        return False
    authorization = f"PVEAPIToken=lotse@pve!ci={token_secret(directory)}"
    url = f"https://{HOST}:{PORT}/api2/json/version"
    command = _in_namespace(lab, sys.executable, "-c", probe, str(ca), url)
    done = subprocess.run(command, input=authorization, capture_output=True, text=True, check=False)
    return done.returncode == 0


def stop(lab: str) -> None:
    """Stop the API; the guests' machines and the state stay."""
    directory = lab_directory(lab)
    pid = _pid(directory)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT
        while _pid(directory) is not None:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                break
            time.sleep(0.1)
    (directory / "pve.pid").unlink(missing_ok=True)


def status(lab: str) -> str:
    """One line of JSON for the lab's own status."""
    return json.dumps({"running": running(lab), "url": f"https://{HOST}:{PORT}"})
