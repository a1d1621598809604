package proxy

import (
	"crypto/sha256"
	"io"
	"sync"
	"time"

	"ewindow/registrar/signal/dialog"
)

// Bounds of what is remembered for requests that come again.
const (
	maxRepeats = 16_384        // half a KB each
	maxRepeat  = 4096          // bytes of one; longer ones are not remembered
	repeatFor  = dialog.GiveUp // by then the sender has given up (RFC 3261 §17.1.2.2)
)

// repeats remembers the last answers that went out without a transaction and to somebody who proved who they are. If such
// an answer is lost, its request comes again, byte by byte and over the same flow (some phones repeat over TCP, too): its
// credentials are used up by then, and a challenge would be taken for a refusal. Strangers can add nothing here.
type repeats struct {
	mu      sync.Mutex
	answers map[repeatKey][]byte // as they were sent
	order   []repeatOf           // the oldest first
}

type repeatKey [16]byte

type repeatOf struct {
	key repeatKey
	at  time.Time
}

// keyOf is of all that stays the same when a request is repeated, and nobody can make up who has not seen it: above
// all of its credentials.
func keyOf(r *request) (key repeatKey, ok bool) {
	h := sha256.New()
	write := func(s string) { _, _ = io.WriteString(h, s+"\x00") }
	for _, name := range []string{"Authorization", "Proxy-Authorization"} {
		for _, c := range r.GetHeaders(name) {
			ok = true
			write(c.Value())
		}
	}
	write(r.flow.Transport)
	write(r.flow.Remote)
	write(r.flow.ID)
	write(r.Via().Params.GetOr("branch", ""))
	write(r.CallID().Value())
	write(r.CSeq().Value())
	copy(key[:], h.Sum(nil))
	return key, ok
}

func (p *repeats) note(key repeatKey, answer []byte, now time.Time) {
	if len(answer) > maxRepeat {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, again := p.answers[key]; !again {
		p.order = append(p.order, repeatOf{key, now})
	}
	p.answers[key] = answer
	for len(p.order) > maxRepeats || now.Sub(p.order[0].at) >= repeatFor {
		delete(p.answers, p.order[0].key)
		p.order = p.order[1:]
	}
}

func (p *repeats) find(key repeatKey) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answers[key]
}
