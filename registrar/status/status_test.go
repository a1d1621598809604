package status

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"ewindow/registrar/signal/health"
)

var ten = time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC)

func sample() Status {
	tls := func(peer string) []Binding {
		return []Binding{{Contact: "sip:" + peer, Transport: "TLS", Peer: peer, Since: ten.Add(-time.Hour), Updated: ten.Add(-time.Minute), Expires: ten.Add(4 * time.Minute)}}
	}
	return Status{
		Domain: "reg.example.org", At: ten, Started: ten.Add(-48 * time.Hour), Plan: Plan{Revision: "r1"}, Store: "disk full", Strangers: 3,
		Accounts: []Account{
			{Name: "berlin", Role: "space", Accountless: true},
			{Name: "dresden", Role: "space", Open: true, Partner: "potsdam", Last: &Event{At: ten.Add(-time.Hour), What: "its connection ended"}},
			{Name: "milano", Role: "space", Open: true, Partner: "munich", Reached: true, Bindings: tls("192.0.2.1:40000"), Health: &Health{Told: ten.Add(-30 * time.Second),
				Health: health.Health{Version: "v1.2.0", Up: 7200, Encoder: "v4l2h264enc", Trust: "confirmed",
					Call:  &health.Call{Peer: "munich", State: health.Picture, For: 3000, Path: "relay/udp", Keys: "dtls", FPSIn: 30, KbpsIn: 1800, KbpsOut: 2000, Loss: 0.4, Gone: 0.01, RTT: 12.5},
					Fault: &health.Fault{What: "line to munich silent", Ago: 1200, Lasted: 12, By: "a new call", Before: 2}}}},
			{Name: "munich", Role: "space", Open: true, Partner: "milano", Reached: true, Bindings: tls("[2001:db8::1]:40000"), Words: "brand deer unhappy orbit throw glow",
				Probation: &Probation{Sponsor: "milano", Since: ten.Add(-24 * time.Hour)}, Health: &Health{Told: ten.Add(-90 * time.Second), ClockOff: -3600,
					Health: health.Health{Version: "v1.2.0-14-g123456789a", Devices: []health.Device{{Role: "camera", Missing: "No camera"}, {Role: "sound", Down: true, Failures: 3}}, Trust: "changed"}}},
			{Name: "old", Role: "none", Probation: &Probation{}},
			{Name: "potsdam", Role: "space", Open: true, Partner: "dresden", Reached: true, Bindings: tls("192.0.2.7:40000")},
			{Name: "reception", Role: "phone", Bindings: []Binding{{Transport: "UDP", Peer: "192.0.2.9:5060", Since: ten.Add(-72 * time.Hour)}}},
		},
		Calls: []Call{{ID: "1@x", Caller: "milano", Callee: "munich", Since: ten.Add(-50 * time.Minute)}, {ID: "2@x", Caller: "reception", Callee: "potsdam", Since: ten.Add(-time.Minute)}},
		Past: []PastCall{
			{Call: Call{Caller: "munich", Callee: "milano", Since: ten.Add(-2 * time.Hour)}, Ended: ten.Add(-time.Hour), Why: "munich hung up"},
			{Call: Call{Caller: "potsdam", Callee: "dresden"}, Ended: ten, Why: "480 Not registered"}},
		Flows: []Flow{{Account: "milano"}}, Subscriptions: []Subscription{{Event: "ua-profile", Subscriber: "milano", Sent: ten.Add(-time.Hour)}},
	}
}

