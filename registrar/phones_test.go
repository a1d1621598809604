package main

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"ewindow/registrar/pki"
)

const phonePlan = plan + `phone "reception" {
  name     = "Reception <1st>"
  number   = "100"
  may_dial = [milano]
  security = "sdes"
}
number "201" {
  rings = milano
}
`

// phoneService is a registrar with a phone in its plan, and a shared port.
func phoneService(t *testing.T) (s *service, port string) {
	t.Helper()
	s = newService(t)
	write(t, s.args.Dialplan[0], phonePlan)
	s.args.Shared, _ = reserve(t)
	s.start()
	t.Cleanup(s.end)
	return s, s.args.Shared[strings.LastIndex(s.args.Shared, ":")+1:]
}

// What an admin is told of a phone's account: the secret alone where a script takes it, and all that the phone has to be told.
func TestPhoneAccount(t *testing.T) {
	s, port := phoneService(t)
	status, out, errs := command("account", "add", "reception", "--state", s.args.State)
	if status != 0 || !regexp.MustCompile(`^[2-9a-z]{32}\n$`).MatchString(out) {
		t.Fatalf("%d %q %q", status, out, errs)
	}
	ca, err := pki.ReadCA(filepath.Join(s.args.State, "pki"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"user       reception\n", "domain     localhost\n", "TLS, port " + s.addr("tls")[len("127.0.0.1:"):], "SRTP (SDES)", "https://localhost:" + port + "/ca.crt", fingerprint(ca), "dials      milano (201), echo\n"} {
		if !strings.Contains(errs, want) {
			t.Errorf("no %q in:\n%s", want, errs)
		}
	}
	if strings.Contains(errs, strings.TrimSpace(out)) {
		t.Error("the secret is said twice")
	}
	if _, _, errs := command("account", "add", "milano", "--state", s.args.State); errs != "" {
		t.Errorf("of a window: %q", errs)
	}
	for _, args := range [][]string{{"rotate", "milano"}, {"add", "munich"}, {"rotate", "nobody"}} {
		if status, out, errs := command("account", args[0], args[1], "--qr", "--state", s.args.State); status == 0 || out != "" || !strings.Contains(errs, "--qr is for phones") {
			t.Errorf("%v --qr: %d %q %q", args, status, out, errs)
		}
	}
	if status, _, errs := command("account", "rotate", "reception", "--png", filepath.Join(s.dir, "none", "x.png"), "--state", s.args.State); status == 0 || !strings.Contains(errs, "--png: ") {
		t.Errorf("--png: %d %q", status, errs)
	}
}

// Debian's Linphone takes its account from the link, by the authority that it was given, and registers; the link is spent with that, and
// the secret that was before as well.
func TestPhoneLink(t *testing.T) {
	s, port := phoneService(t)
	_, before, _ := command("account", "add", "reception", "--state", s.args.State)
	status, link, errs := command("account", "rotate", "reception", "--qr", "--state", s.args.State)
	if link = strings.TrimSpace(link); status != 0 || !strings.HasPrefix(link, "https://localhost:"+port+"/phone/") || !strings.Contains(errs, "█") {
		t.Fatalf("%d %q %q", status, link, errs)
	}
	authority := filepath.Join(s.args.State, "pki", "ca.crt")
	settings := s.linphone(link, authority)
	if !strings.Contains(settings, "media_encryption=srtp") || strings.Contains(settings, strings.TrimSpace(before)) {
		t.Errorf("linphone kept:\n%s", settings)
	}
	if strings.Contains(settings, "config-uri=https") {
		t.Error("linphone would open the link again at its next start")
	}
	out, err := program(t, "", "curl", "-sS", "--cacert", authority, "-w", "%{http_code}", link)
	if err != nil || !strings.HasSuffix(out, "404") || !strings.Contains(out, "account rotate NAME --qr") {
		t.Errorf("once more: %v %q", err, out)
	}
	command("account", "rotate", "reception", "--qr", "--state", s.args.State)
	command("account", "rotate", "reception", "--state", s.args.State) // the link of before is not for this secret
	files, err := os.ReadDir(filepath.Join(s.args.State, "phones"))
	if err != nil || len(files) != 0 {
		t.Errorf("%v, %v", files, err)
	}
}

// Where there is a certificate for the public a phone that knows its authority needs nothing else: neither for the link nor for SIP.
func TestPhonePublicCertificate(t *testing.T) {
	s := newService(t)
	public, err := pki.Load(pki.Config{Dir: filepath.Join(s.dir, "public"), Domain: "localhost"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pair := filepath.Join(s.dir, "public", "server.pem")
	text, err := os.ReadFile(pair)
	if err != nil {
		t.Fatal(err)
	}
	write(t, s.args.Dialplan[0], phonePlan)
	s.args.Shared, _ = reserve(t)
	s.args.Cert, s.args.Key = write(t, filepath.Join(s.dir, "chain.pem"), string(text)+string(public.CAFile())), pair
	s.start()
	defer s.end()
	_, link, errs := command("account", "add", "reception", "--qr", "--state", s.args.State)
	if link == "" || !strings.Contains(errs, "by a certificate that phones know already") {
		t.Fatal(errs)
	}
	s.linphone(strings.TrimSpace(link), filepath.Join(s.dir, "public", "ca.crt"))
}

// linphone runs until it has registered, and returns what it keeps in its file.
func (s *service) linphone(link, authority string) string {
	t := s.t
	t.Helper()
	path, err := exec.LookPath("linphonec")
	if err != nil {
		t.Fatalf("%v; make setup-test installs it", err)
	}
	home := t.TempDir()
	for _, dir := range []string{".local/share/linphone", ".config/linphone"} { // without these it does not begin
		if err := os.MkdirAll(filepath.Join(home, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	file := write(t, filepath.Join(home, "linphonerc"), "[misc]\nconfig-uri="+link+"\n\n[sip]\nroot_ca="+authority+"\nsip_port=-1\nsip_tcp_port=-1\nsip_tls_port=-1\n")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "-c", file)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME=", "XDG_DATA_HOME=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe() // stays open: at its end linphonec ends
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); _ = cmd.Wait() }()
	s.await(`msg=registered aor=(reception) .*transport=TLS`)
	_, _ = in.Write([]byte("quit\n"))
	_ = cmd.Wait()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Where no HTTPS is served a link would lead nowhere: that is said, and --host is believed.
func TestPhoneWithoutHTTPS(t *testing.T) {
	s := newService(t)
	write(t, s.args.Dialplan[0], phonePlan)
	s.args.Advertise, s.args.TLS = "192.0.2.9", ""
	s.start()
	defer s.end()
	account := func(args ...string) (int, string, string) {
		return command(append([]string{"account", args[0], "reception", "--state", s.args.State}, args[1:]...)...)
	}
	if status, _, errs := account("add", "--qr"); status == 0 || !strings.Contains(errs, "serves no HTTPS (--tls, --shared)") {
		t.Errorf("%d %q", status, errs)
	}
	if _, _, errs := account("add"); !strings.Contains(errs, "server     192.0.2.9\n") || strings.Contains(errs, "https://") {
		t.Errorf("%q", errs)
	}
	if status, out, errs := account("rotate", "--qr"); status == 0 || out != "" || !strings.Contains(errs, "serves no HTTPS (--tls, --shared)") {
		t.Errorf("%d %q %q", status, out, errs)
	}
	if _, out, errs := account("rotate", "--qr", "--host", "proxy.example.test"); !strings.HasPrefix(out, "https://proxy.example.test/phone/") {
		t.Errorf("%q %q", out, errs)
	}
}

// Without port 443 the one for SIP over TLS serves HTTP too.
func TestPhoneWithoutSharedPort(t *testing.T) {
	s := newService(t)
	write(t, s.args.Dialplan[0], phonePlan)
	s.start()
	defer s.end()
	status, link, errs := command("account", "add", "reception", "--qr", "--state", s.args.State, "--domain", "localhost")
	_, port, _ := net.SplitHostPort(s.addr("tls"))
	if status != 0 || !strings.HasPrefix(link, "https://localhost:"+port+"/phone/") {
		t.Fatalf("%d %q %q", status, link, errs)
	}
	for url, want := range map[string]string{
		"https://localhost:" + port + "/ca.crt":  "BEGIN CERTIFICATE",
		"https://localhost:" + port + "/healthz": "ok",
		strings.TrimSpace(link):                  "<entry name=\"username\" overwrite=\"true\">reception</entry>",
	} {
		for _, alpn := range []string{"--alpn", "--no-alpn"} {
			if alpn == "--no-alpn" && strings.Contains(url, "/phone/") {
				continue // it is opened once
			}
			out, err := program(t, "", "curl", "-sS", alpn, "--cacert", filepath.Join(s.args.State, "pki", "ca.crt"), "--resolve", "localhost:"+port+":127.0.0.1", url)
			if err != nil || !strings.Contains(out, want) {
				t.Errorf("curl %s %s: %v, %q, want %q", alpn, url, err, out, want)
			}
		}
	}
}

func TestWhere(t *testing.T) {
	dir := t.TempDir()
	usual := where{Host: "reg.example.org", SIP: 5061, HTTPS: 443}
	for name, text := range map[string]string{"none": "", "damaged": "{", "empty": "{}"} {
		path := filepath.Join(dir, name)
		if text != "" {
			write(t, path, text)
		}
		if got := readWhere(path, "reg.example.org"); got != usual {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for want, w := range map[string]where{"reg.example.org": usual, "[2001:db8::1]": {Host: "2001:db8::1", HTTPS: 443}, "[2001:db8::1]:8443": {Host: "2001:db8::1", HTTPS: 8443}} {
		if got, err := w.link(); err != nil || got != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
}
