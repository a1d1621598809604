package stage

import (
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"ewindow/media/testcard"
)

// Eyes look at one window's picture from outside, as X has it: on a display of its own the whole screen, on a desktop
// the window with a title.
type Eyes struct {
	conn   *xgb.Conn
	screen *xproto.ScreenInfo
	title  string        // empty: the whole screen
	window xproto.Window // with that title; 0 while it was not found
}

var errNoWindow = errors.New("the window is not on the desktop")

// OpenEyes connects to an X display. An empty title means the whole screen.
func OpenEyes(display, title string) (*Eyes, error) {
	xgb.Logger.SetOutput(io.Discard) // it reports each missing .Xauthority
	conn, err := xgb.NewConnDisplay(display)
	if err != nil {
		return nil, fmt.Errorf("look at display %s: %w", display, err)
	}
	return &Eyes{conn: conn, screen: xproto.Setup(conn).DefaultScreen(conn), title: title}, nil
}

// Close lets go of the display.
func (e *Eyes) Close() { e.conn.Close() }

// target is what to look at, and its size.
func (e *Eyes) target() (xproto.Drawable, int, int, error) {
	if e.title == "" {
		return xproto.Drawable(e.screen.Root), int(e.screen.WidthInPixels), int(e.screen.HeightInPixels), nil
	}
	if e.window == 0 {
		var err error
		if e.window, err = e.find(e.screen.Root); err != nil {
			return 0, 0, 0, err
		}
	}
	g, err := xproto.GetGeometry(e.conn, xproto.Drawable(e.window)).Reply()
	if err != nil {
		e.window = 0 // it was closed; there may be another by the next look
		return 0, 0, 0, errNoWindow
	}
	return xproto.Drawable(e.window), int(g.Width), int(g.Height), nil
}

// find searches the tree of windows for the title; a window manager wraps windows in frames of its own.
func (e *Eyes) find(root xproto.Window) (xproto.Window, error) {
	tree, err := xproto.QueryTree(e.conn, root).Reply()
	if err != nil {
		return 0, errNoWindow
	}
	for _, w := range tree.Children {
		name, err := xproto.GetProperty(e.conn, false, w, xproto.AtomWmName, xproto.GetPropertyTypeAny, 0, 64).Reply()
		if err == nil && string(name.Value) == e.title {
			return w, nil
		}
		if found, err := e.find(w); err == nil {
			return found, nil
		}
	}
	return 0, errNoWindow
}

// grab takes a part of the picture, from its top left corner, as X's 32 bits a pixel.
func (e *Eyes) grab(d xproto.Drawable, width, height int) ([]byte, error) {
	img, err := xproto.GetImage(e.conn, xproto.ImageFormatZPixmap, d, 0, 0, uint16(width), uint16(height), ^uint32(0)).Reply()
	if err != nil {
		return nil, fmt.Errorf("grab: %w", err)
	}
	if len(img.Data) < 4*width*height {
		return nil, fmt.Errorf("grab: a display of depth %d; 24 or 32 is needed", img.Depth)
	}
	return img.Data, nil
}

// Code reads the test camera's code off the screen: whose picture it is and which.
func (e *Eyes) Code() (seed uint16, counter uint32, ok bool, err error) {
	d, width, height, err := e.target()
	if err != nil {
		return 0, 0, false, err
	}
	columns, rows := testcard.Size(width) // no more than the code: looking costs the X server time
	rows = min(rows, height)
	pixels, err := e.grab(d, columns, rows)
	if err != nil {
		return 0, 0, false, err
	}
	luma := make([]byte, width*rows)
	for y := range rows {
		row := pixels[4*columns*y:]
		for x := range columns {
			p := row[4*x : 4*x+3 : 4*x+3]
			luma[width*y+x] = byte((29*int(p[0]) + 150*int(p[1]) + 77*int(p[2])) >> 8)
		}
	}
	seed, counter, ok = testcard.Read(luma, width, width, rows)
	return seed, counter, ok, nil
}

// Bright says whether the middle of the picture is brighter than half.
func (e *Eyes) Bright() (bool, error) {
	d, width, height, err := e.target()
	if err != nil {
		return false, err
	}
	p, err := xproto.GetImage(e.conn, xproto.ImageFormatZPixmap, d, int16(width/2), int16(height/2), 1, 1, ^uint32(0)).Reply()
	if err != nil {
		return false, fmt.Errorf("grab: %w", err)
	}
	return len(p.Data) > 1 && p.Data[1] > 128, nil
}

// Save writes what is seen as a PNG file, whole at any moment.
func (e *Eyes) Save(path string) error {
	d, width, height, err := e.target()
	if err != nil {
		return err
	}
	pixels, err := e.grab(d, width, height)
	if err != nil {
		return err
	}
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := 0; i < len(img.Pix); i += 4 {
		img.Pix[i], img.Pix[i+1], img.Pix[i+2], img.Pix[i+3] = pixels[i+2], pixels[i+1], pixels[i], 255
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path))
	if err != nil {
		return err
	}
	err = errors.Join((&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(f, img), f.Chmod(0o644), f.Close())
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}
