package phone

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A phone that nobody knows yet gets an account, is told what `account add` prints and nothing else, fetches the authority's certificate and
// compares it as people do, calls, and sees. How long that took is told: what remains is a person's typing.
func (h *house) fromPaper(t *testing.T) {
	began := time.Now()
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "ewindow-registrar"), "account", "add", "attic", "--state", filepath.Join(h.Dir, "registrar"))
	var paper bytes.Buffer
	cmd.Stderr = &paper
	secret, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &paper)
	}
	row := func(pattern string) string {
		t.Helper()
		m := regexp.MustCompile(`(?m)^` + pattern + `$`).FindStringSubmatch(paper.String())
		if m == nil {
			t.Fatalf("no %q on the paper:\n%s", pattern, &paper)
		}
		return m[1]
	}
	row(`media +(SRTP \(SDES\)), .*`)
	cfg := Config{
		Account: row(`user +(\S+)`), Secret: strings.TrimSpace(string(secret)), Transport: "tls", Encryption: "srtp-mand",
		Registrar: net.JoinHostPort(row(`domain +(\S+)`), row(`transport +TLS, port (\d+)`)),
		CA:        h.authority(t, row(`registrar .* or (https://\S+)`), row(` +SHA-256 (\S+)`)),
		Codecs:    "opus/48000/2", Tone: 740,
	}
	number := row(`dials +bar \((\d+)\), echo`)
	typed := len(cfg.Account) + len(cfg.Secret) + len(cfg.Registrar) + len(number)
	p := h.phone(t, cfg)
	if err := dial(t, p, number); err != nil {
		t.Fatal(err)
	}
	h.bothWays(t, p)
	t.Logf("from `account add` to pictures and sound both ways: %.1f s, with what shows it; %d letters to be typed", time.Since(began).Seconds(), typed)
	h.hangUp(t, p)
}

// authority fetches the authority's certificate from whoever answers, believes it by its fingerprint, and returns its file.
func (h *house) authority(t *testing.T, url, fingerprint string) string {
	t.Helper()
	c := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // the fingerprint decides
	defer c.CloseIdleConnections()
	answer, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<16))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("%s: no certificate in %q", url, text)
	}
	sum := sha256.Sum256(block.Bytes)
	if got := strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":"); got != fingerprint {
		t.Fatalf("%s has the fingerprint %s, the paper %s", url, got, fingerprint)
	}
	path := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
