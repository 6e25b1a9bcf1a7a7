#!/bin/sh
# Installs the servers and filesystem tools that the tests use, on Debian, as root.
# Elsewhere it says what is missing; the tests that need it will be skipped, or
# fail if CI is set.
set -eu

sh "$(dirname "$0")/servers.sh"
sh "$(dirname "$0")/callers.sh"

missing=
need() { # need PROGRAM PACKAGE
	PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need mariadbd mariadb-server
need redis-server redis-server
need mkfs.xfs xfsprogs
need mkfs.btrfs btrfs-progs
need mkfs.ext4 e2fsprogs
need mount mount
need systemd-analyze systemd
need unshare util-linux
need ip iproute2
need perl perl
need /usr/bin/python3 python3
need cc gcc
need sqlite3 sqlite3
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing postgresql"

[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
	echo "setup: missing:$missing (install them as root to run every test)"
	exit 0
fi
echo "setup: installing$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# Servers are started by the tests, on directories of their own.
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d.starhost
chmod 755 /usr/sbin/policy-rc.d.starhost
[ -e /usr/sbin/policy-rc.d ] || { mv /usr/sbin/policy-rc.d.starhost /usr/sbin/policy-rc.d; ours=1; }
# shellcheck disable=SC2086 # a list of packages
apt-get install -y -qq --no-install-recommends $missing >/dev/null
[ -z "${ours:-}" ] || rm -f /usr/sbin/policy-rc.d
rm -f /usr/sbin/policy-rc.d.starhost
