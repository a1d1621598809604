package nesting

import (
	"strings"
	"testing"
)

// Everything by which a file goes deep is refused where it becomes too deep; what is not refused can be parsed, be it
// ever so long.
func TestParse(t *testing.T) {
	const n = 500_000
	for _, c := range []struct {
		name, head, unit string
		deep             bool
	}{
		{"parentheses", "x = ", "(", true},
		{"tuples", "x = ", "[", true},
		{"objects", "x = ", "{a = ", true},
		{"blocks", "", "a {\n", true},
		{"calls", "x = ", "f(", true},
		{"templates", `x = "`, `${"`, true},
		{"conditions in templates", `x = "`, `%{ if true }${"`, true},
		{"conditionals", "x = ", "a ? b : ", true},
		{"signs", "x = ", "-", true},
		{"negations", "x = ", "!", true},
		{"signs on lines of their own", "x = (", "-\n", true},
		{"indices", "x = a", "[b", true},
		{"a long list", "x = [", "-1, !a, (2), \"${b}\", {c = 1},", false},
		{"many blocks", "", "a {\n  b = [1]\n}\n", false},
		{"a sum", "x = 1", " - 1", false},
		{"splats", "x = a", "[*]", true},
		{"attributes", "x = a", ".b", false},
		{"splats of attributes", "x = a", ".*", true},
		{"a product", "x = 1", " * 1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, count := range []int{10, n / len(c.unit)} {
				src := []byte(c.head + strings.Repeat(c.unit, count))
				file, diags := Parse(src, "plan.hcl")
				deep := len(diags) == 1 && diags[0].Summary == tooDeep
				if want := c.deep && count > Max; deep != want || file.Body == nil {
					t.Fatalf("%d: %d problems", count, len(diags))
				}
				if deep && diags[0].Subject.Start.Byte > len(c.head)+(Max+1)*len(c.unit) {
					t.Errorf("found only at %v", diags[0].Subject)
				}
			}
		})
	}
}
