# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, firewall, mail and NFS, from answers in the documented formats of the programs and files that are asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible_collections.lotse.estate.plugins.module_utils._survey.parts import firewall, mail, nfs, resolver
from ansible_collections.lotse.estate.plugins.module_utils._survey.wire import Section, UnseenError
from hypothesis import given, settings
from hypothesis import strategies as st

from .helpers import collect, section

RESOLV = "# made by hand\nnameserver 10.0.0.53\nnameserver 10.0.0.54\nsearch shop.example corp.example\noptions timeout:1 rotate\n"  # resolv.conf(5)
HOSTS = "127.0.0.1 localhost\n127.0.1.1 web1\n10.0.0.9 db-main db # the database\nff02::1 ip6-allnodes\nnonsense here\n"  # hosts(5)


def names(**blocks: str) -> dict[str, Any]:
    files = {"/etc/resolv.conf": RESOLV, "/etc/hosts": HOSTS}
    found = resolver.parse(section("resolver", files, order="files mdns4 [NOTFOUND=return] dns", **blocks))
    jsonschema.validate(found, resolver.PART.shape)
    return found


def test_names_and_who_knows_them() -> None:
    answers = "db-main\tall\t10.0.0.9 \ndb-main\tdns\t\napi.partner.example\tall\t198.51.100.7 \napi.partner.example\tdns\t198.51.100.7 \n"
    found = names(used="/srv/a/.env\t3\tdb-main\n/srv/a/.env\t9\tapi.partner.example\n", answers=answers, daemons="/usr/sbin/nscd")
    assert (found["nameservers"], found["search"]) == (["10.0.0.53", "10.0.0.54"], ["shop.example", "corp.example"])
    assert found["options"] == ["timeout:1", "rotate"]
    assert found["order"] == ["files", "mdns4", "dns"]
    assert found["daemons"] == ["nscd"]
    assert found["hosts"] == [{"address": "127.0.1.1", "names": ["web1"], "line": 2}, {"address": "10.0.0.9", "names": ["db-main", "db"], "line": 3}]
    assert {row["name"]: (row["hosts_file"], row["dns"]) for row in found["names"]} == {
        "db-main": ("10.0.0.9", []), "api.partner.example": (None, ["198.51.100.7"]),
    }  # fmt: skip


def test_a_dns_that_answers_nothing_is_not_one_that_knows_nothing() -> None:
    found = names(used="/srv/a/.env\t3\tdb-main\n", answers="db-main\tall\t10.0.0.9 \ndb-main\tdns\t\n")
    assert found["names"][0]["dns"] is None


SAVE = """*** ip
*nat
:PREROUTING ACCEPT [10:600]
:DOCKER - [0:0]
-A PREROUTING -p tcp -m tcp --dport 8080 -j REDIRECT --to-ports 80
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A DOCKER -i docker0 -j RETURN
COMMIT
*filter
:INPUT DROP [0:0]
-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 3306 -j ACCEPT
COMMIT
*** ip
*filter
:INPUT DROP [0:0]
-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 3306 -j ACCEPT
COMMIT"""  # iptables-save(8), and the same table seen by its second program
NFT = """table ip filter {
	chain INPUT {
		type filter hook input priority filter; policy drop;
		ip saddr 10.0.0.0/8 tcp dport 3306 accept
	}
}
table inet edge {
	set partners {
		type ipv4_addr
		elements = { 198.51.100.7 }
	}
	chain input {
		type filter hook input priority filter; policy accept;
		ip saddr @partners tcp dport 443 accept
	}
}"""  # nft(8) list ruleset


def test_rules_of_both_programs_once() -> None:
    texts = {"state": "ufw", "files": "/etc/nftables.conf", "iptables": SAVE, "nft": NFT}
    found = firewall.parse(Section("firewall", {name: text.splitlines() for name, text in texts.items()}))
    jsonschema.validate(found, firewall.PART.shape)
    assert found["managers"] == ["ufw"]
    assert [row["rule"] for row in found["rules"] if not row["own"]] == [
        "-p tcp -m tcp --dport 8080 -j REDIRECT --to-ports 80",
        "-s 10.0.0.0/8 -p tcp -m tcp --dport 3306 -j ACCEPT",
        "ip saddr @partners tcp dport 443 accept",
    ]
    assert found["counts"] == {"rules": 5, "people": 3}
    assert {"family": "ip", "table": "filter", "chain": "INPUT", "policy": "drop"} in found["policies"]


