#!/bin/sh
# Makes the disk of the lab's machine: disk.sh PACKAGE.deb DIRECTORY. It is a Debian 12 with the package installed as anybody installs it, and with the
# drivers, the network and the shell of scripts/vm/root. DIRECTORY gets disk.img, vmlinuz and initrd, and keeps the bare Debian for the next time.
# Needs root, for the unpacked system's own commands and owners.
set -eu
here=$(dirname "$0")
deb=$1 out=$2
suite=bookworm
size=3G

say() { printf 'vm: %s\n' "$*" >&2; }

[ "$(id -u)" = 0 ] || { say "needs root: sudo make vm"; exit 1; }
mkdir -p "$out"
log=$out/disk.log
: >"$log"
quietly() { "$@" >>"$log" 2>&1 || { tail -20 "$log" >&2; say "$1 failed; all of it is in $log"; exit 1; }; }

# The bare Debian has what the package needs, so that it is made anew only when that changes.
system="systemd-sysv systemd-timesyncd udev dbus kmod linux-image-amd64 iproute2 procps alsa-utils v4l-utils e2fsprogs"
needs=$(dpkg-deb -f "$deb" Depends)
base=$out/base-$(printf '%s %s %s' "$suite" "$system" "$needs" | sha256sum | cut -c1-12).tar
if [ ! -s "$base" ]; then
	say "a bare Debian with all that the package needs: about five minutes, once"
	# Its programs are those of the package that is there now; the next one is installed over it.
	quietly mmdebstrap --format=tar --variant=minbase --include="$system" --dpkgopt='path-exclude=/usr/share/{doc,info,man,help}/*' \
		--customize-hook="copy-in $deb /root" \
		--customize-hook='chroot "$1" sh -c "apt-get install -y --no-install-recommends /root/*.deb && rm /root/*.deb"' \
		"$suite" "$base.part"
	mv "$base.part" "$base"
fi

say "the package is installed"
root=$(mktemp -d "${TMPDIR:-/tmp}/ewindow-vm.XXXXXX")
trap 'rm -rf --one-file-system "$root"' EXIT
tar -C "$root" -xf "$base"
cp "$deb" "$root/root/ewindow.deb"
# /proc is there for it alone: the mount ends with the command.
quietly unshare --mount --pid --fork sh -c 'mount -t proc proc "$1/proc" && exec chroot "$1" env DEBIAN_FRONTEND=noninteractive dpkg -i /root/ewindow.deb' sh "$root"
rm "$root/root/ewindow.deb"
cp -r "$here/root/." "$root"
chown -R 0:0 "$root/etc/systemd" "$root/etc/modules-load.d" "$root/etc/modprobe.d" "$root/etc/fstab" "$root/etc/hostname" "$root/etc/hosts"
quietly systemctl --root="$root" enable systemd-networkd shell
: >"$root/etc/machine-id"

say "the disk is written"
cp "$root/vmlinuz" "$out/vmlinuz"
cp "$root/initrd.img" "$out/initrd"
rm -f "$out/disk.img"
quietly mke2fs -q -t ext4 -d "$root" "$out/disk.img" "$size"
