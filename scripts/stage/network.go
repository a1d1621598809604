package stage

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"ewindow/endpoint/status"
	"ewindow/registrar/signal/ask"
	registrar "ewindow/registrar/status"
)

// Window is one window of a Network; its words are those of window.hcl.
type Window struct {
	Space, Camera, Screen, Microphone, Speaker string
	Width, Height, FPS, Kbps                   int    // 0 for the default
	HTTP                                       string // address of its metrics; "" for none
	Media                                      string // another device program than the one beside ewindow, or empty
}

// Network is a registrar and windows as processes on this machine, reached at Host.
type Network struct {
	Dir      string // for everything that they read and write; made if it is missing
	Bin      string // where the programs are
	Host     string // address of the registrar; "127.0.0.1" unless set
	Dialplan string // text of the dialplan; Open(windows…) is one
	Phones   []string
	Windows  []Window
	Lines    func(name string, line []byte) // gets each line of each program's log, one at a time
	Enter    func(name string) []string     // nil, or the command by which a program runs elsewhere (nsenter)
	TLS, SIP int                            // ports of the registrar: TLS, and UDP and TCP; 0 for free ones
	Serve    []string                       // further arguments of the registrar
	Codes    bool                           // windows join with codes; else they are given accounts and files

	Pin         string
	Secrets     map[string]string // account → secret
	mu          sync.Mutex
	processes   []*Process
	linesMu     sync.Mutex
	httpAddress string
}

// DialplanPath is the file that the registrar watches.
func (n *Network) DialplanPath() string { return filepath.Join(n.Dir, "dialplan.hcl") }

// Write makes the directory: dialplan, accounts, window files. What was there is removed.
func (n *Network) Write() error {
	if n.Host == "" {
		n.Host = "127.0.0.1"
	}
	if n.Lines == nil {
		n.Lines = func(string, []byte) {}
	}
	if err := os.RemoveAll(n.Dir); err != nil {
		return err
	}
	if err := os.MkdirAll(n.Dir, 0o755); err != nil {
		return err
	}
	n.httpAddress = ""
	if n.TLS == 0 || n.SIP == 0 {
		ports, err := freePorts(n.Host, 3)
		if err != nil {
			return err
		}
		n.TLS, n.SIP, n.httpAddress = ports[0], ports[1], fmt.Sprintf("%s:%d", n.Host, ports[2])
	}
	if err := os.WriteFile(n.DialplanPath(), []byte(n.Dialplan), 0o644); err != nil {
		return err
	}
	n.Secrets = map[string]string{}
	for _, w := range n.Windows {
		if !n.Codes {
			n.Secrets[w.Space] = ""
		}
	}
	for _, p := range n.Phones {
		n.Secrets[p] = ""
	}
	for account := range n.Secrets {
		secret, err := n.addAccount(account)
		if err != nil {
			return err
		}
		n.Secrets[account] = secret
	}
	return nil
}

// StateDir is the registrar's state directory.
func (n *Network) StateDir() string { return filepath.Join(n.Dir, "registrar") }

func (n *Network) addAccount(name string) (string, error) {
	out, err := n.Do("", "ewindow-registrar", "account", "add", name, "--state", n.StateDir(), "--domain", n.Host)
	if err != nil {
		return "", err
	}
	fields := strings.Fields(out)
	if len(fields) == 0 {
		return "", fmt.Errorf("account add %s printed no secret", name)
	}
	return fields[len(fields)-1], nil
}

