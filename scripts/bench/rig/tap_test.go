package rig

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"ewindow/media/engine/protocol"
)

// All messages go on to the window, and the frames of each stream into a text of their own.
func TestTap(t *testing.T) {
	var said bytes.Buffer
	say := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	say(protocol.WriteJSON(&said, protocol.TypeEvent, protocol.Event{Kind: protocol.Ready}))
	for i, text := range []string{"a", "x", "b", "y"} {
		say(protocol.WriteFrame(&said, protocol.Frame{Stream: uint32(5 + i%2), Data: []byte(text)}))
	}
	var parent, record bytes.Buffer
	if err := passOn(&parent, bytes.NewReader(said.Bytes()), &record); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(parent.Bytes(), said.Bytes()) {
		t.Error("the window hears something else")
	}
	tap := Tap{Dir: t.TempDir()}
	record.Truncate(record.Len() - 1) // killed in the middle of a frame
	say(os.WriteFile(filepath.Join(tap.Dir, "camera-1"), record.Bytes(), 0o644))
	got, err := tap.Encoded()
	if err != nil || len(got) != 2 || string(got[0]) != "ab" || string(got[1]) != "x" {
		t.Errorf("%q, %v", got, err)
	}
}
