# SPDX-License-Identifier: GPL-3.0-or-later
"""An authentication plugin that MariaDB lacks."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import of_kind

OTHER_PLUGINS = frozenset({"caching_sha2_password", "sha256_password", "auth_gssapi", "gssapi", "pam", "auth_socket"})


@detector(
    "authentication-plugin",
    "An authentication plugin that MariaDB lacks",
    severity="critical: these accounts could not sign in",
    compares="plugins of the accounts with those of the guest's MariaDB",
    remedy="give them another plugin before the wave",
    reference="mariadb.com: authentication plugins",
    surprise=(4,),
    needs=("mariadb",),
)
def authentication_plugin(draft: Draft) -> Iterator[Finding]:
    for service, host in of_kind(draft, "mariadb"):
        rows = host.part("mariadb").get("accounts") or ()
        strange = sorted(f"{row['account']} ({row['plugin']})" for row in rows if str(row.get("plugin")) in OTHER_PLUGINS)
        if strange:
            yield Finding(
                host=host.name,
                severity="critical",
                service=service.id,
                old=listed(strange),
                new="these accounts could not sign in",
                remedy="Give them mysql_native_password or ed25519 before the wave.",
            )


DETECTOR = authentication_plugin
