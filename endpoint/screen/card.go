// Package screen is what people see: it turns a window's situation into the words of a card.
// It draws nothing: the screen process does (media/engine/protocol.Card).
package screen

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"ewindow/dialplan/programme"
	"ewindow/media/engine/protocol"
)

// View is the situation of a window at one moment.
type View struct {
	Now       time.Time
	Space     string // for the title while no programme names it
	Programme *programme.Programme
	Zone      *time.Location // of the space, see Zone
	Online    bool
	Offline   time.Time // since when the registrar is away; zero if it never was there
	Why       string    // why it is away, for people

	// Of the calls that there may be, the one that the screen is about.
	Peer    string    // name of the other side, empty without a call
	Phone   bool      // it is a phone
	Up      bool      // the call is answered
	Picture bool      // a picture was shown in this call
	NoVideo bool      // the other side sends none
	Blank   bool      // it should, and none has come for a while
	Starved bool      // the line has no room for its pictures
	Unheard bool      // it sends no sound
	Watched bool      // it sees us
	Hidden  bool      // it does not see us, since it does not show itself
	Averse  bool      // it does not want to see us, so we do not see it
	Held    bool      // the other side holds the call, and sends nothing
	Silent  time.Time // since when nothing comes, zero if something does
	Wayless bool      // because there is no way to them that carries anything
	Keyless bool      // because no keys are agreed on with them
	Secrets string    // where the call's keys come from, as the status has it: dtls, sdes, none; empty while that is not known
	Partner string    // whom the plan names now, empty for nobody
	LastWhy string    // why the last try to reach the partner failed
	Missing map[string]string

	Keys Keys
}

// Keys is what the screen says of the window's key and that of its partner. Its zero value is nothing.
type Keys struct {
	Partner     string // account of the partner
	Own, Theirs string // six words each
	Unconfirmed bool   // nobody here has said that those are theirs
	Half        bool   // somebody here has, and nobody there that ours are ours
	Changed     bool   // they have shown another key than the one that is known, and it is refused
	Now         string // its six words
	Refused     bool   // they refuse ours, since it is another one than they know
}

// clock is how a time of day is written on a screen.
const clock = "15:04"

// Card says what to show. All times are in the space's own time zone.
func Card(v View) protocol.Card { return withKeys(situation(v), v) }

// situation is the card without what is to be said of keys.
func situation(v View) (c protocol.Card) {
	zone := v.Zone
	c = protocol.Card{Title: ownName(v), Notice: notice(v, zone)}
	switch {
	case v.Peer != "" && v.Up && !v.Silent.IsZero():
		c.Title = v.Peer
		c.Reason = "The line is down"
		hope := "it comes back by itself"
		if v.Wayless {
			c.Reason, hope = "No way through the routers yet", "others are being tried"
		} else if v.Keyless {
			c.Reason, hope = "No keys are agreed on with them yet", "it is being tried again"
		}
		if v.Phone { // whoever called from a desk must call again
			hope = "the call ends soon, unless they come back"
		}
		c.Next = "since " + v.Silent.In(zone).Format(clock) + " – " + hope
		c.Picture = v.Picture && v.Now.Sub(v.Silent) < holdPicture
		if c.Picture {
			c.Notice = join(c.Reason+" "+c.Next, c.Notice)
			c.Reason, c.Next = "", ""
		}
	case v.Peer != "" && v.Up && v.Held:
		c.Title, c.Reason = v.Peer, "On hold"
		c.Next = "They will be back. They neither see nor hear you."
	case v.Peer != "" && v.Up && (v.NoVideo || v.Blank):
		c.Title, c.Reason = v.Peer, "They send no picture"
		switch {
		case v.Phone:
			c.Reason = "On the phone"
		case !v.NoVideo && v.Starved:
			c.Reason = "The line is too slow for a picture now"
		}
		c.Next = blind(v)
	case v.Peer != "" && v.Up && v.Picture:
		c.Title, c.Picture = v.Peer, true
	case v.Peer != "" && v.Up:
		c.Title, c.Reason = v.Peer, "Here they come"
	case v.Peer != "" || v.Partner != "":
		c.Title = v.Partner
		if v.Peer != "" {
			c.Title = v.Peer
		}
		c.Reason, c.Next = "Connecting", v.LastWhy
		if !v.Online {
			c.Reason, c.Next = "No way to the others", away(v, zone)
		}
	case v.Programme == nil:
		c.Reason, c.Next = "Waiting for the plan", away(v, zone)
	case !v.Now.Before(v.Programme.Until):
		c.Reason = "The plan has ended"
		c.Next = "It ran until " + day(v.Programme.Until.In(zone), v.Now.In(zone)) + ". " + away(v, zone)
	default:
		c.Reason, c.Next = closed(v, zone)
	}
	return c
}

