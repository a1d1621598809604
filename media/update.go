package media

import (
	"errors"
	"fmt"

	"ewindow/media/negotiate"
)

// Update takes what a later offer and answer agreed on. Streams whose keys stay keep their SSRC, sequence numbers
// and rollover counter; a stream with new keys starts a new SSRC. SDES keys are in the description and hold at once;
// a stream that is to be protected and has none waits for a handshake, or for SetKeys. On error all stays as it was.
func (s *Session) Update(d negotiate.Description) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.Handshakes() && s.cfg.Keying.Identity == nil {
		return fmt.Errorf("media session: %w", errNoIdentity)
	}
	audio, err := prepare(Audio, d.Audio)
	if err != nil {
		return err
	}
	video, err := prepare(Video, d.Video)
	if err != nil {
		return err
	}
	if d.Video != nil && s.video == nil {
		return errors.New("media session: video was agreed, but there is no way for it")
	}
	s.desc = d
	s.audio.apply(audio)
	if s.video != nil && s.video.apply(video) {
		s.sendVideo.anew()
	}
	return nil
}

// prepared is a stream's part of a description, checked and with contexts for its keys.
type prepared struct {
	d             *negotiate.Stream
	send, receive *protector
}

func prepare(name Medium, d *negotiate.Stream) (prepared, error) {
	if d == nil {
		return prepared{}, nil
	}
	if err := check(name, d); err != nil {
		return prepared{}, fmt.Errorf("media session: %s: %w", name, err)
	}
	c := *d
	send, err := newProtector(c.Send)
	if err != nil {
		return prepared{}, fmt.Errorf("media session: %s we send: %w", name, err)
	}
	receive, err := newProtector(c.Receive)
	if err != nil {
		return prepared{}, fmt.Errorf("media session: %s we receive: %w", name, err)
	}
	return prepared{d: &c, send: send, receive: receive}, nil
}

func check(name Medium, d *negotiate.Stream) error {
	isVideo := d.Codec == negotiate.H264
	switch {
	case isVideo != (name == Video):
		return fmt.Errorf("codec %q does not belong here", d.Codec)
	case !isVideo && d.Codec != negotiate.Opus && d.Codec != negotiate.G722 && d.Codec != negotiate.PCMU && d.Codec != negotiate.PCMA:
		return fmt.Errorf("codec %q is not one of ours", d.Codec)
	case d.ClockRate == 0:
		return errors.New("clock rate 0")
	case isVideo && d.ClockRate != videoRate:
		return fmt.Errorf("clock rate %d, H.264 has %d", d.ClockRate, videoRate)
	case d.SendType > 127 || d.ReceiveType > 127:
		return fmt.Errorf("payload types %d and %d, at most 127", d.SendType, d.ReceiveType)
	case d.SendRED > 127 || d.ReceiveRED > 127:
		return fmt.Errorf("payload types %d and %d, at most 127", d.SendRED, d.ReceiveRED)
	case d.Codec != negotiate.Opus && (d.SendRED != 0 || d.ReceiveRED != 0):
		return fmt.Errorf("copies of earlier frames of %s", d.Codec)
	case d.SendFEC > 127 || d.ReceiveFEC > 127:
		return fmt.Errorf("payload types %d and %d, at most 127", d.SendFEC, d.ReceiveFEC)
	case (d.Send == nil) != (d.Receive == nil):
		return errors.New("keys for one direction only")
	case d.Plain && d.Send != nil:
		return errors.New("keys for a stream that is to go without")
	case d.Handshake != nil && (d.Plain || d.Send != nil):
		return errors.New("a handshake for a stream that has keys, or is to go without")
	case isVideo && d.Mode != 0 && d.Mode != 1:
		return fmt.Errorf("packetization-mode %d, ours are 0 and 1", d.Mode)
	}
	return nil
}

// apply puts a description to work; sending starts anew when it says so.
func (st *stream) apply(p prepared) (fresh bool) {
	if p.d != nil {
		st.way.Agree(p.d)
	}
	fresh = st.t.configure(p.d, p.send)
	st.tell(news{described: true, d: p.d, receive: p.receive})
	st.keying.want(p.d)
	return fresh
}

// SetKeys gives a stream the keys that its description has not: they are agreed on in another way, and come when they come. Until
// then nothing of the stream is sent or taken. Later ones replace them.
func (s *Session) SetKeys(m Medium, send, receive negotiate.Keys) error {
	st := s.audio
	if m == Video {
		st = s.video
	}
	if st == nil {
		return fmt.Errorf("media session: keys for %s, which was not agreed on", m)
	}
	return s.setKeys(st, send, receive, nil)
}

// setKeys is SetKeys; heard is told when the other side is heard by them.
func (s *Session) setKeys(st *stream, send, receive negotiate.Keys, heard func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, d := st.medium, s.desc.Audio
	if st == s.video {
		d = s.desc.Video
	}
	switch {
	case d == nil:
		return fmt.Errorf("media session: keys for %s, which was not agreed on", m)
	case d.Plain:
		return fmt.Errorf("media session: keys for %s, which is to go without", m)
	}
	out, err := newProtector(&send)
	if err != nil {
		return fmt.Errorf("media session: %s we send: %w", m, err)
	}
	in, err := newProtector(&receive)
	if err != nil {
		return fmt.Errorf("media session: %s we receive: %w", m, err)
	}
	if st.t.setKeys(out) && st == s.video {
		s.sendVideo.anew()
	}
	st.tell(news{receive: in, heard: heard})
	return nil
}
