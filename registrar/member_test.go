package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ewindow/registrar/members"
)

// A newcomer is admitted, confirmed and revoked beside a registrar that runs, which takes each up by itself; the commands that read its record
// answer as it does.
func TestMember(t *testing.T) {
	s := newService(t)
	write(t, s.args.Dialplan[0], plan+`space "potsdam" {
  timezone = "Europe/Berlin"
  open     = "Mo-Su 00:00-24:00"
}
link "tour" {
  between = [munich, potsdam]
  when    = always
}
`)
	state := s.args.State
	if status, _, errs := command("account", "add", "milano", "--state", state, "--domain", "localhost"); status != 0 {
		t.Fatal(errs)
	}
	s.start()
	defer s.end()
	member := func(now string, args ...string) (int, string, string) {
		var out, errs strings.Builder
		at, err := time.Parse(time.DateOnly, now)
		if err != nil {
			t.Fatal(err)
		}
		status := run(append([]string{"member"}, append(args, "--state", state)...), streams{out: &out, err: &errs, now: func() time.Time { return at }})
		return status, out.String(), errs.String()
	}
	conditions := []string{"--visited", "2027-03-02", "--rules", "v3", "--event", "2027-05-10"}
	for want, args := range map[string][]string{
		`sponsor "lisboa" has no account`: append([]string{"add", "potsdam", "--sponsor", "lisboa"}, conditions...),
		"has an account already":          append([]string{"add", "milano", "--sponsor", "milano"}, conditions...),
		"is no space of the dialplan":     append([]string{"add", "lisboa", "--sponsor", "milano"}, conditions...),
		"is not in the record":            {"confirm", "potsdam"},
		"account remove":                  {"revoke", "milano"},
	} {
		if status, out, errs := member("2027-03-05", args...); status == 0 || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%v: %d %q %q, want %q", args, status, out, errs, want)
		}
	}
	if _, err := os.Stat(filepath.Join(state, members.FileName)); err == nil {
		if r, err := members.Read(filepath.Join(state, members.FileName)); len(r) != 0 || err != nil {
			t.Errorf("what was refused is on record: %v, %v", r, err)
		}
	}

	status, secret, errs := member("2027-03-05", append([]string{"add", "potsdam", "--sponsor", "milano"}, conditions...)...)
	if status != 0 || len(strings.TrimSpace(secret)) != 32 || !strings.Contains(errs, "on probation with milano") {
		t.Fatalf("%d %q %q", status, secret, errs)
	}
	s.await(`(probations changed).* spaces=1`)
	if _, out, errs := command("explain", "potsdam", s.args.Dialplan[0], "--state", state); !strings.Contains(out, "sponsor") || strings.Contains(out, "sees munich") {
		t.Errorf("explain: %q %q", out, errs)
	}
	if _, out, _ := command("explain", "potsdam", s.args.Dialplan[0]); strings.Contains(out, "sponsor") {
		t.Errorf("explain without a record: %q", out)
	}
	if _, out, _ := command("status", "--state", state); !strings.Contains(out, "potsdam is on probation until confirmed") {
		t.Errorf("status: %q", out)
	}
	if _, out, _ := command("status", "milano", "--state", state); !strings.Contains(out, "milano      a space; should be ") || strings.Contains(out, "potsdam") {
		t.Errorf("status of one: %q", out)
	}
	if status, out, errs := command("status", "lisboa", "--state", state); status == 0 || out != "" || !strings.Contains(errs, `"lisboa" is not in the plan`) {
		t.Errorf("status of nobody: %d %q %q", status, out, errs)
	}
	if _, out, _ := command("check", "--accounts", "--state", state, s.args.Dialplan[0]); !strings.Contains(out, "probation") {
		t.Errorf("check: %q", out)
	}
	if status, _, errs := command("explain", "potsdam", s.args.Dialplan[0], "--state", s.dir); status != 2 || !strings.Contains(errs, "there are no accounts in") {
		t.Errorf("a directory that was mistyped: %d %q", status, errs)
	}
	if _, out, errs := member("2027-05-12", "list"); !strings.Contains(out, "potsdam  on probation  since 2027-03-05  sponsor milano  visited 2027-03-02  rules v3  event 2027-05-10  its event is over") {
		t.Errorf("list: %q %q", out, errs)
	}
	if _, out, _ := member("2027-05-12", "list", "--json"); !strings.Contains(out, `"overdue": true`) || !strings.Contains(out, `"state": "on probation"`) {
		t.Errorf("list --json: %q", out)
	}
	if status, _, errs := member("2027-04-01", "confirm", "potsdam"); status == 0 || !strings.Contains(errs, "on 2027-05-10 only") {
		t.Errorf("too early: %d %q", status, errs)
	}
	if status, _, errs := member("2027-05-12", "confirm", "potsdam"); status != 0 {
		t.Fatal(errs)
	}
	s.await(`(probations changed).* spaces=0`)
	if status, _, errs := member("2027-05-12", "rotate", "milano"); status == 0 || !strings.Contains(errs, "no version of the exchange rules is on record for milano") {
		t.Errorf("rotate without rules: %d %q", status, errs)
	}
	if err := os.Mkdir(filepath.Join(state, "rules"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(state, "rules", "v3.txt"), "Be kind.\n")
	if status, code, errs := member("2027-05-12", "rotate", "potsdam", "--host", "reg.example.org"); status != 0 || !strings.Contains(code, "reg.example.org") {
		t.Errorf("rotate: %d %q %q", status, code, errs)
	}
	if status, _, errs := member("2027-05-12", "rotate", "lisboa", "--rules", "v3"); status == 0 || !strings.Contains(errs, "neither in the record nor has it an account") {
		t.Errorf("rotate of nobody: %d %q", status, errs)
	}
	for _, host := range []string{"https://reg.example.org", "a b", "../x", "reg.example.org/x", "reg.example.org:x"} {
		if status, out, errs := member("2027-05-12", "rotate", "potsdam", "--host", host); status == 0 || out != "" || !strings.Contains(errs, "is neither a host") {
			t.Errorf("--host %s: %d %q", host, status, errs)
		}
	}
	for _, rules := range []string{"../rules/v3", "v4"} {
		if status, out, errs := member("2027-05-12", "rotate", "potsdam", "--host", "reg.example.org", "--rules", rules); status == 0 || out != "" {
			t.Errorf("--rules %s: %d %q", rules, status, errs)
		}
	}
	if _, _, errs := member("2027-05-12", "list"); !strings.Contains(errs, "potsdam has a code, good until") {
		t.Errorf("list: %q", errs)
	}
	if status, _, errs := member("2027-05-13", "revoke", "potsdam"); status != 0 {
		t.Fatal(errs)
	}
	if _, out, _ := command("account", "list", "--state", state); strings.Contains(out, "potsdam") {
		t.Errorf("revoked, and its account is there: %q", out)
	}
	if _, out, _ := member("2027-05-14", "list"); !strings.Contains(out, "potsdam  revoked  since 2027-05-13") {
		t.Errorf("list: %q", out)
	}
}

// A registrar that starts with a newcomer on record has it on probation from its first moment; a record that somebody changed does not make
// full members of those that stand before that.
func TestMemberAtStart(t *testing.T) {
	s := newService(t)
	path := filepath.Join(s.args.State, members.FileName)
	if status, _, errs := command("account", "add", "milano", "--state", s.args.State, "--domain", "localhost"); status != 0 {
		t.Fatal(errs)
	}
	now := time.Now()
	for _, space := range []string{"munich", "lisboa"} {
		if _, err := members.Add(path, func(r members.Record) (members.Entry, error) {
			return r.Admit(space, "milano", now.AddDate(0, 0, -1).Format(time.DateOnly), "v3", now.AddDate(0, 1, 0).Format(time.DateOnly), now)
		}); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, strings.Replace(string(text), "lisboa", "dresden", 1))
	s.start()
	defer s.end()
	if !strings.Contains(s.logged(), members.FileName+":2 is not the line") {
		t.Errorf("the damage is not logged:\n%s", s.logged())
	}
	if _, out, _ := command("status", "--state", s.args.State); !strings.Contains(out, "munich is on probation until confirmed") {
		t.Errorf("status: %q", out)
	}
}
