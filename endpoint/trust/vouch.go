package trust

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"time"

	"ewindow/registrar/signal/mediakey"
)

// MaxVouch bounds a signature that vouches, in bytes.
const MaxVouch = 80

// vouchFor keeps these signatures apart from those of handshakes, which are made with the same key.
const vouchFor = "E-Window: somebody at the window with the first key has confirmed the second. 1\x00"

func vouched(by, of mediakey.Public) []byte {
	sum := sha256.Sum256([]byte(vouchFor + string(by) + string(of))) // both keys have one length
	return sum[:]
}

// Vouch is the proof that somebody at this window has confirmed a partner's key. It may go by anybody: it is true of these two keys for ever,
// and nobody else can make it.
func (k *Key) Vouch(of mediakey.Public) ([]byte, error) {
	return ecdsa.SignASN1(rand.Reader, k.private, vouched(k.public, of))
}

// Vouched takes the proof of a partner, known by its pinned key, that somebody there has confirmed the key own. It changes nothing of what is
// believed here: it is for people to know that both sides have.
func (p *Pins) Vouched(peer string, own mediakey.Public, proof []byte) error {
	return p.change(func() (bool, error) {
		pin, known := p.pins[peer]
		if !known {
			return false, &unknownError{peer}
		}
		parsed, err := x509.ParsePKIXPublicKey([]byte(pin.Public))
		if err != nil {
			return false, err
		}
		if key, ok := parsed.(*ecdsa.PublicKey); !ok || len(proof) > MaxVouch || !ecdsa.VerifyASN1(key, vouched(pin.Public, own), proof) {
			return false, errors.New("it is not signed with the key that the partner is known by, or is about another key than this window's")
		}
		if !pin.There.IsZero() && pin.Knows == own {
			return false, nil
		}
		pin.There, pin.Knows = time.Now(), own
		p.pins[peer] = pin
		p.log.Info("this window's key is confirmed there", "peer", peer)
		return true, nil
	})
}

// Unvouched notes that a partner does not say any more that this window's key is confirmed there: people there have forgotten it.
func (p *Pins) Unvouched(peer string) error {
	return p.change(func() (bool, error) {
		pin, known := p.pins[peer]
		if !known || pin.There.IsZero() {
			return false, nil
		}
		pin.There, pin.Knows = time.Time{}, ""
		p.pins[peer] = pin
		p.log.Warn("this window's key is not confirmed there any more", "peer", peer)
		return true, nil
	})
}

// mine has what was confirmed there hold for the key own alone, and says whether it was another one: a window that was set up anew, or put
// back from a backup, may have one that nobody there has confirmed.
func (p *Pins) mine(own mediakey.Public) (another bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for peer, pin := range p.pins {
		if !pin.There.IsZero() && pin.Knows != own {
			another = another || pin.Knows != ""
			pin.There, pin.Knows = time.Time{}, ""
			p.pins[peer] = pin
		}
	}
	return another
}
