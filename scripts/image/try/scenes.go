package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"ewindow/media/gst/card"
	"ewindow/scripts/stage"
)

const heading = "A new window"

// welcome is the screen of a window without a camera that waits for its code.
var welcome = card.Texts{Title: heading, Reason: "Welcome", Next: "Type the code of the invitation, and Return", Notice: "No camera\nIt looks like reg.example.org/7K3MQ-…"}

// good is what a system is to be, whichever copy of it runs.
var good = []check{
	{"the root is read-only", "findmnt -no FSTYPE,OPTIONS / | grep -c '^squashfs *ro,'", "1"},
	{"nothing can be written there", "touch /usr/x 2>&1 | grep -c 'Read-only file system'", "1"},
	{"what the window keeps is on the card", "findmnt -no SOURCE /state", "*/dev/vda4"},
	{"its directories are the window's", "stat -c %U /etc/ewindow /var/lib/ewindow | sort -u", "ewindow"},
	{"the firmware's partition is read-only", "findmnt -no OPTIONS /boot/firmware | grep -c '^ro,'", "1"},
	{"the journal is in memory", "ls /var/log/journal 2>/dev/null | wc -l", "0"},
	{"nobody can log in", "systemctl list-units '*getty*' --state=active --plain --no-legend | wc -l; awk -F: '$2 !~ /^[*!]/' /etc/shadow | wc -l; ls /usr/sbin/sshd 2>/dev/null | wc -l", "0\n0\n0"},
	{"no unit has failed", "systemctl list-units --failed --plain --no-legend", ""},
	{"time comes from the network, and is kept", "systemctl is-active systemd-timesyncd; findmnt -no TARGET -T /var/lib/systemd", "active\n/var/lib/systemd"},
	{"the window's program runs", "systemctl is-active ewindow.service", "active"},
}

func first(ctx context.Context, t *trial) error {
	if err := t.on(ctx, ""); err != nil {
		return err
	}
	if err := t.sees(ctx, "welcome", welcome); err != nil {
		return err
	}
	if err := t.checks(ctx, good); err != nil {
		return err
	}
	figures, err := t.board.Do(ctx, "systemd-analyze | head -1; systemd-analyze blame | head -5; free -m | sed -n 2p; journalctl -b -o short-monotonic -u ewindow | head -3")
	if err != nil {
		return err
	}
	t.say("%s", figures)
	id, err := t.board.Do(ctx, "cat /etc/machine-id")
	if err != nil {
		return err
	}
	if err := t.until(ctx, "the copy has come up, by its own judgement", "/usr/lib/ewindow-image/slot status", "copy a: good, runs, to be started (tries left: 5)"); err != nil {
		return err
	}
	t.off() // the power is cut
	if err := t.on(ctx, ""); err != nil {
		return err
	}
	return t.checks(ctx, []check{{"the machine is the same after its power was cut", "cat /etc/machine-id", id}})
}

// onCard writes a file onto the partition that every computer can read, or reads it.
func (t *trial) onCard(text string) error {
	from := filepath.Join(t.dir, "ewindow-join.txt")
	if err := os.WriteFile(from, []byte(text), 0o644); err != nil {
		return err
	}
	if out, err := exec.Command("mcopy", "-o", "-i", t.card()+"@@1M", from, "::ewindow-join.txt").CombinedOutput(); err != nil {
		return fmt.Errorf("write onto the card: %w: %s", err, out)
	}
	return nil
}

func byCard(ctx context.Context, t *trial) error {
	n := &stage.Network{Dir: filepath.Join(t.dir, "net"), Bin: t.bin, Host: "10.77.0.1", Dialplan: stage.Open("munich", "milano"), TLS: 5061, SIP: 5060,
		Enter: func(string) []string { return t.ns.Enter() }}
	if err := n.Write(); err != nil {
		return err
	}
	defer n.Close()
	if _, err := n.StartRegistrar(ctx); err != nil {
		return err
	}
	code, err := n.Invite("milano")
	if err != nil {
		return err
	}
	code = strings.TrimSpace(code)
	broken := "code = " + code + "\r\nwifi_name = somewhere\r\nwifi_country = Germany\r\n"
	if err := t.onCard(broken); err != nil {
		return err
	}
	if err := t.on(ctx, ""); err != nil {
		return err
	}
	if err := t.sees(ctx, "broken", card.Texts{Title: heading, Reason: "In ewindow-join.txt, line 3: a country is two letters", Next: "As DE, IT or CH", Notice: "Hold another code before the camera, or type it here"}); err != nil {
		return err
	}
	letters := code[strings.LastIndexByte(code, '/')+1:]
	if err := t.checks(ctx, []check{
		{"the journal names the line", "journalctl -b -u ewindow-card | grep -c 'ewindow-join.txt:3:'", "1"},
		{"the file is as it was", "cat /boot/firmware/ewindow-join.txt", strings.Trim(strings.ReplaceAll(broken, "\r", ""), "\n")},
		{"the code is not in the journal", "journalctl -b | grep -c " + letters + " || true", "0"},
		{"the card is ejected well", "sync", ""},
	}); err != nil {
		return err
	}
	t.off()
	if err := t.onCard("# ours\r\ncode = " + code + "\r\naccept_rules = stage\r\nwifi_name = somewhere\r\nwifi_password = sesame open\r\nwifi_country = DE\r\nmicrophone = none\r\n"); err != nil {
		return err
	}
	if err := t.on(ctx, ""); err != nil {
		return err
	}
	if err := t.until(ctx, "the window has joined by its card", "cat /etc/ewindow/window.hcl", `space       = "milano"`); err != nil {
		return err
	}
	if err := t.until(ctx, "code, and Wi-Fi, are gone from the card", "grep -cE '= *[^ ]' /boot/firmware/ewindow-join.txt; grep -E 'code|wifi_[np]' /boot/firmware/ewindow-join.txt | tr -d ' \\r\\n'", "3\ncode=wifi_name=wifi_password="); err != nil {
		return err
	}
	if err := t.until(ctx, "the registrar is reached", "ewindow status --state /var/lib/ewindow --json | tr -d \" \\n\"", `"online":true`); err != nil {
		return err
	}
	_, err = t.shoot("joined")
	return errors.Join(err, t.checks(ctx, append([]check{
		{"the Wi-Fi is the machine's", "grep -c psk /state/wifi/wpa_supplicant-wlan0.conf; stat -c %a /state/wifi/wpa_supplicant-wlan0.conf", "1\n600"},
		{"the code is not in the journal", "journalctl -b | grep -c " + letters + " || true", "0"},
	}, good...)))
}
