package enginetest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"ewindow/media/engine/protocol"
)

var errKilled = errors.New("signal: killed")

// device is one fake device process.
type device struct {
	set          *Devices
	role         protocol.Role
	slow         Start
	began        time.Time
	parent, conn net.Conn      // the two ends of its socket
	hung         chan struct{} // closed: it does nothing any more
	ended        chan struct{} // closed: it is told to end
	gone         chan struct{} // closed: it has ended
	hanging      sync.Once
	ending       sync.Once
	err          error // why it ended

	// Under the mutex of set.
	frames   uint64            // made or taken
	avoided  string            // camera: the encoder that is left out
	since    map[uint32]uint32 // camera: pictures of a stream since its last IDR picture; without one the next is one
	shown    uint32            // screen: the stream whose pictures are to come
	coherent bool              // screen: a decoder has all that the next picture needs
}

// Conn, Kill and Wait make it an engine.Child.
func (c *device) Conn() net.Conn { return c.parent }

// Kill ends it at once.
func (c *device) Kill() { c.end(errKilled) }

// Work is what it has done.
func (c *device) Work() (cpu time.Duration, faults uint64) {
	if c.slow.Works {
		return time.Since(c.began), 0
	}
	return 0, 0
}

// Wait waits for its end.
func (c *device) Wait() error {
	<-c.gone
	return c.err
}

// end makes it end; the first reason counts.
func (c *device) end(err error) {
	c.ending.Do(func() {
		c.err = err
		close(c.ended)
		c.conn.Close()
	})
}

func (c *device) hang() { c.hanging.Do(func() { close(c.hung) }) }

// start runs it: listen takes messages, work makes them.
func (c *device) start() {
	configured := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { c.end(c.listen(configured)) })
	wg.Go(func() { c.end(c.work(configured)) })
	go func() {
		wg.Wait()
		c.set.mu.Lock()
		delete(c.set.running, c.role)
		c.set.mu.Unlock()
		close(c.gone)
	}()
}

// stuck waits for the end of a device that hangs.
func (c *device) stuck() bool {
	select {
	case <-c.hung:
		<-c.ended
		return true
	default:
		return false
	}
}

// listen handles what comes from the engine until that hangs up.
func (c *device) listen(configured chan<- struct{}) error {
	in := bufio.NewReaderSize(c.conn, 4096)
	for first := true; ; first = false {
		t, payload, err := protocol.ReadMessage(in)
		if c.stuck() || errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
			return nil
		}
		if err == nil && first != (t == protocol.TypeConfigure) {
			err = errors.New("enginetest: the first message, and no other, must be the configuration")
		}
		if err == nil {
			err = c.handle(t, payload)
		}
		if err != nil {
			return err
		}
		if first {
			close(configured)
		}
	}
}

func (c *device) handle(t protocol.Type, payload []byte) error {
	c.set.mu.Lock()
	defer c.set.mu.Unlock()
	switch t {
	case protocol.TypeConfigure:
		var conf protocol.Configure
		if err := json.Unmarshal(payload, &conf); err != nil {
			return err
		}
		if conf.Role != c.role {
			return errors.New("enginetest: a " + string(c.role) + " was told to be a " + string(conf.Role))
		}
		c.configure(conf)
	case protocol.TypeCommand:
		var cmd protocol.Command
		if err := json.Unmarshal(payload, &cmd); err != nil {
			return err
		}
		c.obey(cmd)
	case protocol.TypeFrame:
		f, err := protocol.ParseFrame(payload)
		if err != nil {
			return err
		}
		c.take(f)
	}
	return nil
}

// configure and what follows are called with the mutex of set held.
func (c *device) configure(conf protocol.Configure) {
	c.set.conf[c.role] = conf
	switch {
	case conf.Camera != nil:
		c.set.camera.Streams = conf.Camera.Streams
		c.avoided = conf.Camera.Avoid
	case conf.Sound != nil:
		c.set.mic.Streams = conf.Sound.Streams.Recorded
		c.set.speaker.Streams = conf.Sound.Streams.Played
		c.set.mic.Muted = conf.Sound.Muted
	}
}

func (c *device) obey(cmd protocol.Command) {
	if cmd.Retry {
		c.tryAgain()
	}
	for _, k := range cmd.Keyframes {
		delete(c.since, k)
	}
	if cmd.Video != nil {
		c.set.camera.Streams = cmd.Video
		maps.DeleteFunc(c.since, func(stream, _ uint32) bool {
			return !slices.ContainsFunc(cmd.Video, func(s protocol.VideoStream) bool { return s.Number == stream })
		})
	}
	if cmd.Sound != nil {
		c.set.mic.Streams, c.set.speaker.Streams = cmd.Sound.Recorded, cmd.Sound.Played
	}
	if cmd.Mute != nil {
		c.set.mic.Muted = *cmd.Mute
	}
	if cmd.Card != nil {
		c.set.screen.Card = *cmd.Card
	}
	if cmd.Shown != 0 {
		c.shown, c.coherent = cmd.Shown, false
	}
}

