package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ewindow/media/engine/protocol"
)

var (
	hd    = VideoFormat{Width: 1280, Height: 720, FPS: 30, Kbps: 2000}
	small = VideoFormat{Width: 320, Height: 180, FPS: 30, Kbps: 768}
	old   = VideoFormat{Width: 640, Height: 360, FPS: 30, Kbps: 1000, MaxSlice: 1100}
	tiny  = VideoFormat{Width: 160, Height: 90, FPS: 30, Kbps: 64}
)

func withKbps(f VideoFormat, kbps int) VideoFormat {
	f.Kbps = kbps
	return f
}

func withFPS(f VideoFormat, fps int) VideoFormat {
	f.FPS = fps
	return f
}

// say is what the calls get, in words: each stream with its number, format, bitrate and calls.
func say(c *calls) string {
	var out []string
	for _, s := range c.video {
		fps := ""
		if s.FPS != hd.FPS {
			fps = fmt.Sprintf(" %d/s", s.FPS)
		}
		out = append(out, fmt.Sprintf("%d: %dx%d%s %d kbit/s → %s", s.Number, s.Width, s.Height, fps, s.Kbps,
			strings.Join(c.routes(func(o *openCall) uint32 { return o.video })[s.Number], " ")))
	}
	return strings.Join(out, ", ")
}

// A script is lines of "call=format kbps" or "call=" and what the calls get then.
func TestWhoGetsWhichPictures(t *testing.T) {
	type step struct {
		call string
		f    VideoFormat
		want string
	}
	none := VideoFormat{}
	for name, steps := range map[string][]step{
		"one call, and its bitrate": {
			{"a", hd, "1: 1280x720 2000 kbit/s → a"},
			{"a", withKbps(hd, 500), "1: 1280x720 500 kbit/s → a"},
			{"a", none, ""},
			{"a", hd, "2: 1280x720 2000 kbit/s → a"},
		},
		"the slowest of those that share": {
			{"a", hd, "1: 1280x720 2000 kbit/s → a"},
			{"b", withKbps(hd, 900), "1: 1280x720 900 kbit/s → a b"},
			{"b", none, "1: 1280x720 2000 kbit/s → a"},
		},
		"fewer pictures a second, and all again, in the same stream": {
			{"a", hd, "1: 1280x720 2000 kbit/s → a"},
			{"a", withFPS(hd, 15), "1: 1280x720 15/s 2000 kbit/s → a"},
			{"a", hd, "1: 1280x720 2000 kbit/s → a"},
		},
		"fewer pictures a second of one that shares": {
			{"a", hd, "1: 1280x720 2000 kbit/s → a"},
			{"b", hd, "1: 1280x720 2000 kbit/s → a b"},
			{"b", withFPS(hd, 15), "1: 1280x720 2000 kbit/s → a, 2: 1280x720 15/s 2000 kbit/s → b"},
			{"b", hd, "1: 1280x720 2000 kbit/s → a b"},
		},
		"two formats, and the first goes": {
			{"a", hd, "1: 1280x720 2000 kbit/s → a"},
			{"b", small, "1: 1280x720 2000 kbit/s → a, 2: 320x180 768 kbit/s → b"},
			{"a", none, "2: 320x180 768 kbit/s → b"},
		},
		"a third gets the larger that it decodes": {
			{"a", hd, "1: 1280x720 2000 kbit/s → a"},
			{"b", small, "1: 1280x720 2000 kbit/s → a, 2: 320x180 768 kbit/s → b"},
			{"c", VideoFormat{Width: 640, Height: 360, FPS: 30, Kbps: 700}, "1: 1280x720 2000 kbit/s → a, 2: 320x180 700 kbit/s → b c"},
			{"a", none, "2: 320x180 768 kbit/s → b, 3: 640x360 700 kbit/s → c"},
		},
		"a third that decodes neither waits": {
			{"a", hd, "1: 1280x720 2000 kbit/s → a"},
			{"b", old, "1: 1280x720 2000 kbit/s → a, 2: 640x360 1000 kbit/s → b"},
			{"c", tiny, "1: 1280x720 2000 kbit/s → a, 2: 640x360 1000 kbit/s → b"},
			{"b", none, "1: 1280x720 2000 kbit/s → a, 3: 160x90 64 kbit/s → c"},
		},
		"small slices are for all, large ones not": {
			{"a", old, "1: 640x360 1000 kbit/s → a"},
			{"b", small, "1: 640x360 1000 kbit/s → a, 2: 320x180 768 kbit/s → b"},
			{"c", withKbps(hd, 3000), "1: 640x360 1000 kbit/s → a c, 2: 320x180 768 kbit/s → b"},
			{"d", VideoFormat{Width: 1280, Height: 720, FPS: 30, Kbps: 2000, MaxSlice: 1000}, "1: 640x360 1000 kbit/s → a c, 2: 320x180 768 kbit/s → b"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := &calls{}
			for i, s := range steps {
				c.set(s.call, Formats{Video: s.f})
				if got := say(c); got != s.want {
					t.Fatalf("after %d, %s: %s\nwant %s", i, s.call, got, s.want)
				}
			}
		})
	}
}

// Whatever calls come and go: no more than two formats are made, each call gets one that it decodes or none, what goes
// on being used is not begun anew, and no number comes back.
func TestStreamsInvariants(t *testing.T) {
	formats := []VideoFormat{hd, small, old, tiny, withKbps(hd, 300), {}}
	codecs := []AudioFormat{{Codec: "opus", Kbps: 32}, {Codec: "PCMU"}, {Codec: "G722"}, {}}
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		c := &calls{}
		highest := uint32(0)
		for range 100 {
			video, sound := c.video, c.sound
			id := fmt.Sprint(rnd.IntN(5))
			if rnd.IntN(3) == 0 {
				c.remove(id)
			} else {
				c.set(id, Formats{formats[rnd.IntN(len(formats))], codecs[rnd.IntN(len(codecs))]})
			}
			if len(c.video) > maxEncoders {
				t.Fatalf("seed %d: %d encoders", seed, len(c.video))
			}
			if len(c.sound.Recorded) > len(codecs) || len(c.sound.Played) > len(c.open) {
				t.Fatalf("seed %d: %+v", seed, c.sound)
			}
			numbers := map[uint32]bool{}
			check := func(n uint32, ran bool) {
				if numbers[n] || !ran && n <= highest {
					t.Fatalf("seed %d: number %d comes again", seed, n)
				}
				numbers[n] = true
			}
			for _, s := range c.video {
				check(s.Number, slices.ContainsFunc(video, func(o protocol.VideoStream) bool {
					o.Kbps = s.Kbps
					return o == s
				}))
			}
			for _, s := range c.sound.Recorded {
				check(s.Number, slices.Contains(sound.Recorded, s))
			}
			for _, s := range c.sound.Played {
				check(s.Number, slices.Contains(sound.Played, s))
			}
			highest = c.numbers
			for _, o := range c.open {
				if v := c.format(o); o.video != 0 && (v.Width > o.formats.Video.Width || v.Kbps > o.formats.Video.Kbps) {
					t.Fatalf("seed %d: a call that decodes %+v gets %+v", seed, o.formats.Video, v)
				}
				if (o.audio != 0) != (o.formats.Audio.Codec != "") {
					t.Fatalf("seed %d: sound %+v, stream %d", seed, o.formats.Audio, o.audio)
				}
			}
		}
	}
}
