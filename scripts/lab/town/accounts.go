package town

import (
	"sync"

	"ewindow/registrar/auth"
	"ewindow/registrar/store"
)

// accounts has one for every name, until it is removed.
type accounts struct {
	mu      sync.Mutex
	removed map[string]bool
	secrets map[string]string // those that were rotated
}

func secret(name string) string { return "secret of " + name }

// Account is what the registrar knows of one.
func (a *accounts) Account(name string) (store.Account, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, rotated := a.secrets[name]
	if !rotated {
		s = secret(name)
	}
	return store.Account{
		Name: name, Realm: Domain,
		HA1MD5:    auth.HA1(auth.MD5, name, Domain, s),
		HA1SHA256: auth.HA1(auth.SHA256, name, Domain, s),
	}, !a.removed[name]
}

// Current says that it is true.
func (a *accounts) Current() error { return nil }

func (a *accounts) set(name string, removed bool, secret string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.removed == nil {
		a.removed, a.secrets = map[string]bool{}, map[string]string{}
	}
	a.removed[name] = removed
	a.secrets[name] = secret
}

// RemoveAccount takes a window's account away.
func (tw *Town) RemoveAccount(space string) {
	tw.accounts.set(space, true, "")
	tw.server.AccountChanged(space)
}

// RestoreAccount makes a removed account again, with the secret that the window has.
func (tw *Town) RestoreAccount(space string) {
	tw.accounts.set(space, false, secret(space))
	tw.server.AccountChanged(space)
}

// RotateAccount gives a window's account another secret, which the window does not know yet.
func (tw *Town) RotateAccount(space, secret string) {
	tw.accounts.set(space, false, secret)
	tw.server.AccountChanged(space)
}

// SetSecret puts another secret into the window's file.
func (w *Window) SetSecret(secret string) { w.agent.SetSecret(secret) }
