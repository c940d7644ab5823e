# SPDX-License-Identifier: GPL-3.0-or-later
"""One mover for each kind of service."""
