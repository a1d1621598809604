// Package protocol is what ewindow and its device processes (ewindow-media) say to each other over a stream
// socketpair, file descriptor 3 of the child.
//
// A message is a type of one byte, a length of four (big endian, of what follows) and so many bytes:
//
//	+------+-------------------+---------------
//	| type | length (uint32)   | payload …
//	+------+-------------------+---------------
//
// Configure, Command and Event carry JSON. A frame carries the time of capture (int64, nanoseconds of
// CLOCK_MONOTONIC, which parent and child share; 0 where it has no meaning), the number of its stream (uint32), one
// byte of flags and the coded data.
//
// A stream is one sequence of frames in one format. The parent numbers them, never one twice for the same process: what
// is on its way in a stream that has ended can't be taken for one of another. It says which streams there are to be by
// giving all of them, in Configure and later in Command; the child begins and ends what differs, and leaves the others
// undisturbed.
// Unknown JSON fields are ignored, unknown types are an error: parent and child are built together.
package protocol

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// FD is the file descriptor on which a device process finds its socket.
const FD = 3

// Prepare is the only argument of a device program that is to make GStreamer's list of plugins and end.
const Prepare = "prepare"

// MaxMessage bounds a payload, in bytes.
const MaxMessage = 4 << 20

// Type tells messages apart.
type Type uint8

const (
	TypeConfigure Type = 1 // parent → child, first and once: Configure
	TypeCommand   Type = 2 // parent → child: Command
	TypeEvent     Type = 3 // child → parent: Event
	TypeFrame     Type = 4 // both: Frame
)

// Role is the job of one device process.
type Role string

const (
	Camera Role = "camera" // capture and encode: sends access units
	Sound  Role = "sound"  // microphone, speaker, echo canceller and codecs: sends and receives audio frames
	Screen Role = "screen" // decode and show: receives access units and texts
)

// Flags of a Frame.
const (
	FlagKey    = 1 << 0 // access unit: an IDR picture, or to the screen a recovery point, with parameter sets
	FlagLost   = 1 << 1 // audio: nothing came, conceal one frame
	FlagHidden = 1 << 2 // access unit to the screen: decode it, and don't show it
)

// A Frame is one access unit (H.264, Annex B) or one frame of coded sound.
type Frame struct {
	Time   int64  // ns of CLOCK_MONOTONIC at capture; towards screen and speaker: when to show it, 0 for at once
	Stream uint32 // the number of its stream; towards the screen that of the call that is shown
	Flags  uint8
	Data   []byte
}

// Configure tells a device process what it is. Only the part of its role is set.
type Configure struct {
	Role   Role          `json:"role"`
	Camera *CameraConfig `json:"camera,omitempty"`
	Sound  *SoundConfig  `json:"sound,omitempty"`
	Screen *ScreenConfig `json:"screen,omitempty"`
}

// CameraConfig has the words of the window's file, and the streams to begin with.
type CameraConfig struct {
	Source  string        `json:"source"`          // auto | test | v4l2:/dev/video0 | libcamera | x11::101 | file:clip.mp4 | gst:…
	Label   string        `json:"label"`           // what the test camera shows
	Seed    uint16        `json:"seed"`            // the test camera's identity in its machine-readable code
	Encoder string        `json:"encoder"`         // auto | the name of a GStreamer element
	Avoid   string        `json:"avoid,omitempty"` // an encoder that auto leaves out until Command.Retry, since it failed in use
	Scan    bool          `json:"scan,omitempty"`  // look for QR codes, and show people themselves as in a mirror, so that they can aim
	Streams []VideoStream `json:"streams"`         // at least one
}

// VideoStream is an encoder: pictures of the one camera in a format that was negotiated.
type VideoStream struct {
	Number   uint32 `json:"number"`
	Width    int    `json:"width"`
	Height   int    `json:"height"`
	FPS      int    `json:"fps"` // it and Kbps may change in a stream that runs
	Kbps     int    `json:"kbps"`
	MaxSlice int    `json:"max_slice,omitempty"` // bytes; set for packetization-mode 0, where a NAL unit must fit a packet
}

// SoundConfig has the words of the window's file, and the streams to begin with.
type SoundConfig struct {
	Microphone string       `json:"microphone"`      // auto | test | alsa:hw:1 | pulse | none | gst:…
	Speaker    string       `json:"speaker"`         // auto | alsa:hw:1 | pulse | none | gst:…
	ToneHz     int          `json:"tone_hz"`         // of the test microphone
	Muted      bool         `json:"muted,omitempty"` // start with silence; Command.Mute changes it
	Echo       bool         `json:"echo"`            // cancel the echo between speaker and microphone
	Streams    SoundStreams `json:"streams"`
}

