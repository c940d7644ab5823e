# SPDX-License-Identifier: GPL-3.0-or-later
"""File trees between a legacy host and a guest."""
