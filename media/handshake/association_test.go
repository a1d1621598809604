package handshake

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media/negotiate"
)

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func identity(t *testing.T, key crypto.Signer) *Identity {
	t.Helper()
	id, err := NewIdentity(key)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// line is a bad line between two associations, in simulated time.
type line struct {
	mu      sync.Mutex
	random  *mrand.Rand
	latency time.Duration
	jitter  time.Duration // more than latency: datagrams overtake each other
	loss    float64
	kbps    int // 0: any number
	free    [2]time.Time
	sent    [2]int // datagrams
	longest int    // bytes
	ends    [2]*end
}

// end is one side of a line.
type end struct {
	a      *Association
	agreed []Agreement
	failed []error
	err    error
	over   chan struct{}
	shown  [][]byte // keys that Verify was asked about
}

func (l *line) send(from int, datagram []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[from]++
	l.longest = max(l.longest, len(datagram))
	if l.random.Float64() < l.loss {
		return nil
	}
	delay := l.latency + time.Duration(l.random.Float64()*float64(l.jitter))
	if l.kbps > 0 {
		now := time.Now()
		if l.free[from].Before(now) {
			l.free[from] = now
		}
		l.free[from] = l.free[from].Add(time.Duration(len(datagram)+28) * 8 * time.Second / time.Duration(l.kbps*1000))
		delay += l.free[from].Sub(now)
	}
	d := slices.Clone(datagram)
	time.AfterFunc(delay, func() { l.ends[1-from].a.Take(d) })
	return nil
}

// terms are what SDP agreed on between two identities: the second one begins.
func terms(t *testing.T, passive, active *Identity, p negotiate.Policy) [2]*negotiate.Handshake {
	t.Helper()
	local := func(address string, id *Identity) *negotiate.Session {
		s, err := negotiate.NewSession(negotiate.Local{
			Address: netip.MustParseAddr(address), AudioRTP: 4000, AudioRTCP: 4001, SessionID: 1, Fingerprint: id.Fingerprint(),
		}, p)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, b := local("10.0.0.1", passive), local("10.0.0.2", active)
	offer, err1 := a.Offer()
	answer, db, err2 := b.Answer(offer)
	da, err3 := a.Accept(answer)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	return [2]*negotiate.Handshake{da.Audio.Handshake, db.Audio.Handshake}
}

// meet lets two sides agree over a line. change may alter the configuration of each.
func (l *line) meet(t *testing.T, change func(side int, c *Config)) (stop func()) {
	t.Helper()
	ids := [2]*Identity{identity(t, newKey(t)), identity(t, newKey(t))}
	terms := terms(t, ids[0], ids[1], negotiate.DTLS)
	ctx, cancel := context.WithCancel(t.Context())
	for i := range l.ends {
		e := &end{over: make(chan struct{})}
		l.ends[i] = e
		cfg := Config{
			Identity: ids[i], Terms: terms[i], Checked: true,
			Verify: func(public []byte) error { e.shown = append(e.shown, public); return nil },
			Send:   func(b []byte) error { return l.send(i, b) },
			Agreed: func(a Agreement) { e.agreed = append(e.agreed, a) },
			Failed: func(err error) { e.failed = append(e.failed, err) },
		}
		if change != nil {
			change(i, &cfg)
		}
		e.a = New(cfg)
	}
	for _, e := range l.ends {
		go func() { e.err = e.a.Run(ctx); close(e.over) }()
	}
	return func() {
		cancel()
		<-l.ends[0].over
		<-l.ends[1].over
	}
}

func newLine(seed uint64) *line {
	return &line{random: mrand.New(mrand.NewPCG(seed, 1)), latency: 20 * time.Millisecond}
}

// agree waits until the active side has keys, as it would send by them, and looks whether they fit.
func (l *line) agree(t *testing.T) (took time.Duration) {
	t.Helper()
	begun := time.Now()
	select {
	case <-l.ends[1].over:
	case <-time.After(time.Minute):
		t.Fatalf("no keys; tries failed: %v, %v", l.ends[0].failed, l.ends[1].failed)
	}
	took = time.Since(begun)
	a, b := l.ends[0], l.ends[1]
	a.a.Settle()
	<-a.over
	if len(a.agreed) == 0 || len(b.agreed) != 1 {
		t.Fatalf("%d and %d agreements", len(a.agreed), len(b.agreed))
	}
	x, y := a.agreed[len(a.agreed)-1], b.agreed[0]
	if !reflect.DeepEqual(x.Send, y.Receive) || !reflect.DeepEqual(x.Receive, y.Send) || reflect.DeepEqual(x.Send.Key, x.Receive.Key) {
		t.Errorf("keys do not fit")
	}
	if x.Send.Suite != negotiate.AEAD_AES_128_GCM || len(x.Send.Key) != 16 || len(x.Send.Salt) != 12 {
		t.Errorf("%s, %d, %d", x.Send.Suite, len(x.Send.Key), len(x.Send.Salt))
	}
	return took
}

// Two round trips on a clean line, none longer than datagrams may be.
func TestAgree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(1)
		stop := l.meet(t, nil)
		defer stop()
		if took := l.agree(t); took > 90*time.Millisecond {
			t.Errorf("took %v, want two round trips of 40 ms", took)
		}
		if l.longest > mtu || l.sent[0]+l.sent[1] > 8 {
			t.Errorf("%v datagrams of up to %d bytes", l.sent, l.longest)
		}
		if len(l.ends[0].shown) != 1 || !slices.Equal(l.ends[0].shown[0], l.ends[0].agreed[0].Public) {
			t.Error("Verify was not asked about the key")
		}
	})
}

