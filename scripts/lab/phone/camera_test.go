package phone

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"ewindow/media/testcard"
	"ewindow/scripts/stage"
)

// scene is an X display for a phone's camera to film: black, with the test camera's code on top, a new one each time.
func scene(t *testing.T, width, height, rate int, seed uint16) *stage.Display {
	t.Helper()
	d := display(t, width, height)
	conn, err := xgb.NewConnDisplay(d.Name)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPainter(conn, width)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		ticker := time.NewTicker(time.Second / time.Duration(rate))
		defer ticker.Stop()
		for n := uint32(1); ; n++ {
			select {
			case <-done:
				return
			case <-ticker.C:
				p.draw(seed, n)
			}
		}
	})
	t.Cleanup(func() { close(done); wg.Wait(); conn.Close() })
	return d
}

// painter draws the code.
type painter struct {
	conn          *xgb.Conn
	root          xproto.Drawable
	gc            xproto.Gcontext
	width, height int // of the strip with the code
	depth         byte
	luma, pixels  []byte
}

func newPainter(conn *xgb.Conn, width int) (*painter, error) {
	screen := xproto.Setup(conn).DefaultScreen(conn)
	height := (width*testcard.Rows + testcard.PerWidth - 1) / testcard.PerWidth
	if longest := 4 * int(xproto.Setup(conn).MaximumRequestLength); 4*width*height+64 > longest {
		return nil, fmt.Errorf("a picture %d pixels wide does not fit an X request", width)
	}
	p := &painter{conn: conn, root: xproto.Drawable(screen.Root), width: width, height: height, depth: screen.RootDepth,
		luma: make([]byte, width*height), pixels: make([]byte, 4*width*height)}
	var err error
	if p.gc, err = xproto.NewGcontextId(conn); err != nil {
		return nil, err
	}
	return p, xproto.CreateGCChecked(conn, p.gc, p.root, 0, nil).Check()
}

func (p *painter) draw(seed uint16, n uint32) {
	testcard.Draw(p.luma, p.width, p.width, p.height, seed, n)
	for i, y := range p.luma {
		p.pixels[4*i], p.pixels[4*i+1], p.pixels[4*i+2] = y, y, y
	}
	xproto.PutImage(p.conn, xproto.ImageFormatZPixmap, p.root, p.gc, uint16(p.width), uint16(p.height), 0, 0, 0, p.depth, p.pixels)
}

// display is a virtual X screen, black.
func display(t *testing.T, width, height int) *stage.Display {
	t.Helper()
	d, err := stage.StartXvfb(t.Context(), width, height)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}
