# SPDX-License-Identifier: GPL-3.0-or-later
"""The survey: what runs on a legacy host. A POSIX-sh collector, pure parsers, and the file that they end in."""
