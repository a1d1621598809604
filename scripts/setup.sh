#!/bin/sh
# Installs what a fresh Debian 12 or 13 needs: setup.sh build | run | test | bench | netns | deb | vm | cross | image | test-image …
# Quiet and quick where everything is there already. Only apt-get needs root or sudo.
set -eu

BUILD="gcc libc6-dev make pkg-config git ca-certificates libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libpango1.0-dev"
RUN="gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
     gstreamer1.0-libav gstreamer1.0-alsa gstreamer1.0-x gstreamer1.0-pulseaudio fonts-dejavu-core xvfb pulseaudio-utils"
NETNS="iproute2 nftables conntrack coturn"
IMAGE="mmdebstrap debian-archive-keyring qemu-user-static binfmt-support squashfs-tools mtools dosfstools fdisk e2fsprogs u-boot-tools zstd openssl"
TEST_IMAGE="qemu-system-arm ipxe-qemu iproute2"
DEB="mmdebstrap systemd-container debian-archive-keyring qemu-user-static"
VM="mmdebstrap debian-archive-keyring qemu-system-x86 qemu-utils iproute2"
CROSS="mmdebstrap debian-archive-keyring gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
TEST="baresip-core baresip-x11 baresip-ffmpeg linphone-cli sip-tester zbar-tools libopenh264-dev $NETNS"
BENCH="baresip-core baresip-x11 baresip-ffmpeg gstreamer1.0-tools iproute2 libx11-dev libxext-dev espeak-ng sox chromium"

say() { printf 'setup: %s\n' "$*" >&2; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else say "needs root for: $*; run it as root or install sudo"; exit 1
    fi
}

installed() { dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

updated=
update() { # the package lists, once
    [ -z "$updated" ] || return 0
    as_root apt-get update -qq
    updated=yes
}

install() {
    missing=
    for p in "$@"; do installed "$p" || missing="$missing $p"; done
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || { say "this is no Debian; install by hand:$missing"; exit 1; }
    say "installing$missing"
    update
    # shellcheck disable=SC2086 — one word a package
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# quiet_coturn keeps coturn's server from starting with its package, now and at each boot: tests run it themselves.
# Where there is no systemd, RUNLEVEL below says that nothing is to be started.
quiet_coturn() {
    if installed coturn || [ ! -d /etc/systemd/system ] || [ -e /etc/systemd/system/coturn.service ]; then return 0; fi
    say "coturn.service is masked: E-Window runs coturn only in tests (systemctl unmask coturn to run it)"
    as_root ln -s /dev/null /etc/systemd/system/coturn.service
}

# go_minor prints N of Go 1.N, without letting go fetch another toolchain.
go_minor() { GOTOOLCHAIN=local go version 2>/dev/null | sed -n 's/.*go1\.\([0-9]*\).*/\1/p'; }

check_go() {
    have=$(go_minor || true)
    if [ -z "$have" ] && command -v apt-get >/dev/null; then
        update
        # Debian's own Go will do if it can fetch a newer toolchain by itself (Go ≥ 1.21).
        packaged=$(apt-cache policy golang-go 2>/dev/null | sed -n 's/.*Candidate: 2:1\.\([0-9]*\).*/\1/p')
        if [ "${packaged:-0}" -ge 21 ]; then install golang-go; have=$(go_minor || true); fi
    fi
    if [ "${have:-0}" -ge 26 ]; then return 0; fi
    if [ "${have:-0}" -ge 21 ]; then
        say "Go 1.$have fetches Go 1.26 for this project"
        go version >/dev/null || { say "Go 1.$have could not fetch Go 1.26: is the network there?"; exit 1; }
        return 0
    fi
    say "Go ${have:+1.$have is too old; }1.26 or newer is needed. Get it:"
    say "  download go1.26 for linux-$(dpkg --print-architecture) from https://go.dev/dl/, then"
    say "  sudo tar -C /usr/local -xzf go1.26*.tar.gz && export PATH=/usr/local/go/bin:\$PATH"
    exit 1
}

# A sound server of its own for those who listen. It cannot stand beside a desktop's PipeWire, which will do as well.
sound_server() {
    for p in pipewire-alsa pipewire-audio; do
        if installed "$p"; then return 0; fi
    done
    install pulseaudio
}

# promtool comes out of Debian's package prometheus: only it, no server that would run from then on.
fetch_promtool() {
    if [ -x bin/promtool ]; then return 0; fi
    mkdir -p bin
    if command -v promtool >/dev/null; then ln -sf "$(command -v promtool)" bin/promtool; return 0; fi
    say "fetching promtool"
    here=$(pwd)/bin/prometheus
    mkdir -p "$here"
    (cd "$here" && { apt-get download -qq prometheus || { update; apt-get download -qq prometheus; }; }) 2>/dev/null
    dpkg -x "$here"/prometheus_*.deb "$here"
    mv "$here/usr/bin/promtool" bin/promtool
    rm -r "$here"
}

check_go
for want in "$@"; do
    case $want in
    # shellcheck disable=SC2086 — lists
    build) install $BUILD ;;
    run) install $RUN; sound_server ;;
    # shellcheck disable=SC2086 — a list
    deb) install $DEB ;;
    # shellcheck disable=SC2086 — a list
    vm) install $VM ;;
    # shellcheck disable=SC2086 — a list
    cross) install $CROSS ;;
    # shellcheck disable=SC2086 — lists
    image) install $IMAGE ;;
    test-image) install $IMAGE $TEST_IMAGE ;;
    test) quiet_coturn; install $TEST; fetch_promtool ;;
    bench) install $BENCH ;;
    # shellcheck disable=SC2086 — a list
    netns) quiet_coturn; install $NETNS ;;
    *) say "unknown part $want"; exit 2 ;;
    esac
done
