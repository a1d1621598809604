#!/bin/sh
# What test.sh has done in a system that runs, with both packages installed and nothing of its own configured. It ends with the line "passed".
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive HOME=/root LC_ALL=C.UTF-8

ok() { echo "ok    $*"; }
fail() {
	echo "FAIL  $*"
	systemctl --no-pager status ewindow ewindow-registrar || true
	journalctl --no-pager -n 60 -u ewindow -u ewindow-registrar || true
	exit 1
}
is() { # GOT WANT WHAT
	if [ "$1" = "$2" ]; then ok "$3"; else fail "$3: is '$1', should be '$2'"; fi
}
eventually() { # SECONDS COMMAND…
	left=$1
	shift
	while ! "$@" >/dev/null 2>&1; do
		left=$((left - 1))
		if [ "$left" -le 0 ]; then return 1; fi
		sleep 1
	done
}
property() { systemctl show -P "$2" "$1"; }
another() { [ "$(property "$1" MainPID)" != "$2" ] && [ "$(property "$1" ActiveState)" = active ]; }

# Programs, and what comes with them.
ewindow --version | grep -q '^ewindow ' || fail "ewindow --version"
ewindow-registrar --help | grep -q 'Commands:' || fail "ewindow-registrar --help"
ewindow-media --version | grep -q '^ewindow-media ' || fail "ewindow-media: $(ewindow-media --version 2>&1)"
for element in x264enc avdec_h264 kmssink v4l2src alsasrc opusenc; do
	find /usr/lib/*/gstreamer-1.0 -type f >/dev/null
	case $element in
	x264enc) file=libgstx264.so ;; avdec_h264) file=libgstlibav.so ;; kmssink) file=libgstkms.so ;; v4l2src) file=libgstvideo4linux2.so ;;
	alsasrc) file=libgstalsa.so ;; opusenc) file=libgstopus.so ;;
	esac
	[ -n "$(find /usr/lib -name "$file")" ] || fail "no $element: $file is in no package that is needed"
done
ok "programs start, and find what they need"
is "$(stat -c '%U %a' /var/lib/ewindow /var/lib/ewindow-registrar /var/cache/ewindow | xargs)" "ewindow 700 ewindow-registrar 700 ewindow 700" "state belongs to the programs' users"
for g in video audio render input; do id -nG ewindow | grep -qw $g || fail "ewindow is not in the group $g"; done
ok "the window's user may use the devices"
[ -s /var/cache/ewindow/gstreamer.bin ] || fail "GStreamer's list of plugins was not made"
ok "GStreamer's list of plugins is there"

# Units.
verify=$(systemd-analyze verify --man=no ewindow.service ewindow-registrar.service 2>&1 | grep -i ewindow || true)
is "$verify" "" "systemd-analyze verify says nothing"
exposure() { # UNIT LIMIT
	systemd-analyze security --no-pager --offline=yes --threshold="$2" "/usr/lib/systemd/system/$1" >/tmp/security 2>&1 || { cat /tmp/security; fail "$1 is more exposed than 0.1 × $2"; }
	ok "$(tail -1 /tmp/security)"
}
exposure ewindow-registrar.service 25
exposure ewindow.service 45
is "$(systemctl is-enabled ewindow ewindow-registrar | xargs)" "enabled enabled" "both start at boot"
is "$(property ewindow ActiveState) $(property ewindow-registrar ActiveState)" "inactive inactive" "nothing runs before it is set up, and nothing has failed"

# A registrar, as in the README; root's commands make files of the service's user.
sed 's/Mo-Fr 09:00-18:00/24\/7/' /usr/share/doc/ewindow-registrar/examples/dialplan.hcl >/etc/ewindow/dialplan.hcl
sed -i 's/^DOMAIN=.*/DOMAIN=127.0.0.1/' /etc/ewindow/registrar.env
systemctl start ewindow-registrar || fail "the registrar does not start"
is "$(property ewindow-registrar ActiveState)" active "the registrar runs, and is ready"
ss=$(cat /proc/net/tcp6 /proc/net/tcp | grep -c ':01BB .* 0A ') || true
[ "$ss" -gt 0 ] || fail "the registrar does not serve port 443"
ok "the registrar serves port 443 without being root"
mkdir -p /var/lib/ewindow-registrar/rules
echo "Be kind." >/var/lib/ewindow-registrar/rules/v3.txt
chown -R ewindow-registrar: /var/lib/ewindow-registrar/rules
ewindow-registrar invite milano --member --rules v3 >/tmp/code 2>/tmp/invitation || fail "invite: $(cat /tmp/invitation)"
ewindow-registrar account add munich >/dev/null 2>&1 || fail "account add"
is "$(find /var/lib/ewindow-registrar ! -user ewindow-registrar)" "" "all of the registrar's state belongs to it"

# A window that is to join at its screen: here there is none, and no console. It waits for its code all the same, and may write its file.
mkdir -p /etc/systemd/system/ewindow.service.d
sed '/^StandardInput\|^TTYPath/d' /usr/share/doc/ewindow/examples/join-at-screen.conf >/etc/systemd/system/ewindow.service.d/join.conf
systemctl daemon-reload
systemctl start ewindow || fail "the window does not start to join at its screen"
is "$(property ewindow ActiveState)" active "a window without a file joins at its screen, where it is told to"
inside() { nsenter -t "$(property ewindow MainPID)" -m setpriv --reuid=ewindow --regid=ewindow --init-groups "$@"; }
inside sh -c '>/etc/ewindow/tried && rm /etc/ewindow/tried' || fail "it could not write the window's file"
systemctl stop ewindow
rm -r /etc/systemd/system/ewindow.service.d
systemctl daemon-reload

