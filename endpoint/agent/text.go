package agent

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/emiago/sipgo/sip"
)

// maxName bounds a display name, in characters.
const maxName = 64

// isName says whether s can be an account name: what the dialplan allows as a label.
func isName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, c := range s {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("-_.+", c)) {
			return false
		}
	}
	return true
}

// forPeople makes a text from the network fit for a screen and a log: valid UTF-8, one line, no control or
// formatting characters (an override of writing direction could make one name look like another), bounded.
func forPeople(s string) string {
	var b strings.Builder
	n, space := 0, false
	for _, c := range s {
		if n == maxName {
			break
		}
		switch {
		case c == utf8.RuneError || unicode.Is(unicode.Cf, c):
		case unicode.IsSpace(c) || unicode.IsControl(c):
			space = n > 0
		default:
			if space && n < maxName-1 {
				b.WriteByte(' ')
				n++
			}
			space = false
			b.WriteRune(c)
			n++
		}
	}
	return b.String()
}

// displayName is a display name as sipgo left it, quoted pairs resolved (RFC 3261 §25.1).
func displayName(raw string) string {
	if strings.Contains(raw, `\`) {
		var b strings.Builder
		escaped := false
		for _, c := range raw {
			if c == '\\' && !escaped {
				escaped = true
				continue
			}
			escaped = false
			b.WriteRune(c)
		}
		raw = b.String()
	}
	return forPeople(raw)
}

// account is the account that a URI names, as the registrar sees it: the user part if the host is the domain, an
// address or localhost; otherwise user@host, which is no account's name.
func (a *Agent) account(uri *sip.Uri) string {
	user := forPeople(uri.User)
	host := strings.ToLower(uri.Host)
	if host == a.domain || host == "localhost" {
		return user
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return user
	}
	return user + "@" + forPeople(host)
}

// headerText makes a text fit for a header's value or a reason phrase.
func headerText(s string) string {
	return strings.NewReplacer(`"`, "'", `\`, "/").Replace(forPeople(s))
}

func newTag() string    { return rand.Text()[:16] }
func newCallID() string { return rand.Text() }
func newBranch() string { return sip.RFC3261BranchMagicCookie + rand.Text() }

// newUUID is a random UUID (RFC 9562 §5.4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// reasonText is the text of a Reason header (RFC 3326), for people.
func reasonText(value string) string {
	_, text, ok := strings.Cut(value, `text="`)
	if !ok {
		return ""
	}
	text, _, _ = strings.Cut(text, `"`)
	return forPeople(text)
}
