# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to a fleet when calls, answers, tasks and controllers get lost."""
