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

# The compiler finds libraries below --sysroot by itself. pkg-config is not to name their directory: Go looks at all that lies in one which is named, and
# does not take the linker's scripts there.
pkgconfig=$root/usr/lib/$triplet/pkgconfig:$root/usr/share/pkgconfig
env CGO_ENABLED=1 GOARCH="$arch" CC="$triplet-gcc --sysroot=$root" \
	PKG_CONFIG_LIBDIR="$pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root" PKG_CONFIG_SYSTEM_LIBRARY_PATH="$root/usr/lib/$triplet" \
	CGO_LDFLAGS="-O2 -g -Wl,-rpath-link,$root/usr/lib/$triplet -Wl,-rpath-link,$root/lib/$triplet" \
	go build -buildmode=pie -trimpath -ldflags "$flags" -o "$output" ./media/gst
