package main

import (
	"fmt"
	"strings"
	"time"
)

// A page is what a man page says beside the program's help.
type page struct {
	Name  string
	About about
}

// about is the part of a page that is written by hand.
type about struct {
	Short string      // after the name
	Long  string      // paragraphs, with an empty line between two
	Files [][2]string // path, and what it is
	See   string
}

var aboutWindow = about{
	Short: "a window between two spaces, open all day",
	Long: `ewindow is one window: it registers, keeps its part of the dialplan, calls its partner by itself at opening hours, answers by itself only whom the plan names, and holds the call. Camera, sound and screen are processes of their own (ewindow-media).

A window begins with the code of an invitation:

    sudo ewindow join -c /etc/ewindow/window.hcl --no-start
    sudo systemctl start ewindow

A file that was written beforehand (--card) has lines of the form key = value: code, accept_rules, wifi_name, wifi_password, wifi_country, camera, screen, microphone, speaker, rotate. What has been used of it is erased there.

What root asks of a state directory that belongs to somebody else is carried out as that user.`,
	Files: [][2]string{
		{"/etc/ewindow/window.hcl", "what the window is; ewindow join writes it, ewindow check says what is wrong in it"},
		{"/etc/ewindow/SPACE.secret", "the secret of its account"},
		{"/etc/ewindow/window.env", "how ewindow.service starts it"},
		{"/var/lib/ewindow/media.key", "the window's key: keep a copy of it, and of pins.json beside it"},
		{"/usr/share/doc/ewindow/README.md.gz", "all of it, in words"},
	},
	See: "ewindow-registrar(1), journalctl(1): journalctl -u ewindow",
}

var aboutRegistrar = about{
	Short: "who is where, and who may see whom",
	Long: `ewindow-registrar knows where windows and phones are, and decides every call by the dialplan.

The service starts once there is a dialplan:

    sudo cp /usr/share/doc/ewindow-registrar/examples/dialplan.hcl /etc/ewindow/
    sudoedit /etc/ewindow/dialplan.hcl /etc/ewindow/registrar.env
    sudo systemctl start ewindow-registrar

What root asks of a state directory that belongs to somebody else is carried out as that user.`,
	Files: [][2]string{
		{"/etc/ewindow/dialplan.hcl", "who sees whom, and when: a file, or a directory of *.hcl files; changes are taken over at once"},
		{"/etc/ewindow/registrar.env", "the domain, and how ewindow-registrar.service starts it"},
		{"/var/lib/ewindow-registrar", "accounts, members, keys and certificates: keep a copy of registrar.db.good, members.jsonl and pki/ca.pem"},
		{"/usr/share/doc/ewindow-registrar/README.md.gz", "all of it, in words"},
		{"/usr/share/doc/ewindow-registrar/dialplan.md.gz", "the dialplan, from two windows to ten"},
	},
	See: "ewindow(1), journalctl(1): journalctl -u ewindow-registrar",
}

// man is a program's page: by hand what it is for, then what it says of itself.
func man(p page, top *command, date time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 %s\n.SH NAME\n%s \\- %s\n.SH SYNOPSIS\n.B %s\n.I command\n[flags]\n.SH DESCRIPTION\n",
		strings.ToUpper(roff(p.Name)), date.Format("2006-01-02"), roff(p.Name), roff(p.About.Short), roff(p.Name))
	for _, paragraph := range strings.Split(p.About.Long, "\n\n") {
		if strings.HasPrefix(paragraph, " ") {
			literal(&b, paragraph)
			continue
		}
		fmt.Fprintf(&b, "%s\n.PP\n", roff(paragraph))
	}
	b.WriteString(".SH COMMANDS\n")
	for _, c := range top.Subs {
		fmt.Fprintf(&b, ".SS %s\n", roff(p.Name+" "+c.Name))
		literal(&b, c.Help)
	}
	b.WriteString(".SH FILES\n")
	for _, f := range p.About.Files {
		fmt.Fprintf(&b, ".TP\n.I %s\n%s\n", roff(f[0]), roff(f[1]))
	}
	fmt.Fprintf(&b, ".SH EXIT STATUS\n0 if all went well, otherwise 1 or more; standard error says why, and what to do.\n.SH SEE ALSO\n%s\n", roff(p.About.See))
	return b.String()
}

// literal prints text as it stands.
func literal(b *strings.Builder, text string) {
	fmt.Fprintf(b, ".PP\n.nf\n%s\n.fi\n.PP\n", roff(text))
}

// roff is text without what a man page would take for a request or an escape.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "…", "...", "–", `\(en`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
