package rig

import (
	"reflect"
	"testing"
	"time"
)

func TestParseLook(t *testing.T) {
	got, err := parseLook("1790000000.1250 83.5 31.9 4000000001 00ff7f")
	want := Look{At: time.UnixMilli(1790000000125), Age: 83500 * time.Microsecond, PSNR: 31.9, Code: 4000000001, Grid: []byte{0, 255, 127}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, line := range []string{"", "1 2", "1 x 3", "1 2 3", "1 2 3 -4 00", "1 2 3 4 0"} {
		if got, err := parseLook(line); err == nil {
			t.Errorf("%q is %+v", line, got)
		}
	}
}
