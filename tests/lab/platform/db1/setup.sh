# SPDX-License-Identifier: GPL-3.0-or-later
ln -snf /usr/share/zoneinfo/Europe/Berlin /etc/localtime
systemctl daemon-reload
systemctl restart mariadb
sed "s|@PASSWORD@|$PASSWORD|" /seed.sql | mariadb --default-character-set=utf8mb4
rm /seed.sql
