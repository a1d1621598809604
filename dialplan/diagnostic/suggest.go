package diagnostic

import (
	"strings"

	"ewindow/dialplan/lookalike"
)

// Nearest is the known word that is nearest to what was written, or "" if none is near.
func Nearest(written string, known []string) string {
	written = lookalike.Latin(written)
	best, distance := "", 1+max(1, len([]rune(written))/3)
	for _, k := range known {
		if d := editDistance(strings.ToLower(written), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// Suggest is `did you mean "x"?` for the nearest known word, or "".
func Suggest(written string, known []string) string {
	if word := Nearest(written, known); word != "" {
		return `did you mean "` + word + `"?`
	}
	return ""
}

// Alternatives is the nearest known word, or all of them.
func Alternatives(written string, known []string) string {
	if s := Suggest(written, known); s != "" {
		return s
	}
	return "known here: " + strings.Join(known, ", ")
}

// editDistance counts letters to insert, delete, replace or exchange with their neighbour (Damerau, Levenshtein).
func editDistance(a, b string) int {
	from, to := []rune(a), []rune(b)
	var older []int
	last := make([]int, len(to)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(from); i++ {
		row := make([]int, len(to)+1)
		row[0] = i
		for j := 1; j <= len(to); j++ {
			cost := 1
			if from[i-1] == to[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
		older, last = last, row
	}
	return last[len(to)]
}