def test_rules_that_could_not_be_read_are_no_open_door() -> None:
    with pytest.raises(UnseenError, match="not root"):
        firewall.parse(Section("firewall", {"files": []}, unseen=("not root: the rules cannot be read",)))


EXIM = """dc_eximconfig_configtype='smarthost'
dc_other_hostnames='shop.example'
dc_local_interfaces='127.0.0.1 ; ::1'
dc_smarthost='mail.shop.example::587'
"""
POSTFIX = "relayhost = [mail.shop.example]:587\ninet_interfaces = loopback-only\nmyhostname = web1.shop.example\nmyorigin = /etc/mailname\n"


@pytest.mark.parametrize(
    ("mta", "file", "text", "relay", "listens", "domains"),
    [
        ("exim", "/etc/exim4/update-exim4.conf.conf", EXIM, "mail.shop.example::587", ["127.0.0.1", "::1"], ["shop.example"]),
        ("postfix", "/etc/postfix/main.cf", POSTFIX, "[mail.shop.example]:587", ["loopback-only"], ["web1.shop.example"]),
        ("sendmail", "/etc/mail/sendmail.cf", "DSmail.shop.example\nO DaemonPortOptions=Addr=127.0.0.1\n", "mail.shop.example", ["127.0.0.1"], []),
        ("msmtp", "/etc/msmtprc", "account default\nhost mail.shop.example\nport 587\n", "mail.shop.example", [], []),
        ("ssmtp", "/etc/ssmtp/ssmtp.conf", "mailhub=mail.shop.example:587\n", "mail.shop.example:587", [], []),
        ("nullmailer", "/etc/nullmailer/remotes", "mail.shop.example smtp --port=587\n", "mail.shop.example", [], []),
        ("dma", "/etc/dma/dma.conf", "SMARTHOST mail.shop.example\n", "mail.shop.example", [], []),
        ("opensmtpd", "/etc/smtpd.conf", 'action "r" relay host smtp://mail.shop.example\nlisten on lo\n', "smtp://mail.shop.example", ["lo"], []),
    ],
)
def test_who_relays_the_mail(mta: str, file: str, text: str, relay: str, listens: list[str], domains: list[str]) -> None:
    log = "sent 12\nrelay 12 mx.example\n"
    found = mail.parse(section("mail", {file: text}, mta=mta, running=f"/usr/sbin/{mta}", queue="active 1\ndeferred 3", log=log))
    jsonschema.validate(found, mail.PART.shape)
    assert found is not None
    assert (found["relay"], found["listens"], found["domains"]) == (relay, listens, domains)
    assert (found["queue"], found["sent"], found["relays"]) == (4, 12, {"mx.example": 12})


def test_a_host_without_mail() -> None:
    assert mail.parse(Section("mail", absent=True)) is None
    assert nfs.parse(Section("nfs", absent=True)) is None


EXPORTS = "/srv/share 10.0.0.0/24(rw,sync,fsid=7) web1(ro)\n# /srv/old *(rw)\n"  # exports(5)
ETAB = "/srv/share\t10.0.0.0/24(rw,sync,wdelay,hide,no_subtree_check,fsid=7,sec=sys)\n"  # written by exportfs
MOUNTS = "nas:/vol/up\t/srv/web1/up\\040loads\tnfs4\trw,relatime,vers=4.0,rsize=65536,hard,proto=tcp,sec=sys,clientaddr=10.0.0.3,addr=10.0.0.8"


def test_exports_and_mounts() -> None:
    stats = "/srv/web1/up\\040loads\t8640\t1000\t2000"
    fstab = "7\tnas:/vol/up\t/srv/web1/up\\040loads\tnfs\tvers=4.0\n9\tnas:/vol/old\t/mnt/old\tnfs\tnoauto,vers=3,soft"
    found = nfs.parse(section("nfs", {"/etc/exports": EXPORTS}, mounts=MOUNTS, etab=ETAB, stats=stats, fstab=fstab, clients="10.0.0.9",
                              versions="-2 +3 +4 +4.1 +4.2", domain="shop.example"))  # fmt: skip
    jsonschema.validate(found, nfs.PART.shape)
    assert found is not None
    assert [(row["path"], row["client"], row["fsid"], row["line"]) for row in found["exports"]] == [
        ("/srv/share", "10.0.0.0/24", "7", 1), ("/srv/share", "web1", None, 1),
    ]  # fmt: skip
    old, uploads = found["mounts"]
    assert (old["target"], old["mounted"], old["version"], old["hard"], old["fstab_line"]) == ("/mnt/old", False, "3", False, 9)
    assert (uploads["server"], uploads["path"], uploads["target"], uploads["version"]) == ("nas", "/vol/up", "/srv/web1/up loads", "4.0")
    assert (uploads["fstab_line"], uploads["age_s"], uploads["written_bytes"]) == (7, 8640, 2000)
    assert (found["served_versions"], found["idmap_domain"], found["clients"]) == (["3", "4", "4.1", "4.2"], "shop.example", ["10.0.0.9"])


