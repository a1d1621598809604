//go:build !race

package media

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"

	"ewindow/media/negotiate"
	"ewindow/scripts/lab/memnet"
)

// allKbps is what pictures take of a line that carries everything.
const allKbps = 2000

// standing makes the sound of an end stop for so long each so often, and its timestamps go on where they stopped, as those of phones
// do that are muted or whose microphone stumbles.
func standing(c *tap, every, pause time.Duration) {
	start := time.Now()
	var last, shift uint32
	stopped := false
	c.tamper(func(d []byte) [][]byte {
		if demultiplex(d) == isRTCP {
			return [][]byte{d}
		}
		ts := binary.BigEndian.Uint32(d[4:]) - shift
		if passed := time.Since(start); passed > every && passed%every < pause {
			stopped = true
			return nil
		}
		if stopped {
			shift, stopped = shift+ts-last-960, false
			ts = last + 960
		}
		last = ts
		binary.BigEndian.PutUint32(d[4:], ts)
		return [][]byte{d}
	})
}

// A phone on a clean line is asked for no less for long: whatever its timestamps do, and whatever is lost by chance.
func TestPhonesAreAskedForNoLess(t *testing.T) {
	free := line(20*time.Millisecond, 0, 0)
	for name, test := range map[string]struct {
		back         memnet.Conditions
		every, pause time.Duration
	}{
		"its sound stops for 5 s":            {free, 20 * time.Second, 5 * time.Second},
		"its sound stops for 0.2 s":          {free, 20 * time.Second, 200 * time.Millisecond},
		"its sound stumbles, a bit is lost":  {line(20*time.Millisecond, 0.03, 0), 40 * time.Second, 100 * time.Millisecond},
		"its sound stumbles, a lot of times": {free, 3 * time.Second, 60 * time.Millisecond},
		"8 % is lost":                        {line(20*time.Millisecond, 0.08, 0), time.Hour, 0},
		"12 % is lost":                       {line(20*time.Millisecond, 0.12, 0), time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New(3)
				n.OneWay(hostA, hostB, free)
				n.OneWay(hostB, hostA, test.back)
				a, b := call(t, n, plain, func(a, b *negotiate.Description) { a.Video.TMMBR, b.Video.TMMBR = true, true })
				seldom(a, time.Hour)
				standing(b.taps[0], test.every, test.pause)
				least, sum := allKbps, 0
				for range 80 {
					talk(time.Second, a, b)
					b.phone(true)
					least, sum = min(least, b.Stats().Budget), sum+b.Stats().Budget
				}
				if least < allKbps/3 || sum/80 < allKbps*8/10 {
					t.Errorf("%d kbit/s, at least %d", sum/80, least)
				}
				hangUp(a, b)
			})
		})
	}
}

// One report that cannot be true takes nothing from a phone's pictures.
func TestPhonesThatReportNonsense(t *testing.T) {
	for name, change := range map[string]func(r *rtcp.ReceptionReport, before uint32){
		"all is lost, and none": func(r *rtcp.ReceptionReport, _ uint32) { r.FractionLost = 255 },
		"an old highest number": func(r *rtcp.ReceptionReport, before uint32) { r.LastSequenceNumber = before + 1 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New(3)
				n.Between(hostA, hostB, line(20*time.Millisecond, 0, 0))
				a, b := call(t, n, plain)
				reports, before := 0, map[uint32]uint32{}
				for _, c := range b.taps {
					c.tamper(func(d []byte) [][]byte {
						if demultiplex(d) != isRTCP {
							return [][]byte{d}
						}
						packets, err := rtcp.Unmarshal(d)
						if err != nil {
							t.Error(err)
						}
						for _, p := range packets {
							if s, ok := p.(*rtcp.SenderReport); ok {
								for i := range s.Reports {
									r := &s.Reports[i]
									was := *r
									if reports++; reports%9 == 0 {
										change(r, before[r.SSRC])
									}
									before[r.SSRC] = was.LastSequenceNumber
								}
							}
						}
						if d, err = rtcp.Marshal(packets); err != nil {
							t.Error(err)
						}
						return [][]byte{d}
					})
				}
				least := allKbps
				for range 60 {
					talk(time.Second, a, b)
					least = min(least, a.Stats().Budget)
				}
				if least < allKbps*8/10 {
					t.Errorf("%d kbit/s at least", least)
				}
				hangUp(a, b)
			})
		})
	}
}
