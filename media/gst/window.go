package main

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/dpms"
	"github.com/jezek/xgb/xproto"
	"golang.org/x/sys/unix"
)

// xPlace is a place on an X display: all of it, or a plain window.
type xPlace struct {
	display string
	area    *area // nil: full screen
}

// window is a window on an X display that GStreamer draws in. It is ours, so that it has no decoration and no mouse
// pointer where it fills the screen, and so that it goes on filling it when the mode changes, as when a monitor wakes after
// us. When the display goes, so does this process.
type window struct {
	conn          *xgb.Conn
	win           xproto.Window
	root          xproto.Window // whose size is followed; 0 for a plain window
	remove        xproto.Atom   // WM_DELETE_WINDOW
	width, height int
	server        int         // the process of the X server, 0 if it is not known
	sizes         chan area   // the newest size
	keys          chan string // what is typed; nil if nobody wants to know
	gone          chan error  // why it is not there any more
}

func (w *window) id() uint32 { return uint32(w.win) }

// openWindow makes and maps the window. With keys it hears what is typed.
func openWindow(p xPlace, title string, keys bool) (*window, error) {
	c, err := xgb.NewConnDisplay(p.display)
	if err != nil {
		return nil, fmt.Errorf("screen x11:%s: no X display there (%w); start it, or set screen in the window's file", p.display, err)
	}
	w := &window{conn: c, server: serverOf(p.display), sizes: make(chan area, 1), gone: make(chan error, 1)}
	if keys {
		w.keys = make(chan string, maxTyped)
	}
	screen := xproto.Setup(c).DefaultScreen(c)
	at, err := w.place(p, screen.Root)
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("screen x11:%s: ask for its size: %w", p.display, err)
	}
	w.width, w.height = at.width, at.height
	if err := w.create(screen, at, title, p.area == nil); err != nil {
		c.Close()
		return nil, fmt.Errorf("screen x11:%s: make a window: %w", p.display, err)
	}
	go w.listen()
	return w, nil
}

// serverOf is the process that listens where an X display of this machine is reached (unix(7), SO_PEERCRED); 0 if it is not
// known, as in a container.
func serverOf(display string) (pid int) {
	host, number, _ := strings.Cut(display, ":")
	number, _, _ = strings.Cut(number, ".")
	place := "/tmp/.X11-unix/X" + number
	if strings.HasPrefix(host, "/") {
		place = host + ":" + number
	}
	conn, err := net.DialTimeout("unix", place, time.Second)
	if err != nil {
		return 0
	}
	defer conn.Close()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		if u, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(u.Pid)
		}
	})
	return pid
}

// place is where the window is to be. The size of the whole screen is asked for when its changes are reported already.
func (w *window) place(p xPlace, root xproto.Window) (area, error) {
	if p.area != nil {
		return *p.area, nil
	}
	w.root = root
	if err := xproto.ChangeWindowAttributesChecked(w.conn, root, xproto.CwEventMask, []uint32{xproto.EventMaskStructureNotify}).Check(); err != nil {
		return area{}, err
	}
	g, err := xproto.GetGeometry(w.conn, xproto.Drawable(root)).Reply()
	if err != nil {
		return area{}, err
	}
	return area{width: int(g.Width), height: int(g.Height)}, nil
}

func (w *window) create(screen *xproto.ScreenInfo, at area, title string, full bool) error {
	id, err := xproto.NewWindowId(w.conn)
	if err != nil {
		return err
	}
	w.win = id
	events := uint32(xproto.EventMaskStructureNotify)
	if w.keys != nil {
		events |= xproto.EventMaskKeyPress
	}
	values := []uint32{screen.BlackPixel, events}
	if err := xproto.CreateWindowChecked(w.conn, screen.RootDepth, id, screen.Root, int16(at.x), int16(at.y), uint16(at.width), uint16(at.height),
		0, xproto.WindowClassInputOutput, screen.RootVisual, xproto.CwBackPixel|xproto.CwEventMask, values).Check(); err != nil {
		return err
	}
	w.text("WM_NAME", xproto.AtomString, title)
	w.text("_NET_WM_NAME", w.atom("UTF8_STRING"), title)
	w.text("WM_CLASS", xproto.AtomString, "ewindow\x00E-Window\x00")
	w.remove = w.atom("WM_DELETE_WINDOW")
	w.atoms("WM_PROTOCOLS", xproto.AtomAtom, uint32(w.remove))
	if full {
		w.fill(screen)
	} else { // flags: the user's position and size; the other fields of WM_SIZE_HINTS are not used
		w.atoms("WM_NORMAL_HINTS", xproto.AtomWmSizeHints, append([]uint32{1 | 2, uint32(at.x), uint32(at.y), uint32(at.width), uint32(at.height)}, make([]uint32, 13)...)...)
	}
	return xproto.MapWindowChecked(w.conn, id).Check()
}

