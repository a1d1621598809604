package main

import (
	"context"
	"fmt"
	"os/exec"
	"sync"
	"testing"

	"ewindow/scripts/stage"
)

// room is where the speakers of these tests sound.
var room struct {
	mu sync.Mutex
	*stage.Room
	speakers int
}

func closeRoom() {
	if room.Room != nil {
		room.Close()
	}
}

// loudspeaker makes a speaker, and returns the word for it and what it has played until now, in samples of 48 kHz, as
// somebody hears it who stands before it.
func loudspeaker(t *testing.T) (word string, heard func() []int16) {
	t.Helper()
	if _, err := exec.LookPath("pulseaudio"); err != nil {
		t.Skip("there is no pulseaudio: set-up leaves a desktop's PipeWire alone, and then nobody can listen")
	}
	room.mu.Lock()
	defer room.mu.Unlock()
	if room.Room == nil {
		r, err := stage.OpenRoom(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		room.Room = r
	}
	room.speakers++
	word, wav, err := room.Speaker(t.Context(), fmt.Sprint("test", room.speakers))
	if err != nil {
		t.Fatal(err)
	}
	ears, err := stage.OpenEars(wav)
	if err != nil {
		t.Fatal(err)
	}
	return word, func() []int16 {
		t.Helper()
		samples, err := ears.Last(3600)
		if err != nil {
			t.Fatal(err)
		}
		s := make([]int16, len(samples))
		for i, x := range samples {
			s[i] = int16(x * 32768)
		}
		return s
	}
}
