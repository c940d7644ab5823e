# SPDX-License-Identifier: GPL-3.0-or-later
grep -q community.conf /etc/redis/redis.conf || echo 'include /etc/redis/community.conf' >> /etc/redis/redis.conf
chown redis:redis /etc/redis/community.conf
systemctl restart redis-server
until redis-cli ping >/dev/null 2>&1; do sleep 0.1; done
redis-cli EVAL "for i = 1, 1500 do redis.call('SET', 'page:' .. i, string.rep('x', 50 + i % 200)) end
    for i = 1, 300 do redis.call('HSET', 'profile:' .. i, 'name', 'user' .. i, 'views', i) end
    for i = 1, 100 do redis.call('ZADD', 'top', i, 'user' .. i) redis.call('LPUSH', 'recent', i) redis.call('SADD', 'online', 'user' .. i) end
    for i = 1, 250 do redis.call('SET', 'flash:' .. i, i, 'EX', 86400) end return 1" 0 >/dev/null
