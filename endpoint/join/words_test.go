package join

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ewindow/endpoint/config"
	"ewindow/media/found"
	"ewindow/registrar/pki"
	"ewindow/registrar/signal/joining"
)

// prover is a registrar whose clock shows now, and whose certificates were made at another time. It proves whatever is asked.
func prover(t *testing.T, made, now time.Time) joining.Code {
	t.Helper()
	id, err := pki.Load(pki.Config{Dir: t.TempDir(), Domain: "localhost"}, made)
	if err != nil {
		t.Fatal(err)
	}
	code := joining.Code{Host: "localhost", Token: joining.NewToken()}
	code.Port = serve(t, id, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q joining.Prove
		if err := joining.Read(r.Body, joining.MaxQuestion, &q); err != nil {
			t.Error(err)
		}
		statement, err := json.Marshal(joining.Statement{Domain: "localhost", Space: "potsdam", State: joining.Open, Now: now})
		if err != nil {
			t.Error(err)
		}
		_ = json.NewEncoder(w).Encode(joining.Proven{Statement: statement, Proof: code.Token.Key().Prove(q.Nonce, id.Pin(), statement)})
	}))
	return code
}

// A machine whose clock is wrong by years asks all the same, and is told. A certificate that is out of date by the registrar's own clock is not taken.
func TestClock(t *testing.T) {
	const years = 10 * 365 * 24 * time.Hour
	now := time.Now()
	for name, off := range map[string]time.Duration{"right": 0, "never set": years, "years ahead": -years} {
		t.Run(name, func(t *testing.T) {
			there := now.Add(off)
			o, err := Ask(t.Context(), prover(t, there.Add(-time.Hour), there))
			if err != nil {
				t.Fatal(err)
			}
			says := o.Clock(now)
			if wrong := says != (Words{}); wrong != (off != 0) || wrong && !strings.Contains(says.What, "the registrar "+there.Format("2 Jan 2006")) {
				t.Errorf("off by %v: %q", off, says)
			}
		})
	}
	if _, err := Ask(t.Context(), prover(t, now.Add(-years), now)); err == nil || !strings.Contains(err.Error(), "certificate is good from") {
		t.Errorf("a certificate of ten years ago: %v", err)
	}
}

// What people are told of each thing that can go wrong: what, and what to do.
func TestExplain(t *testing.T) {
	at := time.Now()
	for _, c := range []struct {
		err      error
		what, do string
	}{
		{joining.ErrNoCode, "This is no code", "One looks like"},
		{fmt.Errorf("%w: its port is none", joining.ErrNoCode), "This is no code", "One looks like reg.example.org/7K3MQ-… and is on the invitation"},
		{&joining.Mistyped{Group: 3}, "The code is mistyped, probably in group 3", "Compare it"},
		{&joining.Mistyped{Group: 0}, "The code is mistyped, probably the registrar's name", "Compare it"},
		{joining.Used.Refusal(at), "This code was used by another device on", "If that was not you"},
		{joining.Expired.Refusal(at), "This code was good until", "Ask whoever invited you"},
		{joining.Revoked.Refusal(at), "This code is void since", "Ask whoever invited you"},
		{joining.ErrProof, "What answers at the registrar's address cannot prove", "Somebody may be in between"},
		{&Unreached{"reg.example.org", errors.New("refused")}, "The registrar reg.example.org is not reached", "Is this machine on the network"},
		{ErrNotAccepted, "The exchange rules were not accepted", "Nothing was changed"},
		{errors.New("gone\x1b[2J; öffnen"), "Gone[2J", "Öffnen"},
	} {
		if w := Explain(c.err); !strings.HasPrefix(w.What, c.what) || !strings.HasPrefix(w.Do, c.do) {
			t.Errorf("of %q people are told %q, and to do %q", c.err, w.What, w.Do)
		}
	}
}

// The devices that were found stand in the file by name, and whatever they call themselves, they are comments.
func TestDevicesInTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "window.hcl")
	m := &joining.Membership{Space: "potsdam", Domain: "localhost", Registrar: "sips:localhost", Pin: "sha256:" + strings.Repeat("0", 64), Secret: "x"}
	d := Devices{Camera: `gst:filesrc location="a b" ! ${x} ! %{y}`, Rotate: 90, Found: found.Devices{
		Cameras:     []found.Device{{Word: "v4l2:/dev/video0", Name: "Webcam C270"}, {Word: "v4l2:/dev/video2", Name: `*/ camera = "test"`}},
		Microphones: []found.Device{{Word: "alsa:plughw:CARD=C270,DEV=0", Name: "Webcam C270, USB Audio"}},
	}}
	if err := (Devices{Camera: "/dev/video0"}).Check(); err == nil || err.Error() != `camera: "/dev/video0" is not known; did you mean "v4l2:/dev/video0"?` {
		t.Errorf("a word that is none: %v", err)
	}
	if err := d.Check(); err != nil {
		t.Error(err)
	}
	if err := Write(file, m, d); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if c.Camera != d.Camera || c.Screen != "auto" || c.Microphone != "auto" || c.Speaker != "auto" || c.Rotate != 90 {
		t.Errorf("the file is read as %+v", c)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"#   v4l2:/dev/video0             Webcam C270\n", "#   alsa:plughw:CARD=C270,DEV=0  Webcam C270, USB Audio\n", "speaker     = \"auto\"\n#   none was found\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the file does not say %q:\n%s", want, text)
		}
	}
}
