package proxy

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ewindow/registrar/keyring"
	"ewindow/registrar/signal/header"
	"ewindow/scripts/lab/somebody"
)

// simulateKeys is simulate with a ring of keys.
func simulateKeys(t *testing.T, f func(l *lab)) {
	ring := keyring.Open(filepath.Join(t.TempDir(), "keys.json"), slog.New(slog.DiscardHandler))
	simulateConfig(t, always, func(c *Config) { c.Keys = ring }, f)
}

// tell registers and tells a key.
func (p *peer) tell(key string) {
	p.l.t.Helper()
	p.ask(msg{method: "REGISTER", uri: "sip:" + domain, to: fmt.Sprintf("<sip:%s@%s>", p.name, domain),
		extra: fmt.Sprintf("Expires: 600\n%s: %s", header.KeyName, key)})
	p.response(200)
}

// A window's key reaches its partner with the plan: at once, when it changes, and not after its account has gone.
func TestTheKeyTravelsWithThePlan(t *testing.T) {
	simulateKeys(t, func(l *lab) {
		milano, munich := l.pair()
		first, second := somebody.Key(t).Text(), somebody.Key(t).Text()
		if _, p := milano.subscribe(); len(p.Keys) != 0 {
			t.Errorf("a key from nowhere: %v", p.Keys)
		}
		munich.tell(first)
		if p := milano.notified("active"); p.Keys["munich"] != first {
			t.Errorf("keys: %v", p.Keys)
		}
		munich.tell(first)
		milano.silent(time.Minute)
		munich.tell(second)
		if p := milano.notified("active"); p.Keys["munich"] != second || len(p.Keys) != 1 {
			t.Errorf("keys: %v", p.Keys)
		}
		if !strings.Contains(l.log.String(), "the public key of a window is another one") {
			t.Error("the change is not logged")
		}
		l.removeAccount("munich")
		milano.notified("active")
		l.addAccount("munich")
		if p := milano.notified("active"); len(p.Links) == 0 || len(p.Keys) != 0 {
			t.Errorf("the key of a removed account: %v", p.Keys)
		}
	})
}

// What is no key costs no registration, and takes no key's place; phones have none. (A window that registers without TLS is refused.)
func TestKeysThatAreNotTaken(t *testing.T) {
	simulateKeys(t, func(l *lab) {
		milano, munich := l.pair()
		key := somebody.Key(t).Text()
		munich.tell(key)
		if _, p := milano.subscribe(); p.Keys["munich"] != key {
			t.Fatalf("keys: %v", p.Keys)
		}
		for _, bad := range []string{"x", key[1:], strings.Repeat("A", 4000), key + ", " + key} {
			munich.tell(bad)
		}
		l.join("reception", "TLS").tell(somebody.Key(t).Text())
		milano.silent(time.Minute)
		for account, want := range map[string]string{"munich": key, "reception": ""} {
			if got, _ := l.server.registrar.told.keys.Of(account); got != "" && got.Text() != want || got == "" && want != "" {
				t.Errorf("%s has %s", account, got.Text())
			}
		}
		for range 10 {
			munich.tell(somebody.Key(t).Text())
		}
		if n := strings.Count(l.log.String(), "too often"); n != 6 {
			t.Errorf("%d changes of ten were refused, want 6", n)
		}
	})
}
