package flow

import (
	"net/netip"
	"time"
)

// A home is a house where somebody has authenticated lately. As many as were here at a time come in again as guests: they
// wait for no rate and nobody pushes them out, so that a house gets back in however large the crowd is. Strangers behind
// the same address may have taken these places: then its devices come in as strangers.
type home struct {
	known  int       // connections that have authenticated
	most   int       // of them, at a time
	guests int       // connections that have not, yet
	empty  time.Time // since when there are none of either
}

const (
	homeFor  = time.Hour // a home is remembered when it is empty
	maxHomes = 1 << 14   // are remembered
)

// homes are all of them.
type homes struct {
	of     map[netip.Prefix]*home
	looked time.Time // when those that are over were last looked for
}

// guest counts a connection in, if there is a place for it.
func (h *homes) guest(house netip.Prefix) *home {
	at := h.of[house]
	if at == nil || at.guests >= at.most {
		return nil
	}
	at.guests++
	return at
}

// known counts a connection in that has authenticated; nil if too many homes are remembered.
func (h *homes) known(house netip.Prefix, now time.Time) *home {
	at := h.of[house]
	if at == nil {
		h.forget(now)
		if len(h.of) >= maxHomes {
			return nil
		}
		at = &home{}
		h.of[house] = at
	}
	at.known++
	at.most = max(at.most, at.known)
	return at
}

// left notes that a connection has ended which counted among n: the guests, or the known.
func (h *home) left(n *int, now time.Time) {
	if *n--; h.known == 0 && h.guests == 0 {
		h.empty = now
	}
}

// forget drops the homes that are over, once a minute at most.
func (h *homes) forget(now time.Time) {
	if now.Sub(h.looked) < time.Minute {
		return
	}
	h.looked = now
	for house, at := range h.of {
		if at.known == 0 && at.guests == 0 && now.Sub(at.empty) >= homeFor {
			delete(h.of, house)
		}
	}
}
