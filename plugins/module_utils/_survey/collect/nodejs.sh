# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Processes of Node.js: program, script, folder, names of environment variables (never a value), and three fields of package.json.
[ -n "$(running 'node|nodejs')" ] || absent
have awk || { unseen 'there is no awk'; exit 0; }
[ "$uid" = 0 ] || unseen 'not root: folders and environments of other users cannot be seen'
# A program that somebody else than root may change is not run by root: its folder or its text says which version it is.
version_of() {
    case $1 in *" (deleted)") return ;; esac
    mine=$(ls -lnL "$1" 2>/dev/null | awk '{ print $3 "\t" substr($1, 6, 1) substr($1, 9, 1) }')
    if [ "$mine" = "0	--" ]; then "$1" --version 2>/dev/null | head -n 1
    elif found=$(printf '%s\n' "$1" | sed -n -E 's#.*/(v?[0-9]+\.[0-9]+\.[0-9]+)/.*#\1#p') && [ -n "$found" ]; then echo "$found"
    else grep -aom 1 -E 'download/release/v[0-9]+\.[0-9]+\.[0-9]+/' "$1" 2>/dev/null | head -n 1 | sed -E 's#.*/(v[0-9.]+)/#\1#'
    fi
}
for link in /proc/[0-9]*/exe; do
    exe=$(readlink "$link" 2>/dev/null) || continue
    case ${exe%" (deleted)"} in */node | */nodejs) ;; *) continue ;; esac
    pid=${link#/proc/}; pid=${pid%/exe}
    printf '@block process %s\n' "$pid"
    printf 'exe\t%s\n' "$exe" | raw
    printf 'version\t%s\n' "$(version_of "$exe")" | plain
    cwd=$(readlink "/proc/$pid/cwd" 2>/dev/null); printf 'cwd\t%s\n' "$cwd" | raw
    printf 'uid\t%s\n' "$(sed -n 's/^Uid:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$pid/status" 2>/dev/null)" | plain
    # The first argument that is a file; what comes after it is the application's own and may be a secret.
    script=$(tr '\n\000' ' \n' < "/proc/$pid/cmdline" 2>/dev/null | sed -n '2,40p' | while IFS= read -r word; do
        case $word in
            (-r | --require | --import | --loader | -C | --env-file) read -r word || break; continue ;;
            (-e | --eval | -p | --print | -pe) break ;;
            (-*) continue ;;
            (/*) [ -e "$word" ] && printf '%s\n' "$word"; break ;;
            (*) for end in '' .js .mjs .cjs; do [ -e "$cwd/$word$end" ] && { printf '%s\n' "$cwd/$word"; break; }; done; break ;;
        esac
    done)
    printf 'script\t%s\n' "$script" | raw
    tr '\n\000' '\001\n' < "/proc/$pid/environ" 2>/dev/null | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/env	\1/p' | sort -u | head -n 300 | plain
    folder=${script%/*}; [ -n "$folder" ] || folder=$cwd
    while [ -n "$folder" ] && [ ! -f "$folder/package.json" ]; do folder=${folder%/*}; done
    if [ -n "$folder" ] && [ -r "$folder/package.json" ]; then
        printf 'package\t%s\n' "$folder/package.json" | raw
        json 'name|version|engines.node' < "$folder/package.json" | cut -f 2,3 | sed 's/^/package./' | raw
    fi
done
