package join

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"ewindow/dialplan/diagnostic"
	"ewindow/dialplan/wholefile"
	"ewindow/endpoint/config"
	"ewindow/media/found"
	"ewindow/registrar/signal/joining"
)

// Writable says before a code is used up whether the window's file and its secret can be written; one that is there is an error.
func Writable(path string, replace bool) error {
	if _, err := os.Stat(path); err == nil && !replace {
		return fmt.Errorf("%s is there already: this window has joined before; --replace writes another one", path)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the directory of the window's file: %w; name another with -c", err)
	}
	f, err := os.CreateTemp(dir, ".join-*")
	if err != nil {
		return fmt.Errorf("the window's file cannot be written: %w; name another with -c", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// Write writes the window's file, and beside it the secret, which nobody else can read. The secret first: a file is there only with it.
func Write(path string, m *joining.Membership, d Devices) error {
	secret := filepath.Join(filepath.Dir(path), m.Space+".secret")
	if err := wholefile.Write(secret, []byte(m.Secret+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the secret: %w; join again with the same code", err)
	}
	if err := wholefile.Write(path, []byte(text(m, filepath.Base(secret), d)), 0o644); err != nil {
		return fmt.Errorf("write the window's file: %w; join again with the same code", err)
	}
	return nil
}

// Devices are what a window's file is to say of its devices: the word of each, "auto" where it is empty, and what was found.
type Devices struct {
	Camera, Screen, Microphone, Speaker string
	Rotate                              int
	Found                               found.Devices
}

// Check says what is wrong with the words before a code is used up.
func (d Devices) Check() error {
	dir, err := os.MkdirTemp("", "ewindow-join-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "window.hcl")
	some := &joining.Membership{Registrar: "sips:reg.example.org", Domain: "reg.example.org", Pin: "sha256:" + strings.Repeat("0", 64), Space: "some", Secret: "some"}
	if err := Write(file, some, d); err != nil {
		return err
	}
	_, err = config.Load(file)
	var wrong diagnostic.List
	if errors.As(err, &wrong) && len(wrong) > 0 {
		line := wrong[0] // of a file that nobody has seen
		return fmt.Errorf("%s; %s", line.What, line.Do)
	}
	return err
}

// text is a window's file. Devices that the file does not name are looked for at each start.
func text(m *joining.Membership, secret string, d Devices) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Written by ewindow join. What else can stand here is in the README; ewindow check says what is wrong.
registrar   = %q
domain      = %q
pin         = %q
space       = %q
secret_file = %q

# "auto" is what is there at each start. To choose, write a word of those below it between the quotes: they were there when this window joined.
`, m.Registrar, m.Domain, m.Pin, m.Space, secret)
	for _, of := range []struct {
		key, word string
		found     []found.Device
	}{{"camera", d.Camera, d.Found.Cameras}, {"screen", d.Screen, d.Found.Screens}, {"microphone", d.Microphone, d.Found.Microphones}, {"speaker", d.Speaker, d.Found.Speakers}} {
		fmt.Fprintf(&b, "%-11s = %s\n", of.key, quoted(cmp.Or(of.word, "auto")))
		for _, f := range of.found {
			fmt.Fprintf(&b, "#   %-28s %s\n", f.Word, f.Name)
		}
		if len(of.found) == 0 {
			fmt.Fprintf(&b, "#   none was found\n")
		}
	}
	if d.Rotate != 0 {
		fmt.Fprintf(&b, "rotate      = %d\n", d.Rotate)
	}
	return b.String()
}

// quoted is a text as the file has it.
func quoted(s string) string { return string(hclwrite.TokensForValue(cty.StringVal(s)).Bytes()) }
