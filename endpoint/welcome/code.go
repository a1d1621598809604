package welcome

import (
	"context"
	"errors"
	"time"

	"ewindow/endpoint/join"
	"ewindow/media/engine/protocol"
)

// ErrJoined says that the window's file is there now: somebody has had the window join in a terminal.
var ErrJoined = errors.New("the window has joined in a terminal")

// The words that say how a window joins.
const (
	askCode  = "The code of the invitation: "
	byCamera = "Hold the QR of the invitation before the camera"
	byKeys   = "or type its code here, and Return"
	another  = "Hold another code before the camera, or type it here"
	example  = "It looks like reg.example.org/7K3MQ-…"
	cursor   = "▏"
)

// readable is how long people have to read why a code did not do.
const readable = 20 * time.Second

// again is for how long people can join in another way until what is wrong with the card is said again.
const again = 40 * time.Second

// Code is the card's at first, then waits for a code, typed or before the camera. Why the last one did not do is shown until somebody types, shows another one,
// or has had time to read it; what is wrong with the card comes back from time to time, since nobody may have stood there.
func (s *Screen) Code(ctx context.Context, wrong error) (string, error) {
	if wrong == nil && s.cfg.Card.Code != "" {
		s.byCard = true
		return s.cfg.Card.Code, nil
	}
	s.look(true)
	s.typed, s.warnings = "", nil
	if wrong == nil {
		wrong = s.cfg.Card.Wrong
	}
	last := wrong // of the card, or of what people tried
	lasting := wrong != nil && (wrong == s.cfg.Card.Wrong || s.byCard)
	var until <-chan time.Time
	if wrong != nil {
		s.say(join.Explain(wrong))
		until = time.After(readable)
	}
	for {
		s.devices.Show(s.codeCard(wrong))
		s.prompt(askCode)
		h, err := s.next(ctx, until)
		switch {
		case err != nil:
			return "", err
		case h.code != "":
			if s.fresh(h.code, time.Now()) {
				s.byCard = false
				return h.code, nil
			}
		case h.key == "Enter" && s.typed != "":
			s.byCard = false
			return s.typed, nil
		case h.key != "":
			s.edit(h.key)
			wrong, until = nil, s.later(lasting)
		case h.late && s.typed == "" && s.byCard && isUnreached(last):
			return s.cfg.Card.Code, nil // the network may be there now
		case h.late && wrong == nil && s.typed == "":
			wrong, until = last, time.After(readable)
		case h.late:
			wrong, until = nil, s.later(lasting)
		}
	}
}

// later is when something that lasts is said again; never for what does not.
func (s *Screen) later(lasting bool) <-chan time.Time {
	if !lasting {
		return nil
	}
	return time.After(again)
}

// ByCard says whether the last code was that of the card.
func (s *Screen) ByCard() bool { return s.byCard }

func isUnreached(err error) bool {
	var un *join.Unreached
	return errors.As(err, &un)
}

// codeCard says how to join, what is typed, or why a code did not do.
func (s *Screen) codeCard(wrong error) protocol.Card {
	switch {
	case s.typed != "":
		return protocol.Card{Title: "The code of the invitation", Next: end(s.typed) + cursor, Notice: example + "\nReturn: done. Backspace: one letter back. Escape: all."}
	case wrong != nil:
		w := join.Explain(wrong)
		c := protocol.Card{Title: heading, Reason: w.What, Next: w.Do, Notice: another}
		if !s.hears() {
			c.Notice = s.ways()
		}
		return c
	case s.picture.Load() && !s.blind:
		return protocol.Card{Picture: true, Notice: byCamera, Title: s.ways()} // the title is the lower one
	}
	c := protocol.Card{Title: heading, Reason: "Welcome", Next: byCamera, Notice: s.ways()}
	lacks := s.lacks
	if lacks == "" && s.blind {
		lacks = "This machine reads no QR codes"
	}
	switch {
	case lacks != "" && s.hears():
		c.Next, c.Notice = "Type the code of the invitation, and Return", lacks+"\n"+example
	case lacks != "":
		c.Next, c.Notice = "Join in a terminal", lacks+"\n"+s.command()
	}
	return c
}

// hears says whether keys come from anywhere.
func (s *Screen) hears() bool { return s.listens || s.cfg.Keys != nil }

// ways is where else a code can be typed than before the camera.
func (s *Screen) ways() string {
	if s.hears() {
		return byKeys
	}
	return "or in a terminal: " + s.command()
}

// command is what to type in a terminal.
func (s *Screen) command() string { return "ewindow join --no-start -c " + s.cfg.File }

// end is as much of what is typed as two lines of a screen have room for.
func end(s string) string {
	const room = 70
	if r := []rune(s); len(r) > room {
		return "…" + string(r[len(r)-room:])
	}
	return s
}
