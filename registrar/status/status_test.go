package status

import (
	"strings"
	"testing"
	"time"
)

func TestText(t *testing.T) {
	ten := time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC)
	s := Status{
		Domain: "reg.example.org", At: ten, Started: ten.Add(-48 * time.Hour), Plan: Plan{Revision: "r1"}, Store: "disk full", Strangers: 3,
		Accounts: []Account{
			{Name: "dresden", Role: "space", Last: &Event{At: ten.Add(-time.Hour), What: "its connection ended"}},
			{Name: "milano", Role: "space", Open: true, Partner: "munich", Reached: true, Bindings: []Binding{
				{Transport: "TLS", Peer: "192.0.2.1:40000", Since: ten.Add(-time.Hour)}}},
			{Name: "munich", Role: "space", Open: true, Partner: "milano", Probation: &Probation{Sponsor: "milano", Since: ten.Add(-24 * time.Hour)}, Words: "brand deer unhappy orbit throw glow"},
			{Name: "old", Role: "none", Probation: &Probation{}},
			{Name: "reception", Role: "phone"},
		},
		Calls: []Call{{ID: "1@x", Caller: "reception", Callee: "milano", Since: ten.Add(-time.Minute)}},
		Past: []PastCall{
			{Call: Call{Caller: "munich", Callee: "milano", Since: ten.Add(-2 * time.Hour)}, Ended: ten.Add(-time.Hour), Why: "munich hung up"},
			{Call: Call{Caller: "milano", Callee: "munich"}, Ended: ten, Why: "480 Not registered"}},
		Flows: []Flow{{Account: "milano"}},
	}
	want := `registrar of reg.example.org, running since Sat 27 Feb 10:00; plan r1
the accounts cannot be read: disk full
1 connections of accounts, 3 of strangers

dresden    space            closed                 not registered: its connection ended at 09:00:00
milano     space            should be with munich  registered since 09:00:00 from 192.0.2.1:40000 (TLS)
munich     space            should be with milano  not registered yet
old        not in the plan                         not registered yet
reception  phone                                   not registered yet

key of munich  brand deer unhappy orbit throw glow

munich is on probation until confirmed, since Sun 28 Feb 10:00; it may link with its sponsor alone: milano
old is on probation until confirmed; no sponsor of it is known, and it sees nobody

call  reception to milano, since 09:59:00
past  10:00:00: milano to munich, never answered; 480 Not registered
past  09:00:00: munich to milano, for 1h0m0s; munich hung up
`
	if got := s.Text(time.UTC); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	want = `registrar of reg.example.org, running since Sat 27 Feb 10:00; plan r1
the accounts cannot be read: disk full
0 connections of accounts, 3 of strangers

reception  phone    not registered yet

call  reception to milano, since 09:59:00
`
	if got := s.Of("reception").Text(time.UTC); got != want {
		t.Errorf("of one\n%s\nwant\n%s", got, want)
	}
	if s.Call("milano", "reception") == nil || s.Call("milano", "munich") != nil || s.Last("munich", "milano").Why != "480 Not registered" || s.Account("x") != nil {
		t.Error("a question is answered wrongly")
	}
}

// Whoever is registered more than once is shown so: of a space it is a mistake.
func TestTextOfSeveralBindings(t *testing.T) {
	when := func(at time.Time) string { return at.Format(time.TimeOnly) }
	ten := time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC)
	twice := []Binding{
		{Transport: "TLS", Peer: "192.0.2.1:40000", Since: ten, Lost: true},
		{Transport: "TLS", Peer: "192.0.2.1:40001", Since: ten},
		{Transport: "TCP", Peer: "192.0.2.9:40000", Since: ten.Add(time.Minute)},
	}
	both := "registered since 10:00:00 from 192.0.2.1:40001 (TLS) and since 10:01:00 from 192.0.2.9:40000 (TCP)"
	many := Account{Role: "phone", Bindings: append(twice, twice...)}
	if got, want := many.where(when), both+" and 2 more"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for role, want := range map[string]string{
		"phone": both,
		"space": both + ": an account is for one window, and two take the line from each other",
	} {
		a := Account{Role: role, Bindings: twice}
		if got := a.where(when); got != want {
			t.Errorf("%s: got  %s\nwant %s", role, got, want)
		}
	}
}

// What is only remembered, and not heard of any more, is said so.
func TestTextOfWhatIsNotHeardOf(t *testing.T) {
	ten := time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		call Call
		up   bool
		says string
	}{
		"well":   {Call{}, true, "milano to munich, since 10:00:00\n"},
		"lost":   {Call{Lost: "munich"}, false, "since 10:00:00; munich cannot be reached\n"},
		"silent": {Call{Silent: "milano"}, false, "since 10:00:00; nothing comes to milano\n"},
	} {
		c.call.Caller, c.call.Callee, c.call.Since = "milano", "munich", ten
		s := Status{At: ten, Calls: []Call{c.call}, Accounts: []Account{{Name: "milano", Role: "space", Partner: "munich",
			Bindings: []Binding{{Transport: "TLS", Peer: "192.0.2.1:40000", Since: ten, Quiet: !c.up}}}}}
		text := s.Text(time.UTC)
		if strings.Contains(text, "should be with munich") == c.up || !strings.Contains(text, c.says) ||
			strings.Contains(text, "(TLS), and nothing comes from there any more") == c.up {
			t.Errorf("%s:\n%s", name, text)
		}
	}
}
