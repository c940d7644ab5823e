groupadd --gid 1501 community
useradd --uid 1501 --gid 1501 --home-dir /srv/community --no-create-home --shell /bin/bash community
sed "s|@PASSWORD@|$PASSWORD|" /srv/community/config.php.in > /srv/community/config.php
rm /srv/community/config.php.in
install -d -o community -g community -m 0755 /srv/community/uploads /srv/community/outbox
install -d -o community -g community -m 0700 /var/lib/php/classic-sessions
chown -R community:community /srv/community
chmod 0640 /srv/community/config.php
i=0
while [ $i -lt 200 ]; do
    hash=$(printf 'upload %s' $i | md5sum | cut -c1-32)
    token=$(printf '%s' "$hash" | sed 's/^\(.\{8\}\)\(.\{4\}\)\(.\{4\}\)\(.\{4\}\)/\1-\2-\3-\4-/')
    folder=/srv/community/uploads/$(printf '%.2s' "$token")
    [ -d "$folder" ] || install -d -o community -g community "$folder"
    seq $i $((i + 900)) > "$folder/$token"
    i=$((i + 1))
done
chown -R community:community /srv/community/uploads
rm -f /etc/nginx/sites-enabled/default
ln -snf /usr/share/zoneinfo/Europe/Berlin /etc/localtime
echo '* * * * * php /srv/community/digest.php' | crontab -u community -
systemctl enable --now notifyd.service
systemctl restart php7.4-fpm nginx cron
