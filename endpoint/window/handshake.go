package window

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"ewindow/endpoint/trust"
	"ewindow/media"
	"ewindow/media/handshake"
	"ewindow/media/negotiate"
)

// secured is what became of a handshake of a call's stream.
type secured struct {
	id     string
	medium media.Medium
	handshake.Agreement
	err error
}

// newIdentity is what the window shows in handshakes: its key, or where it has none one that does not outlive the process.
func newIdentity(key *trust.Key, log *slog.Logger) *handshake.Identity {
	var signer crypto.Signer
	var err error
	if key != nil {
		signer = key.Signer()
	} else {
		signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err == nil {
		var id *handshake.Identity
		if id, err = handshake.NewIdentity(signer); err == nil {
			return id
		}
	}
	log.Error("the window has no certificate: there can be no calls to other windows", "err", err)
	return nil
}

// fingerprint is what SDP says of it.
func (w *Window) fingerprint() negotiate.Fingerprint {
	if w.identity == nil {
		return negotiate.Fingerprint{}
	}
	return w.identity.Fingerprint()
}

// keying is how a call's streams agree on keys: with a partner only if its key is the one that it is known by.
func (w *Window) keying(l *leg) media.Keying {
	id, peer := l.id, l.peer
	k := media.Keying{
		Identity: w.identity,
		Agreed:   func(m media.Medium, a handshake.Agreement) { w.tell(secured{id: id, medium: m, Agreement: a}) },
		Failed:   func(m media.Medium, err error) { w.tell(secured{id: id, medium: m, err: err}) },
	}
	if l.policy == negotiate.DTLS && w.cfg.Pins != nil {
		k.Verify = func(public []byte) error { return w.cfg.Pins.Meet(peer, public) }
	}
	return k
}

// secured notes that a stream has its keys, or why it has none. Whose key is refused is hung up on.
func (w *Window) secured(ctx context.Context, m secured) {
	l := w.legs[m.id]
	if l == nil || l.session == nil {
		return
	}
	var refusal *handshake.Refusal
	switch {
	case errors.As(m.err, &refusal):
		w.fail(ctx, l, refusal.Err)
		return
	case m.err != nil:
		w.trouble.keys.Met(m.err.Error(), "peer", l.peer, "call_id", l.callID, "stream", m.medium, "err", m.err)
		if w.isPartner(l) {
			w.history.begin(aboutKeys, "no keys agreed on with "+l.peer, m.err.Error())
		}
		return
	}
	w.trouble.keys.Well("peer", l.peer, "call_id", l.callID)
	if w.isPartner(l) {
		w.history.over(aboutKeys, "another handshake")
	}
	if l.keyed = append(l.keyed, m.medium); len(l.keyed) > len(handshakes(l.description)) {
		l.keyed = l.keyed[1:] // it was agreed on anew
	}
	w.log.Debug("keys are agreed on", "peer", l.peer, "call_id", l.callID,
		"stream", m.medium, "suite", m.Send.Suite, "took", m.Took.String())
	w.step(ctx, l.media(time.Now()))
}

// handshakes are the streams whose keys are agreed on by one.
func handshakes(d negotiate.Description) (of []media.Medium) {
	if d.Audio != nil && d.Audio.Handshake != nil {
		of = append(of, media.Audio)
	}
	if d.Video != nil && d.Video.Handshake != nil {
		of = append(of, media.Video)
	}
	return of
}

// keyless says that a call waits for keys.
func (l *leg) keyless() bool { return len(l.keyed) < len(handshakes(l.description)) }

// keyKind is where the keys of a call come from: dtls, a handshake between its two ends; sdes, SDP, where the registrar can read
// them; none, there are none.
func keyKind(d negotiate.Description) string {
	kind := ""
	for _, s := range []*negotiate.Stream{d.Audio, d.Video} {
		switch {
		case s == nil:
		case s.Plain:
			return "none"
		case s.Send != nil:
			kind = "sdes"
		case kind == "":
			kind = "dtls"
		}
	}
	return kind
}
