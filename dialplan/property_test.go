package dialplan

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ewindow/dialplan/hours"
	"ewindow/dialplan/programme"
	"ewindow/dialplan/span"
)

var someHours = []string{"24/7", "off", "Mo-Fr 09:00-19:00", "Mo-Fr 09:00-12:00,13:00-19:00; Sa 14:00-02:00", "Sa-Mo 22:00-04:00",
	"01:30-02:30,02:45-03:15", "Mo-Su 18:00-02:00; We off", "08:00-20:00; 12:00-13:00 off", "Fr 20:00-26:00, Sa 00:00-10:00", "00:00-23:59",
	"Mo-Fr 09:00-18:00; PH off; Dec 24-Jan 02 off", "Mo-Fr,PH 10:00-20:00; Sa[1] 14:00-02:00; Fr[-1] off", "week 1-53/2 08:00-17:00 || PH 12:00-14:00",
	"Mar-Oct 10:00-22:00; Jan,Feb 12:00-15:00; 2027+ Su 20:00-03:00"}

var someZones = []string{"UTC", "Europe/Berlin", "Europe/Dublin", "America/New_York", "America/Sao_Paulo", "Asia/Kathmandu",
	"Pacific/Apia", "Australia/Lord_Howe", "Africa/Casablanca"}

// randomPlan has up to seven spaces and ten links and rotations: many that want the same window.
func randomPlan(t testing.TB, rnd *rand.Rand) *Plan {
	var b strings.Builder
	b.WriteString("calendar \"one\" {\n  days = \"us\"\n  holiday \"own\" { dates = \"Mar 01\" }\n  closed \"all\" { dates = \"2027-03-20..2027-03-22\" }\n}\n")
	n := 3 + rnd.IntN(5)
	for i := range n {
		fmt.Fprintf(&b, "space \"s%d\" {\n  timezone = %q\n  calendar = one\n  open = %q\n", i, someZones[rnd.IntN(len(someZones))], someHours[rnd.IntN(len(someHours))])
		if rnd.IntN(3) == 0 {
			fmt.Fprintf(&b, "  closed \"now and then\" { dates = \"%s %02d-%s %02d\" }\n", someMonths[rnd.IntN(6)], 1+rnd.IntN(28), someMonths[6+rnd.IntN(6)], 1+rnd.IntN(28))
		}
		b.WriteString("}\n")
	}
	for i := range rnd.IntN(10) {
		a := rnd.IntN(n)
		other := (a + 1 + rnd.IntN(n-1)) % n
		if rnd.IntN(3) == 0 {
			randomRotation(&b, rnd, i, n)
			continue
		}
		caller := []int{a, other}[rnd.IntN(2)]
		when := "open"
		if rnd.IntN(6) == 0 {
			when = "always"
		}
		fmt.Fprintf(&b, "link \"l%d\" {\n  between = [s%d, s%d]\n  when = %s\n  caller = s%d\n}\n", i, a, other, when, caller)
	}
	randomPhones(&b, rnd, n)
	return plan(t, b.String()).Under(randomProbations(rnd, n))
}

// randomProbations are none half of the time: of spaces that may not be in the plan, sponsored by those that may not be either.
func randomProbations(rnd *rand.Rand, spaces int) Probations {
	on := Probations{}
	for range rnd.IntN(2) * (1 + rnd.IntN(3)) {
		on[fmt.Sprintf("s%d", rnd.IntN(spaces+1))] = Probation{Sponsor: []string{"", fmt.Sprintf("s%d", rnd.IntN(spaces+1))}[min(1, rnd.IntN(6))]}
	}
	return on
}

// mayMeet is the rule of probation once more, for two accounts.
func mayMeet(p *Plan, a, b string) bool {
	home := func(account string) string {
		if ph, is := p.Phone(account); is {
			return ph.At
		}
		return account
	}
	bound := func(space, other string) bool {
		on, is := p.Probation(space)
		return is && other != space && (other == "" || other != on.Sponsor)
	}
	return !bound(home(a), home(b)) && !bound(home(b), home(a))
}

// randomPhones are two phones and a group, which may be dialled in many ways.
func randomPhones(b *strings.Builder, rnd *rand.Rand, spaces int) {
	some := func(names ...string) string {
		rnd.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		return strings.Join(names[:1+rnd.IntN(len(names))], ", ")
	}
	space := func() string { return fmt.Sprintf("s%d", rnd.IntN(spaces)) }
	fmt.Fprintf(b, "group \"g\" {\n  members = [%s]\n  ring = %s\n}\n", some("s0", "s1", "s2", "p1"), []string{"first", "all"}[rnd.IntN(2)])
	fmt.Fprintf(b, "number \"20\" { rings = g }\nnumber \"21\" {\n  rings = %s\n  busy = p0\n}\n", space())
	for i := range 2 {
		fmt.Fprintf(b, "phone \"p%d\" {\n  number = \"1%d\"\n  busy = %s\n  at = %s\n  may_dial = [%s]\n}\n", i, i, space(), space(), some("s0", "s1", "s2", fmt.Sprintf("p%d", 1-i), "g"))
	}
}

