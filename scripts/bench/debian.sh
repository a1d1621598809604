#!/bin/sh
# Runs a command in another Debian than this machine's: debian.sh 13 COMMAND …
# The root is made once, by mmdebstrap, in ${XDG_CACHE_HOME:-~/.cache}/ewindow; this repository is at the same place in it. The
# programs are those that were built here, by the older Debian of the two. Needs root.
set -eu
case $1 in
12) name=bookworm ;;
13) name=trixie ;;
*) echo "Debian $1 is not known here; 12 and 13 are" >&2; exit 2 ;;
esac
shift
[ "$(id -u)" = 0 ] || { echo "another Debian needs root: run it with sudo" >&2; exit 1; }
root=${XDG_CACHE_HOME:-$HOME/.cache}/ewindow/$name
if [ ! -e "$root/.made" ]; then
    command -v mmdebstrap >/dev/null || apt-get install -y -qq --no-install-recommends mmdebstrap >/dev/null
    rm -rf "$root"
    mkdir -p "$(dirname "$root")"
    # As scripts/setup.sh run and bench have it, but for what no bench of sound needs.
    mmdebstrap --quiet --variant=apt --aptopt='APT::Install-Recommends "false"' --include="$(echo gstreamer1.0-plugins-base \
        gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav gstreamer1.0-alsa gstreamer1.0-x \
        gstreamer1.0-pulseaudio fonts-dejavu-core pulseaudio pulseaudio-utils espeak-ng sox | tr ' ' ,)" "$name" "$root"
    touch "$root/.made"
fi
here=$(pwd)
top=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$root$top"
# shellcheck disable=SC2016 # those of the inner shell
exec unshare -m sh -ceu 'root=$1; here=$2; top=$3; shift 3
    mount --make-rprivate /
    mount --bind "$top" "$root$top"
    for d in proc sys dev; do mount --rbind /$d "$root/$d"; done
    mount -t tmpfs tmpfs "$root/tmp"
    exec chroot "$root" sh -c "cd \"\$0\" && exec \"\$@\"" "$here" "$@"' sh "$root" "$here" "$top" "$@"
