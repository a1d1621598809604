#!/bin/sh
# Puts a card together: card.sh SYSTEM FIRMWARE.tar TO.img, and TO.img.zst. No loop devices, no mounts.
#
#	512 KiB   the sector of boot.cmd, which says which copy is used
#	1         FAT: firmware, U-Boot, kernels in a/ and b/, ewindow-join.txt
#	2, 3      the copies a and b; b is empty
#	4         what the window keeps
set -eu
. "$(dirname "$0")/lib.sh"
here=$(dirname "$0")
system=$1 firmware=$2 to=$3
TZ=UTC0 LC_ALL=C
export TZ LC_ALL
work=$(mktemp -d "${TMPDIR:-/tmp}/ewindow-image.XXXXXX")
trap 'rm -rf "$work"' EXIT

# A file system of FAT with all that starts the card.
files=$work/files
mkdir -p "$files/a" "$files/b"
tar -C "$files" --no-same-owner -xf "$firmware" --exclude=./brcm --exclude=./u-boot-qemu.bin --exclude=./gst-inspect-1.0
mkimage -A arm64 -T script -C none -n E-Window -d "$here/boot.cmd" "$files/boot.scr" >/dev/null
cp "$here/card/config.txt" "$here/card/ewindow-join.txt" "$system"/dtb/*.dtb "$files"
sed -i 's/$/\r/' "$files/ewindow-join.txt" # for every computer's editor
cp "$system/vmlinuz" "$system/initrd.img" "$files/a"
find "$files" -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
truncate -s "${FIRMWARE_MIB}M" "$work/fat"
mkfs.vfat --invariant -F 32 -n EWINDOW -i "$CARD_ID" "$work/fat" >/dev/null
(cd "$files" && mcopy -s -m -Q -i "$work/fat" -- * ::)

# What the window keeps: empty.
truncate -s "${STATE_MIB}M" "$work/state"
E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH mke2fs -q -t ext4 -F -L ewindow-state -m 1 -U e41d0c00-0000-4000-8000-000000000004 -E hash_seed=e41d0c00-0000-4000-8000-000000000005,root_owner=0:0 "$work/state"

at() { # MIB: where the parts begin
	echo $(($1 * 2048))
}
rm -f "$to"
truncate -s $((1 + FIRMWARE_MIB + 2 * ROOT_MIB + STATE_MIB))M "$to"
sfdisk -q "$to" <<END
label: dos
label-id: 0x$CARD_ID
start=$(at 1), size=$(at $FIRMWARE_MIB), type=c, bootable
start=$(at $((1 + FIRMWARE_MIB))), size=$(at $ROOT_MIB), type=83
start=$(at $((1 + FIRMWARE_MIB + ROOT_MIB))), size=$(at $ROOT_MIB), type=83
start=$(at $((1 + FIRMWARE_MIB + 2 * ROOT_MIB))), size=$(at $STATE_MIB), type=83
END
put() { dd if="$1" of="$to" bs=1M seek="$2" conv=notrunc,sparse status=none; } # FILE MIB
put "$work/fat" 1
put "$system/root.squashfs" $((1 + FIRMWARE_MIB))
put "$work/state" $((1 + FIRMWARE_MIB + 2 * ROOT_MIB))
TMP=$work
. "$here/root/usr/lib/ewindow-image/sector"
printf '%s\n' slot_use=a slot_left=5 slot_a=good slot_b=empty | sector_write "$to" $SECTOR_BLOCK
zstd -q -f -T0 -12 "$to" -o "$to.zst"
