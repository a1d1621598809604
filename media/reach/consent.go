package reach

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
)

// Consent (RFC 7675): the other side is asked again and again whether it still wants what we send to it, and answers with a secret
// that it and we have. pion would take any packet from there for an answer.
const (
	askEvery   = 2 * time.Second        // while all is well, and 20 % more or less (§5.1)
	askSoon    = 500 * time.Millisecond // while nothing else comes, or the last question has no answer
	askAtOnce  = 100 * time.Millisecond // while neither: for askHurried
	askHurried = 1500 * time.Millisecond

	silentAfter = 500 * time.Millisecond // without an authentic packet the way is looked after
	doubtAfter  = 900 * time.Millisecond // without an answer either it is doubted, but after three questions,
	doubtTrips  = 2                      // and so many round trips
	oneWayAfter = 5 * time.Second        // it is doubted without an answer although packets come
	consentEnds = 30 * time.Second       // nothing is sent there any more
)

// consent is what is known of it, for one way. Pure: it is told the time.
type consent struct {
	answered time.Time // when an answer came, or the way was found
	asked    time.Time // when it was asked for last
	pause    time.Duration
	trip     time.Duration // from the last question that was answered to its answer
	open     []question    // since the last answer, the newest last; those of the last seconds
	since    time.Time     // the first of them; zero for none
	missed   int           // how many
}

// A question, and where it went.
type question struct {
	id [stun.TransactionIDSize]byte
	at time.Time
	by carrier
	to netip.AddrPort
}

const openMost = 20 // questions whose answers are known: late ones are of no use

// begin is a way that was found: by checks, which are answers.
func (c *consent) begin(now time.Time) { *c = consent{answered: now, asked: now, pause: askEvery} }

// due says whether to ask now. heard is when the last authentic packet came.
func (c *consent) due(now, heard time.Time) bool {
	wait := c.pause
	silent := now.Sub(heard) >= silentAfter
	switch {
	case silent && c.missed > 0 && now.Sub(later(c.since, heard)) < askHurried:
		wait = askAtOnce
	case silent, c.missed > 0:
		wait = askSoon
	}
	return now.Sub(c.asked) >= wait
}

// ask notes a question. dice is at random, 0 to 1.
func (c *consent) ask(q question, dice float64) {
	if c.missed == 0 {
		c.since = q.at
	}
	c.missed++
	c.asked, c.pause = q.at, time.Duration((0.8+0.4*dice)*float64(askEvery))
	if len(c.open) == openMost {
		c.open = c.open[1:]
	}
	c.open = append(c.open, q)
}

// asks says whether an answer is to one of our questions. It is to come from where that went (§5.1).
func (c *consent) asks(id [stun.TransactionIDSize]byte, by carrier, from netip.AddrPort) bool {
	for _, q := range c.open {
		if q.id == id && q.by == by && q.to == from {
			return true
		}
	}
	return false
}

// answer takes the answer to a question.
func (c *consent) answer(now time.Time, id [stun.TransactionIDSize]byte) {
	for _, q := range c.open {
		if q.id == id {
			c.trip = now.Sub(q.at)
		}
	}
	c.answered, c.missed, c.since, c.open = now, 0, time.Time{}, c.open[:0]
}

// doubtful says that nothing seems to go by the way any more, at least in one direction.
func (c *consent) doubtful(now, heard time.Time) bool {
	if c.missed > 0 && now.Sub(c.answered) >= oneWayAfter {
		return true
	}
	return now.Sub(heard) >= silentAfter && c.missed >= 3 &&
		now.Sub(later(c.answered, heard)) >= max(doubtAfter, silentAfter+doubtTrips*c.trip)
}

// ended says that nothing may be sent there any more (§5.1).
func (c *consent) ended(now time.Time) bool { return now.Sub(c.answered) >= consentEnds }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// tick looks after the consent to the way that carries.
func (p *path) tick(now time.Time) {
	t := p.target.Load()
	if t == nil {
		return
	}
	a, heard := t.of, time.Unix(0, t.heard.Load())
	a.mu.Lock()
	ended, due, doubtful := a.consent.ended(now), a.consent.due(now, heard), a.consent.doubtful(now, heard)
	var b []byte
	if due && !ended {
		b = a.question(t, now)
	}
	a.mu.Unlock()
	if ended {
		p.lost(a)
		return
	}
	if b != nil {
		_ = t.by.Send(b, t.to) // what is not sent has no answer
	}
	if a.doubtful.Swap(doubtful) != doubtful && doubtful && p.cfg.Doubted != nil {
		p.cfg.Doubted(p.stream)
	}
}

// prflxPriority is that of a candidate that the other side would learn from a question (RFC 8445 §7.1.1).
const prflxPriority = ice.PriorityAttr(110<<24 | 65535<<8 | 255)

// question is a check of the way (RFC 8445 §7.2.2), which it notes. The caller holds mu.
func (a *attempt) question(t *target, now time.Time) []byte {
	// Whoever has our role, which pion may have changed meanwhile, is to say so (487), and not to change its own.
	var role stun.Setter = ice.AttrControlled(math.MaxUint64)
	if a.controls {
		role = ice.AttrControlling(0)
	}
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(a.remote+":"+a.local.Fragment), role, prflxPriority,
		stun.NewShortTermIntegrity(a.password), stun.Fingerprint)
	if err != nil {
		return nil
	}
	a.consent.ask(question{m.TransactionID, now, t.by, t.to}, rand.Float64())
	return m.Raw
}

// Types of STUN messages (RFC 8489 §5).
var (
	bindingSuccess = stun.BindingSuccess.Value()
	bindingError   = stun.BindingError.Value()
)

// answers takes an answer to one of our questions, and says whether it is one.
func (a *attempt) answers(c carrier, b []byte, from netip.AddrPort) bool {
	if len(b) < 20 {
		return false
	}
	kind := binary.BigEndian.Uint16(b)
	if kind != bindingSuccess && kind != bindingError {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.consent.asks([stun.TransactionIDSize]byte(b[8:20]), c, from) {
		return false
	}
	m := &stun.Message{Raw: b}
	if m.Decode() != nil || stun.NewShortTermIntegrity(a.password).Check(m) != nil {
		return true // to our question, and not by whom we asked
	}
	var said stun.ErrorCodeAttribute
	switch {
	case kind == bindingSuccess:
		a.consent.answer(time.Now(), m.TransactionID)
	case said.GetFrom(m) == nil && said.Code == stun.CodeRoleConflict:
		a.controls = !a.controls
	}
	return true
}
