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
	return File{"network.hcl", []byte(b.String())}
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
