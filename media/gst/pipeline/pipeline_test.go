package pipeline

import (
	"errors"
	"io"
	"testing"
	"time"
)

// long is far more than anything here takes; whoever waits for so long was not woken.
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

// Who ends a pipeline does not wait for whoever hears its messages.
func TestNextIsWokenByStop(t *testing.T) {
	p := started(t, bytesIn, "in", "out")
	defer p.Close()
	result := make(chan Message)
	go func() { result <- p.Next(long) }()
	within(t, "the end", func() {
		p.Stop()
		if m := <-result; m != (Message{}) {
			t.Errorf("after Stop, Next says %+v", m)
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

const tone = "audiotestsrc is-live=true samplesperbuffer=480 ! audio/x-raw,format=S16LE,rate=48000,channels=1 ! tee name=t allow-not-linked=true"

// Branches come and go while the pipeline plays, and neither the source nor the other branches notice: in what one gives
// no sample is missing.
func TestBranchesComeAndGo(t *testing.T) {
	p, err := New(tone, "t")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	const raw = "appsink name=out sync=false async=false"
	steady, err := p.Branch("t", raw, "out") // before the start
	if err != nil {
		t.Fatal(err)
	}
	defer steady.End()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	last := int64(0)
	pull := func(n int) {
		for range n {
			s, err := steady.Pull(long)
			if err != nil {
				t.Fatal(err)
			}
			if d := time.Duration(s.Time - last); last != 0 && (d-10*time.Millisecond).Abs() > time.Millisecond {
				t.Errorf("%v from one buffer of 10 ms to the next", d)
			}
			last = s.Time
			s.Free()
		}
	}
	for range 20 {
		b, err := p.Branch("t", "capsfilter caps=audio/x-raw,rate=8000 ! "+raw, "out")
		if err == nil {
			t.Fatal("a branch of 8 kHz fits a tee of 48 kHz")
		}
		if b, err = p.Branch("t", "audioconvert ! audioresample ! audio/x-raw,rate=8000 ! mulawenc ! "+raw, "out"); err != nil {
			t.Fatal(err)
		}
		pull(3)
		within(t, "a buffer of the new branch", func() {
			s, err := b.Pull(long)
			if err != nil {
				t.Fatal(err)
			}
			s.Free()
		})
		b.End()
		pull(3)
	}
	if m := p.Next(0); m.Err != nil {
		t.Error(m.Err)
	}
}

func TestBranchesThatCannotBe(t *testing.T) {
	p := started(t, tone, "t")
	defer p.Close()
	for description, want := range map[string]string{
		"nonesuch ! appsink name=out":                     `no element "nonesuch"`,
		"fakesink":                                        "the branch has no appsink of that name",
		"audiotestsrc ! appsink name=out":                 "the branch does not fit behind the tee",
		"capsfilter caps=video/x-raw ! appsink name=out":  "the branch does not fit behind the tee",
		"identity ! ! appsink name=out sync=false async=": "syntax error",
	} {
		if _, err := p.Branch("t", description, "out"); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", description, err, want)
		}
	}
	if m := p.Next(100 * time.Millisecond); m.Err != nil {
		t.Errorf("the others notice: %v", m.Err)
	}
}
