package dialog

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
)

func parse[M sip.Message](t *testing.T, lines ...string) M {
	t.Helper()
	m, err := sip.ParseMessage([]byte(strings.Join(lines, "\r\n") + "\r\nContent-Length: 0\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return m.(M)
}

func invite(t *testing.T) *sip.Request {
	return parse[*sip.Request](t, "INVITE sip:munich@reg.example.org SIP/2.0",
		"Via: SIP/2.0/TLS 10.0.0.1;branch=z9hG4bKours", "Via: SIP/2.0/TLS 10.0.0.9;branch=z9hG4bKtheirs",
		"Record-Route: <sip:p2;lr>", "Record-Route: <sip:p1;lr>", "Max-Forwards: 9",
		"From: \"M\" <sip:milano@reg.example.org>;tag=mil", "To: <sip:munich@reg.example.org>", "Call-ID: c", "CSeq: 7 INVITE",
		"Contact: <sip:milano@m.invalid>", "Authorization: Digest a", "Proxy-Authorization: Digest b", "Proxy-Authorization: Digest c")
}

func answer(t *testing.T) *sip.Response {
	return parse[*sip.Response](t, "SIP/2.0 200 OK", "Via: SIP/2.0/TLS 10.0.0.1;branch=z9hG4bKours",
		"Record-Route: <sip:p2;lr>", "Record-Route: <sip:p1;lr>",
		"From: <sip:milano@reg.example.org>;tag=mil", "To: <sip:munich@reg.example.org>;tag=mun", "Call-ID: c", "CSeq: 7 INVITE",
		"Contact: <sip:munich@n.invalid>")
}

// Both halves of one dialog write requests that the other half knows.
func TestHalves(t *testing.T) {
	callee := Accept(invite(t), "mun")
	caller := Confirmed(invite(t), answer(t))
	for name, got := range map[string]string{
		"callee": callee.Next(sip.BYE).String(), "caller": caller.Next(sip.BYE).String(), "ack": caller.Ack(invite(t)).String(),
	} {
		want := map[string][]string{
			"callee": {"BYE sip:milano@m.invalid SIP/2.0", "Route: <sip:p2;lr>", "Route: <sip:p1;lr>", "Max-Forwards: 70",
				"From: <sip:munich@reg.example.org>;tag=mun", "To: <sip:milano@reg.example.org>;tag=mil", "Call-ID: c", "CSeq: 1 BYE", "Content-Length: 0"},
			"caller": {"BYE sip:munich@n.invalid SIP/2.0", "Route: <sip:p1;lr>", "Route: <sip:p2;lr>", "Max-Forwards: 70",
				"From: <sip:milano@reg.example.org>;tag=mil", "To: <sip:munich@reg.example.org>;tag=mun", "Call-ID: c", "CSeq: 8 BYE", "Content-Length: 0"},
			"ack": {"ACK sip:munich@n.invalid SIP/2.0", "Route: <sip:p1;lr>", "Route: <sip:p2;lr>", "Max-Forwards: 70",
				"From: <sip:milano@reg.example.org>;tag=mil", "To: <sip:munich@reg.example.org>;tag=mun", "Call-ID: c", "CSeq: 7 ACK",
				"Content-Length: 0", "Authorization: Digest a", "Proxy-Authorization: Digest b", "Proxy-Authorization: Digest c"},
		}[name]
		lines := strings.Split(strings.TrimRight(got, "\r\n"), "\r\n")
		slices.Sort(lines[1:])
		slices.Sort(want[1:])
		if !slices.Equal(lines, want) {
			t.Errorf("%s:\n%s", name, got)
		}
	}
	bye := callee.Next(sip.BYE)
	if IDOf(bye) != caller.ID {
		t.Errorf("%v, want %v", IDOf(bye), caller.ID)
	}
}

func TestCancel(t *testing.T) {
	cancel := Cancel(invite(t))
	if vias := cancel.GetHeaders("Via"); len(vias) != 1 || !strings.Contains(vias[0].Value(), "ours") {
		t.Errorf("%v", vias)
	}
	if cancel.CSeq().Value() != "7 CANCEL" || cancel.MaxForwards().Val() != 70 || cancel.To().Params.Has("tag") {
		t.Errorf("%s", cancel)
	}
}

func TestHeard(t *testing.T) {
	var d Dialog
	for _, step := range []struct {
		seq  uint32
		want Order
	}{{0, Next}, {0, Again}, {5, Next}, {4, Late}, {5, Again}, {6, Next}} {
		if got := d.Heard(step.seq); got != step.want {
			t.Errorf("%d: %v, want %v", step.seq, got, step.want)
		}
	}
}

func TestRepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []string
		begun := time.Now()
		send := func() { at = append(at, fmt.Sprint(time.Since(begun))) }
		if !Repeat(send, nil, nil) || time.Since(begun) != GiveUp {
			t.Errorf("given up after %v", time.Since(begun))
		}
		if got := strings.Join(at, " "); !strings.HasPrefix(got, "500ms 1.5s 3.5s 7.5s 11.5s ") || !strings.HasSuffix(got, " 31.5s") {
			t.Error(got)
		}
		acked := make(chan struct{})
		time.AfterFunc(time.Second, func() { close(acked) })
		at, begun = nil, time.Now()
		if Repeat(send, acked, nil) || Repeat(send, nil, acked) || strings.Join(at, " ") != "500ms" {
			t.Error(at)
		}
	})
}
