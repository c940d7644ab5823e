# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Accounts and groups without the fields that may hold a hash or a person's name.
[ -r "$root/etc/passwd" ] || { unseen '/etc/passwd cannot be read'; exit 0; }
block passwd; cut -d: -f1,3,4,6,7 "$root/etc/passwd" | plain
block group; cut -d: -f1,3 "$root/etc/group" 2>/dev/null | plain