// blind says who hears and sees whom while there is no picture of the other side.
func blind(v View) string {
	says := "They hear you."
	if v.Unheard {
		says = "They hear you, and send no sound."
	}
	switch {
	case !v.NoVideo && v.Starved && v.Phone:
		return says + " The line is too slow for a picture now."
	case !v.NoVideo && v.Starved:
		return says + " The picture comes back by itself."
	case v.Hidden:
		return says + " They do not show themselves, so they do not see you."
	case v.Averse:
		return says + " They do not look at you, so you do not see them."
	case v.Watched:
		return says + " They see you, and show no picture."
	case v.Phone:
		return says + " They have no camera."
	}
	return says
}

// holdPicture is how long the last good picture stays on a silent line.
const holdPicture = 10 * time.Second

func ownName(v View) string {
	if v.Programme != nil {
		return v.Programme.Name
	}
	return v.Space
}

// closed says why no partner is named now, and what comes next.
func closed(v View, zone *time.Location) (reason, next string) {
	reason = "Closed"
	if v.Programme.OpenAt(v.Now) != nil {
		reason = "Nobody to see"
	}
	link := v.Programme.NextLink(v.Now)
	if link == nil {
		return reason, "Nothing is planned yet"
	}
	return reason, fmt.Sprintf("Opens %s onto %s", day(link.From.In(zone), v.Now.In(zone)), link.PartnerName)
}

// day writes a time as people say it: today's without a day, this week's with the weekday, others with the date.
func day(t, now time.Time) string {
	y, m, d := now.Date()
	days := int(time.Date(t.Year(), t.Month(), t.Day(), 12, 0, 0, 0, time.UTC).
		Sub(time.Date(y, m, d, 12, 0, 0, 0, time.UTC)) / (24 * time.Hour))
	switch {
	case days == 0:
		return "today at " + t.Format(clock)
	case days == 1:
		return "tomorrow at " + t.Format(clock)
	case days > 1 && days < 7:
		return t.Format("Monday") + " at " + t.Format(clock)
	}
	return t.Format("Mon 2 Jan") + " at " + t.Format(clock)
}

// away says why and since when the registrar is away, empty while it is there.
func away(v View, zone *time.Location) string {
	switch {
	case v.Online:
		return ""
	case v.Why == "":
		return "Looking for the registrar"
	case v.Offline.IsZero():
		return "The registrar is away: " + v.Why
	}
	return "The registrar is away since " + v.Offline.In(zone).Format(clock) + ": " + v.Why
}

// notice is the small print: devices that are missing, a registrar that is away while the window works without it.
func notice(v View, zone *time.Location) string {
	roles := make([]string, 0, len(v.Missing))
	for role := range v.Missing {
		roles = append(roles, role)
	}
	sort.Strings(roles)
	var lines []string
	for _, role := range roles {
		lines = append(lines, v.Missing[role])
	}
	if !v.Online && !v.Offline.IsZero() && v.Up {
		lines = append(lines, "Registrar away since "+v.Offline.In(zone).Format(clock))
	}
	return join(lines...)
}

func join(lines ...string) string {
	var full []string
	for _, l := range lines {
		if l != "" {
			full = append(full, l)
		}
	}
	return strings.Join(full, " · ")
}

// Zone is the time zone in which a programme's space lives; UTC where it is not known.
func Zone(p *programme.Programme) *time.Location {
	if p != nil {
		if l, err := time.LoadLocation(p.Timezone); err == nil {
			return l
		}
	}
	return time.UTC
}
