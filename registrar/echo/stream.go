package echo

import (
	"bytes"
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

	"ewindow/media/negotiate"
)

const (
	maxPacket   = 2048 // bytes
	reportEvery = time.Second
)

// A stream is one kind of media of a call, on sockets of its own.
type stream struct {
	rtp, rtcp net.PacketConn
	ssrc      uint32 // of what is sent back: one's own SSRC from elsewhere would be a loop (RFC 3550 §8.2)

	mu      sync.Mutex       // of all below: both sockets' readers use it
	agreed  bool             // else nothing is taken
	d       negotiate.Stream // what was agreed on last
	in, out *srtp.Context    // nil: without protection
	source  uint32
	index   index
	from    netip.Addr // where the caller's SIP comes from
	whence  whence
	said    time.Time // last RTCP
}

// stream opens the sockets of a stream.
func (e *Echo) stream(c Caller) (*stream, error) {
	var b [6]byte
	if _, err := io.ReadFull(e.cfg.Random, b[:]); err != nil {
		return nil, fmt.Errorf("draw an SSRC: %w", err)
	}
	rtp, rtcp, err := e.cfg.Listen(c.Local)
	if err != nil {
		return nil, fmt.Errorf("open sockets for the echo: %w", err)
	}
	s := &stream{rtp: rtp, rtcp: rtcp, from: c.Peer.Unmap(), ssrc: binary.BigEndian.Uint32(b[:])}
	s.index.highest = int64(binary.BigEndian.Uint16(b[4:]) & 0x3fff) // far from its wrap: no rollover is missed
	return s, nil
}

// use puts what was negotiated in force. Keys that stay keep their rollover counters.
func (s *stream) use(d *negotiate.Stream) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.agreed = d != nil; !s.agreed {
		return nil // the contexts stay: the line may come back with the same keys
	}
	in, err := protection(s.in, s.d.Receive, d.Receive)
	if err != nil {
		return err
	}
	out, err := protection(s.out, s.d.Send, d.Send)
	if err != nil {
		return err
	}
	s.d, s.in, s.out = *d, in, out
	return nil
}

func (s *stream) isAgreed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.agreed
}

// protection is the one in use as long as the keys stay, else a new one; nil without keys.
func protection(now *srtp.Context, was, keys *negotiate.Keys) (*srtp.Context, error) {
	if keys == nil {
		return nil, nil
	}
	if now != nil && was != nil && was.Suite == keys.Suite && bytes.Equal(was.Key, keys.Key) && bytes.Equal(was.Salt, keys.Salt) {
		return now, nil
	}
	profile := srtp.ProtectionProfileAes128CmHmacSha1_80
	if keys.Suite == negotiate.AEAD_AES_128_GCM {
		profile = srtp.ProtectionProfileAeadAes128Gcm
	}
	c, err := srtp.CreateContext(keys.Key, keys.Salt, profile, srtp.SRTPReplayProtection(1024), srtp.SRTCPReplayProtection(128))
	if err != nil {
		return nil, fmt.Errorf("SRTP keys for %s: %w", keys.Suite, err)
	}
	return c, nil
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
			_, _ = c.WriteTo(reply, from) // a failure is like a loss on the way
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
	if !s.agreed {
		return nil
	}
	at := source(from)
	if !s.permits(at) {
		s.note(at, false)
		return nil
	}
	if b[1] >= 192 && b[1] <= 223 { // RFC 5761 §4
		return s.control(b)
	}
	reply, authentic := s.media(b)
	s.note(at, authentic)
	return reply
}

// media sends a packet back with our SSRC and index. authentic says whether it was the caller's.
func (s *stream) media(b []byte) (reply []byte, authentic bool) {
	var h rtp.Header
	plain := b
	if s.in != nil {
		var err error
		if plain, err = s.in.DecryptRTP(nil, b, &h); err != nil {
			return nil, false
		}
	} else if _, err := h.Unmarshal(b); err != nil {
		return nil, false
	}
	if h.PayloadType != s.d.ReceiveType {
		return nil, true
	}
	if h.SSRC != s.source {
		s.source = h.SSRC
		s.index.restart()
	}
	seq, fresh := s.index.next(h.SequenceNumber)
	if !fresh || !s.d.Direction.Sends() {
		return nil, true
	}
	plain[1] = plain[1]&0x80 | s.d.SendType
	binary.BigEndian.PutUint16(plain[2:], seq)
	binary.BigEndian.PutUint32(plain[8:], s.ssrc)
	if s.out == nil {
		return plain, true
	}
	sealed, err := s.out.EncryptRTP(nil, plain, nil)
	if err != nil {
		return nil, true
	}
	return sealed, true
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
