package agent

import (
	"crypto/rand"
	"fmt"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
)

// account is the account that a URI names, as the registrar sees it: the user part if the host is the domain, an
// address or localhost; otherwise user@host, which is no account's name.
func (a *Agent) account(uri *sip.Uri) string {
	user := header.Name(header.User(uri))
	host := header.Host(uri.Host)
	if host == a.domain || host == "localhost" {
		return user
	}
	if _, err := header.Addr(host); err == nil {
		return user
	}
	return user + "@" + header.Name(host)
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
