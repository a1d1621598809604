package h264

import (
	"bytes"
	"testing"
)

// recoverySEI says that pictures are whole after n more.
func recoverySEI(n uint64) []byte {
	b := new(bitWriter).ue(n).u(4, 0).nal(0x06)
	return append([]byte{0x06, recoveryPoint, byte(len(b) - 1)}, append(b[1:], 0x80)...)
}

func TestRecovery(t *testing.T) {
	other := []byte{0x06, 255, 3, 2, 7, 7, 0x80}
	for name, c := range map[string]struct {
		au   []byte
		want int // -1: none
	}{
		"none":              {annexB(good, pps0, p0), -1},
		"put in front":      {AppendRecovery(nil, annexB(good, pps0, p0)), 0},
		"at once":           {annexB(recoverySEI(0), p0), 0},
		"after 29":          {annexB(good, pps0, recoverySEI(29), p0), 29},
		"behind another":    {annexB(append(bytes.Clone(other[:6]), recoverySEI(5)[1:]...), p0), 5},
		"in another":        {annexB(other, recoverySEI(7), p0), 7},
		"cut":               {annexB([]byte{0x06, recoveryPoint, 1}), -1},
		"a size of nothing": {annexB([]byte{0x06, recoveryPoint, 0, 0x84, 0x80}), -1},
		"no end":            {annexB(append([]byte{0x06}, bytes.Repeat([]byte{255}, 900)...)), -1},
		"too long":          {annexB([]byte{0x06, 1, 200, 5, 0x80}), -1},
	} {
		n, found := Recovery(c.au)
		if !found {
			n = -1
		}
		if n != c.want {
			t.Errorf("%s: %d, want %d", name, n, c.want)
		}
	}
}
