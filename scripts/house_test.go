// Package scripts_test holds the house together: who may import whom, and that the README says what is so.
package scripts_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ewindow/dialplan"
)

// rules are design decisions about packages: whoever matches `who` must not reach `not`, except what matches `but`.
var rules = []struct {
	who, not, but string
	direct        bool // only imports written down in the package itself count
	why           string
}{
	{who: `^ewindow/dialplan(/|$)`, not: `^ewindow/`, but: `^ewindow/dialplan(/|$)`, why: "dialplan is a leaf"},
	{who: `^ewindow/registrar/(location|auth)$`, not: `^ewindow/`, but: `^$`, why: "location and auth are leaves"},
	{who: `^ewindow/registrar/(notify|metrics)$`, not: `^ewindow/`, but: `^$`, why: "notify and metrics are leaves"},
	{who: `^ewindow/registrar/status$`, not: `^ewindow/`, but: `^ewindow/registrar/signal/(health|plain)$`, why: "whoever asks a registrar needs nothing of it"},
	{who: `^ewindow/registrar/signal/(health|plain)$`, not: `^(ewindow|github.com)/`, but: `^ewindow/registrar/signal/plain$`, why: "what a window tells of itself, and texts for terminals, are the same to both programs"},
	{who: `^ewindow/endpoint/report$`, not: `^(ewindow|github.com)/`, but: `^ewindow/(endpoint/status|registrar/signal/(health|plain))$`, why: "what is told is made of the status alone"},
	{who: `^ewindow/registrar/provision$`, not: `^ewindow/`, but: `^ewindow/(dialplan/(username|wholefile)|registrar/block)$`, why: "a link knows neither plan nor store: it asks by functions"},
	{who: `^ewindow/registrar/qrcode$`, not: `^ewindow/`, but: `^$`, why: "a QR symbol holds whatever it is given"},
	{who: `^ewindow/registrar/pki/(given|obtained)$`, not: `^ewindow/`, but: `^ewindow/dialplan/wholefile$`, why: "certificates for the public know neither SIP nor the pinned authority"},
	{who: `^ewindow/registrar/members$`, not: `^(ewindow|github.com)/`, but: `^ewindow/dialplan/(username|wholefile)$`, why: "the record knows names, and neither accounts nor plan"},
	{who: `^ewindow/registrar/join$`, not: `^(ewindow|github.com/emiago)/`, but: `^ewindow/(dialplan/(username|wholefile|lookalike)|registrar/(block|members|signal/joining))$`, why: "joining asks and answers over HTTP, and knows neither store nor SIP"},
	{who: `^ewindow/registrar/keyring$`, not: `^ewindow/`, but: `^ewindow/(dialplan/wholefile|registrar/signal/mediakey)$`, why: "the keyring keeps keys, and knows neither plan nor SIP"},
	{who: `^ewindow/registrar/(auth|location|notify|store|planfile|pki|status|metrics|answers|block)$`, not: `^github.com/emiago/sipgo`, why: "of the registrar, only flow, signal and proxy know SIP"},
	{who: `^ewindow/registrar/`, not: `^ewindow/registrar/proxy$`, why: "only the program imports the proxy"},
	{who: `^ewindow/registrar/signal(/|$)`, not: `^ewindow/`, but: `^ewindow/(registrar/signal(/|$)|dialplan/wholefile$)`, why: "signal is what both ends share, and knows neither"},
	{who: `^ewindow/endpoint(/|$)`, not: `^ewindow/registrar(/|$)`, but: `^ewindow/registrar/(signal(/|$)|pki/pin$)`, why: "a window has of the registrar what both ends share, and the pin"},
	{who: `^ewindow/dialplan/username$`, not: `^ewindow/`, but: `^$`, why: "everybody may import the grammar of names"},
	{who: `^ewindow/(endpoint|registrar)(/|$)`, not: `^github.com/emiago/sipgo$`, why: "registrar/signal/stack is the only SIP stack: it never dials"},
	{who: `^ewindow/media/negotiate$`, not: `^ewindow/`, but: `^$`, why: "negotiate is a leaf: both programs agree on media with it"},
	{who: `^ewindow/(registrar/(block|pki/pin)|dialplan/(wholefile|nesting|diagnostic|lookalike))$`, not: `^ewindow/`, but: `^ewindow/dialplan/lookalike$`, why: "block, pin, wholefile, nesting and diagnostic are leaves"},
	{who: `^ewindow/media/handshake$`, not: `^ewindow/`, but: `^ewindow/media/negotiate$`, why: "a handshake knows what SDP said, and no more of a call"},
	{who: `^ewindow/media/(agc|effort)$`, not: `^(ewindow|github.com)/`, but: `^$`, why: "agc and effort are arithmetic"},
	{who: `^ewindow/media/echopath$`, not: `^(ewindow|github.com)/`, but: `^$`, why: "echopath is arithmetic"},
	{who: `^ewindow/media/(flexfec|red)$`, not: `^(ewindow|github.com)/`, but: `^$`, why: "what is read of packets in them is bytes"},
	{who: `^ewindow/registrar/echo$`, not: `^ewindow/`, but: `^ewindow/media/negotiate$`, why: "the echo takes what a window takes, and knows nothing else of this house"},
	{who: `^ewindow/scripts/bench/hostile$`, not: `^ewindow/`, but: `^$`, why: "what strangers send is made of bytes alone"},
	{who: `^ewindow/registrar/signal/keys$`, not: `^(ewindow|github.com)/`, but: `^$`, why: "keys looks at bytes"},
	{who: `^ewindow/registrar/echo$`, not: `^github.com/emiago/sipgo`, why: "the echo knows no SIP"},
	{who: `^ewindow/registrar/relay$`, not: `^ewindow/`, but: `^ewindow/registrar/(block|metrics|signal/(relays|loglimit))$`, why: "the relay carries packets, and asks who may by a function"},
	{who: `^ewindow/registrar/relay$`, not: `^github.com/emiago/sipgo`, why: "the relay knows no SIP"},
	{who: `^ewindow/registrar/signal/mediakey$`, not: `^(ewindow|github.com)/`, but: `^$`, why: "a public key and its words are the same to both programs, and know neither"},
	{who: `^ewindow/endpoint/trust$`, not: `^(ewindow|github.com)/`, but: `^ewindow/(dialplan/wholefile|registrar/signal/mediakey)$`, why: "whose key it is depends on nothing that a call does"},
	{who: `^ewindow/endpoint/card$`, not: `^ewindow/`, but: `^ewindow/(dialplan/(diagnostic|lookalike|wholefile)|registrar/signal/joining)$`, why: "a card's file is text, and knows neither devices nor who joins"},
	{who: `^ewindow/endpoint/join$`, not: `^github.com/emiago/`, why: "joining and renewing are HTTPS, and know no SIP"},
	{who: `^ewindow/registrar/signal/joining$`, not: `^(ewindow|github.com)/`, but: `^$`, why: "a code and what is said over it are the same to both programs, and know neither"},
	{who: `^ewindow/registrar/signal/archive$`, not: `^ewindow/`, but: `^ewindow/dialplan/wholefile$`, why: "a backup is files, and knows neither whose nor what for"},
	{who: `^ewindow/registrar/signal/relays$`, not: `^(ewindow|github.com)/`, but: `^$`, why: "relays travel between both programs, and know neither"},
	{who: `^ewindow/registrar(/|$)`, not: `^ewindow/(media|endpoint)(/|$)`, but: `^ewindow/media/negotiate$`, why: "the registrar knows no media and no windows"},
	{who: `^ewindow/media(/|$)`, not: `^github.com/emiago/sipgo`, why: "media knows no SIP"},
	{who: `^ewindow/media(/|$)`, not: `^ewindow/(registrar|endpoint|dialplan)(/|$)`, but: `^ewindow/registrar/signal/lasting$`, why: "media knows neither plan nor programs"},
	{who: `^ewindow/registrar/signal/lasting$`, not: `^(ewindow|github.com)/`, but: `^$`, why: "lasting is a leaf: everybody logs faults with it"},
	{who: `^ewindow/media/found$`, not: `^(ewindow|github.com)/`, but: `^$`, why: "which devices there are is asked of the kernel alone"},
	{who: `^ewindow/endpoint/agent$`, not: `^ewindow/media(/|$)`, why: "SDP is opaque to the agent"},
	{who: `^ewindow/endpoint/(agent|planfile|config)$`, not: `^ewindow/dialplan$`, why: "a window carries no parser of the plan"},
	{who: `^ewindow/endpoint/(screen|config|planfile)$`, not: `^github.com/emiago/sipgo`, why: "only agent knows SIP"},
	{who: `^ewindow/endpoint/status$`, not: `^ewindow/`, but: `^ewindow/registrar/signal/plain$`, why: "status is a leaf: whoever asks a window needs nothing of it"},
	{who: `^ewindow/endpoint/doctor$`, not: `^ewindow/endpoint/(window|config)(/|$)`, why: "the doctor looks at parts, and is no window"},
	{who: `^ewindow/endpoint/metrics$`, not: `^ewindow/`, but: `^ewindow/(endpoint/status|registrar/signal/plain)$`, why: "metrics are the status as numbers"},
	{who: `^ewindow/registrar/signal/watchdog$`, not: `^(ewindow|github.com)/`, but: `^github.com/coreos/go-systemd/v22/daemon$`, why: "whoever is alive says so by a function"},
	{who: `^ewindow/registrar/signal/owner$`, not: `^(ewindow|github.com)/`, but: `^$`, why: "who a process is depends on nothing of this house"},
	{who: `^ewindow/registrar/signal/scrape$`, not: `^(ewindow|github.com)/`, but: `^$`, why: "scrape knows neither what is counted nor by what library"},
	{who: `^ewindow/scripts/vm/machine$`, not: `^ewindow/`, but: `^ewindow/media/testcard$`, why: "a machine knows nothing of what runs on it but how to read a test picture"},
	{who: `^ewindow/`, not: `^ewindow/scripts/lab(/|$)`, but: `^ewindow/scripts/lab/impair$`, why: "only tests import the lab, and the bench its bad line"},
	{who: `^ewindow/(endpoint|registrar|media|dialplan)(/|$)`, not: `^ewindow/scripts(/|$)`, why: "programs do not import scripts"},
	{who: `^ewindow/`, not: `^C$`, direct: true, why: "only media/gst is cgo"},
}

