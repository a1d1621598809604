package proxy

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// whole is where Server may be named. What is elsewhere are parts, which get what they need and nothing more.
var whole = []string{"proxy.go", "run.go", "handle.go", "revoke.go", "probation.go", "status.go", "state.go"}

func TestPartsDoNotKnowTheServer(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(gotoken.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && id.Name == "Server" {
				seen++
				if !slices.Contains(whole, name) {
					t.Errorf("%s names Server", name)
				}
			}
			return true
		})
	}
	if seen < 10 {
		t.Errorf("Server is named %d times: this looks at the wrong files", seen)
	}
}
