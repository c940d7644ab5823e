# SPDX-License-Identifier: GPL-3.0-or-later
"""What people read: the crossing's figures and pages."""
