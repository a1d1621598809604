package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ewindow/media/engine/protocol"
	"ewindow/media/gst/card"
	"ewindow/media/gst/pipeline"
)

const (
	redrawAfter  = 150 * time.Millisecond // what is shown is drawn again, so that a sink that hangs is noticed
	decoderPause = 300 * time.Millisecond // between two starts of the decoder
	lingerMost   = 300 * time.Millisecond // the last picture of a call stays at most so long when another is shown
	earlyMost    = 300 * time.Millisecond // a picture may be so much older than the card that it is the reason of
)

// screen is the role that decodes and shows. The decoder and the sink are pipelines of their own: between them stands
// render, the only one that decides what is seen.
//
//	access units ──▶ decoder ──newest picture──▶ render ──▶ display (texts over it ! sink)
//	cards ─────────────────────────────────────▶
type screen struct {
	c       protocol.ScreenConfig
	p       *parent
	decoder *decoder
	display *display
	pulse   pulse

	mu    sync.Mutex
	card  protocol.Card // the newest
	shown uint32        // the stream whose pictures come
	since int64         // since when they do, ns of CLOCK_MONOTONIC
	news  chan struct{} // card or shown have changed

	// Of render alone.
	now     protocol.Card    // what is on the screen
	from    int64            // pictures that came before are not shown, ns of CLOCK_MONOTONIC
	picture *pipeline.Sample // the last good picture; nil shows the card
	early   *pipeline.Sample // the last one that came under a card without pictures
	full    card.Image       // the card, drawn; empty while pictures are shown
	labels  [2]int           // the size for which the texts over the picture were drawn
	drawn   time.Time        // the last push
}

func newScreen(c protocol.ScreenConfig, p *parent) (*screen, error) {
	if c.Width < 64 || c.Height < 64 || c.Width > maxSide || c.Height > maxSide {
		return nil, fmt.Errorf("screen of %dx%d: 64 to %d are possible; change video in the window's file", c.Width, c.Height, maxSide)
	}
	if c.Rotate != 0 && directions[c.Rotate] == "" {
		return nil, fmt.Errorf("screen turned by %d degrees: 90, 180 and 270 are possible; change rotate in the window's file", c.Rotate)
	}
	software, err := softwareDecoder()
	if err != nil {
		return nil, err
	}
	pipeline.HearDamage()
	pipeline.KeepLargeApart() // of all that comes and goes for weeks, only pictures are large
	d, err := openDisplay(c)
	if errors.As(err, new(errNoScreen)) {
		p.event(protocol.Event{Kind: protocol.Missing, Device: c.Sink, Text: err.Error()})
		c.Sink = "none"
		d, err = openDisplay(c)
	}
	if err != nil {
		return nil, err
	}
	return &screen{c: c, p: p, decoder: newDecoder(software), display: d, pulse: pulse{p: p},
		card: protocol.Card{Title: c.Title}, news: make(chan struct{}, 1)}, nil
}

// Command changes what the screen says, and of which stream the pictures are.
func (s *screen) Command(c protocol.Command) {
	s.mu.Lock()
	if c.Card != nil {
		s.card = *c.Card
	}
	if c.Shown != 0 && c.Shown != s.shown {
		s.shown, s.since = c.Shown, monotonic()
		s.decoder.reset()
	}
	s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// Frame takes an access unit.
func (s *screen) Frame(f protocol.Frame) { s.decoder.put(f) }

// Run shows until the sink fails.
func (s *screen) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go s.decode(ctx)
	go s.decoder.hardware.seek(ctx, s.c.Width, s.c.Height, s.ready)
	if c := s.display.connector; c != nil {
		go func() { s.display.gone <- c.watch(ctx, "/sys") }()
	}
	s.change(s.newest())
	s.ready("")
	tick := time.NewTicker(75 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-s.display.gone:
			return fmt.Errorf("screen %s: %w", s.c.Sink, err)
		case a := <-s.display.sizes:
			s.display.resize(a)
			s.change(s.now)
		case key := <-s.display.keys:
			s.p.event(protocol.Event{Kind: protocol.Key, Text: key})
		case <-s.news:
			s.change(s.newest())
		case picture := <-s.decoder.pictures:
			s.take(picture)
		case now := <-tick.C:
			if m := s.display.pipe.Next(0); m.Err != nil {
				return fmt.Errorf("screen %s: %w; set screen in the window's file to one that is there", s.c.Sink, m.Err)
			}
			s.beat(now)
		}
	}
}

