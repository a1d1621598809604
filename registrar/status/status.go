// Package status is what a running registrar knows about itself, as a value: who is where, since when, and why not.
package status

import (
	"time"

	"ewindow/registrar/signal/health"
)

// Status is a registrar at one moment. A zero time is "never".
type Status struct {
	Domain        string         `json:"domain"`
	At            time.Time      `json:"at"`
	Started       time.Time      `json:"started"`
	Plan          Plan           `json:"plan"`
	Store         string         `json:"store,omitempty"` // why the accounts cannot be read at the moment
	Accounts      []Account      `json:"accounts"`        // by name
	Calls         []Call         `json:"calls"`           // in the order in which they were answered
	Past          []PastCall     `json:"past"`            // the newest last
	Flows         []Flow         `json:"flows"`           // connections on which somebody has authenticated
	Strangers     int            `json:"strangers"`       // connections on which nobody has
	Subscriptions []Subscription `json:"subscriptions"`
}

// Plan is the plan in force.
type Plan struct {
	Revision string `json:"revision"`
}

// Account is one that the plan names, or that is registered.
type Account struct {
	Name        string     `json:"name"`
	Role        string     `json:"role"` // space | phone | none, by the plan
	Open        bool       `json:"open"` // a space, within its own hours
	Partner     string     `json:"partner,omitempty"`
	Probation   *Probation `json:"probation,omitempty"`  // nil: none
	Words       string     `json:"words,omitempty"`      // the six words of its window's public key, as it told it
	Reached     bool       `json:"reached"`              // it could be called now
	Accountless bool       `json:"no_account,omitempty"` // the plan names it, and it has no account: it cannot register
	Bindings    []Binding  `json:"bindings,omitempty"`
	Last        *Event     `json:"last,omitempty"`   // what happened to it last, apart from calls
	Health      *Health    `json:"health,omitempty"` // what its window last told of itself; nil: nothing, or it is gone
}

// Health is what a window tells of itself, as it was when it told.
type Health struct {
	health.Health
	Told     time.Time `json:"told"`
	ClockOff float64   `json:"clock_off_s"` // seconds by which its clock was ahead of the registrar's; 0 if it did not say
}

// Probation is a space that may link with its sponsor alone until it is confirmed.
type Probation struct {
	Sponsor string    `json:"sponsor"`
	Since   time.Time `json:"since,omitzero"`
}

// Binding is a contact of an account (RFC 3261 §10).
type Binding struct {
	Contact   string    `json:"contact"`
	Transport string    `json:"transport"`
	Peer      string    `json:"peer"` // address that it was registered from
	Since     time.Time `json:"since"`
	Updated   time.Time `json:"updated"`
	Expires   time.Time `json:"expires"`
	Lost      bool      `json:"lost,omitempty"`  // its connection has ended
	Quiet     bool      `json:"quiet,omitempty"` // nothing comes on its connection any more, though it should
}

// Event is something that happened to an account.
type Event struct {
	At   time.Time `json:"at"`
	What string    `json:"what"` // for people
}

// Call is a dialog of two accounts, or of one with the echo, whose signalling went through here.
type Call struct {
	ID     string    `json:"call_id"`
	Caller string    `json:"caller"`
	Callee string    `json:"callee"`
	Since  time.Time `json:"since"`
	Lost   string    `json:"lost,omitempty"`   // account that cannot be reached in it; empty if both can
	Silent string    `json:"silent,omitempty"` // account of a window that says that nothing comes; empty if none does
	Media  string    `json:"media,omitempty"`  // of one with the echo: where media comes from, and where its SDP says, for people
}

// PastCall is a call that has ended or came to nothing.
type PastCall struct {
	Call
	Ended time.Time `json:"ended"`
	Why   string    `json:"why"`
}

// MaxPast is how many past calls a registrar remembers.
const MaxPast = 50

// Flow is a connection (RFC 5626 §3).
type Flow struct {
	Transport string    `json:"transport"`
	Peer      string    `json:"peer"`
	Account   string    `json:"account"` // the last that authenticated on it
	Since     time.Time `json:"since"`
}

// Subscription is one to an event package (RFC 6665).
type Subscription struct {
	Event      string    `json:"event"`
	Resource   string    `json:"resource"`
	Subscriber string    `json:"subscriber"`
	Sent       time.Time `json:"sent"` // the last NOTIFY; zero before the first
	Expires    time.Time `json:"expires"`
	Waits      bool      `json:"waits,omitempty"` // there is no way to the subscriber
}

// Account returns the account of that name, or nil.
func (s Status) Account(name string) *Account {
	for i := range s.Accounts {
		if s.Accounts[i].Name == name {
			return &s.Accounts[i]
		}
	}
	return nil
}

// Call returns a call between two accounts, whoever of them called, or nil.
func (s Status) Call(a, b string) *Call {
	for i := range s.Calls {
		if c := &s.Calls[i]; c.Caller == a && c.Callee == b || c.Caller == b && c.Callee == a {
			return c
		}
	}
	return nil
}

// Up says whether two accounts are in a call in which both can be reached, and neither says that nothing comes.
func (s Status) Up(a, b string) bool {
	c := s.Call(a, b)
	return c != nil && c.Lost == "" && c.Silent == ""
}

// Last returns what became of the newest past call between two accounts, or nil.
func (s Status) Last(a, b string) *PastCall {
	for i := len(s.Past) - 1; i >= 0; i-- {
		if c := &s.Past[i]; c.Caller == a && c.Callee == b || c.Caller == b && c.Callee == a {
			return c
		}
	}
	return nil
}

// Of is the part of a status that concerns an account: what it is, and its calls, connections and subscriptions. Counts of others stay.
func (s Status) Of(name string) Status {
	s.Accounts = only(s.Accounts, func(a Account) bool { return a.Name == name })
	s.Calls = only(s.Calls, func(c Call) bool { return c.Caller == name || c.Callee == name })
	s.Past = only(s.Past, func(c PastCall) bool { return c.Caller == name || c.Callee == name })
	s.Flows = only(s.Flows, func(f Flow) bool { return f.Account == name })
	s.Subscriptions = only(s.Subscriptions, func(u Subscription) bool { return u.Subscriber == name })
	return s
}

func only[T any](all []T, is func(T) bool) []T {
	out := []T{}
	for _, t := range all {
		if is(t) {
			out = append(out, t)
		}
	}
	return out
}
