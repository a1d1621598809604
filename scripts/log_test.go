package scripts_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	logKey  = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	spanKey = regexp.MustCompile(`^(in|for|after|every|within|lasted|took|wait|waited|since|delay|timeout|expires|interval|left|age)$`)
	unitKey = regexp.MustCompile(`_(ms|s|seconds)$`)
	logging = map[string]int{"Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "With": 0, "Log": 3, "logFigures": 3} // before the attributes
)

// Keys in the log are words, and what lasts has its unit: as a duration, or in the name of its key.
func TestLogKeys(t *testing.T) {
	seen, spans := 0, 0
	for _, room := range []string{"../endpoint", "../registrar", "../media", "../dialplan"} {
		err := filepath.WalkDir(room, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				for key, value := range attributes(n) {
					seen++
					where := set.Position(value.Pos())
					if !logKey.MatchString(key) {
						t.Errorf("%s: %q is no word", where, key)
					}
					if spanKey.MatchString(key) {
						spans++
					}
					if what := number(value); what != "" && (spanKey.MatchString(key) || what != "literal" && !unitKey.MatchString(key)) {
						t.Errorf("%s: %q has no unit: give a time.Duration", where, key)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 200 || spans < 4 {
		t.Errorf("%d attributes, %d of them durations: the test does not see the log any more", seen, spans)
	}
}

// attributes are the keys and values of a call that logs.
func attributes(n ast.Node) map[string]ast.Expr {
	call, is := n.(*ast.CallExpr)
	if !is {
		return nil
	}
	f, is := call.Fun.(*ast.SelectorExpr)
	if !is {
		return nil
	}
	first, logs := logging[f.Sel.Name]
	if !logs {
		return nil
	}
	found := map[string]ast.Expr{}
	for i := first; i+1 < len(call.Args); i += 2 {
		key := text(call.Args[i])
		if key == "" {
			i-- // an attribute
			continue
		}
		found[key] = call.Args[i+1]
	}
	return found
}

func text(e ast.Expr) string {
	if lit, is := e.(*ast.BasicLit); is && lit.Kind == token.STRING {
		s, _ := strconv.Unquote(lit.Value)
		return s
	}
	return ""
}

// number says how a value is a bare number: written down, converted, or made of a duration; empty for none.
func number(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "literal"
		}
	case *ast.CallExpr:
		if f, is := e.Fun.(*ast.SelectorExpr); is {
			switch f.Sel.Name {
			case "Seconds", "Milliseconds", "Microseconds", "Minutes", "Hours":
				return "of a duration"
			}
		}
	}
	return ""
}
