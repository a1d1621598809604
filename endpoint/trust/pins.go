package trust

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"ewindow/registrar/signal/mediakey"
)

// maxPins bounds how many partners are remembered. They come from the plan.
const maxPins = 4096

// A Pin is the key by which a partner is known.
type Pin struct {
	Public    mediakey.Public `json:"public"`
	Since     time.Time       `json:"since"`               // it was first seen
	Met       time.Time       `json:"met,omitzero"`        // the partner first proved to have it, in a handshake; zero: the plan alone has named it
	Confirmed time.Time       `json:"confirmed,omitzero"`  // somebody here said that its words are the partner's; zero: nobody yet
	By        string          `json:"by,omitempty"`        // who did
	There     time.Time       `json:"there,omitzero"`      // the partner has proved that somebody there confirmed this window's key; zero: not yet
	Knows     mediakey.Public `json:"knows,omitempty"`     // this window's key that was confirmed there
	Offered   mediakey.Public `json:"offered,omitempty"`   // another key that was shown or told since; with one there is no picture
	OfferedAt time.Time       `json:"offered_at,omitzero"` // it was, for the first time
}

// State is how it stands with a partner's key.
type State string

const (
	Unknown     State = ""                  // no key has been seen
	Unconfirmed State = "not yet confirmed" // pinned at first sight; whose it is nobody has said
	Half        State = "confirmed here, not yet there"
	Confirmed   State = "confirmed" // on both sides
	Changed     State = "changed"   // another key was shown since, and is refused
)

// State is how it stands with the pin.
func (p Pin) State() State {
	switch {
	case p.Public == "":
		return Unknown
	case p.Offered != "":
		return Changed
	case p.Confirmed.IsZero():
		return Unconfirmed
	case p.There.IsZero():
		return Half
	}
	return Confirmed
}

// A ChangedError says that a partner has shown another key than the one it is known by. There is to be no media.
type ChangedError struct{ Peer string }

func (e *ChangedError) Error() string {
	return fmt.Sprintf("the key of %s has changed; no picture until someone here confirms it: ewindow trust %s", e.Peer, e.Peer)
}

// Pins are the keys by which a window knows its partners. They have one owner: the window while it runs. They may be used from several
// goroutines. Told and Meet may take a tenth of a second, and the disk's time; Of takes none.
type Pins struct {
	file *file
	log  *slog.Logger

	writing sync.Mutex // held while the file is written, before mu
	mu      sync.Mutex
	pins    map[string]Pin
	told    map[string]mediakey.Public // what the plan says; it is kept with the plan
	words   map[mediakey.Public]mediakey.Words
}

// Told notes the keys that the plan names for partners, in place of those that it named before. They are pinned at first sight, as those that
// are met. Whoever runs the registrar can name any key: a pin that is there stands, and what differs is offered. But one that the plan alone
// has named, and nobody has shown or confirmed, says nothing of the partner yet, and follows the plan: the registrar remembers keys, so
// that a window hears of its partner's old one first where both were set up anew.
func (p *Pins) Told(keys map[string]mediakey.Public) {
	p.mu.Lock()
	p.told = maps.Clone(keys)
	p.mu.Unlock()
	for _, peer := range slices.Sorted(maps.Keys(keys)) {
		var changed *ChangedError
		if err := p.see(peer, keys[peer], false); err != nil && !errors.As(err, &changed) { // that has been said
			p.log.Error("a key that the plan names is not remembered", "peer", peer, "err", err)
		}
	}
}

// Meet judges the key that a partner has shown in a handshake, as the DER of a SubjectPublicKeyInfo: nil if it is the one that the partner is
// known by, or the first that is seen of it, which is pinned. Another one is a *ChangedError, and so is one that the plan contradicts.
func (p *Pins) Meet(peer string, der []byte) error {
	public, err := mediakey.Check(der)
	if err != nil {
		return fmt.Errorf("the key that %s showed cannot be used: %w", peer, err)
	}
	if err := p.see(peer, public, true); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if told, named := p.told[peer]; named && told != public {
		return &ChangedError{peer}
	}
	return nil
}