func TestText(t *testing.T) {
	want := `registrar of reg.example.org, running since 27 Feb 10:00; plan r1
the accounts cannot be read: disk full
1 of 2 links are up; not: dresden and potsdam
1 connections of accounts, 3 of strangers

SPACE    SHOULD BE     IS              SINCE     FROM         VERSION
berlin   closed        away
  ! it has no account: ewindow-registrar invite berlin
dresden  with potsdam  away            09:00:00
  ! its connection ended
milano   with munich   with munich     09:10:00  192.0.2.1    v1.2.0
munich   with milano   with milano     09:10:00  2001:db8::1  v1.2.0-14-g12…
  ! No camera
  ! its sound is down
  ! its partner's key has changed, and nobody at this window has confirmed that
  ! its clock is 1h0m0s behind
potsdam  with dresden  with reception  09:59:00  192.0.2.7    not told
  ! dresden is away

PHONE      IS                         SINCE     FROM
old        away, and not in the plan
reception  with potsdam               09:59:00  192.0.2.9:5060 (UDP)

munich is on probation until confirmed, since 28 Feb 10:00; it may link with its
sponsor alone: milano
old is on probation until confirmed; no sponsor of it is known, and it sees
nobody

call  milano to munich, since 09:10:00
call  reception to potsdam, since 09:59:00
past  10:00:00: potsdam to dresden, never answered; 480 Not registered
past  09:00:00: munich to milano, for 1h0m0s; munich hung up
`
	s := sample()
	got := s.Text(time.UTC)
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for line := range strings.Lines(got) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d characters: %s", n, line)
		}
	}
	if s.Call("milano", "reception") != nil || s.Call("potsdam", "reception") == nil || s.Last("potsdam", "dresden").Why != "480 Not registered" || s.Account("x") != nil {
		t.Error("a question is answered wrongly")
	}
}

func TestDetail(t *testing.T) {
	want := `milano      a space; should be with munich; is with munich since 09:10:00
address     192.0.2.1:40000 (TLS), registered since 09:00:00, renewed 09:59:00,
            until 10:04:00
window      v1.2.0, running since 07:59:30; told 09:59:30
encoder     v4l2h264enc
devices     none is missing
sees        munich since 09:09:30: its picture
line        by relay/udp; keys: dtls, confirmed
            in 30 pictures/s, 1800 kbit/s; out 2000 kbit/s; lost 0.4 % on the
            way, 0.01 % for good; round trip 12.5 ms
fault       09:39:30: line to munich silent for 12s; repaired by a new call; 2
            times shortly before
told of     ua-profile, last 09:00:00

call  milano to munich, since 09:10:00
past  09:00:00: munich to milano, for 1h0m0s; munich hung up
`
	s := sample()
	if got := s.Detail("milano", time.UTC); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for name, wants := range map[string][]string{
		"munich": {"!           No camera\n", "devices     camera: No camera; sound: its sound is down, failed 3 times\n", "encoder     none was needed yet\n", "clock       1h0m0s behind\n",
			"key         brand deer unhappy orbit throw glow\n", "fault       none yet\n", "probation   until confirmed, since 28 Feb 10:00; its sponsor: milano\n"},
		"dresden":   {"dresden     a space; should be with potsdam; is away since 09:00:00\n", "last        09:00:00: its connection ended\n"},
		"potsdam":   {"window      it tells nothing of itself: its program is an older one\n", "!           dresden is away\n"},
		"reception": {"reception   a phone; with potsdam since 09:59:00\n"},
		"old":       {"old         not in the plan; away\n", "no calls\n"},
	} {
		got := s.Detail(name, time.UTC)
		for _, w := range wants {
			if !strings.Contains(got, w) {
				t.Errorf("%s: no %q in\n%s", name, w, got)
			}
		}
	}
	if s.Detail("nobody", time.UTC) != "" {
		t.Error("nobody has details")
	}
}

