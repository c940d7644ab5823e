# SPDX-License-Identifier: GPL-3.0-or-later
"""Large estates for benches and tests: made from a seed, with surprises planted whose truth is known."""
