package window

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/endpoint/trust"
	"ewindow/media/negotiate"
	"ewindow/registrar/signal/header"
)

// A partner whose key is another one than before is hung up on: nothing of either side is seen or heard, the log, the status and the
// other side are told why. Until somebody confirms it here, that is so.
func TestChangedKeyIsRefused(t *testing.T) {
	key, pins, err := trust.Open(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer pins.Close()
	simulate(t, func(l *lab) {
		l.w.cfg.Key, l.w.cfg.Pins = key, pins
		l.online(plan("milano"))
		first := l.far(negotiate.DTLS)
		d := l.called(first, "a")
		l.sees("of the first key")
		if s := pins.Of("munich"); s.State() != trust.Unconfirmed {
			t.Errorf("at first sight: %v", s.State())
		}
		first.close()
		l.sip.tell(ended{d, "bye"})
		second := l.far(negotiate.DTLS) // which has another key
		defer second.close()
		d = l.called(second, "b")
		time.Sleep(2 * time.Second)
		if said := d.said(); len(said) != 1 || said[0] != header.KeyRefused {
			t.Errorf("BYEs %q", said)
		}
		if second.pictures() > 0 || second.session.Stats().Audio.Received.Packets > 0 {
			t.Error("something was shown to the changed key")
		}
		past := l.w.Status().Last("munich")
		if past == nil || past.ID != "b" || !strings.Contains(past.Why, "munich") && !strings.Contains(past.Why, header.KeyRefused) {
			t.Errorf("past call %+v", past)
		}
		if log := l.log.Take(); !strings.Contains(log, `msg="call failed"`) || !strings.Contains(log, "munich") {
			t.Errorf("the log says\n%s", log)
		}
		if s := pins.Of("munich"); s.State() != trust.Changed {
			t.Errorf("of the second key: %v", s.State())
		}
	})
}

// Between windows nothing less than a handshake will do: an offer with keys in SDP, or without any, is refused, and so is such an answer.
func TestDowngradeIsRefused(t *testing.T) {
	simulate(t, func(l *lab) {
		l.planned(plan("milano"))
		for _, p := range []negotiate.Policy{negotiate.SDES, negotiate.None} {
			f := l.far(p)
			in := l.invite(string(p), "munich", f.offer())
			if status := <-in.refused; status != 488 {
				t.Errorf("an offer of %s has %d", p, status)
			}
			f.close()
		}
		synctest.Wait() // who is refused is told before the log is
		if log := l.log.Take(); strings.Count(log, "where keys have to be agreed on by DTLS") < 2 {
			t.Errorf("the log says\n%s", log)
		}
	})
	simulate(t, func(l *lab) {
		l.online(plan("milano"))
		o := <-l.sip.invites
		lesser := strings.ReplaceAll(string(o.offer), "UDP/TLS/RTP/SAVPF", "RTP/AVP")
		lesser = strings.ReplaceAll(lesser, milanoHost.String(), farHost.String())
		d := newDialog("a")
		o.reply <- established{d, "a", []byte(lesser)}
		if said := d.said(); len(said) != 1 || !strings.Contains(said[0], "where keys have to be agreed on by DTLS") {
			t.Errorf("BYEs %q", said)
		}
	})
}

// Without keys a call is silent, and the screen says why.
func TestNoKeys(t *testing.T) {
	simulate(t, func(l *lab) {
		l.online(plan("milano"))
		f := l.far(negotiate.DTLS)
		defer f.close()
		f.keys.Identity = newIdentity(nil, slog.New(slog.DiscardHandler)) // another one than its SDP names
		l.called(f, "a")
		time.Sleep(3 * time.Second)
		if s := l.w.Status(); s.Screen.Reason != "No keys are agreed on with them yet" || f.pictures() > 0 {
			t.Errorf("the screen says %+v; %d pictures", s.Screen, f.pictures())
		}
		if log := l.log.Take(); strings.Count(log, `msg="no keys are agreed on"`) != 1 || !strings.Contains(log, "another certificate") {
			t.Errorf("the log says\n%s", log)
		}
	})
}

// A phone's keys: in SDP, by a handshake if it offers one, or none.
func TestKindsOfKeys(t *testing.T) {
	for _, test := range []struct {
		proto, kind string
		policy      negotiate.Policy
	}{
		{"RTP/SAVP", "sdes", negotiate.SDES}, {"UDP/TLS/RTP/SAVPF", "dtls", negotiate.DTLS},
	} {
		simulate(t, func(l *lab) {
			l.planned(plan("milano"))
			f := l.far(test.policy)
			defer f.close()
			offer := f.offer()
			if !strings.Contains(string(offer), test.proto) {
				t.Fatalf("the phone offers\n%s", offer)
			}
			in := l.invite("a", "desk", offer)
			select {
			case answer := <-in.answered:
				f.accept(answer)
			case status := <-in.refused:
				t.Fatalf("%s: %d", test.kind, status)
			}
			in.ack <- nil
			time.Sleep(time.Second)
			if c := l.w.Status().Call("desk"); c == nil || c.Keys != test.kind {
				t.Errorf("%s: %+v", test.kind, c)
			}
			l.sees("of " + test.kind)
		})
	}
}
