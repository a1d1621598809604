package phone

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ewindow/endpoint/status"
	"ewindow/media/testcard"
	"ewindow/scripts/stage"
)

// routersPlan has a window at home, one with a public address, and the phones.
const routersPlan = `
space "bar" {
  timezone = "Europe/Berlin"
  open     = "24/7"
}
space "hall" {
  timezone = "Europe/Berlin"
  open     = "24/7"
}
phone "reception" {
  may_dial = [bar, hall]
}
phone "workshop" {
  may_dial = [bar, hall]
  security = "none"
}
`

// routers is a world of a registrar, a window and a phone behind a router at home each, and a window with a public address. Both homes
// have the same range, as homes do.
//
//	                 internet (routes)
//	     ┌──────────────┬┴──────────────┬───────────────┐
//	registrar         hall            router          router
//	203.0.113.2     203.0.113.6     203.0.113.10    203.0.113.14
//	                                    │               │
//	                                   bar            phone        192.168.1.10
type routers struct {
	*house
	phones *stage.Namespace
	eyes   map[string]*stage.Eyes // at the windows' screens
}

const (
	registrarAddress = "203.0.113.2"
	hallAddress      = "203.0.113.6"
	homeAddress      = "192.168.1.10"
)

// cable joins a machine to the internet by its n-th cable.
func cable(ctx context.Context, internet, m *stage.Namespace, n int) error {
	device := fmt.Sprint("cable", n)
	if err := stage.Cable(ctx, internet, device, m, "uplink"); err != nil {
		return err
	}
	if err := internet.IP(ctx, fmt.Sprintf("addr add 203.0.113.%d/30 dev %s", 4*n+1, device)); err != nil {
		return err
	}
	return m.IP(ctx, fmt.Sprintf("addr add 203.0.113.%d/30 dev uplink", 4*n+2), fmt.Sprintf("route add default via 203.0.113.%d", 4*n+1))
}

// home makes a router and a machine behind it.
func home(ctx context.Context, internet, router, m *stage.Namespace, n int) error {
	if err := cable(ctx, internet, router, n); err != nil {
		return err
	}
	if err := stage.Cable(ctx, router, "lan", m, "uplink"); err != nil {
		return err
	}
	if err := router.IP(ctx, "addr add 192.168.1.1/24 dev lan"); err != nil {
		return err
	}
	// The kernel's masquerade: a port is kept, and only what answers comes in. Nothing of a private network goes out.
	if err := router.Run(ctx, "nft", `
table ip nat { chain out { type nat hook postrouting priority srcnat; oifname "uplink" masquerade; }; }
table ip filter {
	chain input { type filter hook input priority filter; iifname "uplink" ct state new,invalid drop; }
	chain forward { type filter hook forward priority filter; policy drop; ct state established,related accept; iifname "lan" ip daddr != 192.168.0.0/16 accept; }
}`); err != nil {
		return err
	}
	return m.IP(ctx, "addr add "+homeAddress+"/24 dev uplink", "route add default via 192.168.1.1")
}

// build makes the machines.
func build(t *testing.T) (machines map[string]*stage.Namespace) {
	t.Helper()
	ctx, machines := t.Context(), map[string]*stage.Namespace{}
	for _, name := range []string{"internet", "registrar", "hall", "router 2", "bar", "router 3", "phone"} {
		n, err := stage.NewNamespace(ctx)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(n.Remove)
		machines[name] = n
	}
	for _, name := range []string{"internet", "router 2", "router 3"} {
		if err := machines[name].Within(func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0) }); err != nil {
			t.Fatal(err)
		}
	}
	internet := machines["internet"]
	for _, err := range []error{
		cable(ctx, internet, machines["registrar"], 0), cable(ctx, internet, machines["hall"], 1),
		home(ctx, internet, machines["router 2"], machines["bar"], 2), home(ctx, internet, machines["router 3"], machines["phone"], 3),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return machines
}

