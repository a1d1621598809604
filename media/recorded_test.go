package media

import (
	"encoding/base64"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/srtp/v3"

	"ewindow/media/negotiate"
	"ewindow/scripts/lab/memnet"
)

// registrar is one that keeps all that it sees: the offers and answers of a call. With what was recorded on the way of the media, as
// a relay of its own could, it tries to listen.
type registrar struct {
	sdp []string

	mu       sync.Mutex
	recorded [][]byte
}

func (r *registrar) tap(e *end) {
	for _, c := range e.taps {
		c.tamper(func(d []byte) [][]byte {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.recorded = append(r.recorded, d)
			return [][]byte{d}
		})
	}
}

// keys are all that are in the SDP.
func (r *registrar) keys(t *testing.T) (out []*negotiate.Keys) {
	t.Helper()
	line := regexp.MustCompile(`a=crypto:\d+ (\S+) inline:([^\s|]+)`)
	for _, m := range line.FindAllStringSubmatch(strings.Join(r.sdp, ""), -1) {
		b, err := base64.StdEncoding.DecodeString(m[2])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, &negotiate.Keys{Suite: negotiate.Suite(m[1]), Key: b[:16], Salt: b[16:]})
	}
	return out
}

// listen says how many of the recorded packets of media it could read, of how many.
func (r *registrar) listen(t *testing.T) (read, of int) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var contexts []*srtp.Context
	for _, k := range r.keys(t) {
		c, err := newContext(k)
		if err != nil {
			t.Fatal(err)
		}
		contexts = append(contexts, c)
	}
	for _, d := range r.recorded {
		if demultiplex(d) != isRTP {
			continue
		}
		of++
		for _, c := range contexts {
			if _, err := c.DecryptRTP(nil, d, nil); err == nil {
				read++
				break
			}
		}
	}
	return read, of
}

// Whoever has all that the registrar sees, and all that goes by, listens to a call whose keys are in SDP, and not to one whose keys
// are agreed on by a handshake.
func TestTheRegistrarCannotListen(t *testing.T) {
	for _, test := range []struct {
		policy negotiate.Policy
		reads  bool
	}{{negotiate.SDES, true}, {negotiate.DTLS, false}} {
		synctest.Test(t, func(t *testing.T) {
			n := memnet.New(3)
			n.Default(memnet.Conditions{Latency: 20 * time.Millisecond})
			a, b, _, _, _ := agreed(t, n, test.policy)
			r := &registrar{sdp: a.sdp}
			r.tap(a)
			r.tap(b)
			a.begin()
			b.begin()
			talk(3*time.Second, a, b)
			settle(200 * time.Millisecond)
			read, of := r.listen(t)
			t.Logf("%s: %d of %d packets read", test.policy, read, of)
			if of < 300 || test.reads && read != of || !test.reads && read > 0 {
				t.Errorf("%s: %d of %d packets read", test.policy, read, of)
			}
			all := strings.Join(r.sdp, "")
			if secret := strings.Contains(all, "inline") || strings.Contains(all, "a=crypto"); secret != test.reads || strings.Contains(all, "a=fingerprint:") == test.reads {
				t.Errorf("%s: the SDP is\n%s", test.policy, all)
			}
			hangUp(a, b)
		})
	}
}
