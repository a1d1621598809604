package members

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const key = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

var deviceA, deviceB = strings.Repeat("aa", 32), strings.Repeat("bb", 32)

func invite(space, id string) func(Record) (Entry, error) {
	return func(r Record) (Entry, error) {
		return r.Invite(space, "milano", "2027-03-02", "v3", "2027-05-10", id, key, day)
	}
}

func again(space, id string) func(Record) (Entry, error) {
	return func(r Record) (Entry, error) { return r.InviteAgain(space, "v3", id, key, day) }
}

func joins(id, device string, now time.Time) func(Record) (Entry, error) {
	return func(r Record) (Entry, error) { return r.Join(id, device, now) }
}

// A newcomer's code puts it on probation when it is used, a founder's makes a member, and that of a member's other device changes nothing.
func TestWhoJoins(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	r := add(t, path, again("milano", "m"), invite("potsdam", "p"))
	if all := r.Members(); len(all) != 0 {
		t.Errorf("invited, and members: %v", all)
	}
	r = add(t, path, joins("m", deviceA, day), joins("p", deviceB, day))
	if m, _ := r.Member("milano"); m.State != Full {
		t.Errorf("a founder is %+v", m)
	}
	if m, _ := r.Member("potsdam"); m.State != OnProbation || m.Sponsor != "milano" || m.Event != "2027-05-10" || m.Visited != "2027-03-02" || m.Rules != "v3" {
		t.Errorf("a newcomer is %+v", m)
	}
	before := r.Members()
	r = add(t, path, again("potsdam", "p2"), joins("p2", deviceA, day))
	if after := r.Members(); len(after) != len(before) || after[1] != before[1] {
		t.Errorf("another device: %+v, before %+v", after, before)
	}
}

// Codes can be taken back: an open one, and a used one by which its device would come back. Who is no member has nothing else to lose.
func TestWithdraw(t *testing.T) {
	withdraw := func(space string) func(Record) (Entry, error) {
		return func(r Record) (Entry, error) { return r.Withdraw(space, day) }
	}
	path := filepath.Join(t.TempDir(), FileName)
	r := add(t, path, invite("potsdam", "p"), again("milano", "m"))
	if open := r.Open(day); len(open) != 2 || open[0].Space != "potsdam" {
		t.Errorf("open: %+v", open)
	}
	r = add(t, path, withdraw("potsdam"), joins("m", deviceA, day), withdraw("milano"))
	if open := r.Open(day); len(open) != 0 {
		t.Errorf("open: %+v", open)
	}
	for id, device := range map[string]string{"p": deviceB, "m": deviceA} {
		if _, err := r.Join(id, device, day); !errors.Is(err, ErrFate) {
			t.Errorf("%s: %v", id, err)
		}
	}
	if m, known := r.Member("milano"); !known || m.State != Full || m.Rules != "v3" {
		t.Errorf("a founder whose code was taken back: %+v", m)
	}
	for _, space := range []string{"potsdam", "milano", "lisboa"} {
		if _, err := r.Withdraw(space, day); !errors.Is(err, ErrRefused) {
			t.Errorf("%s once more: %v", space, err)
		}
	}
	if _, err := r.Revoke("potsdam", day); !errors.Is(err, ErrRefused) {
		t.Errorf("revoked without code or membership: %v", err)
	}
	r = add(t, path, again("lisboa", "l"), revoke("lisboa", day),
		again("dresden", "d"), joins("d", deviceB, day), revoke("dresden", day), invite("dresden", "d2"), revoke("dresden", day))
	if i, _ := r.Invitation("l", day); i.Fate != Void {
		t.Errorf("revoked before it joined: %s", i.Fate)
	}
	if i, _ := r.Invitation("d2", day); i.Fate != Void {
		t.Errorf("invited again and revoked: %s", i.Fate)
	}
	if _, known := r.Member("lisboa"); known {
		t.Error("who never joined is in the record")
	}
}

func TestFates(t *testing.T) {
	late := day.Add(CodeLife)
	for name, test := range map[string]struct {
		steps []func(Record) (Entry, error)
		now   time.Time
		want  Fate
	}{
		"open":                {nil, late.Add(-time.Second), Open},
		"expired":             {nil, late, Expired},
		"used":                {[]func(Record) (Entry, error){joins("p", deviceA, day)}, day, Used},
		"used, late":          {[]func(Record) (Entry, error){joins("p", deviceA, day)}, late, Used},
		"another code":        {[]func(Record) (Entry, error){invite("potsdam", "p2")}, day, Void},
		"admitted otherwise":  {[]func(Record) (Entry, error){admit("potsdam", day)}, day, Void},
		"revoked":             {[]func(Record) (Entry, error){joins("p", deviceA, day), revoke("potsdam", day)}, day, Void},
		"somebody else's day": {[]func(Record) (Entry, error){invite("dresden", "d"), joins("d", deviceB, day), revoke("dresden", day)}, day, Open},
	} {
		path := filepath.Join(t.TempDir(), FileName)
		r := add(t, path, append([]func(Record) (Entry, error){invite("potsdam", "p")}, test.steps...)...)
		i, known := r.Invitation("p", test.now)
		if !known || i.Fate != test.want || i.Key != key || i.Space != "potsdam" {
			t.Errorf("%s: %+v", name, i)
		}
		_, err := r.Join("p", deviceB, test.now)
		if open := test.want == Open; open != (err == nil) || !open && !errors.Is(err, ErrFate) {
			t.Errorf("%s: another device joins: %v", name, err)
		}
		_, err = r.Join("p", deviceA, test.now)
		if again := name == "used"; again != errors.Is(err, ErrAgain) {
			t.Errorf("%s: the device joins again: %v", name, err)
		}
	}
	r := Record{}
	if _, known := r.Invitation("p", day); known {
		t.Error("a code that nobody made")
	}
	if _, err := r.Join("p", deviceA, day); !errors.Is(err, ErrRefused) {
		t.Errorf("joined by none: %v", err)
	}
	if _, err := r.InviteAgain("potsdam", "../v3", "p", key, day); !errors.Is(err, ErrRefused) {
		t.Errorf("rules with a path: %v", err)
	}
	path := filepath.Join(t.TempDir(), FileName)
	r = add(t, path, admit("potsdam", day), revoke("potsdam", day))
	if _, err := r.InviteAgain("potsdam", "v3", "p", key, day); !errors.Is(err, ErrRefused) {
		t.Errorf("who was revoked comes back without conditions: %v", err)
	}
	if _, err := r.Invite("munich", "potsdam", "2027-03-02", "v3", "2027-05-10", "m", key, day); !errors.Is(err, ErrRefused) {
		t.Errorf("who was revoked is a sponsor: %v", err)
	}
}