// take shows a picture or plays a frame.
func (c *device) take(f protocol.Frame) {
	c.frames++
	if c.role == protocol.Sound {
		c.hear(f)
	} else {
		c.show(f)
	}
}

func (c *device) hear(f protocol.Frame) {
	s := &c.set.speaker
	i := slices.IndexFunc(s.Streams, func(p protocol.SoundStream) bool { return p.Number == f.Stream })
	sound, ok := ParseSound(f.Data)
	switch {
	case i < 0:
		s.Foreign++
	case f.Flags&protocol.FlagLost != 0:
		s.Lost++
	case !ok || sound.Codec != s.Streams[i].Codec:
		s.Foreign++
	default:
		s.Sound, s.At = sound, time.Now()
		s.Frames++
		s.Mixed[sound.Seed]++
	}
}

func (c *device) show(f protocol.Frame) {
	s := &c.set.screen
	p, ok := ParsePicture(f.Data)
	if !ok || f.Stream != c.shown {
		c.coherent = false
		s.Foreign++
		return
	}
	c.coherent = p.Key || c.coherent && p.Seed == s.Seed && p.Counter == s.Counter+1
	if !c.coherent {
		s.Broken++
	}
	s.Picture, s.At = p, time.Now()
	s.Pictures++
}

// work reports, and makes pictures or sound.
func (c *device) work(configured <-chan struct{}) error {
	select {
	case <-configured:
	case <-c.ended:
		return nil
	}
	if err := c.open(); err != nil {
		return err
	}
	c.set.mu.Lock()
	ready := c.ready()
	c.set.mu.Unlock()
	if err := c.event(ready); err != nil {
		return err
	}
	now := time.Now()
	made, told := now, now.Add(-c.set.progress)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		c.set.mu.Lock()
		pace, paced := c.set.pace[c.role], c.set.paced
		c.set.mu.Unlock()
		next := told.Add(c.set.progress)
		if pace > 0 && made.Add(pace).Before(next) {
			next = made.Add(pace)
		}
		timer.Reset(time.Until(next))
		select {
		case <-c.ended:
			return nil
		case <-paced:
		case <-timer.C:
		}
		if c.stuck() {
			return nil
		}
		now := time.Now()
		if pace > 0 && now.Sub(made) >= pace {
			made = now
			if err := c.make(); err != nil {
				return err
			}
		}
		if now.Sub(told) >= c.set.progress {
			told = now
			if err := c.event(protocol.Event{Kind: protocol.Progress, Frames: c.count()}); err != nil {
				return err
			}
		}
	}
}

// open takes the time that a slow start does.
func (c *device) open() error {
	for i := range c.slow.Stages + 1 {
		select {
		case <-c.ended:
			return errKilled
		case <-time.After(c.slow.Takes / time.Duration(c.slow.Stages+1)):
		}
		if i == c.slow.Stages {
			break
		}
		if err := c.event(protocol.Event{Kind: protocol.Starting, Text: fmt.Sprintf("does step %d", i+1)}); err != nil {
			return err
		}
	}
	return nil
}

func (c *device) count() uint64 {
	c.set.mu.Lock()
	defer c.set.mu.Unlock()
	return c.frames
}

func (c *device) event(e protocol.Event) error {
	return protocol.WriteJSON(c.conn, protocol.TypeEvent, e)
}

// make sends one picture or one frame of sound in each stream.
func (c *device) make() error {
	c.set.mu.Lock()
	var frames []protocol.Frame
	if c.role == protocol.Camera {
		frames = c.pictures()
	} else {
		m := &c.set.mic
		m.Frames++
		for _, s := range m.Streams {
			sound := Sound{Seed: c.set.seed, Counter: m.Frames, Codec: s.Codec, Muted: m.Muted}
			frames = append(frames, protocol.Frame{Stream: s.Number, Data: soundFrame(sound)})
		}
	}
	c.frames++
	c.set.mu.Unlock()
	for _, f := range frames {
		if err := protocol.WriteFrame(c.conn, f); err != nil {
			return err
		}
	}
	return nil
}

// pictures is the next picture in each stream.
func (c *device) pictures() (frames []protocol.Frame) {
	cam := &c.set.camera
	cam.Pictures++
	for _, s := range cam.Streams {
		number, runs := c.since[s.Number]
		p := Picture{Seed: c.set.seed, Counter: cam.Pictures, Width: uint16(s.Width), Key: !runs}
		f := protocol.Frame{Stream: s.Number, Data: accessUnit(p, number, c.set.size)}
		if p.Key {
			cam.Keys++
			f.Flags = protocol.FlagKey
		}
		c.since[s.Number] = number + 1
		frames = append(frames, f)
	}
	return frames
}
