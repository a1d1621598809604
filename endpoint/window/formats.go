package window

import (
	"fmt"

	"ewindow/media/engine"
	"ewindow/media/negotiate"
)

// maxSlice is how large a NAL unit may be in packetization-mode 0, where it must fit one packet.
const maxSlice = 1100

// opusKbps is the bitrate of our sound in Opus; the other codecs know only their own.
const opusKbps = 32

// What an offer or answer without profile-level-id means, and what we send all the same. By RFC 6184 §8.1 it is Baseline
// level 1: 176x144 at 64 kbit/s. Nobody builds such decoders any more; phones that leave it out commonly take a
// television picture (level 3).
var (
	unnamed  = negotiate.H264Profile{IDC: 66, Level: 10}
	believed = negotiate.H264Profile{IDC: 66, Level: 30}
)

// formats is what the devices should make for a call: at best what the window's file wants.
func formats(want engine.VideoFormat, d negotiate.Description) (f engine.Formats) {
	if d.Video != nil && d.Video.Direction.Sends() {
		f.Video = pictures(want, d.Video)
	}
	if d.Audio != nil {
		f.Audio = sound(d.Audio)
	}
	return f
}

// sound is what the other side wants of our sound. Who takes copies (RFC 2198) needs no other redundancy.
func sound(s *negotiate.Stream) engine.AudioFormat {
	f := engine.AudioFormat{Codec: string(s.Codec), Kbps: opusKbps}
	if s.Codec == negotiate.Opus {
		f.FEC = s.InBandFEC && s.SendRED == 0
		if s.MaxKbps > 0 {
			f.Kbps = min(f.Kbps, s.MaxKbps)
		}
	}
	return f
}

// inWords is a format for people, "" for none.
func inWords(f engine.VideoFormat) string {
	if f == (engine.VideoFormat{}) {
		return ""
	}
	return fmt.Sprintf("%d×%d at %d/s", f.Width, f.Height, f.FPS)
}

// pictures is the largest format that the other side's decoder takes: the wanted size, or a half, a quarter … of its
// width and height. Before a size is given up, up to half of its pictures a second are.
func pictures(want engine.VideoFormat, s *negotiate.Stream) engine.VideoFormat {
	profile := s.Profile
	if profile == unnamed {
		profile = believed
	}
	v := want
	v.Kbps = min(v.Kbps, profile.MaxKbps())
	if s.MaxKbps > 0 {
		v.Kbps = min(v.Kbps, s.MaxKbps)
	}
	if s.Mode == 0 {
		v.MaxSlice = maxSlice
	}
	for part := 1; part <= 16; part *= 2 {
		v.Width, v.Height = want.Width/part&^15, want.Height/part&^1 // whole macroblocks across, as encoders like them
		for v.FPS = want.FPS; 2*v.FPS >= want.FPS; v.FPS-- {
			if profile.Allows(v.Width, v.Height, v.FPS, v.Kbps) {
				return v
			}
		}
	}
	return engine.VideoFormat{} // no level takes less than a sixteenth of what window.hcl can ask for
}
