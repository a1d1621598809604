package media

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"ewindow/media/udp"
)

// nowhere is a socket that swallows everything; with a sink it keeps what is sent.
type nowhere struct {
	net.PacketConn
	sink *[][]byte
}

func (n nowhere) WriteTo(b []byte, _ net.Addr) (int, error) {
	if n.sink != nil {
		*n.sink = append(*n.sink, append([]byte(nil), b...))
	}
	return len(b), nil
}
func (n nowhere) LocalAddr() net.Addr { return &net.UDPAddr{} }

// BenchmarkSend cuts, numbers and encrypts pictures of 8 packets.
func BenchmarkSend(b *testing.B) {
	s, _ := bench(b, true)
	au := newFakeEncoder()
	au.next() // the keyframe, which would be paced
	picture := au.next()
	v := s.sendVideo
	timer := time.NewTimer(time.Hour)
	picture.Captured = time.Now()
	b.ReportAllocs()
	for b.Loop() {
		v.pacer.last = time.Time{}
		picture.Captured = picture.Captured.Add(time.Second / 30)
		if !v.send(context.Background(), timer, picture) {
			b.Fatal("not sent")
		}
	}
	report(b, float64(s.video.t.sentPackets.Load()))
}

// BenchmarkReceive authenticates packets and makes pictures of them.
func BenchmarkReceive(b *testing.B) {
	s, r := bench(b, true)
	sender, _ := bench(b, true)
	_, other := descriptions(&end{address: hostA}, &end{address: hostB})
	var wire [][]byte
	sender.video.way.(*direct).conns[0] = udp.New(nowhere{sink: &wire})
	if err := sender.Update(other); err != nil {
		b.Fatal(err)
	}
	enc, timer := newFakeEncoder(), time.NewTimer(time.Hour)
	in := arrived(s.video, nil, netip.AddrPortFrom(hostB, 4002), false, time.Time{})
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		wire = wire[:0]
		for range 100 {
			sender.sendVideo.pacer.last = time.Time{}
			sender.sendVideo.send(context.Background(), timer, enc.next())
		}
		b.StartTimer()
		now := time.Now()
		for _, p := range wire {
			in.Data, in.at, in.Came = p, now, now
			s.video.datagram(in)
			s.video.tick(now)
		}
	}
	if r.pictures < 100*b.N {
		b.Fatalf("%d pictures came of %d", r.pictures, 100*b.N)
	}
	report(b, float64(s.video.counters.packets.Load()))
}

func report(b *testing.B, packets float64) {
	b.ReportMetric(packets/b.Elapsed().Seconds(), "packets/s")
	b.ReportMetric(b.Elapsed().Seconds()*1e9/packets, "ns/packet")
}

// BenchmarkLoopback is all of it over real sockets: the time from SendVideo to Receiver.Video, one picture at a time.
func BenchmarkLoopback(b *testing.B) {
	addr := netip.MustParseAddr("127.0.0.1")
	var ends [2]*Session
	var sockets [2]*Sockets
	got := make(chan struct{}, 1)
	for i := range ends {
		var err error
		if sockets[i], err = Listen(addr); err != nil {
			b.Fatal(err)
		}
		defer sockets[i].Close()
		da, db := descriptions(&end{address: addr}, &end{address: addr})
		if i == 1 {
			da = db
		}
		if ends[i], err = NewSession(Config{Description: da, Ways: sockets[i].Ways(), Receiver: signal(got)}); err != nil {
			b.Fatal(err)
		}
	}
	for i, s := range ends {
		other := sockets[1-i]
		d := s.desc
		audio, video := *d.Audio, *d.Video
		audio.RTP, video.RTP = netip.AddrPortFrom(addr, Port(other.AudioRTP)), netip.AddrPortFrom(addr, Port(other.VideoRTP))
		d.Audio, d.Video = &audio, &video
		if err := s.Update(d); err != nil {
			b.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	for _, s := range ends {
		go func() { done <- s.Run(ctx) }()
	}
	for !ends[0].running.Load() || !ends[1].running.Load() {
	}
	enc := newFakeEncoder()
	b.ReportAllocs()
	for b.Loop() {
		ends[0].SendVideo(enc.next())
		<-got
	}
	cancel()
	for range ends {
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
}

type signal chan struct{}

func (s signal) Video(AccessUnit)   { s <- struct{}{} }
func (s signal) Audio(AudioFrame)   {}
func (s signal) KeyframeRequested() {}