TEXTS = [*RESOLV.splitlines(), *HOSTS.splitlines(), *SAVE.splitlines(), *NFT.splitlines(), *EXIM.splitlines(), *EXPORTS.splitlines(), ETAB, MOUNTS,
         "[x]:/y\t/z\tnfs4\tvers=4", "7\ta:/b\t/c\tnfs\td", "a\t1\tb", "b\tdns\tc", "relay 1 x", "exim", "postfix", "nullmailer", "x(y)"]  # fmt: skip
LINES = st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\n"), max_size=60) | st.sampled_from(TEXTS), max_size=12)


@settings(max_examples=60, deadline=None)
@given(lines=LINES, first=st.sampled_from(["exim", "postfix", "nullmailer", "sendmail", "opensmtpd", "msmtp", "files dns"]))
def test_no_answer_breaks_a_parser(lines: list[str], first: str) -> None:
    blocks = ("used", "answers", "daemons", "target", "state", "files", "iptables", "nft", "running", "signing", "queue", "log", "mounts", "fstab",
              "autofs", "etab", "versions", "clients", "domain", "dnsdomain", "stats")  # fmt: skip
    files = dict.fromkeys(("/etc/hosts", "/etc/resolv.conf", "/etc/exports", "/etc/exim4/update-exim4.conf.conf", "/etc/mailname"), lines)
    answer = Section("x", {**dict.fromkeys(blocks, lines), "mta": [first], "order": [first]}, files)
    for part in (resolver.PART, firewall.PART, mail.PART, nfs.PART):
        value = part.parse(answer)
        jsonschema.validate(value, part.shape)
        part.steady(value)


def plant(root: Path, tree: dict[str, str]) -> None:
    for name, text in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_names_are_found_in_files_and_nothing_else_leaves_them(tmp_path: Path) -> None:
    plant(tmp_path, {
        "etc/hosts": HOSTS, "etc/resolv.conf": RESOLV, "etc/nsswitch.conf": "passwd: files\nhosts: files dns\n",
        "srv/app/.env": "DB_HOST=db-main\nDB_PASSWORD=cAnArY1\nURL=https://api:cAnArY2@pay.partner.example:8443/x?token=cAnArY3\n# DB_HOST=db\n",
        "etc/nginx/conf.d/x.conf": "proxy_pass http://backend.shop.example/;\n",
        "etc/haproxy/haproxy.cfg": "server one db:3306 check\n",
        "etc/msmtprc": "host mail.shop.example\npassword cAnArY4\n",
    })  # fmt: skip
    output = collect(("resolver",), tmp_path)
    assert "cAnArY" not in output
    lines = {line.strip() for line in output.splitlines()}
    assert {"/srv/app/.env\t1\tdb-main", "/srv/app/.env\t3\tpay.partner.example", "/etc/nginx/conf.d/x.conf\t1\tbackend.shop.example",
            "/etc/haproxy/haproxy.cfg\t1\tdb"} <= lines  # fmt: skip
    assert not any(line.startswith("/srv/app/.env\t4") for line in lines)


def test_passwords_of_mail_and_mounts_stay_on_the_host(tmp_path: Path) -> None:
    plant(tmp_path, {
        "etc/exports": "/srv/share 10.0.0.0/24(rw)\n", "etc/fstab": "nas:/a /b nfs vers=3 0 0\n//nas/c /d cifs password=cAnArY1 0 0\n",
        "proc/mounts": "nas:/a /b nfs rw,vers=3 0 0\n//nas/c /d cifs rw,password=cAnArY2 0 0\n", "etc/auto.nfs": "x -fstype=nfs nas:/y\n",
        "etc/idmapd.conf": "[General]\nDomain = shop.example\n",
    })  # fmt: skip
    output = collect(("nfs",), tmp_path)
    assert "cAnArY" not in output
    for kept in (" nas:/a\t/b\tnfs\trw,vers=3", " 1\tnas:/a\t/b\tnfs\tvers=3", " shop.example"):
        assert kept in output
