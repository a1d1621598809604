package negotiate

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
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

// ourFormats are the formats that we offer on the line, numbered.
func (s *Session) ourFormats(l *line) []format {
	var out []format
	for _, f := range s.local.formats(l.kind) {
		if n, found := l.number(f); found {
			f.number = n
			out = append(out, f)
		}
	}
	return s.withFEC(l, s.withRED(l, s.withRepairs(l, out)))
}

// withFEC adds repair packets, where what is sent again has a stream to send them in.
func (s *Session) withFEC(l *line, formats []format) []format {
	if !s.local.FEC || !slices.ContainsFunc(formats, func(f format) bool { return f.codec == rtx }) {
		return formats
	}
	r := format{number: 103, codec: flexfec, clock: 90000}
	if n, found := l.number(r); found {
		r.number = n
		formats = append(formats, r)
	}
	return formats
}

// withRED adds the packets that carry copies of a format of ours.
func (s *Session) withRED(l *line, formats []format) []format {
	for _, f := range formats {
		if !s.local.RED || f.codec != Opus {
			continue
		}
		r := format{number: 102, codec: red, clock: f.clock, apt: f.number}
		if n, found := l.number(r); found {
			r.number = n
			formats = append(formats, r)
		}
	}
	return formats
}

// withRepairs adds the retransmissions of formats of ours that may be asked for again.
func (s *Session) withRepairs(l *line, formats []format) []format {
	for _, f := range formats {
		if !s.local.NACK || f.codec != H264 || f.mode == 0 { // whoever has but mode 0 is a simple phone
			continue
		}
		r := format{number: 99, codec: rtx, clock: f.clock, mode: f.mode, apt: f.number}
		if n, found := l.number(r); found {
			r.number = n
			formats = append(formats, r)
		}
	}
	return formats
}

// repairs is the payload type of a format's retransmissions, 0 for none.
func repairs(formats []format, f format) uint8 {
	if i := slices.IndexFunc(formats, func(r format) bool { return r.codec == rtx && r.apt == f.number }); i >= 0 {
		return formats[i].number
	}
	return 0
}

// wish is the direction that we would like: who is seen sees, and the other way round.
const wish = SendRecv

// answerLine answers an m-line. A nil stream refuses it; so does an error, which says why.
func (s *Session) answerLine(l *line, desc *description, m *sdp.MediaDescription, d *Description) (*sdp.MediaDescription, *Stream, error) {
	if m.MediaName.Port.Value == 0 {
		return nil, nil, nil
	}
	if err := s.takes(l, m, d); err != nil {
		return nil, nil, err
	}
	offered, left := readFormats(m)
	f, found := choose(offered)
	if !found || (f.codec == H264) != (l.kind == "video") {
		return nil, nil, noFormat(m, left)
	}
	stream, err := s.stream(l, desc, m, f)
	if err != nil {
		return nil, nil, err
	}
	if l.moves(stream.RTP) && !l.kept {
		clear(l.keys) // a new destination begins at ROC 0 (RFC 3711 §3.2.3), which needs a new key
	}
	attributes, err := s.answerProtection(l, desc, m, stream)
	if err != nil {
		return nil, nil, err
	}
	reply := []format{f}
	if e, found := eventsFor(f, offered); found {
		stream.EventType = e.number
		reply = append(reply, e)
	}
	if r, found := redFor(f, offered); found && s.local.RED {
		stream.SendRED, stream.ReceiveRED = r.number, r.number
		reply = append(reply, r)
	}
	if f.codec == H264 {
		reply[0].profile, stream.Profile = s.agree(f)
		stream.Accepts = reply[0].profile
	}
	if r := stream.Repair.Type; stream.NACK && r != 0 {
		stream.RepairType = r
		again := format{number: r, codec: rtx, clock: f.clock, mode: f.mode, apt: f.number}
		l.numbers[again.key()] = r
		reply = append(reply, again)
		if r, found := flexfecFor(offered); found && s.local.FEC {
			stream.SendFEC, stream.ReceiveFEC = r.number, r.number
			reply = append(reply, r)
		}
	}
	out := s.media(l, reply, stream.Direction)
	if stream.NACK {
		out.WithValueAttribute("rtcp-fb", fmt.Sprintf("%d nack", f.number))
	}
	if stream.CCFB {
		out.WithValueAttribute("rtcp-fb", fmt.Sprintf("%d ack ccfb", f.number))
	}
	if stream.REMB {
		out.WithValueAttribute("rtcp-fb", fmt.Sprintf("%d goog-remb", f.number))
	}
	if stream.TMMBR {
		out.WithValueAttribute("rtcp-fb", fmt.Sprintf("%d ccm tmmbr", f.number))
	}
	if stream.PLI {
		out.WithValueAttribute("rtcp-fb", fmt.Sprintf("%d nack pli", f.number))
	}
	if stream.FIR {
		out.WithValueAttribute("rtcp-fb", fmt.Sprintf("%d ccm fir", f.number))
	}
	if stream.Mux {
		out.WithPropertyAttribute("rtcp-mux")
	}
	if l.trickles {
		out.WithValueAttribute("mid", l.mid)
	}
	switch ours := s.local.place(l.kind).ICE; {
	case stream.ICE != nil && stream.Mux:
		onePlace(out)
		withICE(out, ours.withoutReports())
	case stream.ICE != nil:
		withICE(out, ours)
	case l.mismatch:
		out.WithPropertyAttribute("ice-mismatch")
	}
	out.Attributes = append(out.Attributes, attributes...)
	return out, stream, nil
}