// Loss, reordering, and a line that is narrow cost time, and no call.
func TestBadLines(t *testing.T) {
	for _, test := range []struct {
		name          string
		loss          float64
		jitter        time.Duration
		kbps          int
		median, worst time.Duration
	}{
		{"5 %", 0.05, 0, 0, 100 * time.Millisecond, time.Second},
		{"20 %", 0.2, 0, 0, 600 * time.Millisecond, 9 * time.Second},
		{"reordered", 0, 60 * time.Millisecond, 0, 300 * time.Millisecond, time.Second},
		{"20 % and reordered", 0.2, 40 * time.Millisecond, 0, 700 * time.Millisecond, 9 * time.Second},
		{"300 kbit/s", 0, 0, 300, 200 * time.Millisecond, 200 * time.Millisecond},
		{"300 kbit/s, 5 %", 0.05, 0, 300, 200 * time.Millisecond, time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			var all []time.Duration
			for seed := range uint64(60) {
				synctest.Test(t, func(t *testing.T) {
					l := newLine(seed)
					l.loss, l.jitter, l.kbps = test.loss, test.jitter, test.kbps
					stop := l.meet(t, nil)
					defer stop()
					all = append(all, l.agree(t))
				})
			}
			slices.Sort(all)
			t.Logf("median %v, 90 %% %v, worst %v", all[len(all)/2], all[len(all)*9/10], all[len(all)-1])
			if all[len(all)/2] > test.median || all[len(all)-1] > test.worst {
				t.Errorf("want a median of %v, none above %v", test.median, test.worst)
			}
		})
	}
}

// A certificate that SDP does not name, and a key that Verify refuses, have no keys come of it on either side.
func TestRefused(t *testing.T) {
	changed := errors.New("the key of munich has changed")
	for _, side := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			l := newLine(1)
			stop := l.meet(t, func(i int, c *Config) {
				if i == side {
					c.Identity = identity(t, newKey(t))
				}
			})
			time.Sleep(20 * time.Second)
			stop()
			if e := l.ends[1-side]; len(e.failed) < 2 || !errors.Is(e.failed[0], ErrCertificate) || e.err != nil {
				t.Errorf("another certificate of side %d: %v, %v", side, e.failed, e.err)
			}
			if len(l.ends[1-side].shown) > 0 || len(l.ends[0].agreed)+len(l.ends[1].agreed) > 0 {
				t.Errorf("another certificate of side %d: agreed %v, %v", side, l.ends[0].agreed, l.ends[1].agreed)
			}
		})
		synctest.Test(t, func(t *testing.T) {
			l := newLine(1)
			stop := l.meet(t, func(i int, c *Config) {
				if i != side {
					c.Verify = func([]byte) error { return changed }
				}
			})
			time.Sleep(20 * time.Second)
			stop()
			var refusal *Refusal
			if e := l.ends[1-side]; !errors.As(e.err, &refusal) || !errors.Is(e.err, changed) || e.err.Error() != changed.Error() {
				t.Errorf("refused by side %d: %v", 1-side, e.err)
			}
			if len(l.ends[0].agreed)+len(l.ends[1].agreed) > 0 {
				t.Errorf("refused by side %d, and agreed", 1-side)
			}
		})
	}
}

