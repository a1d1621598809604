package negotiate

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// events is telephone-event (RFC 4733), which rides beside an audio codec of the same clock.
const events Codec = "telephone-event"

// rtx is the retransmissions of another format, which its fmtp names (RFC 4588 §8.1).
const rtx Codec = "rtx"

// red is packets with copies of earlier frames in them, of another format, which its fmtp names (RFC 2198).
const red Codec = "red"

// flexfec is repair packets for a picture (RFC 8627).
const flexfec Codec = "flexfec"

// repairWindow is how long after a packet those may come that repair it, in microseconds (RFC 8627 §5.1.1).
const repairWindow = 200_000

// leastOpus is the least that maxaveragebitrate may be, in bit/s (RFC 7587 §6.1).
const leastOpus = 6000

// format is one payload type of an m-line: what rtpmap and fmtp say of it.
type format struct {
	number uint8
	codec  Codec
	clock  uint32

	// H.264 only (RFC 6184 §8.1).
	mode       int
	profile    H264Profile
	asymmetric bool   // level-asymmetry-allowed
	sets       []byte // see Stream.Sets

	// Opus only (RFC 7587 §6.1).
	fec  bool // useinbandfec
	most int  // maxaveragebitrate, kbit/s; 0 for none

	apt uint8 // rtx and red: the payload type that it repairs, or carries
}

// key names what a payload type stands for, to keep its number through a session.
func (f format) key() string {
	return fmt.Sprintf("%s/%d/%d/%d", f.codec, f.clock, f.mode, f.apt)
}

// formats are ours of a kind of m-line, the best first, with the payload types that we give them where we are free to.
func (l *Local) formats(kind string) []format {
	if kind == "video" {
		p := profileFor(l.Width, l.Height, l.FPS, l.MaxKbps)
		return []format{
			{number: 97, codec: H264, clock: 90000, mode: 1, profile: p, asymmetric: true},
			{number: 98, codec: H264, clock: 90000, mode: 0, profile: p, asymmetric: true},
		}
	}
	return []format{
		{number: 96, codec: Opus, clock: 48000},
		{number: 9, codec: G722, clock: 8000},
		{number: 0, codec: PCMU, clock: 8000},
		{number: 8, codec: PCMA, clock: 8000},
		{number: 100, codec: events, clock: 48000},
		{number: 101, codec: events, clock: 8000},
	}
}

// rtpmap is the value of a=rtpmap after the payload type.
func (f format) rtpmap() string {
	s := string(f.codec) + "/" + strconv.Itoa(int(f.clock))
	if f.codec == Opus || f.codec == red {
		s += "/2" // always, whatever is sent (RFC 7587 §7)
	}
	return s
}

// fmtp is the value of a=fmtp after the payload type, or empty.
func (f format) fmtp() string {
	switch f.codec {
	case events:
		return "0-15"
	case rtx:
		return "apt=" + strconv.Itoa(int(f.apt))
	case red:
		return fmt.Sprintf("%d/%d", f.apt, f.apt)
	case flexfec:
		return "repair-window=" + strconv.Itoa(repairWindow)
	case H264:
		s := fmt.Sprintf("profile-level-id=%s;packetization-mode=%d", f.profile, f.mode)
		if f.asymmetric {
			s += ";level-asymmetry-allowed=1"
		}
		return s
	}
	return ""
}

// readFormats reads the payload types of an m-line that we know, in the other side's order. The error says why the others
// were left out; it matters only if none of the rest will do.
func readFormats(m *sdp.MediaDescription) ([]format, error) {
	var found []format
	var left []error
	for _, text := range m.MediaName.Formats {
		n, err := strconv.ParseUint(text, 10, 8)
		if err != nil || n > 127 {
			left = append(left, fmt.Errorf("payload type %q is not a number from 0 to 127", shorten(text)))
			continue
		}
		f, err := readFormat(m, uint8(n))
		if err != nil {
			left = append(left, fmt.Errorf("payload type %d: %w", n, err))
			continue
		}
		found = append(found, f)
	}
	return found, errors.Join(left...)
}

