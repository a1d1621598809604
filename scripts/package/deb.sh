#!/bin/sh
# Makes the packages for one architecture, from the top of the repository: deb.sh amd64 | arm64. VERSION is what the programs say (git describe).
# ewindow-media is built here for this machine; for another architecture, bin/deb/target/ewindow-media has to be there (see cross.sh).
set -eu

arch=$1
host=$(dpkg --print-architecture)
case $arch in
amd64) triplet=x86_64-linux-gnu ;;
arm64) triplet=aarch64-linux-gnu ;;
*) echo "deb: $arch: packages are for amd64 and arm64" >&2; exit 1 ;;
esac

# deb_version turns vX.Y.Z-N-gCOMMIT into X.Y.Z+N.gCOMMIT; without a tag it is below all releases and rises with the time of the commit.
deb_version() {
	case $1 in
	v[0-9]*-g*) echo "$1" | sed 's/^v//; s/-0-g[0-9a-f]*//; s/-\([0-9]*\)-g/+\1.g/; s/-dirty/+dirty/; s/-/~/' ;;
	*) echo "0~$(TZ=UTC0 git log -1 --format=%cd --date=format-local:%Y%m%d%H%M%S 2>/dev/null || echo 0).$(echo "$1" | sed 's/-dirty/+dirty/; s/[^A-Za-z0-9.+~]/./g')" ;;
	esac
}

date=$(git log -1 --format=%ct 2>/dev/null || echo 0)
version=${DEB_VERSION:-$(deb_version "$VERSION")}
stage=bin/deb/stage target=bin/deb/target
rm -rf "$stage"
mkdir -p "$stage" "$target"

flags="-s -w -X main.version=$VERSION" # symbols are half of a program, and traces have their names without them
for p in endpoint:ewindow registrar:ewindow-registrar; do
	CGO_ENABLED=0 GOARCH=$arch go build -trimpath -ldflags "$flags" -o "$target/${p#*:}" "./${p%:*}"
done
if [ "$arch" = "$host" ]; then
	CGO_ENABLED=1 go build -buildmode=pie -trimpath -ldflags "$flags" -o "$target/ewindow-media" ./media/gst
else
	sh scripts/package/cross.sh "$arch" "$triplet" "$flags" "$target/ewindow-media"
fi

# Their help is asked of programs that run here.
help=$target
if [ "$arch" != "$host" ]; then
	help=bin/deb/help
	mkdir -p "$help"
	GOARCH=$host CGO_ENABLED=0 go build -trimpath -o "$help/ewindow" ./endpoint
	GOARCH=$host CGO_ENABLED=0 go build -trimpath -o "$help/ewindow-registrar" ./registrar
fi
env -u GOARCH go run ./scripts/package -bin "$help" -target "$target" -stage "$stage" -date "$date"
cp scripts/package/ewindow/ewindow-media.1 README.md "$stage"
cp dialplan/README.md "$stage/dialplan.md"
cp .github/CHANGELOG.md "$stage"
for p in ewindow ewindow-registrar; do
	printf '%s (%s) unstable; urgency=medium\n\n  * What is new: CHANGELOG.md.gz beside this file.\n\n -- %s  %s\n' "$p" "$version" \
		'E-Window maintainers <maintainers@ewindow.invalid>' "$(LC_ALL=C TZ=UTC0 date -R -d "@$date")" >"$stage/$p.changelog"
done
gzip -9n "$stage"/*.1 "$stage"/*.md "$stage"/*.changelog

mkdir -p bin/deb
ARCH=$arch TRIPLET=$triplet VERSION=$version SOURCE_DATE_EPOCH=$date
export ARCH TRIPLET VERSION SOURCE_DATE_EPOCH
umask 022
for p in ewindow registrar; do
	env -u GOARCH go tool -modfile=scripts/package/nfpm.mod nfpm package --packager deb --config "scripts/package/$p/nfpm.yaml" --target bin/deb
done
rm -rf "$stage" "$target" bin/deb/help
