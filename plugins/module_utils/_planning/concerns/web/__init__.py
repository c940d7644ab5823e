# SPDX-License-Identifier: GPL-3.0-or-later
"""Web servers and what runs behind them: nginx, Apache, PHP, Node.js, containers."""

from __future__ import annotations

from . import (
    containers,
    htaccess_rules,
    node_version,
    opcache_timestamps,
    php_cli_difference,
    php_extension,
    php_ini_difference,
    php_setting_gone,
    php_version,
    pm2_applications,
    pool_owner,
    release_link,
    sessions_on_disk,
    several_php_versions,
    vhost_without_pool,
)

DETECTORS = (
    containers.DETECTOR,
    htaccess_rules.DETECTOR,
    node_version.DETECTOR,
    opcache_timestamps.DETECTOR,
    php_cli_difference.DETECTOR,
    php_extension.DETECTOR,
    php_ini_difference.DETECTOR,
    php_setting_gone.DETECTOR,
    php_version.DETECTOR,
    pm2_applications.DETECTOR,
    pool_owner.DETECTOR,
    release_link.DETECTOR,
    sessions_on_disk.DETECTOR,
    several_php_versions.DETECTOR,
    vhost_without_pool.DETECTOR,
)