// see compares a key with the pin, and pins the first. met: its owner has proved to have it.
func (p *Pins) see(peer string, public mediakey.Public, met bool) error {
	p.learn(public)
	var changed error
	err := p.change(func() (news bool, err error) {
		pin, known := p.pins[peer]
		switch {
		case !known && len(p.pins) >= maxPins:
			return false, fmt.Errorf("the keys of %d partners are known, and no more are remembered; forget some with ewindow trust --forget", maxPins)
		case !known, pin.Public != public && !met && pin.Met.IsZero() && pin.Confirmed.IsZero():
			pin = Pin{Public: public, Since: time.Now()}
			if met {
				pin.Met = pin.Since
			}
			p.log.Info("a partner's key is seen for the first time; it is not yet confirmed", "peer", peer, "words", p.words[public].String(),
				"confirm", "ewindow trust "+peer)
		case pin.Public == public:
			told, named := p.told[peer]
			first, back := met && pin.Met.IsZero(), pin.Offered != "" && (!named || told == public)
			if first {
				pin.Met = time.Now()
			}
			if back {
				pin.Offered, pin.OfferedAt = "", time.Time{}
				p.log.Info("a partner shows the key again that it is known by", "peer", peer)
			}
			if !first && !back {
				return false, nil
			}
		default:
			changed = &ChangedError{peer}
			if pin.Offered == public {
				return false, nil
			}
			pin.Offered, pin.OfferedAt = public, time.Now()
			p.log.Error("the key of a partner has changed; no picture until someone here confirms it", "peer", peer,
				"words", p.words[public].String(), "confirm", "ewindow trust "+peer)
		}
		p.pins[peer] = pin
		return true, nil
	})
	if changed != nil {
		return changed
	}
	if err == nil {
		return nil
	}
	var full *unsaved
	if errors.As(err, &full) { // a pin that is in memory alone is as good until the window ends
		p.log.Warn("a partner's key is not kept on disk; after a restart it would be new", "peer", peer, "err", err)
		return nil
	}
	return err
}

// Confirm notes that somebody, called by, said at this window that a partner has this key: the pinned one, or one that was offered since, which
// takes its place. It is an error if the partner has shown neither, and if it cannot be kept.
func (p *Pins) Confirm(peer string, public mediakey.Public, by string) error {
	p.learn(public)
	return p.change(func() (bool, error) {
		pin, known := p.pins[peer]
		switch {
		case !known:
			return false, &unknownError{peer}
		case public == pin.Public:
			pin.Confirmed, pin.By = time.Now(), by
			if pin.Offered != "" && p.told[peer] != pin.Offered { // it says that the old one is right
				pin.Offered, pin.OfferedAt = "", time.Time{}
			}
		case public == pin.Offered || public == p.told[peer]:
			now := time.Now()
			pin = Pin{Public: public, Since: now, Confirmed: now, By: by}
			if told, named := p.told[peer]; named && told != public {
				pin.Offered, pin.OfferedAt = told, now
			}
		default:
			return false, fmt.Errorf("%s has not shown this key, or has shown another one since; look again: ewindow trust %s", peer, peer)
		}
		p.pins[peer] = pin
		p.log.Info("a partner's key is confirmed", "peer", peer, "words", p.words[public].String(), "by", by)
		return true, nil
	})
}

// Forget forgets a partner: the next key that it shows is the first.
func (p *Pins) Forget(peer string) error {
	return p.change(func() (bool, error) {
		if _, known := p.pins[peer]; !known {
			return false, &unknownError{peer}
		}
		delete(p.pins, peer)
		if told, named := p.told[peer]; named {
			p.pins[peer] = Pin{Public: told, Since: time.Now()}
		}
		p.log.Warn("a partner's key is forgotten; the next one that it shows is pinned", "peer", peer)
		return true, nil
	})
}

type unknownError struct{ peer string }

func (e *unknownError) Error() string {
	return fmt.Sprintf("no key of %s has been seen; `ewindow trust` lists whose have", e.peer)
}

// change has do change the pins, and writes them if there is news. On an error of do nothing changes; on one of the disk, *unsaved, all does in memory.
func (p *Pins) change(do func() (news bool, err error)) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	p.mu.Lock()
	news, err := do()
	all := maps.Clone(p.pins)
	p.mu.Unlock()
	if err != nil || !news {
		return err
	}
	if err := p.file.write(all); err != nil {
		return &unsaved{err}
	}
	return nil
}

// unsaved says that pins are in memory alone.
type unsaved struct{ err error }

func (e *unsaved) Error() string {
	return "it holds until the window ends, and could not be kept: " + e.err.Error()
}
func (e *unsaved) Unwrap() error { return e.err }

// learn computes the words of a key, once.
func (p *Pins) learn(public mediakey.Public) {
	p.mu.Lock()
	_, known := p.words[public]
	p.mu.Unlock()
	if known {
		return
	}
	words := mediakey.WordsOf(public)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.words) >= 2*maxPins { // those that nobody has any more
		clear(p.words)
	}
	p.words[public] = words
}

// A Standing is how it stands with a partner's key, for people.
type Standing struct {
	Pin
	Words        string // of the pinned key; empty while nobody has computed them
	OfferedWords string // of a key that was offered since
}

// Of is how it stands with a partner.
func (p *Pins) Of(peer string) Standing {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.standing(p.pins[peer])
}

func (p *Pins) standing(pin Pin) Standing {
	s := Standing{Pin: pin}
	if w, known := p.words[pin.Public]; known {
		s.Words = w.String()
	}
	if w, known := p.words[pin.Offered]; known {
		s.OfferedWords = w.String()
	}
	return s
}

// Peers are the partners whose keys are known, by name.
func (p *Pins) Peers() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.pins))
}
