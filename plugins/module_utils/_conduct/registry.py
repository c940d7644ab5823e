# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mover moves which kind: one mover for each kind of service."""

from __future__ import annotations

from .movers.base import Mover
from .movers.cron import CronMover
from .movers.edge import EdgeMover
from .movers.files import FilesMover
from .movers.http import HttpMover
from .movers.mariadb import MariadbMover
from .movers.redis import RedisMover

MOVERS: dict[str, type[Mover]] = {
    "cron": CronMover,
    "edge": EdgeMover,
    "files": FilesMover,
    "http": HttpMover,
    "mariadb": MariadbMover,
    "redis": RedisMover,
}
