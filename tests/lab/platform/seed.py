# SPDX-License-Identifier: GPL-3.0-or-later
"""The platform's data. The same in every lab: the generator's seed is fixed."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

USERS, MESSAGES, UPLOADS, DRAFTS, FEEDS = 200, 5200, 200, 600, 1500
BATCH = 400
BEGIN = datetime(2025, 3, 1, 8)  # noqa: DTZ001 - the platform keeps local times, as old platforms do
SCHEMA = """
CREATE DATABASE community CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE community;
CREATE TABLE users (id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(100) NOT NULL UNIQUE, last_seen DATETIME NOT NULL);
CREATE TABLE profiles (user_id INT UNSIGNED NOT NULL PRIMARY KEY, bio TEXT NOT NULL, changed_at DATETIME NOT NULL);
CREATE TABLE messages (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, token CHAR(36) CHARACTER SET ascii NOT NULL UNIQUE,
  user_id INT UNSIGNED NOT NULL, body TEXT NOT NULL, created_at DATETIME NOT NULL, KEY created (created_at));
CREATE TABLE digest_runs (slot CHAR(16) NOT NULL, host VARCHAR(60) NOT NULL, ran_at DATETIME NOT NULL);
CREATE TABLE audit_log (token CHAR(36) CHARACTER SET ascii NOT NULL, action VARCHAR(20) NOT NULL, at DATETIME NOT NULL, KEY token (token));
"""
WORDS = "harbour lighthouse tide rope anchor chart compass buoy quay crane storm calm gull mast sail hull wharf current pilot fog".split()


def _token(source: random.Random) -> str:
    return str(uuid.UUID(int=source.getrandbits(128), version=4))


def _sentence(source: random.Random, least: int, most: int) -> str:
    return " ".join(source.choices(WORDS, k=source.randint(least, most)))


def _inserts(table: str, rows: list[str]) -> Iterator[str]:
    for start in range(0, len(rows), BATCH):
        yield f"INSERT INTO {table} VALUES {','.join(rows[start : start + BATCH])};\n"


def sql(password: str) -> str:
    """Schema, rows and the application's account. The password has no character that SQL would mind."""
    source = random.Random(77)
    users, profiles, messages, audit = [], [], [], []
    for number in range(1, USERS + 1):
        users.append(f"({number},'member{number:03d}','{BEGIN + timedelta(minutes=number)}')")
        if number % 4:
            profiles.append(f"({number},'{_sentence(source, 4, 30)} \u00e4\u00f6\u00fc \u2603','{BEGIN + timedelta(hours=number)}')")
    for number in range(1, MESSAGES + 1):
        token, when = _token(source), BEGIN + timedelta(minutes=7 * number)
        messages.append(f"({number},'{token}',{source.randint(1, USERS)},'{_sentence(source, 5, 80)}','{when}')")
        audit.append(f"('{token}','message','{when}')")
    runs = [f"('{(BEGIN + timedelta(minutes=m)):%Y-%m-%d %H:%M}','web1','{BEGIN + timedelta(minutes=m)}')" for m in range(60)]
    tables = {"users": users, "profiles": profiles, "messages": messages, "audit_log": audit, "digest_runs": runs}
    rows = "".join(statement for table, values in tables.items() for statement in _inserts(table, values))
    grants = f"CREATE USER 'community'@'%' IDENTIFIED BY '{password}';\nGRANT ALL ON community.* TO 'community'@'%';\n"
    return SCHEMA + rows + grants


def redis_commands() -> bytes:
    """Drafts, feeds, counters and a ranking in Redis' inline protocol."""
    source = random.Random(78)
    lines = [f'SET draft:{_token(source)} "{_sentence(source, 5, 40)}"' for _ in range(DRAFTS)]
    lines += [f"LPUSH feed:{number} {' '.join(str(source.randint(1, MESSAGES)) for _ in range(20))}" for number in range(1, FEEDS + 1)]
    lines += [f"HSET counter:{number} seen {source.randint(1, 9999)} liked {source.randint(1, 999)}" for number in range(1, USERS + 1)]
    lines += [f"ZADD ranking {source.randint(1, 10**6)} member{number:03d}" for number in range(1, USERS + 1)]
    return ("\r\n".join(lines) + "\r\n").encode()


def uploads(folder: Path) -> None:
    """Two hundred files of up to 64 KiB in folders of two letters."""
    source = random.Random(79)
    for _ in range(UPLOADS):
        token = _token(source)
        path = folder / token[:2] / token
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        path.write_bytes(source.randbytes(source.randint(500, 65536)))
        path.chmod(0o640)
