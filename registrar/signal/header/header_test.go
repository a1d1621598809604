package header

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

func request(headers ...string) *sip.Request {
	req := sip.NewRequest(sip.OPTIONS, sip.Uri{Scheme: "sip", Host: "a"})
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.AppendHeader(sip.NewHeader(name, value))
	}
	return req
}

func TestLists(t *testing.T) {
	m := request("Require: timer, GRUU", "Require: , path")
	if got := List(m, "Require"); !slices.Equal(got, []string{"timer", "GRUU", "path"}) {
		t.Errorf("List: %q", got)
	}
	if got := Unknown(m, "Require", "timer", "path"); !slices.Equal(got, []string{"GRUU"}) {
		t.Errorf("Unknown: %q", got)
	}
	if !Lists(m, "Require", "gruu") || Lists(m, "Require", "outbound") || Lists(m, "Supported", "timer") {
		t.Error("Lists")
	}
	contacts := request(`Contact: "a, b" <sip:a@b;x=,y>;q=1, <sip:c@d>`, "Contact: *")
	if got := Contacts(contacts); !slices.Equal(got, []string{`"a, b" <sip:a@b;x=,y>;q=1`, "<sip:c@d>", "*"}) {
		t.Errorf("Contacts: %q", got)
	}
}

func TestValues(t *testing.T) {
	value := `active ; Expires = 60;reason="a;b \"c\"" ;last`
	for name, want := range map[string]string{"expires": "60", "REASON": `a;b "c"`, "last": "", "active": ""} {
		if got := Param(value, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if Word(value) != "active" || Word("") != "" {
		t.Error("Word")
	}
	for text, want := range map[string]time.Duration{
		"60": time.Minute, " 60 ": time.Minute, "60;refresher=uac": time.Minute, "18000 (Chez Bob)": 5 * time.Hour, "0": 0,
		"": -1, "x": -1, "-1": -1, "6o": -1, "99999999999": -1,
	} {
		if got, ok := Seconds(text); ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %v, %v, want %v", text, got, ok, want)
		}
	}
	if got := ReasonText(`Q.850;cause=16, SIP;cause=200;text="done \"now\""`); got != `done "now"` {
		t.Errorf("%q", got)
	}
}

func TestEncoded(t *testing.T) {
	for value, want := range map[string]bool{
		"": false, "identity": false, "Identity": false, "gzip": true, "identity, gzip": true, "x-GZIP": true,
	} {
		if got := Encoded(request("Content-Encoding: " + value)); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
	if Encoded(request()) {
		t.Error("a body without a coding")
	}
}

func TestSplit(t *testing.T) {
	for text, want := range map[string]string{
		"<sip:a@b>":                                 "<sip:a@b>",
		"<sip:a@b>, <sip:c@d>;q=0.5":                "<sip:a@b>|<sip:c@d>;q=0.5",
		`"a, b" <sip:a@b;x=1,2>,<sip:c@d>`:          `"a, b" <sip:a@b;x=1,2>|<sip:c@d>`,
		`"a\", b" <sip:a@b>,*`:                      `"a\", b" <sip:a@b>|*`,
		`<sip:a@b>;+sip.instance="<urn:x,y>",sip:c`: `<sip:a@b>;+sip.instance="<urn:x,y>"|sip:c`,
	} {
		if got := strings.Join(split(text, ','), "|"); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestTexts(t *testing.T) {
	for in, want := range map[string]string{
		"Milano – Barra A":        "Milano – Barra A",
		"a\r\nb\tc  d":            "a b c d",
		"\u202egnirts\u202c":      "gnirts",
		"bad \xff utf8\x00":       "bad utf8",
		strings.Repeat("é", 1000): strings.Repeat("é", MaxName),
		`quo\"ted \\ one`:         `quo"ted \ one`,
		"   ":                     "",
	} {
		if got := DisplayName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"Milano – Barra A – Kitchen": "Milano – Barra A – Kitchen",
		"a\r\nEvil: 1":               "a Evil: 1",
		"\"quoted\" \\ back":         "'quoted' / back",
		"nul\x00del\x7f\u0085x":      "nul del x",
		"\xff\xfe":                   "",
		"  edges\t":                  "edges",
		strings.Repeat("ü", 300):     strings.Repeat("ü", MaxText),
		"":                           "",
	} {
		if got := Safe(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
