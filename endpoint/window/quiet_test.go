//go:build !race

package window

import (
	"errors"
	"strings"
	"testing"
	"time"

	"ewindow/endpoint/agent"
	"ewindow/media/engine/protocol"
	"ewindow/media/negotiate"
)

// phone is a phone's call: its offer and a later one say what they say, and it sends what it sends.
type quietPhone struct {
	first, later string // an SDP direction, or an address; empty: sendrecv
	reports      bool   // it sends RTCP
	absence      error  // how it answers when it is asked whether it is there
	offline      bool   // the registrar is away
}

func (p quietPhone) write(offer []byte, says string) []byte {
	switch says {
	case "":
		return offer
	case "0.0.0.0":
		return []byte(strings.ReplaceAll(string(offer), "c=IN IP4 "+farHost.String(), "c=IN IP4 0.0.0.0"))
	}
	return []byte(strings.ReplaceAll(string(offer), "a=sendrecv", "a="+says))
}

// call brings the phone into a call and says when and why that ends, within 10 minutes; 0 for never.
func (p quietPhone) call(t *testing.T, l *lab) (d time.Duration, why string, in *incoming) {
	t.Helper()
	l.planned(plan("milano"))
	if !p.offline {
		pl := plan("milano")
		pl.Links = nil // it would call its partner
		l.online(pl)
	}
	f := l.far(negotiate.SDES)
	defer f.close()
	offer := f.offer()
	in = l.invite("p", "desk", p.write(offer, p.first))
	in.absence = p.absence
	answer := <-in.answered
	if p.reports {
		f.accept(answer)
		f.silence(true)
	} else {
		f.sdp.Withdraw()
	}
	in.ack <- nil
	time.Sleep(time.Second)
	if p.later != "" {
		again := p.write(offer, p.later)
		<-l.reoffer(in.fakeDialog, again).answer
	}
	began := time.Now()
	for time.Since(began) < 10*time.Minute {
		time.Sleep(time.Second)
		if said := in.said(); len(said) > 0 {
			return time.Since(began), said[0], in
		}
	}
	return 0, "", in
}

// No media is due that SDP excludes: such calls stay up as long as there is another sign of life. A phone that is gone
// is hung up on, and one that holds has the window for a while.
func TestQuietPhones(t *testing.T) {
	const seconds, minutes = time.Second, time.Minute
	gone := &agent.StatusError{Code: 480, Reason: "Gone"}
	for name, c := range map[string]struct {
		phone       quietPhone
		after, most time.Duration // when it ends; 0: never
		why         string
	}{
		"recvonly, nothing sent":               {quietPhone{first: "recvonly"}, 0, 0, ""},
		"recvonly, reports":                    {quietPhone{first: "recvonly", reports: true}, 0, 0, ""},
		"muted: reports alone":                 {quietPhone{reports: true}, 0, 0, ""},
		"later recvonly, nothing sent":         {quietPhone{later: "recvonly"}, 0, 0, ""},
		"later recvonly, reports":              {quietPhone{later: "recvonly", reports: true}, 0, 0, ""},
		"it does not like to be asked":         {quietPhone{first: "recvonly", absence: &agent.StatusError{Code: 488}}, 0, 0, ""},
		"inactive":                             {quietPhone{first: "inactive"}, 290 * seconds, 5 * minutes, "held"},
		"sendonly: held from the start":        {quietPhone{first: "sendonly"}, 290 * seconds, 5 * minutes, "held"},
		"hold by inactive":                     {quietPhone{later: "inactive"}, 290 * seconds, 5 * minutes, "held"},
		"hold by inactive, reports":            {quietPhone{later: "inactive", reports: true}, 0, 0, ""},
		"hold by c=0.0.0.0":                    {quietPhone{later: "0.0.0.0"}, 290 * seconds, 5 * minutes, "held"},
		"c=0.0.0.0 from the start":             {quietPhone{first: "0.0.0.0"}, 290 * seconds, 5 * minutes, "held"},
		"it should send and does not":          {quietPhone{}, 25 * seconds, 31 * seconds, "silent for 30 s"},
		"recvonly, and gone":                   {quietPhone{first: "recvonly", absence: gone}, 25 * seconds, 32 * seconds, "not there any more"},
		"held, and gone":                       {quietPhone{later: "inactive", absence: gone}, 25 * seconds, 32 * seconds, "not there any more"},
		"recvonly, no answer":                  {quietPhone{first: "recvonly", absence: errors.New("no answer")}, 290 * seconds, 5 * minutes, "no sign of life"},
		"recvonly, it cannot be asked for now": {quietPhone{first: "recvonly", offline: true}, 290 * seconds, 5 * minutes, "no sign of life"},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(l *lab) {
				after, why, in := c.phone.call(t, l)
				if after < c.after || after > c.most || !strings.Contains(why, c.why) {
					t.Errorf("over after %v: %q, want %v to %v", after, why, c.after, c.most)
				}
				if n := in.probed(); n > 10 {
					t.Errorf("it was asked %d times in 10 min", n)
				}
			})
		})
	}
}

// What the line of a call that need not send anything says of itself: no trouble.
func TestQuietIsNoTrouble(t *testing.T) {
	simulate(t, func(l *lab) {
		l.planned(plan("milano"))
		f := l.far(negotiate.SDES)
		defer f.close()
		in := l.invite("p", "desk", quietPhone{}.write(f.offer(), "recvonly"))
		answer := string(<-in.answered)
		in.ack <- nil
		time.Sleep(20 * time.Second)
		s := l.w.Status()
		if c := s.Calls[0]; !c.Up || !c.Silent.IsZero() || s.Screen.Reason != "On the phone" ||
			s.Screen.Next != "They hear you, and send no sound. They do not show themselves, so they do not see you." {
			t.Errorf("call %+v, screen %+v", c, s.Screen)
		}
		if _, video, _ := strings.Cut(answer, "m=video"); !strings.Contains(video, "a=inactive") || l.devices.Running(protocol.Camera) {
			t.Errorf("camera %v, answered\n%s", l.devices.Running(protocol.Camera), video)
		}
	})
}
