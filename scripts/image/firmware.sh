#!/bin/sh
# Fetches what starts a card, and a tool for who makes it, out of Debian's packages, without installing them: firmware.sh TO.tar. SUITE and SNAPSHOT as in image.sh.
set -eu
. "$(dirname "$0")/lib.sh"
to=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/ewindow-image.XXXXXX")
trap 'rm -rf "$work"' EXIT
sources >"$work/sources"
mmdebstrap --quiet --variant=extract --architectures=arm64 --include=raspi-firmware,u-boot-rpi,u-boot-qemu,gstreamer1.0-tools "$SUITE" "$work/root" "$work/sources" >&2
mkdir "$work/firmware"
cp "$work"/root/usr/lib/raspi-firmware/bootcode.bin "$work"/root/usr/lib/raspi-firmware/start.elf "$work"/root/usr/lib/raspi-firmware/fixup.dat \
	"$work"/root/usr/lib/raspi-firmware/start4.elf "$work"/root/usr/lib/raspi-firmware/fixup4.dat "$work/firmware"
cp "$work/root/usr/lib/u-boot/rpi_arm64/u-boot.bin" "$work/firmware/u-boot.bin"
cp "$work/root/usr/lib/u-boot/qemu_arm64/u-boot.bin" "$work/firmware/u-boot-qemu.bin"
mkdir "$work/firmware/brcm"
cp "$work"/root/usr/lib/firmware/brcm/* "$work/firmware/brcm"
cp "$work/root/usr/bin/gst-inspect-1.0" "$work/firmware"
cp "$work/root/usr/share/doc/raspi-firmware/copyright" "$work/firmware/LICENCE.firmware.txt"
cp "$work/root/usr/share/doc/u-boot-rpi/copyright" "$work/firmware/LICENCE.u-boot.txt"
tar -C "$work/firmware" --sort=name --mtime=@0 --owner=0 --group=0 -cf "$to.new" .
mv "$to.new" "$to"
