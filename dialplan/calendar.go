package dialplan

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"ewindow/dialplan/holidays"
	"ewindow/dialplan/hours"
)

// A period is days that a block names.
type period struct {
	kind  string // "closed" or "holiday"
	name  string
	dates *hours.Dates
	at    hcl.Range
}

// A calendar is the public holidays of a country or region, and days of one's own.
type calendar struct {
	name    string
	country string   // a code of package holidays; empty: none
	periods []period // closed and holiday blocks
	at      hcl.Range

	mu    sync.Mutex
	years map[int]map[int64]string // by year and civil day: name of the public holiday
}

// holiday is the name of the holiday on a civil day, or "".
func (c *calendar) holiday(civil int64) string {
	for _, p := range c.periods {
		if p.kind == "holiday" && p.dates.Has(civil) {
			return p.name
		}
	}
	if c.country == "" {
		return ""
	}
	year := time.Unix(civil*day, 0).UTC().Year()
	c.mu.Lock()
	defer c.mu.Unlock()
	days, ok := c.years[year]
	if !ok {
		days = holidays.Year(c.country, year)
		c.years[year] = days
	}
	return days[civil]
}

func (r *reader) calendar(b *hclsyntax.Block) {
	r.claimName(b)
	c := &calendar{name: b.Labels[0], at: b.LabelRanges[0], years: map[int]map[int64]string{}}
	for _, in := range b.Body.Blocks {
		if slices.Contains(inner["calendar"], in.Type) {
			c.periods = append(c.periods, r.period(in))
		}
	}
	if attr, ok := b.Body.Attributes["days"]; ok {
		if code, ok := r.text(attr); ok {
			c.country = code
			if !holidays.Known(code) {
				r.fail(attr.Expr.Range(), fmt.Sprintf("the public holidays of %q are not known", code), holidays.Suggest(code))
			}
		}
	} else if len(c.periods) == 0 && !r.misspelt["days"] {
		r.fail(b.TypeRange, fmt.Sprintf("calendar %q has no days", c.name),
			`write days = "it" for public holidays, or holiday "name" { dates = "…" } for days of your own`)
	}
	r.calendars[c.name] = c
}
