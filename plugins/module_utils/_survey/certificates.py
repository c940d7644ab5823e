# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates as ``openssl x509 -noout -text`` tells them: names, dates, key, signature. Pure."""

from __future__ import annotations

import re
from typing import Any

from .part import COUNT, COUNT_OR_NULL, FLAG, MAYBE, TEXT, WORDS

SHAPE = {"file": TEXT, "position": COUNT, "subject": TEXT, "issuer": TEXT, "names": WORDS, "not_before": MAYBE, "not_after": MAYBE, "key": MAYBE,
         "bits": COUNT_OR_NULL, "signature": MAYBE, "self_signed": FLAG, "authority": FLAG}  # fmt: skip
MONTHS = {name: number for number, name in enumerate(("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1)}
KEYS = {"rsaEncryption": "RSA", "id-ecPublicKey": "EC", "dsaEncryption": "DSA", "ED25519": "ED25519", "ED448": "ED448", "rsassaPss": "RSA"}
SIZES = {"ED25519": 253, "ED448": 456}
FIELD = re.compile(r"\s*(Signature Algorithm|Issuer|Not Before|Not After|Subject|Public Key Algorithm)\s?:\s?(.{0,2000})")


def read(lines: list[str]) -> list[dict[str, Any]]:
    """Blocks that begin with ``= file<TAB>position``. What could not be read as a certificate is left out."""
    found = []
    for head, text in _split(lines):
        file, _, position = head.partition("\t")
        certificate = _certificate(text)
        if certificate:
            found.append({"file": file, "position": int(position) if re.fullmatch(r"\d{1,4}", position, re.ASCII) else 1, **certificate})
    return sorted(found, key=lambda row: (str(row["file"]), int(row["position"])))


def unreadable(lines: list[str]) -> list[str]:
    """Files that are named and are no certificate."""
    return sorted({head.partition("\t")[0] for head, text in _split(lines) if not _certificate(text)})


def _split(lines: list[str]) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        if line.startswith("= "):
            found.append((line[2:].rstrip(), []))
        elif found:
            found[-1][1].append(line)
    return found


def _certificate(lines: list[str]) -> dict[str, Any] | None:
    fields: dict[str, str] = {}
    for line in lines:
        if match := FIELD.match(line):
            fields.setdefault(match[1], match[2].strip())
    if "Subject" not in fields or "Not After" not in fields:
        return None
    text = "\n".join(lines)
    key = fields.get("Public Key Algorithm")
    kind = KEYS.get(key or "", key)
    bits = re.search(r"Public-Key: \((\d{1,6}) bit\)|Public-Key: \((\d{1,6}) bit, ", text, re.ASCII)
    names = re.search(r"X509v3 Subject Alternative Name:[^\n]*\n\s*([^\n]*)", text)
    listed = [word.strip() for word in (names[1] if names else "").split(",") if word.strip()]
    subject, issuer = _name(fields["Subject"]), _name(fields.get("Issuer", ""))
    return {
        "subject": subject,
        "issuer": issuer,
        "names": sorted({re.sub(r"^(DNS|IP Address|email|URI):", "", name) for name in listed}),
        "not_before": date(fields.get("Not Before", "")),
        "not_after": date(fields["Not After"]),
        "key": kind,
        "bits": int(bits[1] or bits[2]) if bits else SIZES.get(kind or ""),
        "signature": fields.get("Signature Algorithm") or None,
        "self_signed": subject == issuer,
        "authority": bool(re.search(r"CA:TRUE", text)),
    }


def _name(text: str) -> str:
    """``CN = x, O = y`` of 1.1.1 and ``CN=x, O=y`` of others as one form."""
    return re.sub(r"\s{0,3}=\s{0,3}", "=", text.strip())


def date(text: str) -> str | None:
    """``Nov  5 10:11:12 2027 GMT`` as 2027-11-05."""
    match = re.match(r"([A-Z][a-z]{2})\s{1,2}(\d{1,2}) [\d:]{8} (\d{4})", text, re.ASCII)
    if not match or match[1] not in MONTHS:
        return None
    return f"{match[3]}-{MONTHS[match[1]]:02}-{int(match[2]):02}"
