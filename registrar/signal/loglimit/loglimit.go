// Package loglimit stands between a program and its log, so that nobody can fill the disk: not a stranger who knocks a
// thousand times a second, not a phone that registers in a loop, not a camera that fails every second for a week.
//
//	slog.Logger ──▶ Handler ── who caused it? ──▶ strangers │ causes ── within bounds? ──▶ text or JSON ──▶ log
//	                                                            └─ left out, counted ──▶ left_out in the next line
//
// What strangers cause is one line a minute for each block of addresses and message, five lines a minute in all, and a
// megabyte a day. Everybody else is a cause by the name that a line carries (the account, the device), and so is the
// program itself, which needs none: each has half a megabyte a day, and each of its messages a third of that, so that the
// most frequent one leaves room for the others. Lines for debugging all pass: whoever turns them on wants them. What is
// left out is counted and said; metrics count by themselves.
//
// The time is that of the record. Memory is bounded however many causes and blocks there are.
package loglimit

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// stranger marks a line as caused by somebody who has not proved who it is.
type stranger struct{ block netip.Prefix }

// MarshalText writes the block, in text and in JSON.
func (s stranger) MarshalText() ([]byte, error) { return s.block.MarshalText() }

// Stranger is an attribute for each line that somebody can cause who has not proved who it is: the block of addresses it
// comes from. A line without it counts as caused by the name in it.
func Stranger(block netip.Prefix) slog.Attr { return slog.Any("block", stranger{block}) }

// maxValue is how many bytes of a value are written.
const maxValue = 4096

// A Handler is a slog.Handler within bounds. New makes the first; With derives others that share its bounds.
type Handler struct {
	*shared
	inner slog.Handler
	who   who // as far as the attributes given to With say
}

// shared is what all handlers of one log have in common.
type shared struct {
	names []string // of attributes that say who causes a line, the most telling first
	out   *counter
	first slog.Handler

	mu        sync.Mutex
	strangers strangers
	causes    causes
}

// who is what a line says about who caused it.
type who struct {
	name  string // as "key=value"
	rank  int    // of the key among names; 0: none, else the higher the more telling
	block *netip.Prefix
}

// New puts bounds around the handler that write makes for out. names are the attributes that tell whose doing a line is,
// the most telling first.
func New(out io.Writer, names []string, write func(io.Writer) slog.Handler) *Handler {
	c := &counter{w: out}
	h := &Handler{shared: &shared{names: names, out: c, first: write(c), strangers: newStrangers(), causes: newCauses()}}
	h.inner = h.first
	return h
}

// Enabled is part of slog.Handler.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.inner.Enabled(ctx, level)
}

// WithAttrs is part of slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	d := *h
	for _, a := range attrs {
		d.note(&d.who, a)
	}
	written := make([]slog.Attr, 0, len(attrs))
	for _, a := range attrs {
		written = append(written, shorten(a))
	}
	d.inner = h.inner.WithAttrs(written)
	return &d
}

// WithGroup is part of slog.Handler. Attributes in a group do not say who caused a line.
func (h *Handler) WithGroup(name string) slog.Handler {
	d := *h
	d.inner = h.inner.WithGroup(name)
	return &d
}

// Handle is part of slog.Handler: it writes the record, or counts it.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelInfo {
		return h.inner.Handle(ctx, r)
	}
	w := h.who
	r.Attrs(func(a slog.Attr) bool { h.note(&w, a); return true })
	h.mu.Lock()
	defer h.mu.Unlock()
	if w.block != nil {
		h.strangers.summarise(r.Time, h.say(ctx))
		left, ok := h.strangers.admit(source{*w.block, r.Message}, r.Time)
		if !ok {
			return nil
		}
		return h.write(ctx, r, left, h.strangers.wrote)
	}
	e, ok := h.causes.admit(cause{w.name, r.Message}, r.Time)
	if !ok {
		return nil
	}
	left := e.missed
	e.missed = 0
	return h.write(ctx, r, left, e.take)
}

// note takes what an attribute says about who caused the line.
func (s *shared) note(w *who, a slog.Attr) {
	if v, ok := a.Value.Any().(stranger); ok {
		w.block = &v.block
		return
	}
	if i := slices.Index(s.names, a.Key); i >= 0 && len(s.names)-i > w.rank {
		value := a.Value.String()
		w.name, w.rank = a.Key+"="+value[:min(len(value), 100)], len(s.names)-i
	}
}

// write writes a record, with what was left out before it, and charges its bytes. h.mu is held.
func (h *Handler) write(ctx context.Context, r slog.Record, left int, charge func(bytes int)) error {
	before := h.out.n
	cut := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool { cut.AddAttrs(shorten(a)); return true })
	if left > 0 {
		cut.AddAttrs(slog.Int("left_out", left))
	}
	err := h.inner.Handle(ctx, cut)
	charge(h.out.n - before)
	return err
}

// shorten keeps a value from being endless, and gives a duration its unit, which JSON leaves out.
func shorten(a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	switch a.Value.Kind() {
	case slog.KindString, slog.KindAny:
		if s := a.Value.String(); len(s) > maxValue {
			return slog.String(a.Key, s[:maxValue]+"…")
		}
		if d, is := a.Value.Any().(time.Duration); is {
			return slog.String(a.Key, d.String())
		}
	case slog.KindDuration:
		return slog.String(a.Key, a.Value.Duration().String())
	}
	return a
}

// say writes a line about lines that were left out. h.mu is held.
func (h *Handler) say(ctx context.Context) func(now time.Time, charge func(int), attrs ...slog.Attr) {
	return func(now time.Time, charge func(int), attrs ...slog.Attr) {
		r := slog.NewRecord(now, slog.LevelWarn, "log lines were left out", 0)
		r.AddAttrs(attrs...)
		first := Handler{shared: h.shared, inner: h.first}
		_ = first.write(ctx, r, 0, charge) // there is no other place to report that
	}
}

// Flush says what has been left out of the log and was not said yet, as far as that is within bounds too.
func (h *Handler) Flush(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	say := h.say(context.Background())
	h.strangers.summarise(now, say)
	h.causes.summarise(now, say)
}

// Run flushes every few seconds until ctx ends, and then once more.
func (h *Handler) Run(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			h.Flush(now)
		case <-ctx.Done():
			h.Flush(time.Now())
			return nil
		}
	}
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n int
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += len(b) // also what the disk did not take: it may the next time
	return n, err
}
