package flow

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func at(a string) netip.Addr { return netip.MustParseAddr(a) }

// One answer for each datagram, at most 200 bytes longer.
func TestOneAnswer(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	a := newAnswers()
	home := at("192.0.2.1")
	may := func(n int, want bool) {
		t.Helper()
		if got := a.may(home, n, now); got != want {
			t.Errorf("an answer of %d bytes: %v, want %v", n, got, want)
		}
	}
	may(1, false) // nobody has asked
	a.arrived(home, 300, now)
	may(501, false)
	may(500, true)
	may(1, false)
	a.arrived(home, 1000, now)
	a.arrived(home, 300, now)
	may(450, true) // for the short one
	may(1200, true)
	may(1, false)
	if a.may(at("192.0.2.2"), 1, now) {
		t.Error("another address has its neighbour's answer")
	}
	for range 100 {
		a.arrived(home, 300, now)
	}
	for i := range 100 {
		may(300, i < unanswered)
	}
}

func TestIsAnswer(t *testing.T) {
	for text, want := range map[string]bool{
		"SIP/2.0 401 Unauthorized\r\n": true, "sip/9 400 Bad Request\r\n": true, "INVITE sip:a@b SIP/2.0\r\n": false, "SIP": false, "\r\n": false,
	} {
		if got := isAnswer([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// A block has a budget of bytes, whatever asks; another block has its own.
func TestBudgetOfAnswers(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	a := newAnswers()
	sent := 0
	flood := func(d time.Duration) {
		for end := now.Add(d); now.Before(end); now = now.Add(time.Millisecond) {
			from := at(fmt.Sprintf("192.0.2.%d", now.UnixMilli()%250))
			a.arrived(from, 400, now)
			if a.may(from, 550, now) {
				sent += 550
			}
		}
	}
	flood(time.Minute)
	quiet := at("192.0.2.252")
	a.arrived(quiet, 400, now)
	if !a.may(quiet, 550, now) {
		t.Error("a house that has asked for nothing has nothing left")
	}
	if most := answerBurst + 60*answerRate + 250*(houseBurst+60*houseRate); sent > most || sent < most*9/10 {
		t.Errorf("%d bytes in a minute, want at most and about %d", sent, most)
	}
	other := at("198.51.100.1")
	a.arrived(other, 400, now)
	if !a.may(other, 550, now) {
		t.Error("another block has nothing left")
	}
	six := at("2001:db8:1:2ff::1")
	a.arrived(six, 400, now)
	if !a.may(six, 550, now) {
		t.Error("an IPv6 block has nothing left")
	}
}

// Whoever has authenticated is answered whatever its block does, for an hour.
func TestProvenAddress(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	a := newAnswers()
	phone, next := at("192.0.2.1"), at("192.0.2.9")
	a.authenticated(phone, now)
	for range 1_000_000 / 550 {
		a.arrived(next, 400, now)
		a.may(next, 550, now)
	}
	a.arrived(next, 400, now)
	if a.may(next, 550, now) {
		t.Error("the budget is not used up")
	}
	now = now.Add(provenFor - time.Second)
	for range 1000 { // 180, 200, 200 again: without having asked
		if !a.may(phone, 5000, now) {
			t.Fatal("a phone that has authenticated is not answered")
		}
	}
	if now = now.Add(time.Second); a.may(phone, 100, now) {
		t.Error("proven for ever")
	}
}

// Phones of one house that come all at once do not use up each other's challenges: each is given back.
func TestChallengesAreGivenBack(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	a := newAnswers()
	for i := range 15_000 {
		phone := netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
		now = now.Add(time.Millisecond)
		a.proven.remove(phone) // as if it were another
		a.arrived(phone, 400, now)
		if !a.may(phone, 550, now) {
			t.Fatalf("phone %d is not challenged", i)
		}
		a.authenticated(phone, now)
	}
}

// However many addresses there are, a bounded number is remembered.
func TestAnswersForget(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	a := newAnswers()
	for i := range 200_000 {
		from := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		a.arrived(from, 400, now)
		if i%3 == 0 {
			a.authenticated(from, now)
		}
	}
	for name, n := range map[string]int{
		"askers": len(a.askers.young) + len(a.askers.old), "proven": len(a.proven.young) + len(a.proven.old),
	} {
		if n > 2*addresses {
			t.Errorf("%d %s", n, name)
		}
	}
	last := netip.AddrFrom4([4]byte{10, 3, 13, 63}) // 199,999
	if !a.may(last, 600, now) {
		t.Error("the last one is forgotten")
	}
}

// What is asked for again is not forgotten.
func TestGenerations(t *testing.T) {
	g := newGenerations[int](10)
	one := at("192.0.2.1")
	g.put(one, 1)
	for i := range 1000 {
		g.put(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), i)
		if v, ok := g.get(one); !ok || v != 1 {
			t.Fatalf("forgotten after %d others", i)
		}
	}
}
