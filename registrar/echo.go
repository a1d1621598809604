package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"ewindow/registrar/echo"
	"ewindow/registrar/relay"
)

// echo makes the end at which callers hear themselves; nil if it is switched off.
func (c *serveCmd) echo() (*echo.Echo, error) {
	if c.EchoPorts == "" {
		return nil, nil
	}
	low, high, ok := strings.Cut(c.EchoPorts, "-")
	first, err1 := strconv.ParseUint(low, 10, 16)
	last, err2 := strconv.ParseUint(high, 10, 16)
	if !ok || errors.Join(err1, err2) != nil || first == 0 || first%2 == 1 || last < first+3 {
		return nil, fmt.Errorf("--echo-ports %s: write two ports, four apart at least and an even one first, such as 26000-26031", c.EchoPorts)
	}
	return echo.New(echo.Config{Listen: func(at netip.Addr) (net.PacketConn, net.PacketConn, error) {
		return listenPair(at, uint16(first), uint16(last))
	}}), nil
}

// listenPair opens the first pair of free ports: an even one for RTP and the next for RTCP (RFC 3550 §11).
func listenPair(at netip.Addr, first, last uint16) (rtp, rtcp net.PacketConn, err error) {
	host := ""
	if at.IsValid() {
		host = at.String()
	}
	open := func(port int) (net.PacketConn, error) {
		return relay.OpenSocket(host, port)
	}
	for port := int(first); port < int(last); port += 2 {
		if rtp, err = open(port); err != nil {
			continue
		}
		if rtcp, err = open(port + 1); err == nil {
			return rtp, rtcp, nil
		}
		_ = rtp.Close()
	}
	return nil, nil, fmt.Errorf("no pair of ports is free from %d to %d: %w", first, last, err)
}