// SoundStreams are the coded sounds of a sound role.
type SoundStreams struct {
	Recorded []SoundStream `json:"recorded"` // of the microphone, one encoder each
	Played   []SoundStream `json:"played"`   // for the speaker, one decoder each; they are mixed
}

// SoundStream is sound in a codec that was negotiated.
type SoundStream struct {
	Number uint32 `json:"number"`
	Codec  string `json:"codec"`          // opus | G722 | PCMU | PCMA
	Kbps   int    `json:"kbps,omitempty"` // recorded Opus
	FEC    bool   `json:"fec,omitempty"`  // recorded Opus: with the frame before in each frame (RFC 6716 §2.1.7)
}

// ScreenConfig is where the picture goes.
type ScreenConfig struct {
	Sink   string `json:"sink"`             // auto | kms | wayland | x11::104 | none | gst:…
	Rotate int    `json:"rotate,omitempty"` // degrees by which what is seen is turned clockwise: 0, 90, 180 or 270
	Title  string `json:"title"`            // of the desktop window
	Width  int    `json:"width"`            // of the picture that is drawn while none comes
	Height int    `json:"height"`
	Keys   bool   `json:"keys,omitempty"` // report what is typed at a desktop's window
}

// Command changes a running role. Fields that are not set change nothing.
type Command struct {
	Video     []VideoStream `json:"video,omitempty"`     // camera: all streams that there are to be from now on
	Keyframes []uint32      `json:"keyframes,omitempty"` // camera: the next access unit of these streams is an IDR picture
	Retry     bool          `json:"retry,omitempty"`     // camera: try the encoder that is left out; Ready says how that went
	Sound     *SoundStreams `json:"sound,omitempty"`     // sound: all streams that there are to be from now on
	Mute      *bool         `json:"mute,omitempty"`      // sound: silence before the encoders
	Card      *Card         `json:"card,omitempty"`      // screen: what it says
	Shown     uint32        `json:"shown,omitempty"`     // screen: pictures of this stream come now; no former one is seen any more
}

// Card is what a screen says. With Picture the texts lie over the partner's picture, small; without, they
// fill the screen, legible from four metres.
type Card struct {
	Picture bool   `json:"picture"` // show the access units that come
	Title   string `json:"title"`   // "city – space – room" of who is seen, or of the window itself
	Reason  string `json:"reason"`  // why there is no picture; empty with one
	Next    string `json:"next"`    // "opens Mon 09:00", "since 14:05 the line is down"
	Notice  string `json:"notice"`  // a device that is missing, the registrar that is away
}

// Event is what a role reports. Kind says which of the other fields are set.
type Event struct {
	Kind    EventKind `json:"kind"`
	Text    string    `json:"text,omitempty"`      // for people
	Device  string    `json:"device,omitempty"`    // what was opened: "v4l2 /dev/video0", "test picture", "still picture"
	Encoder string    `json:"encoder,omitempty"`   // ready, camera: the element that was chosen
	Avoided string    `json:"avoided,omitempty"`   // ready, camera: the encoder that failed in use, so that Encoder took its place; empty if none did
	Server  int       `json:"server,omitempty"`    // ready, screen: the process that draws for it on this machine, an X server; 0 if none is known
	Lacks   string    `json:"lacks,omitempty"`     // ready: what a stand-in is used for, in few words: "No camera"
	Frames  uint64    `json:"frames,omitempty"`    // progress: pictures or sound frames so far
	LevelDB float64   `json:"level_db,omitempty"`  // level: microphone, dBFS
	PathMS  float64   `json:"path_ms,omitempty"`   // echo: how long sound takes from the speaker to the microphone, 0 while unknown
	ERLE    float64   `json:"erle_db,omitempty"`   // echo: by how much the canceller weakens it, dB (echo return loss enhancement), 0 while unknown
	Drift   float64   `json:"drift_ppm,omitempty"` // echo: by how much the microphone's clock is faster than this machine's, 0 while unknown
	Wanted  float64   `json:"wanted,omitempty"`    // work: pictures a second of the stream that does worst
	Given   float64   `json:"given,omitempty"`     // work: of these, those that its encoder was given
	Made    float64   `json:"made,omitempty"`      // work: and those that it made
	Waited  float64   `json:"waited,omitempty"`    // work: share of the time that the thread that waited longest waited for a processor
	Howls   uint64    `json:"howls,omitempty"`     // echo: how often sound that went around between two rooms was stopped so far
	Gain    float64   `json:"gain_db,omitempty"`   // echo: by how much the microphone's sound is amplified, dB
}

