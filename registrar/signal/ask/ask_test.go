package ask

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/scripts/lab/memnet"
)

// sample is a status.
type sample struct {
	Space string
	At    time.Time
}

func (s sample) Text(zone *time.Location) string { return s.Space + " in " + zone.String() + "\n" }

var quiet = slog.New(slog.DiscardHandler)

func says() sample { return sample{"milano", time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC)} }

// serve answers in dir until the test ends.
func serve(t *testing.T, dir string) {
	t.Helper()
	l, err := Listen(dir, "window", quiet)
	if err != nil || l == nil {
		t.Fatal(l, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); Serve(ctx, l, says) }()
	t.Cleanup(func() { cancel(); <-done })
}

func TestSocket(t *testing.T) {
	dir := t.TempDir()
	if _, err := Read[sample](dir, "window"); !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), dir) {
		t.Errorf("before: %v", err)
	}
	serve(t, dir)
	info, err := os.Stat(filepath.Join(dir, socket))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	for range 3 {
		s, err := Read[sample](dir, "window")
		if err != nil || s != says() {
			t.Fatalf("%+v, %v", s, err)
		}
	}
	if _, err := Listen(dir, "window", quiet); err == nil || !strings.Contains(err.Error(), "another window runs with the state directory "+dir) {
		t.Errorf("a second window: %v", err)
	}
}

// Whoever connects and reads nothing holds nobody up.
func TestSilentReader(t *testing.T) {
	dir := t.TempDir()
	serve(t, dir)
	for range 50 {
		c, err := net.Dial("unix", filepath.Join(dir, socket))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	if _, err := Read[sample](dir, "window"); err != nil {
		t.Error(err)
	}
}

// People read text in their time zone, programs JSON; without an answer nothing is printed.
func TestPrint(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	if err := Print[sample](&b, dir, "window", false); !errors.Is(err, ErrNotRunning) || b.Len() != 0 {
		t.Errorf("before: %v, %q", err, b.String())
	}
	serve(t, dir)
	for asJSON, want := range map[bool]string{
		false: "milano in " + time.Local.String() + "\n",
		true:  "{\n  \"Space\": \"milano\",\n  \"At\": \"2027-03-01T10:00:00Z\"\n}\n",
	} {
		b.Reset()
		if err := Print[sample](&b, dir, "window", asJSON); err != nil || b.String() != want {
			t.Errorf("JSON %t: %v, %q, want %q", asJSON, err, b.String(), want)
		}
	}
}

// A socket that a crash has left is taken over.
func TestSocketOfACrash(t *testing.T) {
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, socket))
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	serve(t, dir)
	if _, err := Read[sample](dir, "window"); err != nil {
		t.Error(err)
	}
}

// A program runs without a status where there can be no socket, and says why.
func TestNoSocket(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("x", 120))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for place, long := range map[string]bool{dir: true, "/proc": false} {
		var log strings.Builder
		l, err := Listen(place, "window", slog.New(slog.NewTextHandler(&log, nil)))
		if l != nil || err != nil || !strings.Contains(log.String(), "nobody can ask this program") ||
			strings.Contains(log.String(), "less than 108 characters") != long {
			t.Errorf("%s: %v, %v, %s", place, l, err, log.String())
		}
		Serve(t.Context(), l, says)
	}
}

// failing is a socket that cannot accept for a while, as when too many files are open.
type failing struct {
	net.Listener
	left int
}

func (f *failing) Accept() (net.Conn, error) {
	if f.left--; f.left >= 0 {
		return nil, syscall.EMFILE
	}
	return f.Listener.Accept()
}

func TestServeOutlivesTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(1)
		l, err := n.Listen("10.0.0.1:1")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); Serve(ctx, &failing{l, 5}, says) }()
		c, err := n.Dial(ctx, netip.MustParseAddr("10.0.0.2"), "10.0.0.1:1")
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(c); err != nil || !strings.Contains(string(b), "milano") {
			t.Errorf("%q, %v", b, err)
		}
		c.Close()
		cancel()
		<-done
	})
}
