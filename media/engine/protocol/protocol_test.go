package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	mute := true
	messages := []struct {
		t Type
		v any
	}{
		{TypeConfigure, Configure{Role: Camera, Camera: &CameraConfig{Source: "test", Label: "milano", Seed: 7,
			Streams: []VideoStream{{Number: 1, Width: 1280, Height: 720, FPS: 30, Kbps: 2000, MaxSlice: 1200}}}}},
		{TypeCommand, Command{Video: []VideoStream{{Number: 2, Kbps: 900}}, Keyframes: []uint32{1, 2}, Shown: 3,
			Sound: &SoundStreams{Recorded: []SoundStream{{Number: 1, Codec: "opus", Kbps: 32}}, Played: []SoundStream{{Number: 7, Codec: "PCMU"}}}, Mute: &mute, Card: &Card{Title: "Milano – Barra A – Kitchen", Next: "opens Mon 09:00"}}},
		{TypeEvent, Event{Kind: Ready, Device: "test picture", Encoder: "x264enc", Text: "first that works"}},
	}
	for _, m := range messages {
		var wire bytes.Buffer
		if err := WriteJSON(&wire, m.t, m.v); err != nil {
			t.Fatal(err)
		}
		typ, payload, err := ReadMessage(&wire)
		if err != nil || typ != m.t {
			t.Fatalf("read type %d, %v; wrote %d", typ, err, m.t)
		}
		got := reflect.New(reflect.TypeOf(m.v))
		if err := json.Unmarshal(payload, got.Interface()); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Elem().Interface(), m.v) {
			t.Errorf("wrote %+v, read %+v", m.v, got.Elem().Interface())
		}
	}
}

func TestFrameRoundTrip(t *testing.T) {
	for _, f := range []Frame{
		{Time: 1, Stream: 1, Flags: FlagKey, Data: []byte{0, 0, 0, 1, 0x65}},
		{Time: -1, Stream: 1<<32 - 1, Flags: FlagLost, Data: []byte{}},
		{Data: bytes.Repeat([]byte{0xab}, MaxMessage-frameHead)},
	} {
		var wire countingBuffer
		if err := WriteFrame(&wire, f); err != nil {
			t.Fatal(err)
		}
		if wire.writes != 1 {
			t.Errorf("a frame took %d writes; a deadline between two would tear it", wire.writes)
		}
		typ, payload, err := ReadMessage(&wire)
		if err != nil || typ != TypeFrame {
			t.Fatalf("read type %d, %v", typ, err)
		}
		got, err := ParseFrame(payload)
		if err != nil || !reflect.DeepEqual(got, f) {
			t.Errorf("wrote %v, read %v, %v", f, got, err)
		}
	}
}

type countingBuffer struct {
	bytes.Buffer
	writes int
}

func (b *countingBuffer) Write(p []byte) (int, error) { b.writes++; return b.Buffer.Write(p) }

func TestTooLargeIsNotWritten(t *testing.T) {
	const want = "device message of 4194305 bytes, at most 4194304"
	var wire bytes.Buffer
	if err := WriteMessage(&wire, TypeEvent, make([]byte, MaxMessage+1)); err == nil || err.Error() != want {
		t.Errorf("WriteMessage: %v, want %q", err, want)
	}
	if err := WriteFrame(&wire, Frame{Data: make([]byte, MaxMessage-frameHead+1)}); err == nil || err.Error() != want {
		t.Errorf("WriteFrame: %v, want %q", err, want)
	}
	if wire.Len() > 0 {
		t.Errorf("%d bytes went out all the same", wire.Len())
	}
}

func TestReadErrors(t *testing.T) {
	tests := []struct {
		name, wire, want string
		is               error
	}{
		{name: "end of stream", wire: "", want: "EOF", is: io.EOF},
		{name: "head cut", wire: "\x03\x00", want: "unexpected EOF", is: io.ErrUnexpectedEOF},
		{name: "payload missing", wire: "\x03\x00\x00\x00\x02", want: "unexpected EOF", is: io.ErrUnexpectedEOF},
		{name: "payload cut", wire: "\x03\x00\x00\x00\x02{", want: "unexpected EOF", is: io.ErrUnexpectedEOF},
		{name: "too large", wire: "\x04\xff\xff\xff\xff", want: "device message of 4294967295 bytes, at most 4194304"},
		{name: "type 0", wire: "\x00\x00\x00\x00\x00", want: "device message of unknown type 0"},
		{name: "type 5", wire: "\x05\x00\x00\x00\x01x", want: "device message of unknown type 5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := ReadMessage(bytes.NewReader([]byte(tt.wire)))
			if err == nil || err.Error() != tt.want {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v is not %v", err, tt.is)
			}
		})
	}
	if _, err := ParseFrame([]byte("123456789012")); err == nil || err.Error() != "device frame of 12 bytes, at least 13" {
		t.Errorf("ParseFrame of 12 bytes: %v", err)
	}
}

func FuzzReadMessage(f *testing.F) {
	f.Add([]byte("\x03\x00\x00\x00\x02{}"))
	f.Add([]byte("\x04\x00\x00\x00\x0a\x00\x00\x00\x00\x00\x00\x00\x01\x01\x65"))
	f.Add([]byte("\x04\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		r := bytes.NewReader(wire)
		for {
			used := len(wire) - r.Len()
			typ, payload, err := ReadMessage(r)
			if err != nil {
				return
			}
			var again bytes.Buffer
			if err := WriteMessage(&again, typ, payload); err != nil {
				t.Fatalf("cannot write what was read: %v", err)
			}
			if !bytes.Equal(again.Bytes(), wire[used:len(wire)-r.Len()]) {
				t.Fatalf("read %x, wrote %x", wire[used:len(wire)-r.Len()], again.Bytes())
			}
		}
	})
}

func FuzzParseFrame(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x02\x01\x65"))
	f.Add([]byte("123456789012"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		frame, err := ParseFrame(payload)
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := WriteFrame(&again, frame); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes()[5:], payload) {
			t.Fatalf("read %x, wrote %x", payload, again.Bytes()[5:])
		}
	})
}
