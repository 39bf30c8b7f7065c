#!/bin/bash
# Runs in namespaces of its own (processes, mounts, control groups), with a home and a systemd of its own. Arguments: a directory for
# that home, then a command that is run with the user manager of systemd.
set -eu
home=$1
shift
account=$(getent passwd "$(id -u)" | cut -d: -f6)
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system "/run/user/$(id -u)"
chmod 700 "/run/user/$(id -u)"
# No controller is in sight, and of the named hierarchy only the group that we were put into.
umount -R /sys/fs/cgroup
mount -t tmpfs tmpfs /sys/fs/cgroup
mkdir /sys/fs/cgroup/systemd
mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
mount --bind "$home" "$account"
cd /
export HOME=$account XDG_RUNTIME_DIR="/run/user/$(id -u)" container=test
unset NOTIFY_SOCKET DBUS_SESSION_BUS_ADDRESS XDG_CONFIG_HOME
/lib/systemd/systemd --user --log-target=console --log-level=warning >"$home/systemd.log" 2>&1 &
for _ in $(seq 100); do
  state=$(systemctl --user is-system-running 2>/dev/null || true)
  if [ "$state" = running ] || [ "$state" = degraded ]; then exec "$@"; fi
  sleep 0.1
done
echo "systemd did not start:" >&2
cat "$home/systemd.log" >&2
exit 99
