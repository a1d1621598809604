// Command package makes what the Debian packages hold beside the programs: man pages and completions, of the programs' own help, and the
// licences of all that is in them.
//
//	programs ── --help ──▶ command tree ──┬▶ NAME.1       ──┐
//	                                      └▶ completion     ├──▶ stage ──▶ nfpm ──▶ NAME_VERSION_ARCH.deb
//	         ── build info ▶ modules ─────▶ copyright     ──┘
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

func main() {
	bin := flag.String("bin", "bin", "the programs of this machine, for their help")
	target := flag.String("target", "bin", "the programs that are packed, for their licences")
	stage := flag.String("stage", "bin/deb/stage", "where it goes")
	date := flag.Int64("date", 0, "seconds since 1970 that man pages bear")
	flag.Parse()
	if err := run(*bin, *target, *stage, time.Unix(*date, 0).UTC()); err != nil {
		fmt.Fprintln(os.Stderr, "package:", err)
		os.Exit(1)
	}
}

// programs are those that people call, and what is packed with each.
var programs = []struct {
	page
	parts []string
}{
	{page{Name: "ewindow", About: aboutWindow}, []string{"ewindow", "ewindow-media"}},
	{page{Name: "ewindow-registrar", About: aboutRegistrar}, []string{"ewindow-registrar"}},
}

func run(bin, target, stage string, date time.Time) error {
	for _, p := range programs {
		tree, err := read(filepath.Join(bin, p.Name))
		if err != nil {
			return err
		}
		var parts []string
		for _, part := range p.parts {
			parts = append(parts, filepath.Join(target, part))
		}
		licences, err := copyright(parts)
		if err != nil {
			return err
		}
		for name, text := range map[string]string{
			p.Name + ".1":         man(p.page, tree, date),
			p.Name + ".bash":      completion(tree),
			p.Name + ".copyright": licences,
		} {
			path := filepath.Join(stage, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