// StartRegistrar runs the registrar and waits until it listens.
func (n *Network) StartRegistrar(ctx context.Context) (*Process, error) {
	pin := make(chan string, 1)
	watch := func(name string, line []byte) {
		if p, ok := strings.CutPrefix(string(line), "pin "); ok {
			select {
			case pin <- strings.TrimSpace(p):
			default:
			}
			return
		}
		n.line(name, line)
	}
	args := append([]string{"serve", "--log-format", "json",
		"--dialplan", n.DialplanPath(), "--state", n.StateDir(), "--domain", n.Host,
		"--tls", fmt.Sprintf("%s:%d", n.Host, n.TLS), "--tcp", fmt.Sprintf("%s:%d", n.Host, n.SIP),
		"--udp", fmt.Sprintf("%s:%d", n.Host, n.SIP), "--http", n.httpAddress,
		"--turn", n.Host + ":0", "--shared", ""}, n.Serve...)
	p, err := n.start("registrar", watch, "ewindow-registrar", args...)
	if err != nil {
		return nil, err
	}
	select {
	case n.Pin = <-pin:
		return p, nil
	case <-p.Ended():
		return nil, p.Err()
	case <-time.After(20 * time.Second):
		return nil, errors.New("the registrar did not come up within 20 s")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// StartWindow writes a window's file, or has it join, and runs it. The registrar has to be up: its pin goes into the file.
func (n *Network) StartWindow(w Window) (*Process, error) {
	dir := filepath.Join(n.Dir, w.Space)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "window.hcl")
	settle := n.writeWindow
	if n.Codes {
		settle = n.join
	}
	if err := settle(w, dir, file); err != nil {
		return nil, err
	}
	return n.RunWindow(w)
}

// RunWindow runs a window as it lies there: its file was written before.
func (n *Network) RunWindow(w Window) (*Process, error) {
	dir := filepath.Join(n.Dir, w.Space)
	args := []string{"--log-format", "json", "run", "-c", filepath.Join(dir, "window.hcl"), "--state", dir}
	if w.HTTP != "" {
		args = append(args, "--http", w.HTTP)
	}
	if w.Media != "" {
		args = append(args, "--media", w.Media)
	}
	return n.start(w.Space, n.line, "ewindow", args...)
}

// Status is what a window that runs says about itself.
func (n *Network) Status(space string) (status.Status, error) {
	return ask.Read[status.Status](filepath.Join(n.Dir, space), "window")
}

// RegistrarStatus is what the registrar says about itself.
func (n *Network) RegistrarStatus() (registrar.Status, error) {
	return ask.Read[registrar.Status](n.StateDir(), "registrar")
}

// writeWindow writes a window's file and its secret, as people do by hand.
func (n *Network) writeWindow(w Window, dir, file string) error {
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte(n.Secrets[w.Space]+"\n"), 0o600); err != nil {
		return err
	}
	head := fmt.Sprintf("registrar   = \"sips:%s:%d\"\npin         = %q\nspace       = %q\nsecret_file = \"secret\"\n", n.Host, n.TLS, n.Pin, w.Space)
	return os.WriteFile(file, []byte(head+w.devices()), 0o644)
}

// devices are a window's, as its file has them.
func (w Window) devices() string {
	var b strings.Builder
	for _, d := range []struct{ key, word string }{
		{"camera", w.Camera}, {"screen", w.Screen}, {"microphone", w.Microphone}, {"speaker", w.Speaker},
	} {
		if d.word != "" {
			fmt.Fprintf(&b, "%-11s = %q\n", d.key, d.word)
		}
	}
	b.WriteString("video {\n")
	for _, v := range []struct {
		key   string
		value int
	}{{"width", w.Width}, {"height", w.Height}, {"fps", w.FPS}, {"kbps", w.Kbps}} {
		if v.value != 0 {
			fmt.Fprintf(&b, "  %-6s = %d\n", v.key, v.value)
		}
	}
	b.WriteString("}\n")
	return b.String()
}

func (n *Network) start(name string, lines func(string, []byte), program string, args ...string) (*Process, error) {
	command := append([]string{filepath.Join(n.Bin, program)}, args...)
	if n.Enter != nil {
		command = append(n.Enter(name), command...)
	}
	p, err := startProcess(name, lines, command[0], command[1:]...)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.processes = append(n.processes, p)
	return p, nil
}

func (n *Network) line(name string, line []byte) {
	n.linesMu.Lock()
	defer n.linesMu.Unlock()
	n.Lines(name, line)
}

// Close stops everything that was started: the windows first, so that they can say goodbye.
func (n *Network) Close() {
	n.mu.Lock()
	processes := n.processes
	n.processes = nil
	n.mu.Unlock()
	var wg sync.WaitGroup
	for _, p := range processes {
		if p.Name != "registrar" {
			wg.Go(p.Stop)
		}
	}
	wg.Wait()
	for _, p := range processes {
		p.Stop()
	}
}

// Open is a dialplan in which a, which calls, and b see each other all day.
func Open(a, b string) string {
	var text strings.Builder
	for _, s := range []string{a, b} {
		fmt.Fprintf(&text, "space %q {\n  name     = %q\n  timezone = \"Europe/Berlin\"\n  open     = \"24/7\"\n}\n",
			s, strings.ToUpper(s[:1])+s[1:]+" – demo – coffee area")
	}
	fmt.Fprintf(&text, "\nlink \"the demo's window\" {\n  between = [%s, %s]\n  when    = open\n}\n", a, b)
	return text.String()
}

// freePorts finds ports that are free for both TCP and UDP.
func freePorts(host string, count int) ([]int, error) {
	var ports []int
	for tries := 0; len(ports) < count && tries < 50; tries++ {
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			return nil, fmt.Errorf("find free ports: %w", err)
		}
		defer l.Close()
		port := l.Addr().(*net.TCPAddr).Port
		if u, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(host), Port: port}); err == nil {
			u.Close()
			ports = append(ports, port)
		}
	}
	if len(ports) < count {
		return nil, errors.New("find free ports: none are free for TCP and UDP")
	}
	return ports, nil
}
