package negotiate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
)

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
	answerFeedback(out, f, stream)
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

// answerFeedback says which feedback was agreed on (RFC 4585 §4.2).
func answerFeedback(out *sdp.MediaDescription, f format, stream *Stream) {
	for _, fb := range []struct {
		agreed bool
		name   string
	}{
		{stream.NACK, "nack"}, {stream.CCFB, "ack ccfb"}, {stream.REMB, "goog-remb"}, {stream.TMMBR, "ccm tmmbr"},
		{stream.PLI, "nack pli"}, {stream.FIR, "ccm fir"},
	} {
		if fb.agreed {
			out.WithValueAttribute("rtcp-fb", fmt.Sprintf("%d %s", f.number, fb.name))
		}
	}
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
