package phone

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"ewindow/scripts/stage"
)

// register is a REGISTER with a challenge, as SIPp plays it: a new Call-ID and a new nonce each time. It repeats a request
// after ten seconds instead of half a one: on a busy machine it would get two challenges, and SIPp gives up at the second.
const register = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="register">
  <send retrans="10000"><![CDATA[
    REGISTER sip:DOMAIN SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
    From: <sip:workshop@DOMAIN>;tag=[call_number]
    To: <sip:workshop@DOMAIN>
    Call-ID: [call_id]
    CSeq: 1 REGISTER
    Max-Forwards: 70
    Contact: <sip:workshop@[local_ip]:7000>
    Expires: 600
    Content-Length: 0

  ]]></send>
  <recv response="401" auth="true"/>
  <send retrans="10000"><![CDATA[
    REGISTER sip:DOMAIN SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
    From: <sip:workshop@DOMAIN>;tag=[call_number]
    To: <sip:workshop@DOMAIN>
    Call-ID: [call_id]
    CSeq: 2 REGISTER
    Max-Forwards: 70
    Contact: <sip:workshop@[local_ip]:7000>
    Expires: 600
    [authentication username=workshop password=SECRET]
    Content-Length: 0

  ]]></send>
  <recv response="200"/>
</scenario>
`

// Fifteen thousand registrations of one account by SIPp, a hundred at a time, all succeed at the first answer to their
// challenge: from one port, as many phones behind one address, and from a port for each.
func TestRegistrationsOfOneAddress(t *testing.T) {
	const registrations = 15_000
	dir, err := os.MkdirTemp("", "sipp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	h := &house{t: t}
	h.Network = &stage.Network{Dir: filepath.Join(dir, "net"), Bin: bin, Host: address, Dialplan: plan,
		Phones: []string{"workshop"}, Lines: h.line}
	if err := h.Write(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Network.Close)
	if _, err := h.StartRegistrar(t.Context()); err != nil {
		t.Fatal(err)
	}
	scenario := filepath.Join(dir, "register.xml")
	text := strings.NewReplacer("DOMAIN", h.Host, "SECRET", h.Secrets["workshop"]).Replace(register)
	if err := os.WriteFile(scenario, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, sockets := range map[string][]string{"one port": {"-t", "u1", "-l", "100"}, "a port for each": {"-t", "un", "-l", "100", "-max_socket", "1000"}} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // it takes 10 s
			defer cancel()
			args := append([]string{fmt.Sprintf("%s:%d", h.Host, h.SIP), "-sf", scenario, "-i", address, "-m", fmt.Sprint(registrations),
				"-r", "3000", "-auth_uri", h.Host, "-nostdin", "-trace_err"}, sockets...)
			cmd := exec.CommandContext(ctx, "sipp", args...)
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			ok := regexp.MustCompile(`Successful call +\|[^|]*\| +(\d+)`).FindAllSubmatch(out, -1)
			if err != nil || len(ok) == 0 || string(ok[len(ok)-1][1]) != fmt.Sprint(registrations) {
				t.Errorf("%v\n%s\n%s", err, out[max(0, len(out)-3000):], firstErrors(dir))
			}
		})
	}
}

// firstErrors is the beginning of what SIPp found wrong.
func firstErrors(dir string) string {
	logs, _ := filepath.Glob(filepath.Join(dir, "*_errors.log"))
	var b strings.Builder
	for _, name := range logs {
		text, _ := os.ReadFile(name)
		b.Write(text[:min(len(text), 3000)])
	}
	return b.String()
}
