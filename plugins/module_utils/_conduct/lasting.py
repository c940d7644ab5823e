# SPDX-License-Identifier: GPL-3.0-or-later
"""A forward that outlives a reboot of its host: a unit that runs forward.py's script before the fenced service starts.

Two text files and one link, gone with `forget`. A host without systemd keeps its forward until it is rebooted; its fence stays in any case.
"""

from __future__ import annotations

from . import forward

FOLDER = "/etc/lotse"
UNITS = "/etc/systemd/system"
SERVICES = "mariadb.service mysql.service redis-server.service valkey-server.service"


def keep(port: int, target: str) -> str:
    """A script: at every boot of this host, new connections to its TCP ``port`` go to ``target`` before a service can answer them.

    Everything that was written on the host before is on its disk, too, when the script ends.
    """
    name = f"lotse-forward-{port}"
    return "\n".join([
        "set -e",
        "command -v systemctl >/dev/null || { sync; exit 0; }",
        f"umask 022; mkdir -p {FOLDER}",
        f"cat > {FOLDER}/{name}.sh <<'LOTSE_SCRIPT'",
        forward.start(port, target),
        "LOTSE_SCRIPT",
        f"cat > {UNITS}/{name}.service <<'LOTSE_UNIT'",
        "[Unit]",
        f"Description=Port {port} has moved to {target} (Lotse)",
        f"Before={SERVICES}",
        "[Service]",
        "Type=oneshot",
        f"ExecStart=/bin/sh {FOLDER}/{name}.sh",
        "[Install]",
        "WantedBy=multi-user.target",
        "LOTSE_UNIT",
        "systemctl daemon-reload",
        f"systemctl --quiet enable {name}.service 2>/dev/null",
        "sync",
    ])  # fmt: skip


def forget(port: int) -> str:
    """A script: takes away what `keep` has made. The forward itself stays as it is."""
    name = f"lotse-forward-{port}"
    return "\n".join([
        f"[ -e {UNITS}/{name}.service ] || exit 0",
        f"systemctl --quiet disable {name}.service 2>/dev/null",
        f"rm -f {UNITS}/{name}.service {FOLDER}/{name}.sh",
        f"rmdir {FOLDER} 2>/dev/null",
        "systemctl daemon-reload",
    ])  # fmt: skip
