# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that a guest carries over: one file for each role, whose variables they are."""
