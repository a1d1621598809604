package h264

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

var code = []byte{0, 0, 0, 1}

func annexB(nals ...[]byte) []byte {
	var b []byte
	for _, n := range nals {
		b = append(append(b, code...), n...)
	}
	return b
}

func nal(header byte, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i%251) | 1
	}
	b[0] = header
	return b
}

var (
	sps = []byte{0x67, 0x42, 0xe0, 0x1f, 0x95, 0xa0, 0x14, 0x01}
	pps = []byte{0x68, 0xce, 0x3c, 0x80}
)

func TestNALs(t *testing.T) {
	for name, c := range map[string]struct {
		stream []byte
		want   [][]byte
	}{
		"nothing":          {nil, nil},
		"no start code":    {[]byte{1, 2, 3}, nil},
		"start code alone": {[]byte{0, 0, 1}, nil},
		"three bytes":      {[]byte{0, 0, 1, 0x65, 9}, [][]byte{{0x65, 9}}},
		"four bytes":       {[]byte{0, 0, 0, 1, 0x65, 9}, [][]byte{{0x65, 9}}},
		"rubbish before":   {[]byte{7, 7, 0, 0, 1, 0x65}, [][]byte{{0x65}}},
		"two":              {[]byte{0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2}, [][]byte{{0x67, 1}, {0x68, 2}}},
		"empty between":    {[]byte{0, 0, 1, 0, 0, 1, 0x68, 2}, [][]byte{{0x68, 2}}},
		"trailing zeros":   {[]byte{0, 0, 1, 0x68, 2, 0, 0, 0, 0}, [][]byte{{0x68, 2}}},
		"emulation":        {[]byte{0, 0, 1, 0x65, 0, 0, 3, 1}, [][]byte{{0x65, 0, 0, 3, 1}}},
		"cut":              {[]byte{0, 0, 1, 0x65, 5, 0, 0}, [][]byte{{0x65, 5}}},
	} {
		got := slices.Collect(NALs(c.stream))
		if len(got) != len(c.want) {
			t.Errorf("%s: %d NAL units, want %d", name, len(got), len(c.want))
			continue
		}
		for i := range got {
			if !bytes.Equal(got[i], c.want[i]) {
				t.Errorf("%s: NAL unit %d is % x, want % x", name, i, got[i], c.want[i])
			}
		}
	}
}

