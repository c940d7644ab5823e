# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate that OpenSSL 3 refuses."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding, Row
from ..detector import detector


def _weak(row: Row) -> list[str]:
    """A self-signed certificate's own signature is not looked at."""
    why = []
    least = debian13.TLS_BITS.get(str(row.get("key")))
    if least and row.get("bits") and int(row["bits"]) < least:
        why.append(f"{row['key']} of {row['bits']} bits")
    if not row.get("self_signed") and str(row.get("signature") or "").lower().startswith(("sha1", "md5", "ecdsa-with-sha1", "dsa-with-sha1")):
        why.append(f"signed with {row['signature']}")
    return why


@detector(
    "weak-certificate",
    "A certificate that OpenSSL 3 refuses",
    severity="critical for a certificate that a service of the plan shows or trusts, else warning",
    compares="key size and signature of each certificate that a configuration names with security level 2",
    remedy="have it issued again: RSA of at least 2048 bits or EC, signed with SHA-256",
    reference="docs.openssl.org: SSL_CTX_set_security_level (level 2: 112 bits)",
    surprise=(29,),
    needs=("tls",),
    only_lifted=True,
)
def weak_certificate(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        for row in host.part("tls").get("certificates") or ():
            why = _weak(row)
            if why:
                yield Finding(
                    host=host.name,
                    severity="critical" if row.get("named_by") and any(service.host == host.name for service in draft.services) else "warning",
                    title=f"{row['file']} is too weak for OpenSSL 3",
                    old=f"{row['subject']}: {' and '.join(why)}; named by {', '.join(row.get('named_by') or ()) or 'nobody'}",
                    new=f"at security level {debian13.TLS_LEVEL} a server with it does not start, and a client does not accept it",
                    remedy="Have it issued again with RSA 2048 (or EC 256) and SHA-256 before the crossing; see that old clients accept that one.",
                )


DETECTOR = weak_certificate
