package header

import (
	"testing"

	"github.com/emiago/sipgo/sip"
)

func TestDialled(t *testing.T) {
	for _, c := range []struct{ uri, user, dialled string }{
		{"sip:milano@reg.example.org", "milano", "milano"},
		{"sip:milan%6f@reg.example.org", "milano", "milano"},
		{"sip:milan%6F@reg.example.org", "milano", "milano"},
		{"sip:*60%23@reg.example.org", "*60#", "*60#"},
		{"sip:%2A60#@reg.example.org", "*60#", "*60#"},
		{"sip:100%@reg.example.org", "100%", "100%"}, // no escape
		{"sip:a-b.c@reg.example.org", "a-b.c", "a-b.c"},
		{"sip:+39-02-55@reg.example.org;user=phone", "+39-02-55", "+390255"},
		{"sip:201;phone-context=reg.example.org@reg.example.org;user=phone", "201;phone-context=reg.example.org", "201"},
		{"sip:reg.example.org", "", ""},
		{"tel:+39-02-(55)", "", "+390255"},
		{"tel:201;phone-context=reg.example.org", "", "201"},
		{"tel:*60%23;phone-context=+39", "", "*60#"},
	} {
		var u sip.Uri
		if err := sip.ParseUri(c.uri, &u); err != nil {
			t.Fatal(err)
		}
		if got := User(&u); got != c.user {
			t.Errorf("%s: user %q, want %q", c.uri, got, c.user)
		}
		if got := Dialled(&u); got != c.dialled {
			t.Errorf("%s: dialled %q, want %q", c.uri, got, c.dialled)
		}
	}
}
