package media

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"ewindow/media/negotiate"
)

// Over the kernel's sockets, IPv4, IPv6 and an IPv6 socket that serves both.
func TestOverRealSockets(t *testing.T) {
	for listen, dial := range map[string]string{"127.0.0.1": "127.0.0.1", "::1": "::1", "::": "127.0.0.1"} {
		t.Run(listen, func(t *testing.T) {
			var ends [2]*Session
			var sockets [2]*Sockets
			got := make(chan struct{}, 1000)
			for i := range sockets {
				var err error
				if sockets[i], err = Listen(netip.MustParseAddr(listen)); err != nil {
					t.Skipf("this machine has no such address: %v", err)
				}
				defer sockets[i].Close()
			}
			to := netip.MustParseAddr(dial)
			da, db := descriptions(&end{address: to}, &end{address: to})
			for i, d := range []*negotiate.Description{&da, &db} {
				other := sockets[1-i]
				d.Audio.RTP, d.Video.RTP = netip.AddrPortFrom(to, Port(other.AudioRTP)), netip.AddrPortFrom(to, Port(other.VideoRTP))
				var err error
				if ends[i], err = NewSession(Config{Description: *d, Ways: sockets[i].Ways(), Receiver: signal(got)}); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			done := make(chan error, 2)
			for _, s := range ends {
				go func() { done <- s.Run(ctx) }()
			}
			enc, ticker := newFakeEncoder(), time.NewTicker(5*time.Millisecond)
			defer ticker.Stop()
			for n := 0; n < 10; {
				select {
				case <-ctx.Done():
					t.Fatalf("%d pictures came in 10 s: %+v", n, ends[1].Stats())
				case <-ticker.C:
					enc.forceKey()
					ends[0].SendVideo(enc.next())
				case <-got:
					n++
				}
			}
			cancel()
			for range ends {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			if s := ends[1].Stats(); s.AuthFailures+s.Garbage != 0 || s.LastReceived.IsZero() {
				t.Errorf("%+v", s)
			}
		})
	}
}
