package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
)

var made = time.Date(2027, 3, 5, 12, 0, 0, 0, time.UTC)

func sample() *Archive {
	return &Archive{Of: Window, Name: "milano", Made: made, Program: "v2", Files: []File{{"media.key", []byte("key")}, {"rules/v3.txt", bytes.Repeat([]byte("x"), 200000)}, {"empty", nil}}}
}

func identity(t testing.TB) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func sealed(t testing.TB, a *Archive, to age.Recipient) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := a.Seal(&b, to); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestThereAndBack(t *testing.T) {
	id := identity(t)
	want := sample()
	got, err := Open(bytes.NewReader(sealed(t, want, id.Recipient())), Window, id)
	if err != nil {
		t.Fatal(err)
	}
	want.Files[2].Data = []byte{}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if data, is := got.File("media.key"); !is || string(data) != "key" {
		t.Errorf("%q %v", data, is)
	}
	if _, is := got.File("pins.json"); is {
		t.Error("a file that is not there")
	}
}

// A backup that is cut short anywhere, or of which a byte is another, gives nothing at all.
func TestDamaged(t *testing.T) {
	id := identity(t)
	whole := sealed(t, sample(), id.Recipient())
	for n := 0; n < len(whole); n += 1 + len(whole)/200 {
		if a, err := Open(bytes.NewReader(whole[:n]), Window, id); a != nil || !errors.Is(err, ErrDamaged) {
			t.Errorf("cut after %d bytes: %v, %v", n, a, err)
		}
		other := bytes.Clone(whole)
		other[n] ^= 1
		if a, err := Open(bytes.NewReader(other), Window, id); a != nil || !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrKey) {
			t.Errorf("byte %d changed: %v, %v", n, a, err)
		}
	}
	if _, err := Open(bytes.NewReader(whole), Window, identity(t)); !errors.Is(err, ErrKey) {
		t.Errorf("another key: %v", err)
	}
	if _, err := Open(bytes.NewReader(whole), Registrar, id); err == nil || !strings.Contains(err.Error(), "backup of a window, milano; `ewindow restore`") {
		t.Errorf("of another kind: %v", err)
	}
}

// What somebody else encrypted for the same key is no backup, and says so.
func TestNoBackup(t *testing.T) {
	id := identity(t)
	const header = `{"format":1,"of":"window","name":"milano","made":"2027-03-05T12:00:00Z","program":"v2"}`
	for name, c := range map[string]struct {
		files []*tar.Header
		texts []string
		want  string
	}{
		"nothing":          {nil, nil, "holds no files"},
		"no header":        {[]*tar.Header{{Name: "media.key"}}, []string{"x"}, `"media.key" is not what should be there`},
		"an empty header":  {[]*tar.Header{{Name: headerName}}, []string{"{}"}, "does not say whose it is"},
		"another format":   {[]*tar.Header{{Name: headerName}}, []string{strings.Replace(header, "1", "2", 1)}, `made by "v2", in a format that this program does not know`},
		"of nothing known": {[]*tar.Header{{Name: headerName}}, []string{strings.Replace(header, "window", "phone", 1)}, `"phone" is nothing`},
		"a way out":        {[]*tar.Header{{Name: headerName}, {Name: "../media.key"}}, []string{header, "x"}, "is no name"},
		"an absolute path": {[]*tar.Header{{Name: headerName}, {Name: "/etc/passwd"}}, []string{header, "x"}, "is no name"},
		"twice":            {[]*tar.Header{{Name: headerName}, {Name: "a"}, {Name: "a"}}, []string{header, "x", "y"}, "twice"},
		"a link":           {[]*tar.Header{{Name: headerName}, {Name: "a", Typeflag: tar.TypeSymlink, Linkname: "/etc"}}, []string{header, ""}, "is not what should be there"},
		"a second header":  {[]*tar.Header{{Name: headerName}, {Name: headerName}}, []string{header, header}, "is not what should be there"},
		"too many files":   {append([]*tar.Header{{Name: headerName}}, many(maxFiles+1)...), append([]string{header}, make([]string, maxFiles+1)...), "is not what should be there"},
	} {
		var b bytes.Buffer
		w, err := age.Encrypt(&b, id.Recipient())
		if err != nil {
			t.Fatal(err)
		}
		archive := tar.NewWriter(w)
		for i, h := range c.files {
			h.Size = int64(len(c.texts[i]))
			if h.Typeflag == 0 {
				h.Typeflag = tar.TypeReg
			}
			if err := archive.WriteHeader(h); err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(archive, c.texts[i])
		}
		if len(c.files) > 0 {
			_ = archive.Close()
		}
		_ = w.Close()
		if a, err := Open(&b, Window, id); a != nil || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v, want %q", name, a, err, c.want)
		}
	}
	if err := (&Archive{Of: Window, Name: "x", Files: []File{{"../x", nil}}}).Seal(io.Discard, id.Recipient()); err == nil {
		t.Error("a backup was made that nobody would open")
	}
}

