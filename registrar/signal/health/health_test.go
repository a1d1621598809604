package health

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
)

func sample() Health {
	return Health{
		Version: "v1.2.0", Clock: time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC), Up: 3600, Encoder: "x264enc", Trust: "confirmed",
		Devices: []Device{{Role: "camera", Missing: "No camera"}, {Role: "sound", Down: true, Failures: 3}},
		Call:    &Call{Peer: "munich", State: Picture, For: 60, Path: "host", Keys: "dtls", Loss: 0.3, Gone: 0.01, RTT: 12.5, FPSIn: 30, KbpsIn: 1800, KbpsOut: 2000.1},
		Fault:   &Fault{What: "nothing came from munich", Ago: 300, Lasted: 12, By: "a new call"},
	}
}

func TestThereAndBack(t *testing.T) {
	b, err := Encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Decode(b); err != nil || !reflect.DeepEqual(got, sample()) {
		t.Errorf("%v, got %+v", err, got)
	}
	if len(b) > 600 {
		t.Errorf("%d bytes: %s", len(b), b)
	}
	newer := strings.Replace(string(b), "{", `{"of tomorrow":[1,{"x":2}],`, 1)
	if got, err := Decode([]byte(newer)); err != nil || !reflect.DeepEqual(got, sample()) {
		t.Errorf("with a field of tomorrow: %v, %+v", err, got)
	}
	if got, err := Decode([]byte("{}")); err != nil || !reflect.DeepEqual(got, Health{}) {
		t.Errorf("of nothing: %v, %+v", err, got)
	}
}

// Nothing that a window tells reaches a terminal as a command, fills a memory, or is a number that nobody can read.
func TestOfSomebodyHostile(t *testing.T) {
	evil := "\x1b[2J\x1b]52;c;QQ==\x07\r\nContact: x\u202e" + strings.Repeat("𝔸", 500)
	h := Health{Version: evil, Encoder: evil, Trust: evil, Call: &Call{Peer: evil, State: evil, Path: evil, Keys: evil, Loss: -3, RTT: 1e300},
		Fault: &Fault{What: evil, By: evil, Ago: 1e300}}
	for range 100 {
		h.Devices = append(h.Devices, Device{Role: "camera", Missing: evil[:40]}, Device{Role: "sink\x1b", Missing: "x"})
	}
	raw, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(raw); err == nil || !strings.Contains(err.Error(), "at most 4096 are read") {
		t.Errorf("%d bytes: %v", len(raw), err)
	}
	h.Devices = h.Devices[:20]
	h.Version, h.Call.State, h.Call.Path, h.Encoder = evil[:40], "", "", ""
	h.Fault.By, h.Call.Keys, h.Trust, h.Call.Peer, h.Fault.What = evil[:40], evil[:40], "", evil[:60], evil[:600]
	if raw, err = json.Marshal(h); err != nil || len(raw) > MaxSize {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	got, err := Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%+v %+v %+v", got, *got.Call, *got.Fault); strings.ContainsFunc(text, func(c rune) bool {
		return unicode.IsControl(c) || unicode.Is(unicode.Cf, c)
	}) {
		t.Errorf("%q", text)
	}
	if len(got.Devices) != 1 || got.Call.Loss != 0 || got.Call.RTT != most || got.Fault.Ago != most {
		t.Errorf("%+v", got)
	}
	for _, d := range got.Devices {
		if d.Role != "camera" {
			t.Errorf("a device of nobody's: %q", d.Role)
		}
	}
	for _, bad := range []string{"", "null x", "[]", `{"up_s":"x"}`, `{"up_s":1e999}`, `{"clock":"tomorrow"}`, "\x00", strings.Repeat("[", 4000), `{"devices":{}}`} {
		if _, err := Decode([]byte(bad)); err == nil {
			t.Errorf("%.20q is taken", bad)
		}
	}
}

// Whatever a window knows of itself, it tells no more than is read.
func TestTheLargest(t *testing.T) {
	long := strings.Repeat("&", 200) // six bytes each
	h := Health{Version: long, Encoder: "x264enc", Trust: long, Call: &Call{Peer: long, State: Silent, Loss: math.MaxFloat64}, Fault: &Fault{What: long, By: long}}
	for _, role := range []string{"camera", "screen", "sound"} {
		h.Devices = append(h.Devices, Device{Role: role, Missing: "No camera", Down: true, Busy: true, Failures: 1e12})
	}
	b, err := Encode(h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(b); err != nil {
		t.Error(err)
	}
	h.Encoder, h.Call.Path, h.Call.Keys = long, long, long
	for i := range h.Devices {
		h.Devices[i].Missing = long
	}
	if b, err := Encode(h); err == nil {
		t.Errorf("%d bytes are told", len(b))
	}
}

func FuzzDecode(f *testing.F) {
	b, _ := Encode(sample())
	f.Add(b)
	f.Add([]byte(`{"devices":[{"role":"camera","missing":"\u001b[2J"}],"fault":{"what":"\u202e"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := Decode(b)
		if err != nil {
			return
		}
		again, err := Encode(h)
		if err != nil {
			return // what is read within the bounds may be longer when it is escaped
		}
		if back, err := Decode(again); err != nil || !reflect.DeepEqual(back, h) {
			t.Errorf("%v\n%+v\n%+v", err, back, h)
		}
	})
}
