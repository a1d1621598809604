package stage

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Namespace is a network of its own, with nothing in it but the loopback interface. It lives as long as the process that
// holds it, and all devices in it go with it.
type Namespace struct {
	holder *exec.Cmd
}

// NewNamespace makes one. It ends with Remove or with this process.
func NewNamespace(ctx context.Context) (*Namespace, error) {
	h := exec.Command("sleep", "infinity")
	h.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := h.Start(); err != nil {
		return nil, fmt.Errorf("make a network namespace: %w; run it as root", err)
	}
	n := &Namespace{holder: h}
	if err := n.IP(ctx, "link set lo up"); err != nil {
		n.Remove()
		return nil, err
	}
	return n, nil
}

// PID is the process number of its holder, by which ip names a namespace.
func (n *Namespace) PID() string { return strconv.Itoa(n.holder.Process.Pid) }

// Enter is the command by which a program runs in it; the process number stays that of the program itself.
func (n *Namespace) Enter() []string {
	return []string{"nsenter", "--net=/proc/" + n.PID() + "/ns/net"}
}

// Command runs a program in it.
func (n *Namespace) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	command := append(append(n.Enter(), name), args...)
	return exec.CommandContext(ctx, command[0], command[1:]...)
}

// Run runs a program in it to its end. What the program printed is in the error.
func (n *Namespace) Run(ctx context.Context, name string, args ...string) error {
	if out, err := n.Command(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w: %s", name, args, err, out)
	}
	return nil
}

// IP runs commands of ip in it, one after the other.
func (n *Namespace) IP(ctx context.Context, commands ...string) error {
	cmd := n.Command(ctx, "ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip, of %q: %w: %s", commands, err, out)
	}
	return nil
}

// Cable joins two namespaces by a pair of virtual interfaces with these names, which are up.
func Cable(ctx context.Context, a *Namespace, deviceA string, b *Namespace, deviceB string) error {
	if err := a.IP(ctx, fmt.Sprintf("link add name %s type veth peer name %s netns %s", deviceA, deviceB, b.PID()),
		"link set "+deviceA+" up"); err != nil {
		return err
	}
	return b.IP(ctx, "link set "+deviceB+" up")
}

// Within does something with the thread in the namespace, such as making a socket, which stays there.
func (n *Namespace) Within(do func() error) error {
	there, err := os.Open("/proc/" + n.PID() + "/ns/net")
	if err != nil {
		return err
	}
	defer there.Close()
	here, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer here.Close()
	// The thread has to come back: if it ended, so would the programs that it has started (prctl(2), PR_SET_PDEATHSIG).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter a network namespace: %w", err)
	}
	defer func() {
		if err := unix.Setns(int(here.Fd()), unix.CLONE_NEWNET); err != nil {
			panic(fmt.Sprintf("a thread cannot leave a network namespace: %v", err))
		}
	}()
	return do()
}

// Remove ends the namespace. What runs in it goes on, without a way out.
func (n *Namespace) Remove() {
	_ = n.holder.Process.Kill()
	_ = n.holder.Wait()
}
