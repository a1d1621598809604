#!/bin/sh
# Runs every fuzz target of the module, one after the other, for the time given each: fuzz.sh 30s
set -eu
cd "$(dirname "$0")/.."
grep -rl --include='*_test.go' '^func Fuzz' . | sort | while read -r file; do
    pkg=$(dirname "$file")
    sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file" | while read -r target; do
        printf '== %s %s\n' "$pkg" "$target"
        go test -run '^$' -fuzz "^$target\$" -fuzztime "$1" "$pkg"
    done
done