// Suites: the best that both have.
func TestSuites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(1)
		stop := l.meet(t, func(i int, c *Config) {
			terms := *c.Terms
			if terms.Suites = []negotiate.Suite{negotiate.AES_CM_128_HMAC_SHA1_80}; i == 0 {
				terms.Suites = []negotiate.Suite{negotiate.AEAD_AES_128_GCM, negotiate.AES_CM_128_HMAC_SHA1_80}
			}
			c.Terms = &terms
		})
		defer stop()
		<-l.ends[1].over
		synctest.Wait()
		k := l.ends[1].agreed[0].Send
		if k.Suite != negotiate.AES_CM_128_HMAC_SHA1_80 || len(k.Salt) != 14 || !reflect.DeepEqual(k, l.ends[0].agreed[0].Receive) {
			t.Errorf("%+v", k)
		}
	})
}

// attack sends to a side whatever it likes, all the time.
func (l *line) attack(ctx context.Context, side int, every time.Duration, make func(n int) []byte) {
	for n := 0; sleep(ctx, every); n++ {
		l.ends[side].a.Take(make(n))
	}
}

// alertOf is a fatal alert that nobody vouches for.
func alertOf(description byte) []byte {
	return []byte{alert, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, description}
}

// strangeHello is the ClientHello of a stranger, who gets nothing.
func strangeHello(t *testing.T) []byte {
	t.Helper()
	var hello []byte
	ids := [2]*Identity{identity(t, newKey(t)), identity(t, newKey(t))}
	a := New(Config{Identity: ids[1], Terms: terms(t, ids[0], ids[1], negotiate.DTLS)[1],
		Send: func(b []byte) error { hello = slices.Clone(b); return nil }, Failed: func(error) {}, Agreed: func(Agreement) {}})
	ctx, cancel := context.WithTimeout(t.Context(), flight/2)
	defer cancel()
	_ = a.Run(ctx)
	return hello
}

// Whoever can send to us from where the way leads, and has no key, can neither end the handshake nor take it over.
func TestAttacks(t *testing.T) {
	for name, make := range map[string]func(t *testing.T) func(int) []byte{
		"alerts":           func(*testing.T) func(int) []byte { return func(n int) []byte { return alertOf(byte(n % 80)) } },
		"close_notify":     func(*testing.T) func(int) []byte { return func(int) []byte { return alertOf(0) } },
		"application data": func(*testing.T) func(int) []byte { return func(int) []byte { b := alertOf(0); b[0] = 23; return b } },
		"unknown records": func(*testing.T) func(int) []byte {
			return func(n int) []byte { b := alertOf(0); b[0] = byte(24 + n%40); return b }
		},
		"noise": func(*testing.T) func(int) []byte {
			return func(n int) []byte { b := slices.Repeat([]byte{byte(n)}, 600); b[0] = byte(20 + n%44); return b }
		},
		"a record that ends early": func(*testing.T) func(int) []byte { return func(int) []byte { return alertOf(1)[:14] } },
		"one ClientHello before": func(t *testing.T) func(int) []byte {
			h := strangeHello(t)
			return func(n int) []byte { return h[:len(h)*min(1, max(0, 1-n))] }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				datagram := make(t)
				l := newLine(1)
				stop := l.meet(t, nil)
				defer stop()
				if name == "one ClientHello before" {
					l.ends[0].a.Take(datagram(0))
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go l.attack(ctx, 0, 3*time.Millisecond, datagram)
				go l.attack(ctx, 1, 3*time.Millisecond, datagram)
				if took := l.agree(t); took > 2*time.Second {
					t.Errorf("took %v; tries failed: %v, %v", took, l.ends[0].failed, l.ends[1].failed)
				}
			})
		})
	}
}

// Garbage that looks like a handshake's costs the try that it falls into, a bounded number of answers, and nothing else: when it
// stops there are keys.
func TestPoisoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(1)
		stop := l.meet(t, nil)
		defer stop()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for side := range 2 {
			go l.attack(ctx, side, 5*time.Millisecond, func(n int) []byte { // parts of a message of 16 MB, each with another number
				b := slices.Repeat([]byte{1}, 1100)
				copy(b, []byte{handshake, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, byte(n >> 8), byte(n), 4, 63,
					11, 0xff, 0xff, 0xff, 0, byte(n % 7), byte(n >> 16), byte(n >> 8), byte(n), 0, 4, 51})
				return b
			})
		}
		<-ctx.Done()
		if n := l.sent[0]; n > 400 {
			t.Errorf("%d answers to %d datagrams", n, 2000)
		}
		if took := l.agree(t); took > 8*time.Second {
			t.Errorf("took %v; tries failed: %v, %v", took, l.ends[0].failed, l.ends[1].failed)
		}
	})
}

