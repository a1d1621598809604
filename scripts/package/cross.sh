#!/bin/sh
# Builds ewindow-media for another architecture: cross.sh ARCH TRIPLET LDFLAGS OUTPUT. Debian 12's packages of that architecture are unpacked beside this
# machine's, and never run.
set -eu
arch=$1 triplet=$2 flags=$3 output=$4
root=$PWD/bin/deb/sysroot-$arch

if [ ! -e "$root/made" ]; then
	rm -rf "$root"
	mkdir -p bin/deb
	mmdebstrap --quiet --variant=extract --architectures="$arch" \
		--include=libc6-dev,libgcc-12-dev,libgstreamer1.0-dev,libgstreamer-plugins-base1.0-dev,libpango1.0-dev bookworm "$root"
	# Links that begin at the root of that system begin at this one's.
	find "$root" -type l -lname '/*' | while read -r link; do
		ln -sfn "$root$(readlink "$link")" "$link"
	done
	touch "$root/made"
fi

pkgconfig=$root/usr/lib/$triplet/pkgconfig:$root/usr/share/pkgconfig
env CGO_ENABLED=1 GOARCH="$arch" CC="$triplet-gcc --sysroot=$root" \
	PKG_CONFIG_LIBDIR="$pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root" \
	CGO_LDFLAGS="-O2 -g -L$root/usr/lib/$triplet -L$root/lib/$triplet -Wl,-rpath-link,$root/usr/lib/$triplet:$root/lib/$triplet" \
	go build -buildmode=pie -trimpath -ldflags "$flags" -o "$output" ./media/gst
