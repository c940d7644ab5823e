# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# The host's own addresses with their prefixes.
have ip || { unseen 'there is no program ip'; exit 0; }
block addresses
ip -o addr show scope global 2>/dev/null | plain
