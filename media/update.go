package media

import (
	"errors"
	"fmt"

	"ewindow/media/negotiate"
)

// Update takes what a later offer and answer agreed on. Streams whose keys stay keep their SSRC, sequence numbers
// and rollover counter; a stream with new keys starts a new SSRC. On error all stays as it was.
func (s *Session) Update(d negotiate.Description) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	audio, err := prepare(audioName, d.Audio)
	if err != nil {
		return err
	}
	video, err := prepare(videoName, d.Video)
	if err != nil {
		return err
	}
	if d.Video != nil && s.video == nil {
		return errors.New("media session: video was agreed, but there are no sockets for it")
	}
	s.desc = d
	s.audio.apply(audio)
	if s.video != nil && s.video.apply(video) {
		s.sendVideo.restart()
	}
	return nil
}

// prepared is a stream's part of a description, checked and with contexts for its keys.
type prepared struct {
	agreed
	send *protector
}

func prepare(name string, d *negotiate.Stream) (prepared, error) {
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
	return prepared{agreed: agreed{d: &c, receive: receive}, send: send}, nil
}

func check(name string, d *negotiate.Stream) error {
	isVideo := d.Codec == negotiate.H264
	switch {
	case isVideo != (name == videoName):
		return fmt.Errorf("codec %q does not belong here", d.Codec)
	case !isVideo && d.Codec != negotiate.Opus && d.Codec != negotiate.G722 && d.Codec != negotiate.PCMU && d.Codec != negotiate.PCMA:
		return fmt.Errorf("codec %q is not one of ours", d.Codec)
	case d.ClockRate == 0:
		return errors.New("clock rate 0")
	case isVideo && d.ClockRate != videoRate:
		return fmt.Errorf("clock rate %d, H.264 has %d", d.ClockRate, videoRate)
	case d.SendType > 127 || d.ReceiveType > 127:
		return fmt.Errorf("payload types %d and %d, at most 127", d.SendType, d.ReceiveType)
	case (d.Send == nil) != (d.Receive == nil):
		return errors.New("keys for one direction only")
	case isVideo && d.Mode != 0 && d.Mode != 1:
		return fmt.Errorf("packetization-mode %d, ours are 0 and 1", d.Mode)
	}
	return nil
}

// apply puts a description to work; sending starts anew when it says so.
func (st *stream) apply(p prepared) (fresh bool) {
	if p.d != nil {
		st.latch.update(p.d)
	}
	fresh = st.t.configure(p.d, p.send)
	a := p.agreed
	st.tell(&a)
	return fresh
}
