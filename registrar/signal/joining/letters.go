package joining

import (
	"crypto/sha256"
	"strings"
)

// A token is written in letters of five bits. Those of Crockford's base 32 have no I, L, O and U, since people take them for others.
const (
	alphabet     = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	tokenLetters = 26 // 128 bits in letters of 5, the last of which has two zeros
	checkLetters = 2
	letters      = tokenLetters + checkLetters
)

// spell writes a token in letters, the first bits first.
func spell(t Token) []byte {
	out := make([]byte, 0, letters)
	var held uint
	bits := 0
	for _, b := range t {
		held, bits = held<<8|uint(b), bits+8
		for bits >= 5 {
			bits -= 5
			out = append(out, byte(held>>bits&31))
		}
	}
	return append(out, byte(held<<(5-bits)&31))
}

// token is spell the other way round. fits is false where the spare bits of the last letter are set, which nobody writes.
func token(symbols []byte) (t Token, fits bool) {
	var held uint
	bits, n := 0, 0
	for _, s := range symbols[:tokenLetters] {
		held, bits = held<<5|uint(s), bits+5
		if bits >= 8 {
			bits -= 8
			t[n] = byte(held >> bits)
			n++
		}
	}
	return t, held&(1<<bits-1) == 0
}

// read takes letters as people write them.
func read(s string) ([]byte, error) {
	out := make([]byte, 0, letters)
	for _, c := range strings.ToUpper(s) {
		switch c {
		case '-':
			continue
		case 'O':
			c = '0'
		case 'I', 'L':
			c = '1'
		}
		value := strings.IndexRune(alphabet, c)
		if value < 0 {
			return nil, &Mistyped{Group: min(len(out), letters-1)/groupSize + 1}
		}
		if len(out) == letters {
			return nil, &Mistyped{Group: -1}
		}
		out = append(out, byte(value))
	}
	if len(out) < letters {
		return nil, &Mistyped{Group: -1}
	}
	return out, nil
}

// The two check letters are those of a Reed-Solomon code over the field of 32 elements: they show any two wrong letters, and where one stands
// that is wrong alone. The host takes part as one letter more that is not written, a digest of it.
//
//	place, t0 … t25, c0, c1      Σ symbolᵢ = 0      Σ symbolᵢ·αⁱ = 0      i counts from 0 at c1
const (
	sound   = -2 // examine: nothing is wrong
	several = -1 // more is wrong than one letter
	atPlace = letters
)

// examine says which letter is wrong: its index, atPlace, or sound or several.
func examine(symbols []byte, place string) int {
	s0, s1 := sums(symbols, place)
	switch {
	case s0 == 0 && s1 == 0:
		return sound
	case s0 == 0 || s1 == 0:
		return several
	}
	power := (logs[s1] - logs[s0] + 31) % 31
	switch {
	case power < letters:
		return letters - 1 - power
	case power == letters:
		return atPlace
	}
	return several
}

// protect sets the two check letters, which are the last.
func protect(symbols []byte, place string) {
	symbols[letters-2], symbols[letters-1] = 0, 0
	s0, s1 := sums(symbols, place)
	// c0 + c1 = s0 and α·c0 + c1 = s1, so c0 = (s0+s1)/(α+1)
	symbols[letters-2] = divide(s0^s1, powers[1]^1)
	symbols[letters-1] = s0 ^ symbols[letters-2]
}

func sums(symbols []byte, place string) (s0, s1 byte) {
	digest := sha256.Sum256([]byte(place))
	s0 = digest[0] & 31
	s1 = times(s0, letters)
	for i, s := range symbols {
		s0 ^= s
		s1 ^= times(s, letters-1-i)
	}
	return s0, s1
}

// The field: powers of α, a root of x⁵+x²+1, and their logarithms.
var powers, logs = field()

func field() (powers [31]byte, logs [32]int) {
	x := byte(1)
	for i := range powers {
		powers[i], logs[x] = x, i
		if x <<= 1; x&32 != 0 {
			x ^= 0b100101
		}
	}
	return powers, logs
}

// times is a·α^power.
func times(a byte, power int) byte {
	if a == 0 {
		return 0
	}
	return powers[(logs[a]+power)%31]
}

func divide(a, b byte) byte {
	if a == 0 {
		return 0
	}
	return powers[(logs[a]-logs[b]+31)%31]
}
