package provision

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var reception = Settings{User: "reception", Display: `Re"ception <1> & co`, Domain: "reg.example.org", Host: "reg.example.org", Port: 5061,
	Dials: []Dial{{Name: "milano", Number: "201"}, {Name: "echo"}}}

// A rig is a desk with one phone in the plan, and how often its secret changed.
type rig struct {
	*Desk
	handler http.Handler
	changed atomic.Int32
	log     strings.Builder
	broken  error
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{}
	r.Desk = &Desk{
		Links: Open(t.TempDir() + "/phones"), Log: slog.New(slog.NewTextHandler(&r.log, nil)),
		Settings: func(account string) (Settings, bool) { return reception, account == "reception" },
		Secret: func(context.Context, string) (string, error) {
			return fmt.Sprintf("secret%d", r.changed.Add(1)), r.broken
		},
	}
	r.handler = r.Desk.Handler()
	return r
}

func (r *rig) ask(method, token, from string) *httptest.ResponseRecorder {
	q := httptest.NewRequest(method, Path, nil)
	q.URL.Path, q.RemoteAddr = Path+token, from
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, q)
	return w
}

func (r *rig) make(t *testing.T, account string) string {
	t.Helper()
	token, err := r.Links.Make(account, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

const phone = "192.0.2.1:1000"

// A link gives the secret once, to whoever opens it first, of however many; what lies on the disk meanwhile opens nothing.
func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		token := r.make(t, "reception")
		files, err := os.ReadDir(r.Links.dir)
		if err != nil || len(files) != 1 || strings.Contains(files[0].Name(), token) || r.ask("GET", files[0].Name(), "192.0.2.250:1").Code != 404 {
			t.Fatalf("%v, %v", files, err)
		}
		if w := r.ask("HEAD", token, "198.51.100.1:1"); w.Code != 405 {
			t.Errorf("HEAD: %d", w.Code)
		}
		var opened atomic.Int32
		var all sync.WaitGroup
		for i := range 1000 {
			all.Go(func() {
				if w := r.ask("GET", token, fmt.Sprintf("10.%d.%d.1:1", i/250, i%250)); w.Code == 200 {
					opened.Add(1)
					if !strings.Contains(w.Body.String(), ">secret1<") || w.Header().Get("Cache-Control") != "no-store" {
						t.Errorf("%v %s", w.Header(), w.Body)
					}
				}
			})
		}
		all.Wait()
		if opened.Load() != 1 || r.changed.Load() != 1 {
			t.Errorf("opened %d times, %d secrets", opened.Load(), r.changed.Load())
		}
		if strings.Contains(r.log.String(), token) || strings.Contains(r.log.String(), "secret1") {
			t.Errorf("the log has it: %s", &r.log)
		}
	})
}

// Links end with their hour, with another one of the same phone, and with the phone's place in the plan; all of that is told alike.
func TestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		late, other := r.make(t, "reception"), r.make(t, "bar")
		time.Sleep(Life)
		first := r.make(t, "reception")
		second := r.make(t, "reception")
		gone := r.make(t, "reception-2")
		if err := r.Links.Void("reception-2", time.Now()); err != nil {
			t.Fatal(err)
		}
		notInPlan := r.make(t, "bar")
		texts := map[string]bool{}
		for i, token := range []string{late, other, first, gone, notInPlan, "", "x", "../registrar.db", strings.Repeat("A", 22), second + "A", strings.Repeat("A", 5000)} {
			w := r.ask("GET", token, fmt.Sprintf("10.0.%d.1:1", i))
			texts[w.Body.String()] = true
			if w.Code != 404 {
				t.Errorf("%d: %d %s", i, w.Code, w.Body)
			}
		}
		if len(texts) != 1 {
			t.Errorf("told apart: %v", texts)
		}
		if w := r.ask("GET", second, phone); w.Code != 200 {
			t.Errorf("the last one: %d", w.Code)
		}
		if n := r.changed.Load(); n != 1 {
			t.Errorf("%d secrets", n)
		}
	})
}

