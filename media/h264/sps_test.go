package h264

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"math/bits"
	"strings"
	"testing"
)

// bitWriter writes syntax elements (H.264 §7.2, §9.1).
type bitWriter struct {
	b []byte
	n int
}

func (w *bitWriter) u(n int, v uint64) *bitWriter {
	for n--; n >= 0; n-- {
		if w.n&7 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n>>3] |= byte(v>>n&1) << (7 - w.n&7)
		w.n++
	}
	return w
}

func (w *bitWriter) ue(values ...uint64) *bitWriter {
	for _, v := range values {
		n := bits.Len64(v + 1)
		w.u(n-1, 0).u(n, v+1)
	}
	return w
}

// nal is what was written as a NAL unit, with stop bit and emulation prevention.
func (w *bitWriter) nal(header byte) []byte {
	out, zeros := []byte{header}, 0
	for _, c := range (&bitWriter{append([]byte(nil), w.b...), w.n}).u(1, 1).b {
		if zeros == 2 && c <= 3 {
			out, zeros = append(out, 3), 0
		}
		if zeros++; c != 0 {
			zeros = 0
		}
		out = append(out, c)
	}
	return out
}

// testSPS are the elements of a sequence parameter set that tests change.
type testSPS struct {
	profile, level, id          uint64
	chroma, depth               uint64 // of the high profiles
	scaling                     bool
	cycle                       uint64 // num_ref_frames_in_pic_order_cnt_cycle, with pic_order_cnt_type 1
	refs, width, height         uint64 // in macroblocks
	fields                      bool
	crop                        []uint64
	vui, hrd                    bool
	reorder, buffered, cutAtVUI uint64
}

