package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"time"

	"ewindow/registrar/members"
	"ewindow/registrar/pki"
)

// devices know the machines that have joined, by the certificates that they show.
type devices struct {
	identity *pki.Identity
	record   *members.Watch
}

// holder is the account whose certificate a window shows. Empty: it is of another authority, or nobody can tell while the record cannot be
// read; then the window goes on by its secret alone. An error: who shows it is not let in any more.
func (d devices) holder(shown *x509.Certificate) (account string, err error) {
	if !d.identity.Made(shown) {
		return "", nil
	}
	account = shown.Subject.CommonName
	key := sha256.Sum256(shown.RawSubjectPublicKeyInfo)
	record := d.record.Record()
	switch m, _ := record.Member(account); {
	case record.Device(account) == hex.EncodeToString(key[:]):
		return account, nil
	case !d.record.Whole():
		return "", nil
	case m.State == members.Former:
		return "", fmt.Errorf("the membership of %s was revoked on %s", account, m.Since.Local().Format(time.DateOnly))
	case record.Device(account) != "":
		return "", fmt.Errorf("another machine has become %s since, by a code", account)
	}
	return "", fmt.Errorf("no machine with this key is on record for %s; `ewindow-registrar invite` makes a code by which it joins again", account)
}
