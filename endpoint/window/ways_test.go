package window

import (
	"errors"
	"net/netip"
	"testing"
	"time"
)

// silent has nothing come to a call until a moment, by a way of that kind.
func (r *run) silent(id string, until time.Time, way Way) {
	for r.now.Before(until) {
		r.now = r.now.Add(500 * time.Millisecond)
		c := r.s.find(id)
		r.send(Media{ID: id, Heard: c.Heard, Seen: c.Seen, Way: way})
		r.send(Tick{})
	}
}

// Where nothing answers on the way any more others are sought at once by who called, and where it answers and nothing comes a little
// later by both: again and again, and at once from another address.
func TestSearch(t *testing.T) {
	for _, test := range []struct {
		space string
		way   Way
		first time.Duration
	}{
		{"milano", Doubtful, 10500 * time.Millisecond}, // it called
		{"milano", Direct, 13 * time.Second},
		{"munich", Doubtful, 13500 * time.Millisecond},
		{"munich", Direct, 16 * time.Second},
	} {
		r := start(test.space)
		r.now = nine
		r.send(Planned{plan(test.space)})
		r.send(Registered{})
		r.up()
		id := r.call().ID
		r.s.Calls[0].Ours = test.space == "milano"
		r.send(Changed{id, Terms{Sought: true}})
		r.until(nine.Add(10*time.Second), nil)
		r.done = nil
		r.silent(id, nine.Add(22*time.Second), test.way)
		want := []string{test.first.String() + " Reinvite{ID:" + id + "}", (test.first + 5*time.Second).String() + " Reinvite{ID:" + id + "}"}
		if test.first < 12*time.Second {
			want = append(want, (test.first+10*time.Second).String()+" Reinvite{ID:"+id+"}")
		}
		r.expect(t, want...)
		r.until(nine.Add(25*time.Second), nil)
		r.done = nil
		r.send(Registered{Moved: true})
		r.expect(t, "25s Reinvite{ID:"+id+"}")
		r.until(nine.Add(27*time.Second), nil)
		r.send(Registered{})
		r.expect(t)
		r.silent(id, nine.Add(28*time.Second), Doubtful) // its offer may be lost
		r.done = nil
		r.s.Calls[0].WaySince = nine
		r.send(Registered{})
		r.expect(t, "28s Reinvite{ID:"+id+"}")
	}
}

// The first way is waited for longer, since finding it takes a moment, and then for what comes by it.
func TestFirstWay(t *testing.T) {
	for way, want := range map[Way]string{None: "5.5s", Direct: "8s"} {
		r := start("milano")
		r.now = nine
		r.send(Planned{plan("milano")})
		r.send(Registered{})
		id := r.call().ID
		r.send(Agreed{id, Terms{Sought: true}})
		r.done = nil
		r.silent(id, nine.Add(9*time.Second), way)
		r.expect(t, want+" Reinvite{ID:"+id+"}")
	}
}

// A phone of the other family is met at an address of that family.
func TestAddressOfTheOffersFamily(t *testing.T) {
	six := netip.MustParseAddr("2001:db8::1")
	w := &Window{sip: &fakeAgent{}, cfg: Config{Towards: func(to netip.Addr) (netip.Addr, error) {
		if to.Is4() {
			return netip.Addr{}, errors.New("no way")
		}
		return six, nil
	}}}
	for offer, want := range map[string]netip.Addr{
		"v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 4000 RTP/AVP 0\r\n":                       milanoHost,
		"v=0\r\nc=IN IP6 2001:db8::9\r\nm=audio 4000 RTP/AVP 0\r\n":                     six,
		"v=0\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::9\r\n":                     six,
		"v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::9\r\n": six,
		"v=0\r\nc=IN IP6 phone.example.org\r\nm=audio 4000 RTP/AVP 0\r\n":               milanoHost,
		"no description": milanoHost,
		"":               milanoHost,
	} {
		if got := w.at([]byte(offer)); got != want {
			t.Errorf("%q: %v, want %v", offer, got, want)
		}
	}
}

// A call by a relay is tried to be bettered by who called, soon and then seldom; one of whose streams nothing answers is searched anew
// though the other one is heard.
func TestSearchForBetter(t *testing.T) {
	r := start("milano")
	r.now = nine
	r.send(Planned{plan("milano")})
	r.send(Registered{})
	id := r.call().ID
	r.send(Agreed{id, Terms{Sought: true}})
	r.done = nil
	ticks := func(d time.Duration, way Way) {
		for end := r.now.Add(d); r.now.Before(end); {
			r.now = r.now.Add(500 * time.Millisecond)
			r.send(Media{ID: id, Heard: r.now, Seen: r.now, Way: way})
		}
	}
	ticks(11*time.Minute, Relayed)
	r.expect(t, "5.5s Better{ID:"+id+"}", "10m5.5s Better{ID:"+id+"}")
	ticks(time.Hour, Direct)
	r.expect(t)
	ticks(8*time.Second, Doubtful)
	r.expect(t, "1h11m0.5s Reinvite{ID:"+id+"}", "1h11m5.5s Reinvite{ID:"+id+"}")
}
