package echo

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

const (
	maxPacket   = 2048 // bytes
	reportEvery = time.Second
)

// A stream is one m-line's media.
type stream struct {
	rtp, rtcp net.PacketConn
	from      netip.Addr // the only source of packets that nothing protects
	random    io.Reader
	ssrc      uint32 // of what is sent back: one's own SSRC from elsewhere would be a loop (RFC 3550 §8.2)

	mu      sync.Mutex // of all below: both sockets' readers use it
	ours    *keys      // nil: without protection
	theirs  *keys
	in, out *srtp.Context
	format  uint8
	mux     bool
	send    bool // the caller wants to hear
	source  uint32
	index   index
	said    time.Time // last RTCP
}

func newStream(rtp, rtcp net.PacketConn, from netip.Addr, random io.Reader) (*stream, error) {
	s := &stream{rtp: rtp, rtcp: rtcp, from: from, random: random}
	var b [6]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return nil, fmt.Errorf("draw an SSRC: %w", err)
	}
	s.ssrc = binary.BigEndian.Uint32(b[:])
	s.index.highest = int64(binary.BigEndian.Uint16(b[4:]) & 0x3fff) // far from its wrap: no rollover is missed
	return s, nil
}

// use puts what was negotiated in force; nil: nothing is sent. Keys that stay keep their rollover counters.
func (s *stream) use(t *terms) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t == nil {
		s.send = false
		return nil
	}
	if t.theirs == nil {
		s.theirs, s.ours, s.in, s.out = nil, nil, nil, nil
	} else if err := s.rekey(t.theirs); err != nil {
		return err
	}
	s.format, s.mux = t.format, t.mux
	s.send = t.direction == "sendrecv" || t.direction == "sendonly"
	return nil
}

func (s *stream) rekey(theirs *keys) error {
	if s.theirs == nil || s.theirs.raw != theirs.raw || s.theirs.name != theirs.name {
		in, err := theirs.context()
		if err != nil {
			return err
		}
		s.in = in
	}
	s.theirs = theirs
	ours := &keys{tag: theirs.tag, name: theirs.name, suite: theirs.suite}
	if s.ours != nil && s.ours.name == ours.name {
		s.ours.tag = ours.tag
		return nil
	}
	raw := make([]byte, ours.suite.length)
	if _, err := io.ReadFull(s.random, raw); err != nil {
		return fmt.Errorf("draw a key: %w", err)
	}
	ours.raw = string(raw)
	out, err := ours.context()
	if err != nil {
		return err
	}
	s.ours, s.out = ours, out
	return nil
}

// read takes packets until the socket is closed.
func (s *stream) read(c net.PacketConn) {
	b := make([]byte, maxPacket)
	for {
		n, from, err := c.ReadFrom(b)
		if err != nil {
			return
		}
		if reply := s.packet(b[:n], from); reply != nil {
			_, _ = c.WriteTo(reply, from) // one that is lost is one lost on the way
		}
	}
}

// packet is the answer to a packet, and nil for one that gets none. It goes to where the packet came from, which has
// been authenticated: that is symmetric RTP, and it finds the way through any router.
func (s *stream) packet(b []byte, from net.Addr) []byte {
	if len(b) < 8 || b[0]>>6 != 2 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.in == nil {
		at, err := netip.ParseAddrPort(from.String())
		if err != nil || at.Addr().Unmap() != s.from {
			return nil
		}
	}
	if b[1] >= 192 && b[1] <= 223 { // RFC 5761 §4
		return s.control(b)
	}
	return s.media(b)
}

// media sends a packet back with our SSRC and index.
func (s *stream) media(b []byte) []byte {
	var h rtp.Header
	plain := b
	if s.in != nil {
		var err error
		if plain, err = s.in.DecryptRTP(nil, b, &h); err != nil {
			return nil
		}
	} else if _, err := h.Unmarshal(b); err != nil {
		return nil
	}
	if h.PayloadType != s.format {
		return nil
	}
	if h.SSRC != s.source {
		s.source = h.SSRC
		s.index.restart()
	}
	seq, fresh := s.index.next(h.SequenceNumber)
	if !fresh || !s.send {
		return nil
	}
	binary.BigEndian.PutUint16(plain[2:], seq)
	binary.BigEndian.PutUint32(plain[8:], s.ssrc)
	if s.out == nil {
		return plain
	}
	sealed, err := s.out.EncryptRTP(nil, plain, nil)
	if err != nil {
		return nil
	}
	return sealed
}

// control answers RTCP with an empty report, at most one a second, and a request for a new picture with the same
// request: whoever asks is the one who makes it.
func (s *stream) control(b []byte) []byte {
	if s.in != nil {
		plain, err := s.in.DecryptRTCP(nil, b, nil)
		if err != nil {
			return nil
		}
		b = plain
	}
	packets, err := rtcp.Unmarshal(b)
	if err != nil {
		return nil
	}
	reply := []rtcp.Packet{
		&rtcp.ReceiverReport{SSRC: s.ssrc},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
			Source: s.ssrc, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "echo"}},
		}}},
	}
	asked := false
	for _, p := range packets {
		switch p.(type) {
		case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
			asked = true
		}
	}
	if asked && s.source != 0 {
		reply = append(reply, &rtcp.PictureLossIndication{SenderSSRC: s.ssrc, MediaSSRC: s.source})
	} else if time.Since(s.said) < reportEvery {
		return nil
	}
	s.said = time.Now()
	out, err := rtcp.Marshal(reply)
	if err == nil && s.out != nil {
		out, err = s.out.EncryptRTCP(nil, out, nil)
	}
	if err != nil {
		return nil
	}
	return out
}

// An index gives each packet that is sent a number of its own, with the gaps of what came in. None is given twice:
// under one key that would undo the encryption (RFC 3711 §9.1, RFC 7714 §5.2).
type index struct {
	highest int64  // given so far
	given   uint64 // bit n: highest-n was given
	first   int64  // of this source; lower ones belong to the source before
	shift   int64  // from the source's number to ours
	known   bool   // a packet of this source has come
	last    int64  // the source's highest number, counted on over its wraps
}

// restart expects another source.
func (x *index) restart() { x.known = false }

func (x *index) next(seq uint16) (ours uint16, fresh bool) {
	if !x.known {
		x.known, x.last = true, int64(seq)
		x.first = x.highest + 1
		x.shift = x.first - x.last
	}
	at := x.last + int64(int16(seq-uint16(x.last)))
	x.last = max(x.last, at)
	n := at + x.shift
	switch ahead := n - x.highest; {
	case n < x.first || ahead <= -64:
		return 0, false
	case ahead > 0:
		x.given = x.given<<min(ahead, 64) | 1
		x.highest = n
	case x.given>>-ahead&1 == 1:
		return 0, false
	default:
		x.given |= 1 << -ahead
	}
	return uint16(n), true
}