func (s testSPS) nal() []byte {
	w := new(bitWriter)
	w.u(8, s.profile).u(8, 0).u(8, s.level).ue(s.id)
	if s.profile >= 100 || s.profile == 44 {
		w.ue(s.chroma)
		if s.chroma == 3 {
			w.u(1, 0)
		}
		w.ue(s.depth-8, s.depth-8).u(1, 0)
		if w.u(1, flag(s.scaling)); s.scaling {
			w.u(1, 1).ue(0) // delta_scale 0, fifteen times more
			for range 15 {
				w.ue(0)
			}
			w.u(1, 1).ue(16) // −8: use the default matrix
			for range map[bool]int{true: 10, false: 6}[s.chroma == 3] {
				w.u(1, 0)
			}
		}
	}
	w.ue(0)
	if s.cycle > 0 {
		w.ue(1).u(1, 0).ue(3, 4).ue(s.cycle)
		for range s.cycle {
			w.ue(5)
		}
	} else {
		w.ue(0, 4)
	}
	w.ue(s.refs).u(1, 0).ue(s.width-1, s.height-1)
	if w.u(1, flag(!s.fields)); s.fields {
		w.u(1, 1)
	}
	w.u(1, 1)
	if w.u(1, flag(s.crop != nil)); s.crop != nil {
		w.ue(s.crop...)
	}
	if w.u(1, flag(s.vui)); !s.vui {
		return w.nal(0x67)
	}
	w.u(1, 1).u(8, 255).u(16, 4).u(16, 3)             // sample aspect ratio
	w.u(1, 1).u(1, 0)                                 // overscan
	w.u(1, 1).u(3, 5).u(1, 1).u(1, 1).u(24, 0x010101) // video signal type
	w.u(1, 1).ue(1, 1)                                // chroma location
	w.u(1, 1).u(32, 1).u(32, 50).u(1, 1)              // timing
	for range 2 {
		if w.u(1, flag(s.hrd)); s.hrd {
			w.ue(1).u(8, 0).ue(1000, 2000).u(1, 0).ue(1000, 2000).u(1, 0).u(20, 0)
		}
	}
	if s.hrd {
		w.u(1, 0)
	}
	w.u(1, 0).u(1, 1).u(1, 1).ue(0, 0, 16, 16)
	if s.cutAtVUI > 0 {
		return w.nal(0x67)[:s.cutAtVUI]
	}
	return w.ue(s.reorder, s.buffered).nal(0x67)
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// baseline720 is what most phones send.
func baseline720(change func(s *testSPS)) testSPS {
	s := testSPS{profile: 66, level: 31, refs: 1, width: 80, height: 45}
	if change != nil {
		change(&s)
	}
	return s
}

func TestParseSPS(t *testing.T) {
	for name, c := range map[string]struct {
		nal  []byte
		want SPS
	}{
		"720p":                   {baseline720(nil).nal(), SPS{0, 80, 45, 1, 384}},
		"id 31":                  {baseline720(func(s *testSPS) { s.id = 31 }).nal(), SPS{31, 80, 45, 1, 384}},
		"interlaced":             {baseline720(func(s *testSPS) { s.profile, s.height, s.fields = 77, 23, true }).nal(), SPS{0, 80, 46, 1, 384}},
		"High":                   {testSPS{profile: 100, chroma: 1, depth: 8, refs: 4, width: 120, height: 68, crop: []uint64{0, 0, 0, 4}}.nal(), SPS{0, 120, 68, 4, 384}},
		"High with matrices":     {testSPS{profile: 100, chroma: 1, depth: 8, scaling: true, refs: 4, width: 120, height: 68}.nal(), SPS{0, 120, 68, 4, 384}},
		"4:4:4 with matrices":    {testSPS{profile: 244, chroma: 3, depth: 8, scaling: true, refs: 1, width: 40, height: 23}.nal(), SPS{0, 40, 23, 1, 768}},
		"4:2:2 of 10 bits":       {testSPS{profile: 122, chroma: 2, depth: 10, refs: 1, width: 40, height: 23}.nal(), SPS{0, 40, 23, 1, 1024}},
		"grey":                   {testSPS{profile: 100, chroma: 0, depth: 8, refs: 1, width: 40, height: 23}.nal(), SPS{0, 40, 23, 1, 256}},
		"a long cycle":           {baseline720(func(s *testSPS) { s.cycle = 255 }).nal(), SPS{0, 80, 45, 1, 384}},
		"reordered":              {baseline720(func(s *testSPS) { s.vui, s.reorder, s.buffered = true, 3, 2 }).nal(), SPS{0, 80, 45, 3, 384}},
		"buffered":               {baseline720(func(s *testSPS) { s.vui, s.hrd, s.reorder, s.buffered = true, true, 0, 9 }).nal(), SPS{0, 80, 45, 9, 384}},
		"a VUI that is cut":      {baseline720(func(s *testSPS) { s.vui, s.cutAtVUI = true, 14 }).nal(), SPS{0, 80, 45, 1, 384}},
		"a size beyond any":      {baseline720(func(s *testSPS) { s.width, s.height = 512, 270 }).nal(), SPS{0, 512, 270, 1, 384}},
		"of a phone, 640×360":    {base64SPS(t, "Z0LAFtoCgL/lwFqDAwNSgAAAAwCAAAAPR4sXUA=="), SPS{0, 40, 23, 1, 384}},
		"of x264, 1280×720":      {hexSPS(t, "6742c01fda014016ec0440000003004000000f03c60ca8"), SPS{0, 80, 45, 1, 384}},
		"of a camera, 1920×1080": {hexSPS(t, "67640028acd940780227e5c05a808080a0000003002000000781e30632c0"), SPS{0, 120, 68, 4, 384}},
	} {
		got, err := ParseSPS(c.nal)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v %v, want %+v", name, got, err, c.want)
		}
	}
}

