# SPDX-License-Identifier: GPL-3.0-or-later
"""Web servers and what runs behind them: nginx, Apache, PHP, Node.js, containers."""

from __future__ import annotations

from . import (
    php_cli_difference,
    php_extension,
    php_ini_difference,
    php_setting_gone,
    php_version,
    pool_owner,
    sessions_on_disk,
    vhost_without_pool,
)

DETECTORS = (
    php_cli_difference.DETECTOR,
    php_extension.DETECTOR,
    php_ini_difference.DETECTOR,
    php_setting_gone.DETECTOR,
    php_version.DETECTOR,
    pool_owner.DETECTOR,
    sessions_on_disk.DETECTOR,
    vhost_without_pool.DETECTOR,
)
