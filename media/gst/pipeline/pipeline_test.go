package pipeline

import (
	"errors"
	"io"
	"testing"
	"time"
)

// long is far more than anything here takes; who waits for so long was not woken.
const long = 20 * time.Second

func started(t *testing.T, description string, names ...string) *Pipeline {
	t.Helper()
	p, err := New(description, names...)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		p.Close()
		t.Fatal(err)
	}
	return p
}

// within fails the test when f takes as long as somebody who is not woken.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	begin := time.Now()
	f()
	if d := time.Since(begin); d > long/2 {
		t.Errorf("%s came after %v", what, d)
	}
}

const bytesIn = "appsrc name=in is-live=true format=time caps=application/octet-stream ! appsink name=out sync=false"

func TestPullIsWoken(t *testing.T) {
	p := started(t, bytesIn, "in", "out")
	defer p.Close()
	for i := range byte(100) {
		go p.Push("in", []byte{i}, 1, 0, false)
		within(t, "a buffer", func() {
			s, err := p.Pull("out", long)
			if err != nil {
				t.Fatal(err)
			}
			if b := s.Bytes(); len(b) != 1 || b[0] != i {
				t.Errorf("buffer %d is %v", i, b)
			}
			s.Free()
		})
	}
	for i := range byte(3) { // what came together is not lost
		p.Push("in", []byte{i}, 1, 0, false)
	}
	for range 3 {
		s, err := p.Pull("out", long)
		if err != nil {
			t.Fatal(err)
		}
		s.Free()
	}
	if _, err := p.Pull("out", 10*time.Millisecond); !errors.Is(err, ErrTimeout) {
		t.Errorf("nothing came, and Pull says %v", err)
	}
}

func TestPullEndsWithStop(t *testing.T) {
	p := started(t, bytesIn, "in", "out")
	defer p.Close()
	result := make(chan error)
	go func() {
		_, err := p.Pull("out", long)
		result <- err
	}()
	within(t, "the end", func() {
		p.Stop()
		if err := <-result; err != io.EOF {
			t.Errorf("after Stop, Pull says %v", err)
		}
	})
}

func TestPullEndsWithTheStream(t *testing.T) {
	p := started(t, "fakesrc num-buffers=2 ! appsink name=out sync=false", "out")
	defer p.Close()
	within(t, "the end", func() {
		for range 2 {
			s, err := p.Pull("out", long)
			if err != nil {
				t.Fatal(err)
			}
			s.Free()
		}
		if _, err := p.Pull("out", long); err != io.EOF {
			t.Errorf("after the last buffer, Pull says %v", err)
		}
	})
	within(t, "the message", func() {
		if m := p.Next(long); !m.End {
			t.Errorf("not the end but %+v", m)
		}
	})
}

func TestNextIsWokenByAnError(t *testing.T) {
	p := started(t, "fakesrc ! identity error-after=2 ! fakesink")
	defer p.Close()
	within(t, "the error", func() {
		if m := p.Next(long); m.Err == nil || m.Err.Text == "" {
			t.Errorf("no error but %+v", m)
		}
	})
}

func TestLevelsAreMessages(t *testing.T) {
	p := started(t, "audiotestsrc is-live=true volume=0.5 ! level interval=20000000 ! fakesink")
	defer p.Close()
	within(t, "the level", func() {
		if m := p.Next(long); !m.IsLevel || m.LevelDB < -15 || m.LevelDB > -3 {
			t.Errorf("not the level of a sine of half the volume: %+v", m)
		}
	})
}