// takes says whether we could have a stream of this kind at all.
func (s *Session) takes(l *line, m *sdp.MediaDescription, d *Description) error {
	switch {
	case l.kind != "audio" && l.kind != "video":
		return errors.New("not a kind of media that we have")
	case l.kind == "audio" && d.Audio != nil || l.kind == "video" && d.Video != nil:
		return errors.New("one such stream is enough")
	case l.kind == "video" && s.local.VideoRTP == 0:
		return errors.New("this call has no picture")
	}
	if err := onePort(m); err != nil {
		return err
	}
	_, err := parseProto(l.proto)
	return err
}

// onePort refuses a stream in layers that are on ports of their own (RFC 8866 §5.14).
func onePort(m *sdp.MediaDescription) error {
	if port := m.MediaName.Port; port.Range != nil && *port.Range > 1 {
		return fmt.Errorf("several ports (%d/%d) for one stream", port.Value, *port.Range)
	}
	return nil
}

// acceptLine reads the answer to an m-line of ours. A nil stream without error is a refusal.
func (s *Session) acceptLine(l *line, desc *description, m *sdp.MediaDescription) (*Stream, error) {
	if !strings.EqualFold(m.MediaName.Media, l.kind) {
		return nil, fmt.Errorf("answered by m=%s", shorten(m.MediaName.Media))
	}
	if m.MediaName.Port.Value == 0 {
		return nil, errors.New("refused by the other side")
	}
	if err := onePort(m); err != nil {
		return nil, err
	}
	if _, err := parseProto(strings.Join(m.MediaName.Protos, "/")); err != nil {
		return nil, err
	}
	ours := s.ourFormats(l)
	answered, left := readFormats(m)
	for _, theirs := range answered {
		i := matching(ours, theirs)
		if theirs.codec == events || theirs.codec == red || theirs.codec == flexfec || i < 0 {
			continue
		}
		stream, err := s.stream(l, desc, m, theirs)
		if err != nil {
			return nil, err
		}
		stream.ReceiveType = ours[i].number
		if theirs.codec == H264 {
			stream.Profile, stream.Accepts = theirs.profile, ours[i].profile
			if !theirs.asymmetric {
				stream.Profile = theirs.profile.lower(ours[i].profile)
				stream.Accepts = stream.Profile
			}
		}
		if e, found := eventsFor(theirs, answered); found {
			stream.EventType = e.number
		}
		if r, found := redFor(theirs, answered); found {
			if i := matching(ours, r); i >= 0 {
				stream.SendRED, stream.ReceiveRED = r.number, ours[i].number
			}
		}
		if stream.NACK && stream.Repair.Type != 0 {
			stream.RepairType = stream.Repair.Type
			stream.Repair.Type = repairs(ours, ours[i])
			if r, found := flexfecFor(answered); found && s.local.FEC {
				if i := matching(ours, r); i >= 0 {
					stream.SendFEC, stream.ReceiveFEC = r.number, ours[i].number
				}
			}
		}
		l.moves(stream.RTP)
		return stream, s.acceptProtection(l, desc, m, stream)
	}
	return nil, noFormat(m, left)
}

