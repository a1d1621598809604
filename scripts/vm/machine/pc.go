package machine

import (
	"fmt"
	"strconv"
)

// A PC is hardware of this architecture: it starts a kernel from a file, and its shell is on the second serial line, ttyS1.
type PC struct {
	Kernel string // and Initrd, Disk: files; the disk is qcow2
	Initrd string
	Disk   string
	Tap    string // the other end of its network card, which is there already
	Memory int    // MB
	Clock  string // what the clock says at the start, as 2015-01-01; empty: the time
	Width  int    // of its screen
	Height int
}

// Hardware is it in QEMU's words.
func (p PC) Hardware() []string {
	// Computed, and not by KVM: under that of some hosts a stock kernel hangs.
	args := []string{"qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", strconv.Itoa(p.Memory),
		"-kernel", p.Kernel, "-initrd", p.Initrd, "-append", "root=/dev/vda rw console=ttyS0 quiet net.ifnames=0",
		"-drive", "file=" + p.Disk + ",if=virtio,format=qcow2,cache=writethrough", // what the machine has written is there after a cut
		"-vga", "none", "-device", fmt.Sprintf("virtio-gpu-pci,xres=%d,yres=%d", p.Width, p.Height),
		"-netdev", "tap,id=net,ifname=" + p.Tap + ",script=no,downscript=no", "-device", "virtio-net-pci,netdev=net",
		"-device", "isa-serial,chardev=shell,index=1", "-no-reboot"}
	if p.Clock != "" {
		args = append(args, "-rtc", "base="+p.Clock)
	}
	return args
}
