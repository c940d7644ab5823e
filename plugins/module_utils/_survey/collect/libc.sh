# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# The C library and how it sorts: databases that sort with it have indexes in its order. The words are ours, only their order is the host's.
block version; { getconf GNU_LIBC_VERSION 2>/dev/null || ldd --version 2>&1 | head -n 2; } | plain
block locales; locale -a 2>/dev/null | sort | plain
case $(sort --version 2>/dev/null) in *GNU*) ;; *) unseen 'no GNU sort: how this host sorts was not tried'; exit 0 ;; esac
words='1-1 11 1.1 a A a-a aa AA a_a a.b ab a+b a~b ~a -a @a *a ä Ä å ae æ az é e E o ö œ oe ø z Z ß ss s ı i I İ ñ n ł l —a «a “a ς σ д ж あ ア 漢 字 🙂 🚀 ǆ dz ½ ² 2'
common='(cs_CZ|da_DK|de_(AT|CH|DE)|en_(GB|US)|es_ES|fi_FI|fr_FR|it_IT|nb_NO|nl_NL|pl_PL|pt_BR|ru_RU|sv_SE)'
for name in $(locale -a 2>/dev/null | grep -iE "^$common\.utf-?8\$" | sort); do
    block "sorted $name"; printf '%s\n' "$words" | tr ' ' '\n' | LC_ALL=$name sort | plain
done
