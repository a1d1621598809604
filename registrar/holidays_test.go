package main

import (
	"strings"
	"testing"
)

func TestHolidays(t *testing.T) {
	for _, c := range []struct {
		args   string
		status int
		want   string
	}{
		{"holidays it 2027", 0, "Sun 2027-03-28  Domenica di Pasqua\nMon 2027-03-29  Lunedì dell’Angelo\n"},
		{"holidays de-by", 0, "Neujahr"},
		{"holidays", 0, " de-by "},
		{"holidays bavaria 2027", 1, `the public holidays of "bavaria" are not known; did you mean "de-by"?`},
		{"holidays it 20x", 1, `"20x" is not a year; write it as `},
		{"holidays it 1969", 1, "the public holidays of 1969 are not known; ask for 2020 to 2049"},
	} {
		status, out, errs := command(strings.Fields(c.args)...)
		if status != c.status || !strings.Contains(out+errs, c.want) {
			t.Errorf("%s: %d %q %q", c.args, status, out, errs)
		}
	}
}
