package agent

import (
	"context"
	"errors"
	"net"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
)

func TestRegistersAndSubscribes(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		time.Sleep(time.Hour)
		l.quiet(0)
		l.set(func() {
			if n := l.seen[sip.REGISTER]; n < 25 || n > 60 {
				t.Errorf("%d REGISTERs in an hour, want one or two every 135 to 150 s", n)
			}
			if l.lines != 1 {
				t.Errorf("%d connections, want 1", l.lines)
			}
		})
		if got := l.agent.LocalAddr(); got != windowAddr {
			t.Errorf("LocalAddr %v", got)
		}
	})
}

func TestTakesBackItsRegistration(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		gone := make(chan string, 10)
		l.set(func() {
			l.override = func(ln *line, req *sip.Request) bool {
				if req.Method == sip.REGISTER && header.First(req, "Expires") == "0" {
					gone <- header.First(req, "Contact")
				}
				return false
			}
		})
		l.cancel()
		if contact := <-gone; !strings.Contains(contact, "+sip.instance=\"<urn:uuid:") || !strings.Contains(contact, "reg-id=1") {
			t.Errorf("Contact %q", contact)
		}
	})
}

// The registrar knows a device again after a restart, by its key (RFC 5626 §4.1).
func TestInstance(t *testing.T) {
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[48][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	contact := func(key string) string {
		a, err := New(Config{Registrar: "reg.example.org", Space: "milano", Secret: "secret", MediaKey: key,
			Dial: func(context.Context) (net.Conn, error) { return nil, errClosed }})
		if err != nil {
			t.Fatal(err)
		}
		_, instance, _ := strings.Cut(a.ways[0].contact, `+sip.instance="<urn:uuid:`)
		instance, _, _ = strings.Cut(instance, ">")
		if !uuid.MatchString(instance) {
			t.Errorf("%q is no UUID", instance)
		}
		return instance
	}
	first, again, other, keyless, anew := contact("one"), contact("one"), contact("other"), contact(""), contact("")
	if first != again || first == other || keyless == anew {
		t.Errorf("%s, after a restart %s; another %s; without a key %s, %s", first, again, other, keyless, anew)
	}
}

// A day with a connection that dies every now and then, in all the ways there are.
func TestDayOfReconnections(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		contacts := map[string]bool{}
		l.set(func() {
			l.override = func(ln *line, req *sip.Request) bool {
				if req.Method == sip.REGISTER {
					contacts[header.First(req, "Contact")] = true
				}
				return false
			}
		})
		begun := time.Now()
		for hour := range 24 {
			time.Sleep(time.Hour)
			l.quiet(0)
			switch hour % 3 {
			case 0: // the registrar closes
				l.current().conn.Close()
			case 1: // it vanishes without a word
				l.net.CutBoth(registrarAddr.Addr(), windowAddr)
				time.AfterFunc(90*time.Second, func() { l.net.RestoreBoth(registrarAddr.Addr(), windowAddr) })
			case 2: // it restarts
				l.listener.Close()
				l.current().conn.Close()
				time.AfterFunc(5*time.Second, l.listen)
			}
			off := expect[Offline](l)
			if off.Refused || off.Err == nil {
				t.Errorf("%+v", off)
			}
			for {
				e := <-l.events
				if _, is := e.(Offline); is {
					continue
				}
				if _, is := e.(Online); !is {
					t.Fatalf("%T %+v", e, e)
				}
				break
			}
			expect[Programme](l)
		}
		if len(contacts) != 1 {
			t.Errorf("%d contacts, want the same over all connections: %v", len(contacts), contacts)
		}
		if took := time.Since(begun); took > 25*time.Hour {
			t.Errorf("took %v", took)
		}
	})
}

func TestComesBackWithinTwoSeconds(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		for range 20 {
			time.Sleep(time.Minute)
			l.current().conn.Close()
			begun := time.Now()
			if off := expect[Offline](l); off.Err.Error() != "the registrar closed the connection" {
				t.Errorf("why: %v", off.Err)
			}
			expect[Online](l)
			if took := time.Since(begun); took > 2*time.Second {
				t.Errorf("back after %v", took)
			}
			expect[Programme](l)
		}
	})
}

func TestSilentDeathIsNoticedByPing(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		l.set(func() { l.mute = true })
		begun := time.Now()
		off := expect[Offline](l)
		if !errors.Is(off.Err, errNoPong) {
			t.Errorf("why: %v", off.Err)
		}
		if took := time.Since(begun); took < pingLeast || took > pingMost+pongWithin+time.Second {
			t.Errorf("noticed after %v", took)
		}
		l.set(func() { l.mute = false })
		expect[Online](l)
		expect[Programme](l)
	})
}

func TestWrongSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		l.start(func(c *Config) { c.Secret = "wrong" })
		off := expect[Offline](l)
		if !off.Refused || !errors.Is(off.Err, errSecret) || !strings.Contains(off.Err.Error(), "put it into the window's secret_file") {
			t.Errorf("%+v", off)
		}
		l.quiet(10 * time.Minute) // nothing new
		l.set(func() {
			if n := l.seen[sip.REGISTER]; n < 20 || n > 60 {
				t.Errorf("%d REGISTERs in 10 minutes, want two every 30 s", n)
			}
			if l.lines != 1 {
				t.Errorf("%d connections, want the same one all the time", l.lines)
			}
		})
		if _, _, err := l.agent.Invite(t.Context(), "munich", []byte(offer1)); !errors.Is(err, ErrOffline) {
			t.Errorf("Invite: %v", err)
		}
	})
}

// An admin rotates the account: the old secret is refused, and as soon as the new one is there the window is back.
func TestSecretIsRotated(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		for _, secret := range []string{"another", "a third", "a fourth"} {
			time.Sleep(time.Minute)
			l.set(func() { l.secret = secret })
			l.current().conn.Close()
			expect[Offline](l)
			if off := expect[Offline](l); !off.Refused || !errors.Is(off.Err, errSecret) || !strings.Contains(off.Err.Error(), "account rotate NAME") {
				t.Errorf("%+v", off)
			}
			time.Sleep(7 * time.Second)
			begun := time.Now()
			l.agent.SetSecret(secret)
			expect[Online](l)
			if took := time.Since(begun); took > time.Second {
				t.Errorf("back after %v", took)
			}
			expect[Programme](l)
		}
	})
}

// A secret that changes while all is well is tried at once: if it is wrong, that is said now.
func TestSecretIsTriedAtOnce(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		begun := time.Now()
		l.agent.SetSecret("wrong")
		if off := expect[Offline](l); !off.Refused || !errors.Is(off.Err, errSecret) {
			t.Errorf("%+v", off)
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("said after %v", took)
		}
		l.agent.SetSecret(secret)
		expect[Online](l)
	})
}

// While the registrar cannot read its accounts it says 503: the window tries again within seconds, for as long as it
// takes, and does not think that its secret is wrong.
func TestRegistrarWithoutAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		var back atomic.Bool
		var tries atomic.Int32
		l.set(func() {
			l.override = func(ln *line, req *sip.Request) bool {
				if req.Method != sip.REGISTER || back.Load() || header.First(req, "Authorization") == "" {
					return false
				}
				tries.Add(1)
				res := sip.NewResponseFromRequest(req, 503, "The accounts cannot be read at the moment", nil)
				res.AppendHeader(sip.NewHeader("Retry-After", "3"))
				ln.write(res.String())
				return true
			}
		})
		l.start()
		if off := expect[Offline](l); off.Refused || !strings.Contains(off.Err.Error(), "503 The accounts cannot be read") {
			t.Errorf("%+v", off)
		}
		time.Sleep(10 * time.Minute)
		l.set(func() {
			if l.lines != 1 {
				t.Errorf("%d connections, want the same one all the time", l.lines)
			}
		})
		if n := tries.Load(); n < 10*60/5 || n > 10*60/3+1 {
			t.Errorf("%d tries in ten minutes, want one every three to four seconds", n)
		}
		back.Store(true)
		begun := time.Now()
		expect[Online](l)
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("back after %v", took)
		}
		expect[Programme](l)
	})
}

func TestChallengeOfAnotherRealm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		l.set(func() {
			l.override = func(ln *line, req *sip.Request) bool {
				for _, h := range []string{"Authorization", "Proxy-Authorization"} {
					if v := header.First(req, h); v != "" {
						t.Errorf("credentials were sent: %s", v)
					}
				}
				ln.challenge(req, 401, "evil.example.com", "SHA-256", "MD5")
				return true
			}
		})
		l.start()
		off := expect[Offline](l)
		want := `REGISTER: challenged for realm "evil.example.com", not "reg.example.org": no credentials were sent; correct ` + "`registrar`" + ` in the window's file, or the registrar's --domain`
		if !off.Refused || off.Err.Error() != want {
			t.Errorf("%+v", off)
		}
		time.Sleep(5 * time.Minute)
	})
}

func TestStrongestAlgorithm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		used := make(chan string, 10)
		l.set(func() {
			l.override = func(ln *line, req *sip.Request) bool {
				if v := header.First(req, "Authorization"); v != "" {
					if !l.knows(req) {
						t.Errorf("wrong response: %s", v)
					}
					used <- v
					return false
				}
				ln.challenge(req, 401, domain, "MD5", "NONSENSE", "SHA-256")
				return true
			}
		})
		l.start()
		if v := <-used; !strings.Contains(v, "algorithm=SHA-256") {
			t.Errorf("Authorization: %s", v)
		}
		l.online()
	})
}