# A window, as in the README.
ewindow join -c /etc/ewindow/window.hcl --no-start --code-file /tmp/code --accept-rules v3 >/tmp/joined 2>&1 || fail "join: $(cat /tmp/joined)"
is "$(find /var/lib/ewindow /etc/ewindow/window.hcl /etc/ewindow/milano.secret ! -user ewindow)" "" "all of the window's state belongs to it"
systemctl start ewindow || fail "the window does not start"
is "$(property ewindow ActiveState)" active "the window runs, and is ready, with a partner who is not there"
online() { ewindow status --json | grep -q '"online": true'; }
eventually 30 online || fail "the window does not register"
ok "the window is registered; root may ask it"
waits() { ewindow status --json | grep -q '"partner": "munich"'; }
eventually 30 waits || fail "the window does not expect its partner: $(ewindow status)"
ok "it expects its partner, who is not there"
screen() { pgrep -u ewindow -f 'ewindow-media: screen'; }
lives() { one=$(screen) && sleep 5 && [ "$(screen)" = "$one" ]; }
eventually 10 lives || fail "the screen's process does not live"
ok "device processes run within the unit's bounds"

# Killed, and hung: the watchdog's time is made short for that.
for unit in ewindow-registrar ewindow; do
	mkdir -p "/run/systemd/system/$unit.service.d"
	printf '[Service]\nWatchdogSec=6\n' >"/run/systemd/system/$unit.service.d/short.conf"
done
systemctl daemon-reload
systemctl restart ewindow-registrar ewindow || fail "no restart"
for unit in ewindow-registrar ewindow; do
	pid=$(property $unit MainPID)
	kill -KILL "$pid"
	eventually 30 another $unit "$pid" || fail "$unit does not come back when it is killed"
	ok "$unit comes back when it is killed"
	is "$(property $unit StartLimitIntervalUSec)" 0 "$unit is started again without end"
done
pids="$(property ewindow-registrar MainPID) $(property ewindow MainPID)"
sleep 20
is "$(property ewindow-registrar MainPID) $(property ewindow MainPID)" "$pids" "who waits for a partner is left alone by the watchdog"
for unit in ewindow-registrar ewindow; do
	pid=$(property $unit MainPID)
	kill -STOP "$pid"
	eventually 60 another $unit "$pid" || fail "$unit hangs, and nobody does anything"
	ok "$unit is started again when it hangs"
done
rm -r /run/systemd/system/ewindow*.service.d
systemctl daemon-reload
eventually 30 online || fail "the window does not register again"

# An upgrade keeps what is configured and known.
known() {
	sha256sum /etc/ewindow/dialplan.hcl /etc/ewindow/window.hcl /etc/ewindow/milano.secret /etc/ewindow/registrar.env \
		/var/lib/ewindow/media.key /var/lib/ewindow-registrar/pki/ca.pem
	ewindow-registrar account list
}
before=$(known)
pid=$(property ewindow MainPID)
dpkg --force-confdef --force-confold -i /packages/ewindow-newer.deb /packages/ewindow-registrar-newer.deb >/tmp/upgrade 2>&1 || fail "upgrade: $(cat /tmp/upgrade)"
is "$(known)" "$before" "an upgrade keeps identity, accounts and configuration"
another ewindow "$pid" || fail "the upgraded window does not run"
eventually 30 online || fail "the upgraded window does not register"
ok "the upgraded window runs"
tail -1 /etc/ewindow/window.env | grep -q newer || fail "an untouched conffile is not the newer one"
ok "an untouched conffile is the newer one"

# Removed, and installed again.
dpkg -r ewindow ewindow-registrar >/tmp/remove 2>&1 || fail "remove: $(cat /tmp/remove)"
is "$(pgrep -u ewindow; pgrep -u ewindow-registrar)" "" "after remove nothing runs"
for f in /var/lib/ewindow/media.key /var/lib/ewindow-registrar/pki/ca.pem /etc/ewindow/milano.secret; do [ -s $f ] || fail "remove took $f"; done
ok "remove keeps state and configuration"
dpkg -i /packages/ewindow-newer.deb /packages/ewindow-registrar-newer.deb >/tmp/again 2>&1 || fail "again: $(cat /tmp/again)"
is "$(known)" "$before" "installed again it is the same"
eventually 30 online || fail "the window does not come back"
ok "installed again it runs, without anybody"
systemctl disable -q --now ewindow 2>/dev/null
dpkg -i /packages/ewindow-newer.deb >/tmp/again 2>&1
is "$(systemctl is-enabled ewindow || true) $(property ewindow ActiveState)" "disabled inactive" "what is switched off stays off"

# Purged.
dpkg -P ewindow ewindow-registrar >/tmp/purge 2>&1 || fail "purge: $(cat /tmp/purge)"
is "$(find / -xdev \( -path /proc -o -path /packages -o -path /tmp \) -prune -o \( -name '*ewindow*' -o -name '*.secret' \) -print | sort | xargs)" "/etc/ewindow" "purge leaves nothing but …"
is "$(ls /etc/ewindow)" "dialplan.hcl" "… the dialplan, which somebody wrote by hand"
echo passed
