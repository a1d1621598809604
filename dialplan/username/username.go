// Package username is the one grammar of the names that stand in SIP addresses: a space, a phone or a group of the plan, the
// account beside it in the registrar's store, and the window that logs in with it. A name that one of them takes and
// another does not would make an account that nobody can use.
//
// It stands beside the dialplan because that may import nothing outside of its own room, and everybody may import it.
package username

import "regexp"

// Rule is the grammar in words, for what follows "write" or "use" in a message.
const Rule = "small letters, digits, - and _, a letter first, 63 at most"

var pattern = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)

// Valid says whether s is a name. It needs no escaping in a URI, in a digest or in the plan, is spelt in one way only
// (RFC 3261 §19.1.4 compares user parts with case), and fits a DNS label.
func Valid(s string) bool { return pattern.MatchString(s) }