var someMonths = strings.Fields("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec")

func randomRotation(b *strings.Builder, rnd *rand.Rand, i, spaces int) {
	var names []string
	for _, s := range rnd.Perm(spaces)[:2+rnd.IntN(spaces-1)] {
		names = append(names, fmt.Sprintf("s%d", s))
	}
	who := "of = " + names[0] + "\n  with = [" + strings.Join(names[1:], ", ") + "]"
	if len(names) > 2 && rnd.IntN(2) == 0 {
		who = "among = [" + strings.Join(names, ", ") + "]"
	}
	fmt.Fprintf(b, "rotation \"l%d\" {\n  %s\n  every = \"%d%c\"\n  from = \"20%02d-01-0%d\"\n", i, who, 1+rnd.IntN(3), "dddw"[rnd.IntN(4)], rnd.IntN(30), 1+rnd.IntN(9))
	if rnd.IntN(2) == 0 {
		fmt.Fprintf(b, "  timezone = %q\n", someZones[rnd.IntN(len(someZones))])
	}
	b.WriteString("}\n")
}

// someTime is in 2000 to 2040, half of them within hours of a change of clocks.
func someTime(p *Plan, rnd *rand.Rand) time.Time {
	at := time.Unix(946_684_800+rnd.Int64N(40*365*day), rnd.Int64N(1e9)).UTC()
	if rnd.IntN(2) == 0 {
		s := p.spaces[rnd.IntN(len(p.spaces))]
		if _, change := at.In(s.Location).ZoneBounds(); !change.IsZero() {
			at = change.Add(time.Duration(rnd.Int64N(int64(12*time.Hour))) - 6*time.Hour).UTC()
		}
	}
	return at
}

// naive is who has whom at t, found by asking rule after rule about this moment alone. By space: the link, or -1.
func naive(p *Plan, at time.Time) []int {
	t := at.Unix()
	open := make([]bool, len(p.spaces))
	has := make([]int, len(p.spaces))
	for i, s := range p.spaces {
		open[i] = len(s.hours.Open(s.place, span.Span{From: t, Until: t + 1})) > 0
		has[i] = -1
	}
	join := func(li int) {
		l := p.links[li]
		if !mayMeet(p, l.Between[0], l.Between[1]) {
			return
		}
		a, b := p.spaceByName[l.Between[0]], p.spaceByName[l.Between[1]]
		if has[a] < 0 && has[b] < 0 && (l.Always || open[a] && open[b]) {
			has[a], has[b] = li, li
		}
	}
	for _, r := range p.rules {
		if r.rotation == nil {
			join(r.first)
			continue
		}
		days := hours.DayAt(r.rotation.Location, t) - r.rotation.From.Unix()/day
		if days < 0 {
			continue
		}
		for i := range len(r.turns) {
			for _, li := range r.turns[(int(days)/r.rotation.Every+i)%len(r.turns)] {
				join(li)
			}
		}
	}
	return has
}

func TestLinksAreSymmetricAndFirstWins(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 12))
	for range 150 {
		p := randomPlan(t, rnd)
		for range 20 {
			now := someTime(p, rnd)
			has := naive(p, now)
			for i, s := range p.spaces {
				l, ok := p.LinkAt(s.Name, now)
				if ok != (has[i] >= 0) || ok && l != p.links[has[i]] {
					t.Fatalf("%s at %v has %v %v, want link %d", s.Name, now, l, ok, has[i])
				}
				if !ok {
					continue
				}
				partner := l.Partner(s.Name)
				other, ok := p.LinkAt(partner, now)
				if !ok || other != l || other.Partner(partner) != s.Name || l.Caller != s.Name && l.Caller != partner {
					t.Fatalf("at %v %s has %+v, %s has %+v", now, s.Name, l, partner, other)
				}
			}
		}
	}
}

func TestNothingChangesBeforeNextChange(t *testing.T) {
	rnd := rand.New(rand.NewPCG(13, 14))
	for range 150 {
		p := randomPlan(t, rnd)
		for range 5 {
			now := someTime(p, rnd)
			i := rnd.IntN(len(p.spaces))
			name := p.spaces[i].Name
			state := func(at time.Time) string {
				return fmt.Sprint(p.OpenAt(name, at), naive(p, at)[i])
			}
			next := p.NextChange(name, now)
			end := next
			if next.IsZero() {
				end = now.Add(time.Duration(horizon) * time.Second)
			} else if !next.After(now) {
				t.Fatalf("%s: next change after %v is %v", name, now, next)
			} else if state(next) == state(now) {
				t.Fatalf("%s: nothing changes at %v; the state after %v is %s", name, next, now, state(now))
			}
			for range 30 {
				between := now.Add(time.Duration(rnd.Int64N(int64(end.Sub(now)))))
				if state(between) != state(now) {
					t.Fatalf("%s: %s at %v, %s at %v, but next change is at %v", name, state(now), now, state(between), between, next)
				}
			}
		}
	}
}