func TestRegisterRefusals(t *testing.T) {
	for _, test := range []struct {
		name    string
		code    int
		headers []string
		refused bool
		says    string
		again   time.Duration // at least, before the next
	}{
		{"forbidden", 403, nil, true, `the registrar refuses space "milano": 403 Reason; check that the dialplan has this space, and its account with ` + "`ewindow-registrar account list`", 25 * time.Second},
		{"unknown", 404, nil, true, `the registrar refuses space "milano": 404`, 25 * time.Second},
		{"busy", 503, []string{"Retry-After", "7 (soon)"}, false, "503 Reason (retry after 7s)", 7 * time.Second},
		{"unavailable", 480, nil, false, "480 Reason", 500 * time.Millisecond},
		{"flow failed", 430, nil, false, "430 Reason", 500 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t)
				var refusedAt, again time.Time
				l.set(func() {
					l.override = func(ln *line, req *sip.Request) bool {
						if req.Method != sip.REGISTER {
							return false
						}
						if refusedAt.IsZero() {
							refusedAt = time.Now()
							res := sip.NewResponseFromRequest(req, test.code, "Reason", nil)
							for i := 0; i+1 < len(test.headers); i += 2 {
								res.AppendHeader(sip.NewHeader(test.headers[i], test.headers[i+1]))
							}
							ln.write(res.String())
							return true
						}
						if again.IsZero() {
							again = time.Now()
						}
						return false
					}
				})
				l.start()
				off := expect[Offline](l)
				if off.Refused != test.refused || !strings.HasPrefix(off.Err.Error(), test.says) {
					t.Errorf("refused %v, %v", off.Refused, off.Err)
				}
				l.online()
				if wait := again.Sub(refusedAt); wait < test.again || wait > backoffMost {
					t.Errorf("tried again after %v", wait)
				}
			})
		})
	}
}

func TestLongerIntervalIfAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		l.expires = 3600
		asked := ""
		l.set(func() {
			l.override = func(ln *line, req *sip.Request) bool {
				if req.Method != sip.REGISTER || header.First(req, "Authorization") == "" || asked != "" {
					return false
				}
				if header.First(req, "Expires") == "300" {
					res := sip.NewResponseFromRequest(req, 423, "Interval Too Brief", nil)
					res.AppendHeader(sip.NewHeader("Min-Expires", "3600"))
					ln.write(res.String())
					return true
				}
				asked = header.First(req, "Expires")
				return false
			}
		})
		l.start()
		l.online()
		if asked != "3600" {
			t.Errorf("Expires: %s", asked)
		}
	})
}

func TestNoConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		var tries atomic.Int32
		l.start(func(c *Config) {
			c.Dial = func(context.Context) (net.Conn, error) { tries.Add(1); return nil, errors.New("no route to host") }
		})
		off := expect[Offline](l)
		if want := "connecting to the registrar sips:reg.example.org: no route to host"; off.Refused || off.Err.Error() != want {
			t.Errorf("%+v", off)
		}
		l.quiet(time.Hour)
		if n := tries.Load(); n < 120 || n > 300 {
			t.Errorf("%d tries in an hour, want one every 15 to 30 s", n)
		}
	})
}

// The registrar is away for an hour: nobody hammers at its door.
func TestRegistrarAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		var tries atomic.Int32
		l.start(func(c *Config) {
			dial := c.Dial
			c.Dial = func(ctx context.Context) (net.Conn, error) { tries.Add(1); return dial(ctx) }
		})
		l.online()
		l.listener.Close()
		time.Sleep(time.Minute)
		l.current().conn.Close()
		time.Sleep(time.Hour)
		if n := tries.Load(); n < 120 || n > 300 {
			t.Errorf("%d tries in an hour, want one every 15 to 30 s", n)
		}
		l.listen()
		expect[Offline](l)
		expect[Offline](l)
		expect[Online](l)
		expect[Programme](l)
	})
}

func TestBadConfig(t *testing.T) {
	dial := func(context.Context) (net.Conn, error) { return nil, errors.New("not called") }
	for _, test := range []struct {
		cfg  Config
		want string
	}{
		{Config{Registrar: "", Space: "a", Secret: "b", Dial: dial}, `registrar "" is not an address; write it like "sips:reg.example.org"`},
		{Config{Registrar: "sips:a b", Space: "a", Secret: "b", Dial: dial}, `registrar "sips:a b" is not an address; write it like "sips:reg.example.org"`},
		{Config{Registrar: "http://x", Space: "a", Secret: "b", Dial: dial}, `registrar "http://x" is not an address; write it like "sips:reg.example.org"`},
		{Config{Registrar: "r", Space: "a b\r\n", Secret: "b", Dial: dial}, `space "a b\r\n" is no account name (small letters, digits, - and _, a letter first, 63 at most); use the label of the space's block in the dialplan`},
		{Config{Registrar: "r", Space: "a", Dial: dial}, "space \"a\" has no secret; make one with `ewindow-registrar account add a`"},
		{Config{Registrar: "r", Space: "a", Secret: "b"}, "agent: Config.Dial is missing"},
	} {
		if _, err := New(test.cfg); err == nil || err.Error() != test.want {
			t.Errorf("%+v:\n got %v\nwant %s", test.cfg.Registrar, err, test.want)
		}
	}
	for in, want := range map[string]string{
		"sips:Reg.Example.org": "reg.example.org", "reg.example.org:5062": "reg.example.org",
		"sip:10.0.0.1:5061": "10.0.0.1", "sips:[fd00::1]:5061": "[fd00::1]",
	} {
		if a, err := New(Config{Registrar: in, Space: "a", Secret: "b", Dial: dial}); err != nil || a.domain != want {
			t.Errorf("%s: %v", in, err)
		}
	}
}
