#!/bin/sh
# Runs every fuzz target of the module, one after the other, for the time given.
set -eu
time=$1
for file in $(git ls-files '*_test.go'); do
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\)(f \*testing\.F).*/\1/p' "$file"); do
		dir=$(dirname "$file")
		echo "== fuzz ./$dir $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "./$dir"
	done
done
