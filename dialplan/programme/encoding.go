package programme

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Encode writes p in the newest version, as one line of JSON.
func Encode(p *Programme) ([]byte, error) { return Spoken().Encode(p, Version) }

// Decode reads and checks what Encode wrote, in any version that this program reads. Its errors name the field.
func Decode(r io.Reader) (*Programme, error) { return Spoken().Decode(r) }

// Encode writes p in one of the versions, as one line of JSON.
func (v Versions) Encode(p *Programme, version int) ([]byte, error) {
	if version < v.Oldest || version > v.Newest {
		return nil, fmt.Errorf("encode programme of %s: version %d; this program writes %s", p.Space, version, v)
	}
	out := *p
	out.Version = version
	b, err := json.Marshal(&out)
	if err != nil {
		return nil, fmt.Errorf("encode programme: %w", err)
	}
	if len(b) > MaxSize {
		return nil, fmt.Errorf("encode programme of %s: %d bytes, at most %d fit a NOTIFY", p.Space, len(b), MaxSize)
	}
	return b, nil
}

// Decode reads and checks what Encode wrote in one of the versions. What has a value that is not known is left out, and named
// in Strange: that phone cannot call, and all others can.
func (v Versions) Decode(r io.Reader) (*Programme, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read programme: %w", err)
	}
	if len(b) > MaxSize {
		return nil, fmt.Errorf("programme is larger than %d bytes", MaxSize)
	}
	var p Programme
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, fmt.Errorf("programme is not readable: %w", err)
	}
	if p.Version < v.Oldest || p.Version > v.Newest {
		return nil, fmt.Errorf("programme has version %d, this window reads %s", p.Version, v)
	}
	p.leaveOut()
	return &p, p.check()
}

// String is for people.
func (v Versions) String() string {
	if v.Oldest == v.Newest {
		return fmt.Sprintf("version %d", v.Newest)
	}
	return fmt.Sprintf("versions %d to %d", v.Oldest, v.Newest)
}

// leaveOut takes out the items that a program of another build may have written and this one does not know, one by one.
func (p *Programme) leaveOut() {
	strange := func(format string, args ...any) bool {
		p.Strange = append(p.Strange, fmt.Sprintf(format, args...))
		return true
	}
	p.Phones = slices.DeleteFunc(p.Phones, func(ph Phone) bool {
		known := ph.Account != "" && (ph.Security == SDES || ph.Security == None)
		return !known && strange("phone %q with security %q", ph.Account, ph.Security)
	})
	p.Knocks = slices.DeleteFunc(p.Knocks, func(k Knock) bool {
		known := k.Number != "" && k.Ring > 0 && k.Until == Accepted
		return !known && strange("knock %q for %d s until %q", k.Number, k.Ring, k.Until)
	})
}

func (p *Programme) check() error {
	switch {
	case p.Space == "":
		return errors.New("programme names no space")
	case !p.From.Before(p.Until):
		return errors.New("programme ends before it begins")
	}
	var last time.Time
	for i, s := range p.Open {
		if !s.From.Before(s.Until) || s.From.Before(last) {
			return fmt.Errorf("programme: open[%d] is empty or out of order", i)
		}
		last = s.Until
	}
	last = time.Time{}
	for i, l := range p.Links {
		switch {
		case !l.From.Before(l.Until) || l.From.Before(last):
			return fmt.Errorf("programme: links[%d] is empty or out of order", i)
		case l.Partner == "" || l.Partner == p.Space:
			return fmt.Errorf("programme: links[%d] has no partner", i)
		case l.Caller != p.Space && l.Caller != l.Partner:
			return fmt.Errorf("programme: links[%d] is called by %q, who is not in it", i, l.Caller)
		}
		last = l.Until
	}
	return nil
}
