package reach

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
)

// spray is what a stranger may send to a port of a call: what looks like checks of somebody who knows the names in them but no
// password, answers to what nobody asked, DTLS, TURN, and rubbish.
func spray(t *testing.T, ours, theirs string) [][]byte {
	t.Helper()
	build := func(setters ...stun.Setter) []byte {
		m, err := stun.Build(append([]stun.Setter{stun.TransactionID}, setters...)...)
		if err != nil {
			t.Fatal(err)
		}
		return m.Raw
	}
	name, wrong := stun.NewUsername(ours+":"+theirs), stun.NewShortTermIntegrity("what might it be, then?")
	return [][]byte{
		build(stun.BindingRequest),
		build(stun.BindingRequest, stun.Fingerprint),
		build(stun.BindingRequest, name, ice.PriorityAttr(1), ice.AttrControlling(1), stun.Fingerprint),
		build(stun.BindingRequest, name, ice.PriorityAttr(1<<31-1), ice.AttrControlling(1), ice.UseCandidate(), wrong, stun.Fingerprint),
		build(stun.BindingRequest, name, ice.AttrControlled(1<<63), ice.UseCandidate(), wrong, stun.Fingerprint),
		build(stun.BindingSuccess, &stun.XORMappedAddress{IP: net.IP{203, 0, 113, 9}, Port: 9}, wrong, stun.Fingerprint),
		build(stun.BindingError, stun.CodeRoleConflict, wrong, stun.Fingerprint),
		build(stun.NewType(stun.MethodBinding, stun.ClassIndication)),
		build(stun.NewType(stun.MethodAllocate, stun.ClassRequest)),
		build(stun.NewType(stun.MethodData, stun.ClassIndication), stun.RawAttribute{Type: stun.AttrData, Value: []byte("\x80x")}),
		append([]byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 1}, make([]byte, 99)...), // a ClientHello
		{0x40, 0x00, 0x00, 0x04, 'x', 'x', 'x', 'x'},
		{}, {0}, {1, 1}, bytes.Repeat([]byte{0}, 20), bytes.Repeat([]byte{3}, 1500),
		append(bytes.Repeat([]byte{0}, 4), 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
	}
}

// Whoever sprays all of that onto a call's ports gets no answer, and the call neither moves nor doubts its way.
func TestSpray(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := met(t, func() { t.Error("the way is doubted") }, func(_, _ netip.AddrPort, _ []byte) bool { return true })
		before, path := *a.video.target.Load(), a.Path()
		socket, err := a.world.middle.ListenPacket("udp4", server+":9999")
		if err != nil {
			t.Fatal(err)
		}
		answered := make(chan []byte, 100)
		go func() {
			buf := make([]byte, 2000)
			for {
				n, _, err := socket.ReadFrom(buf)
				if err != nil {
					close(answered)
					return
				}
				answered <- bytes.Clone(buf[:n])
			}
		}()
		_, audio, video := a.Places()
		_, _, theirs := b.Places()
		for range 20 {
			for _, b := range spray(t, video.ICE.Fragment, theirs.ICE.Fragment) {
				for _, port := range []uint16{audio.RTP, video.RTP} {
					_, _ = socket.WriteTo(b, &net.UDPAddr{IP: net.ParseIP(first), Port: int(port)})
				}
			}
			talk(a, b, 200*time.Millisecond)
		}
		speak(t, b, a, "still")
		speak(t, a, b, "there")
		socket.Close()
		for b := range answered {
			t.Errorf("the stranger was answered %x", b)
		}
		if now := a.video.target.Load(); now.to != before.to || now.by != before.by || a.Path() != path {
			t.Errorf("moved from %v to %v, %s", before.to, now.to, a.Path())
		}
		a.mu.Lock()
		handed := slices.ContainsFunc(a.came[Video], func(word string) bool { return strings.HasPrefix(word, "\x16") })
		a.mu.Unlock()
		if !handed {
			t.Error("DTLS was not handed on: it is for whoever has the keys to judge")
		}
		hangUp(a, b)
	})
}
