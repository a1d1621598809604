package window

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"ewindow/media"
	"ewindow/media/negotiate"
)

// unansweredAfter is how long a call may be up before it is said that nothing has ever come in it.
const unansweredAfter = 5 * time.Second

// unanswered is what is to be known of a call in which we send and nothing authentic has ever come.
type unanswered struct {
	to       netip.AddrPort // where we send
	path     string         // by what kind of way; "direct" without ICE
	tried    string         // the kinds of ways that were tried, while none is found
	sdp      netip.AddrPort // where the other side says it is
	flow     netip.Addr     // where its messages come from, as the registrar sees it
	stranger string         // from where packets came that are not believed; empty if none did
	packets  uint64         // how many
}

// nothing looks whether nothing has ever come in a call, and says what is to be known; nil otherwise.
func (l *leg) nothing(c *Call, now time.Time) *unanswered {
	if l.session == nil || !c.down(now) || now.Sub(l.up) < unansweredAfter {
		return nil
	}
	s := l.session.Stats()
	if !s.LastReceived.IsZero() || !s.LastRTCP.IsZero() {
		return nil
	}
	return describeSilence(l, s, l.session.Whereabouts())
}

func describeSilence(l *leg, s media.Stats, at media.Whereabouts) *unanswered {
	u := &unanswered{to: at.To, stranger: at.Stranger, packets: s.Foreign + s.AuthFailures, path: "direct"}
	if l.paths != nil {
		if u.path, u.tried = l.paths.Path(), l.paths.Tried(); u.path != "" {
			u.tried = ""
		}
	}
	for _, stream := range []*negotiate.Stream{l.description.Audio, l.description.Video} {
		if stream != nil {
			u.sdp, u.flow = stream.RTP, stream.Flow
		}
	}
	return u
}

// String says it to people.
func (u *unanswered) String() string {
	text := "nothing comes back"
	switch {
	case u.to.IsValid():
		text += fmt.Sprintf(" from %s (%s)", u.to, u.path)
	case u.tried != "":
		text += "; no way was found, tried " + u.tried
	}
	if u.sdp.IsValid() && u.sdp != u.to {
		text += fmt.Sprintf("; its SDP says %s", u.sdp)
	}
	if u.flow.IsValid() {
		text += fmt.Sprintf("; its messages come from %s", u.flow)
	}
	if u.stranger != "" {
		text += fmt.Sprintf("; %d packets, the last from %s, are not believed", u.packets, u.stranger)
	}
	return text
}

// tellUnanswered says once in the log that nothing has ever come in a call, and keeps what is to be known for the status.
func (w *Window) tellUnanswered(l *leg, c *Call, now time.Time) {
	before := l.unanswered
	l.unanswered = l.nothing(c, now)
	if u := l.unanswered; u != nil && before == nil && !l.complained {
		l.complained = true
		w.log.Log(context.Background(), w.routine(l, slog.LevelWarn), "what is sent is not answered", "peer", l.peer, "call_id", l.callID,
			"to", known(u.to), "path", u.path, "tried", u.tried, "sdp", known(u.sdp), "flow", known(u.flow),
			"not_believed", u.packets, "stranger", u.stranger)
	}
}

// known is an address in the log: empty if there is none.
func known(a interface {
	IsValid() bool
	String() string
}) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