func base64SPS(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func hexSPS(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSPSThatCannotBe(t *testing.T) {
	high := func(change func(s *testSPS)) []byte {
		s := testSPS{profile: 100, chroma: 1, depth: 8, refs: 1, width: 80, height: 45}
		change(&s)
		return s.nal()
	}
	long := append(baseline720(nil).nal(), make([]byte, maxHeader)...)
	for text, nal := range map[string][]byte{
		"it ends too early":                  baseline720(nil).nal()[:6],
		"seq_parameter_set_id is 32":         baseline720(func(s *testSPS) { s.id = 32 }).nal(),
		"its profile is none of":             high(func(s *testSPS) { s.profile = 118 }),
		"chroma_format_idc is 4":             high(func(s *testSPS) { s.chroma = 4 }),
		"bit_depth_luma is 7":                high(func(s *testSPS) { s.depth = 15 }),
		"in_pic_order_cnt_cycle is 256":      baseline720(func(s *testSPS) { s.cycle = 256 }).nal(),
		"1025×45 macroblocks are no picture": baseline720(func(s *testSPS) { s.width = 1025 }).nal(),
		"80×4294967296 macroblocks":          baseline720(func(s *testSPS) { s.height, s.fields = 1<<31, true }).nal(),
		"4294967295×45 macroblocks":          baseline720(func(s *testSPS) { s.width = 1<<32 - 1 }).nal(),
		"a number of more than 32 bits":      baseline720(func(s *testSPS) { s.width = 1 << 33 }).nal(),
		"4294967294 frames are to be kept":   baseline720(func(s *testSPS) { s.refs = 1<<32 - 2 }).nal(),
		"1280×0 pixels are cropped":          baseline720(func(s *testSPS) { s.crop = []uint64{320, 320, 0, 0} }).nal(),
		"0×720 pixels are cropped":           baseline720(func(s *testSPS) { s.crop = []uint64{0, 0, 180, 180} }).nal(),
		"17179869176×17179869176 pixels":     baseline720(func(s *testSPS) { s.crop = []uint64{1<<32 - 2, 1<<32 - 2, 1<<32 - 2, 1<<32 - 2} }).nal(),
		"three bytes in a row":               append(baseline720(nil).nal(), 0, 0, 2, 1),
		"it has more than 1024 bytes":        long,
	} {
		if s, err := ParseSPS(nal); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%+v %v, want %q", s, err, text)
		}
	}
	if _, err := ParseSPS(nil); !errors.Is(err, errShort) {
		t.Errorf("nothing: %v", err)
	}
	whole := baseline720(func(s *testSPS) { s.vui, s.hrd, s.buffered = true, true, 4 }).nal()
	for n := range whole {
		if s, err := ParseSPS(whole[:n]); err == nil && (s.Width != 80 || s.Height != 45) {
			t.Errorf("cut to %d bytes it is %+v", n, s)
		}
	}
}

// Limits of level 4.0.
var level40 = Limits{Picture: 8192, Kept: 32768}

func TestWithin(t *testing.T) {
	for name, c := range map[string]struct {
		s    SPS
		text string
	}{
		"1080p":                {SPS{0, 120, 68, 4, 384}, ""},
		"1080p upright":        {SPS{0, 68, 120, 4, 384}, ""},
		"1080p, 5 references":  {SPS{0, 120, 68, 5, 384}, "5 frames of 1920×1088 pixels are to be kept, at most 4 are"},
		"720p, 9 references":   {SPS{0, 80, 45, 9, 384}, ""},
		"720p, 10 references":  {SPS{0, 80, 45, 10, 384}, "10 frames"},
		"small, 16 references": {SPS{0, 20, 12, 16, 384}, ""},
		"small, 17 references": {SPS{0, 20, 12, 17, 384}, "17 frames of 320×192 pixels are to be kept, at most 16 are"},
		"1200 rows":            {SPS{0, 120, 75, 1, 384}, "pictures of 1920×1200 pixels weigh 9000 macroblocks, at most 8192 are taken"},
		"8K":                   {SPS{0, 512, 270, 16, 384}, "pictures of 8192×4320 pixels weigh 138240 macroblocks"},
		"a line":               {SPS{0, 257, 1, 1, 384}, "pictures of 4112×16 pixels"},
		"a column":             {SPS{0, 1, 257, 1, 384}, "pictures of 16×4112 pixels"},
		"1080p of 4:4:4":       {SPS{0, 120, 68, 1, 768}, "weigh 16320 macroblocks"},
		"720p of 10 bits":      {SPS{0, 80, 45, 4, 768}, ""},
		"720p of 10 bits, 5":   {SPS{0, 80, 45, 5, 768}, "5 frames"},
		"the largest there is": {SPS{0, mostSide, mostSide, 1000, 1536}, "weigh 4194304 macroblocks"},
	} {
		err := c.s.Within(level40)
		if (err == nil) != (c.text == "") || err != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %q", name, err, c.text)
		}
	}
}

func FuzzSPS(f *testing.F) {
	f.Add(baseline720(nil).nal())
	f.Add(baseline720(func(s *testSPS) { s.vui, s.hrd, s.buffered = true, true, 4 }).nal())
	f.Add(testSPS{profile: 244, chroma: 3, depth: 8, scaling: true, refs: 1, width: 40, height: 23}.nal())
	f.Fuzz(func(t *testing.T, nal []byte) {
		s, err := ParseSPS(nal)
		if err != nil {
			return
		}
		if s.ID < 0 || s.ID >= maxSPS || s.Width < 1 || s.Height < 1 || s.Width > mostSide || s.Height > mostSide || s.Frames < 0 {
			t.Errorf("%+v", s)
		}
		if s.Within(level40) == nil && (s.Width*s.Height > 8192 || s.Frames > 16) && s.Bytes >= 384 {
			t.Errorf("within level 4: %+v", s)
		}
	})
}
