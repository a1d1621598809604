#!/bin/sh
# Makes the image of a window's card, from the top of the repository: image.sh. Root, the network, and up to half an hour the first time; then only what has changed.
#
#	KERNEL=debian | raspberrypi   whose kernel; the second is untried
#	SNAPSHOT=20261101T000000Z     Debian as it was then (snapshot.debian.org): the same image whenever it is made
#	UPDATE_URL=https://…          where windows look for newer systems; without it they do not look
#	IMAGE_LEVEL=19                how hard the system is compressed: 3 is quick
#	UPDATE_KEY=FILE               the key (Ed25519, PEM) that signs them; without it one is made, bin/image/update-key.pem
set -eu
here=scripts/image
out=${IMAGE_DIR:-bin/image}
KERNEL=${KERNEL:-debian} SUITE=trixie SNAPSHOT=${SNAPSHOT:-}
. "$here/lib.sh"

case $KERNEL in debian | raspberrypi) ;; *) fail "KERNEL is debian or raspberrypi, not $KERNEL" ;; esac
[ "$(id -u)" = 0 ] || fail "needs root, to install packages into a system of arm64: sudo make image"
emulated || fail "programs of arm64 do not run here: is qemu-user-static installed, and binfmt_misc in this kernel?"
deb=$(find bin/deb -name 'ewindow_*_arm64.deb' -printf '%T@ %p\n' | sort -n | tail -1 | cut -d' ' -f2-)
[ -n "$deb" ] || fail "bin/deb has no package for arm64; make deb GOARCH=arm64 makes it"
mkdir -p "$out"

SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 1754697600)
export SOURCE_DATE_EPOCH KERNEL SUITE SNAPSHOT
UPDATE_KEY=${UPDATE_KEY:-$out/update-key.pem}
if [ ! -e "$UPDATE_KEY" ]; then
	(umask 077 && openssl genpkey -algorithm ed25519 -out "$UPDATE_KEY")
	say "made the key that signs updates, $UPDATE_KEY: keep it, windows with this image take no others"
fi
version=$(dpkg-deb -f "$deb" Version)
[ "$KERNEL" = debian ] || version=$version+$KERNEL

base=$out/base-$(digest "$KERNEL $SUITE $SNAPSHOT" "$here/packages" "$here/base.sh" "$here"/root/etc/initramfs-tools/conf.d/* "$here"/root/etc/initramfs-tools/hooks/* "$here"/root/etc/initramfs-tools/scripts/*/*).tar
[ -e "$base" ] || { say "a bare system (once; a quarter of an hour under emulation)"; sh "$here/base.sh" "$base"; }
firmware=$out/firmware-$(digest "$SUITE $SNAPSHOT" "$here/firmware.sh").tar
[ -e "$firmware" ] || { say "firmware and U-Boot"; sh "$here/firmware.sh" "$firmware"; }
say "the system, with $(basename "$deb")"
sh "$here/system.sh" "$base" "$firmware" "$deb" "$version" "$UPDATE_KEY" "$out/system"
tar -C "$out" -xf "$firmware" ./u-boot-qemu.bin # for make test-image
say "the update"
sh "$here/update.sh" "$out/system" "$UPDATE_KEY" "$out/ewindow-$version-arm64.update"
say "the card"
sh "$here/card.sh" "$out/system" "$firmware" "$out/ewindow-$version-arm64.img"
say "$(cd "$out" && ls -sh1 "ewindow-$version-arm64".* | tr '\n' ' ')"
