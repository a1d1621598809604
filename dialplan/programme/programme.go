// Package programme is what a window knows of the plan: its own next two weeks as a list of UTC intervals.
//
// The registrar makes it from the dialplan and sends it as the body of a NOTIFY of the ua-profile event
// (RFC 6080, RFC 6665); the window keeps it on disk and evaluates nothing else. The package has no dependency
// on the language of the dialplan, so that a window does not carry its parser.
package programme

import (
	"slices"
	"time"
)

// ContentType is the media type of an encoded Programme.
const ContentType = "application/vnd.ewindow.programme+json"

// Version is the newest version of the encoding, and the only one so far.
//
// The rule by which it grows: fields and values may be added within a version, since a reader passes over fields and leaves
// out items that it does not know. What an older reader would misread is another version. The registrar writes the version
// that a window asks for (registrar/signal/version), and a window keeps its copy in all of them (endpoint/planfile).
const Version = 1

// Versions are those of the encoding that a program reads and writes, from Oldest to Newest.
type Versions struct{ Oldest, Newest int }

// Spoken is what this program reads and writes.
func Spoken() Versions { return Versions{Oldest: 1, Newest: Version} }

// Early is how long before an interval begins its partner's call is let through by the registrar and answered by the
// window: clocks differ.
const Early = 60 * time.Second

// MaxSize bounds an encoded Programme, in bytes. A SIP message ends at 65,535.
const MaxSize = 60_000

// KeyRoom is what a partner's key takes of that beside the partner's name, in bytes.
const KeyRoom = 180

// Security says how the media of a call is protected.
type Security string

const (
	GCM  Security = "gcm"  // SRTP with AEAD_AES_128_GCM, keys by SDES: between spaces, nothing less
	SDES Security = "sdes" // SRTP, any suite of ours, keys by SDES: phones
	None Security = "none" // plain RTP: a phone for which the plan says so
)

// A Programme is one space's part of the plan.
type Programme struct {
	Version  int        `json:"version"`
	Space    string     `json:"space"`            // user part of the space's address-of-record
	Name     string     `json:"name"`             // "city – space – room", for people
	Note     string     `json:"note,omitempty"`   // for people
	Timezone string     `json:"timezone"`         // IANA name; for showing times, never for deciding
	Revision string     `json:"revision"`         // of the plan it was made from
	From     time.Time  `json:"from"`             // before it nothing is known
	Until    time.Time  `json:"until"`            // from then on nothing is known: a window without a newer programme closes
	Open     []Span     `json:"open"`             // the space's own opening hours
	Links    []Interval `json:"links"`            // whom it sees; within Open unless the link is "always"
	Phones   []Phone    `json:"phones,omitempty"` // who may ring it from a desk phone while it is Open
	Knocks   []Knock    `json:"knocks,omitempty"` // by which numbers others ask to be let in

	// Keys are the public media keys of partners, by account, in base64, as far as they have told them. Whoever makes the programme
	// could name any: a window pins what it sees first.
	Keys map[string]string `json:"keys,omitempty"`

	Strange []string `json:"-"` // what a reader left out because it does not know it; for the log
}

// A Span is a half-open interval of time [From, Until), in UTC.
type Span struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// Contains says whether t lies in the span.
func (s Span) Contains(t time.Time) bool { return !t.Before(s.From) && t.Before(s.Until) }

// An Interval says which partner a window sees during a span, and which of the two calls.
type Interval struct {
	Span
	Partner     string `json:"partner"`      // user part of the partner's address-of-record
	PartnerName string `json:"partner_name"` // "city – space – room"
	Caller      string `json:"caller"`       // user part of the space that sends the INVITE: Partner or Programme.Space
	Link        string `json:"link"`         // name of the rule, for people
}

