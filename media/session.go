package media

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

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
	Ways        Ways   // of its streams
	CNAME       string // RTCP's name for this end (RFC 3550 §6.5.1), the same for all streams
	Receiver    Receiver
	Keying      Keying // of streams whose keys are agreed on by a handshake

	// Budget takes what our pictures may take now, in kbit/s of coded pictures, and what they may take once a queue is gone that
	// the path has at present: the format need not follow every brake. Nil for nobody who cares.
	Budget func(kbps, lasting int)
	Log    *slog.Logger // with the keys of the call already set; nil for none
}

// Medium is what a stream carries, by its name in SDP.
type Medium string

const (
	Audio Medium = "audio"
	Video Medium = "video"
)

const videoRate = 90000 // Hz (RFC 6184 §5.1)

// Session is one call's media: two streams, each with its way, keys and counters.
//
//	SendVideo ─▶ videoSender ─▶ transmitter ─▶ Way          Way ─▶ stream ─▶ videoSink ─▶ Receiver
//	SendAudio ─▶ audioSender ─▶ transmitter ─▶ Way          Way ─▶ stream ─▶ audioSink ─▶ Receiver
type Session struct {
	cfg   Config
	epoch time.Time

	audio, video *stream // video is nil without a way for it
	sendAudio    *audioSender
	sendVideo    *videoSender
	running      atomic.Bool

	mu   sync.Mutex // of Update and SetKeys
	desc negotiate.Description

	rtt           atomic.Int64 // ns
	others        atomic.Int64 // see transmitter
	carries       atomic.Int64 // bit/s that the path was seen to carry at most; 0 while nobody looks
	sound         atomic.Int64 // see soundDelay
	waits         atomic.Int64 // ns that the newest sound that came has waited on its way
	noQueue       atomic.Bool  // that was no queue: less being sent has not made it shorter
	askRequested  atomic.Bool
	giveRequested atomic.Bool
	asked, given  atomic.Uint64
	nacked        atomic.Uint64
}

// NewSession checks the configuration; it starts nothing.
func NewSession(cfg Config) (*Session, error) {
	switch {
	case cfg.Ways.Audio == nil:
		return nil, errors.New("media session: no way for sound; open sockets with media.Listen")
	case cfg.Receiver == nil:
		return nil, errors.New("media session: no receiver for what comes")
	case len(cfg.CNAME) > 255:
		return nil, fmt.Errorf("media session: CNAME of %d bytes, at most 255 fit RTCP", len(cfg.CNAME))
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Session{cfg: cfg, epoch: time.Now()}
	s.noSound()
	s.audio = newStream(s, Audio, cfg.Ways.Audio)
	s.audio.t.history.size = historySound
	s.sendAudio = &audioSender{t: s.audio.t}
	if cfg.Ways.Video != nil {
		s.video = newStream(s, Video, cfg.Ways.Video)
		s.sendVideo = newVideoSender(s.video.t, s.wantOwnKeyframe, s.unheard)
	}
	if err := s.Update(cfg.Description); err != nil {
		return nil, err
	}
	return s, nil
}

// Run carries media until ctx ends, then says goodbye (RTCP BYE), joins all that it started and returns nil.
// It returns an error only when a way is lost, such as a socket that is closed under it. Sockets stay open; whoever opened
// them closes them.
func (s *Session) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	s.running.Store(true)
	defer s.running.Store(false)
	for _, st := range s.streams() {
		group.Go(func() error { st.run(ctx); return nil })
		group.Go(func() error { st.keying.run(ctx); return nil })
		group.Go(func() error {
			return st.way.Run(ctx, func(d Datagram) { st.deliver(ctx, d) })
		})
	}
	if s.sendVideo != nil {
		group.Go(func() error { s.sendVideo.run(ctx); return nil })
	}
	err := group.Wait()
	for _, st := range s.streams() {
		if st.d != nil {
			st.goodbye(time.Now(), st.t.currentSSRC())
		}
	}
	return err
}

func (s *Session) streams() []*stream {
	if s.video == nil {
		return []*stream{s.audio}
	}
	return []*stream{s.audio, s.video}
}

// SendVideo sends an access unit, or drops it while the other side does not want video, or is not known to be where it says. It does not block.
// Data must not change afterwards. A sender that starts, or had to drop something, sends nothing until a keyframe.
func (s *Session) SendVideo(au AccessUnit) {
	if s.sendVideo != nil && s.running.Load() {
		s.sendVideo.push(au, s.doubted())
	}
}

// doubted says whether pictures would go to somebody of whom nobody knows whether he wants them: who calls may name any address in SDP, and
// pictures are what could fill a stranger's line. Sound goes, and with what comes back so do pictures. What comes by the stream of
// sound answers for the same address of the other one.
func (s *Session) doubted() bool {
	w, ok := s.video.way.(doubtedWay)
	if !ok {
		return false
	}
	to, doubted := w.Doubt()
	if a, ok := s.audio.way.(doubtedWay); ok && doubted {
		if at, other := a.Doubt(); !other && at == to {
			return false
		}
	}
	return doubted
}

// HoldVideo keeps our pictures back, also those that wait, whatever was agreed on; or has them go again, with a keyframe
// first.
func (s *Session) HoldVideo(on bool) {
	if s.sendVideo != nil {
		s.sendVideo.hold(on)
	}
}

// SendAudio sends a frame of sound, or drops it while the other side does not want sound. It does not block.
func (s *Session) SendAudio(f AudioFrame) {
	if s.running.Load() {
		s.sendAudio.send(f)
	}
}

// RequestKeyframe asks the other side for an IDR picture until one comes. Pictures that come meanwhile are still given.
func (s *Session) RequestKeyframe() {
	if s.video != nil {
		s.askRequested.Store(true)
		s.video.poke()
	}
}

// keyframeWanted passes on that the other side asks for a keyframe.
func (s *Session) keyframeWanted(st *stream) {
	if st == s.video {
		s.wantOwnKeyframe()
	}
}

func (s *Session) wantOwnKeyframe() {
	s.giveRequested.Store(true)
	s.video.poke()
}

// restartVideo makes the next picture a keyframe, when it is the video stream that has a new SSRC.
func (s *Session) restartVideo(st *stream) {
	if st == s.video {
		s.sendVideo.anew()
	}
}

func (s *Session) newSink(st *stream, d *negotiate.Stream) sink {
	if st == s.video {
		return newVideoSink(st, d.ClockRate)
	}
	return newAudioSink(st, d)
}

// frugal is how far apart messages of so many bytes are to be at least, so that they take no more than a small part of what
// the path carries.
func (s *Session) frugal(bytes int) time.Duration {
	bits := s.carries.Load()
	if bits == 0 {
		return 0
	}
	return min(time.Duration(float64(bytes*8)/reportShare/float64(bits)*float64(time.Second)), mostFrugal)
}

func (s *Session) roundTrip() time.Duration { return time.Duration(s.rtt.Load()) }

// soundDelay is the time from the sender's wall clock at capture to our speaker, for sound: the two clocks have
// different origins, so it means something only beside the same figure for pictures.
func (s *Session) soundDelay() (d time.Duration, known bool) {
	v := s.sound.Load()
	return time.Duration(v), v != math.MinInt64
}

func (s *Session) setSoundDelay(d time.Duration) { s.sound.Store(int64(d)) }
func (s *Session) noSound()                      { s.sound.Store(math.MinInt64) }
