package relay

import (
	"errors"
	"net"
	"syscall"
	"testing"
)

// An allocation sends to one machine at a time, whatever network the registrar stands in.
func TestNoBroadcast(t *testing.T) {
	everybody := &net.UDPAddr{IP: net.IPv4(127, 255, 255, 255), Port: 9}
	usual, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer usual.Close()
	if _, err := usual.WriteTo([]byte("x"), everybody); err != nil {
		t.Skipf("this machine sends to no broadcast address: %v", err)
	}
	socket, err := OpenSocket("127.0.0.1", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	if _, err := socket.WriteTo([]byte("x"), everybody); !errors.Is(err, syscall.EACCES) {
		t.Errorf("sent to a broadcast address: %v", err)
	}
	if _, err := socket.WriteTo([]byte("x"), usual.LocalAddr()); err != nil {
		t.Errorf("to one machine: %v", err)
	}
}
