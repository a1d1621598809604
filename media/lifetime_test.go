package media

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media/negotiate"
)

func TestSocketClosedUnderTheSessionEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := call(t, perfect())
		talk(time.Second, a, b)
		_ = a.taps[2].Close()
		err := <-a.done
		if !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "read video socket 10.0.0.1:4002") {
			t.Errorf("Run: %v", err)
		}
		a.cancel()
		hangUp(b)
		for _, c := range a.taps {
			_ = c.Close()
		}
	})
}

func TestSocketsServeTheNextSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := call(t, perfect())
		for range 3 {
			talk(time.Second, a, b)
			for _, e := range []*end{a, b} {
				e.cancel()
				if err := <-e.done; err != nil {
					t.Fatal(err)
				}
				e.enc.forceKey()
				e.begin()
			}
			before, _, _ := b.rec.counts()
			talk(time.Second, a, b)
			settle(50 * time.Millisecond)
			if after, _, _ := b.rec.counts(); after-before < 28 {
				t.Errorf("%d pictures in the second session", after-before)
			}
		}
		hangUp(a, b)
	})
}

func TestSendingWhileNothingRunsDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := perfect()
		a, b := newEnd(t, n, hostA), newEnd(t, n, hostB)
		a.desc, b.desc = descriptions(a, b)
		s, err := NewSession(Config{Description: a.desc, Receiver: a.rec, Ways: (&Sockets{AudioRTP: a.taps[0], VideoRTP: a.taps[2]}).Ways()})
		if err != nil {
			t.Fatal(err)
		}
		s.SendVideo(a.enc.next())
		s.SendAudio(AudioFrame{Data: opus20(1)})
		if p := s.Stats(); p.Video.Sent.Packets+p.Audio.Sent.Packets != 0 {
			t.Errorf("sent %+v", p)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
		hangUp()
		for _, e := range []*end{a, b} {
			for _, c := range e.taps {
				_ = c.Close()
			}
		}
	})
}

func TestWhatIsAskedOfASession(t *testing.T) {
	good := func() negotiate.Description {
		a, _ := descriptions(&end{address: hostA}, &end{address: hostB})
		return a
	}
	rec := &recorder{t: t}
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	full := (&Sockets{AudioRTP: c, VideoRTP: c}).Ways()
	for name, x := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"no way":          {func(c *Config) { c.Ways = Ways{} }, "no way for sound; open sockets with media.Listen"},
		"no receiver":     {func(c *Config) { c.Receiver = nil }, "no receiver"},
		"long CNAME":      {func(c *Config) { c.CNAME = strings.Repeat("x", 256) }, "CNAME of 256 bytes"},
		"no video way":    {func(c *Config) { c.Ways = Ways{Audio: full.Audio} }, "there is no way for it"},
		"plain with keys": {func(c *Config) { c.Description.Video.Plain = true }, "video: keys for a stream that is to go without"},
		"short key":       {func(c *Config) { c.Description.Video.Send.Key = nil }, "video we send: SRTP keys for AEAD_AES_128_GCM"},
		"unknown suite":   {func(c *Config) { c.Description.Audio.Receive.Suite = "ROT13" }, `audio we receive: SRTP suite "ROT13" is not one of ours`},
		"half protected":  {func(c *Config) { c.Description.Audio.Receive = nil }, "audio: keys for one direction only"},
		"audio in video":  {func(c *Config) { c.Description.Video.Codec = negotiate.Opus }, `video: codec "opus" does not belong here`},
		"unknown codec":   {func(c *Config) { c.Description.Audio.Codec = "GSM" }, `audio: codec "GSM" is not one of ours`},
		"clock rate 0":    {func(c *Config) { c.Description.Audio.ClockRate = 0 }, "audio: clock rate 0"},
		"clock rate":      {func(c *Config) { c.Description.Video.ClockRate = 8000 }, "video: clock rate 8000, H.264 has 90000"},
		"payload type":    {func(c *Config) { c.Description.Video.SendType = 128 }, "payload types 128 and 96, at most 127"},
		"mode 2":          {func(c *Config) { c.Description.Video.Mode = 2 }, "packetization-mode 2"},
	} {
		cfg := Config{Description: good(), Ways: full, Receiver: rec}
		x.change(&cfg)
		if _, err := NewSession(cfg); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: error %v, want %q", name, err, x.want)
		}
	}
	s, err := NewSession(Config{Description: good(), Ways: full, Receiver: rec})
	if err != nil {
		t.Fatal(err)
	}
	bad := good()
	bad.Audio.Direction = negotiate.Inactive
	bad.Video.Mode = 2
	if err := s.Update(bad); err == nil || s.audio.t.d.Direction != negotiate.SendRecv {
		t.Errorf("a bad update gave %v and changed the audio to %s", err, s.audio.t.d.Direction)
	}
}

func TestListenTakesPairs(t *testing.T) {
	s, err := Listen(netip.MustParseAddr("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range [][2]net.PacketConn{{s.AudioRTP, s.AudioRTCP}, {s.VideoRTP, s.VideoRTCP}} {
		if rtp, rtcp := Port(pair[0]), Port(pair[1]); rtp == 0 || rtp%2 != 0 || rtcp != rtp+1 {
			t.Errorf("ports %d and %d", rtp, rtcp)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Listen(netip.MustParseAddr("192.0.2.1")); err == nil || !strings.Contains(err.Error(), "check that the address is this machine's") {
		t.Errorf("an address of somebody else: %v", err)
	}
	if Port(nil) != 0 {
		t.Error("nothing has a port")
	}
}

func TestReportIntervals(t *testing.T) {
	for range 1000 {
		if d := reportInterval(true); d < 400*time.Millisecond || d > 1300*time.Millisecond {
			t.Fatal(d)
		}
		if d := reportInterval(false); d < time.Second || d > 3200*time.Millisecond {
			t.Fatal(d)
		}
	}
}
