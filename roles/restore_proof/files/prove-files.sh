#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Backs up file trees, unpacks the backup elsewhere, compares every file that was there before with its copy.
set -eu
scratch=$1
shift
mkdir -p "$(dirname "$scratch")"
umask 077
[ "$#" -gt 0 ] || { printf 'no file tree was named\n' >&2; exit 1; }
rm -rf "$scratch"
mkdir -p "$scratch/copy"
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
# Only files that have rested for a second are compared: others may change between the two readings.
find "$@" -xdev -type f ! -newermt '1 second ago' -printf '%m %U:%G %s %T@ %p\n' | sort > "$scratch/before"
[ -s "$scratch/before" ] || { printf 'the trees are empty: nothing is proven\n' >&2; exit 1; }
tar --create --acls --xattrs --numeric-owner --absolute-names --file "$scratch/backup.tar" "$@" 2> "$scratch/errors" || [ $? = 1 ]
tar --extract --acls --xattrs --numeric-owner --directory "$scratch/copy" --file "$scratch/backup.tar" 2>> "$scratch/errors"
as_before() { [ "$(find "$path" -printf '%m %U:%G %s %T@' 2>/dev/null)" = "$mode $owner $size $time" ]; }
failed=0 count=0
while read -r mode owner size time path; do
    as_before || continue
    if [ "$(find "$scratch/copy$path" -printf '%m %U:%G %s' 2>/dev/null)" = "$mode $owner $size" ] && cmp -s "$path" "$scratch/copy$path"; then
        count=$((count + 1))
    elif as_before; then  # and it did not change while it was compared
        count=$((count + 1)) failed=$((failed + 1))
        printf '%s\n' "$path" >> "$scratch/wrong"
    fi
done < "$scratch/before"
[ "$count" -gt 0 ] || { printf 'every file changed while it was read: nothing is proven\n' >&2; exit 1; }
[ "$failed" -eq 0 ] || { printf '%s of %s files differ after the restore, the first: %s\n' "$failed" "$count" "$(head -n 1 "$scratch/wrong")" >&2; exit 1; }
printf '%s files equal after a restore from an archive\n' "$count"
