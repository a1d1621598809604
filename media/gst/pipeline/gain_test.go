package pipeline

import (
	"encoding/binary"
	"math"
	"testing"
	"time"
)

// Amplified sound is never clipped, however suddenly somebody shouts: it keeps its form. What is not too loud is amplified as asked for.
func TestGainLimits(t *testing.T) {
	const format = "audio/x-raw,format=S16LE,rate=48000,channels=1,layout=interleaved"
	p := started(t, "appsrc name=in is-live=true format=time caps="+format+" ! identity name=gained ! appsink name=out sync=false", "in", "gained", "out")
	defer p.Close()
	p.Gain("gained").Set(4)
	const piece = 480
	for k := range 300 {
		loud := 1000.0
		if k >= 100 && k < 150 {
			loud = 30000 // a shout
		}
		var pcm []byte
		for i := range piece {
			v := loud * math.Sin(2*math.Pi*440*float64(k*piece+i)/48000)
			pcm = binary.LittleEndian.AppendUint16(pcm, uint16(int16(v)))
		}
		p.Push("in", pcm, int64(k)*int64(10*time.Millisecond), 10*time.Millisecond, k == 0)
		s, err := p.Pull("out", long)
		if err != nil {
			t.Fatal(err)
		}
		b := s.Bytes()
		s.Free()
		for i := 0; i < len(b); i += 2 {
			was, is := float64(int16(binary.LittleEndian.Uint16(pcm[i:]))), float64(int16(binary.LittleEndian.Uint16(b[i:])))
			if math.Abs(was) < 500 {
				continue
			}
			least, most := 0.99, 4.01
			switch {
			case k == 99 || k == 299:
				least = 3.98
			case k > 100 && k < 150:
				least, most = 1.08, 1.1 // 32767 is 1.09 times the shout's peak
			}
			if r := is / was; r < least || r > most || math.Abs(is) > 32767 {
				t.Fatalf("piece %d, sample %d: %v becomes %v", k, i/2, was, is)
			}
		}
	}
}