func TestIsKey(t *testing.T) {
	idr, p := nal(0x65, 100), nal(0x41, 100)
	for name, c := range map[string]struct {
		au   []byte
		want bool
	}{
		"whole":       {annexB(sps, pps, idr), true},
		"no sets":     {annexB(idr), false},
		"no pps":      {annexB(sps, idr), false},
		"sets, no I":  {annexB(sps, pps, p), false},
		"nothing":     {nil, false},
		"empty units": {annexB(nil, nil), false},
	} {
		if got := IsKey(c.au); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func packets(t *testing.T, mode, max int, au []byte) [][]byte {
	t.Helper()
	p := NewPacketizer(mode, max)
	if err := p.Begin(au); err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for last := false; !last; {
		var b []byte
		b, last = p.Next(nil)
		out = append(out, b)
	}
	return out
}

func whole(t *testing.T, payloads [][]byte) []byte {
	t.Helper()
	var d Depacketizer
	d.Reset(nil)
	for _, b := range payloads {
		if err := d.Push(b); err != nil {
			t.Fatal(err)
		}
	}
	au, err := d.AccessUnit()
	if err != nil {
		t.Fatal(err)
	}
	return au
}

func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 500 {
		var nals [][]byte
		if r.IntN(2) == 0 {
			nals = append(nals, sps, pps)
		}
		for range 1 + r.IntN(6) {
			size := 1 + r.IntN(40)
			if r.IntN(2) == 0 {
				size = 1 + r.IntN(5000)
			}
			nals = append(nals, nal(byte(0x41+4*r.IntN(2)), size))
		}
		au := annexB(nals...)
		for mode := range 2 {
			max := 20 + r.IntN(1200)
			payloads := packets(t, mode, max, au)
			if got := whole(t, payloads); !bytes.Equal(got, au) {
				t.Fatalf("mode %d, payloads of %d: %d bytes became %d, or others", mode, max, len(au), len(got))
			}
			for i, b := range payloads {
				if mode == 1 && len(b) > max {
					t.Fatalf("payload %d of %d bytes, at most %d", i, len(b), max)
				}
				if mode == 0 && TypeOf(b) >= 24 {
					t.Fatalf("payload of type %d in mode 0", TypeOf(b))
				}
			}
		}
	}
}

func TestParameterSetsTravelTogether(t *testing.T) {
	aud := []byte{9, 0x10}
	got := packets(t, 1, 1188, annexB(aud, sps, pps, nal(0x65, 3000)))
	if len(got) != 4 || TypeOf(got[0]) != TypeSTAPA || TypeOf(got[1]) != TypeFUA {
		t.Fatalf("%d payloads, first of type %d", len(got), TypeOf(got[0]))
	}
	if got[0][0]>>5 != 3 {
		t.Errorf("NRI of the STAP-A is %d, want the highest inside", got[0][0]>>5&3)
	}
	if got[1][1]>>6 != 2 || got[2][1]>>6 != 0 || got[3][1]>>6 != 1 {
		t.Errorf("start and end bits are %#x %#x %#x", got[1][1], got[2][1], got[3][1])
	}
}

func TestWhatIsNoPictureIsAnError(t *testing.T) {
	p := NewPacketizer(1, 1188)
	for name, au := range map[string][]byte{"nothing": nil, "sets": annexB(sps, pps), "no start code": {1, 2, 3, 4}, "delimiter": annexB([]byte{9, 0x10})} {
		if err := p.Begin(au); err == nil {
			t.Errorf("%s passed", name)
		}
	}
	many := bytes.Repeat([]byte{0, 0, 1, 0x41, 1}, MaxNALs+1)
	if err := p.Begin(many); err == nil {
		t.Error("too many NAL units passed")
	}
	if err := p.Begin(annexB(nal(0x65, 10))); err != nil {
		t.Errorf("after an error: %v", err)
	}
}

func TestDepacketizerRefuses(t *testing.T) {
	fu := func(bits byte) []byte { return []byte{0x7c, bits | 5, 1, 2} }
	for name, c := range map[string]struct {
		payloads [][]byte
		want     error
	}{
		"fragment without start":     {[][]byte{fu(0)}, ErrNoStart},
		"end without start":          {[][]byte{fu(fuEnd)}, ErrNoStart},
		"rest after the end":         {[][]byte{fu(fuStart), fu(fuEnd), fu(0)}, ErrNoStart},
		"rest after another NAL":     {[][]byte{fu(fuStart), nal(0x41, 5), fu(0)}, ErrNoStart},
		"no end":                     {[][]byte{fu(fuStart), fu(0)}, ErrTruncated},
		"short fragment":             {[][]byte{{0x7c}}, ErrTruncated},
		"STAP-A that ends in a size": {[][]byte{{0x78, 0}}, ErrTruncated},
		"STAP-A that is too short":   {[][]byte{{0x78, 0, 9, 1}}, ErrTruncated},
		"STAP-B":                     {[][]byte{{0x79, 0, 0}}, ErrInterleaved},
		"FU-B":                       {[][]byte{{0x7d, 0, 0}}, ErrInterleaved},
		"many units":                 {[][]byte{append([]byte{0x78}, bytes.Repeat([]byte{0, 1, 0x41}, MaxNALs+1)...)}, ErrTooMany},
	} {
		var d Depacketizer
		d.Reset(nil)
		var err error
		for _, b := range c.payloads {
			if err = d.Push(b); err != nil {
				break
			}
		}
		if err == nil {
			_, err = d.AccessUnit()
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestDepacketizerIsBounded(t *testing.T) {
	var d Depacketizer
	d.Reset(nil)
	big := nal(0x41, 60_000)
	var err error
	for range 1000 {
		if err = d.Push(big); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrTooLarge) || len(d.Buffer()) > MaxAccessUnit {
		t.Errorf("%v at %d bytes", err, len(d.Buffer()))
	}
}

func TestDepacketizerIgnores(t *testing.T) {
	p := nal(0x41, 10)
	got := whole(t, [][]byte{nil, {0}, {0x1e, 1}, {0x1f}, p, {0x78, 0, 0, 0, 1, 0x7c}})
	if !bytes.Equal(got, annexB(p)) {
		t.Errorf("% x", got)
	}
}

func FuzzDepacketizer(f *testing.F) {
	f.Add([]byte{0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 2}, []byte{0x7c, 0x85, 1}, []byte{0x7c, 0x45, 2})
	f.Add([]byte{0x41}, []byte{0x7c, 5, 1}, []byte{})
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		var d Depacketizer
		d.Reset(nil)
		total := 0
		for _, p := range [][]byte{a, b, c, a} {
			total += 4*len(p) + 8
			if d.Push(p) != nil {
				return
			}
		}
		au, err := d.AccessUnit()
		if err != nil {
			return
		}
		if len(au) > total {
			t.Errorf("%d bytes made of at most %d", len(au), total)
		}
		IsKey(au)
		p := NewPacketizer(1, 100)
		if p.Begin(au) != nil {
			return
		}
		for last := false; !last; {
			var out []byte
			if out, last = p.Next(nil); len(out) > 100 || len(out) == 0 {
				t.Fatalf("payload of %d bytes", len(out))
			}
		}
	})
}

func BenchmarkPacketize(b *testing.B) {
	au := annexB(sps, pps, nal(0x65, 30_000))
	p := NewPacketizer(1, 1188)
	buf := make([]byte, 0, 1500)
	b.ReportAllocs()
	b.SetBytes(int64(len(au)))
	for b.Loop() {
		_ = p.Begin(au)
		for last := false; !last; {
			_, last = p.Next(buf)
		}
	}
}
