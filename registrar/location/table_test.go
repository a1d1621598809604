package location

import (
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	udp   = Flow{Transport: "UDP", Remote: "192.0.2.7:5060"}
	tls1  = Flow{Transport: "TLS", Remote: "192.0.2.8:40001", ID: "1"}
	tls2  = Flow{Transport: "TLS", Remote: "192.0.2.8:40002", ID: "2"}
)

func at(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }

func reg(aor, callID string, cseq uint32, f Flow, cs ...Contact) Registration {
	return Registration{AOR: aor, CallID: callID, CSeq: cseq, Flow: f, Contacts: cs}
}

func contact(uri string, seconds int) Contact {
	return Contact{URI: uri, Expires: time.Duration(seconds) * time.Second}
}

func window(uri, instance string) Contact {
	return Contact{URI: uri, Instance: "<urn:uuid:" + instance + ">", RegID: 1, Expires: Unsaid}
}

func must(t *testing.T, tab *Table, r Registration, now time.Time) []Binding {
	t.Helper()
	bs, err := tab.Register(r, now)
	if err != nil {
		t.Fatal(err)
	}
	return bs
}

func uris(bs []Binding) string {
	var s []string
	for _, b := range bs {
		u := b.Contact
		if b.Lost {
			u += " lost"
		}
		s = append(s, u)
	}
	return strings.Join(s, ", ")
}

func TestRegisterRefreshRemove(t *testing.T) {
	tab := New(Config{})
	must(t, tab, reg("reception", "a", 1, udp, contact("sip:reception@192.0.2.7", 120)), at(0))
	bs := must(t, tab, reg("reception", "a", 2, udp, contact("sip:reception@192.0.2.7", 300)), at(60))
	if len(bs) != 1 || !bs[0].Expires.Equal(at(360)) || !bs[0].Created.Equal(at(0)) || !bs[0].Updated.Equal(at(60)) {
		t.Fatalf("after a refresh: %+v", bs)
	}
	if bs = must(t, tab, reg("reception", "a", 3, udp), at(61)); len(bs) != 1 {
		t.Errorf("a question changed something: %s", uris(bs))
	}
	if bs = must(t, tab, reg("reception", "a", 4, udp, contact("sip:reception@192.0.2.7", 0)), at(62)); len(bs) != 0 {
		t.Errorf("after removal: %s", uris(bs))
	}
	if bs = must(t, tab, reg("reception", "a", 5, udp, contact("sip:gone@192.0.2.7", 0)), at(62)); len(bs) != 0 {
		t.Errorf("removing what is not there: %s", uris(bs))
	}
}

func TestExpires(t *testing.T) {
	tab := New(Config{MinExpires: time.Minute, MaxExpires: 10 * time.Minute, DefaultExpires: 5 * time.Minute})
	for _, c := range []struct {
		asked time.Duration
		want  time.Duration
	}{{Unsaid, 5 * time.Minute}, {time.Minute, time.Minute}, {100 * time.Hour, 10 * time.Minute}, {1<<63 - 1, 10 * time.Minute}} {
		bs := must(t, tab, reg("a", fmt.Sprint(c.asked), 1, udp, Contact{URI: "sip:a@192.0.2.7", Expires: c.asked}), at(0))
		if got := bs[0].Expires.Sub(at(0)); got != c.want {
			t.Errorf("asked for %s, got %s, want %s", c.asked, got, c.want)
		}
	}
	_, err := tab.Register(reg("a", "x", 1, udp, contact("sip:a@192.0.2.7", 30)), at(0))
	var brief *TooBriefError
	if !errors.As(err, &brief) || brief.Min != time.Minute || err.Error() != "registration too brief; the shortest is 60 s" {
		t.Errorf("30 s: %v", err)
	}
	if bs := tab.Lookup("a", at(600)); len(bs) != 0 {
		t.Errorf("found after its time: %s", uris(bs))
	}
	if _, next := tab.Expire(at(1)); !next.Equal(at(600)) {
		t.Errorf("next expiry %s", next)
	}
	gone, next := tab.Expire(at(600))
	if len(gone) != 1 || !next.IsZero() || len(tab.flows) != 0 || len(tab.bindings) != 0 {
		t.Errorf("after expiry: %d gone, next %s, %+v", len(gone), next, tab)
	}
}

