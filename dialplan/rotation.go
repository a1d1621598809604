package dialplan

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"ewindow/dialplan/hours"
)

// maxRotation bounds the spaces of a rotation: among n, there are n(n-1)/2 pairs.
const maxRotation = 64

func (r *reader) rotation(b *hclsyntax.Block) {
	r.claimRule(b)
	at := b.LabelRanges[0]
	ro := Rotation{Name: b.Labels[0], Location: nil, File: at.Filename, Line: at.Start.Line}
	attrs := b.Body.Attributes
	var pairs [][2]string
	var turns [][]int
	switch of, with, among := attrs["of"], attrs["with"], attrs["among"]; {
	case among != nil && (of != nil || with != nil):
		other := of
		if of == nil {
			other = with
		}
		r.fail(other.NameRange, fmt.Sprintf("%s and among cannot both be set", other.Name),
			"write of and with, where one space meets others in turn, or among, where everybody meets everybody")
	case among != nil:
		ro.Among = r.rotating(among, 3, "everybody meets everybody: for two, a link is enough")
		pairs, turns = everyoneMeets(ro.Among)
	case of == nil && with == nil:
		r.attribute(b, "of", "of = name, with = [name, name] where one space meets others in turn; or among = [name, name, name]")
	default:
		if attr := r.attribute(b, "of", "of = name of the space that meets the others in turn"); attr != nil {
			if ro.Of, _ = r.bare("of", attr.Expr); ro.Of != "" {
				r.refer("of", ro.Of, attr.Expr.Range(), "space")
			}
		}
		if attr := r.attribute(b, "with", "with = [name, name]"); attr != nil {
			ro.With = r.rotating(attr, 1, "name those it meets in turn")
			if slices.Contains(ro.With, ro.Of) {
				r.fail(attr.Expr.Range(), fmt.Sprintf("%s would meet itself", ro.Of), "take it out of with")
			}
		}
		for i, with := range ro.With {
			pairs, turns = append(pairs, [2]string{ro.Of, with}), append(turns, []int{i})
		}
	}
	ro.Every = r.every(r.attribute(b, "every", `every = "1d", or every = "1w"`))
	ro.From = r.day(r.attribute(b, "from", `from = "2027-01-04": the day of the first turn`))
	if attr, ok := attrs["timezone"]; ok {
		ro.Location = r.timezone(attr)
	}
	r.turns(ro, at, pairs, turns)
}

// turns adds a rotation's pairs to the links.
func (r *reader) turns(ro Rotation, at hcl.Range, pairs [][2]string, turns [][]int) {
	first := len(r.links)
	for _, turn := range turns {
		for i := range turn {
			turn[i] += first
		}
	}
	for _, p := range pairs {
		r.links = append(r.links, Link{Name: ro.Name, Between: p, Caller: p[0], Rotating: true,
			File: ro.File, Line: ro.Line, Column: at.Start.Column})
	}
	r.rules = append(r.rules, rule{first: first, last: len(r.links), at: at, rotation: &ro, turns: turns})
}

// rotating is the spaces of a rotation, of which there must be some.
func (r *reader) rotating(attr *hclsyntax.Attribute, atLeast int, why string) []string {
	names, places, ok := r.bareList(attr)
	r.referAll(attr.Name, names, places, "space")
	switch n := len(names); {
	case !ok:
		return nil
	case n < atLeast:
		r.fail(attr.Expr.Range(), fmt.Sprintf("%s names %s", attr.Name, count(n, "space")), why)
	case n > maxRotation:
		r.fail(attr.Expr.Range(), fmt.Sprintf("%s names %s", attr.Name, count(n, "space")),
			fmt.Sprintf("at most %d can be in one rotation: write several", maxRotation))
		return nil
	}
	return names
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

var everyPattern = regexp.MustCompile(`^([1-9][0-9]{0,2})([dw])$`)

// every is a number of civil days.
func (r *reader) every(attr *hclsyntax.Attribute) int {
	text, ok := r.text(attr)
	if !ok {
		return 1
	}
	m := everyPattern.FindStringSubmatch(text)
	if m == nil {
		do := `write days or weeks: "1d", "2d", "1w"`
		if text == "24h" || text == "day" || text == "daily" || text == "1 day" || text == "1" {
			do = `write "1d"`
		} else if text == "7d" || text == "week" || text == "weekly" || text == "1 week" || text == "168h" {
			do = `write "1w"`
		}
		r.fail(attr.Expr.Range(), fmt.Sprintf("every cannot be %q", text), do)
		return 1
	}
	n, _ := strconv.Atoi(m[1])
	if m[2] == "w" {
		n *= 7
	}
	return n
}

// day is one civil day, as midnight UTC.
func (r *reader) day(attr *hclsyntax.Attribute) time.Time {
	text, ok := r.text(attr)
	if !ok {
		return time.Time{}
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil || day.Year() < 1970 || day.Year() > 2199 {
		r.fail(attr.Expr.Range(), fmt.Sprintf("%q is not a date", text), "write year, month and day: 2027-01-04")
		return time.Time{}
	}
	return day
}

// everyoneMeets is a round-robin tournament by the circle method: as many turns as it takes, in each of which everybody
// is in one pair at most. Turns are indices of pairs. Of an odd number, one has no partner in each turn.
func everyoneMeets(names []string) (pairs [][2]string, turns [][]int) {
	circle := make([]int, len(names))
	for i := range circle {
		circle[i] = i
	}
	if len(circle)%2 == 1 {
		circle = append(circle, -1) // whoever meets this one is free
	}
	n := len(circle)
	for range n - 1 {
		var turn []int
		for i := range n / 2 {
			a, b := min(circle[i], circle[n-1-i]), max(circle[i], circle[n-1-i])
			if a >= 0 {
				turn = append(turn, len(pairs))
				pairs = append(pairs, [2]string{names[a], names[b]})
			}
		}
		turns = append(turns, turn)
		circle = append(circle[:1:1], append([]int{circle[n-1]}, circle[1:n-1]...)...) // the first one stays
	}
	return pairs, turns
}

// firstDay is the civil day on which the first turn begins, counted from 1970-01-01.
func (ro *Rotation) firstDay() int64 { return ro.From.Unix() / day }

// turnAt is the number of the turn that a moment is in, counted from 0; negative before the first.
func (ro *Rotation) turnAt(t int64) int64 {
	return floor(hours.DayAt(ro.Location, t)-ro.firstDay(), int64(ro.Every)) / int64(ro.Every)
}

// begins is the moment at which a turn begins.
func (ro *Rotation) begins(turn int64) int64 {
	return hours.Instant(ro.Location, ro.firstDay()+turn*int64(ro.Every), 0)
}
