package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// denyNetwork installs a seccomp filter on all threads of this process, and so on all it will ever start: sockets of
// AF_UNIX (X11, Wayland, PulseAudio) and AF_NETLINK (udev) may be opened, all others get EACCES, so do io_uring, which
// could open them unseen, and every call in the manner of another architecture.
//
// A codec that is tricked by a crafted access unit can then not call home.
func denyNetwork() error {
	arch, ok := map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64,
		"arm": unix.AUDIT_ARCH_ARM, "riscv64": unix.AUDIT_ARCH_RISCV64}[runtime.GOARCH]
	if !ok {
		return fmt.Errorf("no seccomp filter is known for %s: run on amd64, arm64, arm or riscv64", runtime.GOARCH)
	}
	// Offsets are those of struct seccomp_data on a little-endian machine: number, architecture, …, arguments.
	const number, architecture, argument0, argument0High = 0, 4, 16, 20
	const load, equal, atLeast, ret = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K,
		unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	const deny, allow = 12, 11 // lines below
	jump := func(line int, code uint16, k uint32, yes, no int) unix.SockFilter {
		return unix.SockFilter{Code: code, K: k, Jt: uint8(yes - line - 1), Jf: uint8(no - line - 1)}
	}
	filter := []unix.SockFilter{
		{Code: load, K: architecture},
		jump(1, equal, arch, 2, deny),
		2:     {Code: load, K: number},
		3:     jump(3, atLeast, 0x40000000, deny, 4), // x32 on amd64; no number is that high elsewhere
		4:     jump(4, equal, unix.SYS_IO_URING_SETUP, deny, 5),
		5:     jump(5, equal, unix.SYS_SOCKET, 6, allow),
		6:     {Code: load, K: argument0High}, // the kernel ignores it: no honest program sets it
		7:     jump(7, equal, 0, 8, deny),
		8:     {Code: load, K: argument0},
		9:     jump(9, equal, unix.AF_UNIX, allow, 10),
		10:    jump(10, equal, unix.AF_NETLINK, allow, deny),
		allow: {Code: ret, K: unix.SECCOMP_RET_ALLOW},
		deny:  {Code: ret, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EACCES)},
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	r, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return fmt.Errorf("deny network sockets with seccomp: %w; the kernel needs CONFIG_SECCOMP_FILTER", errno)
	}
	if r != 0 {
		return fmt.Errorf("deny network sockets with seccomp: thread %d has another filter", r)
	}
	return nil
}

// seccompTest tries what the filter must deny and allow, and says how each went.
func seccompTest(w io.Writer) int {
	status := 0
	for _, c := range []struct {
		name   string
		family int
		denied bool
	}{
		{"AF_INET", unix.AF_INET, true}, {"AF_INET6", unix.AF_INET6, true}, {"AF_PACKET", unix.AF_PACKET, true},
		{"AF_UNIX", unix.AF_UNIX, false}, {"AF_NETLINK", unix.AF_NETLINK, false},
	} {
		fd, err := unix.Socket(c.family, unix.SOCK_DGRAM, 0)
		if err == nil {
			_ = unix.Close(fd)
		}
		if errors.Is(err, unix.EACCES) != c.denied {
			status = 1
		}
		fmt.Fprintf(w, "%s: %v\n", c.name, err)
	}
	return status
}
