package proxy

import (
	"testing"
	"time"

	"ewindow/registrar/flow"
	"ewindow/registrar/location"
)

// standing are the connections that there are.
type standing map[location.Flow]bool

func (s standing) Heard(f location.Flow) bool { return s.Alive(f) }

func (s standing) Alive(f location.Flow) bool { return f.Transport == flow.UDP || s[f] }

// Where the other side of a dialog is, by what it was on when it was last heard, and what it has registered since.
func TestAcross(t *testing.T) {
	old := location.Flow{Transport: flow.TLS, Remote: "10.0.0.2:1", ID: "old"}
	next := location.Flow{Transport: flow.TLS, Remote: "10.0.0.2:2", ID: "next"}
	other := location.Flow{Transport: flow.TLS, Remote: "10.0.0.3:1", ID: "other"}
	udp := location.Flow{Transport: flow.UDP, Remote: "10.0.0.4:5060"}
	const contact = "sip:milano@milano.invalid"
	type on struct {
		account, contact string
		flow             location.Flow
	}
	for _, c := range []struct {
		name       string
		registered []on
		alive      []location.Flow
		last, want location.Flow
		noUDP      bool
	}{
		{name: "where it was", alive: []location.Flow{old}, last: old, want: old},
		{name: "gone", last: old},
		{name: "come back", registered: []on{{"milano", contact, next}}, alive: []location.Flow{next}, last: old, want: next},
		{name: "twice there", registered: []on{{"milano", contact, old}, {"milano", contact, next}},
			alive: []location.Flow{old, next}, last: old, want: next},
		{name: "registered, and gone", registered: []on{{"milano", contact, next}}, last: old},
		{name: "by another contact", registered: []on{{"milano", "sip:milano@elsewhere.invalid", next}}, alive: []location.Flow{old, next}, last: old, want: old},
		{name: "by another account", registered: []on{{"thief", contact, other}}, alive: []location.Flow{other}, last: old},
		{name: "a phone", last: udp, want: udp},
		{name: "a phone, and no socket for it any more", last: udp, noUDP: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := time.Now()
			table := location.New(location.Config{})
			for i, b := range c.registered {
				_, err := table.Register(location.Registration{AOR: b.account, CallID: b.flow.ID, CSeq: 1, Flow: b.flow,
					Contacts: []location.Contact{{URI: b.contact, Instance: b.flow.ID, RegID: 1, Expires: time.Hour}}}, now.Add(time.Duration(i)*time.Millisecond))
				if err != nil {
					t.Fatal(err)
				}
			}
			flows := standing{}
			for _, f := range c.alive {
				flows[f] = true
			}
			l := &locator{table: table, flows: flows, udp: !c.noUDP}
			got, ok := l.across("milano", contact, c.last)
			if ok != (c.want != location.Flow{}) || ok && got != c.want {
				t.Errorf("%v, %v; want %v", got, ok, c.want)
			}
		})
	}
}
