// Package members is the record of a network: who was admitted, by whom and under which conditions, who was confirmed since, who left.
//
// The record is a file to which lines are added and in which none is ever changed: one JSON object each, with a number and a checksum that
// covers the line before, so that whoever takes a line away or writes another one is seen. A line that a power cut left unfinished was
// acknowledged to nobody, and goes with the next one that is added.
//
//	invited ─▶ joined, or admitted ─▶ on probation: may link with its sponsor alone ─▶ confirmed ─▶ a full member
//	                                       └───────────────────────▶ revoked ◀────────────────────────┘
//
// Accounts that have no line here are full members: those of the founders.
package members

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ewindow/dialplan/username"
)

// Kind is what a line of the record says.
type Kind string

// Kinds of lines.
const (
	Invited   Kind = "invited" // a code was made, see Invitation
	Joined    Kind = "joined"  // and used: by a newcomer, who is admitted by it, or a member's other device
	Admitted  Kind = "admitted"
	Confirmed Kind = "confirmed"
	Revoked   Kind = "revoked"
	Withdrawn Kind = "withdrawn" // its codes are void: its account was removed, or got another secret
	Restored  Kind = "restored"  // from a backup: what was given out before it is void
)

// An Entry is a line of the record. The conditions stand in that by which somebody was admitted.
type Entry struct {
	Number  int       `json:"n"` // from 1
	Time    time.Time `json:"time"`
	Kind    Kind      `json:"kind"`
	Space   string    `json:"space,omitempty"`
	Sponsor string    `json:"sponsor,omitempty"` // the member that vouches for it
	Visited string    `json:"visited,omitempty"` // when it visited a member's space, such as 2027-03-02
	Rules   string    `json:"rules,omitempty"`   // version of the exchange rules that it agreed to
	Event   string    `json:"event,omitempty"`   // date of the event of its own to which it invites a member
	Code    string    `json:"code,omitempty"`    // of an invitation: the ID of its code
	Key     string    `json:"key,omitempty"`     // of an invitation: what stands for its token, which is not kept
	Expires time.Time `json:"expires,omitzero"`  // of an invitation
	Device  string    `json:"device,omitempty"`  // who used it: SHA-256 of the public key, in hex
	Sum     string    `json:"sum"`               // checksum of this line and of the one before
}

// State is what somebody is by the record.
type State string

// States of a member.
const (
	OnProbation State = "on probation"
	Full        State = "member"
	Former      State = "revoked"
)

// A Member is what the record says of a space in the end.
type Member struct {
	Space   string    `json:"space"`
	State   State     `json:"state"`
	Since   time.Time `json:"since"`
	Sponsor string    `json:"sponsor"`
	Visited string    `json:"visited"`
	Rules   string    `json:"rules"`
	Event   string    `json:"event"`
}

// Overdue is true for a probation whose event is over.
func (m Member) Overdue(now time.Time) bool {
	event, err := time.ParseInLocation(time.DateOnly, m.Event, now.Location())
	return m.State == OnProbation && err == nil && now.After(event.AddDate(0, 0, 1))
}

// A Record is all lines, in their order.
type Record []Entry

// Members are what the record says of each space, by name.
func (r Record) Members() []Member {
	by := map[string]Member{}
	codes := map[string]Entry{}
	for _, e := range r {
		m, known := by[e.Space]
		switch e.Kind {
		case Invited:
			codes[e.Code] = e
			continue
		case Restored, Withdrawn:
			continue
		}
		if e.Kind == Joined {
			code := codes[e.Code]
			switch {
			case code.Sponsor != "":
				e.Kind, e.Sponsor, e.Visited, e.Rules, e.Event = Admitted, code.Sponsor, code.Visited, code.Rules, code.Event
			case !known:
				m.State, m.Rules = Full, code.Rules // a founder
			default: // the other device of a member changes nothing but what it agreed to
				m.Rules = code.Rules
				by[e.Space] = m
				continue
			}
		}
		m.Space, m.Since = e.Space, e.Time
		switch e.Kind {
		case Admitted:
			m = Member{e.Space, OnProbation, e.Time, e.Sponsor, e.Visited, e.Rules, e.Event}
		case Confirmed:
			m.State = Full
		case Revoked:
			m.State = Former
		}
		by[e.Space] = m
	}
	out := make([]Member, 0, len(by))
	for _, m := range by {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b Member) int { return strings.Compare(a.Space, b.Space) })
	return out
}

// Member is what the record says of a space; false if nothing.
func (r Record) Member(space string) (Member, bool) {
	for _, m := range r.Members() {
		if m.Space == space {
			return m, true
		}
	}
	return Member{}, false
}

