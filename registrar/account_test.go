package main

import (
	"bufio"
	"crypto/tls"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"

	"ewindow/registrar/pki/pin"
	"ewindow/registrar/store"
)

func TestAccounts(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	// A directory that was mistyped gets no store.
	for _, args := range [][]string{{"add", "milano"}, {"list"}, {"rotate", "milano"}, {"remove", "milano"}} {
		if status, _, errs := command(append(append([]string{"account"}, args...), "--state", state)...); status != 1 || !strings.Contains(errs, "there are no accounts in "+state) {
			t.Errorf("%v without a store: %d %q", args, status, errs)
		}
		if _, err := os.Stat(state); err == nil {
			t.Errorf("%v made %s", args, state)
		}
	}
	status, secret, errs := command("account", "add", "milano", "--state", state, "--domain", "reg.example.org")
	if status != 0 || len(strings.TrimSpace(secret)) < 16 {
		t.Fatalf("add: %d %q %q", status, secret, errs)
	}
	if !strings.Contains(errs, "there were no accounts in "+state) {
		t.Errorf("the first account is made in silence: %q", errs)
	}
	if status, _, errs := command("account", "add", "munich", "--state", state, "--domain", "reg.example.com"); status != 1 || !strings.Contains(errs, "reg.example.org") {
		t.Errorf("another domain: %d %q", status, errs)
	}
	if status, _, errs := command("account", "add", "milano", "--state", state); status != 1 || !strings.Contains(errs, "milano") {
		t.Errorf("twice: %d %q", status, errs)
	}
	if status, out, _ := command("account", "list", "--state", state); status != 0 || !strings.HasPrefix(out, "milano\treg.example.org\t") {
		t.Errorf("list: %d %q", status, out)
	}
	status, rotated, errs := command("account", "rotate", "milano", "--state", state)
	if status != 0 || len(strings.TrimSpace(rotated)) != len(strings.TrimSpace(secret)) || rotated == secret {
		t.Errorf("rotate: %d %q %q", status, rotated, errs)
	}
	if status, _, errs := command("account", "rotate", "munich", "--state", state); status != 1 || !strings.Contains(errs, "munich") {
		t.Errorf("rotate of nobody: %d %q", status, errs)
	}
	if status, _, _ := command("account", "remove", "milano", "--state", state); status != 0 {
		t.Errorf("remove: %d", status)
	}
	if status, _, errs := command("account", "remove", "milano", "--state", state); status != 1 || !strings.Contains(errs, "milano") {
		t.Errorf("remove twice: %d %q", status, errs)
	}
	if status, _, errs := command("pin", "--state", state); status != 1 || !strings.Contains(errs, "it is made when the registrar is first started") {
		t.Errorf("pin: %d %q", status, errs)
	}
}

// Only where it is certain that there are no accounts does a command say so.
func TestAccountsOutOfReach(t *testing.T) {
	state := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(state, nil, 0o600); err != nil { // what is below cannot be looked at, as with permissions
		t.Fatal(err)
	}
	for _, args := range [][]string{{"list"}, {"add", "milano"}, {"rotate", "milano"}} {
		status, _, errs := command(append(append([]string{"account"}, args...), "--state", state)...)
		if status != 1 || !strings.Contains(errs, "not a directory") || strings.Contains(errs, "no accounts") {
			t.Errorf("%v: %d %q", args, status, errs)
		}
	}
}

// The plan that the registrar last served knows who there is.
func TestAccountsOfThePlan(t *testing.T) {
	s := newService(t)
	s.start()
	s.await(`(registrar ready)`)
	s.end()
	state, file := s.args.State, s.args.Dialplan[0]
	if status, _, errs := command("account", "add", "munch", "--state", state); status != 1 ||
		!strings.Contains(errs, `"munch" is no space and no phone of the dialplan that the registrar last served; did you mean "munich"?; --anyway adds it all the same`) {
		t.Errorf("%d %q", status, errs)
	}
	for _, args := range [][]string{{"munch", "--anyway"}, {"munich"}} {
		if status, _, errs := command(append([]string{"account", "add", "--state", state}, args...)...); status != 0 {
			t.Errorf("%v: %d %q", args, status, errs)
		}
	}
	accounts := filepath.Join(state, "registrar.db")
	status, out, errs := command("check", "--accounts", "--state", state, file)
	if status != 0 || !strings.Contains(out, file+":1:7: warning: milano has no account in "+accounts+"\n") ||
		!strings.Contains(out, accounts+":1:1: warning: the account munch is no space and no phone of the plan\n") || !strings.Contains(out, ", 2 warnings\n") {
		t.Errorf("%d %q %q", status, out, errs)
	}
	if status, _, errs := command("check", "--accounts", "--state", state+"x", file); status != 2 || !strings.Contains(errs, "there are no accounts in "+state+"x") {
		t.Errorf("%d %q", status, errs)
	}
}

