package window

import (
	"net/netip"
	"testing"

	"ewindow/media/engine"
	"ewindow/media/negotiate"
)

// What we send is never more than the other side's decoder takes (H.264 table A-1), and no less than it must be.
func TestPicturesFitTheOtherSidesDecoder(t *testing.T) {
	baseline := func(level uint8) negotiate.H264Profile {
		return negotiate.H264Profile{IDC: 66, Constraints: 0xe0, Level: level}
	}
	hd := engine.VideoFormat{Width: 1280, Height: 720, FPS: 30, Kbps: 2000}
	full := engine.VideoFormat{Width: 1920, Height: 1080, FPS: 30, Kbps: 4000}
	for name, c := range map[string]struct {
		want   engine.VideoFormat
		theirs negotiate.Stream
		get    engine.VideoFormat
	}{
		"baresip, level 3.1":         {hd, negotiate.Stream{Mode: 1, Profile: baseline(31)}, hd},
		"level 4":                    {full, negotiate.Stream{Mode: 1, Profile: baseline(40)}, full},
		"full HD for level 3.1":      {full, negotiate.Stream{Mode: 1, Profile: baseline(31)}, engine.VideoFormat{Width: 960, Height: 540, FPS: 30, Kbps: 4000}},
		"60 a second for level 4":    {engine.VideoFormat{Width: 1920, Height: 1080, FPS: 60, Kbps: 4000}, negotiate.Stream{Mode: 1, Profile: baseline(40)}, full},
		"level 3":                    {hd, negotiate.Stream{Mode: 1, Profile: baseline(30)}, engine.VideoFormat{Width: 640, Height: 360, FPS: 30, Kbps: 2000}},
		"level 1.3 and its bitrate":  {hd, negotiate.Stream{Mode: 1, Profile: baseline(13)}, engine.VideoFormat{Width: 320, Height: 180, FPS: 30, Kbps: 768}},
		"level 1.2: fewer a second":  {hd, negotiate.Stream{Mode: 1, Profile: baseline(12)}, engine.VideoFormat{Width: 320, Height: 180, FPS: 25, Kbps: 384}},
		"level 1, said aloud":        {hd, negotiate.Stream{Mode: 1, Profile: baseline(10)}, engine.VideoFormat{Width: 160, Height: 90, FPS: 24, Kbps: 64}},
		"no profile-level-id":        {hd, negotiate.Stream{Mode: 1, Profile: unnamed}, engine.VideoFormat{Width: 640, Height: 360, FPS: 30, Kbps: 2000}},
		"b=AS":                       {hd, negotiate.Stream{Mode: 1, Profile: baseline(31), MaxKbps: 500}, engine.VideoFormat{Width: 1280, Height: 720, FPS: 30, Kbps: 500}},
		"packetization-mode 0":       {hd, negotiate.Stream{Profile: baseline(31)}, engine.VideoFormat{Width: 1280, Height: 720, FPS: 30, Kbps: 2000, MaxSlice: maxSlice}},
		"an odd size is made whole":  {engine.VideoFormat{Width: 848, Height: 478, FPS: 30, Kbps: 900}, negotiate.Stream{Mode: 1, Profile: baseline(21)}, engine.VideoFormat{Width: 416, Height: 238, FPS: 30, Kbps: 900}},
		"a small picture stays so":   {engine.VideoFormat{Width: 320, Height: 180, FPS: 15, Kbps: 200}, negotiate.Stream{Mode: 1, Profile: baseline(31)}, engine.VideoFormat{Width: 320, Height: 180, FPS: 15, Kbps: 200}},
		"High of a phone, level 1.1": {hd, negotiate.Stream{Mode: 1, Profile: negotiate.H264Profile{IDC: 100, Level: 11}}, engine.VideoFormat{Width: 160, Height: 90, FPS: 30, Kbps: 192}},
	} {
		c.theirs.Direction = negotiate.SendRecv
		if f := formats(c.want, negotiate.Description{Video: &c.theirs}); f.Video != c.get {
			t.Errorf("%s: %+v, want %+v", name, f.Video, c.get)
		}
	}
}

