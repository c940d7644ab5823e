# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Every installed package with its version, as the package manager says it.
if have dpkg-query; then
    echo '@manager dpkg'
    # The second letter of the state: installed; the rest is left-over configuration.
    # shellcheck disable=SC2016
    block packages; dpkg-query -W -f '${db:Status-Abbrev}\t${Package}\t${Version}\t${Architecture}\n' 2>/dev/null | sed -n 's/^.i[^	]*	//p' | plain
elif have rpm; then
    echo '@manager rpm'
    block packages; rpm -qa --qf '%{NAME}\t%{VERSION}-%{RELEASE}\t%{ARCH}\n' 2>/dev/null | grep -v '^gpg-pubkey	' | plain
elif have apk; then
    echo '@manager apk'
    block packages; apk info -v 2>/dev/null | sed 's/^\(.*\)-\([0-9][^-]*-r[0-9]*\)$/\1	\2	/' | plain
else
    unseen 'there is neither dpkg nor rpm nor apk'
fi
