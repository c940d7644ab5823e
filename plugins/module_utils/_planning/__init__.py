# SPDX-License-Identifier: GPL-3.0-or-later
"""From surveys, cluster facts and policy to a plan. Pure: no input or output, no clock."""