// RFC 3261 §10.3 step 7, and the same for "*" in step 6.
func TestOrder(t *testing.T) {
	uri := "sip:a@192.0.2.7"
	for name, c := range map[string]struct {
		r    Registration
		fail bool
	}{
		"newer":                {reg("a", "one", 8, udp, contact(uri, 90)), false},
		"same":                 {reg("a", "one", 7, udp, contact(uri, 90)), true},
		"older":                {reg("a", "one", 6, udp, contact(uri, 90)), true},
		"older removal":        {reg("a", "one", 6, udp, contact(uri, 0)), true},
		"another Call-ID":      {reg("a", "two", 1, udp, contact(uri, 0)), false},
		"older, other contact": {reg("a", "one", 6, udp, contact("sip:b@192.0.2.7", 90)), false},
		"older with a new one": {reg("a", "one", 6, udp, contact("sip:b@192.0.2.7", 90), contact(uri, 90)), true},
		"older *":              {Registration{AOR: "a", CallID: "one", CSeq: 7, All: true}, true},
		"newer *":              {Registration{AOR: "a", CallID: "one", CSeq: 8, All: true}, false},
		"* of another Call-ID": {Registration{AOR: "a", CallID: "two", CSeq: 1, All: true}, false},
	} {
		tab := New(Config{})
		must(t, tab, reg("a", "one", 7, udp, contact(uri, 3600)), at(0))
		before := tab.All(at(1))
		_, err := tab.Register(c.r, at(1))
		if c.fail != errors.Is(err, ErrOutOfOrder) || !c.fail && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if c.fail && !slices.Equal(before, tab.All(at(1))) {
			t.Errorf("%s: refused, yet changed", name)
		}
	}
}

func TestMalformedContacts(t *testing.T) {
	long := "sip:" + strings.Repeat("a", MaxURI) + "@192.0.2.7"
	for _, uri := range []string{"", "*", "tel:+39", "mailto:a@b", "sip:", "sip:a@", "sip:@;x", "sip:a@b\r\nEvil: 1", "sip:a@b c", "sip:<a@b>", `sip:"a"@b`, long} {
		_, err := New(Config{}).Register(reg("a", "x", 1, udp, contact(uri, 90)), at(0))
		if !errors.Is(err, ErrMalformed) || len(err.Error()) > 500 {
			t.Errorf("%.50q: %v", uri, err)
		}
	}
	tab := New(Config{})
	_, err := tab.Register(Registration{AOR: "a", All: true, Contacts: []Contact{contact("sip:a@b", 90)}}, at(0))
	if !errors.Is(err, ErrMalformed) {
		t.Errorf("* and another: %v", err)
	}
	_, err = tab.Register(reg("a", "x", 1, udp, contact("sip:a@b", 90), contact("sip:a@B", 90)), at(0))
	if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "comes twice") {
		t.Errorf("the same contact twice: %v", err)
	}
	bs := must(t, tab, reg("a", "x", 1, udp, contact("sip:a?b@c?Route=%3Csip:evil%3E", 90)), at(0))
	if bs[0].Contact != "sip:a?b@c" {
		t.Errorf("headers are kept: %s", bs[0].Contact)
	}
}

func TestCanonical(t *testing.T) {
	for _, same := range [][2]string{
		{"sip:a@Example.COM", "SIP:a@example.com"},
		{"sip:%61@h", "sip:a@h"},
		{"sip:a@h;lr;transport=TLS", "sip:a@h;Transport=tls;lr"},
		{"sip:a@h;ob", "sip:a@h"},
		{"sip:a@h?Subject=x", "sip:a@h"},
		{"sip:[2001:DB8::1]:5060", "sip:[2001:db8::1]:5060"},
	} {
		if a, b := Canonical(same[0]), Canonical(same[1]); a != b {
			t.Errorf("%s → %s, %s → %s", same[0], a, same[1], b)
		}
	}
	for _, differ := range [][2]string{
		{"sip:A@h", "sip:a@h"}, {"sip:a@h", "sips:a@h"}, {"sip:a@h", "sip:a@h:5060"}, {"sip:a@h", "sip:a@h;transport=udp"},
		{"sip:a@h;line=1", "sip:a@h;line=2"}, {"sip:a@h", "sip:h"}, {"sip:a@h", "tel:a@h"},
	} {
		if a, b := Canonical(differ[0]), Canonical(differ[1]); a == b {
			t.Errorf("%s and %s are both %s", differ[0], differ[1], a)
		}
	}
}

