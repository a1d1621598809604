package newcomer

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ewindow/endpoint/join"
	"ewindow/endpoint/status"
	"ewindow/scripts/stage"
)

// heard is what programs log, in the order in which it came.
type heard struct {
	mu    sync.Mutex
	lines []heardLine
}

type heardLine struct {
	at   time.Time
	who  string
	text string
}

func (h *heard) add(who string, line []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, heardLine{time.Now(), who, string(line)})
}

// await is when somebody first logged a line with all these words, behind the first from lines; and which line that is.
func (h *heard) await(t *testing.T, from int, who string, words ...string) (int, time.Time) {
	t.Helper()
	for late := time.After(time.Minute); ; {
		h.mu.Lock()
		for i, l := range h.lines[from:] {
			has := l.who == who
			for _, w := range words {
				has = has && strings.Contains(l.text, w)
			}
			if has {
				h.mu.Unlock()
				return from + i, l.at
			}
		}
		h.mu.Unlock()
		select {
		case <-late:
			t.Fatalf("%s never says %q:\n%s", who, words, h)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (h *heard) len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.lines)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var b bytes.Buffer
	for _, l := range h.lines {
		b.WriteString(l.who + " " + l.text + "\n")
	}
	return b.String()
}

// until waits for what a window says of itself, and returns when that was so.
func until(t *testing.T, n *stage.Network, h *heard, space, what string, is func(status.Status) bool) time.Time {
	t.Helper()
	var last status.Status
	for late := time.After(time.Minute); ; {
		s, err := n.Status(space)
		if err == nil && is(s) {
			return time.Now()
		}
		last = s
		select {
		case <-late:
			t.Fatalf("%s: not %s: %v, %+v\n%s", space, what, err, last, h)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// A card was stolen: whoever has it is munich, in a call, with its secret, its key and its certificate. One `member revoke`, and the call, the
// connection and the certificate end, in that order; without the certificate the secret does not help either, and milano goes on.
func TestStolenCard(t *testing.T) {
	h := &heard{}
	n := &stage.Network{Dir: filepath.Join(t.TempDir(), "network"), Bin: bin, Dialplan: stage.Open("milano", "munich"), Codes: true, Lines: h.add}
	for _, space := range []string{"milano", "munich"} {
		n.Windows = append(n.Windows, stage.Window{Space: space, Camera: "test", Microphone: "none", Speaker: "none", Screen: "none"})
	}
	if err := n.Write(); err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if _, err := n.StartRegistrar(t.Context()); err != nil {
		t.Fatal(err)
	}
	var thief *stage.Process
	for _, w := range n.Windows {
		p, err := n.StartWindow(w)
		if err != nil {
			t.Fatal(err)
		}
		thief = p
	}
	up := func(s status.Status) bool {
		return len(s.Calls) == 1 && s.Calls[0].Up && s.Calls[0].Figures.PicturesIn > 0
	}
	until(t, n, h, "munich", "in a call", up)
	until(t, n, h, "milano", "in a call", up)
	certificate := filepath.Join(n.Dir, "munich", join.CertificateFile)
	if _, err := os.Stat(certificate); err != nil {
		t.Fatal(err)
	}

	from, begun := h.len(), time.Now()
	if _, err := n.Do("", "ewindow-registrar", "member", "revoke", "munich", "--state", n.StateDir()); err != nil {
		t.Fatal(err)
	}
	revoked := time.Now()
	changed, cutAt := h.await(t, from, "registrar", "an account was made, removed or changed", `"aor":"munich"`)
	callAt := until(t, n, h, "milano", "out of the call", func(s status.Status) bool {
		return len(s.Calls) == 0 && len(s.Past) > 0 && strings.Contains(s.Past[len(s.Past)-1].Why, "account of this call has changed")
	})
	gone, goneAt := h.await(t, changed, "munich", "not registered", "the registrar closed the connection")
	denied, deniedAt := h.await(t, gone, "registrar", "TLS handshake failed", "the membership of munich was revoked on ")
	told := until(t, n, h, "munich", "told", func(s status.Status) bool {
		return !s.Registration.Online && strings.Contains(s.Registration.Why, "does not let this window in by its certificate")
	})
	t.Logf("revoke took %v; from its begin: the account ends after %v, milano's call %v, the connection %v, the certificate is denied %v, the thief's window says so %v",
		revoked.Sub(begun).Round(time.Millisecond), cutAt.Sub(begun).Round(time.Millisecond), callAt.Sub(begun).Round(time.Millisecond),
		goneAt.Sub(begun).Round(time.Millisecond), deniedAt.Sub(begun).Round(time.Millisecond), told.Sub(begun).Round(time.Millisecond))

	// The thief finds out that nobody has to show a certificate.
	thief.Stop()
	if err := os.Remove(certificate); err != nil {
		t.Fatal(err)
	}
	if _, err := n.RunWindow(n.Windows[1]); err != nil {
		t.Fatal(err)
	}
	h.await(t, denied, "registrar", "authentication failed: unknown account or wrong secret", `"aor":"munich"`)
	until(t, n, h, "munich", "refused", func(s status.Status) bool { return !s.Registration.Online && s.Registration.Why != "" })
	if s, err := n.Status("milano"); err != nil || !s.Registration.Online || len(s.Calls) != 0 {
		t.Errorf("milano: %v, %+v, %+v", err, s.Registration, s.Calls)
	}
}