// EventKind is the word for an Event.
type EventKind string

const (
	Starting EventKind = "starting" // a start has reached another stage; Text says what is waited for: "reads GStreamer's plugins"
	Ready    EventKind = "ready"    // devices are open; Device, Encoder, Text (why this encoder), Avoided, Lacks; again when one of these is another
	Progress EventKind = "progress" // a few times a second while media moves, or a camera tries encoders; Frames. Its absence is a hang
	Missing  EventKind = "missing"  // a device is not there, a still or silence stands in; Text says which and why
	Failed   EventKind = "failed"   // the role cannot go on and will exit; Text says why and what to do
	Level    EventKind = "level"    // sound: LevelDB
	Echo     EventKind = "echo"     // sound: how the echo does, every ten seconds at most, or at once when its way is another; PathMS, ERLE, Drift, Howls, Gain
	Work     EventKind = "work"     // camera: whether it keeps up, once a second; Wanted, Given, Made, Waited
	Code     EventKind = "code"     // camera that scans: it sees a QR code; Text is what that holds, a secret perhaps
	Key      EventKind = "key"      // screen with keys: somebody typed; Text is a letter, or Enter, Backspace, Escape, PageUp, PageDown
	Keyframe EventKind = "keyframe" // screen: it can go on only with an IDR picture; whoever sends pictures should be asked for one
)

// WriteMessage writes one message with a single Write.
func WriteMessage(w io.Writer, t Type, payload []byte) error {
	b, err := begin(make([]byte, 0, 5+len(payload)), t, len(payload))
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, payload...))
	return err
}

// begin appends the head of a message with a payload of n bytes.
func begin(b []byte, t Type, n int) ([]byte, error) {
	if n > MaxMessage {
		return b, fmt.Errorf("device message of %d bytes, at most %d", n, MaxMessage)
	}
	return binary.BigEndian.AppendUint32(append(b, byte(t)), uint32(n)), nil
}

// WriteJSON writes a Configure, Command or Event.
func WriteJSON(w io.Writer, t Type, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode device message: %w", err)
	}
	return WriteMessage(w, t, b)
}

// ReadMessage reads one message. At the end of the stream it returns io.EOF, inside a message io.ErrUnexpectedEOF.
func ReadMessage(r io.Reader) (Type, []byte, error) {
	var h [5]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(h[1:])
	if n > MaxMessage {
		return 0, nil, fmt.Errorf("device message of %d bytes, at most %d", n, MaxMessage)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	t := Type(h[0])
	if t < TypeConfigure || t > TypeFrame {
		return 0, nil, fmt.Errorf("device message of unknown type %d", h[0])
	}
	return t, b, nil
}

// frameHead is the size of what precedes the data of a frame: time, stream and flags.
const frameHead = 13

// WriteFrame writes one frame with a single Write.
func WriteFrame(w io.Writer, f Frame) error {
	b, err := AppendFrame(nil, f)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

// AppendFrame appends the message of a frame to b, for who has memory for it from the last one.
func AppendFrame(b []byte, f Frame) ([]byte, error) {
	b, err := begin(slices.Grow(b, 5+frameHead+len(f.Data)), TypeFrame, frameHead+len(f.Data))
	if err != nil {
		return b, err
	}
	b = binary.BigEndian.AppendUint64(b, uint64(f.Time))
	b = binary.BigEndian.AppendUint32(b, f.Stream)
	b = append(b, f.Flags)
	return append(b, f.Data...), nil
}

// ParseFrame reads the payload of a TypeFrame message; Data shares its memory.
func ParseFrame(payload []byte) (Frame, error) {
	if len(payload) < frameHead {
		return Frame{}, fmt.Errorf("device frame of %d bytes, at least %d", len(payload), frameHead)
	}
	return Frame{
		Time:   int64(binary.BigEndian.Uint64(payload)),
		Stream: binary.BigEndian.Uint32(payload[8:]),
		Flags:  payload[12],
		Data:   payload[frameHead:],
	}, nil
}
