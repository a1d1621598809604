package trust

import (
	"crypto/ecdsa"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ewindow/registrar/signal/mediakey"

	"ewindow/scripts/lab/somebody"
)

var silent = slog.New(slog.DiscardHandler)

func open(t *testing.T, dir string) *Pins {
	t.Helper()
	p, err := OpenPins(dir, silent)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func isChanged(err error) bool {
	var c *ChangedError
	return errors.As(err, &c) && c.Peer == "munich"
}

func TestTheKeyIsMadeOnceAndKept(t *testing.T) {
	dir := t.TempDir()
	first, err := LoadKey(dir, silent)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, KeyFile)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	again, err := LoadKey(dir, silent)
	if err != nil || again.Public() != first.Public() {
		t.Fatalf("another key: %v", err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Error("others can read it")
	}
	if signer, err := mediakey.Of(again.Signer().Public().(*ecdsa.PublicKey)); err != nil || signer != again.Public() {
		t.Errorf("it signs with another one: %v", err)
	}
}

// A damaged key is never replaced: partners would refuse the new one.
func TestADamagedKeyIsAnErrorAndStays(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadKey(dir, silent); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, KeyFile)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "x", string(good[:len(good)/2]), strings.Replace(string(good), "PRIVATE", "PUBLIC", 2), strings.Repeat("x", 1<<20)} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := LoadKey(dir, silent)
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%.20q: %v does not name the file", bad, err)
		}
		if left, _ := os.ReadFile(path); string(left) != bad {
			t.Errorf("%.20q was replaced", bad)
		}
	}
}

func TestFirstSightIsPinnedAndIsNoTrust(t *testing.T) {
	dir := t.TempDir()
	p, key, other := open(t, dir), somebody.Key(t), somebody.Key(t)
	if err := p.Meet("munich", []byte(key)); err != nil {
		t.Fatal(err)
	}
	if s := p.Of("munich"); s.State() != Unconfirmed || s.Words != mediakey.WordsOf(key).String() {
		t.Errorf("%+v", s)
	}
	if err := p.Meet("munich", []byte(other)); !isChanged(err) {
		t.Fatalf("another key: %v", err)
	}
	if s := p.Of("munich"); s.State() != Changed || s.Public != key || s.OfferedWords != mediakey.WordsOf(other).String() {
		t.Errorf("%+v", s)
	}
	if err := p.Meet("munich", []byte(key)); err != nil || p.Of("munich").State() != Unconfirmed {
		t.Errorf("the known key: %v, %s", err, p.Of("munich").State())
	}
	if err := p.Meet("munich", []byte("no key")); err == nil || isChanged(err) {
		t.Errorf("no key: %v", err)
	}
}

