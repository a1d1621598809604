package screen

import (
	"testing"
	"time"

	"ewindow/dialplan/programme"
	"ewindow/media/engine/protocol"
)

const (
	ours   = "brand deer unhappy orbit throw glow"
	theirs = "stairs web squirrel cloud grass catch"
	others = "abandon ability able about above absent"
)

func TestCardsOfKeys(t *testing.T) {
	ten := time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC)
	plan := &programme.Programme{Space: "milano", Name: "Milano – Barra A – Kitchen", Timezone: "Europe/Rome", From: ten, Until: ten.AddDate(0, 0, 13)}
	munich := "Munich – Hub – Bar"
	first := Keys{Partner: "munich", Own: ours, Theirs: theirs, Unconfirmed: true}
	changed := Keys{Partner: "munich", Own: ours, Theirs: theirs, Changed: true, Now: others}
	refused := Keys{Partner: "munich", Own: ours, Theirs: theirs, Refused: true}
	words := "Not yet confirmed whose window this is. Read these words to each other:\nyours: " + ours + "\ntheirs: " + theirs
	for name, c := range map[string]struct {
		v    View
		want protocol.Card
	}{
		"a picture, not yet confirmed": {View{Peer: munich, Up: true, Picture: true, Keys: first},
			protocol.Card{Title: munich, Picture: true, Notice: words}},
		"and no microphone": {View{Peer: munich, Up: true, Picture: true, Keys: first, Missing: map[string]string{"sound": "No microphone"}},
			protocol.Card{Title: munich, Picture: true, Notice: "No microphone\n" + words}},
		"confirmed here alone": {View{Peer: munich, Up: true, Picture: true, Keys: Keys{Partner: "munich", Own: ours, Theirs: theirs, Half: true}},
			protocol.Card{Title: munich, Picture: true, Notice: "Not yet confirmed there whose window this is. Read your words to them:\nyours: " + ours}},
		"confirmed": {View{Peer: munich, Up: true, Picture: true, Keys: Keys{Partner: "munich", Own: ours, Theirs: theirs}},
			protocol.Card{Title: munich, Picture: true}},
		"a phone whose keys the registrar sees": {View{Peer: "Reception", Phone: true, Up: true, Picture: true, Secrets: "sdes"},
			protocol.Card{Title: "Reception", Picture: true, Notice: "Whoever runs the registrar could listen to this phone call"}},
		"a phone without keys": {View{Peer: "Reception", Phone: true, Up: true, Picture: true, Secrets: "none"},
			protocol.Card{Title: "Reception", Picture: true, Notice: "Anybody on the way could listen to this phone call"}},
		"a phone by DTLS": {View{Peer: "Reception", Phone: true, Up: true, Picture: true, Secrets: "dtls"},
			protocol.Card{Title: "Reception", Picture: true}},
		"changed": {View{Partner: munich, LastWhy: "whatever", Keys: changed},
			protocol.Card{Title: munich, Reason: "The key of munich has changed", Next: "No picture until someone here confirms it: ewindow trust munich",
				Notice: "theirs was: " + theirs + "\nnow it is said to be: " + others + "\nyours: " + ours}},
		"changed by the plan alone, in a call": {View{Peer: munich, Up: true, Picture: true, Keys: changed},
			protocol.Card{Title: munich, Picture: true, Notice: "Another key is named for munich than this window shows\ntheirs: " + theirs + "\nthe other: " + others}},
		"changed while closed": {View{Keys: changed},
			protocol.Card{Title: plan.Name, Reason: "Closed", Next: "Nothing is planned yet",
				Notice: "The key of munich has changed. Someone here has to confirm it: ewindow trust munich\ntheirs was: " + theirs + "\nnow it is said to be: " + others}},
		"refused there": {View{Partner: munich, LastWhy: "whatever", Keys: refused},
			protocol.Card{Title: munich, Reason: "They do not know this window's key", Next: "No picture until someone there confirms it: ewindow trust milano",
				Notice: "yours: " + ours}},
		"closed, not yet confirmed": {View{Keys: first},
			protocol.Card{Title: plan.Name, Reason: "Closed", Next: "Nothing is planned yet", Notice: words}},
	} {
		c.v.Now, c.v.Online, c.v.Programme, c.v.Space, c.v.Zone = ten, true, plan, "milano", Zone(plan)
		if got := Card(c.v); got != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, c.want)
		}
	}
}
