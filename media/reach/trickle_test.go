package reach

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/transport/v5/vnet"

	"ewindow/media/negotiate"
)

// early is a side that has not waited for servers.
func (w *world) early(i int, relays Relays) *side {
	now := make(chan struct{})
	close(now)
	return w.sideOf(i, Config{Relays: relays, Early: now})
}

// meet is offer, answer, and what follows: each side tells the other, which hears it a while later. It returns what was told.
func meet(t *testing.T, a, b *side, after time.Duration) (told map[*side][]*negotiate.ICE) {
	t.Helper()
	agree(a, b)
	told = map[*side][]*negotiate.ICE{}
	for s, other := range map[*side]*side{a: b, b: a} {
		go func() {
			_ = s.Trickle(t.Context(), func(_ context.Context, audio, video *negotiate.ICE) error {
				time.Sleep(after)
				a.mu.Lock()
				told[s] = append(told[s], video)
				a.mu.Unlock()
				return other.Hear(audio, video)
			})
		}()
	}
	return told
}

// What is found after offer and answer is told, and leads to the same ways as if all had been known before: a router in between is not
// made a relay by who is told of first.
func TestTrickle(t *testing.T) {
	for _, test := range []struct {
		name    string
		routers [2]*vnet.NATType
		path    []string
	}{
		{"no router", [2]*vnet.NATType{nil, nil}, []string{"host", "host"}},
		{"two home routers", [2]*vnet.NATType{&home, &home}, []string{"srflx", "srflx"}},
		{"a symmetric router and none", [2]*vnet.NATType{&symmetric, nil}, []string{"srflx", "srflx"}},
		{"two symmetric routers", [2]*vnet.NATType{&symmetric, &symmetric}, []string{"relay", "relay/udp"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, test.routers)
				begun := time.Now()
				a, b := w.early(0, relays), w.early(1, relays)
				if took := time.Since(begun); took > 2*together {
					t.Errorf("SDP waited for %v", took)
				}
				_, _, video := a.Places()
				if !video.ICE.More || slices.ContainsFunc(video.ICE.Candidates, func(c string) bool { return !strings.Contains(c, "typ host") }) {
					t.Errorf("SDP names %q, more %v", video.ICE.Candidates, video.ICE.More)
				}
				told := meet(t, a, b, 20*time.Millisecond)
				var paths []string
				for i, s := range []*side{a, b} {
					select {
					case f := <-s.found:
						t.Logf("%s after %v; tried %s", f.Path, f.Took, s.Tried())
						paths = append(paths, f.Path)
					case <-time.After(5 * time.Second):
						t.Fatalf("side %d found no way; tried %s", i, s.Tried())
					}
				}
				if slices.Sort(paths); !slices.Equal(paths, test.path) {
					t.Errorf("went %v, want %v", paths, test.path)
				}
				speak(t, a, b, "there")
				speak(t, b, a, "back")
				time.Sleep(gatherFor)
				for _, s := range []*side{a, b} {
					a.mu.Lock()
					all := told[s]
					a.mu.Unlock()
					if n := len(all); n == 0 || n > 4 || all[n-1].More {
						t.Errorf("told %d times; the last says more: %v", n, all)
					}
					for i, ways := range all[:len(all)-1] {
						if next := all[i+1].Candidates; !ways.More || len(next) < len(ways.Candidates) {
							t.Errorf("told %q, then %q", ways.Candidates, next)
						}
					}
					if err := s.Trickle(t.Context(), nil); err != nil { // there is nothing left
						t.Error(err)
					}
				}
				hangUp(a, b)
			})
		})
	}
}

// A relay's checks wait until the other side knows that it is one: else it would be taken for a router.
func TestTrickleRelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, [2]*vnet.NATType{nil, nil})
		w.wan.AddChunkFilter(func(c vnet.Chunk) bool { // nothing goes straight
			from, to := c.SourceAddr().String(), c.DestinationAddr().String()
			return strings.HasPrefix(from, server+":") || strings.HasPrefix(to, server+":")
		})
		a, b := w.early(0, relays), w.early(1, relays)
		const late = 700 * time.Millisecond
		meet(t, a, b, late)
		var paths []string
		for _, s := range []*side{a, b} {
			f := <-s.found
			paths = append(paths, f.Path)
			if f.Took < late {
				t.Errorf("%s after %v", f.Path, f.Took)
			}
		}
		if slices.Sort(paths); !slices.Equal(paths, []string{"relay", "relay/udp"}) {
			t.Errorf("went %v", paths)
		}
		hangUp(a, b)
	})
}