func openRouters(t *testing.T) *routers {
	t.Helper()
	machines := build(t)
	dir, err := os.MkdirTemp("", "routers")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	w := &routers{house: &house{t: t, ports: 4600}, phones: machines["phone"], eyes: map[string]*stage.Eyes{}}
	w.scene, w.shown = scene(t, width, height, 2*fps, testcard.Seed("phone")), display(t, width, height)
	w.Network = &stage.Network{Dir: filepath.Join(dir, "net"), Bin: bin, Host: registrarAddress, TLS: 5061, SIP: 5060, Dialplan: routersPlan,
		Phones: []string{"reception", "workshop"}, Lines: w.line,
		Serve: []string{"--turn", registrarAddress + ":3478", "--relay-address", registrarAddress},
		Enter: func(name string) []string { return machines[name].Enter() }}
	for _, space := range []string{"bar", "hall"} {
		screen := display(t, width, height)
		if w.eyes[space], err = stage.OpenEyes(screen.Name, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.eyes[space].Close)
		w.Windows = append(w.Windows, stage.Window{Space: space, Camera: "test", Microphone: "test", Speaker: "none", Screen: "x11:" + screen.Name,
			Width: width, Height: height, FPS: fps, Kbps: 500})
	}
	w.open(t)
	return w
}

// Phones behind a router see and hear a window with a public address, and one behind another router; by which path is said.
func TestPhonesBehindRouters(t *testing.T) {
	w := openRouters(t)
	for _, space := range []string{"bar", "hall"} {
		w.status(t, space, func(s status.Status) bool { return s.Registration.Online && !s.Plan.Received.IsZero() })
	}
	ice := w.reception()
	ice.NAT = "ice"
	for _, c := range []struct {
		name, space string
		cfg         Config
		path        string // as the window has it
	}{
		{"plain RTP to a public window", "hall", w.workshop(), ""},
		{"SRTP to a public window", "hall", w.reception(), ""},
		{"plain RTP to a window behind a router", "bar", w.workshop(), "relay/udp"},
		{"SRTP to a window behind a router", "bar", w.reception(), "relay/udp"},
		{"ICE to a public window", "hall", ice, "srflx"},
		{"ICE to a window behind a router", "bar", ice, "relay/udp"}, // the phone asks no server
	} {
		t.Run(c.name, func(t *testing.T) { w.call(t, c.cfg, c.space, c.path) })
	}
}

// call has a phone call a window, looks at both ends, listens at the phone's, and hangs up.
func (w *routers) call(t *testing.T, cfg Config, space, path string) {
	w.ports++
	cfg.On, cfg.Address, cfg.Control = w.phones, homeAddress, net.JoinHostPort(homeAddress, fmt.Sprint(w.ports))
	cfg.Dir, cfg.Camera, cfg.Display = filepath.Join(w.Dir, fmt.Sprint("phone", w.ports)), w.scene.Name, w.shown.Name
	cfg.Width, cfg.Height, cfg.Rate = width, height, fps
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p, err := Start(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	defer func() {
		if t.Failed() {
			t.Logf("baresip said:\n%s", p.Output())
		}
	}()
	if err := p.Registered(ctx); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := dial(t, p, space); err != nil {
		t.Fatal(err)
	}
	w.status(t, space, func(s status.Status) bool {
		c := s.Call(cfg.Account)
		return c != nil && c.Figures.SoundIn > 0 && c.Figures.PicturesIn > 0
	})
	t.Logf("heard and seen %.1f s after it dialled", time.Since(begun).Seconds())
	sees(t, space, w.eyes[space], "phone")
	eyes := w.phonesEyes(t)
	defer eyes.Close()
	sees(t, "the phone", eyes, space)
	hears(t, "the phone", p.Heard, testcard.Tone(space))
	s, err := w.Status(space)
	if err != nil {
		t.Fatal(err)
	}
	if c := s.Call(cfg.Account); c == nil || c.Path != path && !strings.Contains(" "+path+" ", " "+c.Path+" ") || c.Unanswered != "" {
		t.Errorf("the call is %+v, want path %q", c, path)
	} else {
		t.Logf("path %q", c.Path)
	}
	do(t, p, "hangup")
	w.status(t, space, func(s status.Status) bool { return s.Call(cfg.Account) == nil })
}