// matching finds the format of ours that an answer means: the one of the same number if it is the same codec, since some
// drop the fmtp from their answer; otherwise the one that is the same by meaning.
func matching(ours []format, theirs format) int {
	same := func(o format) bool { return o.codec == theirs.codec && o.clock == theirs.clock }
	if i := slices.IndexFunc(ours, func(o format) bool { return same(o) && o.number == theirs.number }); i >= 0 {
		return i
	}
	return slices.IndexFunc(ours, func(o format) bool { return same(o) && o.mode == theirs.mode })
}

func noFormat(m *sdp.MediaDescription, left error) error {
	err := fmt.Errorf("no common codec (theirs: %s)", nameFormats(m))
	if left != nil {
		first, _, _ := strings.Cut(left.Error(), "\n")
		err = fmt.Errorf("%w: %s", err, first)
	}
	return err
}

// agree finds the profile of our answer, which says what we take, and the one that bounds what we send (RFC 6184 §8.2.2).
// The profile itself is theirs; levels are each side's own if both allow it, else the lower one for both.
func (s *Session) agree(f format) (answer, send H264Profile) {
	ours := s.local.formats("video")[0].profile
	if f.asymmetric {
		return f.profile.withLevel(ours), f.profile
	}
	return f.profile.lower(ours), f.profile.lower(ours)
}

// stream reads what offers and answers have in common.
func (s *Session) stream(l *line, desc *description, m *sdp.MediaDescription, theirs format) (*Stream, error) {
	// Payload types 64 to 95 look like RTCP on a shared port (RFC 5761 §4).
	_, mux := m.Attribute("rtcp-mux")
	mux = mux && (theirs.number < 64 || theirs.number > 95)
	ways, err := s.ways(l, desc, m, mux)
	if err != nil {
		return nil, err
	}
	rtp, rtcp, err := destinations(desc, m, mux, s.local.Address)
	switch {
	case ways != nil && !rtp.IsValid():
		rtp, rtcp = nowhere, nowhere
	case err != nil:
		return nil, err
	}
	if l.mismatch = ways != nil && ways.mismatched(rtp, rtcp, mux); l.mismatch {
		ways = nil
	}
	if l.trickles = ways != nil && s.local.Trickle && trickles(desc); l.trickles {
		l.mid = midOf(m)
	}
	l.kept = ways != nil && ways.same(l.ice)
	l.ice = ways
	theirWish := direction(desc, m)
	st := &Stream{
		Codec: theirs.codec, ClockRate: theirs.clock, SendType: theirs.number, ReceiveType: theirs.number,
		Direction: directionOf(wish.Sends() && theirWish.Receives() && rtp.IsValid(), wish.Receives() && theirWish.Sends()),
		RTP:       rtp, RTCP: rtcp, Mux: mux, ICE: ways, Trickles: l.trickles,
		Repair:    repair(m, theirs.number),
		InBandFEC: theirs.fec, MaxKbps: theirs.most,
	}
	if theirs.codec == H264 || theirs.codec == Opus {
		st.NACK = s.local.NACK && feedback(m, theirs.number, "nack")
	}
	if l.kind == "video" {
		if s.local.Mutual && st.Direction != SendRecv && st.Direction != Inactive {
			st.OneWay, st.Direction = st.Direction, Inactive
		}
		st.PLI, st.FIR = feedback(m, theirs.number, "nack pli"), feedback(m, theirs.number, "ccm fir")
		st.REMB = s.local.Ceilings && feedback(m, theirs.number, "goog-remb")
		st.TMMBR = s.local.Ceilings && feedback(m, theirs.number, "ccm tmmbr")
		st.CCFB = s.local.CCFB && feedback(m, theirs.number, "ack ccfb")
		st.Mode, st.Sets = theirs.mode, theirs.sets
		st.MaxKbps = bandwidth(m.Bandwidth)
		if st.MaxKbps == 0 {
			st.MaxKbps = bandwidth(desc.Bandwidth)
		}
	}
	return st, nil
}

// bandwidth is the limit of TIAS (RFC 3890, bit/s) or AS (RFC 8866 §5.8, kbit/s) in kbit/s, 0 for none.
func bandwidth(lines []sdp.Bandwidth) int {
	const most = 1 << 30
	kbps := uint64(0)
	for _, b := range lines {
		switch b.Type {
		case "TIAS":
			return int(min(b.Bandwidth/1000, most))
		case "AS":
			kbps = b.Bandwidth
		}
	}
	return int(min(kbps, most))
}
