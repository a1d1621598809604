#!/bin/sh
# Looks for known vulnerabilities that the programs can reach; make vuln calls this. The database comes as a Go module,
# through the same proxy as all others, so that a machine that reaches nothing else can ask, too.
set -eu
cd "$(dirname "$0")/.."

GOVULNCHECK=golang.org/x/vuln/cmd/govulncheck@v1.9.0
DATABASE=golang.org/x/vulndb

# In a directory of its own: nothing of this belongs into go.mod.
fields=$(cd / && go mod download -json "$DATABASE@latest" | sed -n 's/^\t"\(Dir\|Version\)": "\(.*\)",*$/\2/p')
version=$(printf '%s\n' "$fields" | sed -n 1p)
dir=$(printf '%s\n' "$fields" | sed -n 2p)
date=$(printf '%s\n' "$version" | sed -n 's/.*-\([0-9]\{4\}\)\([0-9]\{2\}\)\([0-9]\{2\}\)[0-9]*-.*/\1-\2-\3/p')
printf 'vuln: database of %s (%s %s), %s\n' "$date" "$DATABASE" "$version" "$(go version)" >&2
exec go run "$GOVULNCHECK" -db "file://$dir/data/osv" ./...
