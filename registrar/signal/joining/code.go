// Package joining is what a new window and its registrar say to each other until the window has an account: the code that a
// member hands to a newcomer, the proof by which the registrar shows that it made that code, and what is then asked and answered
// over HTTPS.
//
//	member      ewindow-registrar invite potsdam …  ──▶ code, on paper or as QR
//	window      Prove   {id, nonce}     ─────▶
//	registrar           {statement, proof}  ◀──   who I am, for whom this code is, the rules
//	                                              the proof binds the authority of this very connection
//	people      read the rules, accept them
//	window      Redeem  {token, rules, csr} ──▶
//	registrar           Membership          ◀──   secret, address-of-record, registrar, certificate
//
//	window      {}, over TLS with its certificate, two months later ──▶
//	registrar           Renewed             ◀──   the next one, for the same key
//
// The token leaves the window only after the proof: whoever stands in between learns its ID, which opens nothing.
package joining

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// A Token is the secret of a code, 128 bits.
type Token [16]byte

// NewToken makes one that nobody can guess.
func NewToken() Token {
	var t Token
	_, _ = rand.Read(t[:]) // it never fails: crypto/rand
	return t
}

// A Code is what a member hands to whoever sets up a new window. Whoever has it can join once in that window's name: it belongs into
// no log, and has therefore no String method.
type Code struct {
	Host  string // of the registrar: a name or an IP address, in lower case
	Port  int    // 0 where the code names none: then Ports are tried
	Token Token
	Pin   string // of the registrar's authority, as package pin writes it; empty in a code that was typed
}

// Ports are where a registrar is asked whose code names no port: the one for networks that let out nothing else, and that of SIP.
func Ports() []int { return []int{443, 5061} }

const (
	scheme     = "ewindow:"
	groupSize  = 5
	maxHost    = 253 // bytes of a DNS name
	maxWritten = 600 // bytes of any code
)

// Typed is the code as people type it: the host, the port if there is one, and six groups of letters and digits, the last two of which check the others.
func (c Code) Typed() string {
	symbols := append(spell(c.Token), 0, 0)
	protect(symbols, c.place())
	var b strings.Builder
	b.WriteString(c.place() + "/")
	for i, s := range symbols {
		if i > 0 && i%groupSize == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(alphabet[s])
	}
	return b.String()
}

// URI is the code as a QR symbol holds it. With the pin of the registrar a window knows whom it talks to even before the proof.
func (c Code) URI() string {
	uri := scheme + c.Typed()
	if c.Pin != "" {
		uri += "?pin=" + c.Pin
	}
	return uri
}

// place is host[:port], as both forms write it.
func (c Code) place() string {
	if c.Port != 0 {
		return net.JoinHostPort(c.Host, strconv.Itoa(c.Port))
	}
	if strings.Contains(c.Host, ":") {
		return "[" + c.Host + "]"
	}
	return c.Host
}

// ErrNoCode is wrapped by the errors of Parse for what has not even a code's form.
var ErrNoCode = errors.New("this is no code; one looks like reg.example.org/7K3MQ-… and is on the invitation")

// Mistyped says that a code has the right form and that some of it is wrong.
type Mistyped struct {
	Group int // where it is probably wrong: 0 the host, 1–6 that group of letters and digits; -1 not known
}

// Error says where to look.
func (e *Mistyped) Error() string {
	switch {
	case e.Group == 0:
		return "the code is mistyped, probably the registrar's name before the slash; compare it with the invitation"
	case e.Group > 0:
		return fmt.Sprintf("the code is mistyped, probably in group %d of the letters after the slash; compare it with the invitation", e.Group)
	}
	return "the code is mistyped in several places; compare it with the invitation"
}

// Parse reads a code in either form, as people write them: in any case, with spaces, with O for 0 and I or L for 1. Errors: ErrNoCode and
// *Mistyped. They never repeat what was typed: it may be all but right.
func Parse(s string) (Code, error) {
	if len(s) > maxWritten {
		return Code{}, fmt.Errorf("%w (it has %d characters)", ErrNoCode, len(s))
	}
	s = strings.Join(strings.Fields(s), "")
	var c Code
	if rest, ok := cutFold(s, scheme); ok {
		s = rest
		var query string
		s, query, _ = strings.Cut(s, "?")
		if err := c.readPin(query); err != nil {
			return Code{}, err
		}
	}
	at := strings.LastIndexByte(s, '/')
	if at < 0 {
		return Code{}, ErrNoCode
	}
	if err := c.readPlace(strings.ToLower(s[:at])); err != nil {
		return Code{}, err
	}
	symbols, err := read(s[at+1:])
	if err != nil {
		return Code{}, err
	}
	if wrong := examine(symbols, c.place()); wrong != sound {
		return Code{}, mistyped(wrong)
	}
	var fits bool
	if c.Token, fits = token(symbols); !fits {
		return Code{}, &Mistyped{Group: -1}
	}
	return c, nil
}

func (c *Code) readPin(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return ErrNoCode
	}
	pin := strings.ToLower(values.Get("pin"))
	if values.Has("pin") && !isPin(pin) {
		return fmt.Errorf("%w: its pin is damaged", ErrNoCode)
	}
	c.Pin = pin
	return nil
}

// isPin knows a pin's form: package pin, which makes them, is no room of signal's.
func isPin(s string) bool {
	digits, ok := strings.CutPrefix(s, "sha256:")
	return ok && len(digits) == 64 && strings.Trim(digits, "0123456789abcdef") == ""
}

// readPlace reads host, host:port, [IPv6] or [IPv6]:port.
func (c *Code) readPlace(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host = s
		if in, ok := strings.CutPrefix(s, "["); ok {
			host, ok = strings.CutSuffix(in, "]")
			if !ok {
				return ErrNoCode
			}
		}
	} else if c.Port, err = strconv.Atoi(port); err != nil || c.Port < 1 || c.Port > 65535 {
		return fmt.Errorf("%w: its port is no number from 1 to 65535", ErrNoCode)
	}
	if !isHost(host) {
		return fmt.Errorf("%w: before the slash stands no host", ErrNoCode)
	}
	c.Host = host
	return nil
}

// isHost is true for what can be a DNS name or an IP address.
func isHost(s string) bool {
	if net.ParseIP(s) != nil {
		return true
	}
	return s != "" && len(s) <= maxHost && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789.-_") == "" && s[0] != '.' && s[0] != '-'
}

func mistyped(symbol int) error {
	switch {
	case symbol == atPlace:
		return &Mistyped{Group: 0}
	case symbol >= 0:
		return &Mistyped{Group: symbol/groupSize + 1}
	}
	return &Mistyped{Group: -1}
}

func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