// Whatever is asked of whom, something is sent, and it is allowed.
func TestEveryLevelTakesSomething(t *testing.T) {
	for _, size := range [][2]int{{160, 90}, {640, 480}, {1280, 720}, {1920, 1088}} {
		for _, fps := range []int{1, 30, 60} {
			for level := 9; level <= 52; level++ {
				p := negotiate.H264Profile{IDC: 66, Constraints: 0xe0, Level: uint8(level)}
				v := pictures(engine.VideoFormat{Width: size[0], Height: size[1], FPS: fps, Kbps: 20000}, &negotiate.Stream{Mode: 1, Profile: p})
				if v.Width < 64 || v.Height < 40 || 2*v.FPS < fps || !p.Allows(v.Width, v.Height, v.FPS, v.Kbps) {
					t.Errorf("%v at %d for level %d: %+v", size, fps, level, v)
				}
			}
		}
	}
}

// The default of a silent side is read from SDP as we know it here.
func TestUnnamedProfileIsWhatNegotiateMeans(t *testing.T) {
	offer := "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n" +
		"m=video 4002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;level-asymmetry-allowed=1\r\n"
	s, err := negotiate.NewSession(negotiate.Local{Address: netip.MustParseAddr("192.0.2.9"), AudioRTP: 5000, AudioRTCP: 5001, VideoRTP: 5002, VideoRTCP: 5003,
		Width: 1280, Height: 720, FPS: 30, MaxKbps: 2000}, negotiate.None)
	if err != nil {
		t.Fatal(err)
	}
	_, d, err := s.Answer([]byte(offer))
	if err != nil || d.Video == nil {
		t.Fatalf("%+v, %v", d, err)
	}
	if d.Video.Profile != unnamed {
		t.Errorf("profile %s, want %s", d.Video.Profile, unnamed)
	}
}

func TestNoPicturesWhereNoneAreWanted(t *testing.T) {
	hd := engine.VideoFormat{Width: 1280, Height: 720, FPS: 30, Kbps: 2000}
	for name, d := range map[string]negotiate.Description{
		"no video":   {Audio: &negotiate.Stream{Codec: negotiate.G722, Direction: negotiate.SendRecv}},
		"they don't": {Audio: &negotiate.Stream{Codec: negotiate.G722}, Video: &negotiate.Stream{Direction: negotiate.RecvOnly}},
	} {
		if f := formats(hd, d); f.Video != (engine.VideoFormat{}) || f.Audio.Codec != "G722" {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// Phones get sound as they say that they want it: with in-band FEC, unless they take copies, and within their bitrate.
func TestSoundThatPhonesWant(t *testing.T) {
	for name, c := range map[string]struct {
		theirs negotiate.Stream
		want   engine.AudioFormat
	}{
		"a window":              {negotiate.Stream{Codec: negotiate.Opus, SendRED: 63}, engine.AudioFormat{Codec: "opus", Kbps: 32}},
		"in-band FEC":           {negotiate.Stream{Codec: negotiate.Opus, InBandFEC: true}, engine.AudioFormat{Codec: "opus", Kbps: 32, FEC: true}},
		"in-band FEC or copies": {negotiate.Stream{Codec: negotiate.Opus, InBandFEC: true, SendRED: 63}, engine.AudioFormat{Codec: "opus", Kbps: 32}},
		"at most 16 kbit/s":     {negotiate.Stream{Codec: negotiate.Opus, MaxKbps: 16}, engine.AudioFormat{Codec: "opus", Kbps: 16}},
		"as much as there is":   {negotiate.Stream{Codec: negotiate.Opus, MaxKbps: 510}, engine.AudioFormat{Codec: "opus", Kbps: 32}},
		"PCMU":                  {negotiate.Stream{Codec: negotiate.PCMU}, engine.AudioFormat{Codec: "PCMU", Kbps: 32}},
	} {
		if f := formats(engine.VideoFormat{}, negotiate.Description{Audio: &c.theirs}); f.Audio != c.want {
			t.Errorf("%s: %+v, want %+v", name, f.Audio, c.want)
		}
	}
}
