package dialplan

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ewindow/dialplan/programme"
)

// network has n spaces in many zones; each is in three links.
func network(n int) File {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "space \"s%d\" {\n  name     = \"City %d – Space – Room\"\n  timezone = %q\n  open     = \"Mo-Fr 09:00-12:00,13:00-19:00; Sa 14:00-02:00\"\n}\n",
			i, i, someZones[i%len(someZones)])
	}
	for i := range n {
		for _, far := range []int{1, 7, 31} {
			fmt.Fprintf(&b, "link \"%d and %d\" {\n  between = [s%d, s%d]\n  when    = open\n}\n", i, far, i, (i+far)%n)
		}
	}
	return File{Name: "network.hcl", Data: []byte(b.String())}
}

func BenchmarkParse(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := network(n)
			b.SetBytes(int64(len(f.Data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// wholeNetwork is a network that uses most of the language: calendars, closed days, a rotation for each ten spaces.
func wholeNetwork(n int) File {
	var b strings.Builder
	for i, c := range []string{"it", "de-by", "us", "jp"} {
		fmt.Fprintf(&b, "calendar \"c%d\" {\n  days = %q\n  holiday \"own\" { dates = \"Dec 07\" }\n}\n", i, c)
	}
	for i := range n {
		fmt.Fprintf(&b, "space \"s%d\" {\n  timezone = %q\n  calendar = c%d\n  open     = \"Mo-Fr 09:00-12:00,13:00-19:00; Sa[1] 14:00-20:00; Dec 24-Jan 02 off; PH off\"\n"+
			"  closed \"summer\" { dates = \"2027-08-%02d..2027-08-%02d\" }\n}\n", i, []string{"Europe/Berlin", "Europe/Dublin", "UTC", "Africa/Casablanca"}[i%4], i%4, 1+i%10, 11+i%10)
	}
	for i := 0; i+9 < n; i += 10 {
		for _, pair := range [][2]int{{1, 3}, {5, 7}, {9, 19}} {
			if pair[1] < 10 || i/10%2 == 0 && i+pair[1] < n {
				fmt.Fprintf(&b, "link \"%d\" {\n  between = [s%d, s%d]\n  when    = open\n}\n", i+pair[0], i+pair[0], i+pair[1])
			}
		}
		fmt.Fprintf(&b, "rotation \"r%d\" {\n  among = [s%d, s%d, s%d, s%d, s%d]\n  every = \"1d\"\n  from  = \"2027-01-04\"\n}\n", i, i, i+2, i+4, i+6, i+8)
	}
	return File{Name: "whole.hcl", Data: []byte(b.String())}
}

// BenchmarkCheck is what "check" does: read, and look for what is suspicious in the year from now on. The first network
// has a thousand rules that hardly ever win, which is much to find out.
func BenchmarkCheck(b *testing.B) {
	for _, f := range []File{network(1000), wholeNetwork(1000)} {
		b.Run(f.Name, func(b *testing.B) {
			from := time.Date(2027, 3, 22, 10, 30, 0, 0, time.UTC)
			warnings := 0
			b.ReportAllocs()
			for b.Loop() {
				p, err := Parse(f)
				if err != nil {
					b.Fatal(err)
				}
				warnings = len(p.WarningsFrom(from))
			}
			b.ReportMetric(float64(warnings), "warnings")
		})
	}
}

// BenchmarkDiff compares two plans of 10,000 spaces that differ in the hours of one.
func BenchmarkDiff(b *testing.B) {
	f := network(10000)
	old, err := Parse(f)
	if err != nil {
		b.Fatal(err)
	}
	changed, err := Parse(File{Name: f.Name, Data: []byte(strings.Replace(string(f.Data), "09:00-12:00", "08:00-12:00", 1))})
	if err != nil {
		b.Fatal(err)
	}
	from := time.Date(2027, 3, 22, 10, 30, 0, 0, time.UTC)
	changes := 0
	b.ReportAllocs()
	for b.Loop() {
		changes = len(Diff(old, changed, from))
		from = from.AddDate(0, 0, 1) // nothing is left from before
	}
	b.ReportMetric(float64(changes), "changes")
}

func BenchmarkExplain(b *testing.B) {
	p, err := Parse(wholeNetwork(1000))
	if err != nil {
		b.Fatal(err)
	}
	from := time.Date(2027, 3, 22, 10, 30, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Explain("s10", from); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkProgrammes makes the programmes of all spaces, for another day each time.
func BenchmarkProgrammes(b *testing.B) {
	p, err := Parse(network(1000))
	if err != nil {
		b.Fatal(err)
	}
	from := time.Date(2027, 3, 22, 10, 30, 0, 0, time.UTC)
	size := 0
	b.ReportAllocs()
	for b.Loop() {
		size = 0
		for _, s := range p.spaces {
			made, err := p.Programme(s.Name, from)
			if err != nil {
				b.Fatal(err)
			}
			encoded, err := programme.Encode(made)
			if err != nil {
				b.Fatal(err)
			}
			size = max(size, len(encoded))
		}
		from = from.AddDate(0, 0, 1)
	}
	b.ReportMetric(float64(size), "bytes/longest")
}

func BenchmarkWorkOut(b *testing.B) {
	p, err := Parse(network(1000))
	if err != nil {
		b.Fatal(err)
	}
	from := time.Date(2027, 3, 22, 0, 0, 0, 0, time.UTC).Unix()
	b.ReportAllocs()
	for b.Loop() {
		p.workOut(from, from+tableDays*day, everybody)
	}
}

func BenchmarkRoute(b *testing.B) {
	p, err := Parse(network(1000))
	if err != nil {
		b.Fatal(err)
	}
	at := time.Date(2027, 3, 22, 10, 30, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		p.Route("s10", "s11", at)
	}
}

// BenchmarkNextChangeNever looks through 400 days in vain, in the largest group of spaces there can be.
func BenchmarkNextChangeNever(b *testing.B) {
	f := network(1000)
	f.Data = append(f.Data, "space \"x\" {\n  timezone = \"UTC\"\n  open = \"24/7\"\n}\nlink \"x\" {\n  between = [x, s1]\n  when = open\n}\n"...)
	f.Data = []byte(strings.ReplaceAll(string(f.Data), "Mo-Fr 09", "off; Mo-Fr 09"))
	p, err := Parse(f)
	if err != nil {
		b.Fatal(err)
	}
	at := time.Date(2027, 3, 22, 10, 30, 0, 0, time.UTC)
	for b.Loop() {
		p.NextChange("x", at)
	}
}
