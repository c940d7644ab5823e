# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Containers: image, ports, mounts, restart policy. The format names each field; environment, arguments and labels never leave the host.
# A client is asked only where its daemon runs or its storage is there: it would start or create them.
engine=
if [ -n "$(running 'dockerd')" ] && have docker; then engine=docker
elif have podman && { there /var/lib/containers/storage/db.sql || there /var/lib/containers/storage/libpod; }; then engine=podman
fi
if [ -z "$engine" ]; then
    [ -z "$(running 'dockerd|conmon')" ] || { unseen 'containers run, and there is no client to ask'; exit 0; }
    absent
fi
block engine; echo "$engine" | plain
block version
if [ "$engine" = docker ]; then docker version --format '{{.Server.Version}}' 2>/dev/null; else podman --version 2>/dev/null | sed 's/.* //'; fi | head -n 1 | raw
ids=$("$engine" ps -aq --no-trunc 2>/dev/null) || { unseen "$engine refused to list its containers"; exit 0; }
block containers
# shellcheck disable=SC2016
format='{{.Name}}{{"\t"}}{{.Config.Image}}{{"\t"}}{{.State.Status}}{{"\t"}}{{.HostConfig.RestartPolicy.Name}}{{"\t"}}{{.HostConfig.NetworkMode}}{{"\t"}}{{json .HostConfig.PortBindings}}{{"\t"}}{{range .Mounts}}{{.Type}}:{{.Source}}:{{.Destination}}|{{end}}{{"\t"}}{{index .Config.Labels "com.docker.compose.project"}}'
printf '%s\n' "$ids" | head -n 200 | while IFS= read -r id; do
    case $id in '' | *[!0-9a-f]*) continue ;; esac
    "$engine" inspect --type container --format "$format" "$id" 2>/dev/null
done | raw
