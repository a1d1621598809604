#!/bin/sh
# All tests, after set-up and build; make test calls this.
set -eu
cd "$(dirname "$0")/.."

# Tests that watch real programs want the machine for themselves. Their code only looks on: the programs in bin/ are what
# is judged, and an observer that the race detector slows down sees less of them.
system="ewindow/scripts/demo ewindow/scripts/lab/answers ewindow/scripts/lab/phone ewindow/scripts/lab/newcomer"

# Neither do the device processes share it with the long simulated days: their cameras and sound cards run in real time.
devices="ewindow/media/gst"

# The race detector of Go 1.26 crashes now and then on the timers of a testing/synctest bubble, unless there is one
# processor (golang.org/issue/78156).
bubbles=$(grep -rl --include='*.go' '"testing/synctest"' . | xargs -n 1 dirname | sort -u | sed 's,^\.,ewindow,')

# What only computes, on one goroutine, has no races.
pure="ewindow/dialplan/nesting ewindow/media/agc ewindow/media/echopath ewindow/media/flexfec ewindow/media/gst/card ewindow/media/h264 ewindow/media/jitter
ewindow/media/rate ewindow/media/testcard"

# Long simulated runs are files that are not built with the race detector, under which they take five to ten times as long.
# Shorter tests go the same ways under it.
long=$(grep -rl --include='*_test.go' '^//go:build !race' .)
# shellcheck disable=SC2086 — a list of files
long_tests=$(sed -n 's/^func \(Test[A-Za-z0-9]*\)(.*/\1/p' $long | sort -u | paste -sd '|' -)
long_packages=$(printf '%s\n' "$long" | xargs -n 1 dirname | sort -u | sed 's,^\.,ewindow,' | grep -vx ewindow/media/jitter) # which is whole in pure

others=$(go list ./...)
bubbles=$(printf '%s\n' "$bubbles" | grep -vx "$devices")
for p in $system $devices $bubbles $pure; do
    others=$(printf '%s\n' "$others" | grep -vx "$p")
done

step() { printf '== %s\n' "$*" >&2; "$@"; }

step go vet ./...
step go tool staticcheck ./...
# shellcheck disable=SC2086 — lists of packages
{
    step go test -race -timeout 15m $others
    step go test -race -cpu 1 -timeout 15m $bubbles
    step go test -race -cpu 1 -timeout 15m $devices
    step go test -timeout 15m $pure
    step go test -cpu 1 -timeout 15m -run "^($long_tests)\$" $long_packages
    step go test -p 1 -timeout 15m $system
}