// Why a space is not as it should be, and nothing where it is.
func TestNotes(t *testing.T) {
	home := []Binding{{Contact: "sip:a", Transport: "TLS", Peer: "192.0.2.1:40000", Since: ten}}
	other := Binding{Contact: "sip:b", Transport: "TLS", Peer: "192.0.2.2:40000", Since: ten.Add(time.Minute)}
	second := Binding{Contact: "sip:a", Transport: "TLS", Peer: "192.0.2.1:40001", Since: ten.Add(time.Minute)}
	gone := Binding{Contact: "sip:c", Transport: "TLS", Peer: "192.0.2.3:40000", Since: ten, Lost: true}
	quiet := home[0]
	quiet.Quiet = true
	failed := []PastCall{{Call: Call{Caller: "munich", Callee: "milano"}, Ended: ten.Add(-time.Minute), Why: "488 Not Acceptable Here"}}
	for name, c := range map[string]struct {
		bindings []Binding
		call     *Call
		past     []PastCall
		from     string
		want     string
	}{
		"well":                 {home, &Call{}, nil, "192.0.2.1", ""},
		"well, by two ways":    {append(home[:1:1], second), &Call{}, nil, "192.0.2.1", ""},
		"well, one gone":       {append(home[:1:1], gone), &Call{}, nil, "192.0.2.1", ""},
		"two machines":         {append(home[:1:1], other), &Call{}, nil, "192.0.2.1, 1 more", "2 windows have this account, which is for one, and take the line from each other"},
		"not heard of":         {[]Binding{quiet}, &Call{}, nil, "192.0.2.1", "nothing comes from 192.0.2.1:40000 any more"},
		"not reached":          {home, &Call{Lost: "milano"}, nil, "192.0.2.1", "it cannot be reached in its call"},
		"the other is not":     {home, &Call{Lost: "munich"}, nil, "192.0.2.1", ""},
		"silent":               {home, &Call{Silent: "milano"}, nil, "192.0.2.1", "nothing comes to it from munich"},
		"no call":              {home, nil, nil, "192.0.2.1", "neither of the two has called"},
		"no call any more":     {home, nil, failed, "192.0.2.1", "the last call of munich to milano ended at 09:59:00: 488 Not Acceptable Here"},
		"its connection ended": {[]Binding{gone}, nil, failed, "", "it has not come since this registrar was started"},
	} {
		s := Status{At: ten, Past: c.past, Accounts: []Account{{Name: "milano", Role: "space", Partner: "munich", Bindings: c.bindings},
			{Name: "munich", Role: "space", Partner: "milano", Bindings: home}}}
		if c.call != nil {
			c.call.Caller, c.call.Callee, c.call.Since = "milano", "munich", ten
			s.Calls = []Call{*c.call}
		}
		p := page{s: &s, zone: time.UTC}
		if got := strings.Join(p.notes(&s.Accounts[0]), "; "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if got := s.Accounts[0].from(); got != c.from {
			t.Errorf("%s: from %q, want %q", name, got, c.from)
		}
		if up := strings.Contains(s.Text(time.UTC), "1 of 1 links are up\n"); up != (c.call != nil && c.call.Lost+c.call.Silent == "") {
			t.Errorf("%s: up %t", name, up)
		}
	}
}

// Whatever stands in a status, nothing in the page is obeyed by a terminal.
func TestNothingIsPrintedRaw(t *testing.T) {
	evil := "\x1b[2J\x1b]52;c;QQ==\x07\u202e\u0085\x9b"
	s := sample()
	s.Domain, s.Store, s.Plan.Revision = evil, evil, evil
	for i := range s.Accounts {
		a := &s.Accounts[i]
		a.Last = &Event{At: ten, What: evil}
		if i > 0 {
			a.Words = evil
		}
		for j := range a.Bindings {
			a.Bindings[j].Peer = evil
		}
		if a.Health != nil {
			a.Health.Version, a.Health.Encoder, a.Health.Trust = evil, evil, evil
			a.Health.Devices = []health.Device{{Role: evil, Missing: evil}}
			a.Health.Fault = &health.Fault{What: evil, By: evil}
			a.Health.Call = &health.Call{Peer: evil, State: evil, Path: evil, Keys: evil}
		}
	}
	s.Past[0].Why, s.Calls[0].Media = evil, evil
	text := s.Text(time.UTC)
	for _, a := range s.Accounts {
		text += s.Detail(a.Name, time.UTC)
	}
	if i := strings.IndexFunc(text, func(c rune) bool { return c != '\n' && (unicode.IsControl(c) || unicode.Is(unicode.Cf, c)) }); i >= 0 {
		t.Errorf("%q", text[max(0, i-40):i+40])
	}
}

// A hundred spaces are a page as well.
func BenchmarkText(b *testing.B) {
	s := sample()
	for i := range 500 {
		a := s.Accounts[2]
		a.Name, a.Partner = fmt.Sprintf("space%d", i), fmt.Sprintf("space%d", i^1)
		s.Accounts = append(s.Accounts, a)
		s.Calls = append(s.Calls, Call{Caller: a.Name, Callee: a.Partner, Since: ten})
	}
	for b.Loop() {
		_ = s.Text(time.UTC)
	}
}
