# SPDX-License-Identifier: GPL-3.0-or-later
"""The host sends mail, and the guest would not."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector
from ._shared import leaving, names

SENDERS = frozenset({"http", "cron", "apache", "nodejs"})
LOCAL = frozenset({"local", "none", ""})


@detector(
    "mail-relay",
    "The host sends mail, and the guest would not",
    severity="critical where applications or jobs move from a host that relays or has sent mail, else warning",
    compares="the mail server's relay, what it has sent, and who uses it, with the packages of the guest",
    remedy="install and configure the same relay on the guest, and send a mail through it before the cutover",
    reference="postconf(5): relayhost; Debian: exim4-config",
    surprise=(28,),
    needs=("mail",),
)
def mail_relay(draft: Draft) -> Iterator[Finding]:
    for host, guests in leaving(draft):
        mail = host.part("mail")
        sent = int(mail.get("sent") or 0) if set(mail.get("relays") or ()) - {"local", "127.0.0.1", "none"} else 0
        if not mail or not (mail.get("relay") or sent or mail.get("kind") == "internet"):
            continue
        uses = [service for service in draft.services if service.host == host.name and service.kind in SENDERS]
        missing = [guest for guest in guests if not _sends(draft, guest.name)]
        if missing:
            yield Finding(
                host=host.name,
                severity="critical" if uses and (mail.get("relay") or sent) else "warning",
                service=uses[0].id if uses else "",
                old=f"{mail['mta']} sends over {mail.get('relay') or 'the addressees own servers'}" + (f", {sent} mails in its log" if sent else ""),
                new=f"{names(missing)} have no mail server: mail() fails, and reports of cron go nowhere",
                remedy="Install a relay on the guest with the old one's settings (base_packages), send a mail through it before the cutover.",
            )


def _sends(draft: Draft, guest: str) -> bool:
    packages = {str(name).split("-")[0] for name in draft.settings[guest].get("base_packages") or ()}
    return bool(packages & {"postfix", "exim4", "msmtp", "nullmailer", "opensmtpd", "dma"})


DETECTOR = mail_relay
