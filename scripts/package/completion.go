package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// completion is a script for bash: the words of commands, then their flags, then files.
func completion(top *command) string {
	name := strings.Fields(top.Help)[1] // Usage: NAME
	function := "_" + strings.ReplaceAll(name, "-", "_")
	var b strings.Builder
	fmt.Fprintf(&b, "# bash completion of %s; made of its help\n%s() {\n", name, function)
	b.WriteString(`	local cur=${COMP_WORDS[COMP_CWORD]} command="" word
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case $word in -*) ;; *) command+="${command:+ }$word" ;; esac
	done
	COMPREPLY=()
	case $command in
`)
	next := map[string][]string{} // after these words: those
	for _, c := range top.Subs {
		words := strings.Fields(c.Name)
		for i, word := range words {
			before := strings.Join(words[:i], " ")
			if !slices.Contains(next[before], word) {
				next[before] = append(next[before], word)
			}
		}
	}
	for _, before := range slices.Sorted(maps.Keys(next)) {
		fmt.Fprintf(&b, "\t%q) mapfile -t COMPREPLY < <(compgen -W %q -- \"$cur\") ;;\n", before, strings.Join(append(next[before], "--help"), " "))
	}
	for _, c := range top.Subs {
		fmt.Fprintf(&b, "\t%q*) [[ $cur == -* ]] && mapfile -t COMPREPLY < <(compgen -W %q -- \"$cur\") ;;\n", c.Name, strings.Join(c.Flags, " "))
	}
	fmt.Fprintf(&b, "\tesac\n}\ncomplete -o default -F %s %s\n", function, name)
	return b.String()
}
