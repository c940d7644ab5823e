# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# A census of the trees that services own: what a copy could lose, and who owns it. Sums leave the host, no names but those of links that
# lead out of their tree. At most 24 trees, 200 000 entries and 8 s each; what was cut is said.
have awk && have find || { unseen 'there is no awk or no find'; exit 0; }
[ "$(id -u)" = 0 ] || unseen 'not root: folders of other users cannot be counted'
most=200000
if have timeout && timeout -s KILL 5 true 2>/dev/null; then limit() { timeout -s KILL "$@"; }
elif have timeout && timeout -s KILL -t 5 true 2>/dev/null; then limit() { seconds=$1; shift; timeout -s KILL -t "$seconds" "$@"; }
else limit() { shift; "$@"; }
fi
shared() {
    case $1 in / | /srv/.. | /var | /var/www | /var/lib | /usr | /usr/* | /home | /opt | /etc | /etc/* | /root | /tmp | /bin | /sbin | /lib | /mnt | /media | /nonexistent | /var/run* | /var/spool | /var/cache* | /var/backups | /var/mail | /proc* | /sys* | /dev* | /run* | /boot*) return 0 ;; esac
    return 1
}
offered() {
    cat "$root"/etc/nginx/sites-enabled/* "$root"/etc/nginx/conf.d/*.conf "$root"/etc/nginx/nginx.conf 2>/dev/null |
        sed -n 's/^[[:space:]]*root[[:space:]][[:space:]]*\([^;]*\);.*/\1/p' | tr -d "\"'" | sed 's/^/document root\t/'
    cat "$root"/etc/apache2/sites-enabled/* "$root"/etc/httpd/conf/*.conf "$root"/etc/httpd/conf.d/*.conf 2>/dev/null |
        sed -n 's/^[[:space:]]*DocumentRoot[[:space:]][[:space:]]*//p' | tr -d "\"'" | sed 's/^/document root\t/'
    cat "$root"/etc/exports "$root"/etc/exports.d/*.exports 2>/dev/null | sed -n 's|^\(/[^[:space:]]*\).*|NFS export\t\1|p'
    # Homes of people and of services; the system's own accounts live in folders that no service owns.
    awk -F: '($3 >= 1000 && $3 < 65000 || $6 ~ /^\/(srv|home|opt|data|var\/www)\//) { print "home\t" $6 }' "$root/etc/passwd" 2>/dev/null
    for path in "$root"/srv/* "$root"/data/* "$root"/var/www/*; do [ -d "$path" ] && [ ! -L "$path" ] && printf 'folder\t%s\n' "${path#"$root"}"; done
}
tab=$(printf '\t')
list=$(offered | sed 's|//*$||' | while IFS="$tab" read -r why path; do
    case ${path##*/} in (htdocs | html | httpdocs | public | public_html | web | webroot | www) shared "${path%/*}" || path=${path%/*} ;; esac
    case $path in (/*) ;; (*) continue ;; esac
    shared "$path" || { [ -d "$root$path" ] && [ ! -L "$root$path" ] && printf '%s\t%s\n' "$path" "$why"; }
done | sort | awk -F '\t' '!seen[$1]++')
find "$root/etc" -maxdepth 0 -printf '' 2>/dev/null && gnu=yes || gnu=no
ls --version 2>/dev/null | grep -q GNU && gnu_ls=yes || gnu_ls=no
name() { awk -F: -v id="$2" '$3 == id { print $1; exit }' "$root/etc/$1" 2>/dev/null; }
above=
count=0
printf '%s\n' "$list" | while IFS="$tab" read -r path why; do
    [ -n "$path" ] || continue
    # A folder below one that was counted adds nothing.
    case "$above" in (?*) case $path/ in ("$above"/*) continue ;; esac ;; esac
    above=$path
    count=$((count + 1))
    [ $count -le 24 ] || { unseen "more than 24 trees; $path and those after it were not counted"; break; }
    tree=$root$path
    printf '@block tree %s\n' "$path"
    printf 'why %s\n' "$why" | plain
    if [ $gnu = yes ]; then limit 8 find "$tree" -xdev -printf '%y %n %D:%i %s %b %U %G %T@ %m\n' 2>/dev/null
    else limit 8 find "$tree" -xdev -exec stat -c '%F|%h|%i|%s|%b|%u|%g|%Y|%a' {} + 2>/dev/null | sed -e 's/^regular[^|]*/f/' -e 's/^directory/d/' -e 's/^symbolic link/l/' -e 's/^[a-z][a-z ][^|]*/s/' | tr '|' ' '
    fi | head -n $((most + 1)) | awk -v most=$most '
        $1 == "f" { files++; bytes += $4; blocks += $5
            if ($2 > 1) { linked++; if (!($3 in inode)) { inode[$3] = 1; inodes++ } }
            if ($4 > 65536 && $5 * 512 < $4 * 0.9) sparse++ }
        $1 == "d" { folders++ }
        $1 == "l" { links++ }
        $1 != "f" && $1 != "d" && $1 != "l" { special++ }
        { owner[$6]++; group[$7]++; if ($8 + 0 > newest) newest = $8 + 0; if ($1 == "f" && length($9) == 4 && substr($9, 1, 1) ~ /[2-7]/) setuid++ }
        END {
            printf "counted %d\nfiles %d\nfolders %d\nlinks %d\nspecial %d\nsetuid %d\nlinked %d\nsparse %d\nbytes %.0f\nallocated %.0f\nnewest %d\n", NR, files, folders, links, special, setuid, linked, sparse, bytes, blocks * 512, newest
            if (NR > most) print "cut"
            for (id in owner) print "owner", id, owner[id]
            for (id in group) print "group", id, group[id]
        }' | while read -r key id number; do
        case $key in
            owner) printf 'owner %s %s %s\n' "$id" "$number" "$(name passwd "$id" || true)" ;;
            group) printf 'group %s %s %s\n' "$id" "$number" "$(name group "$id" || true)" ;;
            *) printf '%s %s\n' "$key" "$id" ;;
        esac
    done | plain
    if have getfacl; then printf 'acls %s\n' "$(limit 8 getfacl -R -P -p --skip-base "$tree" 2>/dev/null | grep -c '^# file:')"
    elif [ $gnu_ls = yes ]; then printf 'acls %s\n' "$(limit 8 ls -lAR "$tree" 2>/dev/null | grep -cE '^[-dlbcps][-rwxsStT]{9}\+ ')"
    fi | plain
    have getfattr && printf 'xattrs %s\n' "$(limit 8 getfattr -R -P -h --absolute-names -m '^(user|security\.capability|trusted)' "$tree" 2>/dev/null | grep -c '^# file:')" | plain
    have getcap && printf 'capabilities %s\n' "$(limit 8 getcap -r "$tree" 2>/dev/null | grep -c '=\|cap_')" | plain
    printf '@block leaving %s\n' "$path"
    if [ $gnu = yes ]; then limit 5 find "$tree" -xdev -type l -printf '%p\t%l\n' 2>/dev/null
    else limit 5 find "$tree" -xdev -type l -exec sh -c 'for link do printf "%s\t%s\n" "$link" "$(readlink "$link")"; done' sh {} + 2>/dev/null
    fi | head -n 50000 | awk -F '\t' -v tree="$tree" -v root="$root" '
        NF == 2 && $1 !~ /[[:cntrl:]]/ {
            target = $2
            if (target !~ /^\//) { here = $1; sub(/\/[^\/]*$/, "", here); target = here "/" target } else target = root target
            n = split(target, part, "/"); depth = 0
            for (i = 1; i <= n; i++) { if (part[i] == "" || part[i] == ".") continue; if (part[i] == "..") { if (depth > 0) depth--; continue } way[++depth] = part[i] }
            full = ""; for (i = 1; i <= depth; i++) full = full "/" way[i]
            if (full != tree && index(full, tree "/") != 1) print substr($1, length(root) + 1) "\t" substr(full, length(root) + 1)
        }' | head -n 200 | raw
done
block mounts
cut -d' ' -f2,3 "$root/proc/mounts" 2>/dev/null | plain
