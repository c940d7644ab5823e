systemctl restart haproxy
