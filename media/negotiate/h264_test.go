package negotiate

import (
	"strings"
	"testing"

	"github.com/pion/sdp/v3"
)

func TestProfileFor(t *testing.T) {
	for _, test := range []struct {
		width, height, fps, kbps int
		want                     string
	}{
		{176, 144, 15, 64, "42e00a"},
		{352, 288, 30, 768, "42e00d"},
		{640, 360, 30, 1000, "42e01e"},
		{640, 480, 30, 0, "42e01e"},
		{1280, 720, 30, 2000, "42e01f"},
		{1280, 720, 30, 15000, "42e020"},
		{1280, 720, 60, 2000, "42e020"},
		{1920, 1080, 30, 4000, "42e028"},
		{1920, 1080, 60, 4000, "42e02a"},
		{4096, 2304, 30, 8000, "42e034"},
		{2048, 64, 15, 100, "42e01f"},  // few macroblocks, but too wide for level 3 (H.264 A.3.1 f)
		{16384, 16384, 1, 1, "42e034"}, // beyond any
	} {
		if got := profileFor(test.width, test.height, test.fps, test.kbps).String(); got != test.want {
			t.Errorf("%dx%d at %d/s, %d kbit/s: %s, want %s", test.width, test.height, test.fps, test.kbps, got, test.want)
		}
	}
}

func TestAllows(t *testing.T) {
	for _, test := range []struct {
		profile                  string
		width, height, fps, kbps int
		want                     bool
	}{
		{"42e01f", 1280, 720, 30, 2000, true},
		{"42e01f", 1280, 720, 31, 2000, false},
		{"42801f", 1920, 1080, 5, 2000, false},
		{"640028", 1920, 1080, 30, 0, true},
		{"42000a", 176, 144, 15, 64, true},
		{"42000a", 176, 144, 15, 65, false},
		{"42f00b", 176, 144, 15, 128, true}, // level 1b
		{"42f00b", 352, 288, 7, 128, false}, // which is below 1.1
		{"64100b", 352, 288, 7, 128, true},  // High has no level 1b by constraint_set3
		{"640009", 176, 144, 15, 128, true}, // but 9
		{"420000", 176, 144, 15, 64, true},  // a level below all counts as the lowest
		{"4200ff", 3840, 2160, 30, 0, true}, // and one above all as the highest
	} {
		p, err := parseProfile(test.profile)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Allows(test.width, test.height, test.fps, test.kbps); got != test.want {
			t.Errorf("%s allows %dx%d at %d/s, %d kbit/s: %v", test.profile, test.width, test.height, test.fps, test.kbps, got)
		}
	}
}

func TestLowerLevel(t *testing.T) {
	for _, test := range []struct{ p, q, want string }{
		{"42801f", "42e01e", "42801e"},
		{"42801e", "42e01f", "42801e"},
		{"42e00b", "42f00b", "42f00b"}, // 1b is lower than 1.1
		{"42f00b", "42e00b", "42f00b"},
		{"42f00b", "42e00a", "42e00a"}, // and higher than 1
		{"64001f", "42e01f", "64001f"},
	} {
		p, _ := parseProfile(test.p)
		q, _ := parseProfile(test.q)
		if got := p.lower(q).String(); got != test.want {
			t.Errorf("%s at most at the level of %s is %s, want %s", test.p, test.q, got, test.want)
		}
	}
}

func TestMaxKbps(t *testing.T) {
	for p, want := range map[H264Profile]int{
		{IDC: 66, Level: 9}:                     128, // 1b
		{IDC: 66, Constraints: 0x10, Level: 11}: 128, // 1b too
		{IDC: 66, Level: 10}:                    64,
		{IDC: 66, Constraints: 0xe0, Level: 31}: 14000,
		{IDC: 66, Level: 52}:                    240000,
	} {
		if got := p.MaxKbps(); got != want {
			t.Errorf("%s: %d kbit/s, want %d", p, got, want)
		}
	}
}

// Whatever was agreed, 1080p is decoded; beyond that the level decides.
func TestDecoderLimits(t *testing.T) {
	for p, want := range map[H264Profile][2]int{
		{}:                   {8192, 32768},
		{IDC: 66, Level: 9}:  {8192, 32768},
		{IDC: 66, Level: 31}: {8192, 32768},
		{IDC: 77, Level: 40}: {8192, 32768},
		{IDC: 66, Level: 42}: {8704, 34816},
		{IDC: 66, Level: 50}: {22080, 110400},
		{IDC: 66, Level: 52}: {36864, 184320},
		{IDC: 66, Level: 99}: {36864, 184320},
	} {
		if picture, kept := p.DecoderLimits(); [2]int{picture, kept} != want {
			t.Errorf("%s: %d and %d macroblocks, want %v", p, picture, kept, want)
		}
	}
}

// A level keeps at least two pictures of its own size, and the table only grows (H.264 table A-1).
func TestLevels(t *testing.T) {
	for i, l := range levels {
		if l.kept < 2*l.perPicture {
			t.Errorf("level %d keeps %d macroblocks, one picture has %d", l.rank, l.kept, l.perPicture)
		}
		if i == 0 {
			continue
		}
		if b := levels[i-1]; l.rank <= b.rank || l.perSecond < b.perSecond || l.perPicture < b.perPicture || l.kept < b.kept || l.maximumKbps < b.maximumKbps {
			t.Errorf("level %d: %+v after %+v", l.rank, l, b)
		}
	}
}

// What cannot be read of sprop-parameter-sets costs neither the rest nor the line.
func TestParameterSets(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "",
		"Z0LAFtoCgL8=,aM48gA==": "\x00\x00\x00\x01\x67\x42\xc0\x16\xda\x02\x80\xbf\x00\x00\x00\x01\x68\xce\x3c\x80",
		" Z0LAFtoCgL8 , aM48gA": "\x00\x00\x00\x01\x67\x42\xc0\x16\xda\x02\x80\xbf\x00\x00\x00\x01\x68\xce\x3c\x80",
		"!,aM48gA==,":           "\x00\x00\x00\x01\x68\xce\x3c\x80",
		"aM48gAAAAAAA,":         "\x00\x00\x00\x01\x68\xce\x3c\x80\x00\x00\x00\x00\x00",
	} {
		m := &sdp.MediaDescription{MediaName: sdp.MediaName{Media: "video", Formats: []string{"97"}}}
		m.WithValueAttribute("rtpmap", "97 H264/90000").WithValueAttribute("fmtp", "97 packetization-mode=1; sprop-parameter-sets="+text+";profile-level-id=42e01f")
		formats, err := readFormats(m)
		if err != nil || len(formats) != 1 {
			t.Fatalf("%q: %v", text, err)
		}
		if f := formats[0]; string(f.sets) != want || f.mode != 1 || f.profile.IDC != baselineIDC || f.profile.Level != 31 {
			t.Errorf("%q: % x, %v", text, f.sets, f.profile)
		}
	}
	if n := len(parameterSets(strings.Repeat(strings.Repeat("aM48", 400)+",", 1000))); n == 0 || n > 2*maxSets {
		t.Errorf("%d bytes are kept", n)
	}
}