// Whoever guesses has soon guessed enough, and keeps nobody elsewhere from opening a link; nor does it have the disk read for each.
func TestGuesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		token := r.make(t, "reception")
		codes := map[int]int{}
		for i := range 10_000 {
			codes[r.ask("GET", fmt.Sprintf("%022d", i), fmt.Sprintf("203.0.113.%d:1", i%250)).Code]++
		}
		if codes[404] != burst || codes[429] != 10_000-burst {
			t.Errorf("answers: %v", codes)
		}
		looked := r.Links.looked
		r.ask("GET", strings.Repeat("B", 22), "10.0.0.1:1")
		if r.Links.looked != looked {
			t.Error("the directory was read for a guess")
		}
		if w := r.ask("GET", token, phone); w.Code != 200 {
			t.Errorf("the phone: %d", w.Code)
		}
	})
}

func TestNoSecret(t *testing.T) {
	r := newRig(t)
	r.broken = errors.New("disk full")
	if w := r.ask("GET", r.make(t, "reception"), phone); w.Code != 503 || !strings.Contains(r.log.String(), "disk full") {
		t.Errorf("%d, %s", w.Code, &r.log)
	}
}

// What Linphone is given is sound XML, whatever the plan calls the phone, and holds nothing of the plan's that would be something else there.
func TestLinphone(t *testing.T) {
	type entry struct {
		Name  string `xml:"name,attr"`
		Value string `xml:",chardata"`
	}
	read := func(text string) map[string]string {
		var config struct {
			XMLName  xml.Name
			Sections []struct {
				Name    string  `xml:"name,attr"`
				Entries []entry `xml:"entry"`
			} `xml:"section"`
		}
		if err := xml.Unmarshal([]byte(text), &config); err != nil || config.XMLName.Space != "http://www.linphone.org/xsds/lpconfig.xsd" {
			t.Fatalf("%v: %s", err, text)
		}
		out := map[string]string{}
		for _, s := range config.Sections {
			for _, e := range s.Entries {
				out[s.Name+" "+e.Name] = e.Value
			}
		}
		return out
	}
	got := read(reception.Linphone("s3cret"))
	for name, want := range map[string]string{
		"auth_info_0 passwd": "s3cret", "auth_info_0 algorithm": "MD5", "proxy_0 reg_proxy": "<sip:reg.example.org;transport=tls>",
		"proxy_0 reg_identity": `"Reception <1> & co" <sip:reception@reg.example.org>`, "sip media_encryption": "srtp", "sip media_encryption_mandatory": "1",
	} {
		if got[name] != want {
			t.Errorf("%s is %q", name, got[name])
		}
	}
	plainRTP := Settings{User: "old", Domain: "d", Host: "2001:db8::1", Port: 443, Plain: true, SHA256: true}
	got = read(plainRTP.Linphone("x"))
	if got["sip media_encryption"] != "none" || got["proxy_0 reg_proxy"] != "<sip:[2001:db8::1]:443;transport=tls>" || got["auth_info_0 algorithm"] != "SHA-256" {
		t.Errorf("%v", got)
	}
	text := reception.Text("by its certificate")
	for _, want := range []string{"user       reception", "milano (201), echo", "TLS, port 5061", "SRTP"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
}

func FuzzToken(f *testing.F) {
	f.Add("AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("../../etc/passwd")
	desk := &Desk{Links: Open(f.TempDir()), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Settings: func(string) (Settings, bool) { return reception, true },
		Secret:   func(context.Context, string) (string, error) { return "x", nil }}
	desk.Handler()
	f.Fuzz(func(t *testing.T, token string) {
		w := httptest.NewRecorder()
		desk.open(w, httptest.NewRequest("GET", Path, nil), token, time.Now())
		if w.Code != 404 {
			t.Errorf("%q opened something", token)
		}
	})
}
