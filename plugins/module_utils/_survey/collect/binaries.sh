# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Programs that run: are they what their package brought? What does the processor need for them?
[ "$(id -u)" = 0 ] || unseen 'not root: programs of other users cannot be seen'
newline='
'
paths=$(running '[^/]*' | grep '^/' | head -n 400)
IFS=$newline
set -f
block paths; for path in $paths; do [ -f "$path" ] && printf '%s\n' "$path"; done | plain
sums() {
    for path in $paths; do
        [ -f "$path" ] && [ -r "$path" ] && printf '%s  %s\n' "$("$1" < "$path" 2>/dev/null | cut -d' ' -f1)" "$path"
    done
}
if have dpkg; then
    echo '@manager dpkg'
    # A package may list a file under its name before /usr was merged.
    pattern=$(printf '%s\n' "$paths" | sed -e 's|^/usr/|/|' -e 's|^/||' -e 's#[]+.*?(){}^$|\\[]#\\&#g' | sort -u | tr '\n' '|')
    pattern=${pattern%|}
    set +f
    block listed; [ -n "$pattern" ] && grep -HE "^[0-9a-f]{32}  (usr/)?($pattern)\$" /var/lib/dpkg/info/*.md5sums 2>/dev/null | sed 's|^/var/lib/dpkg/info/\(.*\)\.md5sums:|\1 |' | plain
    set -f
    block found; sums md5sum | plain
elif have rpm; then
    echo '@manager rpm'
    block listed
    for path in $paths; do
        rpm -qf --qf '[%{=NAME} %{FILEDIGESTS}  %{FILENAMES}\n]' "$path" 2>/dev/null | grep -E "  $(printf '%s' "$path" | sed 's#[]+.*?(){}^$|\\[]#\\&#g')\$" | head -n 1
    done | plain
    block found; sums sha256sum | plain
    block found_md5; sums md5sum | plain
else
    unseen 'there is neither dpkg nor rpm'
fi
if have readelf; then
    block isa
    for path in $paths; do
        [ -r "$path" ] && readelf -nW "$path" 2>/dev/null | sed -n "s|^.*x86 ISA needed: *|$path"'	|p' | head -n 1
    done | plain
fi
