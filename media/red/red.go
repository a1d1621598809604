// Package red puts several frames of sound into one packet, and takes them out again (RFC 2198): beside the newest frame go
// copies of earlier ones, so that a packet that is lost is made up for by the next.
//
//	1 │ type, 7 bits │ timestamp offset, 14 bits │ length, 10 bits      for each copy, the oldest first
//	0 │ type, 7 bits                                                    of the newest frame
//	data of each, in the same order; the newest takes what is left
package red

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	MaxOffset = 1<<14 - 1 // ticks of the clock that a copy may be older than the packet: 341 ms at 48 kHz
	MaxLength = 1<<10 - 1 // bytes of a copy

	// maxBlocks bounds what is read of a packet. Nobody sends more than a few.
	maxBlocks = 16

	header     = 4
	lastHeader = 1
)

// Block is one frame of a packet.
type Block struct {
	Type   uint8  // payload type
	Offset uint32 // how much earlier than the packet's timestamp it begins, in ticks; 0: it is the packet's own frame
	Data   []byte
}

// Size is how many bytes a copy of so many takes.
func Size(copied int) int { return header + copied }

// Append writes a packet's payload: earlier frames, the oldest first, and the newest. Nothing of it is checked: an Offset of 1
// to MaxOffset, Data of MaxLength at most.
func Append(b []byte, earlier []Block, newest Block) []byte {
	for _, e := range earlier {
		b = binary.BigEndian.AppendUint32(b, 1<<31|uint32(e.Type&0x7f)<<24|e.Offset<<10|uint32(len(e.Data)))
	}
	b = append(b, newest.Type&0x7f)
	for _, e := range earlier {
		b = append(b, e.Data...)
	}
	return append(b, newest.Data...)
}

// Read takes a packet's payload apart, into the memory of blocks: the last one is the newest. Their Data is the payload's.
func Read(blocks []Block, payload []byte) ([]Block, error) {
	blocks = blocks[:0]
	rest := payload
	for {
		if len(rest) < lastHeader {
			return nil, errors.New("red: the headers have no end")
		}
		if rest[0]&0x80 == 0 {
			break
		}
		if len(rest) < header {
			return nil, fmt.Errorf("red: header of %d bytes, want %d", len(rest), header)
		}
		if len(blocks) == maxBlocks {
			return nil, fmt.Errorf("red: more than %d copies", maxBlocks)
		}
		h := binary.BigEndian.Uint32(rest)
		blocks = append(blocks, Block{Type: uint8(h>>24) & 0x7f, Offset: h >> 10 & MaxOffset})
		rest = rest[header:]
	}
	newest := rest[0] & 0x7f
	data := rest[lastHeader:]
	for i := range blocks {
		n := int(binary.BigEndian.Uint16(payload[i*header+2:]) & MaxLength)
		if n > len(data) {
			return nil, fmt.Errorf("red: copy %d is %d bytes, %d are left", i, n, len(data))
		}
		blocks[i].Data, data = data[:n:n], data[n:]
	}
	return append(blocks, Block{Type: newest, Data: data}), nil
}
