#!/bin/sh
# Makes of a system what windows take for an update: update.sh SYSTEM KEY TO. `slot install` reads it as a stream, so the order counts.
set -eu
. "$(dirname "$0")/lib.sh"
system=$1 key=$2 to=$3
(cd "$system" && sha256sum version vmlinuz initrd.img root.squashfs >SHA256SUMS)
openssl pkeyutl -sign -inkey "$key" -rawin -in "$system/SHA256SUMS" -out "$system/SHA256SUMS.sig"
tar -C "$system" --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=0644 -cf "$to" SHA256SUMS SHA256SUMS.sig version vmlinuz initrd.img root.squashfs
