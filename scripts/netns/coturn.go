package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// coturn is somebody else's TURN server, beside the registrar, which gives windows credentials for it and relays nothing itself.
type coturn struct{ cmd *exec.Cmd }

const coturnSecret = "the-lab's-secret"

func secretFile(dir string) string { return filepath.Join(dir, "coturn-secret") }

// serve are the registrar's arguments where that is the relay.
func (coturn) serve(address, dir string) []string {
	return []string{
		"--relay-url", "turn:" + address + ":3478?transport=udp", "--relay-url", "turn:" + address + ":3478?transport=tcp",
		"--relay-secret", secretFile(dir),
	}
}

// start runs it on the registrar's machine. It ends with close.
func (c *coturn) start(ctx context.Context, m *machine, dir string) error {
	if err := os.WriteFile(secretFile(dir), []byte(coturnSecret+"\n"), 0o600); err != nil {
		return err
	}
	address := m.has.address.Addr().String()
	c.cmd = m.Command(ctx, "turnserver", "-n", "--use-auth-secret", "--static-auth-secret="+coturnSecret, "--realm=lab", "-p", "3478",
		"--listening-ip="+address, "--relay-ip="+address, "--no-tls", "--no-dtls", "--no-cli", "--cli-password=none", "--log-file=stdout",
		"--pidfile="+filepath.Join(dir, "coturn.pid"), "--db="+filepath.Join(dir, "coturn.db"))
	c.cmd.Stdout, c.cmd.Stderr = io.Discard, io.Discard
	if err := c.cmd.Start(); err != nil {
		return fmt.Errorf("start coturn: %w; Debian has it in coturn", err)
	}
	return nil
}

func (c *coturn) close() {
	if c.cmd != nil {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
	}
}
