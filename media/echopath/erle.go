package echopath

import (
	"encoding/binary"
	"math"
	"slices"
	"time"
)

const (
	slot      = 20 * time.Millisecond // powers are added up over so long
	slotsKept = 100
	judged    = 10 // slots are judged together
	settle    = 10 // slots that are left for what is still on its way
	before    = 5  // slots by which what a room still has of before is counted as played

	couplings = 32 // judgements by which it is known how loud an echo is
	measured  = 40 // judgements that count: eight seconds of speech
	enough    = 10 // fewer say nothing

	audible   = 10  // times the power of the room's own noise: an echo to measure by
	alone     = 2.5 // times as loud an echo as usual is somebody in the room
	floorRise = 1.02
)

// ERLE measures by how much a canceller weakens the echo (echo return loss enhancement, ITU-T G.168 §3.7), while somebody
// speaks at the other end and nobody here: what is heard is about as much louder or weaker than what is played as it mostly is.
// Its zero value is ready.
type ERLE struct {
	played, heard, cleaned powers
	next                   int64 // the slot from which on is to be judged

	floor    float64 // power of the room's own noise
	coupling [couplings]float64
	n        int               // couplings so far
	weaker   [measured]float64 // dB
	m        int               // judgements so far
}

// powers is the power of one signal in each slot.
type powers struct {
	sum  [slotsKept]float64
	last int64 // the newest slot
}

// put adds sound (16 bits, little endian, one channel of 48 kHz) to the slot in which it begins: its buffers are short.
func (p *powers) put(at int64, pcm []byte) {
	if at < 0 {
		return
	}
	n := at / int64(slot)
	if n < p.last-slotsKept/2 {
		p.last = n - slotsKept // the clock has jumped back
	}
	for i := max(p.last+1, n-slotsKept+1); i <= n; i++ {
		p.sum[i%slotsKept] = 0
	}
	p.last = max(p.last, n)
	sum := 0.0
	for ; len(pcm) >= 2; pcm = pcm[2:] {
		v := float64(int16(binary.LittleEndian.Uint16(pcm))) / 32768
		sum += v * v
	}
	p.sum[n%slotsKept] += sum
}

// of is the power of so many slots from one on.
func (p *powers) of(from int64, slots int) (sum float64) {
	for i := max(from, 0, p.last-slotsKept+1); i < from+int64(slots) && i <= p.last; i++ {
		sum += p.sum[i%slotsKept]
	}
	return sum
}

// Played takes sound that leaves the speaker from a time on, in ns.
func (e *ERLE) Played(at int64, pcm []byte) { e.played.put(at, pcm) }

// Heard takes sound that reached the microphone from a time on.
func (e *ERLE) Heard(at int64, pcm []byte) { e.heard.put(at, pcm) }

// Cleaned takes what the canceller made of it.
func (e *ERLE) Cleaned(at int64, pcm []byte) { e.cleaned.put(at, pcm) }

// Judge looks at what came since, where the echo's way is known.
func (e *ERLE) Judge(path time.Duration) {
	last := min(e.heard.last, e.cleaned.last) - judged - settle
	if e.next < last-slotsKept/4 || e.next > last+judged {
		e.next = last
	}
	for ; e.next <= last; e.next += judged {
		e.judge(e.next, path)
	}
}

func (e *ERLE) judge(from int64, path time.Duration) {
	played := e.played.of(from-int64(path/slot)-before, judged+before)
	heard, cleaned := e.heard.of(from, judged), e.cleaned.of(from, judged)
	if heard == 0 {
		return
	}
	if e.floor = min(e.floor*floorRise, heard); e.floor == 0 {
		e.floor = heard
	}
	const samples = judged * inRate / int(time.Second/slot)
	if played < quiet*quiet*float64(samples) || heard < audible*e.floor {
		return
	}
	e.coupling[e.n%couplings] = heard / played
	e.n++
	usual := slices.Clone(e.coupling[:min(e.n, couplings)])
	slices.Sort(usual)
	if heard/played > alone*usual[len(usual)/2] {
		return
	}
	e.weaker[e.m%measured] = 10 * math.Log10(heard/(cleaned+1e-10))
	e.m++
}

// DB is by how much the echo of the last eight seconds of speech was weakened, in decibels: the median, since whoever
// speaks here as well takes part in some of what is judged. It is known after two.
func (e *ERLE) DB() (db float64, known bool) {
	if e.m < enough {
		return 0, false
	}
	all := slices.Clone(e.weaker[:min(e.m, measured)])
	slices.Sort(all)
	return all[len(all)/2], true
}
