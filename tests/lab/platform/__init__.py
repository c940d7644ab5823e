# SPDX-License-Identifier: GPL-3.0-or-later
"""The small community platform that the legacy hosts run: its application, its configuration, its data and its surprises."""
