package proxy

import (
	"slices"
	"time"

	"ewindow/dialplan"
	"ewindow/dialplan/programme"
	"ewindow/registrar/notify"
	"ewindow/registrar/signal/relays"
	"ewindow/registrar/signal/version"
)

// An eventPackage is something that can be subscribed to (RFC 6665 §5). Both functions go by the plan that they are
// given, and are asked anew whenever that changes.
type eventPackage struct {
	doc   version.Document
	fresh time.Duration // how old a state may get at a subscriber before it is sent anew; 0: any age

	// may is the verdict on an account that wants to watch a resource; status 0 if it may.
	may func(plan *dialplan.Plan, subscriber, resource string) verdict
	// state is what there is to tell; it is asked only of what may be watched.
	state func(plan *dialplan.Plan, resource string, now time.Time) (notify.State, error)
}

// Relays makes what an account is told of STUN and TURN servers; nil if it may not use any.
type Relays interface {
	Relays(account string, now time.Time) *relays.Relays
}

// eventPackages are those of this registrar, by name. exists says whether there is an account, keys whose media key it has; servers is
// nil where there are none.
func eventPackages(exists func(account string) bool, keys Keys, servers Relays) map[string]eventPackage {
	all := map[string]eventPackage{"ua-profile": uaProfile(exists, keys, programme.Spoken())}
	if servers != nil {
		all[relays.Event] = ewindowRelays(servers)
	}
	return all
}

// ownOnly is the verdict on who wants to watch what is a space's own.
func ownOnly(what string) func(plan *dialplan.Plan, subscriber, resource string) verdict {
	return func(plan *dialplan.Plan, subscriber, resource string) verdict {
		if subscriber != resource {
			return vFromMismatch
		}
		if _, space := plan.Space(resource); !space {
			return verdict{status: 404, reason: "Only spaces have " + what}
		}
		return verdict{}
	}
}

// uaProfile carries a window's programme (RFC 6080). It reaches two weeks ahead and is sent anew every day. Whoever has
// no account, or none any more, is not there to be seen, whatever the plan says.
func uaProfile(exists func(account string) bool, keys Keys, speaks programme.Versions) eventPackage {
	return eventPackage{
		doc:   version.Document{Type: programme.ContentType, Oldest: speaks.Oldest, Newest: speaks.Newest},
		fresh: 24 * time.Hour,
		may:   ownOnly("a programme"),
		state: func(plan *dialplan.Plan, resource string, now time.Time) (notify.State, error) {
			p, err := plan.Programme(resource, now)
			if err != nil {
				return nil, err
			}
			p.Links = slices.DeleteFunc(p.Links, func(l programme.Interval) bool { return !exists(l.Partner) })
			p.Phones = slices.DeleteFunc(p.Phones, func(ph programme.Phone) bool { return !exists(ph.Account) })
			return programmeState{named(p, keys), speaks}, nil
		},
	}
}

// named is a programme with the keys of its partners, as far as they fit a message: at the handshake a window sees them anyway.
func named(p *programme.Programme, keys Keys) *programme.Programme {
	p.Keys = map[string]string{}
	for _, partner := range p.Partners() {
		if key, _ := keys.Of(partner); key != "" {
			p.Keys[partner] = key.Text()
		}
	}
	if _, err := programme.Encode(p); err != nil {
		p.Keys = nil
	}
	return p
}

// programmeState is a programme as the body of a NOTIFY.
type programmeState struct {
	*programme.Programme
	speaks programme.Versions
}

// Same says whether the window that has the other one needs this one.
func (s programmeState) Same(other notify.State) bool {
	o, ok := other.(programmeState)
	return ok && programme.Same(o.Programme, s.Programme)
}

// Encode writes it as programme.ContentType says.
func (s programmeState) Encode(version int) ([]byte, error) {
	return s.speaks.Encode(s.Programme, version)
}

// ewindowRelays carries STUN and TURN servers with credentials. They are made anew at half of their life and whenever
// somebody subscribes; an edit of the plan is no reason.
func ewindowRelays(servers Relays) eventPackage {
	return eventPackage{
		doc:   version.Document{Type: relays.ContentType, Oldest: relays.Version, Newest: relays.Version},
		fresh: relays.Lifetime / 2,
		may:   ownOnly("relays"),
		state: func(_ *dialplan.Plan, resource string, now time.Time) (notify.State, error) {
			r := servers.Relays(resource, now)
			if r == nil {
				return nil, nil
			}
			return relaysState{r}, nil
		},
	}
}

// relaysState is relays as the body of a NOTIFY.
type relaysState struct{ *relays.Relays }

// Same says whether the window that has the other ones needs these.
func (s relaysState) Same(other notify.State) bool {
	o, ok := other.(relaysState)
	return ok && relays.Same(o.Relays, s.Relays)
}

// Encode writes them as relays.ContentType says. There is one version of it.
func (s relaysState) Encode(int) ([]byte, error) { return relays.Encode(s.Relays) }
