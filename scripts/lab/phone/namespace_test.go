package phone

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"ewindow/scripts/stage"
)

// address is the only one in the tests' network beside the loopback's own, which baresip ignores.
const address = "10.99.0.1"

// TestMain runs the tests again in a network of their own, with an address on the interface that every machine has,
// and a route by which baresip finds it.
func TestMain(m *testing.M) {
	status, inside := stage.Alone()
	if !inside {
		os.Exit(status)
	}
	if err := errors.Join(
		stage.IP("addr", "add", address+"/32", "dev", "lo"),
		stage.IP("route", "add", "default", "dev", "lo", "src", address),
	); err != nil {
		fmt.Fprintln(os.Stderr, "phone:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
