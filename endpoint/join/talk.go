package join

import (
	"context"
	"crypto"
	"errors"
	"time"

	"ewindow/registrar/signal/joining"
)

// People are whoever sets a window up: at a terminal, or before its screen.
type People interface {
	// Tell says what is so. The zero Words say nothing.
	Tell(Words)
	// Code is the text of a code. wrong is why the one before did not do, nil for the first; who has no other returns it.
	Code(ctx context.Context, wrong error) (string, error)
	// Accept shows the exchange rules, and returns nil once somebody has accepted them, else ErrNotAccepted.
	Accept(context.Context, joining.Rules) error
}

// A Newcomer is a window that has no file yet.
type Newcomer struct {
	File    string // to be written
	State   string // directory of the key, where the certificate goes
	Devices Devices

	// Own takes up the window's key for a space, and keeps others from it until done. Its error says why this machine is not to be that window.
	Own func(space string) (key crypto.Signer, done func() error, err error)
}

// Join asks people for codes until one makes the window a member and its file is written. Before that last step nothing is. An error is that of
// the last code.
func (n Newcomer) Join(ctx context.Context, p People) error {
	var wrong error
	for {
		text, err := p.Code(ctx, wrong)
		if err != nil {
			return err
		}
		if wrong = n.once(ctx, text, p); wrong == nil || cut(ctx, wrong) {
			return wrong
		}
	}
}

func (n Newcomer) once(ctx context.Context, text string, p People) (err error) {
	code, err := joining.Parse(text)
	if err != nil {
		return err
	}
	p.Tell(Asking(code))
	offer, err := Ask(ctx, code)
	if err != nil {
		return err
	}
	p.Tell(offer.Proven())
	p.Tell(offer.Before())
	p.Tell(offer.Clock(time.Now()))
	if err := p.Accept(ctx, offer.Rules); err != nil {
		return err
	}
	key, done, err := n.Own(offer.Space)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	m, err := offer.Redeem(ctx, key)
	if err != nil {
		return err
	}
	if err := KeepCertificate(n.State, m.Certificate); err != nil {
		return err
	}
	if err := Write(n.File, m, n.Devices); err != nil {
		return err
	}
	p.Tell(Welcome(offer, n.File))
	return nil
}