func TestPinsLiveThroughRestarts(t *testing.T) {
	dir := t.TempDir()
	key, other := somebody.Key(t), somebody.Key(t)
	p := open(t, dir)
	if err := errors.Join(p.Meet("munich", []byte(key)), p.Confirm("munich", key, "anna")); err != nil {
		t.Fatal(err)
	}
	if err := p.Meet("munich", []byte(other)); !isChanged(err) {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	s := again.Of("munich")
	if s.State() != Changed || s.Public != key || s.Pin.Offered != other || s.By != "anna" || time.Since(s.Confirmed) > time.Hour {
		t.Errorf("%+v", s)
	}
	if err := again.Meet("munich", []byte(other)); !isChanged(err) {
		t.Errorf("the other key: %v", err)
	}
}

// After a change the person at this window alone lets the new key in, and only the one whose words were read.
func TestAChangedKeyIsConfirmedHere(t *testing.T) {
	p := open(t, t.TempDir())
	key, other, third := somebody.Key(t), somebody.Key(t), somebody.Key(t)
	if err := errors.Join(p.Meet("munich", []byte(key)), p.Confirm("munich", key, "anna")); err != nil {
		t.Fatal(err)
	}
	if err := p.Meet("munich", []byte(other)); !isChanged(err) {
		t.Fatal(err)
	}
	if err := p.Confirm("munich", third, "anna"); err == nil {
		t.Fatal("a key was confirmed that nobody has shown")
	}
	if err := p.Confirm("munich", other, "berta"); err != nil {
		t.Fatal(err)
	}
	if s := p.Of("munich"); s.State() != Half || s.Public != other || s.By != "berta" {
		t.Errorf("%+v", s)
	}
	if err := p.Meet("munich", []byte(other)); err != nil {
		t.Error(err)
	}
	if err := p.Meet("munich", []byte(key)); !isChanged(err) {
		t.Errorf("the old key: %v", err)
	}
}

// The plan names keys, and whoever runs the registrar writes it: it pins at first sight, and after that gains nothing.
func TestThePlanNamesKeys(t *testing.T) {
	p := open(t, t.TempDir())
	key, other := somebody.Key(t), somebody.Key(t)
	plan := func(public mediakey.Public) map[string]mediakey.Public {
		return map[string]mediakey.Public{"munich": public}
	}
	p.Told(plan(key))
	if err := p.Meet("munich", []byte(other)); !isChanged(err) {
		t.Errorf("a handshake that contradicts the plan: %v", err)
	}
	if err := errors.Join(p.Meet("munich", []byte(key)), p.Confirm("munich", key, "anna")); err != nil {
		t.Fatal(err)
	}
	p.Told(plan(other))
	if err := p.Meet("munich", []byte(key)); !isChanged(err) {
		t.Errorf("the plan and the handshake differ: %v", err)
	}
	if s := p.Of("munich"); s.State() != Changed || s.Public != key {
		t.Errorf("%+v", s)
	}
	p.Told(nil)
	if err := p.Meet("munich", []byte(key)); err != nil || p.Of("munich").State() != Half {
		t.Errorf("the plan names none any more: %v, %s", err, p.Of("munich").State())
	}
}

// Both windows were set up anew, and each hears of the other's old key first, which the registrar remembers: nobody has shown it, so it gives
// way to the next that the plan names. Once a key was shown, or confirmed, it stands.
func TestAKeyThatNobodyHasShown(t *testing.T) {
	dir := t.TempDir()
	p, old, key, other := open(t, dir), somebody.Key(t), somebody.Key(t), somebody.Key(t)
	plan := func(public mediakey.Public) map[string]mediakey.Public {
		return map[string]mediakey.Public{"munich": public}
	}
	expect := func(what string, state State, public mediakey.Public) {
		t.Helper()
		if s := p.Of("munich"); s.State() != state || s.Public != public {
			t.Errorf("%s: %q, %v", what, s.State(), s.Public == public)
		}
	}
	p.Told(plan(old))
	if err := p.Meet("munich", []byte(key)); !isChanged(err) {
		t.Errorf("a handshake that contradicts the plan: %v", err)
	}
	expect("the plan is late", Changed, old)
	p.Told(plan(key))
	expect("the plan has heard of it", Unconfirmed, key)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	p = open(t, dir)
	p.Told(plan(key))
	if err := p.Meet("munich", []byte(key)); err != nil {
		t.Error(err)
	}
	p.Told(plan(other))
	expect("it was shown", Changed, key)
	if err := errors.Join(p.Forget("munich"), p.Confirm("munich", other, "anna")); err != nil {
		t.Fatal(err)
	}
	p.Told(plan(key))
	expect("it was confirmed", Changed, other)
}

func TestForgetting(t *testing.T) {
	p := open(t, t.TempDir())
	key, other := somebody.Key(t), somebody.Key(t)
	if err := p.Forget("munich"); err == nil || !strings.Contains(err.Error(), "munich") {
		t.Errorf("nobody: %v", err)
	}
	if err := errors.Join(p.Meet("munich", []byte(key)), p.Confirm("munich", key, "anna"), p.Forget("munich")); err != nil {
		t.Fatal(err)
	}
	if err := p.Meet("munich", []byte(other)); err != nil || p.Of("munich").State() != Unconfirmed {
		t.Errorf("%v, %s", err, p.Of("munich").State())
	}
}

// Pins that cannot be read are never taken for none.
func TestDamagedPinsAreAnErrorAndStay(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	if err := p.Meet("munich", []byte(somebody.Key(t))); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, PinsFile)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "{}", string(good[:len(good)-3]), strings.Replace(string(good), "munich", "munick", 1)} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Open(dir, silent); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%.20q: %v does not name the file", bad, err)
		}
		if left, _ := os.ReadFile(path); string(left) != bad {
			t.Errorf("%.20q was replaced", bad)
		}
	}
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := open(t, dir).Of("munich"); got.State() != Unconfirmed {
		t.Errorf("the good copy: %+v", got)
	}
}

