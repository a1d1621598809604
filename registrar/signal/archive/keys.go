package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
	"golang.org/x/term"
)

const (
	least = 12 // letters of a passphrase: whoever finds the file may try as many as he likes

	// workFactor is scrypt's, as a power of two: 256 MB for a second. A file that asks for more is refused.
	workFactor = 18

	maxKeys = 64 << 10 // bytes of a file of keys
)

// A Lock says who is to be able to open a backup; the flags of `backup`.
type Lock struct {
	PassphraseFile string   `type:"path" placeholder:"FILE" help:"Read the passphrase from this file; it is asked for otherwise."`
	Recipient      []string `placeholder:"KEY" help:"A public key of age's (age1…) instead of a passphrase: only who has its other half opens the backup. Several are possible."`
}

// Recipients reads the passphrase, twice where somebody types it, or the keys.
func (l Lock) Recipients(t *Terminal) ([]age.Recipient, error) {
	if len(l.Recipient) > 0 {
		if l.PassphraseFile != "" {
			return nil, errors.New("give a passphrase or --recipient, not both")
		}
		to, err := age.ParseRecipients(strings.NewReader(strings.Join(l.Recipient, "\n")))
		if err != nil {
			return nil, fmt.Errorf("--recipient: %w; age-keygen makes such a key", err)
		}
		return to, nil
	}
	phrase, err := passphrase(l.PassphraseFile, t)
	if err != nil {
		return nil, err
	}
	if len([]rune(phrase)) < least {
		return nil, fmt.Errorf("the passphrase has fewer than %d letters; take a few words", least)
	}
	if l.PassphraseFile == "" {
		again, err := t.ask("Again: ")
		if err != nil {
			return nil, err
		}
		if again != phrase {
			return nil, errors.New("the two are not the same; nothing was written")
		}
	}
	to, err := age.NewScryptRecipient(phrase)
	if err != nil {
		return nil, err
	}
	to.SetWorkFactor(workFactor)
	return []age.Recipient{to}, nil
}

// A Key opens a backup; the flags of `restore`.
type Key struct {
	PassphraseFile string `type:"path" placeholder:"FILE" help:"Read the passphrase from this file; it is asked for otherwise."`
	Identity       string `type:"path" placeholder:"FILE" help:"The file of an age key, for a backup that was made with --recipient."`
}

// Identities reads the passphrase, or the key.
func (k Key) Identities(t *Terminal) ([]age.Identity, error) {
	if k.Identity != "" {
		if k.PassphraseFile != "" {
			return nil, errors.New("give a passphrase or --identity, not both")
		}
		f, err := os.Open(k.Identity)
		if err != nil {
			return nil, fmt.Errorf("--identity: %w", err)
		}
		defer f.Close()
		by, err := age.ParseIdentities(io.LimitReader(f, maxKeys))
		if err != nil {
			return nil, fmt.Errorf("--identity %s: %w", k.Identity, err)
		}
		return by, nil
	}
	phrase, err := passphrase(k.PassphraseFile, t)
	if err != nil {
		return nil, err
	}
	by, err := age.NewScryptIdentity(phrase)
	if err != nil {
		return nil, err
	}
	by.SetMaxWorkFactor(workFactor)
	return []age.Identity{by}, nil
}

// passphrase reads one from a file's first line, or from the terminal.
func passphrase(file string, t *Terminal) (string, error) {
	if file == "" {
		return t.ask("Passphrase of the backup: ")
	}
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("read the passphrase: %w", err)
	}
	defer f.Close()
	line, err := firstLine(bufio.NewReader(io.LimitReader(f, maxKeys)))
	if err != nil {
		return "", fmt.Errorf("read the passphrase: %s: %w", file, err)
	}
	return line, nil
}

// firstLine is a line without its end; one that is empty is an error.
func firstLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	line = strings.TrimRight(line, "\r\n")
	if line != "" {
		return line, nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = errors.New("nothing is there")
	}
	return "", err
}

// A Terminal is where somebody types, and reads what is asked for.
type Terminal struct {
	in    io.Reader
	out   io.Writer
	lines *bufio.Reader // in, where it is no terminal
}

// NewTerminal asks on out and reads from in: without showing what is typed, if that is a terminal.
func NewTerminal(in io.Reader, out io.Writer) *Terminal { return &Terminal{in: in, out: out} }

func (t *Terminal) ask(prompt string) (line string, err error) {
	fmt.Fprint(t.out, prompt)
	if f, is := t.in.(*os.File); is && term.IsTerminal(int(f.Fd())) {
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(t.out)
		if err == nil && len(b) == 0 {
			err = errors.New("nothing was typed")
		}
		return string(b), err
	}
	if t.lines == nil {
		t.lines = bufio.NewReader(io.LimitReader(t.in, maxKeys))
	}
	if line, err = firstLine(t.lines); err != nil {
		err = fmt.Errorf("read the passphrase: %w; type it, or name its file with --passphrase-file", err)
	}
	return line, err
}