// A window keeps its binding over reconnections: same instance, new flow (RFC 5626).
func TestFlows(t *testing.T) {
	tab := New(Config{})
	c := window("sip:milano@abc.invalid;transport=tls", "1")
	must(t, tab, reg("milano", "x", 1, tls1, c), at(0))
	if lost := tab.DropFlow(tls1); uris(lost) != c.URI+" lost" {
		t.Fatalf("dropped: %s", uris(lost))
	}
	if lost := tab.DropFlow(tls1); len(lost) != 0 {
		t.Errorf("dropped twice: %s", uris(lost))
	}
	if bs := tab.At("milano", c.URI, at(1)); len(bs) != 1 || !bs[0].Lost {
		t.Errorf("a lost contact must stay known: %+v", bs)
	}
	bs := must(t, tab, reg("milano", "x", 2, tls2, c), at(2))
	if len(bs) != 1 || bs[0].Lost || bs[0].Flow != tls2 {
		t.Errorf("after coming back: %+v", bs)
	}
	// Coming back before the old connection is known to be broken.
	must(t, tab, reg("milano", "x", 3, tls1, c), at(3))
	tab.DropFlow(tls2)
	if bs = tab.Lookup("milano", at(4)); len(bs) != 1 || bs[0].Lost {
		t.Errorf("the new flow went with the old: %+v", bs)
	}
	// A new process: new instance, new contact; the old one is found last.
	tab.DropFlow(tls1)
	must(t, tab, reg("milano", "y", 1, tls2, window("sip:milano@def.invalid", "2")), at(5))
	if got := uris(tab.Lookup("milano", at(6))); got != "sip:milano@def.invalid, "+c.URI+" lost" {
		t.Errorf("order: %s", got)
	}
}

// A phone that names its instance alone replaces its contact when it was started anew.
func TestSuperseded(t *testing.T) {
	tab := New(Config{})
	phone := func(uri string) Contact { return Contact{URI: uri, Instance: "<urn:uuid:9>", Expires: Unsaid} }
	must(t, tab, reg("r", "boot1", 1, udp, phone("sip:r-1@192.0.2.7")), at(0))
	must(t, tab, reg("r", "boot1", 2, udp, phone("sip:r-2@192.0.2.7")), at(1))
	if n := len(tab.Lookup("r", at(1))); n != 2 {
		t.Errorf("two contacts of one boot: %d", n)
	}
	if got := uris(must(t, tab, reg("r", "boot2", 1, udp, phone("sip:r-3@192.0.2.7")), at(2))); got != "sip:r-3@192.0.2.7" {
		t.Errorf("after a restart: %s", got)
	}
}

