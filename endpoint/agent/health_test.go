package agent

import (
	"fmt"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
	"ewindow/registrar/signal/health"
)

// Each registration tells how the window does, anew when that is asked for; its end tells nothing, and neither does a window without a word.
func TestRegistrationTellsHealth(t *testing.T) {
	simulateWith(t, func(c *Config) {
		n := 0
		c.Health = func() []byte {
			if n++; n == 5 {
				return nil
			}
			return fmt.Appendf(nil, `{"up_s":%d}`, n)
		}
	}, func(t *testing.T, l *lab) {
		told := make(chan string, 100)
		l.set(func() {
			l.override = func(_ *line, req *sip.Request) bool {
				if req.Method == sip.REGISTER && req.GetHeader("Authorization") != nil {
					told <- fmt.Sprint(header.MediaType(req), "|", header.First(req, "Content-Disposition"), "|", string(req.Body()), "|", header.First(req, "Expires"))
				}
				return false
			}
		})
		want := func(text string, within time.Duration) {
			t.Helper()
			select {
			case got := <-told:
				if got != text {
					t.Errorf("got %q, want %q", got, text)
				}
			case <-time.After(within):
				t.Errorf("nothing told within %v, want %q", within, text)
			}
		}
		time.Sleep(time.Second)
		const head = health.ContentType + "|" + health.Disposition + "|"
		l.agent.TellHealth()
		want(head+`{"up_s":3}|300`, time.Second) // 1 and 2 were the first REGISTER and the one with credentials
		want(head+`{"up_s":4}|300`, 150*time.Second)
		want("|||300", 150*time.Second)
		l.cancel()
		want("|||0", time.Second)
	})
}

// Where there is no registration nobody is dialled earlier for it.
func TestHealthIsNoReasonToDial(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		l.listener.Close()
		l.current().conn.Close()
		expect[Offline](l)
		before := 0
		l.set(func() { before = l.lines })
		time.Sleep(10 * time.Minute) // the pauses have grown
		l.listen()
		for range 1000 {
			l.agent.TellHealth()
		}
		time.Sleep(100 * time.Millisecond)
		l.set(func() {
			if l.lines != before {
				t.Errorf("%d connections at once", l.lines-before)
			}
		})
	})
}