func TestManyAskAtOnce(t *testing.T) {
	p := house(t)
	from := time.Date(2027, 3, 22, 9, 30, 0, 0, time.UTC)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				now := from.AddDate(0, 0, (g+i)%7*7)
				if d := p.Route("milano", "munich", now); d.Status != 0 {
					t.Errorf("at %v: %+v", now, d)
				}
				if made, err := p.Programme("milano", now); err != nil || made.LinkAt(now) == nil {
					t.Errorf("at %v the programme has no link: %v", now, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestProgrammeAgreesWithPlanAndRoute(t *testing.T) {
	rnd := rand.New(rand.NewPCG(15, 16))
	for range 100 {
		p := randomPlan(t, rnd)
		from := someTime(p, rnd)
		programmes := map[string]*programme.Programme{}
		for _, s := range p.spaces {
			made, err := p.Programme(s.Name, from)
			if err != nil {
				t.Fatal(err)
			}
			encoded, err := programme.Encode(made)
			if err != nil {
				t.Fatal(err)
			}
			if len(encoded) > atMost(made) {
				t.Fatalf("%d bytes, thought to be at most %d", len(encoded), atMost(made))
			}
			if programmes[s.Name], err = programme.Decode(bytes.NewReader(encoded)); err != nil {
				t.Fatal(err)
			}
		}
		for range 30 {
			now := from.Add(time.Duration(rnd.Int64N(int64(ProgrammeDays*24*time.Hour - time.Second))))
			for _, s := range p.spaces {
				pr := programmes[s.Name]
				if open := pr.OpenAt(now) != nil; open != p.OpenAt(s.Name, now) {
					t.Fatalf("%s at %v: programme says open %v", s.Name, now, open)
				}
				i := pr.LinkAt(now)
				l, ok := p.LinkAt(s.Name, now)
				if (i != nil) != ok || ok && (i.Partner != l.Partner(s.Name) || i.Caller != l.Caller || i.Link != l.Name) {
					t.Fatalf("%s at %v: programme says %+v, plan %+v", s.Name, now, i, l)
				}
				for _, other := range p.spaces {
					d := p.Route(s.Name, other.Name, now)
					soon := pr.LinkAt(now.Add(programme.Early))
					for _, n := range pr.Links { // one that lies wholly within the minute
						if n.Partner == other.Name && n.From.After(now) && !n.From.After(now.Add(programme.Early)) {
							soon = &n
						}
					}
					want := i != nil && i.Partner == other.Name || soon != nil && soon.Partner == other.Name
					if (d.Status == 0) != want && now.Add(programme.Early).Before(pr.Until) {
						t.Fatalf("%s calls %s at %v: %+v, programme says %+v, then %+v", s.Name, other.Name, now, d, i, soon)
					}
				}
			}
		}
	}
}

// Whom the registrar lets a phone call, the window lets in: it is open, and its programme names the phone. And a phone
// is refused a name only if no window would let it in.
func TestPhonesAgree(t *testing.T) {
	rnd := rand.New(rand.NewPCG(25, 26))
	allowed := 0
	for range 100 {
		p := randomPlan(t, rnd)
		for range 10 {
			now := someTime(p, rnd)
			for _, phone := range p.phones {
				for _, dialled := range []string{"s0", "s1", "s2", "g", "20", "21", "10", "11", "p0", "p1"} {
					d := p.Route(phone.Name, dialled, now)
					to, ok := p.Resolve(dialled)
					if !ok {
						t.Fatalf("nothing is %s", dialled)
					}
					if d.Status == 0 && (d.Target != d.Targets[0] || d.All && !to.All) {
						t.Fatalf("%s calls %s: %+v", phone.Name, dialled, d)
					}
					for _, target := range d.Targets {
						if d.Status == 0 && !mayMeet(p, phone.Name, target) {
							t.Fatalf("%s calls %s, which a probation forbids: %+v", phone.Name, target, d)
						}
					}
					for _, target := range to.Targets {
						i, isSpace := p.spaceByName[target]
						if !isSpace || d.Status == 403 && dialled == phone.Name {
							continue
						}
						made := p.programme(i, p.timetable(now.Unix()), span.Span{From: now.Unix(), Until: now.Unix() + day})
						lets := made.OpenAt(now.Truncate(time.Second)) != nil && made.Phone(phone.Name) != nil
						called := d.Status == 0 && slices.Contains(d.Targets, target)
						byName := slices.Contains(phone.MayDial, target) || to.Kind == KindGroup && slices.Contains(phone.MayDial, to.Name)
						if called && !lets || lets && byName && !called && to.Name != phone.Name {
							t.Fatalf("%s calls %s at %v: %+v; the window of %s lets it in: %v", phone.Name, dialled, now, d, target, lets)
						}
						if called {
							allowed++
						}
					}
				}
			}
		}
	}
	if allowed < 1000 {
		t.Errorf("only %d calls were allowed", allowed)
	}
}
