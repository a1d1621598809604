package proxy

import (
	"log/slog"
	"time"

	"ewindow/dialplan"
	"ewindow/registrar/flow"
	"ewindow/registrar/metrics"
	"ewindow/registrar/signal/header"
	"ewindow/registrar/signal/mediakey"
)

// Keys are the public media keys of windows, such as a keyring.Ring.
type Keys interface {
	// Note notes an account's key, and says whether it is the first or another one; an error: it is not taken.
	Note(account string, public mediakey.Public, now time.Time) (first, changed bool, err error)
	// Of is an account's key, and its six words; empty if none is known, or not yet.
	Of(account string) (key mediakey.Public, words string)
	// Keep forgets those of accounts that are not there.
	Keep(there func(account string) bool)
}

// mediaKeys takes the keys that windows tell with a REGISTER. What is wrong with one never costs the registration: a window without a key
// is one of an older version.
type mediaKeys struct {
	keys    Keys
	plan    func() *dialplan.Plan
	changed func() // is told that there is another key
	counts  *metrics.Registry
	log     *slog.Logger
}

// take takes the key in a REGISTER that has been carried out. Over anything but TLS somebody on the way could have put his own there.
func (m *mediaKeys) take(r *request, now time.Time) {
	values := r.GetHeaders(header.KeyName)
	if len(values) == 0 || r.flow.Transport != flow.TLS {
		return
	}
	if _, space := m.plan().Space(r.account); !space {
		return
	}
	public, err := mediakey.Parse(values[0].Value())
	var first, changed bool
	if err == nil {
		first, changed, err = m.keys.Note(r.account, public, now)
	}
	switch {
	case err != nil:
		m.counts.MediaKeyTold("refused")
		m.log.Warn("the public key of a window is not taken; partners see the one before, or none", "aor", r.account, "peer", r.flow.Remote, "err", err)
	case changed:
		m.counts.MediaKeyTold("changed")
		m.log.Warn("the public key of a window is another one; its partners refuse it until somebody there confirms it", "aor", r.account,
			"peer", r.flow.Remote, "words", mediakey.WordsOf(public).String())
		m.changed()
	case first:
		m.counts.MediaKeyTold("first")
		m.log.Info("a window has told its public key", "aor", r.account, "peer", r.flow.Remote)
		m.changed()
	}
}

// noKeys keeps none.
type noKeys struct{}

func (noKeys) Note(string, mediakey.Public, time.Time) (first, changed bool, err error) { return }
func (noKeys) Of(string) (key mediakey.Public, words string)                            { return }
func (noKeys) Keep(func(string) bool)                                                   {}
