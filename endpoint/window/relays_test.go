package window

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/registrar/signal/relays"
)

// The latest relays are there for whoever prepares a call, until they expire or the registrar has none; never on disk or in
// the log.
func TestRelays(t *testing.T) {
	simulate(t, func(l *lab) {
		if r := l.w.Relays(); r != nil {
			t.Errorf("before any came: %+v", r)
		}
		l.planned(plan("milano"))
		for _, password := range []string{"hidden1", "hidden2"} {
			l.sip.tell(relaysCame{&relays.Relays{Version: 1, URIs: []string{"turn:a"}, Username: "u", Password: password, Expires: time.Now().Add(time.Hour)}})
			synctest.Wait()
			if r := l.w.Relays(); r == nil || r.Password != password {
				t.Errorf("%+v, want %s", r, password)
			}
		}
		kept := 0
		err := filepath.WalkDir(l.w.cfg.StateDir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			kept++
			b, err := os.ReadFile(path)
			if bytes.Contains(b, []byte("hidden")) {
				t.Errorf("%s has the password", path)
			}
			return err
		})
		if err != nil || kept == 0 {
			t.Errorf("%d files, %v", kept, err)
		}
		if strings.Contains(l.log.Take(), "hidden") {
			t.Error("the log has the password")
		}
		time.Sleep(time.Hour)
		if r := l.w.Relays(); r != nil {
			t.Errorf("expired: %+v", r)
		}
		l.sip.tell(relaysCame{&relays.Relays{Version: 1, Expires: time.Now().Add(time.Hour)}})
		l.sip.tell(relaysCame{})
		synctest.Wait()
		if r := l.w.Relays(); r != nil {
			t.Errorf("none any more: %+v", r)
		}
	})
}