func many(n int) (files []*tar.Header) {
	for i := range n {
		files = append(files, &tar.Header{Name: fmt.Sprint("f", i)})
	}
	return files
}

func TestPassphrases(t *testing.T) {
	dir := t.TempDir()
	file := func(text string) string {
		path := filepath.Join(dir, fmt.Sprint(len(text)))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	typed := func(text string) *Terminal { return NewTerminal(strings.NewReader(text), io.Discard) }
	good := "stairs web squirrel cloud"
	for name, c := range map[string]struct {
		lock Lock
		in   string
		want string // of the error
	}{
		"typed twice":       {Lock{}, good + "\n" + good + "\n", ""},
		"typed differently": {Lock{}, good + "\n" + good + "x\n", "not the same"},
		"typed once":        {Lock{}, good, "nothing is there"},
		"not typed":         {Lock{}, "", "--passphrase-file"},
		"short":             {Lock{}, "secret\nsecret\n", "fewer than 12 letters"},
		"of a file":         {Lock{PassphraseFile: file(good + "\nmore")}, "", ""},
		"an empty file":     {Lock{PassphraseFile: file("")}, "", "nothing is there"},
		"no file":           {Lock{PassphraseFile: filepath.Join(dir, "none")}, "", "no such file"},
		"a key":             {Lock{Recipient: []string{identity(t).Recipient().String()}}, "", ""},
		"no key":            {Lock{Recipient: []string{"age1x"}}, "", "--recipient"},
		"both":              {Lock{PassphraseFile: "x", Recipient: []string{"age1x"}}, "", "not both"},
	} {
		to, err := c.lock.Recipients(typed(c.in))
		if (err == nil) != (c.want == "") || err == nil && len(to) != 1 || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v, want %q", name, to, err, c.want)
		}
	}
	id := identity(t)
	for name, c := range map[string]struct {
		key  Key
		in   string
		want string
	}{
		"typed":        {Key{}, good + "\r\n", ""},
		"of a file":    {Key{PassphraseFile: file(good)}, "", ""},
		"a key":        {Key{Identity: file("# made today\n" + id.String() + "\n")}, "", ""},
		"no key in it": {Key{Identity: file("# nothing\n")}, "", "--identity"},
		"both":         {Key{Identity: "x", PassphraseFile: "x"}, "", "not both"},
	} {
		by, err := c.key.Identities(typed(c.in))
		if (err == nil) != (c.want == "") || err == nil && len(by) != 1 || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v, want %q", name, by, err, c.want)
		}
	}
	to, err := Lock{}.Recipients(typed(good + "\n" + good + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	b := sealed(t, sample(), to[0])
	for phrase, want := range map[string]error{good: nil, good + "x": ErrKey} {
		by, err := Key{}.Identities(typed(phrase))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(bytes.NewReader(b), Window, by...); !errors.Is(err, want) {
			t.Errorf("%q: %v", phrase, err)
		}
	}
}

// A file that asks for gigabytes before its passphrase can be tried is refused.
func TestCostlyPassphrase(t *testing.T) {
	b := []byte("age-encryption.org/v1\n-> scrypt rF0/NwblUHHTpgQgRpe5CQ 30\ngUjEymFKMVXQEKdMMHL24oYexjE3TIC0O0zGSqJ2aUY\n--- IJVgWjFfKVzOTHXvhmCKAvIJiJcSV6y0wPGUkm/ZjHk\n")
	by, err := Key{}.Identities(NewTerminal(strings.NewReader("whatever it is"), io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	if a, err := Open(bytes.NewReader(b), Window, by...); a != nil || err == nil {
		t.Errorf("%v, %v", a, err)
	}
}

func FuzzUnpack(f *testing.F) {
	id := identity(f)
	opened, err := age.Decrypt(bytes.NewReader(sealed(f, &Archive{Of: Window, Name: "milano", Files: []File{{"a", []byte("b")}}}, id.Recipient())), id)
	if err != nil {
		f.Fatal(err)
	}
	text, err := io.ReadAll(opened)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := unpack(text)
		if (a == nil) == (err == nil) {
			t.Fatal(a, err)
		}
		if a != nil && a.check() != nil {
			t.Error("a backup that would not be written")
		}
	})
}
