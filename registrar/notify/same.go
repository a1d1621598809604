package notify

import (
	"slices"
	"time"

	"ewindow/dialplan/programme"
)

// Same says whether two programmes of a space tell a window the same about the time that both cover: a later one
// has lost what is over and knows a little more of the far end, and each is made from another revision of the plan.
// Those differences are for the daily NOTIFY.
func Same(a, b *programme.Programme) bool {
	from, until := later(a.From, b.From), earlier(a.Until, b.Until)
	return a.Space == b.Space && a.Name == b.Name && a.Timezone == b.Timezone &&
		slices.Equal(a.Phones, b.Phones) &&
		slices.EqualFunc(spans(a, from, until), spans(b, from, until), sameSpan) &&
		slices.EqualFunc(links(a, from, until), links(b, from, until), sameInterval)
}

func spans(p *programme.Programme, from, until time.Time) []programme.Span {
	var out []programme.Span
	for _, s := range p.Open {
		if s = clip(s, from, until); s.From.Before(s.Until) {
			out = append(out, s)
		}
	}
	return out
}

func links(p *programme.Programme, from, until time.Time) []programme.Interval {
	var out []programme.Interval
	for _, l := range p.Links {
		if l.Span = clip(l.Span, from, until); l.From.Before(l.Until) {
			out = append(out, l)
		}
	}
	return out
}

func clip(s programme.Span, from, until time.Time) programme.Span {
	return programme.Span{From: later(s.From, from), Until: earlier(s.Until, until)}
}

func sameSpan(a, b programme.Span) bool { return a.From.Equal(b.From) && a.Until.Equal(b.Until) }

func sameInterval(a, b programme.Interval) bool {
	return sameSpan(a.Span, b.Span) && a.Partner == b.Partner && a.PartnerName == b.PartnerName &&
		a.Caller == b.Caller && a.Link == b.Link
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
