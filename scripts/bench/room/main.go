// Program room is a sound card and the room that it stands in, for the bench of the echo: it plays what comes out of a FIFO,
// and what a microphone would hear of that goes into another. A PulseAudio with module-pipe-sink and module-pipe-source has it
// for a device, whose clock is this program's: so nothing else has to be in time.
//
//	spk (s32, 48 kHz, 8 channels) ─▶ reflections, path, gain ─▶ + near ─▶ another clock ─▶ mic (s16, 48 kHz, mono)
//	far (the same)  ─▶ only recorded
//
// Both, what the microphone hears and what the far side does, are recorded in step, mono: heard.raw, far.raw.
package main

import (
	"encoding/binary"
	"flag"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const (
	rate   = 48000
	piece  = rate / 100 // samples, 10 ms
	kept   = 1 << 16    // samples of what was played that are remembered: 1.3 s
	taps   = 32         // of the interpolation, which is exact to 60 dB up to 16 kHz
	primed = rate / 40  // samples that wait before it begins to play: 25 ms, by which the sound server may be late
	fine   = 512        // places between two samples
	wide   = 32         // bytes of a sample of all channels: a page of a FIFO, which is filled and emptied as a whole, lasts 2.7 ms
)

func main() {
	dir := flag.String("dir", ".", "where the FIFOs spk, far and mic are, and the recordings go")
	path := flag.Duration("path", 60*time.Millisecond, "from speaker to microphone")
	gain := flag.Float64("gain", -18, "of the straight way, dB")
	fade := flag.Duration("fade", 300*time.Millisecond, "in which the room's reverberation fades by 60 dB; 0: none")
	ppm := flag.Float64("ppm", 0, "by which the microphone's clock is faster than the speaker's")
	flag.Parse()
	log.SetFlags(0)
	log.Fatal("room: ", run(*dir, newRoom(*path, *gain, *fade), *ppm))
}

// room is how a microphone hears a speaker.
type room struct {
	lag    []int // samples
	gain   []float64
	played [kept]float64
	heard  [kept]float64 // as the played, on the speaker's clock
	n      int           // samples so far
}

// newRoom makes one like no other: 200 reflections, ever weaker and ever closer to each other, as by image sources.
func newRoom(path time.Duration, gain float64, fade time.Duration) *room {
	rng := rand.New(rand.NewPCG(1, 1))
	direct := math.Pow(10, gain/20)
	r := &room{lag: []int{int(path.Seconds() * rate)}, gain: []float64{direct}}
	if fade == 0 {
		return r
	}
	for i := range 200 {
		at := fade.Seconds() * math.Sqrt(rng.Float64())
		if i < 6 {
			at = 0.002 + 0.02*rng.Float64() // floor, ceiling, walls
		}
		r.lag = append(r.lag, r.lag[0]+int(at*rate))
		r.gain = append(r.gain, 0.5*direct*math.Pow(10, -3*at/fade.Seconds())*(2*rng.Float64()-1))
	}
	return r
}

// play takes a sample, and makes of it one that is heard.
func (r *room) play(v float64) {
	r.played[r.n%kept] = v
	sum := 0.0
	for i, lag := range r.lag {
		if lag <= r.n {
			sum += r.gain[i] * r.played[(r.n-lag)%kept]
		}
	}
	r.heard[r.n%kept] = sum
	r.n++
}

// between is a windowed sinc for each place between two samples.
var between = func() (w [fine][taps]float64) {
	for p := range w {
		for k := range w[p] {
			x := float64(k-taps/2+1) - float64(p)/fine
			s := 1.0
			if x != 0 {
				s = math.Sin(math.Pi*x) / (math.Pi * x)
			}
			w[p][k] = s * (0.5 + 0.5*math.Cos(2*math.Pi*x/(taps+2)))
		}
	}
	return w
}()

// at is what is heard between samples.
func (r *room) at(t float64) (sum float64) {
	whole := math.Floor(t)
	p := int((t - whole) * fine)
	for k, w := range between[p] {
		if i := int(whole) + k - taps/2 + 1; i >= 0 && i < r.n {
			sum += w * r.heard[i%kept]
		}
	}
	return sum
}

// fifo is a FIFO of samples that never blocks.
type fifo struct {
	fd    int
	rest  []byte
	flows bool // it had primed samples, and has not been short of any since
}

func open(name string, flags, keeps int) (*fifo, error) {
	fd, err := unix.Open(name, flags|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, keeps)
	return &fifo{fd: fd}, nil
}

// read takes n samples of the first channel; what has not come is silence, and counts as a stumble.
func (f *fifo) read(n int) (out []float64, stumbled bool) {
	out = make([]float64, n)
	if waits, err := unix.IoctlGetInt(f.fd, unix.TIOCINQ); !f.flows && (err != nil || waits < wide*primed) {
		return out, false
	}
	b := make([]byte, wide*n)
	have := copy(b, f.rest)
	f.rest = nil
	for have < len(b) {
		k, err := unix.Read(f.fd, b[have:])
		if k <= 0 || err != nil {
			break
		}
		have += k
	}
	whole := have / wide
	f.rest = append(f.rest, b[wide*whole:have]...)
	for i := range whole {
		out[i] = float64(int32(binary.LittleEndian.Uint32(b[wide*i:]))) / 65536
	}
	f.flows = whole == n
	return out, !f.flows
}

// run plays until it cannot go on, and says why.
func run(dir string, r *room, ppm float64) error {
	spk, err := open(filepath.Join(dir, "spk"), unix.O_RDWR, 64*4096) // for both, so that it opens whoever comes first
	if err != nil {
		return err
	}
	far, err := open(filepath.Join(dir, "far"), unix.O_RDWR, 64*4096)
	if err != nil {
		return err
	}
	mic, err := open(filepath.Join(dir, "mic"), unix.O_RDWR, 4*4096)
	if err != nil {
		return err
	}
	heard, err := os.Create(filepath.Join(dir, "heard.raw"))
	if err != nil {
		return err
	}
	back, err := os.Create(filepath.Join(dir, "far.raw"))
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(2, 2))
	begin, pieces, next := time.Now(), 0, 0.0
	step := 1 / (1 + ppm/1e6) // of the speaker's samples, for one of the microphone's
	stumbles, late := 0, time.Duration(0)
	for said := begin; ; pieces++ {
		due := begin.Add(time.Duration(pieces) * 10 * time.Millisecond)
		time.Sleep(time.Until(due))
		late = max(late, time.Since(due))
		played, stumbled := spk.read(piece)
		if stumbled {
			stumbles++
		}
		for _, v := range played {
			r.play(v)
		}
		var out, recorded []byte
		for ; next < float64(r.n-taps); next += step {
			v := r.at(next) + 3*rng.NormFloat64() // a quiet room
			out = binary.LittleEndian.AppendUint16(out, uint16(int16(max(min(math.Round(v), 32767), -32768))))
		}
		if _, err := unix.Write(mic.fd, out); err != nil && err != unix.EAGAIN {
			return err
		}
		came, _ := far.read(piece)
		for _, v := range came {
			recorded = binary.LittleEndian.AppendUint16(recorded, uint16(int16(v)))
		}
		if _, err := heard.Write(out); err != nil {
			return err
		}
		if _, err := back.Write(recorded); err != nil {
			return err
		}
		if time.Since(said) > 5*time.Second {
			said = time.Now()
			log.Printf("%.0f s, %d stumbles of the speaker, at most %v late", time.Since(begin).Seconds(), stumbles, late.Round(time.Millisecond))
			stumbles, late = 0, 0
		}
	}
}
