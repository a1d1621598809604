package network

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestHas(t *testing.T) {
	for text, want := range map[string]bool{"127.0.0.1": true, "::ffff:127.0.0.1": true, "203.0.113.77": false} {
		if got := Has(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}

func TestTowards(t *testing.T) {
	for _, text := range []string{"127.0.0.1", "::1"} {
		if got, err := Towards(netip.MustParseAddr(text)); err != nil && text == "127.0.0.1" || err == nil && got.String() != text {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

// In a namespace of its own the test takes an address away, and gives another one.
func TestWatch(t *testing.T) {
	const inside = "EWINDOW_NETWORK_TEST"
	if os.Getenv(inside) == "" {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("unshare", "-Urn", self, "-test.run", "^TestWatch$", "-test.v")
		cmd.Env = append(os.Environ(), inside+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	ip := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v %s", args, err, out)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	changes, ended := make(chan bool, 10), make(chan error, 1)
	before, after := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	go func() { ended <- Watch(ctx, func() { changes <- Has(after) && !Has(before) }) }()
	ip("link", "set", "lo", "up")
	ip("addr", "add", "192.0.2.1/24", "dev", "lo")
	ip("addr", "del", "192.0.2.1/24", "dev", "lo")
	ip("addr", "add", "192.0.2.2/24", "dev", "lo")
	patience := time.After(20 * time.Second)
	for seen := false; !seen; {
		select {
		case seen = <-changes:
		case <-patience:
			t.Fatal("the change was not told")
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
