package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	domain = "reg.test"
	phones = 40 // of one house
)

// A registrar is one that runs, with its accounts.
type registrar struct {
	dir      string
	cmd      *exec.Cmd
	tls      string
	shared   string // the port that SIP shares with TURN and HTTP
	windows  string // where windows log in: tls or shared
	sip      string // TCP and UDP
	secrets  map[string]string
	exited   chan error
	messages bytes.Buffer
}

// plan names a window and the phones of a house.
func plan() string {
	var b strings.Builder
	b.WriteString("space \"milano\" {\n  timezone = \"Europe/Rome\"\n  open     = \"24/7\"\n}\n" +
		"space \"munich\" {\n  timezone = \"Europe/Berlin\"\n  open     = \"24/7\"\n}\n" +
		"link \"long\" {\n  between = [milano, munich]\n  when    = always\n}\n")
	for i := range phones {
		fmt.Fprintf(&b, "phone \"phone%d\" {\n  number   = \"%d\"\n  may_dial = [milano]\n  security = \"none\"\n}\n", i, 100+i)
	}
	return b.String()
}

// start runs the program; files is its limit of open files, 0 for this process's own.
func start(ctx context.Context, program string, files int) (*registrar, error) {
	dir, err := os.MkdirTemp("", "ewindow-strangers-")
	if err != nil {
		return nil, err
	}
	r := &registrar{dir: dir, secrets: map[string]string{}, exited: make(chan error, 1)}
	state := filepath.Join(dir, "state")
	if err := os.WriteFile(filepath.Join(dir, "plan.hcl"), []byte(plan()), 0o600); err != nil {
		return nil, err
	}
	names := []string{"milano"}
	for i := range phones {
		names = append(names, fmt.Sprint("phone", i))
	}
	for _, name := range names {
		out, err := exec.CommandContext(ctx, program, "account", "add", name, "--domain", domain, "--state", state).Output()
		if err != nil {
			return nil, fmt.Errorf("account add %s: %w", name, err)
		}
		lines := strings.Fields(string(out))
		r.secrets[name] = lines[len(lines)-1]
	}
	if r.tls, err = free(); err != nil {
		return nil, err
	}
	if r.sip, err = free(); err != nil {
		return nil, err
	}
	if r.shared, err = free(); err != nil {
		return nil, err
	}
	r.windows = r.tls
	args := []string{program, "serve", "--dialplan", filepath.Join(dir, "plan.hcl"), "--state", state, "--domain", domain,
		"--tls", r.tls, "--tcp", r.sip, "--udp", r.sip, "--http", "", "--echo-ports", "", "--turn", "", "--shared", r.shared}
	if files > 0 {
		args = append([]string{"sh", "-c", "ulimit -n " + strconv.Itoa(files) + `; exec "$0" "$@"`}, args...)
	}
	r.cmd = exec.Command(args[0], args[1:]...)
	r.cmd.Stderr, r.cmd.Stdout = &r.messages, nil
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { r.exited <- r.cmd.Wait() }()
	for range 200 {
		if c, err := net.Dial("tcp", r.tls); err == nil {
			_ = c.Close()
			return r, nil
		}
		select {
		case err := <-r.exited:
			return nil, fmt.Errorf("the registrar ended: %w\n%s", err, r.messages.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil, errors.Join(errors.New("the registrar does not listen after 10 s"), r.stop())
}

func free() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func (r *registrar) stop() error {
	_ = r.cmd.Process.Signal(os.Interrupt)
	err := <-r.exited
	return errors.Join(err, os.RemoveAll(r.dir))
}

// usage is what a process takes of the machine.
type usage struct {
	rss   int64 // bytes
	files int
	cpu   time.Duration
}

func (r *registrar) usage() (u usage) {
	proc := fmt.Sprintf("/proc/%d/", r.cmd.Process.Pid)
	status, _ := os.ReadFile(proc + "status")
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
			kb, _ := strconv.ParseInt(f[1], 10, 64)
			u.rss = kb << 10
		}
	}
	if open, err := os.ReadDir(proc + "fd"); err == nil {
		u.files = len(open)
	}
	stat, _ := os.ReadFile(proc + "stat")
	if _, rest, ok := strings.Cut(string(stat), ") "); ok {
		if f := strings.Fields(rest); len(f) > 12 {
			user, _ := strconv.Atoi(f[11])
			system, _ := strconv.Atoi(f[12])
			u.cpu = time.Duration(user+system) * 10 * time.Millisecond
		}
	}
	return u
}

// watch runs f and gives what the registrar took before, at most meanwhile, and afterwards.
func (r *registrar) watch(f func()) (before, most, after usage) {
	before = r.usage()
	most = before
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			u := r.usage()
			most.rss, most.files = max(most.rss, u.rss), max(most.files, u.files)
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	}()
	f()
	for quiet, waits, last := 0, 0, r.usage().cpu; quiet < 3 && waits < 100; waits++ { // it may still have work to do; a flood has no end
		time.Sleep(50 * time.Millisecond)
		now := r.usage().cpu
		if quiet++; now > last {
			quiet = 0
		}
		last = now
	}
	close(done)
	<-ended
	return before, most, r.usage()
}
