package programme

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func at(hour int) time.Time { return time.Date(2027, 3, 22, hour, 0, 0, 0, time.UTC) }

func sample() *Programme {
	return &Programme{
		Version: Version, Space: "milano", Name: "Milano – Barra A – Kitchen", Timezone: "Europe/Rome", Revision: "18adc25fc099",
		From: at(0), Until: at(24 * 14),
		Open: []Span{{at(8), at(18)}, {at(32), at(42)}},
		Links: []Interval{
			{Span: Span{at(8), at(12)}, Partner: "munich", PartnerName: "München", Caller: "milano", Link: "the long window"},
			{Span: Span{at(12), at(17)}, Partner: "potsdam", PartnerName: "Potsdam", Caller: "potsdam", Link: "evening"},
		},
		Phones: []Phone{{Account: "reception", Name: "Reception", Security: SDES, Picture: true}, {Account: "old", Security: None}},
		Knocks: []Knock{{Number: "201", Policy: "polite", From: []string{"reception"}, Ring: 20, Until: Accepted}},
		Keys:   map[string]string{"munich": "MFkw"},
	}
}

func TestRoundTrip(t *testing.T) {
	b, err := Encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	if bytes.ContainsRune(b, '\n') {
		t.Error("it is not one line")
	}
	got, err := Decode(iotest.OneByteReader(bytes.NewReader(b)))
	if err != nil || !reflect.DeepEqual(got, sample()) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestQuestions(t *testing.T) {
	p := sample()
	for _, c := range []struct {
		hour          int
		open          bool
		partner, next string
	}{
		{7, false, "", "munich"}, {8, true, "munich", "potsdam"}, {11, true, "munich", "potsdam"},
		{12, true, "potsdam", ""}, {17, true, "", ""}, {18, false, "", ""}, {33, true, "", ""},
	} {
		partner, next := "", ""
		if l := p.LinkAt(at(c.hour)); l != nil {
			partner = l.Partner
		}
		if l := p.NextLink(at(c.hour)); l != nil {
			next = l.Partner
		}
		if open := p.OpenAt(at(c.hour)) != nil; open != c.open || partner != c.partner || next != c.next {
			t.Errorf("at %d: open %v, %q, next %q; want %v, %q, %q", c.hour, open, partner, next, c.open, c.partner, c.next)
		}
	}
	if ph := p.Phone("old"); ph == nil || ph.Security != None {
		t.Errorf("Phone is %v", ph)
	}
	if ph := p.Phone("munich"); ph != nil {
		t.Errorf("a space is the phone %v", ph)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*Programme)
	}{
		{"programme names no space", func(p *Programme) { p.Space = "" }},
		{"programme ends before it begins", func(p *Programme) { p.Until = p.From }},
		{"programme: open[1] is empty or out of order", func(p *Programme) { p.Open[1] = Span{at(17), at(20)} }},
		{"programme: open[0] is empty or out of order", func(p *Programme) { p.Open[0].Until = at(8) }},
		{"programme: links[1] is empty or out of order", func(p *Programme) { p.Links[1].From = at(11) }},
		{"programme: links[0] has no partner", func(p *Programme) { p.Links[0].Partner = "" }},
		{"programme: links[0] has no partner", func(p *Programme) { p.Links[0].Partner = "milano" }},
		{`programme: links[1] is called by "munich", who is not in it`, func(p *Programme) { p.Links[1].Caller = "munich" }},
	} {
		p := sample()
		c.change(p)
		b, err := Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(bytes.NewReader(b)); err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func TestDecodeRefusesWhatIsNoProgramme(t *testing.T) {
	whole, err := Encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ text, want string }{
		{"", "programme is not readable: unexpected end of JSON input"},
		{"null", "programme has version 0, this window reads version 1"},
		{"[]", "programme is not readable: json: cannot unmarshal array into Go value of type programme.Programme"},
		{"<html>", "programme is not readable: invalid character '<' looking for beginning of value"},
		{string(whole) + "{}", "programme is not readable: invalid character '{' after top-level value"},
		{strings.Repeat(" ", MaxSize+1), "programme is larger than 60000 bytes"},
	} {
		if _, err := Decode(strings.NewReader(c.text)); err == nil || err.Error() != c.want {
			t.Errorf("%.20q: got %v, want %s", c.text, err, c.want)
		}
	}
	for i := range whole {
		if _, err := Decode(bytes.NewReader(whole[:i])); err == nil {
			t.Fatalf("the first %d bytes of %d are accepted", i, len(whole))
		}
	}
	broken := errors.New("broken")
	if _, err := Decode(iotest.ErrReader(broken)); !errors.Is(err, broken) || err.Error() != "read programme: broken" {
		t.Errorf("a reader that fails: %v", err)
	}
}

func TestEncodeRefusesWhatNoMessageHolds(t *testing.T) {
	p := sample()
	p.Name = strings.Repeat("x", MaxSize)
	_, err := Encode(p)
	if err == nil || !strings.HasPrefix(err.Error(), "encode programme of milano: 60") || !strings.HasSuffix(err.Error(), "bytes, at most 60000 fit a NOTIFY") {
		t.Errorf("got %v", err)
	}
}

func TestSame(t *testing.T) {
	for _, c := range []struct {
		name   string
		same   bool
		change func(*Programme)
	}{
		{"nothing", true, func(p *Programme) {}},
		{"revision", true, func(p *Programme) { p.Revision = "another" }},
		{"the next day's", true, func(p *Programme) {
			p.From, p.Until = at(24), at(24*15)
			p.Open = []Span{{at(32), at(42)}, {at(24*14 + 8), at(24*14 + 18)}}
			p.Links = nil
		}},
		{"begun an hour ago", true, func(p *Programme) {
			p.From = at(10)
			p.Open[0].From, p.Links[0].From = at(10), at(10)
		}},
		{"space", false, func(p *Programme) { p.Space = "munich" }},
		{"name", false, func(p *Programme) { p.Name = "Milano" }},
		{"time zone", false, func(p *Programme) { p.Timezone = "Europe/Berlin" }},
		{"hours", false, func(p *Programme) { p.Open[1].Until = at(43) }},
		{"one opening less", false, func(p *Programme) { p.Open = p.Open[:1] }},
		{"partner", false, func(p *Programme) { p.Links[0].Partner = "potsdam" }},
		{"caller", false, func(p *Programme) { p.Links[0].Caller = "munich" }},
		{"end of a link", false, func(p *Programme) { p.Links[1].Until = at(16) }},
		{"phone", false, func(p *Programme) { p.Phones[1].Security = SDES }},
		{"note", false, func(p *Programme) { p.Note = "Ring twice." }},
		{"a knock", false, func(p *Programme) { p.Knocks[0].Ring = 30 }},
		{"who knocks", false, func(p *Programme) { p.Knocks[0].From[0] = "munich" }},
		{"a partner's key", false, func(p *Programme) { p.Keys["munich"] = "MFkE" }},
		{"a partner's first key", false, func(p *Programme) { p.Keys["potsdam"] = "MFkC" }},
		{"the key of a stranger", true, func(p *Programme) { p.Keys["nobody"] = "MFkD" }},
		{"no common time", false, func(p *Programme) { p.From, p.Until = at(24*14), at(24*28) }},
	} {
		p := sample()
		c.change(p)
		if Same(sample(), p) != c.same || Same(p, sample()) != c.same {
			t.Errorf("%s: Same is %v, want %v", c.name, !c.same, c.same)
		}
	}
}

// Version 2 is made up.
func TestVersions(t *testing.T) {
	one, two := Versions{1, 1}, Versions{1, 2}
	for _, c := range []struct {
		writes  Versions
		version int
		reads   Versions
		wrong   string
	}{
		{one, 1, one, ""}, {two, 1, one, ""}, {one, 1, two, ""}, {two, 2, two, ""},
		{two, 2, one, "programme has version 2, this window reads version 1"},
		{two, 1, Versions{2, 3}, "programme has version 1, this window reads versions 2 to 3"},
		{one, 2, two, "encode programme of milano: version 2; this program writes version 1"},
		{one, 0, one, "encode programme of milano: version 0; this program writes version 1"},
	} {
		b, err := c.writes.Encode(sample(), c.version)
		var got *Programme
		if err == nil {
			got, err = c.reads.Decode(bytes.NewReader(b))
		}
		switch {
		case c.wrong != "":
			if err == nil || err.Error() != c.wrong {
				t.Errorf("%+v: %v", c, err)
			}
		case err != nil || got.Version != c.version || !Same(got, sample()):
			t.Errorf("%+v: %+v, %v", c, got, err)
		}
	}
}

// What a later program of the same version adds costs an older one that item, and nothing else.
func TestLeavesOutWhatItDoesNotKnow(t *testing.T) {
	for _, c := range []struct {
		change         func(*Programme)
		phones, knocks int
		strange        string
	}{
		{func(p *Programme) {}, 2, 1, ""},
		{func(p *Programme) { p.Phones[0].Security = "mls" }, 1, 1, `phone "reception" with security "mls"`},
		{func(p *Programme) { p.Phones[1].Security = GCM }, 1, 1, `phone "old" with security "gcm"`},
		{func(p *Programme) { p.Phones[1].Security = "" }, 1, 1, `phone "old" with security ""`},
		{func(p *Programme) { p.Phones[0].Account = "" }, 1, 1, `phone "" with security "sdes"`},
		{func(p *Programme) { p.Knocks[0].Until = "asked" }, 2, 0, `knock "201" for 20 s until "asked"`},
		{func(p *Programme) { p.Knocks[0].Ring = 0 }, 2, 0, `knock "201" for 0 s until "accepted"`},
		{func(p *Programme) { p.Knocks[0].Number = "" }, 2, 0, `knock "" for 20 s until "accepted"`},
		{func(p *Programme) { p.Phones[0].Security, p.Knocks[0].Until = "mls", "asked" }, 1, 0,
			`phone "reception" with security "mls"; knock "201" for 20 s until "asked"`},
	} {
		p := sample()
		c.change(p)
		b, err := Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		b = bytes.Replace(b, []byte(`"space":`), []byte(`"weather":{"milano":"fog"},"space":`), 1) // a field that nobody knows
		got, err := Decode(bytes.NewReader(b))
		if err != nil || len(got.Phones) != c.phones || len(got.Knocks) != c.knocks || strings.Join(got.Strange, "; ") != c.strange || len(got.Links) != 2 {
			t.Errorf("%s: %+v, %v", c.strange, got, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	whole, err := Encode(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte("null"))
	f.Add([]byte(`{"version":1,"space":"a","from":"2027-03-22T00:00:00Z","until":"2027-03-22T00:00:00+01:00"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Decode(bytes.NewReader(b))
		if err != nil {
			return
		}
		again, err := json.Marshal(p)
		if err != nil {
			t.Fatalf("%s cannot be written again: %v", b, err)
		}
		if len(again) > MaxSize {
			return // shorter when it came, by escapes or omitted fields
		}
		q, err := Decode(bytes.NewReader(again))
		if err != nil || !Same(p, q) || !Same(q, p) {
			t.Fatalf("%s became %s: %v", b, again, err)
		}
		for _, l := range p.Links {
			if got := p.LinkAt(l.From); got == nil || *got != l {
				t.Fatalf("LinkAt(%v) is %v, want %v", l.From, got, l)
			}
		}
	})
}
