package red

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	b := func(kind uint8, offset uint32, data string) Block { return Block{kind, offset, []byte(data)} }
	for name, c := range map[string]struct {
		payload string
		want    []Block
		err     string
	}{
		"one frame":              {"\x6fabc", []Block{b(111, 0, "abc")}, ""},
		"a copy":                 {"\xef\x0f\x00\x02\x6fabcde", []Block{b(111, 960, "ab"), b(111, 0, "cde")}, ""},
		"two copies":             {"\xef\x1e\x00\x01\xef\x0f\x00\x02\x6fabcde", []Block{b(111, 1920, "a"), b(111, 960, "bc"), b(111, 0, "de")}, ""},
		"another type":           {"\x80\x0f\x00\x01\x6fab", []Block{b(0, 960, "a"), b(111, 0, "b")}, ""},
		"the longest offset":     {"\xef\xff\xfc\x01\x6fab", []Block{b(111, MaxOffset, "a"), b(111, 0, "b")}, ""},
		"an empty copy":          {"\xef\x0f\x00\x00\x6fa", []Block{b(111, 960, ""), b(111, 0, "a")}, ""},
		"nothing after the copy": {"\xef\x0f\x00\x02\x6fab", []Block{b(111, 960, "ab"), b(111, 0, "")}, ""},
		"nothing":                {"", nil, "the headers have no end"},
		"only headers":           {"\xef\x0f\x00\x02", nil, "the headers have no end"},
		"half a header":          {"\xef\x0f\x00", nil, "header of 3 bytes, want 4"},
		"half a second header":   {"\xef\x0f\x00\x00\xff", nil, "header of 1 bytes, want 4"},
		"a copy that is longer":  {"\xef\x0f\x00\x03\x6fab", nil, "copy 0 is 3 bytes, 2 are left"},
		"a second one":           {"\xef\x1e\x00\x01\xef\x0f\x03\xff\x6fab", nil, "copy 1 is 1023 bytes, 1 are left"},
		"headers without end":    {strings.Repeat("\xff", 1200), nil, "more than 16 copies"},
	} {
		got, err := Read(nil, []byte(c.payload))
		if c.err != "" {
			if err == nil || err.Error() != "red: "+c.err {
				t.Errorf("%s: %v, want %s", name, err, c.err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, c.want)
		}
	}
}

// What is written is read.
func TestAppend(t *testing.T) {
	newest := Block{111, 0, bytes.Repeat([]byte{3}, 1275)}
	earlier := []Block{{111, MaxOffset, bytes.Repeat([]byte{1}, MaxLength)}, {96, 1, []byte{2}}}
	for n := range len(earlier) + 1 {
		p := Append([]byte("head"), earlier[:n], newest)
		size := lastHeader + len(newest.Data)
		for _, e := range earlier[:n] {
			size += Size(len(e.Data))
		}
		if len(p) != 4+size || string(p[:4]) != "head" {
			t.Errorf("%d copies: %d bytes behind the head, want %d", n, len(p)-4, size)
		}
		got, err := Read(make([]Block, 0, 3), p[4:])
		if want := append(earlier[:n:n], newest); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%d copies: %v, %v", n, got, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"", "\x6fabc", "\xef\x0f\x00\x02\x6fabcde", "\xef\x1e\x00\x01\xef\x0f\x00\x02\x6fabcde", "\xef\x0f\x00", "\xff\xff\xff\xff\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		blocks, err := Read(nil, payload)
		if err != nil {
			return
		}
		size := lastHeader
		for i, b := range blocks {
			size += len(b.Data)
			if i < len(blocks)-1 {
				size += header
			}
			if b.Type > 127 || b.Offset > MaxOffset {
				t.Errorf("block %d: %+v", i, b)
			}
		}
		if size != len(payload) || len(blocks) > maxBlocks+1 {
			t.Errorf("%d blocks of %d bytes from %d", len(blocks), size, len(payload))
		}
		last := len(blocks) - 1
		if again := Append(nil, blocks[:last], blocks[last]); !bytes.Equal(again, payload) {
			t.Errorf("read and written again it is % x, was % x", again, payload)
		}
	})
}
