#!/bin/sh
# Fetches the programs that call hooks, for the tests that let them call ours: Debian's
# packages, unpacked and not installed, so that no service of theirs is started and
# nothing of the machine freezes because of them. Nothing of a package is run here. What
# cannot be had is said and left out; the tests that need it will be skipped, or fail if
# CI is set.
#
# apt takes the version that Debian has, and checks it. internal/testcaller looks here.
set -eu

if [ "$(id -u)" = 0 ]; then
	callers=/var/cache/starhost-callers
else
	callers=${XDG_CACHE_HOME:-$HOME/.cache}/starhost-callers
fi

# missing_of PACKAGES: prints them and what they need, without what is installed.
missing_of() {
	apt-get install --simulate --quiet --no-install-recommends "$@" | sed -n 's/^Inst \([^ ]*\) .*/\1/p'
}

# fetch NAME [PACKAGES]: makes $callers/NAME of that package and all that it needs and the
# machine has not, unless it is there. PACKAGES stand for what it says it needs.
fetch() {
	name=$1
	shift
	[ ! -d "$callers/$name" ] || return 0
	mkdir -p -m 755 "$callers"
	part=$(mktemp -d "$callers/.part.XXXXXX")
	chmod 755 "$part"
	if unpack "$name" "$@" >"$part/log" 2>&1; then
		rm -f "$part/log" "$part"/*.deb
		# Whoever was faster is left alone.
		mv -T "$part" "$callers/$name" 2>/dev/null || [ -d "$callers/$name" ]
	else
		echo "setup: missing: $name (apt cannot fetch it: $(tail -n 1 "$part/log"))"
	fi
	rm -rf "$part"
}

unpack() (
	name=$1
	[ $# -eq 1 ] || shift
	cd "$part" && needed=$(missing_of "$@") || exit 1
	# What is installed already is unpacked, too: the tests want it here.
	# shellcheck disable=SC2086 # a list of packages
	timeout 300 apt-get download --quiet $(printf '%s\n' "$name" $needed | sort -u) || exit 1
	for file in *.deb; do
		dpkg-deb --extract "$file" . || exit 1
	done
)

if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-deb >/dev/null 2>&1; then
	echo "setup: missing: the programs that call hooks (their tests need Debian's packages)"
	exit 0
fi
wanted=
for name in qemu-guest-agent google-guest-agent open-vm-tools borgmatic snapper sanoid; do
	[ -d "$callers/$name" ] || wanted="$wanted $name"
done
[ -n "$wanted" ] || exit 0
echo "setup: fetching the callers$wanted"
[ "$(id -u)" != 0 ] || apt-get update -qq || :
for name in $wanted; do
	case $name in
	# It says it needs the tools of ZFS, which not every machine can have; the tests bring their own.
	sanoid) fetch sanoid libconfig-inifiles-perl libcapture-tiny-perl ;;
	*) fetch "$name" ;;
	esac
done
