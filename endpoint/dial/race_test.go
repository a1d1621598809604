package dial

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A closer is a connection that notes its end.
type closer struct {
	net.Conn
	name   string
	closed *[]string
}

func (c closer) Close() error {
	*c.closed = append(*c.closed, c.name)
	return nil
}

// Whoever is there first wins, whoever comes later is closed, and the next begins as soon as those before have failed.
func TestRace(t *testing.T) {
	type way struct {
		takes  time.Duration // whatever ctx says
		fails  bool
		silent bool // nobody answers before that
	}
	const ms = time.Millisecond
	for name, test := range map[string]struct {
		ways   []way
		wins   int // -1: nobody
		took   time.Duration
		begins []time.Duration
		closed []string
	}{
		"the first":                {[]way{{takes: 10 * ms}, {}}, 0, 10 * ms, []time.Duration{0}, nil},
		"the second":               {[]way{{takes: 5000 * ms, fails: true}, {takes: 10 * ms}}, 1, 5000 * ms, []time.Duration{0, 2000 * ms}, nil},
		"the first comes too late": {[]way{{takes: 5000 * ms}, {takes: 10 * ms}}, 1, 5000 * ms, []time.Duration{0, 2000 * ms}, []string{"0"}},
		"the second too late":      {[]way{{takes: 2500 * ms}, {takes: 3000 * ms}}, 0, 5000 * ms, []time.Duration{0, 2000 * ms}, []string{"1"}},
		"the first fails at once":  {[]way{{takes: 10 * ms, fails: true}, {takes: 10 * ms}}, 1, 20 * ms, []time.Duration{0, 10 * ms}, nil},
		"nobody answers there":     {[]way{{takes: 5000 * ms, fails: true, silent: true}, {takes: 10 * ms}}, 1, 5000 * ms, []time.Duration{0, 500 * ms}, nil},
		"nobody anywhere":          {[]way{{takes: 900 * ms, fails: true, silent: true}, {takes: 900 * ms, fails: true, silent: true}, {takes: 10 * ms}}, 2, 1400 * ms, []time.Duration{0, 500 * ms, 1000 * ms}, nil},
		"nobody":                   {[]way{{takes: 10 * ms, fails: true}, {takes: 10 * ms, fails: true}}, -1, 20 * ms, []time.Duration{0, 10 * ms}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				var mu sync.Mutex
				var begins []time.Duration
				var closed []string
				won, which, errs := race(t.Context(), patience{500 * ms, 2000 * ms}, len(test.ways), func(_ context.Context, i int, answered func()) (net.Conn, error) {
					mu.Lock()
					begins = append(begins, time.Since(start))
					mu.Unlock()
					if !test.ways[i].silent {
						answered()
						answered()
					}
					time.Sleep(test.ways[i].takes)
					if test.ways[i].fails {
						return nil, errors.New("refused")
					}
					return closer{name: string(rune('0' + i)), closed: &closed}, nil
				})
				if (won == nil) != (test.wins < 0) || won != nil && which != test.wins {
					t.Errorf("%d won: %v, %v", which, won, errs)
				}
				if test.wins < 0 && slices.Contains(errs, nil) {
					t.Errorf("errors %v", errs)
				}
				if took := time.Since(start); took != test.took || !slices.Equal(begins, test.begins) || !slices.Equal(closed, test.closed) {
					t.Errorf("took %v, began %v, closed %v", took, begins, closed)
				}
			})
		})
	}
}
