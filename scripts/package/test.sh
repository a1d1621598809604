#!/bin/sh
# Installs the packages in bare Debians, boots these as containers, and looks: test.sh [SUITE…]; needs root, the network, and some minutes.
# For each Debian: systemd's own judgement of the units; then scripts/package/inside.sh, by which the programs run under their units, are killed,
# upgraded, removed and purged.
set -eu
cd "$(dirname "$0")/../.."

[ "$(id -u)" = 0 ] || { echo "test-deb: needs root, for containers: sudo make test-deb" >&2; exit 1; }
[ $# -gt 0 ] || set -- bookworm trixie
arch=$(dpkg --print-architecture)
work=$(mktemp -d "${TMPDIR:-/tmp}/ewindow-deb.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT

newest() { # NAME: the package that was made last
	find bin/deb -name "$1_*_$arch.deb" -printf "%T@ %p\n" | sort -n | tail -1 | cut -d" " -f2-
}

# newer makes a package of the same content with a higher version, and another conffile in it.
newer() { # DEB CONFFILE TO
	dpkg-deb -R "$1" "$work/newer"
	sed -i 's/^Version: .*/&+newer/' "$work/newer/DEBIAN/control"
	echo "# of the newer package" >>"$work/newer$2"
	dpkg-deb -Zgzip -z1 -b "$work/newer" "$3" >/dev/null
	rm -r "$work/newer"
}

for suite in "$@"; do
	echo "== $suite: a bare system, and the packages in it"
	root=$work/$suite
	mmdebstrap --quiet --variant=minbase --include=systemd-sysv,ca-certificates "$suite" "$root" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
	mkdir -p "$root/packages"
	cp "$(newest ewindow)" "$root/packages/ewindow.deb"
	cp "$(newest ewindow-registrar)" "$root/packages/ewindow-registrar.deb"
	newer "$root/packages/ewindow.deb" /etc/ewindow/window.env "$root/packages/ewindow-newer.deb"
	newer "$root/packages/ewindow-registrar.deb" /etc/ewindow/registrar.env "$root/packages/ewindow-registrar-newer.deb"
	systemd-nspawn -q --register=no --keep-unit -D "$root" sh -c 'export DEBIAN_FRONTEND=noninteractive
		apt-get update -qq && apt-get install -qq -y --no-install-recommends procps /packages/ewindow.deb /packages/ewindow-registrar.deb &&
		apt-get clean' </dev/null >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
	if grep 'could not be made' "$work/log"; then exit 1; fi

	echo "== $suite: the system runs"
	cp scripts/package/inside.sh "$root/packages/"
	cat >"$root/etc/systemd/system/packages.service" <<-'END'
		[Unit]
		After=multi-user.target
		[Service]
		Type=oneshot
		ExecStart=/bin/sh /packages/inside.sh
		StandardOutput=file:/packages/said
		StandardError=file:/packages/said
		ExecStopPost=/bin/systemctl --no-block --force poweroff
		[Install]
		WantedBy=multi-user.target
	END
	sed -i 's/multi-user.target$/basic.target/;s/^WantedBy=.*/WantedBy=multi-user.target/' "$root/etc/systemd/system/packages.service"
	systemctl -q --root="$root" enable packages.service
	timeout 600 systemd-nspawn -q --register=no --keep-unit --private-network -D "$root" --boot </dev/null >"$work/log" 2>&1 || true
	cat "$root/packages/said" 2>/dev/null || cat "$work/log"
	grep -qx passed "$root/packages/said" || { echo "== $suite: FAILED" >&2; exit 1; }
	rm -rf --one-file-system "$root"
done
