package auth

import (
	"errors"
	"fmt"
	"math/rand"
	"testing"
	"time"
)

func TestReplay(t *testing.T) {
	a := newAuth(t)
	ch := a.Challenge(SHA256, false, start)
	send := func(nc int) error {
		return a.Check(register("milano", answer(t, ch, "milano", "secret of milano", nc)), accounts, start).Err
	}
	for _, c := range []struct {
		nc    int
		fresh bool
	}{
		{1, true}, {1, false}, {3, true}, {2, true}, {2, false}, {3, false}, {80, true}, {17, true}, {17, false},
		{16, false}, // too far back to tell
		{200, true}, {80, false}, {137, true}, {136, false}, {200, false}, {1<<31 - 1, true}, {1<<31 - 1, false},
	} {
		if err := send(c.nc); c.fresh != (err == nil) || err != nil && !errors.Is(err, ErrStale) {
			t.Errorf("nc %d: %v, want fresh %v", c.nc, err, c.fresh)
		}
	}
}

// The sliding window agrees with a plain set of used counts.
func TestCountsProperty(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for range 200 {
		var c counts
		used, highest := map[uint32]bool{}, uint32(0)
		for range 300 {
			nc := uint32(rnd.Intn(400) + 1)
			want := !used[nc] && (nc > highest || highest-nc < window)
			if got := c.take(nc); got != want {
				t.Fatalf("nc %d after highest %d: %v, want %v", nc, highest, got, want)
			}
			if want {
				used[nc], highest = true, max(highest, nc)
			}
		}
	}
}

// What is remembered is bounded, and what is forgotten stays used.
func TestBounds(t *testing.T) {
	a := newAuth(t)
	maxNonces := 100
	a.used.bounds.each = maxNonces
	var values []string
	for i := range maxNonces + 20 {
		ch := a.Challenge(SHA256, false, start.Add(time.Duration(i)*time.Millisecond))
		values = append(values, answer(t, ch, "milano", "secret of milano", 1))
	}
	now := start.Add(time.Second)
	for i, v := range values {
		if r := a.Check(register("milano", v), accounts, now); r.Err != nil {
			t.Fatalf("nonce %d: %v", i, r.Err)
		}
	}
	if n := len(a.used.accounts["milano"].nonces); n != maxNonces {
		t.Errorf("%d nonces are remembered, at most %d should be", n, maxNonces)
	}
	for i, v := range values {
		if r := a.Check(register("milano", v), accounts, now); !errors.Is(r.Err, ErrStale) {
			t.Fatalf("nonce %d was taken twice: %v", i, r.Err)
		}
	}
	ch := a.Challenge(MD5, false, start)
	if r := a.Check(register("reception", answer(t, ch, "reception", "secret of reception", 1)), accounts, now); r.Err != nil {
		t.Errorf("another account suffers from it: %v", r.Err)
	}
	a.used.mu.Lock()
	a.used.sweep(now.Add(time.Hour))
	n := len(a.used.accounts)
	a.used.mu.Unlock()
	if n != 0 {
		t.Errorf("%d accounts are remembered after an hour", n)
	}
}

// A clock that is set back locks nobody out.
func TestClockSetBack(t *testing.T) {
	a := newAuth(t)
	a.used.bounds.each = 32
	for i := range 2 * a.used.bounds.each {
		at := start.Add(time.Duration(i) * time.Second)
		v := answer(t, a.Challenge(SHA256, false, at), "milano", "secret of milano", 1)
		if r := a.Check(register("milano", v), accounts, at); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	back := start.Add(-24 * time.Hour)
	v := answer(t, a.Challenge(SHA256, false, back), "milano", "secret of milano", 1)
	if r := a.Check(register("milano", v), accounts, back); r.Err != nil {
		t.Error(r.Err)
	}
}

// A nonce is good wherever its answer comes from: it is its count that is good only once.
func TestNonceOfAnotherConnection(t *testing.T) {
	a := newAuth(t)
	ch := a.Check(register("milano"), accounts, start).Challenge
	v := answer(t, ch, "milano", "secret of milano", 1)
	if r := a.Check(register("milano", v), accounts, start); r.Err != nil {
		t.Error(r.Err)
	}
	if r := a.Check(register("milano", v), accounts, start); !errors.Is(r.Err, ErrStale) {
		t.Errorf("a replay: %+v", r)
	}
}

// Thousands of nonces of one moment, all taken before the first is answered, are all good, once: some devices take a new
// nonce for each request.
func TestBurst(t *testing.T) {
	a := newAuth(t)
	values := make([]string, 3000)
	for i := range values {
		values[i] = answer(t, a.Challenge(MD5, false, start), "reception", "secret of reception", 1)
	}
	rand.New(rand.NewSource(1)).Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
	for i, v := range values {
		if r := a.Check(register("reception", v), accounts, start); r.Err != nil {
			t.Fatalf("answer %d of %d: %v", i, len(values), r.Err)
		}
	}
	for i, v := range values {
		if r := a.Check(register("reception", v), accounts, start); !errors.Is(r.Err, ErrStale) {
			t.Fatalf("answer %d was taken twice: %v", i, r.Err)
		}
	}
}

// All accounts together are bounded too, and none is locked out by it.
func TestTotalIsBounded(t *testing.T) {
	u := newUsage(2 * time.Minute)
	u.bounds = bounds{each: 500, total: 5000, few: 10}
	now, n := start, uint64(0)
	use := func(account string) error {
		n++
		now = now.Add(time.Microsecond)
		return u.use(account, stamp{ns: now.UnixNano(), random: n}, 1, now)
	}
	for i := range 40 {
		for range u.bounds.each {
			if err := use(fmt.Sprint("a", i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	kept := 0
	for name, l := range u.accounts {
		if len(l.order) != len(l.nonces) {
			t.Errorf("%s: %d in order, %d kept", name, len(l.order), len(l.nonces))
		}
		kept += len(l.nonces)
	}
	if kept != u.total || kept > u.bounds.total+40*u.bounds.few {
		t.Errorf("%d are kept, %d counted, at most %d should be", kept, u.total, u.bounds.total+40*u.bounds.few)
	}
}
