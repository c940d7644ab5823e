# SPDX-License-Identifier: GPL-3.0-or-later
"""pytest fixture ``images``: a web server on loopback that gives away disk images, for tests of downloads."""

from __future__ import annotations

import hashlib
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import pytest

GIB = 1024**3


class Image(NamedTuple):
    url: str
    checksum: str  # SHA-256


def qcow2(size: int, text: str = "") -> bytes:
    """The header of a qcow2 image of that virtual size; ``text`` makes it another image."""
    return struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0, 0, 16, size) + bytes(72) + text.encode()


@dataclass
class Images:
    """What is served; ``asked`` are the paths in the order in which they were asked for."""

    port: int
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def serve(self, name: str, size: int = 3 * GIB, text: str = "") -> Image:
        """Serve an image under this name from now on."""
        self.files[f"/{name}"] = qcow2(size, text)
        return Image(f"http://127.0.0.1:{self.port}/{name}", hashlib.sha256(self.files[f"/{name}"]).hexdigest())


@pytest.fixture
def images() -> Iterator[Images]:
    served = Images(0)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            body = served.files.get(self.path)
            self.send_response(HTTPStatus.OK if body is not None else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield served
        server.shutdown()
