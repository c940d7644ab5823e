# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# RabbitMQ through its own tool, which needs root. Users by name and tags; of federation and shovels names only, their values hold addresses with passwords.
[ -n "$(running 'beam|beam.smp')" ] || absent
[ "$uid" = 0 ] || { unseen 'not root: an Erlang machine runs, and rabbitmqctl cannot be used'; exit 0; }
if ! have rabbitmqctl; then
    grep -l rabbit /proc/[0-9]*/cgroup >/dev/null 2>&1 || absent
    unseen 'the server runs, and there is no rabbitmqctl'; exit 0
fi
cd / || exit 0
ask() { # block, question
    name=$1; shift
    if answer=$(rabbitmqctl -q -t 12 "$@" 2>&1); then block "$name"; printf '%s\n' "$answer" | head -n 3000 | plain
    else unseen "$name: $(printf '%s\n' "$answer" | grep -v '^ *$' | head -n 1)"; return 1
    fi
}
version=$(rabbitmqctl -q -t 12 eval 'io:format("~s~n~s~n~s~n", [element(2, application:get_key(rabbit, vsn)), erlang:system_info(otp_release), node()]).' 2>&1) ||
    { unseen "the server did not answer: $(printf '%s\n' "$version" | grep -v '^ *$' | head -n 1)"; exit 0; }
block version; printf '%s\n' "$version" | head -n 3 | plain
block plugins; sed 's/%.*//' /etc/rabbitmq/enabled_plugins 2>/dev/null | tr -cs 'a-z0-9_' '\n' | plain
ask vhosts list_vhosts name
ask users list_users
case $version in 3.[0-7].*) ;; *) ask flags list_feature_flags name state ;; esac
count=0
rabbitmqctl -q -t 12 list_vhosts name 2>/dev/null | grep -vx name | while IFS= read -r vhost; do
    count=$((count + 1))
    [ "$count" -le 5 ] || { unseen 'more than 5 virtual hosts: the first 5 were looked into'; break; }
    columns='name type durable auto_delete exclusive messages consumers policy arguments'
    case $version in 3.[0-7].*) columns='name durable auto_delete exclusive messages consumers policy arguments' ;; esac
    # shellcheck disable=SC2086
    ask "queues $vhost" list_queues -p "$vhost" $columns
    ask "policies $vhost" list_policies -p "$vhost"
    ask "exchanges $vhost" list_exchanges -p "$vhost" name type durable
    if answer=$(rabbitmqctl -q -t 12 list_parameters -p "$vhost" 2>&1); then
        block "parameters $vhost"; printf '%s\n' "$answer" | cut -f 1,2 | plain
    else unseen "parameters $vhost: refused"
    fi
done