// Whoever registers is never locked out by what it registered before: what is least likely to be there makes room.
func TestRoom(t *testing.T) {
	tab := New(Config{MaxBindings: 4})
	stream := func(i int) Flow {
		return Flow{Transport: "TLS", Remote: fmt.Sprint("192.0.2.9:", i), ID: fmt.Sprint(i)}
	}
	for i, c := range []struct {
		name string
		flow Flow
	}{{"tls0", stream(0)}, {"udp0", udp}, {"tls1", stream(1)}, {"udp1", udp}} {
		must(t, tab, reg("a", c.name, 1, c.flow, contact("sip:"+c.name+"@h", 600)), at(i))
	}
	tab.DropFlow(stream(1))
	must(t, tab, reg("a", "udp0", 2, udp, contact("sip:udp0@h", 600)), at(4)) // a refresh needs no room
	must(t, tab, reg("b", "new", 1, udp, contact("sip:new@h", 600)), at(4))
	for i, want := range []string{
		"sip:new0@h, sip:udp0@h, sip:udp1@h, sip:tls0@h", // tls1's flow is gone
		"sip:new1@h, sip:new0@h, sip:udp0@h, sip:tls0@h",
		"sip:new2@h, sip:new1@h, sip:new0@h, sip:tls0@h",
		"sip:new3@h, sip:new2@h, sip:new1@h, sip:tls0@h",
		"sip:new4@h, sip:new3@h, sip:new2@h, sip:tls0@h",
	} {
		name := fmt.Sprint("new", i)
		if got := uris(must(t, tab, reg("a", name, 1, udp, contact("sip:"+name+"@h", 600)), at(5+i))); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	for i := range 5 { // of streams only, too
		must(t, tab, reg("s", fmt.Sprint(i), 1, stream(10+i), contact(fmt.Sprintf("sip:s%d@h", i), 600)), at(i))
	}
	if got := uris(tab.Lookup("s", at(6))); got != "sip:s4@h, sip:s3@h, sip:s2@h, sip:s1@h" {
		t.Errorf("streams: %s", got)
	}
	var many []Contact
	for i := range 5 {
		many = append(many, contact(fmt.Sprintf("sip:c%d@h", i), 600))
	}
	if _, err := tab.Register(reg("c", "x", 1, udp, many...), at(5)); !errors.Is(err, ErrTooMany) {
		t.Errorf("five at once: %v", err)
	}
}

// Whoever registers another's contact later does not get its requests.
func TestContactThief(t *testing.T) {
	tab := New(Config{})
	must(t, tab, reg("milano", "x", 1, tls1, contact("sip:milano@abc.invalid", 600)), at(0))
	must(t, tab, reg("thief", "y", 1, tls2, contact("sip:milano@abc.invalid", 600)), at(1))
	must(t, tab, reg("milano", "x", 2, tls1, contact("sip:milano@abc.invalid", 600)), at(2))
	for aor, f := range map[string]Flow{"milano": tls1, "thief": tls2} {
		if bs := tab.At(aor, "sip:milano@ABC.invalid", at(3)); len(bs) != 1 || bs[0].AOR != aor || bs[0].Flow != f {
			t.Errorf("%s: %+v", aor, bs)
		}
	}
	tab.DropAccount("thief")
	if bs := tab.At("milano", "sip:milano@abc.invalid", at(3)); len(bs) != 1 {
		t.Errorf("after the account went: %+v", bs)
	}
}

func TestRestore(t *testing.T) {
	old := New(Config{})
	must(t, old, reg("r", "x", 1, udp, contact("sip:r@192.0.2.7", 600)), at(0))
	must(t, old, reg("milano", "y", 1, tls1, contact("sip:milano@abc.invalid", 600)), at(0))
	must(t, old, reg("brief", "z", 1, udp, contact("sip:brief@192.0.2.7", 60)), at(0))
	tab := New(Config{Changed: func(c Change) { t.Errorf("told of %+v", c) }})
	tab.Restore(old.All(at(0)), at(100))
	if got := uris(tab.All(at(100))); got != "sip:milano@abc.invalid lost, sip:r@192.0.2.7" {
		t.Errorf("restored: %s", got)
	}
	if len(tab.DropFlow(tls1)) != 0 {
		t.Error("a lost binding has a flow")
	}
	tab = New(Config{})
	must(t, tab, reg("r", "new", 1, tls2, contact("sip:r@192.0.2.7", 600)), at(50))
	tab.Restore(old.All(at(0)), at(100))
	if bs := tab.Lookup("r", at(100)); len(bs) != 1 || bs[0].Flow != tls2 {
		t.Errorf("restoring undid a newer registration: %+v", bs)
	}
}

// However REGISTERs of one device overtake one another or come twice, the last one sent decides.
func TestOrderProperty(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for range 500 {
		tab := New(Config{})
		n := rnd.Intn(8) + 1
		var sent []Registration
		for i := range n {
			c := contact("sip:a@192.0.2.7", 600+i)
			sent = append(sent, reg("a", "x", uint32(i+1), Flow{Transport: "UDP", Remote: fmt.Sprint("192.0.2.7:", i)}, c))
		}
		order := append(rnd.Perm(n), rnd.Perm(n)...)
		best := -1
		for _, i := range order {
			_, err := tab.Register(sent[i], at(0))
			if (err == nil) != (i > best) {
				t.Fatalf("order %v: number %d after %d: %v", order, i, best, err)
			}
			best = max(best, i)
		}
		bs := tab.Lookup("a", at(0))
		if len(bs) != 1 || bs[0].CSeq != uint32(n) || bs[0].Flow != sent[n-1].Flow || !bs[0].Expires.Equal(at(600+n-1)) {
			t.Fatalf("order %v: %+v", order, bs)
		}
	}
}

// Whatever comes: a refused registration changes nothing, the three indexes agree, the bound holds, and whoever
// follows the changes knows the table.
func TestInvariants(t *testing.T) {
	rnd := rand.New(rand.NewSource(2))
	for range 60 {
		told := map[string]Binding{}
		tab := New(Config{MaxBindings: 4, Changed: func(c Change) {
			k := c.Binding.AOR + " " + c.Binding.Key()
			if told[k] = c.Binding; c.Removed {
				delete(told, k)
			}
		}})
		now := start
		for range 200 {
			now = now.Add(time.Duration(rnd.Intn(60)) * time.Second)
			step(t, rnd, tab, now)
			check(t, tab, told, now)
		}
	}
}

func step(t *testing.T, rnd *rand.Rand, tab *Table, now time.Time) {
	f := Flow{Transport: []string{"UDP", "TLS"}[rnd.Intn(2)], Remote: fmt.Sprint("h:", rnd.Intn(5))}
	switch rnd.Intn(10) {
	case 0:
		tab.DropFlow(f)
	case 1:
		tab.Expire(now)
	case 2:
		tab.DropAccount(fmt.Sprint("a", rnd.Intn(3)))
	default:
		r := reg(fmt.Sprint("a", rnd.Intn(3)), fmt.Sprint(rnd.Intn(3)), uint32(rnd.Intn(50)), f)
		r.All = rnd.Intn(12) == 0
		for range rnd.Intn(4) {
			c := contact(fmt.Sprintf("sip:x@h%d", rnd.Intn(6)), []int{0, 30, 60, 90, 7200}[rnd.Intn(5)])
			if rnd.Intn(3) == 0 {
				c.Instance, c.RegID = fmt.Sprint("<", rnd.Intn(3), ">"), rnd.Intn(3)
			}
			r.Contacts = append(r.Contacts, c)
		}
		tab.Expire(now) // what has expired goes in any case
		before := tab.All(now)
		if _, err := tab.Register(r, now); err != nil && !slices.Equal(before, tab.All(now)) {
			t.Fatalf("%+v was refused (%v), yet changed the table", r, err)
		}
	}
}

func check(t *testing.T, tab *Table, told map[string]Binding, now time.Time) {
	t.Helper()
	have := map[string]Binding{}
	var flows int
	for aor, bs := range tab.bindings {
		if len(bs) == 0 || len(bs) > 4 {
			t.Fatalf("%s has %d bindings", aor, len(bs))
		}
		for key, b := range bs {
			have[aor+" "+key] = *b
			if b.AOR != aor || b.Key() != key {
				t.Fatalf("%+v is filed under %s, %s", b, aor, key)
			}
			if !slices.ContainsFunc(tab.At(aor, b.Contact, now), func(o Binding) bool { return o.Key() == key }) && b.holds(now) {
				t.Fatalf("%+v is not found by its contact", b)
			}
			if _, ok := tab.flows[b.Flow][b]; ok == b.Lost {
				t.Fatalf("%+v: found by its flow: %v", b, ok)
			}
			if !b.Lost {
				flows++
			}
		}
	}
	for _, m := range tab.flows {
		flows -= len(m)
	}
	if flows != 0 {
		t.Fatalf("the index keeps what is gone: %d flows", -flows)
	}
	if !maps.Equal(have, told) {
		t.Fatalf("have %v\ntold %v", have, told)
	}
	for _, b := range tab.All(now) {
		if !b.Expires.After(now) {
			t.Fatalf("%+v holds no more", b)
		}
	}
}