func readFormat(m *sdp.MediaDescription, number uint8) (format, error) {
	encoding, found := payloadAttribute(m, "rtpmap", number)
	if !found {
		encoding = static(number)
	}
	if encoding == "" {
		return format{}, errors.New("no a=rtpmap")
	}
	name, rest, _ := strings.Cut(encoding, "/")
	clock, channels, _ := strings.Cut(rest, "/")
	if name == "" || len(strings.Fields(encoding)) != 1 {
		return format{}, fmt.Errorf("a=rtpmap %q wants name/clock", shorten(encoding))
	}
	for _, known := range known {
		if !strings.EqualFold(name, string(known.codec)) || clock != strconv.Itoa(int(known.clock)) {
			continue
		}
		if channels != "" && channels != "1" && known.codec != Opus && known.codec != red {
			continue
		}
		known.number = number
		switch known.codec {
		case H264:
			return readH264(m, known)
		case Opus:
			return readOpus(m, known), nil
		case red:
			return readRED(m, known)
		}
		return known, nil
	}
	return format{}, fmt.Errorf("%s is not one of ours", shorten(encoding))
}

// readH264 fills in what fmtp says: no packetization-mode is 0, no profile-level-id is 420010 (RFC 6184 §8.1).
func readH264(m *sdp.MediaDescription, f format) (format, error) {
	f.profile = defaultProfile
	text, _ := payloadAttribute(m, "fmtp", f.number)
	for parameter := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(parameter, "=")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "packetization-mode":
			if value != "0" && value != "1" {
				return f, fmt.Errorf("packetization-mode %s is not 0 or 1", shorten(value))
			}
			f.mode = int(value[0] - '0')
		case "profile-level-id":
			var err error
			if f.profile, err = parseProfile(value); err != nil {
				return f, err
			}
		case "level-asymmetry-allowed":
			f.asymmetric = value == "1"
		case "sprop-parameter-sets":
			f.sets = parameterSets(value)
		}
	}
	if !f.profile.decodable() {
		return f, fmt.Errorf("profile %s does not include Constrained Baseline", f.profile)
	}
	return f, nil
}

// readOpus fills in what fmtp says of what the other side would have; what it says otherwise, of what it sends too, binds nobody.
func readOpus(m *sdp.MediaDescription, f format) format {
	text, _ := payloadAttribute(m, "fmtp", f.number)
	for parameter := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(parameter, "=")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "useinbandfec":
			f.fec = value == "1"
		case "maxaveragebitrate":
			if bits, err := strconv.ParseUint(value, 10, 32); err == nil && bits >= leastOpus {
				f.most = int(bits / 1000)
			}
		}
	}
	return f
}

// readRED fills in what it carries: one format, in all places of a packet.
func readRED(m *sdp.MediaDescription, f format) (format, error) {
	text, _ := payloadAttribute(m, "fmtp", f.number)
	for i, part := range strings.Split(text, "/") {
		n, err := strconv.ParseUint(strings.TrimSpace(part), 10, 7)
		if err != nil || i > 0 && uint8(n) != f.apt {
			return f, fmt.Errorf("a=fmtp %q is not one payload type, repeated", shorten(text))
		}
		f.apt = uint8(n)
	}
	return f, nil
}

// static is the rtpmap of the payload types of RFC 3551 §6 that need none, or empty.
func static(number uint8) string {
	switch number {
	case 0:
		return "PCMU/8000"
	case 8:
		return "PCMA/8000"
	case 9:
		return "G722/8000"
	}
	return ""
}

// known are the formats that are read, by name and clock.
var known = [...]format{
	{codec: Opus, clock: 48000}, {codec: G722, clock: 8000}, {codec: PCMU, clock: 8000}, {codec: PCMA, clock: 8000},
	{codec: events, clock: 48000}, {codec: events, clock: 8000}, {codec: H264, clock: 90000},
	{codec: red, clock: 48000}, {codec: flexfec, clock: 90000},
}