// A server that does not answer keeps nobody waiting; and where the other side cannot be told, its relay is tried all the same.
func TestTrickleUntold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, [2]*vnet.NATType{&symmetric, nil})
		dead := relays
		dead.URIs = []string{"stun:203.0.113.99:3478", "turn:" + server + ":3478?transport=udp"}
		a, b := w.early(0, dead), w.early(1, relays)
		agree(a, b)
		refused := errors.New("refused")
		if err := a.Trickle(t.Context(), func(context.Context, *negotiate.ICE, *negotiate.ICE) error { return refused }); !errors.Is(err, refused) {
			t.Error(err)
		}
		for _, s := range []*side{a, b} {
			<-s.found
		}
		speak(t, a, b, "there")
		hangUp(a, b)
	})
}

// What is told of another search, or of nothing, changes nothing; and who names addresses without end has sixteen of them checked.
func TestHear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, [2]*vnet.NATType{&home, &home})
		a, b := w.early(0, relays), w.early(1, relays)
		_, _, theirs := b.Places()
		if err := a.Hear(nil, theirs.ICE); !errors.Is(err, errOtherSearch) {
			t.Errorf("before there is an answer: %v", err)
		}
		agree(a, b)
		for name, other := range map[string]negotiate.ICE{
			"fragment": {Fragment: "another", Password: theirs.ICE.Password},
			"password": {Fragment: theirs.ICE.Fragment, Password: "another"},
			"nothing":  {},
		} {
			if err := a.Hear(nil, &other); !errors.Is(err, errOtherSearch) {
				t.Errorf("another %s: %v", name, err)
			}
		}
		flood := *theirs.ICE
		for i := range 200 {
			flood.Candidates = append(flood.Candidates, fmt.Sprintf("%d 1 udp 1 198.51.100.%d 5000 typ host", i, i), "rubbish", fmt.Sprintf("x 1 udp 1 evil%d.example.org 5000 typ host", i))
		}
		for range 10 {
			if err := a.Hear(nil, &flood); err != nil {
				t.Error(err)
			}
		}
		search := a.video.current
		search.mu.Lock()
		if n := len(search.checked.count); n != mostAddresses {
			t.Errorf("%d addresses are checked, want %d", n, mostAddresses)
		}
		if n := len(search.checked.all); n != mostAddresses {
			t.Errorf("%d places are checked", n)
		}
		search.mu.Unlock()
		hangUp(a, b)
	})
}

// Whoever does not answer is asked every 100 ms for a second, and then ever more seldom; who speaks is asked anew.
func TestTurns(t *testing.T) {
	var x turns
	l := lane{to: netip.MustParseAddrPort("203.0.113.1:5000")}
	begun := time.Now()
	var rounds []time.Duration
	for at := time.Duration(0); at < 10*time.Second; at += checkEvery {
		jitter := time.Duration(at/checkEvery%3) * time.Millisecond
		if x.may(l, begun.Add(at+jitter)) {
			rounds = append(rounds, at)
			if !x.may(l, begun.Add(at+jitter+time.Millisecond)) {
				t.Errorf("the second check of the round at %v is kept back", at)
			}
		}
	}
	var late []time.Duration
	for _, at := range rounds {
		if at >= hurried {
			late = append(late, at)
		}
	}
	const ms = time.Millisecond
	want := []time.Duration{1100 * ms, 1500 * ms, 2300 * ms, 3900 * ms, 5500 * ms, 7100 * ms, 8700 * ms}
	if len(rounds) != 10+len(want) || !slices.Equal(late, want) {
		t.Errorf("%d rounds, late ones at %v, want %v", len(rounds), late, want)
	}
	x.heard(l, begun.Add(10*time.Second))
	for at := 10 * time.Second; at < 10*time.Second+hurried; at += checkEvery {
		if !x.may(l, begun.Add(at+50*ms)) {
			t.Errorf("not asked at %v though it speaks", at)
		}
	}
}

// Thirty-two addresses of somebody else's, as many as are read, get little of us: sixteen of them some checks each.
func TestVictims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, [2]*vnet.NATType{nil, nil})
		a := w.sideOf(0, Config{})
		victim, err := w.nets[1].ListenPacket("udp4", "203.0.113.22:5000")
		if err != nil {
			t.Fatal(err)
		}
		came := 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			buf := make([]byte, 2000)
			for {
				n, _, err := victim.ReadFrom(buf)
				if err != nil {
					return
				}
				if m := (&stun.Message{Raw: buf[:n]}); m.Decode() == nil && m.Type == stun.BindingRequest {
					came++
				}
			}
		}()
		theirs := &negotiate.ICE{Fragment: "theirs", Password: strings.Repeat("p", 22)}
		for i := range 32 {
			theirs.Candidates = append(theirs.Candidates, fmt.Sprintf("%d 1 udp %d 203.0.113.%d 5000 typ host", i, 1000-i, 22+i))
		}
		a.audio.Agree(&negotiate.Stream{ICE: theirs, Mux: true})
		time.Sleep(time.Minute)
		_ = victim.Close()
		<-done
		if came < 12 || came > 20 {
			t.Errorf("%d checks came", came)
		}
		hangUp(a)
	})
}
