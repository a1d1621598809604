package answers

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"ewindow/dialplan"
)

func date(t testing.TB, s string) time.Time {
	t.Helper()
	d, err := ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func parse(t testing.TB, text string) *dialplan.Plan {
	t.Helper()
	p, err := dialplan.Parse(dialplan.File{Name: "plan.hcl", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func space(name, zone, hours string) string {
	return fmt.Sprintf("space %q {\n  timezone = %q\n  open     = %q\n}\n", name, zone, hours)
}

func link(name, a, b, when string) string {
	return fmt.Sprintf("link %q {\n  between = [%s, %s]\n  when    = %s\n}\n", name, a, b, when)
}

// A component is what stands between BEGIN and END, read by the letter of RFC 5545.
type component struct {
	name       string
	properties map[string]string // unescaped, without parameters
	inside     []component
}

// readCalendar is a reader as strict as the RFC allows: what it takes, others take.
func readCalendar(t *testing.T, text string) component {
	t.Helper()
	if !utf8.ValidString(text) || !strings.HasSuffix(text, "\r\n") {
		t.Fatal("it is not UTF-8 that ends in CRLF")
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
		if len(line) > 75 || len(line) == 0 || strings.ContainsAny(line, "\r\n\t\x00") || !utf8.ValidString(line) {
			t.Errorf("line of %d octets: %q", len(line), line)
		}
	}
	stack := []component{{}}
	for line := range strings.SplitSeq(strings.TrimSuffix(strings.ReplaceAll(text, "\r\n ", ""), "\r\n"), "\r\n") {
		name, value, ok := strings.Cut(line, ":")
		name, _, _ = strings.Cut(name, ";")
		if !ok || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
			t.Fatalf("no content line: %q", line)
		}
		top := &stack[len(stack)-1]
		switch name {
		case "BEGIN":
			stack = append(stack, component{name: value, properties: map[string]string{}})
		case "END":
			if value != top.name || len(stack) < 2 {
				t.Fatalf("END:%s in %s", value, top.name)
			}
			under := &stack[len(stack)-2]
			under.inside = append(under.inside, *top)
			stack = stack[:len(stack)-1]
		default:
			if _, twice := top.properties[name]; twice {
				t.Errorf("%s stands twice in one %s", name, top.name)
			}
			top.properties[name] = unescape(t, name, value)
		}
	}
	if len(stack) != 1 || len(stack[0].inside) != 1 || stack[0].inside[0].name != "VCALENDAR" {
		t.Fatal("it is not one VCALENDAR")
	}
	return stack[0].inside[0]
}

func unescape(t *testing.T, name, value string) string {
	t.Helper()
	if strings.HasPrefix(name, "DT") || name == "REFRESH-INTERVAL" {
		return value
	}
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\' && i+1 < len(value) && strings.IndexByte(`\;,n`, value[i+1]) >= 0:
			i++
			b.WriteByte(map[bool]byte{true: '\n', false: value[i]}[value[i] == 'n'])
		case c == '\\' || c == ';' || c == ',':
			t.Errorf("%s: %q is not escaped in %q", name, c, value)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// happens is the events as "from–until partner", after a look at what each must have.
func happens(t *testing.T, text string) (out []string, uids map[string]string) {
	t.Helper()
	c := readCalendar(t, text)
	if c.properties["VERSION"] != "2.0" || c.properties["PRODID"] == "" {
		t.Errorf("calendar has %v", c.properties)
	}
	uids = map[string]string{}
	for _, e := range c.inside {
		p := e.properties
		from, err1 := time.Parse(utcLayout, p["DTSTART"])
		until, err2 := time.Parse(utcLayout, p["DTEND"])
		_, err3 := time.Parse(utcLayout, p["DTSTAMP"])
		if e.name != "VEVENT" || err1 != nil || err2 != nil || err3 != nil || !from.Before(until) || p["UID"] == "" || p["SUMMARY"] == "" {
			t.Errorf("%s %v: %v %v %v", e.name, p, err1, err2, err3)
		}
		if other, twice := uids[p["UID"]]; twice {
			t.Errorf("%s and %s have the UID %s", other, p["DTSTART"], p["UID"])
		}
		uids[p["UID"]] = p["DTSTART"] + "–" + p["DTEND"]
		out = append(out, from.Format("02 15:04")+"–"+until.Format("02 15:04")+" "+p["SUMMARY"])
	}
	return out, uids
}

var revised = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

func calendarOf(t *testing.T, plan *dialplan.Plan, space, from string) string {
	t.Helper()
	text, err := Calendar(plan, space, date(t, from), revised)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := Calendar(plan, space, date(t, from), revised); again != text {
		t.Error("the second calendar is not the first")
	}
	return text
}

// Over a change of clocks, and over midnight: it begins on the Friday before clocks are put forward.
func TestCalendar(t *testing.T) {
	long := strings.Repeat("Bar – ü, ", 9) + `\;`
	plan := parse(t, space("a", "Europe/Rome", "Fr,Su 22:00-02:00; Mo 08:00-09:00,10:00-11:00")+
		strings.Replace(space("b", "Asia/Kathmandu", "24/7"), "{\n", "{\n  name = "+fmt.Sprintf("%q", long)+"\n", 1)+link("l", "a", "b", "open"))
	got, _ := happens(t, calendarOf(t, plan, "a", "2027-03-26"))
	want := []string{"26 21:00–27 01:00 ", "28 20:00–29 00:00 ", "29 06:00–29 07:00 ", "29 08:00–29 09:00 ", "02 20:00–03 00:00 ",
		"04 20:00–05 00:00 ", "05 06:00–05 07:00 ", "05 08:00–05 09:00 "}
	for i := range want {
		want[i] += long
	}
	// Mo 08:00-09:00 says all about Monday: the hours of Sunday end at midnight.
	for i, w := range want {
		want[i] = strings.Replace(strings.Replace(w, "28 20:00–29 00:00", "28 20:00–28 22:00", 1), "04 20:00–05 00:00", "04 20:00–04 22:00", 1)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Whoever subscribes sees each meeting once, whatever day the calendar was made on and whosever it is.
func TestCalendarKeepsItsUIDs(t *testing.T) {
	plan := parse(t, space("a", "Pacific/Auckland", "24/7")+space("b", "America/Los_Angeles", "Mo-Fr 22:00-06:00")+
		space("c", "Europe/Berlin", "Mo-Sa 09:00-19:00")+link("ab", "a", "b", "open")+link("always", "c", "a", "always"))
	for _, name := range []string{"", "a", "b"} {
		known := map[string]string{}
		shared := 0
		for day := date(t, "2027-10-20"); day.Before(date(t, "2027-11-20")); day = day.AddDate(0, 0, 1) {
			_, uids := happens(t, calendarOf(t, plan, name, day.Format(time.DateOnly)))
			for uid, span := range uids {
				if was, ok := known[uid]; ok {
					shared++
					if was != span {
						t.Errorf("%s of %q is %s on %s, and was %s", uid, name, span, day.Format(time.DateOnly), was)
					}
				}
				known[uid] = span
			}
		}
		if shared < 100 {
			t.Errorf("only %d events of %q were seen twice", shared, name)
		}
	}
	_, ofAll := happens(t, calendarOf(t, plan, "", "2027-10-20"))
	for _, name := range []string{"a", "c"} {
		_, uids := happens(t, calendarOf(t, plan, name, "2027-10-20"))
		common := 0
		for uid := range uids {
			if _, ok := ofAll[uid]; ok {
				common++
			}
		}
		if len(uids) < 10 || common < len(uids)-2 { // at the borders days of places are not those of UTC
			t.Errorf("of %d events of %s, %d are among those of all", len(uids), name, common)
		}
	}
}
