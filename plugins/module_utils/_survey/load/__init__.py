# SPDX-License-Identifier: GPL-3.0-or-later
"""Load over time: samples from repeated surveys, sysstat's archives and Prometheus, and what is read off them. Pure."""
