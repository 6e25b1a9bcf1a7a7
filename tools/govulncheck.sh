#!/bin/sh
# Runs govulncheck where it can reach its data; elsewhere it says so.
set -u
out=$(go tool -modfile=tools/go.mod govulncheck ./... 2>&1)
code=$?
echo "$out" | tail -n 15
[ $code -eq 0 ] && exit 0
if echo "$out" | grep -Eq 'dial tcp|no such host|connection refused|i/o timeout|Forbidden|unexpected status'; then
	echo 'govulncheck: its data cannot be reached here; skipped'
	exit 0
fi
exit $code
