package media

import (
	"bytes"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"ewindow/media/negotiate"
)

// deaf is a Receiver and a socket that take everything and do nothing.
type deaf struct {
	pictures, frames int
	bytes            int
}

func (d *deaf) Video(au AccessUnit) { d.pictures++; d.bytes += len(au.Data) }
func (d *deaf) Audio(AudioFrame)    { d.frames++ }
func (d *deaf) KeyframeRequested()  {}

// bench makes a session that does not run, over sockets that lead nowhere.
func bench(t testing.TB, keys bool) (*Session, *deaf) {
	t.Helper()
	d, r := descriptionsOf(keys), &deaf{}
	d.Audio.SendRED, d.Audio.ReceiveRED = 63, 63
	d.Video.NACK, d.Video.Repair = true, negotiate.Repair{Type: 97, SSRC: 6}
	d.Video.ReceiveFEC, d.Video.CCFB = 98, true
	s, err := NewSession(Config{Description: d, Receiver: r, Log: slog.New(slog.DiscardHandler), Ways: (&Sockets{
		AudioRTP: nowhere{}, AudioRTCP: nowhere{}, VideoRTP: nowhere{}, VideoRTCP: nowhere{},
	}).Ways()})
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range s.streams() {
		st.take()
	}
	return s, r
}

// arrived is a datagram as a stream's way would have handed it over.
func arrived(st *stream, b []byte, from netip.AddrPort, control bool, at time.Time) *arrival {
	return &arrival{Datagram: Datagram{Data: b, Control: control, From: &place{st.way.(*direct), from, control}, Came: at}, at: at}
}

func descriptionsOf(keys bool) negotiate.Description {
	a, b := descriptions(&end{address: hostA}, &end{address: hostB})
	if !keys {
		plain(&a, &b)
	}
	return a
}

// FuzzDatagrams gives a session without keys, which believes every packet, whatever the fuzzer thinks of.
func FuzzDatagrams(f *testing.F) {
	header := rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: 7, Timestamp: 9, SSRC: 5, Marker: true}
	h, _ := header.Marshal()
	f.Add(append(bytes.Clone(h), 0x65, 1, 2, 3), append(bytes.Clone(h), 0x7c, 0x85, 3), false)
	sr, _ := rtcp.Marshal([]rtcp.Packet{&rtcp.SenderReport{SSRC: 5, Reports: []rtcp.ReceptionReport{{SSRC: 1}}},
		rtcp.NewCNAMESourceDescription(5, "x"), &rtcp.PictureLossIndication{MediaSSRC: 5}, &rtcp.Goodbye{Sources: []uint32{5}}})
	f.Add(sr, append(bytes.Clone(h), 0x78, 0, 1, 0x67), true)
	nack, _ := rtcp.Marshal([]rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: 1, Nacks: []rtcp.NackPair{{PacketID: 7, LostPackets: 0xffff}}}})
	h[1], h[11] = 97, 6
	f.Add(nack, append(h, 0, 7, 0x65, 1, 2, 3), false)
	arrivals, _ := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 5}, &rtcp.CCFeedbackReport{SenderSSRC: 5, ReportBlocks: []rtcp.CCFeedbackReportBlock{
		{MediaSSRC: 1, BeginSequence: 65535, MetricBlocks: []rtcp.CCFeedbackMetricBlock{{Received: true, ArrivalTimeOffset: 7}, {}}}}}})
	f.Add(arrivals, append(bytes.Clone(h), 0x65, 1, 2, 3), true)
	f.Add([]byte{0xbf, 0xff, 0, 0}, []byte{0xb0, 96, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0xff, 0xff, 0x10}, true)
	copied := append(bytes.Clone(h), "\xef\x0f\x00\x02\x6f\x78\x01\x78\x02"...)
	copied[1] = 63
	f.Add(copied, append(bytes.Clone(copied[:rtpHeader]), 0xef, 0x0f, 0xff, 0xff, 0x6f), false)
	from := netip.AddrPortFrom(hostB, 4002)
	f.Fuzz(func(t *testing.T, a, b []byte, rtcpSocket bool) {
		s, r := bench(t, false)
		now := time.Now()
		for i := range 40 {
			d := a
			if i%2 == 1 {
				d = b
			}
			for _, st := range s.streams() {
				st.datagram(arrived(st, d, from, rtcpSocket && i%3 == 0, now))
				st.tick(now)
			}
			if len(a) > 3 && i%4 < 2 {
				a[3]++ // the next sequence number
			}
			now = now.Add(30 * time.Millisecond)
		}
		if s.Stats(); r.bytes > 40*(len(a)+len(b)+2048) {
			t.Errorf("%d bytes of pictures from %d and %d", r.bytes, len(a), len(b))
		}
	})
}

// FuzzProtectedDatagrams does so with keys: nothing that a fuzzer makes is ever authentic.
func FuzzProtectedDatagrams(f *testing.F) {
	f.Add([]byte{0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17})
	f.Add([]byte{0x80, 200, 0, 6, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 1, 2, 3})
	f.Fuzz(func(t *testing.T, a []byte) {
		s, r := bench(t, true)
		for _, st := range s.streams() {
			for _, rtcpSocket := range []bool{false, true} {
				st.datagram(arrived(st, a, netip.AddrPortFrom(hostB, 9), rtcpSocket, time.Now()))
			}
			if to, _ := latchOf(st).RTP(); to.Port() == 9 {
				t.Error("the latch moved")
			}
		}
		x := s.Stats()
		if !x.LastReceived.IsZero() || !x.LastRTCP.IsZero() || r.pictures+r.frames > 0 {
			t.Errorf("something passed: %+v", x)
		}
		if x.AuthFailures+x.Garbage+x.Replays != 4 {
			t.Errorf("not counted: %+v", x)
		}
	})
}
