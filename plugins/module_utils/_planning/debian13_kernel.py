# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel parameters as Debian 13 has them when nobody sets any: what those of a legacy host are compared with.

Read from a virtual machine with 2 GiB of memory, booted from Debian 13.8's own packages (linux-image 6.12.117+deb13-cloud-amd64, systemd,
procps, without the package linux-sysctl-defaults, nf_conntrack loaded). FORMER are the values that Debian 11 (5.10) and 12 (6.1) have in the
same machine, where they are others: an old host that has them was never tuned.

Left out, because no difference in them ever mattered to a service: counters, names, single interfaces, tracing, watchdogs, and what a
processor or a distribution decides for itself.
"""

from __future__ import annotations

import re

_DEFAULTS = """
fs.aio-max-nr=65536; fs.fanotify.max_queued_events=16384; fs.fanotify.max_user_groups=128; fs.file-max=9223372036854775807;
fs.inotify.max_queued_events=16384; fs.inotify.max_user_instances=128; fs.mount-max=100000; fs.mqueue.msg_default=10; fs.mqueue.msg_max=10;
fs.mqueue.msgsize_default=8192; fs.mqueue.msgsize_max=8192; fs.mqueue.queues_max=256; fs.nr_open=1073741816; fs.pipe-max-size=1048576;
fs.pipe-user-pages-hard=0; fs.pipe-user-pages-soft=16384; fs.protected_fifos=0; fs.protected_hardlinks=1; fs.protected_regular=0;
fs.protected_symlinks=1; fs.suid_dumpable=0; kernel.core_pattern=core; kernel.core_pipe_limit=0; kernel.core_uses_pid=0; kernel.dmesg_restrict=1;
kernel.io_uring_disabled=0; kernel.kptr_restrict=0; kernel.modules_disabled=0; kernel.msgmax=8192; kernel.msgmnb=16384; kernel.msgmni=32000;
kernel.numa_balancing=0; kernel.numa_balancing_promote_rate_limit_MBps=65536; kernel.panic=0; kernel.panic_on_io_nmi=0; kernel.panic_on_oops=0;
kernel.panic_on_rcu_stall=0; kernel.panic_on_unrecovered_nmi=0; kernel.panic_on_warn=0; kernel.pid_max=4194304; kernel.printk=7 4 1 7;
kernel.sched_autogroup_enabled=1; kernel.sched_cfs_bandwidth_slice_us=5000; kernel.sched_rt_period_us=1000000; kernel.sched_rt_runtime_us=950000;
kernel.sem=32000 1024000000 500 32000; kernel.shm_rmid_forced=0; kernel.shmall=18446744073692774399; kernel.shmmax=18446744073692774399;
kernel.shmmni=4096; kernel.sysrq=438; kernel.timer_migration=1; kernel.unknown_nmi_panic=0; kernel.unprivileged_bpf_disabled=2;
kernel.unprivileged_userns_clone=1; kernel.watchdog=1; kernel.watchdog_thresh=10; kernel.yama.ptrace_scope=0; net.core.bpf_jit_enable=1;
net.core.bpf_jit_harden=0; net.core.bpf_jit_kallsyms=1; net.core.busy_poll=0; net.core.busy_read=0; net.core.default_qdisc=fq_codel;
net.core.dev_weight=64; net.core.dev_weight_rx_bias=1; net.core.dev_weight_tx_bias=1; net.core.netdev_budget=300; net.core.netdev_budget_usecs=8000;
net.core.netdev_max_backlog=1000; net.core.netdev_tstamp_prequeue=1; net.core.netdev_unregister_timeout_secs=10; net.core.rmem_default=212992;
net.core.rmem_max=212992; net.core.rps_sock_flow_entries=0; net.core.somaxconn=4096; net.core.wmem_default=212992; net.core.wmem_max=212992;
net.ipv4.conf.all.accept_local=0; net.ipv4.conf.all.accept_redirects=1; net.ipv4.conf.all.accept_source_route=0; net.ipv4.conf.all.arp_accept=0;
net.ipv4.conf.all.arp_announce=0; net.ipv4.conf.all.arp_evict_nocarrier=1; net.ipv4.conf.all.arp_filter=0; net.ipv4.conf.all.arp_ignore=0;
net.ipv4.conf.all.arp_notify=0; net.ipv4.conf.all.bc_forwarding=0; net.ipv4.conf.all.bootp_relay=0; net.ipv4.conf.all.disable_policy=0;
net.ipv4.conf.all.disable_xfrm=0; net.ipv4.conf.all.drop_gratuitous_arp=0; net.ipv4.conf.all.drop_unicast_in_l2_multicast=0;
net.ipv4.conf.all.force_igmp_version=0; net.ipv4.conf.all.forwarding=0; net.ipv4.conf.all.igmpv2_unsolicited_report_interval=10000;
net.ipv4.conf.all.igmpv3_unsolicited_report_interval=1000; net.ipv4.conf.all.ignore_routes_with_linkdown=0; net.ipv4.conf.all.log_martians=0;
net.ipv4.conf.all.mc_forwarding=0; net.ipv4.conf.all.medium_id=0; net.ipv4.conf.all.promote_secondaries=0; net.ipv4.conf.all.proxy_arp=0;
net.ipv4.conf.all.proxy_arp_pvlan=0; net.ipv4.conf.all.route_localnet=0; net.ipv4.conf.all.rp_filter=0; net.ipv4.conf.all.secure_redirects=1;
net.ipv4.conf.all.send_redirects=1; net.ipv4.conf.all.shared_media=1; net.ipv4.conf.all.src_valid_mark=0; net.ipv4.conf.all.tag=0;
net.ipv4.conf.default.accept_local=0; net.ipv4.conf.default.accept_redirects=1; net.ipv4.conf.default.accept_source_route=1;
net.ipv4.conf.default.arp_accept=0; net.ipv4.conf.default.arp_announce=0; net.ipv4.conf.default.arp_evict_nocarrier=1;
net.ipv4.conf.default.arp_filter=0; net.ipv4.conf.default.arp_ignore=0; net.ipv4.conf.default.arp_notify=0; net.ipv4.conf.default.bc_forwarding=0;
net.ipv4.conf.default.bootp_relay=0; net.ipv4.conf.default.disable_policy=0; net.ipv4.conf.default.disable_xfrm=0;
net.ipv4.conf.default.drop_gratuitous_arp=0; net.ipv4.conf.default.drop_unicast_in_l2_multicast=0; net.ipv4.conf.default.force_igmp_version=0;
net.ipv4.conf.default.forwarding=0; net.ipv4.conf.default.igmpv2_unsolicited_report_interval=10000;
net.ipv4.conf.default.igmpv3_unsolicited_report_interval=1000; net.ipv4.conf.default.ignore_routes_with_linkdown=0;
net.ipv4.conf.default.log_martians=0; net.ipv4.conf.default.mc_forwarding=0; net.ipv4.conf.default.medium_id=0;
net.ipv4.conf.default.promote_secondaries=0; net.ipv4.conf.default.proxy_arp=0; net.ipv4.conf.default.proxy_arp_pvlan=0;
net.ipv4.conf.default.route_localnet=0; net.ipv4.conf.default.rp_filter=0; net.ipv4.conf.default.secure_redirects=1;
net.ipv4.conf.default.send_redirects=1; net.ipv4.conf.default.shared_media=1; net.ipv4.conf.default.src_valid_mark=0; net.ipv4.conf.default.tag=0;
net.ipv4.icmp_echo_enable_probe=0; net.ipv4.icmp_echo_ignore_all=0; net.ipv4.icmp_echo_ignore_broadcasts=1;
net.ipv4.icmp_ignore_bogus_error_responses=1; net.ipv4.icmp_ratelimit=1000; net.ipv4.icmp_ratemask=6168; net.ipv4.igmp_max_memberships=20;
net.ipv4.igmp_max_msf=10; net.ipv4.igmp_qrv=2; net.ipv4.ip_default_ttl=64; net.ipv4.ip_dynaddr=0; net.ipv4.ip_early_demux=1; net.ipv4.ip_forward=0;
net.ipv4.ip_forward_update_priority=1; net.ipv4.ip_forward_use_pmtu=0; net.ipv4.ip_local_port_range=32768 60999; net.ipv4.ip_local_reserved_ports=;
net.ipv4.ip_no_pmtu_disc=0; net.ipv4.ip_nonlocal_bind=0; net.ipv4.ip_unprivileged_port_start=1024; net.ipv4.ipfrag_max_dist=64;
net.ipv4.ipfrag_secret_interval=0; net.ipv4.ipfrag_time=30; net.ipv4.neigh.default.anycast_delay=100; net.ipv4.neigh.default.app_solicit=0;
net.ipv4.neigh.default.base_reachable_time_ms=30000; net.ipv4.neigh.default.delay_first_probe_time=5; net.ipv4.neigh.default.gc_interval=30;
net.ipv4.neigh.default.gc_stale_time=60; net.ipv4.neigh.default.gc_thresh1=128; net.ipv4.neigh.default.gc_thresh2=512;
net.ipv4.neigh.default.gc_thresh3=1024; net.ipv4.neigh.default.interval_probe_time_ms=5000; net.ipv4.neigh.default.locktime=100;
net.ipv4.neigh.default.mcast_resolicit=0; net.ipv4.neigh.default.mcast_solicit=3; net.ipv4.neigh.default.proxy_delay=80;
net.ipv4.neigh.default.proxy_qlen=64; net.ipv4.neigh.default.retrans_time_ms=1000; net.ipv4.neigh.default.ucast_solicit=3;
net.ipv4.neigh.default.unres_qlen=101; net.ipv4.neigh.default.unres_qlen_bytes=212992; net.ipv4.ping_group_range=1 0;
net.ipv4.tcp_abort_on_overflow=0; net.ipv4.tcp_adv_win_scale=1; net.ipv4.tcp_app_win=31; net.ipv4.tcp_autocorking=1; net.ipv4.tcp_base_mss=1024;
net.ipv4.tcp_challenge_ack_limit=2147483647; net.ipv4.tcp_congestion_control=cubic; net.ipv4.tcp_dsack=1; net.ipv4.tcp_ecn=2;
net.ipv4.tcp_ecn_fallback=1; net.ipv4.tcp_fack=0; net.ipv4.tcp_fastopen=1; net.ipv4.tcp_fastopen_blackhole_timeout_sec=0;
net.ipv4.tcp_fin_timeout=60; net.ipv4.tcp_frto=2; net.ipv4.tcp_invalid_ratelimit=500; net.ipv4.tcp_keepalive_intvl=75;
net.ipv4.tcp_keepalive_probes=9; net.ipv4.tcp_keepalive_time=7200; net.ipv4.tcp_limit_output_bytes=1048576; net.ipv4.tcp_low_latency=0;
net.ipv4.tcp_max_reordering=300; net.ipv4.tcp_min_rtt_wlen=300; net.ipv4.tcp_min_snd_mss=48; net.ipv4.tcp_moderate_rcvbuf=1;
net.ipv4.tcp_mtu_probe_floor=48; net.ipv4.tcp_mtu_probing=0; net.ipv4.tcp_no_metrics_save=0; net.ipv4.tcp_no_ssthresh_metrics_save=1;
net.ipv4.tcp_notsent_lowat=4294967295; net.ipv4.tcp_orphan_retries=0; net.ipv4.tcp_pacing_ca_ratio=120; net.ipv4.tcp_pacing_ss_ratio=200;
net.ipv4.tcp_probe_interval=600; net.ipv4.tcp_probe_threshold=8; net.ipv4.tcp_recovery=1; net.ipv4.tcp_reordering=3; net.ipv4.tcp_retries1=3;
net.ipv4.tcp_retries2=15; net.ipv4.tcp_rfc1337=0; net.ipv4.tcp_rto_min_us=200000; net.ipv4.tcp_sack=1; net.ipv4.tcp_slow_start_after_idle=1;
net.ipv4.tcp_stdurg=0; net.ipv4.tcp_syn_linear_timeouts=4; net.ipv4.tcp_syn_retries=6; net.ipv4.tcp_synack_retries=5; net.ipv4.tcp_syncookies=1;
net.ipv4.tcp_timestamps=1; net.ipv4.tcp_tw_reuse=2; net.ipv4.tcp_window_scaling=1; net.ipv4.tcp_workaround_signed_windows=0;
net.ipv4.udp_early_demux=1; net.ipv4.udp_rmem_min=4096; net.ipv4.udp_wmem_min=4096; net.ipv6.bindv6only=0; net.ipv6.conf.all.accept_ra=1;
net.ipv6.conf.all.autoconf=1; net.ipv6.conf.all.disable_ipv6=0; net.ipv6.conf.all.forwarding=0; net.ipv6.conf.default.accept_ra=1;
net.ipv6.conf.default.autoconf=1; net.ipv6.conf.default.disable_ipv6=0; net.ipv6.conf.default.forwarding=0; net.ipv6.fwmark_reflect=0;
net.ipv6.ioam6_id=16777215; net.ipv6.ioam6_id_wide=72057594037927935; net.ipv6.ip6frag_secret_interval=0; net.ipv6.ip6frag_time=60;
net.ipv6.ip_nonlocal_bind=0; net.ipv6.max_dst_opts_length=2147483647; net.ipv6.max_dst_opts_number=8; net.ipv6.max_hbh_length=2147483647;
net.ipv6.max_hbh_opts_number=8; net.ipv6.route.gc_elasticity=9; net.ipv6.route.gc_interval=30; net.ipv6.route.gc_min_interval=0;
net.ipv6.route.gc_min_interval_ms=500; net.ipv6.route.gc_thresh=1024; net.ipv6.route.gc_timeout=60; net.ipv6.route.max_size=2147483647;
net.ipv6.route.min_adv_mss=1220; net.ipv6.route.mtu_expires=600; net.ipv6.route.skip_notify_on_dev_down=0;
net.netfilter.nf_conntrack_generic_timeout=600; net.netfilter.nf_conntrack_tcp_be_liberal=0; net.netfilter.nf_conntrack_tcp_ignore_invalid_rst=0;
net.netfilter.nf_conntrack_tcp_loose=1; net.netfilter.nf_conntrack_tcp_max_retrans=3; net.netfilter.nf_conntrack_tcp_timeout_close=10;
net.netfilter.nf_conntrack_tcp_timeout_close_wait=60; net.netfilter.nf_conntrack_tcp_timeout_established=432000;
net.netfilter.nf_conntrack_tcp_timeout_fin_wait=120; net.netfilter.nf_conntrack_tcp_timeout_last_ack=30;
net.netfilter.nf_conntrack_tcp_timeout_max_retrans=300; net.netfilter.nf_conntrack_tcp_timeout_syn_recv=60;
net.netfilter.nf_conntrack_tcp_timeout_syn_sent=120; net.netfilter.nf_conntrack_tcp_timeout_time_wait=120;
net.netfilter.nf_conntrack_tcp_timeout_unacknowledged=300; net.netfilter.nf_conntrack_udp_timeout=30;
net.netfilter.nf_conntrack_udp_timeout_stream=120; net.unix.max_dgram_qlen=512; vm.compact_unevictable_allowed=1; vm.compaction_proactiveness=20;
vm.dirty_background_bytes=0; vm.dirty_background_ratio=10; vm.dirty_bytes=0; vm.dirty_expire_centisecs=3000; vm.dirty_ratio=20;
vm.dirty_writeback_centisecs=500; vm.max_map_count=65530; vm.nr_hugepages=0; vm.nr_hugepages_mempolicy=0; vm.nr_overcommit_hugepages=0;
vm.oom_kill_allocating_task=0; vm.overcommit_kbytes=0; vm.overcommit_memory=0; vm.overcommit_ratio=50; vm.page-cluster=3; vm.panic_on_oom=0;
vm.swappiness=60; vm.vfs_cache_pressure=100; vm.watermark_boost_factor=15000; vm.watermark_scale_factor=10; vm.zone_reclaim_mode=0
"""
DEFAULTS: dict[str, str] = dict(entry.strip().split("=", 1) for entry in " ".join(_DEFAULTS.split()).split(";"))

# The kernel makes these of memory and processors: they exist, and differ everywhere.
SIZED = frozenset({
    "fs.epoll.max_user_watches", "fs.fanotify.max_user_marks", "fs.inotify.max_user_watches", "kernel.threads-max", "net.core.optmem_max",
    "net.ipv4.ipfrag_high_thresh", "net.ipv4.ipfrag_low_thresh", "net.ipv4.tcp_max_orphans", "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_max_tw_buckets", "net.ipv4.tcp_mem", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem", "net.ipv4.udp_mem",
    "net.ipv6.ip6frag_high_thresh", "net.ipv6.ip6frag_low_thresh", "net.netfilter.nf_conntrack_max", "net.nf_conntrack_max",
    "vm.admin_reserve_kbytes", "vm.min_free_kbytes", "vm.user_reserve_kbytes",
})  # fmt: skip

FORMER: dict[str, frozenset[str]] = {
    "net.core.default_qdisc": frozenset({"pfifo_fast"}),
    "net.ipv4.tcp_challenge_ack_limit": frozenset({"1000"}),
    "kernel.sched_autogroup_enabled": frozenset({"0"}),
    "fs.protected_fifos": frozenset({"1"}),
    "fs.protected_regular": frozenset({"2"}),
}

# More is never worse: an old value below Debian 13's needs nothing.
CEILINGS = re.compile(
    r"fs\.(file-max|nr_open|aio-max-nr|pipe-max-size|inotify\..*|mqueue\..*|mount-max|epoll\..*|fanotify\..*)|kernel\.(pid_max|threads-max|msg.*|shm(max|all|mni))|"
    r"net\.core\.(somaxconn|[rw]mem_(max|default)|netdev_max_backlog|optmem_max|netdev_budget.*)|net\.ipv4\.(tcp_max_.*|neigh\.default\.gc_thresh.|igmp_max_.*)|"
    r"vm\.max_map_count|net\.(netfilter\.)?nf_conntrack_max|net\.unix\.max_dgram_qlen"
)
# What the guest gets where people set it: it means the same on both sides, and hangs neither on memory nor on hardware.
CARRIED = re.compile(
    r"fs\.(file-max|nr_open|aio-max-nr|pipe-max-size|inotify\..*|mqueue\..*|suid_dumpable|protected_.*)|"
    r"kernel\.(pid_max|sem|msg.*|shmmni|panic|panic_on_oops|core_uses_pid|sysrq|sched_autogroup_enabled|numa_balancing|randomize_va_space|yama\..*)|"
    r"net\.core\.(?!bpf_).*|net\.ipv4\.(?!tcp_mem$|udp_mem$).*|net\.ipv6\..*|net\.unix\..*|"
    r"vm\.(swappiness|overcommit_(memory|ratio)|dirty_(background_)?ratio|dirty_.*_centisecs|max_map_count|vfs_cache_pressure|page-cluster|panic_on_oom|"
    r"oom_.*|zone_reclaim_mode)"
)
# Without these a service does not start, does not accept, or does not find its way.
DECISIVE = frozenset({
    "fs.aio-max-nr", "fs.file-max", "fs.nr_open", "kernel.pid_max", "kernel.sem", "net.core.somaxconn", "net.ipv4.conf.all.arp_announce",
    "net.ipv4.conf.all.arp_ignore", "net.ipv4.conf.all.rp_filter", "net.ipv4.ip_forward", "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_nonlocal_bind", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.tcp_max_syn_backlog", "net.ipv6.ip_nonlocal_bind",
    "vm.max_map_count", "vm.overcommit_memory", "vm.overcommit_ratio",
})  # fmt: skip


def known(name: str) -> bool:
    """Whether Debian 13's kernel has this parameter."""
    return name in DEFAULTS or name in SIZED


def differs(name: str, value: str) -> bool:
    """Whether the guest would have something else, and less where only less matters. What Debian 13 does not know is not here."""
    if name in SIZED:
        return True
    default = DEFAULTS.get(name)
    if default is None or value == default:
        return False
    below = CEILINGS.fullmatch(name) and value.isdecimal() and default.isdecimal() and int(value[:30]) <= int(default)
    return not below
