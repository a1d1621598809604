// Package board is a computer of arm64 in which a window's card is tried: QEMU's, started by U-Boot from the card as a Raspberry Pi is. The card itself is not
// changed for it: the shell by which somebody looks around comes as a credential of systemd's, which a Pi has no way for.
package board

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"ewindow/scripts/vm/machine"
)

// Config is what a board is made of.
type Config struct {
	Dir   string   // for its sockets and logs
	UBoot string   // QEMU's, a file
	Card  string   // the image of the card, which is written to
	Stick string   // another disk, read-only; empty for none
	Enter []string // the command by which QEMU runs where its network card's other end, tap0, is; empty for no network
	IP    string   // its address there, as 10.77.0.2/24
}

// shell is the unit that a board has beside those of its card.
const shell = `[Unit]
Description=A shell for tests
[Service]
ExecStart=/bin/sh -c "stty raw -echo; exec /bin/sh"
StandardInput=tty
StandardOutput=tty
StandardError=tty
TTYPath=/dev/hvc0
Restart=always
RestartSec=1
`

// Start switches a board on.
func Start(ctx context.Context, cfg Config) (*machine.Machine, error) {
	at := func(name string) string { return filepath.Join(cfg.Dir, name) }
	wants := "[Unit]\nWants=a.service\n"
	if err := errors.Join(os.MkdirAll(cfg.Dir, 0o755), os.WriteFile(at("shell.service"), []byte(shell), 0o644), os.WriteFile(at("wants"), []byte(wants), 0o644),
		os.WriteFile(at("network"), []byte("[Match]\nName=eth0\n[Network]\nAddress="+cfg.IP+"\n"), 0o644)); err != nil {
		return nil, err
	}
	// A name of fw_cfg has 55 letters at most: the shell is called "a", and pulled in by what has a name as short, the root.
	const credentials = "name=opt/io.systemd.credentials/"
	hardware := []string{"qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a53", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "1024", "-bios", cfg.UBoot,
		"-drive", "file=" + cfg.Card + ",if=none,id=card,format=raw,cache=writethrough", "-device", "virtio-blk-pci,drive=card,bootindex=0",
		"-device", "virtio-gpu-pci,xres=640,yres=360",
		"-device", "virtio-serial-pci", "-device", "virtconsole,chardev=shell",
		"-fw_cfg", credentials + "systemd.extra-unit.a.service,file=" + at("shell.service"),
		"-fw_cfg", credentials + "systemd.unit-dropin.-.mount,file=" + at("wants")}
	if cfg.Stick != "" {
		hardware = append(hardware, "-drive", "file="+cfg.Stick+",if=none,id=stick,format=raw,readonly=on", "-device", "virtio-blk-pci,drive=stick,serial=stick")
	}
	if len(cfg.Enter) > 0 {
		hardware = append(hardware, "-fw_cfg", credentials+"network.network.10-try,file="+at("network"),
			"-netdev", "tap,id=net,ifname=tap0,script=no,downscript=no", "-device", "virtio-net-pci,netdev=net")
	} else {
		hardware = append(hardware, "-nic", "none")
	}
	return machine.Start(ctx, machine.Config{Dir: cfg.Dir, Hardware: hardware, Enter: cfg.Enter})
}
