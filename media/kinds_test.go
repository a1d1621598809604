package media

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media/h264"
	"ewindow/media/negotiate"
)

// A sender is a way of sending H.264 that phones and cameras have.
type sender struct {
	slices  int                                      // of a picture
	size    int                                      // of a slice, bytes
	sets    func(picture, slice int) bool            // whether parameter sets stand before it
	key     func(picture int) bool                   // IDR pictures
	marker  func(payload []byte, last, un bool) bool // un: more of its NAL unit follows
	between []byte                                   // what stands before each slice, with start code
}

// picture is the n-th, as NAL units.
func (s sender) picture(e *fakeEncoder, n int) (au []byte) {
	e.number++
	header := byte(0x41)
	if s.key(n) {
		header = 0x65
	}
	for i := range s.slices {
		if s.sets(n, i) {
			au = append(au, e.sets()...)
		}
		au = append(au, s.between...)
		at := len(au)
		au = e.slice(au, header, s.size)
		if i > 0 {
			copy(au[at+5:], []byte{0x42, 0x20}) // first_mb_in_slice 1
		}
	}
	return au
}

// send sends pictures as x would, 30 a second.
func (s sender) send(x *twin, pictures int) {
	for n := range pictures {
		packets := h264.NewPacketizer(1, 1000)
		if err := packets.Begin(s.picture(x.enc, n)); err != nil {
			panic(err)
		}
		x.t.mu.Lock()
		ts := x.t.timestamp(time.Now(), videoRate)
		for last := false; !last; {
			x.t.plain, last = packets.Next(x.t.plain[:rtpHeader])
			payload := x.t.plain[rtpHeader:]
			un := h264.TypeOf(payload) == h264.TypeFUA && payload[1]&0x40 == 0
			x.t.send(time.Now(), ts, time.Now(), s.marker(payload, last, un))
		}
		x.t.mu.Unlock()
		time.Sleep(frame)
	}
	settle(200 * time.Millisecond)
}

func every(n int) bool             { return n%15 == 0 }
func never(int) bool               { return false }
func setsAtFirst(n, i int) bool    { return every(n) && i == 0 }
func setsBetween(n, _ int) bool    { return every(n) }
func setsEverywhere(_, _ int) bool { return true }
func noSets(_, _ int) bool         { return false }

// Every way of marking, and every place for parameter sets, shows each picture once and whole.
func TestKindsOfSenders(t *testing.T) {
	atEnd := func(_ []byte, last, _ bool) bool { return last }
	always := func(_ []byte, _, _ bool) bool { return true }
	atNAL := func(_ []byte, _, un bool) bool { return !un }
	onSlices := func(p []byte, _, un bool) bool { return !un && h264.TypeOf(p) != h264.TypeSTAPA }
	no := func(_ []byte, _, _ bool) bool { return false }
	sets := newFakeEncoder().sets()
	for name, c := range map[string]struct {
		sender
		agreed []byte // sprop-parameter-sets
		least  int    // pictures of 60
	}{
		"one slice":                        {sender{1, 3000, setsAtFirst, every, atEnd, nil}, nil, 60},
		"four slices":                      {sender{4, 3000, setsAtFirst, every, atEnd, nil}, nil, 60},
		"sets between the slices":          {sender{4, 3000, setsBetween, every, atEnd, nil}, nil, 60},
		"sets between all slices":          {sender{4, 3000, setsEverywhere, every, atEnd, nil}, nil, 60},
		"small slices, sets between them":  {sender{4, 100, setsBetween, every, atEnd, nil}, nil, 60},
		"marker on every packet":           {sender{1, 3000, setsAtFirst, every, always, nil}, nil, 60},
		"marker on every packet, slices":   {sender{4, 3000, setsAtFirst, every, always, nil}, nil, 60},
		"marker on every small packet":     {sender{1, 300, setsAtFirst, every, always, nil}, nil, 60},
		"marker on every NAL unit":         {sender{1, 3000, setsAtFirst, every, atNAL, nil}, nil, 60},
		"marker on every NAL unit, slices": {sender{4, 3000, setsBetween, every, atNAL, nil}, nil, 60},
		"marker on every slice":            {sender{4, 3000, setsAtFirst, every, onSlices, nil}, nil, 44}, // found out by the first picture
		"no marker":                        {sender{4, 3000, setsAtFirst, every, no, nil}, nil, 59},
		"sets in SDP alone":                {sender{1, 3000, noSets, every, atEnd, nil}, sets, 60},
		"sets in SDP alone, slices":        {sender{4, 3000, noSets, every, always, nil}, sets, 60},
		"sets in SDP, others in the stream": {sender{1, 3000, setsAtFirst, every, atEnd, nil},
			append([]byte{0, 0, 0, 1, 0x67, 66, 0x80}, sets[14:]...), 60},
		"no sets anywhere": {sender{1, 3000, noSets, every, atEnd, nil}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := call(t, perfect(), func(_, b *negotiate.Description) { b.Video.Sets = c.agreed })
				b.rec.blind = name == "marker on every slice" // its first picture comes in parts
				x := newTwin(a)
				if b.rec.blind {
					c.send(x, 1)
					b.rec.blind = false
					b.rec.last = x.enc.number
				}
				c.send(x, 60)
				if n, _, _ := b.rec.counts(); n < c.least || c.least == 0 && n > 0 {
					t.Errorf("%d pictures of 60 were shown", n)
				}
				hangUp(a, b)
			})
		})
	}
}

