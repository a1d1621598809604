package enginetest

import (
	"bytes"
	"testing"

	"ewindow/media/h264"
)

func TestPictureRoundTrip(t *testing.T) {
	for _, pad := range []int{0, 22, 254, 255, 256, 3000} {
		for _, p := range []Picture{
			{Seed: 0, Counter: 0, Key: true},
			{Seed: 0, Counter: 1}, // zeros that need emulation prevention
			{Seed: 0xffff, Counter: 0xffffffff, Key: true},
			{Seed: 3, Counter: 0x01000003, Width: 1280},
		} {
			au := accessUnit(p, p.Counter, pad)
			if got, ok := ParsePicture(au); !ok || got != p {
				t.Errorf("pad %d: wrote %+v, read %+v, %v", pad, p, got, ok)
			}
			if len(au) < pad {
				t.Errorf("%d bytes, wanted at least %d", len(au), pad)
			}
			// As it may come from a depacketizer: all start codes of three bytes.
			short := bytes.ReplaceAll(au, []byte{0, 0, 0, 1}, []byte{0, 0, 1})
			if got, ok := ParsePicture(short); !ok || got != p {
				t.Errorf("pad %d: short start codes: read %+v, %v", pad, got, ok)
			}
		}
	}
}

func TestPictureNotWhole(t *testing.T) {
	au := accessUnit(Picture{Seed: 1, Counter: 7, Key: true}, 0, 0)
	for _, missing := range []byte{0x67, 0x68, 0x06, 0x65} {
		var cut []byte
		for nal := range h264.NALs(au) {
			if nal[0] != missing {
				cut = append(append(cut, 0, 0, 0, 1), nal...)
			}
		}
		if p, ok := ParsePicture(cut); ok {
			t.Errorf("without NAL unit %#x it is %+v", missing, p)
		}
	}
}

func FuzzParsePicture(f *testing.F) {
	f.Add(accessUnit(Picture{Seed: 1, Counter: 2, Key: true}, 0, 0))
	f.Add(accessUnit(Picture{Seed: 1, Counter: 3}, 1, 300))
	f.Add([]byte{0, 0, 1, 6, 5, 255})
	f.Fuzz(func(t *testing.T, au []byte) { ParsePicture(au) })
}
