#!/bin/sh
# Looks at the packages for another architecture, which cannot run here: foreign.sh ARCH [SUITE…]. Each Debian has to have all that they depend on, and
# the programs have to start, under QEMU's emulation of one program.
set -eu
cd "$(dirname "$0")/../.."
arch=$1
shift
[ $# -gt 0 ] || set -- bookworm trixie
case $arch in
arm64) emulator=qemu-aarch64-static ;;
*) echo "foreign: $arch: packages for other machines are for arm64" >&2; exit 1 ;;
esac
work=$(mktemp -d "${TMPDIR:-/tmp}/ewindow-deb.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
chmod 755 "$work"

for p in ewindow ewindow-registrar; do
	deb=$(find bin/deb -name "${p}_*_$arch.deb" -printf "%T@ %p\n" | sort -n | tail -1 | cut -d" " -f2-)
	[ -n "$deb" ] || { echo "test-deb: bin/deb has no package $p for $arch; make deb GOARCH=$arch makes it" >&2; exit 1; }
	cp "$deb" "$work/$p.deb"
done
for suite in "$@"; do
	echo "== $suite, $arch: all that the packages need"
	root=$work/$suite
	# The hook is for mmdebstrap's shell: packages have to be found at the same path in there.
	# shellcheck disable=SC2016
	mmdebstrap --quiet --variant=extract --architectures="$arch" \
		--setup-hook='mkdir -p "$1'"$work"'"; cp '"$work"'/*.deb "$1'"$work"'"' --include="$work/ewindow.deb" --include="$work/ewindow-registrar.deb" "$suite" "$root"
	for p in ewindow ewindow-registrar ewindow-media; do
		said=$("$emulator" -L "$root" "$root/usr/bin/$p" --version 2>&1) || true
		case $said in
		"$p "*) echo "ok    $said" ;;
		*"deny network sockets"*) echo "ok    $p starts, and finds its libraries (the emulator has no seccomp, without which it ends)" ;;
		*) echo "FAIL  $p: $said"; exit 1 ;;
		esac
	done
	rm -rf --one-file-system "$root"
done