// A sender that has no IDR picture to give refreshes bit by bit: its pictures are decoded from a recovery point on, and shown
// when they are whole. In n pictures the recovery point is passed.
func TestRecoveryPoints(t *testing.T) {
	atEnd := func(_ []byte, last, _ bool) bool { return last }
	waves := sender{1, 3000, func(n, _ int) bool { return every(n) }, never, atEnd, nil}
	synctest.Test(t, func(t *testing.T) {
		a, b := call(t, perfect())
		x := newTwin(a)
		shown := func() (n, hidden int) {
			b.rec.mu.Lock()
			defer b.rec.mu.Unlock()
			for _, u := range b.rec.video {
				if u.Hidden {
					hidden++
				} else {
					n++
				}
			}
			b.rec.video = nil
			return n, hidden
		}
		waves.send(x, 30)
		if n, hidden := shown(); n+hidden != 0 {
			t.Errorf("%d pictures without a beginning", n+hidden)
		}
		waves.between = []byte{0, 0, 0, 1, 6, 6, 1, 0x31, 0x80} // recovery_frame_cnt 5, with each picture
		waves.send(x, 30)
		if n, hidden := shown(); n != 25 || hidden != 5 {
			t.Errorf("joined: %d pictures are shown and %d hidden", n, hidden)
		}
		if s := b.Stats(); !s.VideoHeldSince.IsZero() || b.video.sink.(*videoSink).asker.wanted {
			t.Error("a keyframe is still asked for")
		}
		b.RequestKeyframe() // the screen began anew
		settle(50 * time.Millisecond)
		waves.send(x, 30)
		if n, hidden := shown(); n != 25 || hidden != 5 {
			t.Errorf("begun anew: %d pictures are shown and %d hidden", n, hidden)
		}
		lose := true
		a.taps[2].tamper(func(p []byte) [][]byte {
			if lose && demultiplex(p) == isRTP {
				lose = false
				return nil
			}
			return [][]byte{p}
		})
		waves.send(x, 30)
		if n, hidden := shown(); n < 20 || hidden != 5 || n > 24 {
			t.Errorf("after a loss %d pictures are shown and %d hidden", n, hidden)
		}
		hangUp(a, b)
	})
}

