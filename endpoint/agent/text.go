package agent

import (
	"crypto/rand"
	"crypto/sha256"
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

// instanceOf is the UUID by which the registrar knows this device again (RFC 5626 §4.1): made of its media key (RFC 9562 §5.8), it is the same
// after each start, is in the same backup, and follows the key to another machine. Two machines with one key are one device to
// everybody; so they are here. Without a key it is new each time.
func instanceOf(mediaKey string) string {
	if mediaKey == "" {
		return newUUID()
	}
	sum := sha256.Sum256([]byte("E-Window: the instance of the window with the key " + mediaKey))
	return formatUUID([16]byte(sum[:16]), 8)
}

// newUUID is a random UUID (RFC 9562 §5.4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return formatUUID(b, 4)
}

func formatUUID(b [16]byte, version byte) string {
	b[6], b[8] = b[6]&0x0f|version<<4, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
