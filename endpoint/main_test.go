package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ewindow/endpoint/config"
	"ewindow/endpoint/dial"
	"ewindow/endpoint/status"
	"ewindow/registrar/pki"
	"ewindow/registrar/signal/ask"
)

// serve is a registrar's TLS port on loopback with an authority of its own.
func serve(t *testing.T, domain string) (addr, pin string) {
	t.Helper()
	identity, err := pki.Load(pki.Config{Dir: t.TempDir(), Domain: domain}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", identity.ServerConfig())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_ = c.(*tls.Conn).Handshake()
			}()
		}
	}()
	return l.Addr().String(), identity.Pin()
}

func TestDialKnowsItsRegistrar(t *testing.T) {
	addr, known := serve(t, "reg.example.org")
	_, other := serve(t, "reg.example.org")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := free.Addr().String()
	free.Close()
	for name, c := range map[string]struct{ addr, pin, host, want string }{
		"right":      {addr, known, "reg.example.org", ""},
		"wrong pin":  {addr, other, "reg.example.org", "pin"},
		"wrong name": {addr, known, "reg.example.com", "reg.example.com"},
		"nobody":     {nobody, known, "reg.example.org", "nobody listens at " + nobody + "; is ewindow-registrar running there?"},
	} {
		at := netip.MustParseAddrPort(c.addr)
		d, err := dial.New(at.Addr().String(), int(at.Port()), c.pin, c.host, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		conn, err := d.Registrar(ctx)
		cancel()
		if err == nil {
			conn.Close()
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if name == "wrong pin" && err != nil && (!strings.Contains(err.Error(), known) || !strings.Contains(err.Error(), other)) {
			t.Errorf("the error names not both pins: %v", err)
		}
	}
}

func TestStatusSaysThatNobodyRuns(t *testing.T) {
	dir := t.TempDir()
	if err := (&statusCmd{State: dir}).Run(); !errors.Is(err, ask.ErrNotRunning) || !strings.Contains(err.Error(), dir) {
		t.Errorf("%v", err)
	}
}

func TestRunSaysWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	good := "registrar = \"sips:reg.example.org\"\npin = \"sha256:" + strings.Repeat("0", 64) + "\"\nspace = \"milano\"\nsecret_file = \"secret\"\n"
	file := write("window.hcl", good)
	write("secret", "x")
	for name, c := range map[string]struct {
		cmd  runCmd
		want string
	}{
		"no file":           {runCmd{Config: filepath.Join(dir, "none.hcl")}, "read the window's file"},
		"no device program": {runCmd{Config: file, State: dir, Media: filepath.Join(dir, "none")}, "no device program: "},
		"state is a file":   {runCmd{Config: file, State: file, Media: file}, "make the state directory"},
		"busy port":         {runCmd{Config: file, State: dir, Media: file, HTTP: busy.Addr().String()}, "the port is busy; give each window of a machine its own"},
		"no address":        {runCmd{Config: file, State: dir, Media: file, HTTP: "9091"}, "give it an address such as 127.0.0.1:9091"},
	} {
		err := c.cmd.Run(context.Background(), slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// A SIGHUP has the window read its file again. A file that cannot be used, or says nothing new, leaves it alone.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "window.hcl")
	const text = "registrar = \"sips:127.0.0.1:1\"\npin = \"sha256:%064d\"\nspace = %q\nsecret_file = \"secret\"\n" +
		"camera = \"test\"\nscreen = \"none\"\nmicrophone = \"none\"\nspeaker = \"none\"\n"
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(file, fmt.Sprintf(text, 0, "milano"))
	write(filepath.Join(dir, "secret"), "x")
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	said, reload := make(chan string, 100), make(chan os.Signal)
	log := slog.New(slog.NewTextHandler(lines(func(s string) {
		select {
		case said <- s:
		default: // nobody waits for so much
		}
	}), nil))
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- (&runCmd{Config: file, State: dir, Media: "/bin/false", HTTP: "127.0.0.1:0"}).serve(ctx, cfg, reload, log)
	}()
	addr := ""
	for line := range said {
		var is bool
		if _, addr, is = strings.Cut(strings.TrimSpace(line), " transport=http addr="); is {
			break
		}
	}
	for _, c := range []struct{ name, text, says, space string }{
		{"nothing new", fmt.Sprintf(text, 0, "milano") + "# a word", "says what it said before", "milano"},
		{"another space", fmt.Sprintf(text, 0, "munich"), "begins anew", "munich"},
		{"mistakes", "space = 5\ncamra = 3\n", "unknown setting", "munich"},
		{"cut short", text[:20], "stays as it is", "munich"},
		{"put right", fmt.Sprintf(text, 0, "dresden"), "begins anew", "dresden"},
	} {
		write(file, c.text)
		reload <- syscall.SIGHUP
		for line := range said {
			if strings.Contains(line, c.says) {
				break
			}
		}
		var space string
		for space != c.space { // the test's time limit ends this
			if s, err := ask.Read[status.Status](dir, "window"); err == nil {
				space = s.Space
			}
		}
	}
	res, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(text), `ewindow_info{space="dresden",version="`+version+`"} 1`) {
		t.Errorf("the metrics are not those of the window that runs now: %v\n%s", err, text)
	}
	end()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// lines is a writer that is called with each line of a log.
type lines func(string)

func (f lines) Write(b []byte) (int, error) {
	f(string(b))
	return len(b), nil
}
