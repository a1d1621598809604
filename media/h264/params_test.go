package h264

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func spsOf(id, width, height, refs uint64) []byte {
	return testSPS{profile: 66, level: 31, id: id, refs: refs, width: width, height: height}.nal()
}

func ppsOf(id, sps uint64) []byte { return new(bitWriter).ue(id, sps).u(2, 0).ue(0, 0, 0).nal(0x68) }

// slice depends on a picture parameter set; n tells slices apart.
func slice(header byte, pps uint64, n int) []byte {
	return append(new(bitWriter).ue(0, 7, pps).u(16, 0xffff).nal(header), byte(n)|1)
}

var (
	good = spsOf(0, 80, 45, 1)
	pps0 = ppsOf(0, 0)
	idr0 = slice(0x65, 0, 1)
	p0   = slice(0x41, 0, 3)
)

// names says what NAL units an access unit has, by the tests' own names for them.
func names(au []byte, of map[string][]byte) string {
	var out []string
	for nal := range NALs(au) {
		name := fmt.Sprintf("% x", nal)
		for n, b := range of {
			if bytes.Equal(b, nal) {
				name = n
			}
		}
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

func TestParametersGiveTheDecoderWhatAKeyframeNeeds(t *testing.T) {
	nals := map[string][]byte{
		"S0": good, "S0'": spsOf(0, 40, 23, 1), "S1": spsOf(1, 40, 23, 1), "P0": pps0, "P0'": append(bytes.Clone(pps0), 5), "P1": ppsOf(1, 0), "P2": ppsOf(2, 1), "P3": ppsOf(3, 7),
		"I0": idr0, "I1": slice(0x65, 1, 1), "I2": slice(0x65, 2, 1), "p0": p0, "p1": slice(0x41, 1, 3), "p2": slice(0x41, 2, 3), "p3": slice(0x41, 3, 3), "p9": slice(0x41, 9, 3),
		"aud": {0x09, 0x10}, "sei": {0x06, 5, 1, 7, 0x80}, "end": {0x0a}, "subset": {0x6f, 0x53, 0, 0x1f, 0xff}, "part": {0x42, 0xff, 0xff}, "SX": {0x67, 66, 0x80},
	}
	for name, steps := range map[string][][2]string{
		"sets with each keyframe":          {{"S0 P0 I0", "="}, {"p0", "="}, {"aud S0 P0 sei I0 I0", "="}, {"aud sei p0 p0", "="}},
		"sets before the keyframe":         {{"S0 P0", ""}, {"I0", "S0 P0 I0"}, {"p0", "="}, {"I0", "S0 P0 I0"}},
		"nothing before":                   {{"I0", "none"}, {"S0", ""}, {"I0", "none"}, {"p0", "none"}},
		"no keyframe yet":                  {{"S0 P0 p0", "none"}, {"p0", "none"}},
		"a set between slices":             {{"S0 P0 I0 S0 P0 I0", "S0 P0 I0 I0"}},
		"sets behind the slice":            {{"I0 S0 P0", "S0 P0 I0"}},
		"a second PPS, sent seldom":        {{"S0 P0 P1 I0", "="}, {"p1", "="}, {"S0 P1 I1", "S0 P0 P1 I1"}, {"p0", "="}},
		"a second PPS, never used":         {{"S0 P0 P1 I0", "="}, {"S0 P0 I0", "="}, {"p1", "none"}},
		"PPS that comes later":             {{"S0 P0 I0", "="}, {"P1 p1", "="}, {"p1", "="}},
		"PPS of another number, unused":    {{"S0 P0 P3 I0", "S0 P0 I0"}},
		"another SPS that nobody uses":     {{"S0 S1 P0 P2 I0", "S0 P0 I0"}, {"S1 P2 p0", "p0"}},
		"the same SPS again":               {{"S0 P0 I0", "="}, {"S0 P0 p0", "P0 p0"}},
		"another size":                     {{"S0 P0 I0", "="}, {"S1 P2 I2", "="}, {"p2", "="}, {"p0", "none"}, {"I0", "S0 P0 I0"}, {"p2", "none"}},
		"the SPS changes without keyframe": {{"S0 P0 I0", "="}, {"S0' p0", "none"}, {"p0", "none"}, {"I0", "S0' P0 I0"}},
		"a PPS changes":                    {{"S0 P0 I0", "="}, {"P0' p0", "="}, {"I0", "S0 P0' I0"}},
		"two of one number":                {{"S0 S0' P0 P0' I0", "S0' P0' I0"}},
		"two sizes in one picture":         {{"S0 P0 S1 P2 I0 I2", "none"}},
		"what our decoders do not know":    {{"S0 subset P0 I0 end", "S0 P0 I0"}, {"p0 part", "p0"}, {"part", "none"}},
		"a slice without an SPS":           {{"P3 S0 P0 I0", "S0 P0 I0"}, {"P3 p0 p3", "none"}, {"p0", "="}},
		"a slice of nothing":               {{"S0 P0 I0", "="}, {"p0 p9", "none"}, {"p3", "none"}},
		"a set that cannot be read":        {{"S0 P0 I0", "="}, {"SX p0", "it ends too early"}, {"I0", "it ends too early"}, {"S0 P0 I0", "="}},
	} {
		var p Parameters
		for i, step := range steps {
			var list [][]byte
			for _, n := range strings.Fields(step[0]) {
				list = append(list, nals[n])
			}
			au := annexB(list...)
			p.Note(au)
			out, err := p.Admit(au, strings.Contains(step[0], "I"), level40)
			got := names(out, nals)
			switch {
			case step[1] == "": // sets alone
				continue
			case errors.Is(err, ErrNoParameters):
				got = "none"
			case err != nil:
				got = err.Error()
			case bytes.Equal(out, au):
				got = "="
			}
			if got != step[1] && (err == nil || !strings.Contains(got, step[1])) {
				t.Errorf("%s: %d. %s becomes %s, want %s", name, i+1, step[0], got, step[1])
			}
		}
	}
}

func TestParametersRefuseWhatIsTooMuch(t *testing.T) {
	for name, c := range map[string]struct {
		sps []byte
		why string
	}{
		"8K":                       {spsOf(0, 512, 270, 16), "sequence parameter set 0: pictures of 8192×4320 pixels"},
		"many references":          {spsOf(0, 120, 68, 16), "16 frames of 1920×1088 pixels"},
		"many frames kept":         {testSPS{profile: 77, level: 31, refs: 1, width: 120, height: 68, vui: true, buffered: 16}.nal(), "16 frames"},
		"two fields":               {testSPS{profile: 77, level: 31, refs: 1, width: 120, height: 68, fields: true}.nal(), "1920×2176 pixels"},
		"4:4:4 of 14 bits":         {testSPS{profile: 244, level: 31, chroma: 3, depth: 14, refs: 1, width: 80, height: 45}.nal(), "weigh 14400 macroblocks"},
		"cropped to nothing":       {testSPS{profile: 66, level: 31, refs: 1, width: 512, height: 270, crop: []uint64{4000, 96, 0, 0}}.nal(), "are cropped"},
		"cropped to something":     {testSPS{profile: 66, level: 31, refs: 1, width: 512, height: 270, crop: []uint64{0, 3456, 0, 1800}}.nal(), "8192×4320"},
		"a level that says little": {testSPS{profile: 66, level: 10, refs: 1, width: 512, height: 270}.nal(), "8192×4320"},
	} {
		var p Parameters
		p.Note(annexB(good, pps0, idr0))
		if _, err := p.Admit(annexB(good, pps0, idr0), true, level40); err != nil {
			t.Fatal(err)
		}
		for i, au := range [][]byte{annexB(c.sps, pps0, idr0), annexB(p0), annexB(idr0), annexB(p0)} {
			p.Note(au)
			if out, err := p.Admit(au, IsKey(au) || i == 2, level40); err == nil || !strings.Contains(err.Error(), c.why) {
				t.Errorf("%s: access unit %d passes, of %d bytes: %v", name, i, len(out), err)
			}
		}
		p.Note(annexB(good))
		if _, err := p.Admit(annexB(idr0), true, level40); err != nil {
			t.Errorf("%s: a good set, and still %v", name, err)
		}
	}
}

func TestLevelThatClaimsMoreThanItMeans(t *testing.T) {
	for _, level := range []uint64{9, 10, 31, 52, 62, 255} {
		var p Parameters
		au := annexB(testSPS{profile: 66, level: level, refs: 1, width: 80, height: 45}.nal(), pps0, idr0)
		p.Note(au)
		if _, err := p.Admit(au, true, level40); err != nil {
			t.Errorf("level_idc %d: %v", level, err)
		}
	}
}

func TestParametersTakeALargerLevel(t *testing.T) {
	var p Parameters
	au := annexB(spsOf(0, 240, 135, 1), pps0, idr0)
	p.Note(au)
	if _, err := p.Admit(au, true, level40); err == nil {
		t.Error("4K passes level 4")
	}
	if _, err := p.Admit(au, true, Limits{Picture: 36864, Kept: 184320}); err != nil {
		t.Errorf("4K at level 5.1: %v", err)
	}
}

func TestParametersAreBounded(t *testing.T) {
	var p Parameters
	out := map[string]bool{}
	for sps := range uint64(40) {
		for pps := range uint64(300) {
			au := annexB(spsOf(sps, 20, 12, 1), ppsOf(pps, sps), slice(0x65, pps, 1))
			p.Note(au)
			au, err := p.Admit(au, true, level40)
			if err != nil {
				continue
			}
			for nal := range NALs(au) {
				if t := TypeOf(nal); t == TypePPS {
					r, _ := readerOf(nal)
					out[fmt.Sprint("P", r.ue())] = true
				} else if t == TypeSPS {
					s, _ := ParseSPS(nal)
					out[fmt.Sprint("S", s.ID)] = true
				}
			}
		}
	}
	if len(out) == 0 || len(out) > maxSPS+maxPPS {
		t.Errorf("sets of %d numbers reach the decoder", len(out))
	}
	p.Note(annexB(append(ppsOf(1, 0), make([]byte, 5000)...), append(bytes.Clone(good), bytes.Repeat([]byte{7}, 5000)...)))
	kept := 0
	for i := range p.sps {
		if p.sps[i] != nil {
			kept += len(p.sps[i].nal)
		}
	}
	for i := range p.pps {
		if p.pps[i] != nil {
			kept += len(p.pps[i].nal)
		}
	}
	if kept > (maxSPS+maxPPS)*maxHeader {
		t.Errorf("%d bytes are kept", kept)
	}
	big := annexB(slice(0x65, 0, 1), bytes.Repeat([]byte{6}, MaxAccessUnit-100))
	p = Parameters{}
	p.Note(annexB(good, pps0))
	for i := range uint64(30) {
		p.Note(annexB(append(ppsOf(i, 0), bytes.Repeat([]byte{9}, 900)...)))
	}
	if au, err := p.Admit(big, true, level40); !errors.Is(err, ErrTooLarge) {
		t.Errorf("an access unit of %d bytes: %v", len(au), err)
	}
}

func FuzzParameters(f *testing.F) {
	f.Add(annexB(good, pps0, idr0), annexB(p0))
	f.Add(annexB(spsOf(0, 512, 270, 16), pps0, idr0), annexB(spsOf(1, 20, 12, 1), ppsOf(1, 1), slice(0x65, 1, 1)))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var p Parameters
		for _, au := range [][]byte{a, b, a} {
			p.Note(au)
			out, err := p.Admit(au, IsKey(au), level40)
			if err != nil {
				continue
			}
			if len(out) > MaxAccessUnit && len(out) > len(au) {
				t.Errorf("%d bytes became %d", len(au), len(out))
			}
			for nal := range NALs(out) {
				if TypeOf(nal) != TypeSPS {
					continue
				}
				if s, err := ParseSPS(nal); err != nil || s.Within(level40) != nil {
					t.Errorf("the decoder gets % x: %v", nal, err)
				}
			}
		}
	})
}
