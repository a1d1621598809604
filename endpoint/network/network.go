// Package network tells when this machine's addresses change: a cable is pulled, Wi-Fi takes over, DHCP gives another one.
package network

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// settling is how long the kernel is left to tell all of a change: one address goes, another comes.
const settling = 50 * time.Millisecond

// Has says whether an address is one of this machine's. When it cannot be found out it says so: nothing is given up for that.
func Has(addr netip.Addr) bool {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Unmap() == addr.Unmap() {
			return true
		}
	}
	return false
}

// Towards is the address of this machine from which packets to another address leave. Nothing is sent to find it out.
func Towards(to netip.Addr) (netip.Addr, error) {
	const discard = 9 // any port will do
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, discard)))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("no way to %s from this machine: %w", to, err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}

// Watch calls changed after each change of addresses (rtnetlink(7)) until ctx ends. An error means that this machine does not tell.
func Watch(ctx context.Context, changed func()) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("watch the machine's addresses: %w", err)
	}
	defer unix.Close(fd)
	err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR})
	if err != nil {
		return fmt.Errorf("watch the machine's addresses: %w", err)
	}
	wake := [2]int{}
	if err := unix.Pipe2(wake[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("watch the machine's addresses: %w", err)
	}
	defer unix.Close(wake[0])
	stop := context.AfterFunc(ctx, func() { unix.Close(wake[1]) })
	defer func() {
		if stop() {
			unix.Close(wake[1])
		}
	}()
	buf := make([]byte, 1<<16)
	for {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(wake[0]), Events: unix.POLLIN}}
		if _, err := unix.Poll(poll, -1); err != nil && err != unix.EINTR {
			return fmt.Errorf("watch the machine's addresses: %w", err)
		}
		if ctx.Err() != nil {
			return nil
		}
		if poll[0].Revents == 0 {
			continue
		}
		time.Sleep(settling)
		for { // what it says exactly is nobody's concern; a queue that ran over says the same (ENOBUFS)
			if _, _, err := unix.Recvfrom(fd, buf, unix.MSG_DONTWAIT); err == unix.EAGAIN {
				break
			}
		}
		changed()
	}
}
