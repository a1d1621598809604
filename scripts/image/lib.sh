# shellcheck shell=sh
# What the scripts of this directory share.

# The names by which the card's parts find each other: boot.cmd, fstab and the initial system have them too.
CARD_ID=e41d0c00
# MiB of the firmware, of each copy of the system, and of what the window keeps
FIRMWARE_MIB=256 ROOT_MIB=1024 STATE_MIB=256
SECTOR_BLOCK=1024

say() { printf 'image: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# digest WORDS FILE…: twelve letters that change with any of them.
digest() {
	words=$1
	shift
	{ echo "$words"; cat "$@"; } | sha256sum | cut -c1-12
}

# sources: where Debian's packages come from, as lines of sources.list.
sources() {
	mirror=http://deb.debian.org security=http://security.debian.org
	check=
	if [ -n "$SNAPSHOT" ]; then
		mirror=http://snapshot.debian.org/archive security=http://snapshot.debian.org/archive
		check=' [check-valid-until=no]'
		echo "deb$check $mirror/debian/$SNAPSHOT $SUITE main non-free-firmware"
		echo "deb$check $security/debian-security/$SNAPSHOT $SUITE-security main non-free-firmware"
		return
	fi
	echo "deb $mirror/debian $SUITE main non-free-firmware"
	echo "deb $mirror/debian $SUITE-updates main non-free-firmware"
	echo "deb $security/debian-security $SUITE-security main non-free-firmware"
}

# newest FILE…: the one with the highest version.
newest() { printf "%s\n" "$@" | sort -V | tail -1; }

# emulated says whether the kernel here runs programs of arm64, and has it do so if it can.
emulated() {
	[ "$(dpkg --print-architecture)" != arm64 ] || return 0
	[ -e /proc/sys/fs/binfmt_misc/status ] || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc 2>/dev/null || true
	[ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ] || update-binfmts --enable qemu-aarch64 2>/dev/null || true
	[ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ]
}