// A Phone may call the window; a window never calls a phone.
type Phone struct {
	Account  string   `json:"account"` // user part of the phone's address-of-record
	Name     string   `json:"name"`    // for the screen
	Security Security `json:"security"`
	Picture  bool     `json:"picture"`                  // whether they see each other; without, neither side's picture is sent
	Always   bool     `json:"picture_always,omitempty"` // it sees the window even while it shows nothing itself
}

// A Knock is a number by which others ask the window to be let in. A reader that does not know it has it ring like any
// other number.
type Knock struct {
	Number    string   `json:"number"`              // as it is dialled
	Policy    string   `json:"policy"`              // name of the rule, for people
	From      []string `json:"from,omitempty"`      // accounts that may knock
	Everybody bool     `json:"everybody,omitempty"` // all accounts may
	Ring      int      `json:"ring"`                // seconds for which it rings
	Until     string   `json:"until"`               // Accepted: before somebody accepts there is no picture and no sound
}

// Accepted is the only value of Knock.Until so far.
const Accepted = "accepted"

// LinkAt is the interval that holds at t, or nil.
func (p *Programme) LinkAt(t time.Time) *Interval {
	for i := range p.Links {
		if p.Links[i].Contains(t) {
			return &p.Links[i]
		}
	}
	return nil
}

// NextLink is the first interval that begins after t, or nil.
func (p *Programme) NextLink(t time.Time) *Interval {
	for i := range p.Links {
		if p.Links[i].From.After(t) {
			return &p.Links[i]
		}
	}
	return nil
}

// OpenAt is the span of opening hours that t lies in, or nil.
func (p *Programme) OpenAt(t time.Time) *Span {
	for i := range p.Open {
		if p.Open[i].Contains(t) {
			return &p.Open[i]
		}
	}
	return nil
}

// Phone finds a phone by its account, or nil.
func (p *Programme) Phone(account string) *Phone {
	for i := range p.Phones {
		if p.Phones[i].Account == account {
			return &p.Phones[i]
		}
	}
	return nil
}

// Same says whether a and b tell a window the same about the time that both cover: then there is no need to send
// b to a window that has a. The revision of the plan does not matter.
func Same(a, b *Programme) bool {
	from, until := a.From, a.Until
	if b.From.After(from) {
		from = b.From
	}
	if b.Until.Before(until) {
		until = b.Until
	}
	if !from.Before(until) || a.Space != b.Space || a.Name != b.Name || a.Note != b.Note || a.Timezone != b.Timezone {
		return false
	}
	clip := func(s Span) (Span, bool) {
		if s.From.Before(from) {
			s.From = from
		}
		if s.Until.After(until) {
			s.Until = until
		}
		return Span{s.From.UTC(), s.Until.UTC()}, s.From.Before(s.Until)
	}
	open := func(p *Programme) (out []Span) {
		for _, s := range p.Open {
			if cut, ok := clip(s); ok {
				out = append(out, cut)
			}
		}
		return out
	}
	links := func(p *Programme) (out []Interval) {
		for _, l := range p.Links {
			if cut, ok := clip(l.Span); ok {
				l.Span = cut
				out = append(out, l)
			}
		}
		return out
	}
	both := links(a)
	return slices.Equal(open(a), open(b)) && slices.Equal(both, links(b)) && slices.Equal(a.Phones, b.Phones) &&
		slices.EqualFunc(a.Knocks, b.Knocks, sameKnock) &&
		!slices.ContainsFunc(both, func(l Interval) bool { return a.Keys[l.Partner] != b.Keys[l.Partner] })
}

// Partners are the accounts that Links names, each once, in order.
func (p *Programme) Partners() []string {
	var out []string
	for _, l := range p.Links {
		out = append(out, l.Partner)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func sameKnock(a, b Knock) bool {
	return a.Number == b.Number && a.Policy == b.Policy && a.Everybody == b.Everybody && a.Ring == b.Ring && a.Until == b.Until &&
		slices.Equal(a.From, b.From)
}
