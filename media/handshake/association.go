// Package handshake agrees on a stream's keys by the stream's own way: DTLS-SRTP (RFC 5763, 5764). The handshake itself is
// pion's; here is what it lets in, how long it is tried, and whose certificate it takes.
//
//	Way ──▶ Take ──▶ sift ──▶ handshake (pion/dtls) ──▶ Agreed
//	Way ◀─────── Send ◀──────────┘
package handshake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ewindow/media/negotiate"
)

const (
	flight = 80 * time.Millisecond // until what is not answered is sent again, then twice as long each time (RFC 6347 §4.2.4.1)
	mtu    = 1200                  // bytes of a datagram

	tryFor     = 6 * time.Second // a handshake that is to be had is had in so long, at 20 % loss too
	passiveFor = 8 * time.Second // whoever waits for the other side's next try is not to give up first
	leastPause = 200 * time.Millisecond
	mostPause  = 4 * time.Second

	// Another ClientHello means that the other side has begun anew. So soon after the first it means that there are two.
	leastTry = 500 * time.Millisecond
	freely   = 3 // times that it is answered at once; whoever begins anew more often refuses us, or wants nothing but work done

	// The last word of a handshake is said again when it is asked for, until the other side is heard by the new keys.
	lingering = 30 * time.Second

	inQueue   = 32  // datagrams
	mostTaken = 200 // datagrams of one try: it needs ten
	mostSize  = 2048
)

// Config is what an Association needs.
type Config struct {
	Identity *Identity
	Terms    *negotiate.Handshake
	Checked  bool                      // the way is known to lead to the other side (ICE), so it need not prove where it is
	Verify   func(public []byte) error // is asked about the key of a certificate (SubjectPublicKeyInfo, DER) that SDP names and whose owner is there; nil: SDP's word is enough
	Send     func(datagram []byte) error
	Agreed   func(Agreement) // is told of keys; again if the other side began again before it had them
	Failed   func(error)     // is told of a try that came to nothing; another one follows
}

// Agreement is what a handshake came to.
type Agreement struct {
	Send, Receive negotiate.Keys
	Public        []byte        // the other side's key (SubjectPublicKeyInfo, DER)
	Took          time.Duration // since the first word of it
}

// A Refusal is why Verify refuses the other side: another try would come to the same.
type Refusal struct{ Err error }

func (r *Refusal) Error() string { return r.Err.Error() }
func (r *Refusal) Unwrap() error { return r.Err }

// ErrCertificate says that the other side has another certificate than its SDP names.
var ErrCertificate = errors.New("the other side shows another certificate than its call names")

var (
	errNoise = errors.New("too many datagrams for a handshake")
	errAnew  = errors.New("the other side begins anew again and again: it may refuse this window's certificate")
)

// Association is one handshake, tried until it succeeds.
type Association struct {
	cfg     Config
	in      chan taken
	settled chan struct{}
	settle  sync.Once
}

// taken is what was left of a datagram.
type taken struct {
	records []byte
	said    string
}

// New makes one and starts nothing.
func New(cfg Config) *Association {
	return &Association{cfg: cfg, in: make(chan taken, inQueue), settled: make(chan struct{})}
}

// Take takes a datagram from where the way leads. It does not block: what there is no room for is dropped.
func (a *Association) Take(datagram []byte) {
	if len(datagram) > mostSize {
		return
	}
	var t taken
	messages := ofClient
	if a.cfg.Terms.Active {
		messages = ofServer
	}
	if t.records, t.said = sift(datagram, messages); t.records == nil && t.said == "" {
		return
	}
	select {
	case a.in <- t:
	default:
	}
}

// Settle tells that the other side was heard by the keys: it has them, and need not be told again.
func (a *Association) Settle() { a.settle.Do(func() { close(a.settled) }) }

// Run tries until there are keys and the other side has them too, or ctx ends: then it returns nil. A *Refusal ends it as well.
func (a *Association) Run(ctx context.Context) error {
	var first []byte
	pause, anew := leastPause, 0
	for {
		if !a.cfg.Terms.Active && first == nil {
			if first = a.awaitHello(ctx); first == nil {
				return nil
			}
		}
		if a.cfg.Terms.Active {
			a.forget()
		}
		var err error
		first, err = a.try(ctx, first)
		var refusal *Refusal
		switch {
		case ctx.Err() != nil, err == nil && first == nil:
			return nil
		case err == nil: // the other side began anew
			if anew++; anew <= freely {
				continue
			}
			err = errAnew
		case errors.As(err, &refusal):
			return err
		}
		a.cfg.Failed(err)
		if !sleep(ctx, pause) {
			return nil
		}
		pause = min(2*pause, mostPause)
		if first != nil {
			first = a.newest(first)
		}
	}
}

// newest is the last of the other side's words with which a handshake begins, if others came since first.
func (a *Association) newest(first []byte) []byte {
	for {
		select {
		case t := <-a.in:
			if helloOf(t.records) != nil {
				first = t.records
			}
		default:
			return first
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// forget drops what came before: it answers an earlier try.
func (a *Association) forget() {
	for {
		select {
		case <-a.in:
		default:
			return
		}
	}
}

// awaitHello waits for the other side to begin; nil if ctx ended first.
func (a *Association) awaitHello(ctx context.Context) []byte {
	for {
		select {
		case <-ctx.Done():
			return nil
		case t := <-a.in:
			if helloOf(t.records) != nil {
				return t.records
			}
		}
	}
}

// try is one handshake. next is the ClientHello of the one that the other side has begun instead.
func (a *Association) try(ctx context.Context, first []byte) (next []byte, err error) {
	limit := tryFor
	if !a.cfg.Terms.Active {
		limit = passiveFor
	}
	o, err := a.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer o.end()
	patience := time.NewTimer(limit)
	defer patience.Stop()
	var said string
	var settled <-chan struct{} // once there are keys
	o.push(first)
	for taken := 0; ; {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-patience.C:
			if settled != nil {
				return nil, nil
			}
			return nil, unfinished(limit, said)
		case <-settled:
			return nil, nil
		case err := <-o.done:
			if err == nil {
				err = o.agree()
			}
			if err != nil || a.cfg.Terms.Active {
				return nil, err
			}
			settled = a.settled
			patience.Reset(lingering)
		case t := <-a.in:
			if t.said != "" {
				said = t.said
			}
			switch hello := helloOf(t.records); {
			case a.cfg.Terms.Active || hello == nil || bytes.Equal(hello, helloOf(first)):
			case time.Since(o.begun) >= leastTry:
				return t.records, nil
			default:
				continue
			}
			if taken++; taken <= mostTaken {
				o.push(t.records)
			} else if settled == nil {
				return nil, errNoise
			}
		}
	}
}

// unfinished says that a handshake did not come to an end. Nobody vouches for what the other side said, but it may help.
func unfinished(limit time.Duration, said string) error {
	err := fmt.Errorf("no keys were agreed on within %v", limit)
	if said != "" {
		err = fmt.Errorf("%w; the other side says: %s", err, said)
	}
	return err
}