// ready tells ewindow that a keyframe is wanted: at the start, and when the decoder was started anew.
func (s *screen) ready(text string) {
	s.p.event(protocol.Event{Kind: protocol.Ready, Device: s.display.device, Server: s.display.server, Text: text})
}

// decode keeps a decoder running.
func (s *screen) decode(ctx context.Context) {
	for ctx.Err() == nil {
		err := s.decoder.run(ctx)
		pause := decoderPause
		if errors.As(err, new(*lapseError)) || errors.Is(err, errBetter) {
			pause = 0 // another decoder goes on
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		if errors.Is(err, errDamaged) { // as often as the other side sends such: that is not for the log
			s.p.event(protocol.Event{Kind: protocol.Keyframe, Text: err.Error()})
			continue
		}
		s.ready(fmt.Sprintf("decoder started anew: %v", err))
	}
}

func (s *screen) newest() protocol.Card {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.from = max(s.from, s.since)
	return s.card
}

// change shows what a card says, at once. A picture is only kept from one card with pictures to the next: what was
// decoded before is never seen again, but for the one that has just come and is why there is such a card: the next may be seconds away.
func (s *screen) change(c protocol.Card) {
	if !c.Picture {
		s.drop()
	} else if !s.now.Picture {
		s.from = max(s.from, monotonic()-earlyMost.Nanoseconds())
		if s.early != nil && s.early.Time >= s.from {
			s.picture, s.early = s.early, nil
		}
		s.keep(nil)
	}
	s.now = c
	s.labels, s.full = [2]int{}, card.Image{}
	s.draw()
	pipeline.FreeMemory() // cards are large and rare
}

func (s *screen) drop() {
	if s.picture != nil {
		s.picture.Free()
		s.picture = nil
	}
}

// keep keeps a picture in case that the card which has pictures comes behind it.
func (s *screen) keep(picture *pipeline.Sample) {
	if s.early != nil {
		s.early.Free()
	}
	s.early = picture
}

// take shows a new picture, unless the card has none, or it is from before the card.
func (s *screen) take(picture *pipeline.Sample) {
	if !s.now.Picture {
		s.keep(picture)
		return
	}
	if picture.Time < s.from {
		picture.Free()
		return
	}
	first := s.picture == nil
	s.drop()
	s.picture = picture
	s.draw()
	if first {
		s.full = card.Image{}
		pipeline.FreeMemory()
	}
}

// draw pushes what is to be seen.
func (s *screen) draw() {
	s.drawn = time.Now()
	if s.picture == nil {
		if s.full.Pixels == nil {
			w, h := s.display.size(s.display.upright(s.c.Width, s.c.Height))
			s.full = card.Full(w, h, card.Texts{Title: s.now.Title, Reason: s.now.Reason, Next: s.now.Next, Notice: s.now.Notice})
		}
		s.display.gate.Draw(nil)
		s.display.pipe.PushPicture("in", s.full.Pixels, s.full.Width, s.full.Height)
		return
	}
	w, h := s.display.size(s.picture.Width, s.picture.Height)
	if s.labels != [2]int{w, h} {
		s.labels = [2]int{w, h}
		s.display.label(w, h, s.now.Title, s.now.Notice)
	}
	s.display.pipe.PushFormatted("in", s.picture, monotonic())
}

// beat draws again what has stood for a while, and reports how many pictures the sink has taken: none, if it hangs.
func (s *screen) beat(now time.Time) {
	if s.picture != nil && s.picture.Time < s.from && time.Duration(monotonic()-s.from) > lingerMost {
		s.drop() // it is of a call that is not shown any more, and the one that is gives none
		s.draw()
	}
	if now.Sub(s.drawn) >= redrawAfter {
		s.draw()
	}
	s.pulse.count.Store(s.display.gate.Passed())
	s.pulse.beat(now)
}
