# SPDX-License-Identifier: GPL-3.0-or-later
groupadd --gid 1501 community
useradd --uid 1501 --gid 1501 --home-dir /srv/community --no-create-home --shell /bin/bash community
sed "s|@PASSWORD@|$PASSWORD|" /srv/community/config.php.in > /srv/community/config.php
rm /srv/community/config.php.in
install -d -o community -g community -m 0755 /srv/community/uploads /srv/community/outbox
install -d -o community -g community -m 0700 /var/lib/php/classic-sessions
chmod 0640 /srv/community/config.php
# Two hundred uploads from earlier years, by one program: a loop of small ones would take as long as all the rest.
mkdir $(seq -f '/srv/community/uploads/%g' 10 59)
awk 'BEGIN {
    for (number = 0; number < 200; number++) {
        folder = 10 + number % 50
        file = sprintf("/srv/community/uploads/%d/%d%06x-2019-4000-8000-%012x", folder, folder, number * 7919, number)
        for (line = 0; line < 900; line++) print number + line > file
        close(file)
    }
}'
chown -R community:community /srv/community
for site in www classic; do ln -s ../sites-available/$site /etc/nginx/sites-enabled/$site; done
ln -snf /usr/share/zoneinfo/Europe/Berlin /etc/localtime
echo '* * * * * php /srv/community/digest.php' | crontab -u community -
# The notifier is a program that no package owns, and whose file stands for itself in /proc.
install -m 0755 /bin/dash /usr/local/bin/notifyd
systemctl enable --now notifyd.service
systemctl restart php7.4-fpm nginx cron
