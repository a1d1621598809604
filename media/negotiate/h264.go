package negotiate

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// baselineIDC is the profile_idc of Baseline; with constraint_set1 it is Constrained Baseline, which is what we send.
const baselineIDC = 66

// constraintSet3 makes level_idc 11 mean level 1b in the profiles that know it (H.264 A.3.1).
const constraintSet3 = 0x10

// defaultProfile is what a missing profile-level-id means (RFC 6184 §8.1): Baseline, level 1.
var defaultProfile = H264Profile{IDC: baselineIDC, Level: 10}

// String writes the profile as profile-level-id does.
func (p H264Profile) String() string {
	return fmt.Sprintf("%02x%02x%02x", p.IDC, p.Constraints, p.Level)
}

func parseProfile(text string) (H264Profile, error) {
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != 3 {
		return H264Profile{}, fmt.Errorf("profile-level-id %q is not six hexadecimal digits", shorten(text))
	}
	return H264Profile{IDC: b[0], Constraints: b[1], Level: b[2]}, nil
}

// maxSets bounds what is kept of sprop-parameter-sets, in bytes: more than a picture's sets ever have.
const maxSets = 4096

// parameterSets reads sprop-parameter-sets (RFC 6184 §8.1), base64 between commas, into a byte stream with start codes
// (H.264 annex B). The sets may come in the stream too: what cannot be read here is left out.
func parameterSets(text string) (stream []byte) {
	for set := range strings.SplitSeq(text, ",") {
		nal, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(set), "="))
		if err != nil || len(nal) == 0 || len(stream)+len(nal) > maxSets {
			continue
		}
		stream = append(append(stream, 0, 0, 0, 1), nal...)
	}
	return stream
}

// decodable says whether every decoder of the profile shows Constrained Baseline, the profile of our encoders:
// Baseline, Main, Extended and High are supersets of it (H.264 A.2), and of those that phones name they are all.
func (p H264Profile) decodable() bool {
	switch p.IDC {
	case baselineIDC, 77, 88, 100:
		return true
	}
	return false
}

// rank orders levels by meaning: ten times the level, with 1b between 1 and 1.1.
func (p H264Profile) rank() int {
	switch {
	case p.Level == 9, p.Level == 11 && p.Constraints&constraintSet3 != 0 && p.IDC != 100:
		return 105
	}
	return int(p.Level) * 10
}

// withLevel is the profile at another profile's level, 1b included.
func (p H264Profile) withLevel(of H264Profile) H264Profile {
	p.Constraints = p.Constraints&^constraintSet3 | of.Constraints&constraintSet3
	p.Level = of.Level
	return p
}

// lower is p, or p at the level of q if that is lower.
func (p H264Profile) lower(q H264Profile) H264Profile {
	if q.rank() < p.rank() {
		return p.withLevel(q)
	}
	return p
}

// Allows says whether a decoder of the profile's level takes pictures of the given size, rate and kbit/s
// (H.264 table A-1). kbps 0 leaves the bitrate out.
func (p H264Profile) Allows(width, height, fps, kbps int) bool {
	return p.limit().allows(width, height, fps, kbps)
}

// MaxKbps is the highest bitrate of the profile's level in kbit/s (H.264 table A-1).
func (p H264Profile) MaxKbps() int { return p.limit().maximumKbps }

// leastLevel is what we decode whatever was agreed: 1080p. Many phones send that at any level.
var leastLevel = H264Profile{IDC: baselineIDC, Level: 40}

// DecoderLimits says what memory a decoder needs for streams of the profile's level, or of level 4 if that is higher, in
// macroblocks (H.264 table A-1): for one picture (MaxFS), and for all that it keeps (MaxDpbMbs).
func (p H264Profile) DecoderLimits() (picture, kept int) {
	l, least := p.limit(), leastLevel.limit()
	return max(l.perPicture, least.perPicture), max(l.kept, least.kept)
}

// limit is the row of the profile's level, or of the next lower one that the table has.
func (p H264Profile) limit() level {
	limit := levels[0]
	for _, l := range levels {
		if l.rank <= p.rank() {
			limit = l
		}
	}
	return limit
}

// profileFor is Constrained Baseline at the lowest level that allows the picture; 5.2 if none does.
func profileFor(width, height, fps, kbps int) H264Profile {
	p := H264Profile{IDC: baselineIDC, Constraints: 0xe0}
	for _, l := range levels {
		if l.rank == 105 {
			continue // 1b saves nothing and is often misread
		}
		p.Level = uint8(l.rank / 10)
		if l.allows(width, height, fps, kbps) {
			break
		}
	}
	return p
}

// level is a row of H.264 table A-1.
type level struct {
	rank        int // see H264Profile.rank
	perSecond   int // macroblocks
	perPicture  int // macroblocks
	kept        int // macroblocks of all pictures that a decoder keeps (MaxDpbMbs)
	maximumKbps int
}

func (l level) allows(width, height, fps, kbps int) bool {
	w, h := (width+15)/16, (height+15)/16
	return w*h <= l.perPicture && w*h*fps <= l.perSecond && kbps <= l.maximumKbps &&
		w*w <= 8*l.perPicture && h*h <= 8*l.perPicture
}

var levels = [...]level{
	{100, 1485, 99, 396, 64}, {105, 1485, 99, 396, 128}, {110, 3000, 396, 900, 192}, {120, 6000, 396, 2376, 384}, {130, 11880, 396, 2376, 768},
	{200, 11880, 396, 2376, 2000}, {210, 19800, 792, 4752, 4000}, {220, 20250, 1620, 8100, 4000},
	{300, 40500, 1620, 8100, 10000}, {310, 108000, 3600, 18000, 14000}, {320, 216000, 5120, 20480, 20000},
	{400, 245760, 8192, 32768, 20000}, {410, 245760, 8192, 32768, 50000}, {420, 522240, 8704, 34816, 50000},
	{500, 589824, 22080, 110400, 135000}, {510, 983040, 36864, 184320, 240000}, {520, 2073600, 36864, 184320, 240000},
}
