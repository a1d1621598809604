#!/bin/sh
# Makes one copy of the system: system.sh BASE.tar FIRMWARE.tar PACKAGE.deb VERSION KEY TO, where TO gets root.squashfs, vmlinuz, initrd.img, dtb/ and version.
set -eu
. "$(dirname "$0")/lib.sh"
here=$(dirname "$0")
base=$1 firmware=$2 deb=$3 version=$4 key=$5 to=$6
work=$(mktemp -d "${TMPDIR:-/tmp}/ewindow-image.XXXXXX")
trap 'umount "$work/root/proc" "$work/root/sys" 2>/dev/null || true; rm -rf --one-file-system "$work"' EXIT
root=$work/root
mkdir "$root"
tar -C "$root" --xattrs --xattrs-include='*' -xpf "$base"
inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" chroot "$root" "$@"; }

# The owner of what the window keeps is the same number in each version of the system.
inside groupadd -g 900 -r ewindow
inside useradd -u 900 -g 900 -r -d /var/lib/ewindow -M -s /usr/sbin/nologin -c E-Window ewindow
cp "$deb" "$root/ewindow.deb"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys" # a plugin of GStreamer's counts processors there
inside dpkg -i /ewindow.deb
rm "$root/ewindow.deb"
# GStreamer's list of plugins. The package makes it where it is installed, but its program denies itself the network, which the emulator has no means for.
tar -C "$root/tmp" -xf "$firmware" ./gst-inspect-1.0
inside env HOME=/tmp GST_REGISTRY_1_0=/var/cache/ewindow/gstreamer.bin /tmp/gst-inspect-1.0 >/dev/null
inside chown ewindow:ewindow /var/cache/ewindow/gstreamer.bin
umount "$root/proc" "$root/sys"

cp -a --no-preserve=ownership "$here/root/." "$root/"
mkdir -p "$root/lib/firmware/brcm" "$root/boot/firmware" "$root/state"
tar -C "$root/usr/lib/firmware" --no-same-owner -xf "$firmware" ./brcm
lib=$root/usr/lib/ewindow-image
openssl pkey -in "$key" -pubout -out "$lib/update.pem"
echo "$version" >"$lib/version"
[ -z "${UPDATE_URL:-}" ] || echo "$UPDATE_URL" >"$lib/update-url"
echo ewindow >"$root/etc/hostname"
printf '127.0.0.1 localhost ewindow\n::1 localhost ewindow\n' >"$root/etc/hosts"
ln -sfn ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
: >"$root/etc/machine-id"

units() { systemctl -q --root="$root" "$@"; }
units enable systemd-networkd.service systemd-resolved.service systemd-timesyncd.service \
	ewindow.service ewindow-card.service ewindow-card.path ewindow-slot.timer ewindow-update.timer
units mask getty@.service serial-getty@.service console-getty.service container-getty@.service getty.target getty-static.service debug-shell.service \
	systemd-networkd-wait-online.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
	wpa_supplicant.service systemd-firstboot.service systemd-pcrphase.service systemd-growfs-root.service
# Nobody logs in: no account has a password, and none that is empty.
inside awk -F: '$2 != "*" && $2 !~ /^!/ {print $1; bad = 1} END {exit bad}' /etc/shadow || fail "an account of the image has a password"

rm -rf "$to.new"
mkdir -p "$to.new/dtb"
cp "$(newest "$root"/boot/vmlinuz-*)" "$to.new/vmlinuz"
cp "$(newest "$root"/boot/initrd.img-*)" "$to.new/initrd.img"
cp "$root"/usr/lib/linux-image-*/broadcom/bcm2837-rpi-3*.dtb "$root"/usr/lib/linux-image-*/broadcom/bcm2711-rpi-4*.dtb "$root"/usr/lib/linux-image-*/broadcom/bcm2711-rpi-cm4-io.dtb "$to.new/dtb"
echo "$version" >"$to.new/version"

# What differs from one run to the next, and what the running system does not need.
rm -rf "$root"/boot/vmlinuz* "$root"/boot/initrd* "$root"/vmlinuz* "$root"/initrd* "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/cache/ldconfig/* \
	"$root"/var/cache/debconf/*-old "$root"/var/log/* "$root"/var/lib/dpkg/*-old "$root"/etc/*- "$root"/tmp/* "$root"/run/* "$root"/var/lib/systemd/random-seed "$root"/dev/* "$root"/.dockerenv
find "$root" -xdev -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
mksquashfs "$root" "$to.new/root.squashfs" -noappend -no-progress -quiet -comp zstd -Xcompression-level "${IMAGE_LEVEL:-19}" -b 256K -xattrs >&2
[ "$(stat -c %s "$to.new/root.squashfs")" -le $((ROOT_MIB << 20)) ] || fail "the system does not fit into $ROOT_MIB MiB"
rm -rf "$to"
mv "$to.new" "$to"
