#!/bin/sh
# All tests, after set-up and build; make test calls this.
set -eu
cd "$(dirname "$0")/.."

# Tests that watch real programs want the machine for themselves. Their code only looks on: the programs in bin/ are what
# is judged, and an observer that the race detector slows down sees less of them.
system="ewindow/scripts/demo ewindow/scripts/lab/phone"

# The race detector of Go 1.26 crashes now and then on the timers of a testing/synctest bubble, unless there is one
# processor (golang.org/issue/78156).
bubbles=$(grep -rl --include='*.go' '"testing/synctest"' . | xargs -n 1 dirname | sort -u | sed 's,^\.,ewindow,')

others=$(go list ./...)
for p in $system $bubbles; do
    others=$(printf '%s\n' "$others" | grep -vx "$p")
done

step() { printf '== %s\n' "$*" >&2; "$@"; }

step go vet ./...
step go tool staticcheck ./...
# shellcheck disable=SC2086 — lists of packages
{
    step go test -race -timeout 15m $others
    step go test -race -cpu 1 -timeout 15m $bubbles
    step go test -timeout 15m ewindow/scripts/lab/town # with the simulated week and a day of log, which take five times as long under the race detector
    step go test -cpu 1 -timeout 15m -run 'Hours|Day|Hostile' ewindow/media ewindow/media/jitter # likewise
    step go test -p 1 -timeout 15m $system
}
