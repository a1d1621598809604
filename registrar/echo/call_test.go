package echo_test

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media"
	"ewindow/media/negotiate"
	"ewindow/registrar/echo"
	"ewindow/scripts/lab/memnet"
)

// hearer counts what comes back.
type hearer struct {
	pictures, frames, keys atomic.Int64
	asked                  atomic.Bool
}

func (h *hearer) Video(au media.AccessUnit) {
	if h.pictures.Add(1); au.Key {
		h.keys.Add(1)
	}
}

func (h *hearer) Audio(f media.AudioFrame) {
	if !f.Lost {
		h.frames.Add(1)
	}
}

func (h *hearer) KeyframeRequested() { h.asked.Store(true) }

// A window that calls the echo sees and hears itself: by answer and by offer, with keys and without.
func TestASessionHearsItself(t *testing.T) {
	for name, test := range map[string]struct {
		policy negotiate.Policy
		late   bool
	}{
		"keys": {negotiate.SDES, false}, "plain": {negotiate.None, false},
		"keys, its own offer": {negotiate.SDES, true}, "plain, its own offer": {negotiate.None, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { hearsItself(t, test.policy, test.late) })
		})
	}
}

func hearsItself(t *testing.T, policy negotiate.Policy, late bool) {
	n := memnet.New(1)
	n.Default(memnet.Conditions{Latency: 10 * time.Millisecond})
	here, there := netip.MustParseAddr("10.0.1.1"), netip.MustParseAddr("10.0.0.1")
	listen := func(at netip.Addr, port uint16) net.PacketConn {
		c, err := n.ListenPacket(netip.AddrPortFrom(at, port).String())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	next := uint16(20000)
	e := echo.New(echo.Config{Listen: func(at netip.Addr) (rtp, rtcp net.PacketConn, err error) {
		rtp, rtcp = listen(at, next), listen(at, next+1)
		next += 2
		return rtp, rtcp, nil
	}})
	sockets := &media.Sockets{AudioRTP: listen(here, 4000), AudioRTCP: listen(here, 4001), VideoRTP: listen(here, 4002), VideoRTCP: listen(here, 4003)}
	defer sockets.Close()
	sdp, err := negotiate.NewSession(negotiate.Local{Address: here, AudioRTP: 4000, AudioRTCP: 4001, VideoRTP: 4002, VideoRTCP: 4003,
		SessionID: 1, Width: 1280, Height: 720, FPS: 30, MaxKbps: 2000, NACK: true}, policy)
	if err != nil {
		t.Fatal(err)
	}
	call, agreed := agree(t, e, sdp, echo.Caller{Peer: here, Local: there, Plain: policy == negotiate.None}, late)
	h := &hearer{}
	session, err := media.NewSession(media.Config{Description: agreed, Ways: sockets.Ways(), CNAME: "window", Receiver: h})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { call.Run(ctx); done <- nil }()
	go func() { done <- session.Run(ctx) }()
	synctest.Wait()
	opus := append([]byte{15 << 3}, make([]byte, 60)...) // one frame of 20 ms
	for i := range 150 {
		au := media.AccessUnit{Captured: time.Now(), Key: i == 0 || h.asked.Swap(false)}
		if au.Key {
			au.Data = append(au.Data, 0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01, 0x40, 0x16, 0xe8, 0x48) // 1280x720
			au.Data = append(au.Data, 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80, 0, 0, 0, 1, 0x65, 0x88, 0x84)
		} else {
			au.Data = append(au.Data, 0, 0, 0, 1, 0x41, 0x88, 0x84)
		}
		au.Data = append(au.Data, bytes.Repeat([]byte{0x9a}, 3000)...)
		session.SendVideo(au)
		session.SendAudio(media.AudioFrame{Data: opus, Captured: time.Now()})
		time.Sleep(20 * time.Millisecond)
	}
	time.Sleep(200 * time.Millisecond)
	if p, f := h.pictures.Load(), h.frames.Load(); p < 149 || f < 149 || h.keys.Load() == 0 {
		t.Errorf("%d pictures and %d frames of sound came back, of 150: %+v", p, f, session.Stats())
	}
	cancel()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// agree lets a session and the echo agree, either by the session's offer or by the echo's.
func agree(t *testing.T, e *echo.Echo, sdp *negotiate.Session, c echo.Caller, late bool) (*echo.Session, negotiate.Description) {
	t.Helper()
	if !late {
		offer, err := sdp.Offer()
		if err != nil {
			t.Fatal(err)
		}
		call, answer, err := e.Answer(offer, c)
		if err != nil {
			t.Fatal(err)
		}
		d, err := sdp.Accept(answer)
		if err != nil {
			t.Fatal(err)
		}
		return call, d
	}
	call, offer, err := e.Offer(c)
	if err != nil {
		t.Fatal(err)
	}
	answer, d, err := sdp.Answer(offer)
	if err != nil {
		t.Fatal(err)
	}
	if err := call.Accept(answer); err != nil {
		t.Fatal(err)
	}
	return call, d
}
