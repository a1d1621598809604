package phone

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ewindow/endpoint/status"
	"ewindow/media/gst/card"
	"ewindow/media/testcard"
	"ewindow/scripts/stage"
)

// One house for all, since starting it takes longer than most of what is looked at.
func TestPhones(t *testing.T) {
	h := open(t)
	h.status(t, "bar", func(s status.Status) bool { return s.Registration.Online && !s.Plan.Received.IsZero() })
	h.status(t, "milano", func(s status.Status) bool { c := s.Call("munich"); return c != nil && c.Up })
	t.Run("TLS and SDES", func(t *testing.T) {
		h.call(t, h.reception(), "opus + H264 over SRTP AES_CM_128_HMAC_SHA1_80")
	})
	t.Run("TLS at the port that SIP shares with others", func(t *testing.T) {
		cfg := h.reception()
		cfg.Registrar = net.JoinHostPort(h.Host, "443")
		h.call(t, cfg, "opus + H264 over SRTP AES_CM_128_HMAC_SHA1_80")
	})
	t.Run("UDP and plain RTP", func(t *testing.T) {
		h.call(t, h.workshop(), "PCMU + H264 over plain RTP")
	})
	t.Run("TLS and SDES in a line that would do without (RFC 8643)", func(t *testing.T) {
		cfg := h.reception()
		cfg.Encryption, cfg.Codecs = "srtp", "g722/16000"
		h.call(t, cfg, "G722 + H264 over SRTP AES_CM_128_HMAC_SHA1_80")
	})
	t.Run("TLS and DTLS", func(t *testing.T) {
		cfg := h.reception()
		cfg.Encryption, cfg.Mux = "dtls_srtp", true
		h.call(t, cfg, "opus + H264 over SRTP, keys by DTLS")
	})
	for name, mux := range map[string]bool{"ICE, reports on the same port": true, "ICE, reports on a port of their own": false} {
		t.Run(name, func(t *testing.T) {
			cfg := h.reception()
			cfg.NAT, cfg.Mux = "ice", mux
			h.call(t, cfg, "opus + H264 over SRTP AES_CM_128_HMAC_SHA1_80")
		})
	}
	t.Run("an account from its paper", h.fromPaper)
	t.Run("refusals", h.refusals)
	t.Run("wrong secret", h.wrongSecret)
	t.Run("hold", h.hold)
	t.Run("busy with a phone", h.busyWithPhone)
	t.Run("closing time", h.closingTime) // the last one: it changes the plan
}

// offersMode1 is what baresip's offer holds unless it has packetization-mode 0 alone, as version 1.0 does when its
// configuration names the codec; 1.1 always offers both.
const offersMode1 = " packetization-mode=1;profile-level-id=42e01f"

// call has a phone call the bar, looks and listens at both ends, and hangs up.
func (h *house) call(t *testing.T, cfg Config, media string) {
	p := h.phone(t, cfg)
	h.connect(t, p)
	h.status(t, "bar", func(s status.Status) bool {
		c := s.Call(cfg.Account)
		return c != nil && c.Up && c.Role == "phone" && c.Media == media
	})
	h.bothWays(t, p)
	mode := "Set video encoder: H264 packetization-mode=1"
	if !strings.Contains(p.Output(), offersMode1) {
		mode = "Set video encoder: H264 packetization-mode=0"
	}
	if !strings.Contains(p.Output(), mode) {
		t.Errorf("baresip did not say %q", mode)
	}
	name, other := reception, workshop
	if cfg.Account == "workshop" {
		name, other = other, name
	}
	reads(t, h.eyes, name, other)
	if dir := os.Getenv("PHONE_PICTURES"); dir != "" { // for people
		_ = h.eyes.Save(filepath.Join(dir, cfg.Account+".png"))
	}
	h.hangUp(t, p)
	idle(t, h.eyes)
}

// bothWays looks and listens at both ends of a call with the bar.
func (h *house) bothWays(t *testing.T, p *Phone) {
	t.Helper()
	sees(t, "bar", h.eyes, "phone")
	hears(t, "bar", func() (string, error) { return h.barsSpeaker, nil }, p.cfg.Tone)
	eyes := h.phonesEyes(t)
	defer eyes.Close()
	sees(t, "the phone", eyes, "bar")
	hears(t, "the phone", p.Heard, testcard.Tone("bar"))
}

