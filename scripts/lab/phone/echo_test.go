package phone

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ewindow/media/testcard"
	"ewindow/scripts/stage"
)

// A phone that is being set up dials echo and hears its own tone and sees its own picture: with keys over TLS, and
// without over UDP. There is no window in this house.
func TestEcho(t *testing.T) {
	dir, err := os.MkdirTemp("", "echo")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	h := &house{t: t, ports: 4544}
	h.scene, h.shown = scene(t, width, height, 2*fps, testcard.Seed("phone")), display(t, width, height)
	h.Network = &stage.Network{Dir: filepath.Join(dir, "net"), Bin: bin, Host: address, Dialplan: plan,
		Phones: []string{"reception", "workshop"}, Lines: h.line}
	if err := h.Write(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Network.Close)
	if _, err := h.StartRegistrar(t.Context()); err != nil {
		t.Fatal(err)
	}
	g722 := h.reception()
	g722.Codecs = "g722/16000"
	for name, cfg := range map[string]Config{"opus over SRTP": h.reception(), "G.722 over SRTP": g722, "PCMU over plain RTP": h.workshop()} {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			p := h.phone(t, cfg)
			if err := dial(t, p, "echo"); err != nil {
				t.Fatalf("%v\n%s", err, p.Output())
			}
			hears(t, "the phone", p.Heard, p.cfg.Tone)
			eyes := h.phonesEyes(t)
			defer eyes.Close()
			sees(t, "the phone", eyes, "phone")
			do(t, p, "hangup")
			eventually(t, func() error {
				st, err := h.RegistrarStatus()
				if last := st.Last(cfg.Account, "echo"); err == nil && (last == nil || last.Since.Before(begun)) {
					err = fmt.Errorf("the call to the echo has not ended: %+v", st.Calls)
				}
				return err
			})
		})
	}
}
