package window

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"ewindow/media/negotiate"
)

// A call in which nothing ever comes is told about once, with all that helps to find out why; one in which something comes is not.
func TestUnanswered(t *testing.T) {
	elsewhere := netip.MustParseAddr("10.0.1.3")
	for name, from := range map[string]netip.Addr{"from elsewhere": elsewhere, "as it should": farHost} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(l *lab) {
				l.planned(plainPhone())
				f := l.far(negotiate.None)
				defer f.close()
				in := l.inviteFrom("p", "desk", hidden(f.offer(), "192.168.7.20"), from, milanoHost)
				f.accept(<-in.answered)
				in.ack <- nil
				for range 16 {
					f.talk()
					time.Sleep(400 * time.Millisecond)
				}
				var lines []string
				for line := range strings.Lines(l.log.Take()) {
					if strings.Contains(line, "what is sent is not answered") {
						lines = append(lines, line)
					}
				}
				said := l.w.Status().Calls[0].Unanswered
				if from == farHost {
					if len(lines) != 0 || said != "" {
						t.Errorf("said %q, logged %q", said, lines)
					}
					return
				}
				if len(lines) != 1 {
					t.Fatalf("logged %d times: %q", len(lines), lines)
				}
				for _, word := range []string{"level=WARN", "peer=desk", "to=10.0.1.3:", "path=direct", "sdp=192.168.7.20:", "flow=10.0.1.3", "stranger=10.0.1.2:"} {
					if !strings.Contains(lines[0], word) {
						t.Errorf("no %q in %s", word, lines[0])
					}
				}
				if !strings.Contains(said, "nothing comes back from 10.0.1.3:") || !strings.Contains(said, "its SDP says 192.168.7.20:") ||
					!strings.Contains(said, "packets, the last from 10.0.1.2:") {
					t.Errorf("status says %q", said)
				}
			})
		})
	}
}
