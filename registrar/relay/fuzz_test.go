package relay

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"ewindow/registrar/block"
	"ewindow/scripts/lab/memnet"
)

// Whatever a client sends, before and after it has an allocation, over UDP and TCP: the registrar's process lives, and the
// next one is served.
func FuzzFrames(f *testing.F) {
	f.Add(stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw, false)
	f.Add(channelData(0x4000, "hello"), true)
	for _, method := range []stun.Method{stun.MethodAllocate, stun.MethodRefresh, stun.MethodCreatePermission, stun.MethodChannelBind, stun.MethodSend, stun.MethodConnect, stun.MethodConnectionBind} {
		for _, class := range []stun.MessageClass{stun.ClassRequest, stun.ClassIndication} {
			f.Add(stun.MustBuild(stun.TransactionID, stun.NewType(method, class), transport(17), channelNumber(0x4001), toPeer("8.8.8.8:9"),
				stun.RawAttribute{Type: stun.AttrData, Value: []byte("x")}, stun.RawAttribute{Type: stun.AttrLifetime, Value: make([]byte, 4)},
				stun.RawAttribute{Type: stun.AttrRequestedAddressFamily, Value: []byte{1, 0, 0, 0}}, stun.RawAttribute{Type: stun.AttrEvenPort, Value: []byte{0x80}}).Raw, true)
		}
	}
	l := &lab{t: nil, net: memnet.New(1), accounts: map[string]string{"milano": "1"}}
	var once sync.Once
	var c *turner
	f.Fuzz(func(t *testing.T, b []byte, sign bool) {
		l.t = t
		once.Do(func() {
			l.serve(func(c *Config) { c.Limits = Limits{Each: 1000} })
			l.server.houses, l.server.blocks = block.NewBudgets(1e9, 1e9), block.NewBudgets(1e9, 1e9)
		})
		if c == nil {
			p, err := l.net.ListenPacket("198.51.100.7:0")
			if err != nil {
				t.Fatal(err)
			}
			c = l.as("milano", &turner{l: l, packets: p})
		}
		c.ask(stun.MethodAllocate, transport(17)) // the one before may have ended it
		frames := [][]byte{b}
		if m := (&stun.Message{Raw: b}); sign && m.Decode() == nil { // as if by somebody who has credentials
			attributes := []stun.Setter{stun.NewTransactionIDSetter(m.TransactionID), m.Type}
			for _, a := range m.Attributes {
				attributes = append(attributes, a)
			}
			attributes = append(attributes, stun.NewUsername(c.name), stun.NewRealm(c.realm), stun.NewNonce(c.nonce), c.key())
			if signed, err := stun.Build(attributes...); err == nil {
				frames = append(frames, signed.Raw)
			}
		}
		for _, frame := range frames {
			c.send(frame)
		}
		if conn, err := l.net.Dial(t.Context(), netip.MustParseAddr("198.51.100.9"), serverAt); err == nil {
			_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
			for _, frame := range frames {
				_, _ = conn.Write(frame)
			}
			_ = conn.Close()
		}
		if c.once(stun.MethodBinding) == nil {
			t.Fatal("no answer any more")
		}
	})
}
