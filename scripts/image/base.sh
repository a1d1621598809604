#!/bin/sh
# Makes the bare system of a card, all but the window's package: base.sh TO.tar. KERNEL, SUITE and SNAPSHOT as in image.sh.
set -eu
. "$(dirname "$0")/lib.sh"
to=$1
here=$(cd "$(dirname "$0")" && pwd)
# Debian's release. Files that are made here are never younger than that, so that they have the same date whenever that is.
SOURCE_DATE_EPOCH=1754697600
export SOURCE_DATE_EPOCH
packages=$(grep -v '^#' "$here/packages" | paste -sd,)
work=$(mktemp -d "${TMPDIR:-/tmp}/ewindow-image.XXXXXX")
trap 'rm -rf "$work"' EXIT
sources >"$work/sources"
case $KERNEL in
debian) packages=$packages,linux-image-arm64 ;;
raspberrypi) # untried: nobody who works on this could reach that archive
	key=$work/raspberrypi.asc
	curl -fsS https://archive.raspberrypi.com/debian/raspberrypi.gpg.key -o "$key" || fail "the archive of the Raspberry Pi Foundation is not reached; KERNEL=debian needs it not"
	echo "deb [signed-by=$key] https://archive.raspberrypi.com/debian $SUITE main" >>"$work/sources"
	packages=$packages,linux-image-rpi-v8,gstreamer1.0-libcamera
	;;
esac

# What nobody reads on a card is left out. The initial system is made once, with the kernel, and with our parts in it, so these come first.
# The hooks are for mmdebstrap's shell.
# shellcheck disable=SC2016
mmdebstrap --variant=minbase --architectures=arm64 --include="$packages" --format=tar \
	--aptopt='Acquire::Retries "3"' \
	--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
	--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
	--dpkgopt=force-confold \
	--essential-hook='mkdir -p "$1/etc" && cp -a '"$here"'/root/etc/initramfs-tools "$1/etc/" && echo update_initramfs=no >"$1/etc/initramfs-tools/update-initramfs.conf"' \
	--customize-hook='rm -f "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap "$1"/etc/apt/apt.conf.d/99mmdebstrap' \
	"$SUITE" "$to.new" "$work/sources" >&2
mv "$to.new" "$to"