// payloadAttribute finds the value of an attribute that begins with a payload type, such as rtpmap or fmtp.
func payloadAttribute(m *sdp.MediaDescription, key string, number uint8) (string, bool) {
	for _, a := range m.Attributes {
		if a.Key != key {
			continue
		}
		payload, value, _ := strings.Cut(a.Value, " ")
		if n, err := strconv.ParseUint(payload, 10, 8); err == nil && n == uint64(number) {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

// feedback says whether a=rtcp-fb allows kind for a payload type (RFC 4585 §4.2).
func feedback(m *sdp.MediaDescription, number uint8, kind string) bool {
	for _, a := range m.Attributes {
		if a.Key != "rtcp-fb" {
			continue
		}
		f := strings.Fields(a.Value)
		if len(f) == 0 || f[0] != "*" && f[0] != strconv.Itoa(int(number)) {
			continue
		}
		if n := len(f) - 1; strings.HasPrefix(f[n], "smaxpr=") { // of tmmbr (RFC 5104 §7.1), and of no use to us
			f = f[:n]
		}
		if strings.EqualFold(strings.Join(f[1:], " "), kind) {
			return true
		}
	}
	return false
}

// repair reads what the other side says of its retransmissions of a payload type: the one whose fmtp has apt (RFC 4588
// §8.1), and the second SSRC of a flow (RFC 5576 §4.2). Nobody has to accept them, and some send them regardless.
func repair(m *sdp.MediaDescription, number uint8) Repair {
	var r Repair
	for _, a := range m.Attributes {
		payload, value, _ := strings.Cut(a.Value, " ")
		switch a.Key {
		case "rtpmap":
			n, err := strconv.ParseUint(payload, 10, 7)
			encoding, _, _ := strings.Cut(strings.TrimSpace(value), "/")
			if err == nil && strings.EqualFold(encoding, "rtx") && apt(m, uint8(n)) == int(number) {
				r.Type = uint8(n)
			}
		case "ssrc-group":
			f := strings.Fields(a.Value)
			if len(f) < 3 || !strings.EqualFold(f[0], "FID") {
				continue
			}
			if ssrc, err := strconv.ParseUint(f[2], 10, 32); err == nil {
				r.SSRC = uint32(ssrc)
			}
		}
	}
	return r
}

// apt is the payload type that another one repairs, -1 for none.
func apt(m *sdp.MediaDescription, number uint8) int {
	text, _ := payloadAttribute(m, "fmtp", number)
	for parameter := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(parameter, "=")
		if n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 7); err == nil && strings.TrimSpace(name) == "apt" {
			return int(n)
		}
	}
	return -1
}

// choose picks what to answer. Sound: ours by quality, G.711 in the other side's order. All of them were offered, so all may
// be chosen (RFC 3264 §6.1); across a room wideband is worth more than the order that a phone came with.
// Picture: packetization-mode 1, then Baseline, then the other side's order.
func choose(offered []format) (format, bool) {
	best, worth := format{}, 0
	for _, f := range offered {
		w := 0
		switch f.codec {
		case Opus:
			w = 3
		case G722:
			w = 2
		case PCMU, PCMA:
			w = 1
		case H264:
			w = 1 + 2*f.mode
			if f.profile.IDC == baselineIDC {
				w++
			}
		}
		if w > worth {
			best, worth = f, w
		}
	}
	return best, worth > 0
}

// eventsFor finds telephone-event with the clock of an audio format; another clock would tear its timestamps (RFC 4733 §2.1).
func eventsFor(f format, among []format) (format, bool) {
	for _, e := range among {
		if e.codec == events && e.clock == f.clock {
			return e, true
		}
	}
	return format{}, false
}

// redFor finds the packets that carry copies of an audio format's frames. Payload types 64 to 95 look like RTCP (RFC 5761 §4).
func redFor(f format, among []format) (format, bool) {
	for _, r := range among {
		if r.codec == red && f.codec == Opus && r.apt == f.number && (r.number < 64 || r.number > 95) {
			return r, true
		}
	}
	return format{}, false
}

// flexfecFor finds the repair packets for a picture. Payload types 64 to 95 look like RTCP (RFC 5761 §4).
func flexfecFor(among []format) (format, bool) {
	for _, r := range among {
		if r.codec == flexfec && (r.number < 64 || r.number > 95) {
			return r, true
		}
	}
	return format{}, false
}

// nameFormats lists an m-line's payload types for an error message.
func nameFormats(m *sdp.MediaDescription) string {
	var names []string
	for _, text := range m.MediaName.Formats {
		name := text
		if n, err := strconv.ParseUint(text, 10, 8); err == nil {
			if value, found := payloadAttribute(m, "rtpmap", uint8(n)); found {
				name = value
			} else if s := static(uint8(n)); s != "" {
				name = s
			}
		}
		names = append(names, name)
	}
	return shorten(strings.Join(names, ", "))
}
