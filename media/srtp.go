package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"ewindow/media/negotiate"
)

const (
	// replayWindow is in packets (RFC 3711 §3.3.2 asks for 64). Ten seconds of 4 Mbit/s video: whatever the jitter
	// buffer could still use is not mistaken for a replay.
	replayWindow = 4096

	// maxSources bounds the senders that are remembered under one key: each costs a replay window.
	maxSources = 256

	// keyGrace is how long packets under the previous key are taken after a re-key: those still on their way.
	keyGrace = 5 * time.Second

	// rolloverPatience is how many packets in a row have to fail before other rollover counters are tried, each of the
	// next rolloverReach in turn: at 300 packets a second that finds the way back from an outage of almost four hours.
	rolloverPatience = 50
	rolloverReach    = 64

	srtpOverhead = 16 // bytes that SRTP adds to a packet at most: the tag of AES-GCM (RFC 7714)
)

// protector encrypts one direction of a stream. SRTP and SRTCP have a context each, since a context is for one
// goroutine at a time. A nil protector leaves packets plain (Policy None).
type protector struct {
	keys negotiate.Keys
	rtp  *srtp.Context
	rtcp *srtp.Context
}

func newProtector(k *negotiate.Keys) (*protector, error) {
	if k == nil {
		return nil, nil
	}
	p := &protector{keys: *k}
	var err error
	if p.rtp, err = newContext(k); err != nil {
		return nil, err
	}
	p.rtcp, err = newContext(k)
	return p, err
}

func newContext(k *negotiate.Keys) (*srtp.Context, error) {
	var profile srtp.ProtectionProfile
	switch k.Suite {
	case negotiate.AEAD_AES_128_GCM:
		profile = srtp.ProtectionProfileAeadAes128Gcm
	case negotiate.AES_CM_128_HMAC_SHA1_80:
		profile = srtp.ProtectionProfileAes128CmHmacSha1_80
	default:
		return nil, fmt.Errorf("SRTP suite %q is not one of ours", k.Suite)
	}
	c, err := srtp.CreateContext(k.Key, k.Salt, profile, srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(128))
	if err != nil {
		return nil, fmt.Errorf("SRTP keys for %s: %w", k.Suite, err)
	}
	return c, nil
}

// sameKeys says whether nothing changes, so that rollover counters and replay windows have to be kept.
func sameKeys(a, b *negotiate.Keys) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Suite == b.Suite && bytes.Equal(a.Key, b.Key) && bytes.Equal(a.Salt, b.Salt)
}

func (p *protector) is(k *negotiate.Keys) bool {
	if p == nil {
		return k == nil
	}
	return sameKeys(&p.keys, k)
}

// unprotector authenticates and decrypts one direction of a stream, and refuses replays.
type unprotector struct {
	current  *protector
	previous *protector // until the time below
	until    time.Time
	number   int // of the current key: it grows with each change
	used     int // number of the key by which the last packet was authentic

	sources map[uint32]bool // seen under the current key
	failed  int             // packets in a row
	probe   *srtp.Context   // the current key again, for trying
}

func newUnprotector(p *protector) *unprotector {
	return &unprotector{current: p, sources: make(map[uint32]bool)}
}

// change takes a new key; the old one is good for packets on their way.
func (u *unprotector) change(p *protector, now time.Time) {
	u.previous, u.until = u.current, now.Add(keyGrace)
	u.current, u.probe, u.failed = p, nil, 0
	u.number++
	clear(u.sources)
}

var (
	errReplay  = errors.New("packet came before, or too late to tell")
	errAuth    = errors.New("packet is not authentic")
	errSources = errors.New("too many senders under one key")
)

// rtp decrypts an RTP packet into dst, which must not be its own memory: another key may have to be tried. The header
// has been parsed from it. Nothing of a packet that fails is kept.
func (u *unprotector) rtp(dst, packet []byte, h *rtp.Header, now time.Time) ([]byte, error) {
	if u.current == nil {
		return packet, nil
	}
	if !u.sources[h.SSRC] && len(u.sources) >= maxSources {
		return nil, errSources
	}
	out, err := u.current.rtp.DecryptRTP(dst, packet, h)
	if err != nil && u.tryPrevious(now, err) {
		if _, known := u.previous.rtp.ROC(h.SSRC); known {
			if out, err = u.previous.rtp.DecryptRTP(dst, packet, h); err == nil {
				u.used = u.number - 1
				return out, nil
			}
		}
	}
	if err != nil {
		if err = classify(err); !errors.Is(err, errAuth) {
			return nil, err
		}
		u.failed++
		if out = u.search(dst, packet, h); out == nil {
			return nil, err
		}
	}
	u.failed, u.used = 0, u.number
	if !u.sources[h.SSRC] { // a look costs less than a write
		u.sources[h.SSRC] = true
	}
	return out, nil
}

// search tries another rollover counter. After 2^15 packets that did not arrive our idea of it is behind the sender's,
// for good (RFC 3711 §3.3.1). Only higher ones are tried, so that nothing old can be replayed.
func (u *unprotector) search(dst, packet []byte, h *rtp.Header) []byte {
	roc, known := u.current.rtp.ROC(h.SSRC)
	if !known || u.failed < rolloverPatience {
		return nil
	}
	if u.probe == nil {
		var err error
		if u.probe, err = newContext(&u.current.keys); err != nil {
			return nil
		}
	}
	try := roc + 1 + uint32(u.failed%rolloverReach)
	u.probe.SetROC(h.SSRC, try)
	if _, err := u.probe.DecryptRTP(dst, packet, h); err != nil {
		return nil
	}
	u.probe = nil // what it has seen it would refuse as a replay
	u.current.rtp.SetROC(h.SSRC, try)
	out, err := u.current.rtp.DecryptRTP(dst, packet, h)
	if err != nil {
		return nil
	}
	return out
}

// rtcp does the same for RTCP.
func (u *unprotector) rtcp(dst, packet []byte, now time.Time) ([]byte, error) {
	if u.current == nil {
		return packet, nil
	}
	if len(packet) < 8 {
		return nil, errAuth
	}
	ssrc := binary.BigEndian.Uint32(packet[4:])
	if !u.sources[ssrc] && len(u.sources) >= maxSources {
		return nil, errSources
	}
	var h rtcp.Header
	out, err := u.current.rtcp.DecryptRTCP(dst, packet, &h)
	if err != nil && u.tryPrevious(now, err) {
		if _, known := u.previous.rtcp.Index(ssrc); known {
			if out, err = u.previous.rtcp.DecryptRTCP(dst, packet, &h); err == nil {
				return out, nil
			}
		}
	}
	if err != nil {
		return nil, classify(err)
	}
	u.sources[ssrc] = true
	return out, nil
}

func (u *unprotector) tryPrevious(now time.Time, err error) bool {
	return u.previous != nil && now.Before(u.until) && errors.Is(err, srtp.ErrFailedToVerifyAuthTag)
}

// classify turns the library's errors into ours: of those that a parsed packet can meet only a wrong tag has a name.
func classify(err error) error {
	if errors.Is(err, srtp.ErrFailedToVerifyAuthTag) {
		return fmt.Errorf("%w: %w", errAuth, err)
	}
	return fmt.Errorf("%w: %w", errReplay, err)
}
