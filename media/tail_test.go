package media

import (
	"testing"
	"time"
)

// What must follow is asked for before later packets show that it is missing: where packets get lost, and not before it is late.
func TestTail(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	type sent struct {
		at     time.Duration
		seq    int64
		frame  int64
		marker bool
	}
	const frame = 33 * ms
	whole := func(n int64, jitter time.Duration) (s []sent) { // n pictures of three packets
		for i := range n {
			at := time.Duration(i) * frame
			if i%2 == 1 {
				at += jitter
			}
			for k := range int64(3) {
				s = append(s, sent{at + time.Duration(k)*ms, 3*i + k, i, k == 2})
			}
		}
		return s
	}
	for _, test := range []struct {
		name     string
		sent     []sent
		loss     float64
		shielded bool
		want     time.Duration // after the last packet; 0: never
	}{
		{"the rest of a picture", append(whole(10, 0), sent{10 * frame, 30, 10, false}), 0.05, false, ms + ms/2 + tailSlack},
		{"the next picture", whole(10, 0), 0.05, false, frame - 2*ms + tailSlack},
		{"the next of a camera that is uneven", whole(10, 6*ms), 0.05, false, frame - 2*ms + tailSlack + 9*ms},
		{"nothing was lost", append(whole(10, 0), sent{10 * frame, 30, 10, false}), 0, false, 0},
		{"repair packets tell", append(whole(10, 0), sent{10 * frame, 30, 10, false}), 0.05, true, 0},
		{"after the only picture", whole(1, 0), 0.05, false, 0},
		{"before any", nil, 0.05, false, 0},
		{"a camera that gives one a second", []sent{{0, 0, 0, true}, {time.Second, 1, 30, true}, {2 * time.Second, 2, 60, true}}, 0.05, false, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			var r requests
			now := start
			for _, s := range test.sent {
				now = start.Add(s.at)
				p := packet{seq: s.seq, ts: s.frame * 90 * 33, marker: s.marker, payload: []byte{1}}
				r.arrived(now, p.seq, false)
				r.newest(now, p, 90_000)
			}
			if late := r; test.want != 0 { // who did not run for so long has to read first
				late.loss = test.loss
				woken := now.Add(test.want + 50*ms)
				if late.next(woken, 20*ms) != nil || late.next(woken.Add(tailSlack), 20*ms) == nil {
					t.Error("asked at once by who did not run, or never")
				}
			}
			if r.loss = test.loss; test.shielded {
				r.shielded = now
			}
			at := asking(&r, now, 200*ms, 20*ms)
			if len(at) == 0 && test.want != 0 || len(at) > 0 && (at[0] < test.want-ms || at[0] > test.want+2*ms) || len(at) > tailTries {
				t.Errorf("asked at %v, want the first at %v", at, test.want)
			}
		})
	}
}