func TestPinsHaveOneOwner(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	if _, err := OpenPins(dir, silent); !errors.Is(err, ErrInUse) {
		t.Errorf("a second owner: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

// A disk that is full costs a pin its life after the window's end, and nothing else; a confirmation says so.
func TestADiskThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	p, key := open(t, dir), somebody.Key(t)
	p.file.path = filepath.Join(dir, "gone", PinsFile)
	if err := p.Meet("munich", []byte(key)); err != nil {
		t.Fatal(err)
	}
	if err := p.Meet("munich", []byte(somebody.Key(t))); !isChanged(err) {
		t.Errorf("another key: %v", err)
	}
	if err := p.Confirm("munich", key, "anna"); err == nil {
		t.Error("a confirmation that is not kept is no error")
	}
}

// It is confirmed when both sides have said so, and only the partner itself can say what was said there.
func TestBothSidesHaveToConfirm(t *testing.T) {
	dir := t.TempDir()
	milano, pins, err := Open(dir, silent)
	if err != nil {
		t.Fatal(err)
	}
	munich, err := LoadKey(t.TempDir(), silent)
	if err != nil {
		t.Fatal(err)
	}
	liar, err := LoadKey(t.TempDir(), silent)
	if err != nil {
		t.Fatal(err)
	}
	proof := func(by *Key, of mediakey.Public) []byte {
		t.Helper()
		b, err := by.Vouch(of)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	good := proof(munich, milano.Public())
	if err := pins.Vouched("munich", milano.Public(), good); err == nil {
		t.Error("a stranger vouches")
	}
	if err := pins.Meet("munich", []byte(munich.Public())); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"nothing": nil, "another's signature": proof(liar, milano.Public()), "of another key": proof(munich, liar.Public()),
		"our own": proof(milano, milano.Public()), "cut short": good[:len(good)-1], "too long": append(good, make([]byte, 100)...),
	} {
		if err := pins.Vouched("munich", milano.Public(), bad); err == nil || !pins.Of("munich").There.IsZero() {
			t.Errorf("%s was believed", name)
		}
	}
	if err := pins.Vouched("munich", milano.Public(), good); err != nil {
		t.Error(err)
	}
	if s := pins.Of("munich").State(); s != Unconfirmed {
		t.Errorf("what was said there makes it %q here", s)
	}
	if err := pins.Confirm("munich", munich.Public(), "anna"); err != nil || pins.Of("munich").State() != Confirmed {
		t.Errorf("both: %v, %s", err, pins.Of("munich").State())
	}
	if err := errors.Join(pins.Close()); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	if s := again.Of("munich").State(); s != Confirmed {
		t.Errorf("after a restart %q", s)
	}
	_ = again.Meet("munich", []byte(liar.Public()))
	if err := again.Confirm("munich", liar.Public(), "anna"); err != nil || again.Of("munich").State() != Half {
		t.Errorf("another key has what the old one had: %v, %s", err, again.Of("munich").State())
	}
}

// What was confirmed there was one key of this window's. With another one, as after it was set up anew, nobody there has.
func TestAnotherKeyIsNotConfirmedThere(t *testing.T) {
	dir := t.TempDir()
	milano, pins, err := Open(dir, silent)
	if err != nil {
		t.Fatal(err)
	}
	munich, err := LoadKey(t.TempDir(), silent)
	if err != nil {
		t.Fatal(err)
	}
	vouch := func(pins *Pins, milano *Key) {
		t.Helper()
		proof, err := munich.Vouch(milano.Public())
		if err == nil {
			err = pins.Vouched("munich", milano.Public(), proof)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(pins.Meet("munich", []byte(munich.Public())), pins.Confirm("munich", munich.Public(), "anna")); err != nil {
		t.Fatal(err)
	}
	vouch(pins, milano)
	if s := pins.Of("munich").State(); s != Confirmed {
		t.Fatalf("both said so: %q", s)
	}
	if err := errors.Join(pins.Close(), os.Remove(filepath.Join(dir, KeyFile))); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	anew, pins, err := Open(dir, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if s := pins.Of("munich").State(); s != Half {
		t.Errorf("with another key it is %q", s)
	}
	if !strings.Contains(said.String(), "level=WARN") || !strings.Contains(said.String(), "another key than partners know") {
		t.Errorf("that it is another key is not said: %s", &said)
	}
	vouch(pins, anew)
	if err := pins.Close(); err != nil {
		t.Fatal(err)
	}
	_, pins, err = Open(dir, silent)
	if err != nil {
		t.Fatal(err)
	}
	if s := pins.Of("munich").State(); s != Confirmed {
		t.Errorf("confirmed there anew: %q after a restart", s)
	}
}
