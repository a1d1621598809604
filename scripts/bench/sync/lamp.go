package main

import (
	"context"
	"encoding/binary"
	"io"
	"math"
	"math/rand/v2"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

const (
	flashLasts = 150 * time.Millisecond
	apart      = 1500 * time.Millisecond // and up to a tenth more, so that they fall anywhere between two pictures
	sampleRate = 48000
	beepHz     = 1000
	chunk      = 10 * time.Millisecond
)

// lamp is a field in the middle of a display that is dark or bright.
type lamp struct {
	conn *xgb.Conn
	root xproto.Window
	gc   xproto.Gcontext
}

func openLamp(display string) (*lamp, error) {
	conn, err := xgb.NewConnDisplay(display)
	if err != nil {
		return nil, err
	}
	l := &lamp{conn: conn, root: xproto.Setup(conn).DefaultScreen(conn).Root}
	if l.gc, err = xproto.NewGcontextId(conn); err != nil {
		return nil, err
	}
	if err := xproto.CreateGCChecked(conn, l.gc, xproto.Drawable(l.root), 0, nil).Check(); err != nil {
		return nil, err
	}
	return l, l.set(false)
}

// set returns when it is so.
func (l *lamp) set(bright bool) error {
	colour := uint32(0x101010)
	if bright {
		colour = 0xf0f0f0
	}
	xproto.ChangeGC(l.conn, l.gc, xproto.GcForeground, []uint32{colour})
	return xproto.PolyFillRectangleChecked(l.conn, xproto.Drawable(l.root), l.gc, []xproto.Rectangle{{X: 320, Y: 180, Width: 640, Height: 360}}).Check()
}

// signal flashes and beeps at once until ctx ends. flashed is told when the lamp was bright.
func signal(ctx context.Context, l *lamp, sound io.Writer, flashed func(time.Time)) error {
	next := time.Now().Add(apart)
	var beep time.Time // when it began
	for at := time.Now(); ctx.Err() == nil; at = at.Add(chunk) {
		time.Sleep(time.Until(at))
		if now := time.Now(); now.Sub(at) > 5*chunk { // the player has not run
			at = now
		}
		switch now := time.Now(); {
		case !beep.IsZero() && now.Sub(beep) >= flashLasts:
			beep = time.Time{}
			if err := l.set(false); err != nil {
				return err
			}
		case beep.IsZero() && !now.Before(next):
			beep, next = now, now.Add(apart+rand.N(apart/10))
			if err := l.set(true); err != nil {
				return err
			}
			flashed(time.Now())
		}
		if _, err := sound.Write(samples(!beep.IsZero())); err != nil {
			return err
		}
	}
	return nil
}

// samples are a chunk of tone or of silence. The tone has whole periods in it.
func samples(loud bool) []byte {
	var out []byte
	for i := range int(sampleRate * chunk / time.Second) {
		v := 0.0
		if loud {
			v = 8000 * math.Sin(2*math.Pi*beepHz*float64(i)/sampleRate)
		}
		out = binary.LittleEndian.AppendUint16(out, uint16(int16(v)))
	}
	return out
}
