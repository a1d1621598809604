package negotiate

import (
	"maps"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// line is what an m-line keeps from one offer to the next.
type line struct {
	kind    string // media: audio, video, or something that is not ours
	proto   string // as it was offered last, by either side
	formats []string
	active  bool             // we offer it; an inactive one stays refused
	numbers map[string]uint8 // payload type by format.key; a number never changes its meaning (RFC 3264 §8.3.2)
	taken   map[uint8]bool   // payload types that have had a meaning
	keys    map[Suite]*Keys  // ours
	suite   Suite            // in use; empty without SRTP
	remote  netip.AddrPort   // where we sent last
	ice     *ICE             // of theirs, agreed on last
	mid     string           // its name (RFC 5888); empty without one
	tlsID   string           // our name for the handshake (RFC 8842); empty without one, or where the other side has none
	agreed  *Handshake       // agreed on last; nil: keys are in SDP, or there are none

	trickles bool // the other side names candidates later, and takes ours
	mismatch bool // somebody has changed where they are received: ICE is not used
	kept     bool // the ways of ICE are those of before: a new address is the one that was found (RFC 8839 §4.4.1.1.2), and no other place
}

func newLine(kind string) *line {
	return &line{kind: kind, active: true, numbers: map[string]uint8{}, taken: map[uint8]bool{}, keys: map[Suite]*Keys{}}
}

func cloneLines(lines []*line) []*line {
	var out []*line
	for _, l := range lines {
		c := *l
		c.numbers, c.taken, c.keys = maps.Clone(l.numbers), maps.Clone(l.taken), maps.Clone(l.keys)
		out = append(out, &c)
	}
	return out
}

// follow takes over what an m-line of theirs says. An m-line that changes its media is a new one.
func (l *line) follow(m *sdp.MediaDescription) {
	if l.kind != m.MediaName.Media {
		*l = *newLine(m.MediaName.Media)
	}
	l.proto = strings.Join(m.MediaName.Protos, "/")
	l.formats = m.MediaName.Formats
	formats, _ := readFormats(m)
	for _, f := range formats {
		maps.DeleteFunc(l.numbers, func(key string, n uint8) bool { return n == f.number && key != f.key() })
		if _, found := l.numbers[f.key()]; !found {
			l.numbers[f.key()] = f.number
		}
	}
	for _, text := range m.MediaName.Formats {
		if n, err := strconv.ParseUint(text, 10, 7); err == nil {
			l.taken[uint8(n)] = true
		}
	}
}

// number finds the payload type that a format of ours has in this m-line, or one that was never used in it: the one we
// like, else any dynamic one. It fails when none is left.
func (l *line) number(f format) (uint8, bool) {
	if n, found := l.numbers[f.key()]; found {
		return n, true
	}
	const dynamic, last = 96, 127
	n := f.number
	for next := uint8(dynamic); l.taken[n]; next++ {
		if next > last {
			return 0, false
		}
		n = next
	}
	l.numbers[f.key()] = n
	l.taken[n] = true
	return n, true
}

// key is our key for a suite: the one in use, or a new one.
func (l *line) key(s Suite, local *Local) (*Keys, error) {
	if k := l.keys[s]; k != nil {
		return k, nil
	}
	k, err := newKeys(s, local.Rand)
	if err != nil {
		return nil, &localError{err}
	}
	l.keys[s] = k
	return k, nil
}

// use records the suite that an offer and answer chose. The key of one that is left is never used again: coming back to it
// would begin at ROC 0 with the same key stream.
func (l *line) use(s Suite) {
	if l.suite != "" && l.suite != s {
		delete(l.keys, l.suite)
	}
	l.suite = s
}

// moves records where the other side receives and says whether that is another place than before. A hold is no move.
func (l *line) moves(to netip.AddrPort) bool {
	if !to.IsValid() {
		return false
	}
	before := l.remote
	l.remote = to
	return before.IsValid() && before != to
}
