# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Programs that change a host by themselves: configuration management, automatic updates, watchers that start what stopped.
# name, pattern of its programs, pattern of its scheduled command, files whose age is that of its last run
lines=$(cat "$root/etc/crontab" "$root"/etc/cron.d/* "$root"/var/spool/cron/crontabs/* "$root"/var/spool/cron/* /dev/null 2>/dev/null | grep -v '^[[:space:]]*#')
scripts=$(ls "$root"/etc/cron.hourly "$root"/etc/cron.daily "$root"/etc/cron.weekly 2>/dev/null)
timers=
have systemctl && [ -z "$root" ] && [ -d /run/systemd/system ] && timers=$(systemctl list-units --type=timer --all --no-legend --no-pager 2>/dev/null)
processes=$(for path in /proc/[0-9]*; do
    [ -r "$path/cmdline" ] || continue
    # The first two words: the interpreter and its program.
    tr '\000' '\n' < "$path/cmdline" 2>/dev/null | head -n 2 | sed 's|.*/||' | tr '\n' ' '; echo
done 2>/dev/null)
[ -n "$root" ] && processes=
[ "$(id -u)" = 0 ] || unseen 'not root: crontabs of other users and states of agents cannot be read'
agent() { # name kind programs running scheduled units states locks
    installed=no
    for program in $3; do
        case $program in /*) [ -e "$root$program" ] && installed=yes ;; *) [ -z "$root" ] && have "$program" && installed=yes ;; esac
    done
    runs=no; printf '%s\n' "$processes" | grep -qE "(^| )($4)( |:|\$)" && runs=yes
    where=
    printf '%s\n' "$lines" | grep -qE "$5" && where=cron
    printf '%s\n' "$scripts" | grep -qE "^($5)" && where="$where cron"
    # A timer that waits has a next run; the others are only loaded.
    printf '%s\n' "$timers" | grep -E "($6)\.timer" | grep -q ' active ' && where="$where timer"
    [ "$installed$runs$where" = nono ] && return 0
    # Every Debian has apt's timer; it upgrades only where the program is there and was switched on.
    [ "$2" = packages ] && [ $installed = no ] && return 0
    [ "$1" = unattended-upgrades ] && ! grep -qsE 'Unattended-Upgrade[[:space:]]+"[1-9]' "$root"/etc/apt/apt.conf.d/* "$root"/etc/apt/apt.conf && where=
    enabled=unknown
    if [ -z "$root" ] && have systemctl && [ -d /run/systemd/system ]; then
        enabled=no
        for unit in $(printf '%s' "$6" | tr '|' ' '); do [ "$(systemctl is-enabled "$unit.service" 2>/dev/null)" = enabled ] && enabled=yes; done
    fi
    last=
    for state in $7; do [ -e "$root$state" ] && last=$(stat -c %Y "$root$state" 2>/dev/null || date -r "$root$state" +%s 2>/dev/null) && break; done
    locked=no
    for lock in $8; do [ -e "$root$lock" ] && locked=yes; done
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$installed" "$runs" "$enabled" "$where" "$last" "$locked"
}
puppet='/var/lib/puppet/state /var/cache/puppet/state /opt/puppetlabs/puppet/cache/state /var/opt/puppetlabs/puppet/cache/state'
summaries=; locks=
for folder in $puppet; do summaries="$summaries $folder/last_run_summary.yaml"; locks="$locks $folder/agent_disabled.lock"; done
block agents
{
    agent puppet configuration 'puppet /opt/puppetlabs/bin/puppet' 'puppet|puppetd' 'puppet +agent|puppet +apply|puppetd|puppet-run' 'puppet|puppet-run|pe-puppet' "/opt/puppetlabs/puppet/public/last_run_summary.yaml $summaries" "$locks"
    agent chef configuration 'chef-client cinc-client /opt/chef/bin/chef-client' 'chef-client|cinc-client' 'chef-client|chef-solo|cinc-client' 'chef-client|cinc-client' '/var/chef/cache/chef-stacktrace.out /var/chef/cache/chef-client-running.pid /var/cache/chef/chef-client-running.pid /var/log/chef/client.log' ''
    agent salt configuration 'salt-minion salt-call /opt/saltstack/salt/salt-minion' 'salt-minion' 'salt-call' 'salt-minion' '/var/cache/salt/minion/highstate.cache.p /var/cache/salt/minion/proc' ''
    agent cfengine configuration '/var/cfengine/bin/cf-agent cf-agent' 'cf-execd|cf-agent' 'cf-agent|cf-execd' 'cfengine3|cf-execd' '/var/cfengine/promise_summary.log /var/cfengine/cf3.*.runlog' ''
    agent rudder configuration 'rudder /opt/rudder/bin/rudder' 'rudder' 'rudder +agent|rudder-agent|/opt/rudder/bin' 'rudder-agent|rudder-cf-execd' '/var/rudder/cfengine-community/last_successful_inputs_update' '/opt/rudder/etc/disable-agent'
    agent ansible-pull configuration 'ansible-pull' 'ansible-pull' 'ansible-pull' 'ansible-pull' '/root/.ansible/pull' ''
    agent landscape configuration 'landscape-client' 'landscape-client' 'landscape-client' 'landscape-client' '/var/lib/landscape/client/broker.bpickle' ''
    agent mgmt configuration 'mgmt' 'mgmt' 'mgmt +run' 'mgmt' '' ''
    agent monit watcher 'monit' 'monit' 'monit +' 'monit' '/var/lib/monit/state' ''
    agent unattended-upgrades packages '/usr/bin/unattended-upgrade' 'unattended-upgr|unattended-upgrade' 'unattended-upgrade' 'apt-daily-upgrade' '/var/lib/apt/periodic/unattended-upgrades-stamp /var/lib/apt/periodic/upgrade-stamp' ''
    agent dnf-automatic packages 'dnf-automatic' 'dnf-automatic' 'dnf-automatic' 'dnf-automatic|dnf-automatic-install|dnf5-automatic' '' ''
    agent yum-cron packages 'yum-cron' 'yum-cron' '0yum|yum-cron' 'yum-cron' '' ''
} | plain
# The server that gives orders, to know whom to ask.
for path in /etc/puppet/puppet.conf /etc/puppetlabs/puppet/puppet.conf /etc/chef/client.rb /etc/cinc/client.rb /etc/salt/minion /etc/landscape/client.conf; do
    [ -f "$root$path" ] && { printf '@file %s\n' "$path"; grep -E '^[[:space:]]*(server|chef_server_url|master|url)[[:space:]]*[=: ]' "$root$path" 2>/dev/null | head -n 5 | raw; }
done