// dialTLS connects as a window does.
func (s *service) dialTLS() (*tls.Conn, *bufio.Reader) {
	s.t.Helper()
	config, err := pin.Config(strings.TrimPrefix(strings.Fields(s.out.String())[1], "pin "), "localhost")
	if err != nil {
		s.t.Fatal(err)
	}
	c, err := tls.Dial("tcp", s.addr("tls"), config)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c, bufio.NewReader(c)
}

// logIn registers milano over a connection of its own, and returns the status line.
func (s *service) logIn(secret string) (*bufio.Reader, string) {
	s.t.Helper()
	c, r := s.dialTLS()
	s.t.Cleanup(func() { c.Close() })
	s.seq += 2
	head := talk(s.t, c, r, s.seq, "", nil)
	challenge := regexp.MustCompile(`WWW-Authenticate: (.*)\r\n`).FindStringSubmatch(head)
	if challenge == nil {
		s.t.Fatalf("no challenge: %s", head)
	}
	parsed, err := digest.ParseChallenge(challenge[1])
	if err != nil {
		s.t.Fatal(err)
	}
	status, _, _ := strings.Cut(talk(s.t, c, r, s.seq+1, strings.TrimSpace(secret), parsed), "\r\n")
	return r, status
}

// What an admin does to accounts while the registrar runs: the window that had the account is cut off, and comes in
// again with what is right now.
func TestServeAccounts(t *testing.T) {
	s := newService(t)
	account := func(do string, more ...string) string {
		t.Helper()
		status, out, errs := command(append([]string{"account", do, "milano", "--state", s.args.State}, more...)...)
		if status != 0 {
			t.Fatalf("account %s: %s", do, errs)
		}
		return out
	}
	first := account("add", "--domain", "localhost")
	s.start()
	defer s.end()
	cutOff := func(r *bufio.Reader) {
		t.Helper()
		if line, err := r.ReadString('\n'); err == nil || line != "" {
			t.Errorf("got %q, %v, want the end of the connection", line, err)
		}
	}
	window, status := s.logIn(first)
	if !strings.Contains(status, " 200 ") {
		t.Fatal(status)
	}
	second := account("rotate")
	cutOff(window)
	if _, status := s.logIn(first); !strings.Contains(status, " 401 ") {
		t.Errorf("with the old secret: %s", status)
	}
	if window, status = s.logIn(second); !strings.Contains(status, " 200 ") {
		t.Errorf("with the new secret: %s", status)
	}
	// The file goes: nobody notices, but the log and a metric.
	if err := os.Truncate(filepath.Join(s.args.State, "registrar.db"), 0); err != nil {
		t.Fatal(err)
	}
	if _, status := s.logIn(second); !strings.Contains(status, " 200 ") {
		t.Errorf("with the file damaged: %s", status)
	}
	s.await(`level=ERROR msg="the store was (damaged)`)
	base := "http://" + s.addr("http")
	if scrape := get(t, base+"/metrics"); !strings.Contains(scrape, "store_repairs_total 1") || !strings.Contains(scrape, "store_current 1") {
		t.Errorf("the metrics do not tell of the repair")
	}
	if got := get(t, base+"/healthz"); got != "ok\n" {
		t.Errorf("/healthz: %q", got)
	}
	account("remove")
	cutOff(window)
	if _, status := s.logIn(second); !strings.Contains(status, " 401 ") {
		t.Errorf("removed: %s", status)
	}
}

// The accounts' file is damaged and cannot be made anew, since another program has it open: accounts in memory come in,
// whoever is refused hears 503 instead of 401, and both the health answer and a metric say so. Then it is made anew.
func TestServeWithoutStore(t *testing.T) {
	s := newService(t)
	_, secret, errs := command("account", "add", "milano", "--state", s.args.State, "--domain", "localhost")
	if secret == "" {
		t.Fatal(errs)
	}
	s.start()
	defer s.end()
	path := filepath.Join(s.args.State, "registrar.db")
	other, _, err := store.Open(t.Context(), store.Config{Path: path}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	s.await(`level=ERROR msg="the store cannot be (used); accounts that are in memory can log in`)
	if _, status := s.logIn("not the secret"); !strings.Contains(status, " 503 ") {
		t.Errorf("a wrong secret: %s", status)
	}
	if _, status := s.logIn(secret); !strings.Contains(status, " 200 ") {
		t.Errorf("the right secret: %s", status)
	}
	base := "http://" + s.addr("http")
	if scrape := get(t, base+"/metrics"); !strings.Contains(scrape, "store_current 0") || !strings.Contains(scrape, `sip_auth_failures_total{reason="unavailable"} 1`) {
		t.Error("the metrics do not tell")
	}
	if got := get(t, base+"/healthz"); !strings.HasPrefix(got, "the store cannot be used: ") {
		t.Errorf("/healthz: %q", got)
	}
	_ = other.Close()
	s.await(`level=ERROR msg="the store was (damaged)`)
	s.await(`msg="the store can be (used) again`)
	if _, status := s.logIn("not the secret"); !strings.Contains(status, " 401 ") {
		t.Errorf("a wrong secret, after the repair: %s", status)
	}
	if _, status := s.logIn(secret); !strings.Contains(status, " 200 ") {
		t.Errorf("the right secret, after the repair: %s", status)
	}
}
