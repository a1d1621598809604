package proxy

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/netip"

	"ewindow/registrar/location"
)

// A token is the user part of our Record-Route URIs (RFC 5626 §5): it names one side of a dialog, by account and
// by the flow it was last seen on. The MAC covers the Call-ID too, so that a token opens the dialog it was made
// for and no other: holding one is what makes a request "within a dialog" here.
type token struct {
	account string
	flow    location.Flow
}

const macSize = 10 // bytes, as RFC 5626 §5.2 proposes

// sealer makes and opens tokens. The key is kept over restarts, so that calls outlive them.
type sealer struct{ key []byte }

// seal writes t. It is empty for a flow whose address cannot be written, which no socket of ours has.
func (s sealer) seal(callID string, t token) string {
	addr, err := netip.ParseAddrPort(t.flow.Remote)
	if err != nil {
		return ""
	}
	b := make([]byte, macSize, macSize+64)
	b = append(b, t.flow.Transport...) // three letters each
	raw, _ := addr.MarshalBinary()     // cannot fail
	b = append(b, byte(len(raw)))
	b = append(b, raw...)
	b = append(b, t.account...)
	b = append(b, 0)
	b = append(b, t.flow.ID...)
	copy(b, s.mac(callID, b[macSize:]))
	return base64.RawURLEncoding.EncodeToString(b)
}

// open reads what seal wrote for the same Call-ID.
func (s sealer) open(callID, text string) (token, bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < macSize+5 || !hmac.Equal(b[:macSize], s.mac(callID, b[macSize:])) {
		return token{}, false
	}
	b = b[macSize:]
	t := token{flow: location.Flow{Transport: string(b[:3])}}
	n := int(b[3])
	if b = b[4:]; len(b) < n {
		return token{}, false
	}
	var addr netip.AddrPort
	if addr.UnmarshalBinary(b[:n]) != nil {
		return token{}, false
	}
	t.flow.Remote = addr.String()
	account, id, ok := bytes.Cut(b[n:], []byte{0})
	t.account, t.flow.ID = string(account), string(id)
	return t, ok
}

func (s sealer) mac(callID string, payload []byte) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte("flow token\x00" + callID + "\x00"))
	h.Write(payload)
	return h.Sum(nil)[:macSize]
}

// text is a short MAC over strings, fit for a tag or a branch. purpose keeps one use apart from another.
func (s sealer) text(purpose string, parts ...string) string {
	return base64.RawURLEncoding.EncodeToString(s.sum(purpose, parts...)[:macSize])
}

// coin falls for each text to one side or the other, always the same; nobody without the key can tell which.
func (s sealer) coin(purpose, text string) bool { return s.sum(purpose, text)[0]&1 == 1 }

func (s sealer) sum(purpose string, parts ...string) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(purpose))
	for _, p := range parts {
		h.Write([]byte{0})
		h.Write([]byte(p))
	}
	return h.Sum(nil)
}
