# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS versions that Debian 13 refuses."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding, LegacyHost
from ..detector import detector, listed

OLD = {"tlsv1", "tlsv1.0", "tlsv1.1", "sslv3", "sslv2"}


def _offered(host: LegacyHost) -> Iterator[str]:
    for vhost in host.part("nginx").get("vhosts") or ():
        protocols = {str(word).lower() for word in (vhost.get("tls") or {}).get("protocols") or ()} & OLD
        if protocols:
            yield f"nginx {vhost['name']}: {', '.join(sorted(protocols))}"
    for vhost in host.part("apache").get("vhosts") or ():
        words = [str(word).lower() for word in (vhost.get("tls") or {}).get("protocols") or ()]
        if ({word.lstrip("+") for word in words} & OLD) or ("all" in words and not {"-tlsv1", "-tlsv1.1"} <= set(words)):
            yield f"Apache {vhost['file']}: SSLProtocol {' '.join(words)}"
    for front in host.part("haproxy").get("frontends") or ():
        for bind in front.get("tls") or ():
            least = str(bind.get("min_version") or "").lower()
            forced = sorted({"force-sslv3", "force-tlsv10", "force-tlsv11"} & set(bind.get("versions") or ()))
            if least in OLD or forced:
                yield f"HAProxy {front['name']}: {least or listed(forced)}"


def _service(draft: Draft, host: LegacyHost) -> str:
    kinds = ("edge", "http", "apache")
    return next((service.id for service in draft.services if service.host == host.name and service.kind in kinds), "")


def _allowed(host: LegacyHost) -> Iterator[str]:
    openssl = host.part("openssl")
    if str(openssl.get("min_protocol") or "").lower() in OLD | {"none"}:
        yield f"{openssl.get('file')}: MinProtocol = {openssl['min_protocol']}"
    level = openssl.get("security_level")
    if level is not None and int(level) < debian13.TLS_LEVEL:
        yield f"{openssl.get('file')}: CipherString = {openssl.get('cipher_string')}"


@detector(
    "tls-too-old",
    "TLS versions that Debian 13 refuses",
    severity="warning",
    compares="the protocols that nginx, Apache and HAProxy offer and the limits of OpenSSL with OpenSSL 3.5 at security level 2",
    remedy="find out which clients use the old versions; lower the level for one service only if they must stay",
    reference="docs.openssl.org: SSL_CTX_set_security_level; Debian 13: openssl 3.5",
    surprise=(29,),
    needs=("nginx", "haproxy", "openssl"),
    only_lifted=True,
)
def tls_too_old(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        old = sorted({*_offered(host), *_allowed(host)})
        if old:
            yield Finding(
                host=host.name,
                severity="warning",
                service=_service(draft, host),
                old=listed(old),
                new=f"OpenSSL {debian13.OPENSSL} of Debian 13: {debian13.TLS_LEAST} and newer, security level {debian13.TLS_LEVEL}",
                remedy="Log the protocol of each handshake for some days ($ssl_protocol, %sslv) and tell those who still use the old ones.",
            )


DETECTOR = tls_too_old
