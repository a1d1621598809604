package members

import (
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"ewindow/dialplan/username"
)

// CodeLife is how long a code may be used.
const CodeLife = 7 * 24 * time.Hour

// Fate is what became of an invitation.
type Fate string

// Fates of an invitation.
const (
	Open    Fate = "open"
	Used    Fate = "used"
	Expired Fate = "expired"
	Void    Fate = "revoked" // its space was revoked, its account removed or given another secret, or it has got a later code, or the record was put back from a backup
)

// An Invitation is a code that was made for a space. One without a sponsor is for a founder, or a member's other device.
type Invitation struct {
	Entry       // the line
	Fate   Fate //
	Since  time.Time
	Device string // who used it
}

// Invite makes the line of a newcomer's code: the conditions are those of Admit, id and key stand for the token.
func (r Record) Invite(space, sponsor, visited, rules, event, id, key string, now time.Time) (Entry, error) {
	e, err := r.Admit(space, sponsor, visited, rules, event, now)
	e.Kind, e.Code, e.Key, e.Expires = Invited, id, key, now.Add(CodeLife).UTC().Truncate(time.Second)
	return e, err
}

// InviteAgain makes the line of a code for a founder, or for the other device of a member, which stays what it is.
func (r Record) InviteAgain(space, rules, id, key string, now time.Time) (Entry, error) {
	if !username.Valid(space) {
		return Entry{}, refused("%.80q is not a name; use %s", space, username.Rule)
	}
	if m, known := r.Member(space); known && m.State == Former {
		return Entry{}, refused("%s was revoked on %s; invite it as a newcomer, with a sponsor", space, m.Since.Format(time.DateOnly))
	}
	if err := checkRules(rules); err != nil {
		return Entry{}, err
	}
	return Entry{Time: now, Kind: Invited, Space: space, Rules: rules, Code: id, Key: key, Expires: now.Add(CodeLife).UTC().Truncate(time.Second)}, nil
}

// Invitation finds a code by its ID; false if none was made.
func (r Record) Invitation(id string, now time.Time) (i Invitation, known bool) {
	for _, e := range r {
		switch {
		case e.Kind == Invited && e.Code == id:
			i, known = Invitation{Entry: e, Fate: Open, Since: e.Time}, true
		case known && (e.Kind == Restored || e.Kind == Withdrawn && e.Space == i.Space):
			i.Fate, i.Since = Void, e.Time
		case !known || e.Space != i.Space || i.Fate != Open:
		case e.Kind == Joined && e.Code == id:
			i.Fate, i.Since, i.Device = Used, e.Time, e.Device
		case e.Kind == Invited || e.Kind == Revoked || e.Kind == Admitted:
			i.Fate, i.Since = Void, e.Time
		}
	}
	for _, e := range r { // a membership that ended takes its code along
		if known && e.Kind == Revoked && e.Space == i.Space && e.Number > i.Number {
			i.Fate, i.Since = Void, e.Time
		}
	}
	if i.Fate == Open && !now.Before(i.Expires) {
		i.Fate, i.Since = Expired, i.Expires
	}
	return i, known
}

// Open are the codes that can be used at now.
func (r Record) Open(now time.Time) (open []Invitation) {
	for _, e := range r {
		if e.Kind != Invited {
			continue
		}
		if i, _ := r.Invitation(e.Code, now); i.Fate == Open {
			open = append(open, i)
		}
	}
	return open
}

// Withdraw makes the line by which the codes of a space are void, also one by which its device could come back.
func (r Record) Withdraw(space string, now time.Time) (Entry, error) {
	for _, e := range r {
		if e.Kind != Invited || e.Space != space {
			continue
		}
		if i, _ := r.Invitation(e.Code, now); i.Fate == Open || i.Fate == Used && now.Before(i.Expires) {
			return Entry{Time: now, Kind: Withdrawn, Space: space}, nil
		}
	}
	return Entry{}, refused("%.80q has no code that could be used", space)
}

// What Join says beside ErrRefused.
var (
	ErrAgain = errors.New("this device has joined by this code already")
	ErrFate  = errors.New("the code is not open")
)

// Join makes the line by which a device uses a code. Errors: ErrAgain for the device that has used it, ErrFate for others.
func (r Record) Join(id, device string, now time.Time) (Entry, error) {
	if b, err := hex.DecodeString(device); err != nil || len(b) != 32 {
		return Entry{}, refused("%.80q is no device's key", device)
	}
	i, known := r.Invitation(id, now)
	switch {
	case !known:
		return Entry{}, refused("there is no such code")
	case i.Fate == Used && i.Device == device && now.Before(i.Expires):
		return Entry{}, ErrAgain
	case i.Fate != Open:
		return Entry{}, fmt.Errorf("%w but %s", ErrFate, i.Fate)
	}
	return Entry{Time: now, Kind: Joined, Space: i.Space, Code: id, Device: device}, nil
}
