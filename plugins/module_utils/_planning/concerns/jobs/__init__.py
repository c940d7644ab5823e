# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs: what runs by itself, and who would run it next."""

from __future__ import annotations

from . import (
    at_job,
    boot_script,
    config_agent,
    cron_outside_spool,
    hidden_cron,
    periodic_job,
    ran_from_nowhere,
    split_file_tree,
    supervised_program,
    timer_outside_package,
)

DETECTORS = (
    at_job.DETECTOR,
    boot_script.DETECTOR,
    config_agent.DETECTOR,
    cron_outside_spool.DETECTOR,
    hidden_cron.DETECTOR,
    periodic_job.DETECTOR,
    ran_from_nowhere.DETECTOR,
    split_file_tree.DETECTOR,
    supervised_program.DETECTOR,
    timer_outside_package.DETECTOR,
)