// Device is the key of the machine by which a space joined last, as long as that membership lasts: SHA-256 of the public key, in hex. Empty
// where there is none: of accounts whose secret was carried by hand nobody knows a key.
func (r Record) Device(space string) (device string) {
	for _, e := range r {
		switch {
		case e.Space != space:
		case e.Kind == Joined:
			device = e.Device
		case e.Kind == Revoked || e.Kind == Admitted:
			device = ""
		}
	}
	return device
}

// What a caller may branch on. The errors that wrap them say what to do.
var (
	ErrRefused = errors.New("not recorded")
	ErrDamaged = errors.New("the record of members is damaged")
)

func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
}

const maxRules = 40 // bytes of a version's name

// Admit makes the line by which space is put on probation, if its conditions make sense at now. Whether the sponsor has an account is the
// caller's to know.
func (r Record) Admit(space, sponsor, visited, rules, event string, now time.Time) (Entry, error) {
	none := Entry{}
	for _, name := range []string{space, sponsor} {
		if !username.Valid(name) {
			return none, refused("%.80q is not a name; use %s", name, username.Rule)
		}
	}
	if space == sponsor {
		return none, refused("%s cannot be its own sponsor", space)
	}
	if m, known := r.Member(space); known && m.State != Former {
		return none, refused("%s is %s since %s; `ewindow-registrar member list` has them all", space, says(m.State), m.Since.Format(time.DateOnly))
	}
	if m, known := r.Member(sponsor); known && m.State != Full {
		return none, refused("%s is %s itself and cannot be a sponsor; name a full member", sponsor, says(m.State))
	}
	visit, err := time.ParseInLocation(time.DateOnly, visited, now.Location())
	if err != nil {
		return none, refused("the visit %.40q is no date such as 2027-03-02", visited)
	}
	if visit.After(now) {
		return none, refused("the visit of %s has not been yet; a newcomer has visited a member's space before", visited)
	}
	held, err := time.ParseInLocation(time.DateOnly, event, now.Location())
	if err != nil {
		return none, refused("the event %.40q is no date such as 2027-05-10", event)
	}
	if held.Before(visit) {
		return none, refused("the event of %s is before the visit of %s; it is the newcomer's own, to which it invites a member", event, visited)
	}
	if err := checkRules(rules); err != nil {
		return none, err
	}
	return Entry{Time: now, Kind: Admitted, Space: space, Sponsor: sponsor, Visited: visited, Rules: rules, Event: event}, nil
}

// Confirm makes the line by which a probation ends. Before the day of the newcomer's event it is refused, unless early is true.
func (r Record) Confirm(space string, early bool, now time.Time) (Entry, error) {
	m, known := r.Member(space)
	switch {
	case !known:
		return Entry{}, refused("%.80q is not in the record; who has an account without being there is a full member", space)
	case m.State != OnProbation:
		return Entry{}, refused("%s is not on probation but %s since %s", space, says(m.State), m.Since.Format(time.DateOnly))
	}
	if event, err := time.ParseInLocation(time.DateOnly, m.Event, now.Location()); err == nil && now.Before(event) && !early {
		return Entry{}, refused("the event of %s is on %s only; --anyway confirms it before", space, m.Event)
	}
	return Entry{Time: now, Kind: Confirmed, Space: space}, nil
}

// Restore makes the line that stands where a record was put back from a backup. Codes of before it are void: nobody knows any more which
// of them were used.
func (r Record) Restore(now time.Time) (Entry, error) { return Entry{Time: now, Kind: Restored}, nil }

// Revoke makes the line by which a membership ends, and with it all codes of that space; of one that is no member, that by which its codes do.
func (r Record) Revoke(space string, now time.Time) (Entry, error) {
	m, known := r.Member(space)
	switch codes, err := r.Withdraw(space, now); {
	case known && m.State != Former:
	case err == nil:
		return codes, nil
	case !known:
		return Entry{}, refused("%.80q is not in the record; `ewindow-registrar account remove` ends an account that is not", space)
	default:
		return Entry{}, refused("%s was revoked on %s", space, m.Since.Format(time.DateOnly))
	}
	return Entry{Time: now, Kind: Revoked, Space: space}, nil
}

// checkRules checks the name of a version, which is the name of a file too.
func checkRules(version string) error {
	if version == "" || len(version) > maxRules || strings.Trim(version, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") != "" || version[0] == '.' {
		return refused("the version of the rules %.60q is none such as v3: up to %d letters, digits, dots and dashes", version, maxRules)
	}
	return nil
}

func says(s State) string {
	if s == Full {
		return "a member"
	}
	return string(s)
}
