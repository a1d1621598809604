package answers

import (
	"bytes"
	"errors"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"ewindow/dialplan/nesting"
)

// ErrSyntax says that a file cannot be formatted, since what it says is guesswork. The dialplan says where.
var ErrSyntax = errors.New("the syntax has errors")

// Format aligns a file of the dialplan: indents, the = of settings that follow each other, comments behind them; one
// empty line at most, and lines end in \n. Comments and the order stay. What is formatted stays as it is.
func Format(src []byte) ([]byte, error) {
	if broken(src) {
		return nil, ErrSyntax
	}
	out := bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n"))
	const enough = 4 // one comment may be aligned by another that itself moves
	for range enough {
		next := tidy(hclwrite.Format(out))
		if bytes.Equal(next, out) {
			break
		}
		out = next
	}
	if broken(out) || !sameWords(src, out) {
		return nil, errors.New("formatting would change what this file says; it is left as it is")
	}
	return out, nil
}

func broken(src []byte) bool {
	_, diags := nesting.Parse(src, "")
	return diags.HasErrors()
}

// tidy takes away blanks at the ends of lines, and empty lines at both ends of a file and of a block, and after another
// one. What stands in a comment of several lines stays.
func tidy(src []byte) []byte {
	var out []byte
	kept := several(src)
	skip := true // the next line, if it is empty
	for number, line := range bytes.Split(bytes.TrimRight(src, "\n"), []byte("\n")) {
		if kept[number+1] {
			out, skip = append(append(out, line...), '\n'), false
			continue
		}
		line = bytes.TrimRight(line, " \t\r")
		if len(line) == 0 && skip {
			continue
		}
		if bytes.Equal(bytes.TrimSpace(line), []byte("}")) {
			out = append(bytes.TrimRight(out, "\n"), '\n')
		}
		skip = len(line) == 0 || bytes.HasSuffix(line, []byte("{")) && !bytes.ContainsAny(line, "#/")
		out = append(append(out, line...), '\n')
	}
	return out
}

// several are the lines, from 1, of comments and texts that take more than one.
func several(src []byte) map[int]bool {
	lines := map[int]bool{}
	tokens, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos)
	first := 0
	for _, t := range tokens {
		last := t.Range.Start.Line + bytes.Count(bytes.TrimRight(t.Bytes, "\n"), []byte("\n"))
		switch {
		case t.Type == hclsyntax.TokenOHeredoc:
			first = t.Range.Start.Line
		case t.Type == hclsyntax.TokenCHeredoc && first > 0:
			mark(lines, first, last)
			first = 0
		case last > t.Range.Start.Line:
			mark(lines, t.Range.Start.Line, last)
		}
	}
	return lines
}

func mark(lines map[int]bool, first, last int) {
	for n := first; n <= last; n++ {
		lines[n] = true
	}
}

// sameWords says whether two files consist of the same tokens, empty lines aside.
func sameWords(a, b []byte) bool {
	words := func(src []byte) (out []string) {
		tokens, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos)
		for _, t := range tokens {
			text := bytes.TrimSpace(bytes.ReplaceAll(t.Bytes, []byte("\r\n"), []byte("\n")))
			if len(text) > 0 {
				out = append(out, string(text))
			}
		}
		return out
	}
	x, y := words(a), words(b)
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if x[i] != y[i] {
			return false
		}
	}
	return true
}
