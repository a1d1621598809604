package screen

import (
	"testing"
	"time"

	"ewindow/dialplan/programme"
	"ewindow/media/engine/protocol"
)

func TestCards(t *testing.T) {
	ten := time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC) // a Monday, 11:00 in Rome
	plan := func(open bool, next time.Time) *programme.Programme {
		p := &programme.Programme{Space: "milano", Name: "Milano – Barra A – Kitchen", Timezone: "Europe/Rome",
			From: ten.AddDate(0, 0, -1), Until: ten.AddDate(0, 0, 13)}
		if open {
			p.Open = []programme.Span{{From: ten.Add(-time.Hour), Until: ten.Add(time.Hour)}}
		}
		if !next.IsZero() {
			p.Links = []programme.Interval{{Span: programme.Span{From: next, Until: next.Add(time.Hour)}, PartnerName: "Munich – Hub – Bar"}}
		}
		return p
	}
	munich := "Munich – Hub – Bar"
	for name, c := range map[string]struct {
		v    View
		want protocol.Card
	}{
		"first boot": {View{Space: "milano"},
			protocol.Card{Title: "milano", Reason: "Waiting for the plan", Next: "Looking for the registrar"}},
		"wrong secret": {View{Space: "milano", Why: "it refuses our secret"},
			protocol.Card{Title: "milano", Reason: "Waiting for the plan", Next: "The registrar is away: it refuses our secret"}},
		"closed until today": {View{Online: true, Programme: plan(false, ten.Add(2*time.Hour))},
			protocol.Card{Title: "Milano – Barra A – Kitchen", Reason: "Closed", Next: "Opens today at 13:00 onto " + munich}},
		"closed until tomorrow": {View{Online: true, Programme: plan(false, ten.Add(22*time.Hour))},
			protocol.Card{Title: "Milano – Barra A – Kitchen", Reason: "Closed", Next: "Opens tomorrow at 09:00 onto " + munich}},
		"closed until Thursday": {View{Online: true, Programme: plan(false, ten.Add(70*time.Hour))},
			protocol.Card{Title: "Milano – Barra A – Kitchen", Reason: "Closed", Next: "Opens Thursday at 09:00 onto " + munich}},
		"closed until next week": {View{Online: true, Programme: plan(false, ten.Add(7*24*time.Hour))},
			protocol.Card{Title: "Milano – Barra A – Kitchen", Reason: "Closed", Next: "Opens Mon 8 Mar at 11:00 onto " + munich}},
		"nothing planned": {View{Online: true, Programme: plan(true, time.Time{})},
			protocol.Card{Title: "Milano – Barra A – Kitchen", Reason: "Nobody to see", Next: "Nothing is planned yet"}},
		"plan has ended": {View{Now: ten.AddDate(0, 0, 14), Offline: ten, Why: "no answer", Programme: plan(false, time.Time{})},
			protocol.Card{Title: "Milano – Barra A – Kitchen", Reason: "The plan has ended",
				Next: "It ran until Sun 14 Mar at 11:00. The registrar is away since 11:00: no answer"}},
		"connecting": {View{Online: true, Programme: plan(true, time.Time{}), Partner: munich, LastWhy: "not registered"},
			protocol.Card{Title: munich, Reason: "Connecting", Next: "not registered"}},
		"no way": {View{Offline: ten, Why: "no answer", Programme: plan(true, time.Time{}), Partner: munich},
			protocol.Card{Title: munich, Reason: "No way to the others", Next: "The registrar is away since 11:00: no answer"}},
		"up, before the first picture": {View{Online: true, Programme: plan(true, time.Time{}), Peer: munich, Up: true},
			protocol.Card{Title: munich, Reason: "Here they come"}},
		"picture": {View{Online: true, Programme: plan(true, time.Time{}), Peer: munich, Up: true, Picture: true},
			protocol.Card{Title: munich, Picture: true}},
		"picture, registrar away, no microphone": {View{Offline: ten, Programme: plan(true, time.Time{}), Peer: munich, Up: true,
			Picture: true, Missing: map[string]string{"sound": "No microphone"}},
			protocol.Card{Title: munich, Picture: true, Notice: "No microphone · Registrar away since 11:00"}},
		"a phone holds": {View{Online: true, Programme: plan(true, time.Time{}), Peer: "Front desk", Up: true, Picture: true, Held: true},
			protocol.Card{Title: "Front desk", Reason: "On hold", Next: "They will be back. They neither see nor hear you."}},
		"silent for 3 s": {View{Now: ten.Add(3 * time.Second), Online: true, Programme: plan(true, time.Time{}), Peer: munich, Up: true, Picture: true, Silent: ten},
			protocol.Card{Title: munich, Picture: true, Notice: "The line is down since 11:00 – it comes back by itself"}},
		"silent for long": {View{Now: ten.Add(20 * time.Second), Online: true, Programme: plan(true, time.Time{}), Peer: munich, Up: true, Picture: true, Silent: ten},
			protocol.Card{Title: munich, Reason: "The line is down", Next: "since 11:00 – it comes back by itself"}},
		"no way through the routers": {View{Now: ten.Add(20 * time.Second), Online: true, Programme: plan(true, time.Time{}), Peer: munich, Up: true, Silent: ten, Wayless: true},
			protocol.Card{Title: munich, Reason: "No way through the routers yet", Next: "since 11:00 – others are being tried"}},
		"a phone is silent": {View{Now: ten.Add(20 * time.Second), Online: true, Programme: plan(true, time.Time{}), Peer: "Reception", Phone: true, Up: true, NoVideo: true, Silent: ten},
			protocol.Card{Title: "Reception", Reason: "The line is down", Next: "since 11:00 – the call ends soon, unless they come back"}},
		"a partner without picture": {View{Online: true, Programme: plan(true, time.Time{}), Peer: munich, Up: true, NoVideo: true},
			protocol.Card{Title: munich, Reason: "They send no picture", Next: "They hear you."}},
		"a partner whose pictures the line has no room for": {View{Online: true, Programme: plan(true, time.Time{}), Peer: munich, Up: true, Blank: true, Starved: true, Watched: true},
			protocol.Card{Title: munich, Reason: "The line is too slow for a picture now", Next: "They hear you. The picture comes back by itself."}},
		"a phone whose pictures the line has no room for": {View{Online: true, Programme: plan(true, time.Time{}), Peer: "Reception", Phone: true, Up: true, Blank: true, Starved: true, Hidden: true},
			protocol.Card{Title: "Reception", Reason: "On the phone", Next: "They hear you. The line is too slow for a picture now."}},
		"a partner that hides, on a line that was too slow": {View{Online: true, Programme: plan(true, time.Time{}), Peer: munich, Up: true, NoVideo: true, Starved: true, Hidden: true},
			protocol.Card{Title: munich, Reason: "They send no picture", Next: "They hear you. They do not show themselves, so they do not see you."}},
		"phone": {View{Online: true, Programme: plan(true, time.Time{}), Peer: "Reception", Phone: true, Up: true, NoVideo: true},
			protocol.Card{Title: "Reception", Reason: "On the phone", Next: "They hear you. They have no camera."}},
	} {
		if c.v.Now.IsZero() {
			c.v.Now = ten
		}
		c.v.Zone = Zone(c.v.Programme)
		if got := Card(c.v); got != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, c.want)
		}
	}
}