func goList(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func TestWhoImportsWhom(t *testing.T) {
	deps := map[string][]string{}
	direct := map[string][]string{}
	for _, line := range goList(t, "-f", `{{.ImportPath}}|{{join .Deps " "}}|{{join .Imports " "}}`, "./...") {
		f := strings.Split(line, "|")
		deps[f[0]], direct[f[0]] = strings.Fields(f[1]), strings.Fields(f[2])
	}
	if len(deps) < 10 {
		t.Fatalf("go list sees %d packages only", len(deps))
	}
	for _, r := range rules {
		who, not := regexp.MustCompile(r.who), regexp.MustCompile(r.not)
		matched := false
		for pkg := range deps {
			if !who.MatchString(pkg) || strings.HasPrefix(pkg, "ewindow/scripts/lab") || r.direct && strings.HasPrefix(pkg, "ewindow/media/gst") {
				continue
			}
			matched = true
			reached := deps[pkg]
			if r.direct {
				reached = direct[pkg]
			}
			for _, d := range reached {
				if not.MatchString(d) && (r.but == "" || !regexp.MustCompile(r.but).MatchString(d)) {
					t.Errorf("%s reaches %s: %s", pkg, d, r.why)
				}
			}
		}
		if !matched {
			t.Errorf("no package matches %s: the rule %q watches nothing", r.who, r.why)
		}
	}
}

func readme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// blocks are the fenced code blocks of a language.
func blocks(text, language string) []string {
	var out []string
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// Every make target, every program and every flag that the README names is there.
func TestReadmeCommands(t *testing.T) {
	text := readme(t)
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	targets := regexp.MustCompile("(?m)(?:^|`)make ([a-z]+)").FindAllStringSubmatch(text, -1)
	if len(targets) < 2 {
		t.Fatal("the README names no make commands")
	}
	for _, m := range targets {
		if !regexp.MustCompile(`(?m)^` + m[1] + `:`).Match(makefile) {
			t.Errorf("README: make %s: the Makefile has no such target", m[1])
		}
	}
	commands := regexp.MustCompile(`(?m)^(?:sudo )?(?:bin/)?(ewindow|ewindow-registrar) ([a-z]+)( add| list| rotate| remove)?(.*)$`)
	seen := 0
	for _, block := range blocks(text, "sh") {
		for _, m := range commands.FindAllStringSubmatch(strings.ReplaceAll(block, "\\\n", " "), -1) {
			seen++
			help := help(t, m[1], append([]string{m[2]}, strings.Fields(m[3])...)...)
			for _, flag := range regexp.MustCompile(`(?:^| )(--?[a-z][a-z-]*)`).FindAllStringSubmatch(m[4], -1) {
				if !slices.Contains(regexp.MustCompile(`--?[a-z][a-z-]*`).FindAllString(help, -1), flag[1]) {
					t.Errorf("README: %s: no flag %s in\n%s", m[0], flag[1], help)
				}
			}
		}
	}
	if seen == 0 {
		t.Error("the README shows no command of the programs")
	}
}

func help(t *testing.T, program string, command ...string) string {
	t.Helper()
	out, err := exec.Command("../bin/"+program, append(command, "--help")...).CombinedOutput()
	if err != nil {
		t.Fatalf("bin/%s %v --help: %v\n%s\nmake build makes the programs", program, command, err, out)
	}
	return string(out)
}

// The dialplans that the README shows are accepted by the parser.
func TestReadmeDialplans(t *testing.T) {
	n := 0
	for _, block := range blocks(readme(t), "hcl") {
		if !strings.Contains(block, "space \"") {
			continue
		}
		n++
		if _, err := dialplan.Parse(dialplan.File{Name: "README.md", Data: []byte(block)}); err != nil {
			t.Error(err)
		}
	}
	if n == 0 {
		t.Error("the README shows no dialplan")
	}
}
