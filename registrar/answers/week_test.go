package answers

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"ewindow/dialplan/programme"
)

// Each cell shows what the plan says of its moment, on the days when clocks are changed, too.
func TestDayIsWhatThePlanSays(t *testing.T) {
	zones := []string{"Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "Europe/Dublin", "Pacific/Apia", "Australia/Lord_Howe"}
	var text strings.Builder
	for i, zone := range zones {
		text.WriteString(space(fmt.Sprintf("s%d", i), zone, "Mo-Fr 00:30-12:00,13:00-22:30; Sa,Su 20:00-03:00"))
	}
	for i := range zones {
		text.WriteString(link(fmt.Sprint(i), fmt.Sprintf("s%d", i), fmt.Sprintf("s%d", (i+1)%len(zones)), map[bool]string{true: "open", false: "always"}[i > 0]))
	}
	plan := parse(t, text.String())
	for _, from := range []string{"2027-03-26", "2027-10-29", "2018-02-15", "2018-11-02", "2011-12-28", "2027-10-01"} {
		first := date(t, from)
		all, err := agendas(plan, plan.Spaces(), first.AddDate(0, 0, -1), first.AddDate(0, 0, weekDays+1))
		if err != nil {
			t.Fatal(err)
		}
		looked := map[state]int{}
		for _, a := range all {
			for day := range weekDays {
				date := first.AddDate(0, 0, day)
				for i, c := range a.day(date) {
					looked[c.state]++
					spans := cellSpans(date, a.space.Location)[i]
					if len(spans) == 0 != (c.state == skipped) {
						t.Fatalf("%s on %v, cell %d: %v", a.space.Location, date, i, c)
					}
					wall := date.Add(time.Duration(i) * cellLength)
					if len(spans) == 1 && spans[0].Until.Sub(spans[0].From) == cellLength && spans[0].From.In(a.space.Location).Format(time.DateTime) != wall.Format(time.DateTime) {
						t.Fatalf("%s: the cell of %v begins at %v", a.space.Location, wall, spans[0].From.In(a.space.Location))
					}
					// A border that is not at a half hour here may be one there: such cells show what holds for most of them.
					if len(spans) != 1 || !steady(spans[0].From, spans[0].Until, plan.NextChange(a.space.Name, spans[0].From)) {
						continue
					}
					want := cell{state: closed}
					if plan.OpenAt(a.space.Name, spans[0].From) {
						want.state = alone
					}
					if l, ok := plan.LinkAt(a.space.Name, spans[0].From); ok {
						want = cell{sees, l.Partner(a.space.Name)}
					}
					if c != want {
						t.Fatalf("%s at %v: %v, want %v", a.space.Name, spans[0].From.In(a.space.Location), c, want)
					}
				}
			}
		}
		if looked[sees] < 500 || looked[closed] < 300 || looked[alone] < 5 {
			t.Errorf("from %s there was %v", from, looked)
		}
	}
}

// A cell that is not of one kind shows what holds for most of it, and of halves the first.
func TestMostly(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2027, 3, 22, 12, minute, 0, 0, time.UTC) }
	between := func(from, until int) programme.Span { return programme.Span{From: at(from), Until: at(until)} }
	meets := func(from, until int, who string) programme.Interval {
		return programme.Interval{Span: between(from, until), Partner: who}
	}
	for _, c := range []struct {
		name  string
		open  []programme.Span
		links []programme.Interval
		want  cell
	}{
		{"nothing", nil, nil, cell{state: closed}},
		{"open for a short while", []programme.Span{between(0, 10)}, nil, cell{state: closed}},
		{"open for most of it", []programme.Span{between(0, 10), between(15, 30)}, nil, cell{state: alone}},
		{"seen for half of it", []programme.Span{between(0, 30)}, []programme.Interval{meets(15, 30, "x")}, cell{sees, "x"}},
		{"seen for a third, then closed", []programme.Span{between(0, 10)}, []programme.Interval{meets(0, 10, "x")}, cell{state: closed}},
		{"two, as long as each other", []programme.Span{between(0, 30)}, []programme.Interval{meets(0, 15, "x"), meets(15, 30, "y")}, cell{sees, "x"}},
		{"always", nil, []programme.Interval{meets(0, 30, "x")}, cell{sees, "x"}},
		{"always, and closed later", []programme.Span{between(0, 5)}, []programme.Interval{meets(0, 20, "x")}, cell{sees, "x"}},
	} {
		a := agenda{open: c.open, links: c.links}
		if got := a.mostly([]programme.Span{between(0, 30)}); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func steady(from, until, change time.Time) bool {
	return change.IsZero() || !change.Before(until) || !change.After(from)
}

var colours = regexp.MustCompile("\x1b\\[[0-9]*m")

// Whatever the names, a table fits a terminal, and colours change nothing but colours.
func TestWeekFits(t *testing.T) {
	long := strings.Repeat("berlin-", 8)
	var text strings.Builder
	for i := range 45 {
		text.WriteString(space(fmt.Sprintf("%s%d", long, i), []string{"Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns"}[i%3], "24/7"))
	}
	text.WriteString(space("b", "UTC", "24/7"))
	for i := range 44 {
		text.WriteString(link(fmt.Sprint(i), fmt.Sprintf("%s%d", long, i), fmt.Sprintf("%s%d", long, i+1), "open"))
	}
	plan := parse(t, text.String())
	for _, from := range []string{"2027-10-01", "2027-12-28"} {
		plain, err := Week(plan, date(t, from), Plain)
		if err != nil {
			t.Fatal(err)
		}
		one, err := WeekOf(plan, long+"7", date(t, from), Plain)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(plain + one) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width && !strings.Contains(line, long) {
				t.Errorf("%d columns: %s", n, line)
			}
		}
		coloured, err := Week(plan, date(t, from), Colour)
		if err != nil || !strings.Contains(coloured, "\x1b[") || colours.ReplaceAllString(coloured, "") != plain {
			t.Errorf("in colour it is another table: %v", err)
		}
	}
}

func TestCodes(t *testing.T) {
	names := []string{"berlin", "berlin-mitte", "bern", "münchen", "s1", "s2"}
	got := codes(names)
	for name, want := range map[string]string{"berlin": "Be", "berlin-mitte": "Br", "bern": "Bn", "münchen": "Mü", "s1": "S1", "s2": "S2"} {
		if got[name] != want {
			t.Errorf("%s is %s, want %s", name, got[name], want)
		}
	}
	many := make([]string, 900)
	for i := range many {
		many[i] = fmt.Sprintf("s%03d", i)
	}
	all := map[string]bool{}
	for _, code := range codes(many) {
		all[code] = true
	}
	if len(all) != len(many) {
		t.Errorf("%d names have %d codes", len(many), len(all))
	}
	p := &pen{names: names, codes: got, used: map[string]bool{}}
	for _, c := range []struct {
		name string
		n    int
		want string
	}{{"berlin", 1, "B"}, {"berlin", 2, "Be"}, {"berlin", 5, "Be━━━"}, {"berlin", 7, "berlin━"}, {"münchen", 6, "münc…━"},
		{"münchen", 5, "Mü━━━"},
		{"münchen", 7, "München"}, {"berlin", 6, "Berlin"}, {"berlin-mitte", 11, "berlin-mi…━"}, {"berlin-mitte", 8, "Br━━━━━━"}, {"s1", 2, "S1"}, {"s1", 3, "s1━"}} {
		if bar := p.bar(c.name, c.n); bar != c.want {
			t.Errorf("%s in %d: %q, want %q", c.name, c.n, bar, c.want)
		}
	}
}