// fill asks a window manager, if there is one, for the whole screen, hides the pointer, and keeps the screen awake.
func (w *window) fill(screen *xproto.ScreenInfo) {
	w.atoms("_NET_WM_STATE", xproto.AtomAtom, uint32(w.atom("_NET_WM_STATE_FULLSCREEN")), uint32(w.atom("_NET_WM_STATE_ABOVE")))
	w.atoms("_MOTIF_WM_HINTS", w.atom("_MOTIF_WM_HINTS"), 2, 0, 0, 0, 0) // no decoration
	if pixmap, err := xproto.NewPixmapId(w.conn); err == nil {
		xproto.CreatePixmap(w.conn, 1, pixmap, xproto.Drawable(screen.Root), 1, 1)
		if gc, err := xproto.NewGcontextId(w.conn); err == nil { // a new pixmap has random content
			xproto.CreateGC(w.conn, gc, xproto.Drawable(pixmap), xproto.GcForeground, []uint32{0})
			xproto.PolyFillRectangle(w.conn, xproto.Drawable(pixmap), gc, []xproto.Rectangle{{Width: 1, Height: 1}})
		}
		if cursor, err := xproto.NewCursorId(w.conn); err == nil {
			xproto.CreateCursor(w.conn, cursor, pixmap, pixmap, 0, 0, 0, 0, 0, 0, 0, 0)
			xproto.ChangeWindowAttributes(w.conn, w.win, xproto.CwCursor, []uint32{uint32(cursor)})
		}
	}
	xproto.SetScreenSaver(w.conn, 0, 0, xproto.BlankingNotPreferred, xproto.ExposuresNotAllowed)
	if dpms.Init(w.conn) == nil {
		dpms.Disable(w.conn)
	}
}

func (w *window) atom(name string) xproto.Atom {
	r, err := xproto.InternAtom(w.conn, false, uint16(len(name)), name).Reply()
	if err != nil {
		return xproto.AtomNone
	}
	return r.Atom
}

func (w *window) text(property string, kind xproto.Atom, value string) {
	xproto.ChangeProperty(w.conn, xproto.PropModeReplace, w.win, w.atom(property), kind, 8, uint32(len(value)), []byte(value))
}

func (w *window) atoms(property string, kind xproto.Atom, values ...uint32) {
	b := make([]byte, 4*len(values))
	for i, v := range values {
		xgb.Put32(b[4*i:], v)
	}
	xproto.ChangeProperty(w.conn, xproto.PropModeReplace, w.win, w.atom(property), kind, 32, uint32(len(values)), b)
}

// listen follows the window until it is gone.
func (w *window) listen() {
	for {
		e, xerr := w.conn.WaitForEvent()
		if e == nil && xerr == nil {
			w.gone <- errors.New("the X display has gone")
			return
		}
		switch e := e.(type) {
		case xproto.ConfigureNotifyEvent:
			if e.Window == w.root { // a window manager has the last word; without one the window's own event follows
				xproto.ConfigureWindow(w.conn, w.win, xproto.ConfigWindowWidth|xproto.ConfigWindowHeight, []uint32{uint32(e.Width), uint32(e.Height)})
				continue
			}
			select {
			case <-w.sizes:
			default:
			}
			w.sizes <- area{width: int(e.Width), height: int(e.Height)} // there is room: nobody else sends
		case xproto.KeyPressEvent:
			w.press(e)
		case xproto.DestroyNotifyEvent:
			w.gone <- errors.New("the window was destroyed")
			return
		case xproto.ClientMessageEvent:
			if len(e.Data.Data32) > 0 && e.Data.Data32[0] == uint32(w.remove) {
				w.gone <- errors.New("the window was closed")
				return
			}
		}
	}
}
