package engine_test

import (
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media/engine"
	"ewindow/media/engine/enginetest"
	"ewindow/media/engine/protocol"
)

// An encoder that failed in use is tried again after a minute, then ever more seldom, and not any more once it works.
func TestEncoderIsTriedAgain(t *testing.T) {
	simulate(t, func(t *testing.T, e *engine.Engine, d *enginetest.Devices, h *recorder) {
		d.SetPace(time.Second, time.Second) // only to be quick
		e.Open("a", formats)
		time.Sleep(5 * time.Second)
		retries := func() int { synctest.Wait(); return d.Camera().Retries }
		d.LoseEncoder()
		for _, wait := range []time.Duration{time.Minute, 4 * time.Minute} {
			before := retries()
			time.Sleep(wait - 10*time.Second)
			if n := retries(); n != before {
				t.Fatalf("tried %d times before %v", n-before, wait)
			}
			time.Sleep(10*time.Second + 10*time.Millisecond)
			if n := retries(); n != before+1 {
				t.Fatalf("tried %d times after %v", n-before, wait)
			}
		}
		d.MendEncoder()
		before := retries()
		time.Sleep(17 * time.Minute)
		if n := retries(); n != before+1 {
			t.Errorf("tried %d times", n-before)
		}
		if n := d.Starts(protocol.Camera); n != 1 {
			t.Errorf("the camera was started %d times", n)
		}
		if n, _ := h.count(protocol.Camera, protocol.Failed); n > 0 {
			t.Errorf("%d failures", n)
		}
	})
}

// A camera that hangs as a whole goes on with another encoder at once, and comes back to the first one.
func TestHungCameraDoubtsItsEncoder(t *testing.T) {
	simulate(t, func(t *testing.T, e *engine.Engine, d *enginetest.Devices, h *recorder) {
		e.Open("a", formats)
		time.Sleep(5 * time.Second)
		if c := d.Configured(protocol.Camera).Camera; c.Avoid != "" {
			t.Errorf("%q is left out from the start", c.Avoid)
		}
		h.take("a")
		d.Hang(protocol.Camera)
		time.Sleep(2 * time.Second)
		if n := len(h.take("a").pictures); n == 0 {
			t.Error("no pictures within two seconds")
		}
		if c := d.Configured(protocol.Camera).Camera; c.Avoid != enginetest.Hardware {
			t.Errorf("%q is left out", c.Avoid)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := d.Camera().Retries; n != 1 {
			t.Errorf("tried %d times in a minute", n)
		}
	})
}

// What is left out stays so in the process that follows, and is tried there.
func TestLapseOutlivesTheProcess(t *testing.T) {
	simulate(t, func(t *testing.T, e *engine.Engine, d *enginetest.Devices, _ *recorder) {
		e.Open("a", formats)
		time.Sleep(5 * time.Second)
		d.LoseEncoder()
		time.Sleep(10 * time.Second)
		d.Crash(protocol.Camera)
		time.Sleep(5 * time.Second)
		if c := d.Configured(protocol.Camera).Camera; c.Avoid != enginetest.Hardware {
			t.Errorf("%q is left out", c.Avoid)
		}
		d.MendEncoder()
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := d.Camera().Retries; n != 1 {
			t.Errorf("tried %d times", n)
		}
	})
}
