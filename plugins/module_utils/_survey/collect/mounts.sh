# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# File systems with their sizes. Local ones first: a network file system that hangs ends in this section's timeout.
local=$(df -PTkl 2>/dev/null)
if [ -n "$local" ]; then block df; printf '%s\n' "$local" | plain; fi
all=$(df -PTk 2>/dev/null)
if [ -n "$all" ]; then
    block df; printf '%s\n' "$all" | plain
elif [ -z "$local" ]; then
    # A `df` without types: they are in the kernel's table.
    block sizes; df -Pk 2>/dev/null | plain
    block types; cut -d' ' -f1-3 /proc/mounts 2>/dev/null | plain
fi
