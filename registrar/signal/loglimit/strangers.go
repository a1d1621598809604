package loglimit

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Bounds of what strangers may cause, all together.
const (
	perMinute  = 5 // lines; the last one is kept for the summary
	maxSources = 64
	maxNamed   = 4 // sources that a summary names
)

var perStrangers = allowance{burst: 128 << 10, rate: 8} // as much as one cause

// A source is a block of addresses and a message that it caused.
type source struct {
	block netip.Prefix
	kind  string
}

// strangers are all who have not proved who they are. A source is remembered when it had a line, or when there is room:
// who sends from a million blocks is counted, no more.
type strangers struct {
	bytes   bucket
	lines   [perMinute]time.Time // when the last lines were written, the oldest at next
	next    int
	sources map[source]*tally
	others  int       // left out, of sources that are not remembered
	summary time.Time // when the last one was due
}

// A tally is what is known of a source.
type tally struct {
	last time.Time // when it had a line
	left int       // left out since the last line or summary
}

func newStrangers() strangers { return strangers{sources: map[source]*tally{}} }

// free is how many lines may be written now.
func (s *strangers) free(now time.Time) int {
	if s.bytes.at.IsZero() {
		s.bytes = perStrangers.full(now)
	}
	if s.bytes.refill(perStrangers, now) <= 0 {
		return 0
	}
	n := 0
	for _, at := range s.lines {
		if at.IsZero() || now.Sub(at) >= time.Minute || now.Before(at) { // before: the clock was set back
			n++
		}
	}
	return n
}

// wrote notes that a line was written.
func (s *strangers) wrote(bytes int) {
	s.bytes.left -= float64(bytes)
	s.lines[s.next] = s.bytes.at
	s.next = (s.next + 1) % perMinute
}

// admit decides about a line. left is how many like it were left out before.
func (s *strangers) admit(by source, now time.Time) (left int, ok bool) {
	t := s.sources[by]
	fresh := t == nil || t.last.IsZero() || now.Sub(t.last) >= time.Minute || now.Before(t.last)
	if fresh && s.free(now) > 1 {
		if t == nil {
			t = s.remember(by)
		}
		if t != nil {
			left, t.left, t.last = t.left, 0, now
			return left, true
		}
	}
	if t == nil {
		t = s.remember(by)
	}
	if t == nil {
		s.others++
		return 0, false
	}
	t.left++
	return 0, false
}

// remember makes a tally, or returns nil if there is no room.
func (s *strangers) remember(by source) *tally {
	if len(s.sources) >= maxSources {
		return nil
	}
	t := &tally{}
	s.sources[by] = t
	return t
}

// summarise says once a minute what was left out, and makes room.
func (s *strangers) summarise(now time.Time, say func(time.Time, func(int), ...slog.Attr)) {
	if d := now.Sub(s.summary); d >= 0 && d < time.Minute {
		return
	}
	s.summary = now
	total, named := s.others, []source{}
	for by, t := range s.sources {
		if total += t.left; t.left > 0 {
			named = append(named, by)
		}
	}
	if total > 0 && s.free(now) == 0 {
		return // goes on counting
	}
	if total > 0 {
		say(now, s.wrote, slog.String("by", "strangers"), slog.Int("left_out", total), slog.String("most", s.most(named)))
	}
	s.others = 0
	for by, t := range s.sources {
		if t.left = 0; t.last.IsZero() || now.Sub(t.last) >= time.Minute {
			delete(s.sources, by)
		}
	}
}

// most names the sources that were left out most often.
func (s *strangers) most(named []source) string {
	slices.SortFunc(named, func(a, b source) int {
		if d := s.sources[b].left - s.sources[a].left; d != 0 {
			return d
		}
		return strings.Compare(a.block.String()+a.kind, b.block.String()+b.kind)
	})
	var out []string
	for _, by := range named[:min(len(named), maxNamed)] {
		out = append(out, fmt.Sprintf("%s %s: %d", by.block, by.kind, s.sources[by].left))
	}
	return strings.Join(out, "; ")
}