func (h *house) refusals(t *testing.T) {
	began := time.Now()
	plain := h.reception()
	plain.Encryption = ""
	cellar := h.reception()
	cellar.Account, cellar.Secret = "cellar", h.Secrets["cellar"]
	phones := map[string]*Phone{}
	for _, c := range []struct {
		name   string
		cfg    Config
		number string
		want   string
	}{
		{"the plan does not let it dial", cellar, "201", "403 "},
		{"a number that is not in the plan", cellar, "299", "404 "},
		{"the window is closed", h.reception(), "202", "480 "},
		{"the window is with its partner", h.reception(), "203", "486 "},
		{"the plan wants SDES, the phone offers plain RTP", plain, "201", "488 "},
	} {
		key := c.cfg.Account + c.cfg.Encryption
		p := phones[key]
		if p == nil {
			p = h.phone(t, c.cfg)
			phones[key] = p
		}
		err := dial(t, p, c.number)
		var refused Refused
		if !errors.As(err, &refused) || !strings.HasPrefix(string(refused), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	h.status(t, "bar", func(s status.Status) bool {
		last := s.Last("reception")
		return last != nil && last.Status == 488 && last.Ended.After(began)
	})
	idle(t, h.eyes)
}

func (h *house) wrongSecret(t *testing.T) {
	for _, cfg := range []Config{h.reception(), h.workshop()} {
		cfg.Secret += "x"
		p := h.unregistered(t, cfg)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		err := p.Registered(ctx)
		cancel()
		if err == nil || !strings.Contains(err.Error(), "not registered") {
			t.Errorf("%s with a wrong secret: %v, want a refusal", cfg.Account, err)
		}
	}
}

// A phone that holds the call gets no pictures, is not taken for dead, and gets them again.
func (h *house) hold(t *testing.T) {
	p := h.phone(t, h.reception())
	h.connect(t, p)
	h.bothWays(t, p)
	do(t, p, "hold")
	eyes := h.phonesEyes(t)
	defer eyes.Close()
	still(t, "the phone", eyes)
	shows(t, h.eyes, card.Texts{Title: reception, Reason: "On hold", Next: "They will be back. They neither see nor hear you.",
		Notice: "Whoever runs the registrar could listen to this phone call"})
	if dir := os.Getenv("PHONE_PICTURES"); dir != "" {
		_ = h.eyes.Save(filepath.Join(dir, "hold.png"))
	}
	do(t, p, "resume")
	h.bothWays(t, p)
	h.hangUp(t, p)
}

func (h *house) busyWithPhone(t *testing.T) {
	first, second := h.phone(t, h.workshop()), h.phone(t, h.reception())
	h.connect(t, first)
	var refused Refused
	if err := dial(t, second, "201"); !errors.As(err, &refused) || !strings.HasPrefix(string(refused), "486 ") {
		t.Errorf("the second phone: %v, want 486", err)
	}
	h.bothWays(t, first)
	h.hangUp(t, first)
}

// The window hangs up on a phone when it closes.
func (h *house) closingTime(t *testing.T) {
	p := h.phone(t, h.reception())
	h.connect(t, p)
	closed := strings.Replace(plan, `"24/7"`, `"off"`, 1)
	if err := os.WriteFile(h.DialplanPath(), []byte(closed), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := p.HungUp(ctx); err != nil {
		t.Fatal(err)
	}
	h.status(t, "bar", func(s status.Status) bool {
		last := s.Last("reception")
		return last != nil && last.Why == "closed" && len(s.Calls) == 0
	})
	var refused Refused
	if err := dial(t, p, "201"); !errors.As(err, &refused) || !strings.HasPrefix(string(refused), "480 ") {
		t.Errorf("after closing: %v, want 480", err)
	}
	idle(t, h.eyes)
}

// connect calls the bar.
func (h *house) connect(t *testing.T, p *Phone) {
	t.Helper()
	if err := dial(t, p, "201"); err != nil {
		t.Fatal(err)
	}
}

// hangUp ends a phone's call with the bar, and waits until the bar knows.
func (h *house) hangUp(t *testing.T, p *Phone) {
	t.Helper()
	began := time.Now()
	do(t, p, "hangup")
	h.status(t, "bar", func(s status.Status) bool {
		last := s.Last(p.cfg.Account)
		return s.Call(p.cfg.Account) == nil && last != nil && last.Ended.After(began)
	})
}

func dial(t *testing.T, p *Phone, number string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return p.Dial(ctx, number)
}

func do(t *testing.T, p *Phone, command string) {
	t.Helper()
	if err := p.Do(command); err != nil {
		t.Fatal(err)
	}
}

func (h *house) phonesEyes(t *testing.T) *stage.Eyes {
	t.Helper()
	eyes, err := stage.OpenEyes(h.shown.Name, "")
	if err != nil {
		t.Fatal(err)
	}
	return eyes
}
