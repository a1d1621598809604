package header

import (
	"strings"

	"ewindow/registrar/signal/plain"
)

// How long texts from the network may be, in characters.
const (
	MaxName = 64  // of somebody or something: a display name, a user, a host
	MaxText = 200 // of a sentence: a reason phrase, a header's value
)

// Name makes a name from the network fit for a screen and a log: see plain.Line.
func Name(s string) string { return plain.Line(s, MaxName) }

// Text makes a sentence from the network fit for a screen and a log: see plain.Line.
func Text(s string) string { return plain.Line(s, MaxText) }

// Safe makes a text from anywhere fit for a header's value, a display name or a reason phrase: besides, it has no quotes
// or backslashes that end a quoted string (sipgo writes display names as they are).
func Safe(s string) string { return strings.NewReplacer(`"`, "'", `\`, "/").Replace(Text(s)) }

// Warning is the value of a Warning header that tells people why (RFC 3261 §20.43: 399 is text, to be shown or logged).
// agent is a host or name that says who warns.
func Warning(agent, reason string) string { return "399 " + agent + ` "` + Safe(reason) + `"` }

// DisplayName is a display name as sipgo left it, quoted pairs resolved (RFC 3261 §25.1), fit for a screen.
func DisplayName(raw string) string { return Name(unescape(raw)) }

// ReasonText is the text of a Reason header (RFC 3326), for people.
func ReasonText(value string) string {
	for _, reason := range split(value, ',') {
		if text := Text(Param(reason, "text")); text != "" {
			return text
		}
	}
	return ""
}
