# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that know the old addresses only and write all the time, in whatever state the databases are. Runs inside the lab's network.

usage: python -m tests.integration.database_writers MARIADB REDIS STOP-FILE OUTPUT   (the password of the application on standard input)

Half of them keep their connections, half make one for each write. The output has every acknowledged write, and the longest silence.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pymysql

THREADS, PAUSE = 4, 0.02  # for each kind: about 200 writes a second


class Redis:
    """Just enough of a client: one command in a line, one line of answer."""

    def __init__(self, address: str) -> None:
        self.socket = socket.create_connection((address, 6379), timeout=15)
        self.lines = self.socket.makefile("rb")

    def write(self, token: str) -> None:
        # Scripts, too: an old Redis lets them pass where it refuses the command itself.
        script = f"EVAL \"return redis.call('SET', KEYS[1], '1')\" 1 lab:{token}"
        command = script if token < "8" else f"HSET lab:{token} field 1"
        self.socket.sendall(f"{command}\r\n".encode())
        answer = self.lines.readline()
        if answer not in {b"+OK\r\n", b":1\r\n"}:
            raise OSError(answer)

    def close(self) -> None:
        self.socket.close()


class Database:
    def __init__(self, address: str, password: str) -> None:
        patient: dict[str, Any] = {"connect_timeout": 15, "read_timeout": 15, "ssl_disabled": True}
        self.connection = pymysql.connect(host=address, user="community", password=password, database="community", autocommit=True, **patient)

    def write(self, token: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute("INSERT INTO messages (token, body, sent_at) VALUES (%s, 'grüß dich 🙂', NOW())", (token,))

    def close(self) -> None:
        self.connection.close()


def write_on(connect: Callable[[], Any], keep: bool, stop: Path, acknowledged: list[tuple[float, str]], errors: list[str]) -> None:
    client: Any = None
    while not stop.exists():
        token = str(uuid.uuid4())
        try:
            client = client or connect()
            client.write(token)
            acknowledged.append((time.time(), token))
            if not keep:
                client.close()
                client = None
        except (OSError, pymysql.MySQLError) as failure:
            errors.append(str(failure)[:100])
            client = None
        time.sleep(PAUSE)


def main(mariadb: str, redis: str, stop: Path, output: Path) -> None:
    password = sys.stdin.readline().strip()
    connects: dict[str, Callable[[], Any]] = {"mariadb": lambda: Database(mariadb, password), "redis": lambda: Redis(redis)}
    written: dict[str, tuple[list[tuple[float, str]], list[str]]] = {kind: ([], []) for kind in connects}
    threads = [
        threading.Thread(target=write_on, args=(connect, number % 2 == 0, stop, *written[kind]))
        for kind, connect in connects.items()
        for number in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answer = {}
    for kind, (acknowledged, errors) in written.items():
        times = sorted(at for at, _ in acknowledged)
        silence = max((later - earlier for earlier, later in pairwise(times)), default=0.0)
        answer[kind] = {"tokens": [token for _, token in acknowledged], "longest_silence_s": silence, "errors": errors}
    output.write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