// A sender that gives neither IDR picture nor recovery point is decoded all the same after a while, and shown when it has
// had the time to refresh all of its picture. Of one that gives IDR pictures, seldom, no picture is shown that lacks one.
func TestSendersThatNeverBegin(t *testing.T) {
	atEnd := func(_ []byte, last, _ bool) bool { return last }
	only := func(pictures ...int) func(int) bool { return func(n int) bool { return slices.Contains(pictures, n) } }
	const second = 30 // pictures
	for name, c := range map[string]struct {
		key           func(int) bool
		lost          int // the packet of this picture is lost; the first is 1
		shown, hidden int // of a minute's
	}{
		"never":                         {never, 0, 30 * second, 15 * second},
		"never, and a loss meanwhile":   {never, 20 * second, 25 * second, 20 * second},
		"never, and a loss when shown":  {never, 40 * second, 15 * second, 30 * second},
		"once, and a loss":              {only(0), 10 * second, 30 * second, 15 * second},
		"every ten seconds, and a loss": {only(0, 300, 600, 900, 1200, 1500), 11 * second, 51 * second, 0},
		"seldom, and a loss":            {only(0, 300), 11 * second, 11 * second, 0},
		"late":                          {only(25*second, 50*second), 0, 35 * second, 10 * second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := call(t, perfect())
				x, n, had := newTwin(a), 0, int64(-1)
				a.taps[2].tamper(func(p []byte) [][]byte {
					if demultiplex(p) != isRTP {
						return [][]byte{p}
					}
					if ts := int64(binary.BigEndian.Uint32(p[4:])); ts != had {
						n, had = n+1, ts
					}
					if n == c.lost {
						return nil
					}
					return [][]byte{p}
				})
				sender{1, 300, func(n, _ int) bool { return n%15 == 0 }, c.key, atEnd, nil}.send(x, 60*second)
				shown, hidden := 0, 0
				for _, u := range b.rec.video {
					if u.Hidden {
						hidden++
					} else {
						shown++
					}
				}
				if d := shown - c.shown; d < -second || d > second {
					t.Errorf("%d pictures are shown, want about %d", shown, c.shown)
				}
				if d := hidden - c.hidden; d < -second || d > second {
					t.Errorf("%d pictures are hidden, want about %d", hidden, c.hidden)
				}
				hangUp(a, b)
			})
		})
	}
}

// Garbage before a stream and in it costs the pictures that it touches: those that follow the next keyframe show whole again.
func TestGarbageInAStream(t *testing.T) {
	atEnd := func(_ []byte, last, _ bool) bool { return last }
	rubbish := bytes.Repeat([]byte{0xa7, 0x39, 0x5c}, 100)
	small := []byte{0x67, 0x42, 0xc0, 0x1f, 0xda, 0x02, 0x80, 0xbf, 0xe5, 0xc0} // 640×360
	for name, payloads := range map[string][][]byte{
		"a fragment without start":     {append([]byte{0x7c, 0x05}, rubbish...)},
		"a fragment without end":       {append([]byte{0x7c, 0x85}, rubbish...)},
		"the end of a fragment":        {append([]byte{0x7c, 0x45}, rubbish...)},
		"a fragment of nothing":        {{0x7c}, {0x7c, 0x85}},
		"an aggregate too short":       {append([]byte{0x78, 0xff, 0xff}, rubbish...)},
		"an aggregate of one byte":     {{0x78}, {0x78, 0}},
		"an aggregate of empty units":  {bytes.Repeat([]byte{0x78, 0, 0}, 50)},
		"an aggregate of aggregates":   {{0x78, 0, 4, 0x78, 0, 1, 0x65}},
		"what was not agreed":          {append([]byte{0x79}, rubbish...), append([]byte{0x7d, 0x85}, rubbish...)},
		"reserved types":               {append([]byte{0x60}, rubbish...), append([]byte{0x7f}, rubbish...)},
		"parameter sets of nothing":    {{0x67}, {0x68}, append([]byte{0x67, 66}, rubbish...)},
		"another size, and no picture": {small, {0x68, 0xce, 0x3c, 0x80}},
		"a picture of another set":     {append([]byte{0x41, 0x88, 0x10, 0x41}, rubbish...)},
		"an SEI that ends too early":   {{0x06, 0x06, 0xff}, {0x06, 0xff, 0xff}},
		"data partitions":              {append([]byte{0x42}, rubbish...), append([]byte{0x43}, rubbish...)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := call(t, perfect())
				x := newTwin(a)
				valid := sender{2, 1500, setsAtFirst, every, atEnd, nil}
				for _, marked := range []bool{true, false, true} {
					x.t.mu.Lock()
					ts := x.t.timestamp(time.Now(), videoRate) - 500 // a picture of their own
					for _, p := range payloads {
						x.t.plain = append(x.t.plain[:rtpHeader], p...)
						x.t.send(time.Now(), ts, time.Now(), marked)
					}
					x.t.mu.Unlock()
					valid.send(x, 30)
					if n, _, _ := b.rec.counts(); n < 15 || b.rec.last != x.enc.number {
						t.Errorf("of 30 pictures after it %d are shown, the last is %d and not %d", n, b.rec.last, x.enc.number)
					}
					b.rec.mu.Lock()
					b.rec.video = nil
					b.rec.mu.Unlock()
				}
				hangUp(a, b)
			})
		})
	}
}
