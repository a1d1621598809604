package joining

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Where the questions are asked: POST, with JSON as body and as answer.
const (
	PathProve  = "/join/prove"
	PathRedeem = "/join/redeem"
	PathRenew  = "/join/renew" // by a window that shows its certificate in TLS; the question is {}
)

// ContentType is the media type of all bodies.
const ContentType = "application/json"

// Bounds of what is read, in bytes.
const (
	MaxQuestion = 8 << 10
	MaxRules    = 32 << 10  // a text for people
	MaxAnswer   = 512 << 10 // letters that JSON and base64 write long make eight of one
)

// ID is how a registrar finds an invitation without its token: 32 hex digits.
func (t Token) ID() string { return hex.EncodeToString(t.derive("ewindow join: id")[:16]) }

// Key is all that the registrar keeps of a token. With it it proves that it made the code, and knows the token when it comes; the
// token cannot be found from it.
func (t Token) Key() Key { return Key(t.derive("ewindow join: key")) }

func (t Token) derive(label string) []byte {
	h := hmac.New(sha256.New, t[:])
	h.Write([]byte(label))
	return h.Sum(nil)
}

// A Key stands for a token that is not known.
type Key [sha256.Size]byte

// Of is true if k is t's; how long that takes says nothing about either.
func (k Key) Of(t Token) bool {
	other := t.Key()
	return hmac.Equal(k[:], other[:])
}

// Text writes a token as Redeem carries it.
func (t Token) Text() string { return hex.EncodeToString(t[:]) }

// TokenOf reads what Text wrote. Its error does not repeat it.
func TokenOf(s string) (t Token, err error) {
	if b, err := hex.DecodeString(s); err == nil && len(b) == len(t) {
		return Token(b), nil
	}
	return t, errors.New("the token is not 32 hex digits")
}

// State is what became of an invitation.
type State string

// States of an invitation.
const (
	Open    State = "open"
	Used    State = "used" // by some device; the same one may ask again
	Expired State = "expired"
	Revoked State = "revoked" // by a member, or since the registrar was restored from a backup
)

// Prove asks a registrar whether it made a code.
type Prove struct {
	ID    string `json:"id"`
	Nonce string `json:"nonce"` // 32 hex digits, new each time
}

// Proven is the answer. Statement is the JSON of a Statement: what is proven are these bytes.
type Proven struct {
	Statement []byte `json:"statement"`
	Proof     []byte `json:"proof"`
}

// Statement is what a registrar says about itself and an invitation.
type Statement struct {
	Domain  string    `json:"domain"`
	Space   string    `json:"space"`
	Sponsor string    `json:"sponsor,omitempty"` // with whom alone it may link until it is confirmed; empty for a founder
	State   State     `json:"state"`
	Since   time.Time `json:"since"`   // of the state; for Open: when it was made
	Expires time.Time `json:"expires"` // of the code
	Now     time.Time `json:"now"`     // the registrar's clock: a new window may have none
	Rules   Rules     `json:"rules"`
}

// Rules are the exchange rules that a newcomer accepts.
type Rules struct {
	Version string `json:"version"`
	Text    string `json:"text"`
}

// Prove proves a statement to whoever asked with this nonce over a connection whose chain ends in the authority of that pin. Whoever passes the
// question on to the real registrar shows another chain, and its proof is none.
func (k Key) Prove(nonce, pin string, statement []byte) []byte {
	h := hmac.New(sha256.New, k[:])
	for _, part := range [][]byte{[]byte("ewindow join: proof 1"), []byte(nonce), []byte(pin), statement} {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(part)))
		h.Write(n[:])
		h.Write(part)
	}
	return h.Sum(nil)
}

// ErrProof says that whoever answers does not know the code: somebody stands in between, or the code is another registrar's.
var ErrProof = errors.New("what answers at the registrar's address cannot prove that it made this code; somebody may be in between: do not go on, and ask whoever invited you")

// Check believes an answer to a question with this nonce, over a connection whose chain ends in the authority of that pin, or says ErrProof.
func (k Key) Check(nonce, pin string, a Proven) (*Statement, error) {
	if !hmac.Equal(a.Proof, k.Prove(nonce, pin, a.Statement)) {
		return nil, ErrProof
	}
	var s Statement
	if err := json.Unmarshal(a.Statement, &s); err != nil {
		return nil, fmt.Errorf("what the registrar says about the code is not readable: %w", err)
	}
	return &s, nil
}

// Redeem turns a code into a membership.
type Redeem struct {
	Token string `json:"token"` // its Text
	Rules string `json:"rules"` // the version that was accepted
	CSR   []byte `json:"csr"`   // PKCS #10, DER, signed by the device's key (RFC 2986)
}

// Membership is what a window gets.
type Membership struct {
	Space     string `json:"space"`
	Domain    string `json:"domain"`
	Registrar string `json:"registrar"` // a sips URI
	Pin       string `json:"pin"`
	Secret    string `json:"secret"` // of the SIP account; another one with each answer

	// Certificate is the window's, DER, by the registrar's own authority, for the key of the question. Registrars of before give none.
	Certificate []byte `json:"certificate,omitempty"`
}

// Renewed is what a window gets whose certificate was renewed.
type Renewed struct {
	Certificate []byte `json:"certificate"`
}

// Refusal is the body of every answer that is not 200: what is wrong, and what to do, for people.
type Refusal struct {
	Reason Reason `json:"reason"`
	Text   string `json:"text"`
}

// Error is what it says.
func (r *Refusal) Error() string { return r.Text }

// Reason is a refusal's, for programs.
type Reason string

// Reasons.
const (
	Unknown    Reason = "unknown"    // no such invitation
	WasUsed    Reason = "used"       // by another device
	WasRevoked Reason = "revoked"    // invitation or membership
	TooLate    Reason = "expired"    // the code's seven days are over
	OtherRules Reason = "rules"      // another version is to be accepted
	Unreadable Reason = "unreadable" // the question
	TooMany    Reason = "too many"   // questions from there; Retry-After says for how long
	Trouble    Reason = "trouble"    // at the registrar; try again
	Uncertain  Reason = "uncertain"  // no certificate was shown, or none that this registrar knows
)

// Read reads one question or answer of at most limit bytes from r. What is unknown in it is passed over, so that a newer program may say more.
func Read(r io.Reader, limit int64, into any) error {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return err
	case int64(len(b)) > limit:
		return fmt.Errorf("larger than %d bytes", limit)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("not readable as JSON: %w", err)
	}
	if d.More() {
		return errors.New("more than one JSON value")
	}
	return nil
}

// Refusal is why a code that is not open is refused; nil for one that is.
func (s State) Refusal(since time.Time) *Refusal {
	at := since.Local().Format("Mon 2 Jan 15:04")
	switch s {
	case Open:
		return nil
	case Used:
		return &Refusal{WasUsed, "this code was used by another device on " + at + "; if that was not you, tell whoever invited you at once, and ask for another code"}
	case Expired:
		return &Refusal{TooLate, "this code was good until " + at + "; ask whoever invited you for another one"}
	}
	return &Refusal{WasRevoked, "this code is void since " + at + "; ask whoever invited you for another one"}
}
