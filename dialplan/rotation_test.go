package dialplan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// In as many turns as it takes, everybody meets everybody once, and nobody two at once.
func TestEveryoneMeetsEveryoneOnce(t *testing.T) {
	for n := 3; n <= 20; n++ {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprint(i))
		}
		pairs, turns := everyoneMeets(names)
		if want := n - 1 + n%2; len(turns) != want || len(pairs) != n*(n-1)/2 {
			t.Errorf("%d meet in %d turns as %d pairs, want %d turns", n, len(turns), len(pairs), want)
		}
		met := map[[2]string]bool{}
		for _, turn := range turns {
			busy := map[string]bool{}
			for _, i := range turn {
				p := pairs[i]
				if busy[p[0]] || busy[p[1]] || met[p] || met[[2]string{p[1], p[0]}] {
					t.Fatalf("of %d, %v meets twice or two at once", n, p)
				}
				busy[p[0]], busy[p[1]], met[p] = true, true, true
			}
			if len(busy) != n-n%2 {
				t.Fatalf("of %d, %d meet somebody in a turn", n, len(busy))
			}
		}
	}
}

// partners is whom a space sees at noon UTC of days from a date on, as first letters; "-" is nobody.
func partners(t *testing.T, p *Plan, space, from string, days int) string {
	var out strings.Builder
	for i := range days {
		l, ok := p.LinkAt(space, at(t, from+" 12:00:00").AddDate(0, 0, i))
		if !ok {
			out.WriteByte('-')
			continue
		}
		out.WriteByte(l.Partner(space)[0])
	}
	return out.String()
}

func spacesOf(hours ...string) string {
	var b strings.Builder
	for i, h := range hours {
		fmt.Fprintf(&b, "space %q {\n  timezone = \"UTC\"\n  open = %q\n}\n", string(rune('a'+i)), h)
	}
	return b.String()
}

func TestRotationTakesTurns(t *testing.T) {
	rotation := func(who, every string) string {
		return fmt.Sprintf("rotation \"r\" {\n  %s\n  every = %q\n  from = \"2027-01-04\"\n}\n", who, every)
	}
	of := "of = a\n  with = [b, c, d]"
	always := spacesOf("24/7", "24/7", "24/7", "24/7")
	for _, c := range []struct{ name, text, space, want string }{
		{"daily; nothing before the first day", always + rotation(of, "1d"), "a", "---bcdbcdbcdbcdb"},
		{"the others", always + rotation(of, "1d"), "c", "----a--a--a--a--"},
		{"every second day", always + rotation(of, "2d"), "a", "---bbccddbbccddb"},
		{"weekly", always + rotation(of, "1w"), "a", "---bbbbbbbcccccc"},
		{"who is closed is skipped", spacesOf("24/7", "24/7", "off", "24/7") + rotation(of, "1d"), "a", "---bddbddbddbddb"},
		{"who is closed on some days", spacesOf("24/7", "24/7", "Jan 05,08 off; 24/7", "24/7") + rotation(of, "1d"), "a", "---bcdbcdbcdbcdb"},
		{"who is closed on some days", spacesOf("24/7", "24/7", "24/7; Jan 05,08 off", "24/7") + rotation(of, "1d"), "a", "---bddbddbcdbcdb"},
		{"who is taken is skipped", always + "link \"x\" {\n  between = [c, d]\n  when = always\n}\n" + rotation(of, "1d"), "a", "---bbbbbbbbbbbbb"},
		{"an earlier link has the space", always + "link \"x\" {\n  between = [a, d]\n  when = always\n}\n" + rotation(of, "1d"), "a", "dddddddddddddddd"},
		{"everybody meets everybody", always + rotation("among = [a, b, c, d]", "1d"), "a", "---dcbdcbdcbdcbd"},
		{"everybody meets everybody", always + rotation("among = [a, b, c, d]", "1d"), "b", "---cdacdacdacdac"},
		{"of three, one is free", always + rotation("among = [a, b, c]", "1d"), "a", "----cb-cb-cb-cb-"},
		{"of three, whoever is left meets whoever is left", spacesOf("24/7", "24/7", "off") + rotation("among = [a, b, c]", "1d"), "a", "---bbbbbbbbbbbbb"},
	} {
		if got := partners(t, plan(t, c.text), c.space, "2027-01-01", 16); got != c.want {
			t.Errorf("%s: %s sees %s, want %s", c.name, c.space, got, c.want)
		}
	}
}

// A turn begins at midnight of the rotation's time zone, whatever the clocks do on that day.
func TestTurnsAreCivilDays(t *testing.T) {
	for _, c := range []struct{ zone, from, want string }{
		{"Europe/Berlin", "2027-03-26", "c 26 23:00, b 27 23:00, c 28 22:00, b 29 22:00"},
		{"Europe/Berlin", "2027-10-29", "b 29 22:00, c 30 22:00, b 31 23:00, c 01 23:00"},
		{"America/Sao_Paulo", "2018-11-02", "b 02 03:00, c 03 03:00, b 04 03:00, c 05 02:00"},
		{"Asia/Kathmandu", "2027-03-26", "c 26 18:15, b 27 18:15, c 28 18:15, b 29 18:15"},
		{"Europe/Dublin", "2027-10-29", "b 29 23:00, c 30 23:00, b 01 00:00, c 02 00:00"},
		{"Pacific/Apia", "2011-12-29", "b 29 10:00, c 31 10:00, b 01 10:00, c 02 10:00"}, // c had the day that was left out
	} {
		p := plan(t, spacesOf("24/7", "24/7", "24/7")+fmt.Sprintf("rotation \"r\" {\n  of = a\n  with = [b, c]\n  every = \"1d\"\n  from = \"2000-01-01\"\n  timezone = %q\n}\n", c.zone))
		var got []string
		for now := at(t, c.from+" 00:00:00"); len(got) < 4; {
			now = p.NextChange("a", now)
			l, _ := p.LinkAt("a", now)
			got = append(got, l.Partner("a")+now.Format(" 02 15:04"))
		}
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("%s: %s, want %s", c.zone, text, c.want)
		}
	}
}

func TestRotationsAndGroupsOfAPlan(t *testing.T) {
	p := network10(t)
	ro := p.Rotations()
	if len(ro) != 1 || ro[0].Of != "potsdam" || !slices.Equal(ro[0].With, []string{"milano", "munich"}) || ro[0].Every != 1 ||
		ro[0].From.Format(time.DateOnly) != "2027-01-04" || ro[0].Location.String() != "Europe/Berlin" || ro[0].Line != 34 {
		t.Errorf("rotations are %+v", ro)
	}
	if links := p.Links(); len(links) != 1 || links[0].Name != "the long window" {
		t.Errorf("links are %+v", links)
	}
	if g := p.Groups(); len(g) != 2 || g[1].Name != "phones" || !g[1].All || g[0].All {
		t.Errorf("groups are %+v", g)
	}
	var numbers []string
	for _, n := range p.Numbers() {
		numbers = append(numbers, n.Number+" "+n.Rings)
	}
	if want := []string{"100 reception", "200 kitchens", "201 milano", "300 phones", "600 echo"}; !slices.Equal(numbers, want) {
		t.Errorf("numbers are %q", numbers)
	}
	if k := p.Knocks(); len(k) != 1 || k[0].Ring != 20*time.Second || k[0].Until != "accepted" {
		t.Errorf("knocks are %+v", k)
	}
}