// A ClientHello from a way that nobody checked is answered by less than it is itself (RFC 6347 §4.2.1).
func TestCookie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hello := strangeHello(t)
		l := newLine(1)
		answered := 0
		stop := l.meet(t, func(i int, c *Config) {
			c.Checked = false
			if i == 0 {
				c.Send = func(b []byte) error { answered += len(b); return nil }
			}
		})
		l.ends[0].a.Take(hello)
		synctest.Wait()
		if answered == 0 || answered > len(hello) {
			t.Errorf("%d bytes answer %d", answered, len(hello))
		}
		stop()
		l = newLine(1)
		stop = l.meet(t, func(_ int, c *Config) { c.Checked = false })
		defer stop()
		if took := l.agree(t); took > 130*time.Millisecond {
			t.Errorf("took %v, want three round trips of 40 ms", took)
		}
	})
}

// The last word of the handshake is lost: it is said again as long as the other side was not heard by the keys, and then no more,
// whatever is replayed.
func TestLastWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(1)
		var all [][]byte
		flights := 0
		stop := l.meet(t, func(i int, c *Config) {
			send := c.Send
			c.Send = func(b []byte) error {
				if i == 1 {
					all = append(all, slices.Clone(b))
				} else if flights++; flights == 2 || flights == 3 {
					return nil
				}
				return send(b)
			}
		})
		defer stop()
		l.agree(t)
		sent := l.sent[0]
		for range 5 {
			for _, d := range all {
				l.ends[0].a.Take(d)
				time.Sleep(100 * time.Millisecond)
			}
		}
		if l.sent[0] != sent {
			t.Errorf("%d answers to a replay", l.sent[0]-sent)
		}
	})
}

// The other side was restarted in the middle of it, or gave up: it begins anew, and is heard.
func TestBegunAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(1)
		var healed atomic.Bool
		var n [2]int
		stop := l.meet(t, func(i int, c *Config) {
			send := c.Send
			c.Send = func(b []byte) error {
				if n[i]++; n[i] > 1 && !healed.Load() {
					return nil
				}
				return send(b)
			}
		})
		defer stop()
		time.Sleep(8 * time.Second)
		healed.Store(true)
		if took := l.agree(t); took > 8*time.Second {
			t.Errorf("took %v", took)
		}
		if len(l.ends[1].failed) == 0 || fmt.Sprint(l.ends[1].failed[0]) != "no keys were agreed on within 6s" {
			t.Errorf("%v", l.ends[1].failed)
		}
	})
}

// Whoever begins anew without end is answered ever more seldom, and that is told. Once it goes on there are keys.
func TestBegunAnewWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(1)
		var mute atomic.Bool
		mute.Store(true)
		stop := l.meet(t, func(i int, c *Config) {
			send := c.Send
			c.Send = func(b []byte) error {
				if i == 1 && mute.Load() {
					return nil
				}
				return send(b)
			}
		})
		defer stop()
		for range 600 {
			l.ends[0].a.Take(strangeHello(t))
			time.Sleep(100 * time.Millisecond)
		}
		l.mu.Lock()
		sent := l.sent[0]
		l.mu.Unlock()
		synctest.Wait()
		if n := len(l.ends[0].failed); n < 5 || n > 30 || l.ends[0].failed[0] != errAnew {
			t.Errorf("told of %d tries: %v", n, l.ends[0].failed)
		}
		if sent > 250 {
			t.Errorf("%d datagrams in a minute and a half", sent)
		}
		t.Logf("%d tries after the first, %d datagrams", len(l.ends[0].failed), sent)
		mute.Store(false)
		if took := l.agree(t); took > 15*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// Whatever comes, what is left of it are whole records, and no more than came.
func FuzzSift(f *testing.F) {
	f.Add(alertOf(1))
	f.Add(append(alertOf(1), []byte{handshake, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 11}...))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := slices.Clone(b)
		for _, messages := range [][]byte{ofServer, ofClient} {
			records, _ := sift(b, messages)
			if len(records) > len(b) {
				t.Errorf("%d bytes of %d", len(records), len(b))
			}
			helloOf(records)
			number(records, 1)
			again, _ := sift(records, messages)
			if !slices.Equal(records, again) {
				t.Errorf("%x left of %x", again, records)
			}
		}
		if !slices.Equal(b, before) {
			t.Error("what came was changed")
		}
	})
}
