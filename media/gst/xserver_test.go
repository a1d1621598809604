package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/randr"
	"github.com/jezek/xgb/xproto"

	"ewindow/media/testcard"
)

// xserver is a display of the test's own, seen from outside.
type xserver struct {
	t       *testing.T
	cmd     *exec.Cmd
	display string
	conn    *xgb.Conn
}

// glance is the time between two looks at a screen. Whoever looks all the time takes a processor from those who draw.
const glance = 20 * time.Millisecond

func startX(t *testing.T, width, height int) *xserver {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", fmt.Sprintf("%dx%dx24", width, height), "-nolisten", "tcp")
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start Xvfb: %v; make test installs it", err)
	}
	_ = w.Close()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb does not say its display: %v", err)
	}
	x := &xserver{t: t, cmd: cmd, display: ":" + strings.TrimSpace(line)}
	t.Cleanup(x.stop)
	if x.conn, err = xgb.NewConnDisplay(x.display); err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *xserver) stop() {
	if x.cmd.ProcessState == nil {
		_ = x.cmd.Process.Signal(syscall.SIGTERM)
		_ = x.cmd.Wait()
	}
}

var randrInit sync.Mutex

// resize gives the display another mode, at most as large as it began with, of the millimetres of another one.
func (x *xserver) resize(width, height int) {
	x.t.Helper()
	randrInit.Lock() // the package fills maps of its own
	err := randr.Init(x.conn)
	randrInit.Unlock()
	if err != nil {
		x.t.Fatal(err)
	}
	root := xproto.Setup(x.conn).DefaultScreen(x.conn).Root
	r, err := randr.GetScreenResources(x.conn, root).Reply()
	if err != nil {
		x.t.Fatal(err)
	}
	for _, c := range r.Crtcs { // what is on would have to fit
		if _, err := randr.SetCrtcConfig(x.conn, c, 0, r.ConfigTimestamp, 0, 0, 0, randr.RotationRotate0, nil).Reply(); err != nil {
			x.t.Fatal(err)
		}
	}
	if err := randr.SetScreenSizeChecked(x.conn, root, uint16(width), uint16(height), 300, 200).Check(); err != nil {
		x.t.Fatal(err)
	}
}

// grab is what is to be seen at that place: luma, width*height bytes. It is of one moment: the server serves nobody else
// meanwhile, else pictures that come while this busy process reads would be seen half and half.
func (x *xserver) grab(a area) []byte {
	x.t.Helper()
	root := xproto.Setup(x.conn).DefaultScreen(x.conn).Root
	var strips []xproto.GetImageCookie
	xproto.GrabServer(x.conn)
	for y := 0; y < a.height; y += 120 { // a reply of the whole screen would be too large for some servers
		strips = append(strips, xproto.GetImage(x.conn, xproto.ImageFormatZPixmap, xproto.Drawable(root), int16(a.x), int16(a.y+y), uint16(a.width),
			uint16(min(120, a.height-y)), 0xffffffff))
	}
	xproto.UngrabServer(x.conn)
	luma := make([]byte, 0, a.width*a.height)
	for _, strip := range strips {
		r, err := strip.Reply()
		if err != nil {
			x.t.Fatal(err)
		}
		for p := r.Data; len(p) >= 4; p = p[4:] {
			luma = append(luma, byte(brightness(p)))
		}
	}
	return luma
}

// brightness is the luma of a pixel of blue, green and red.
func brightness(p []byte) int { return (int(p[2])*299 + int(p[1])*587 + int(p[0])*114) / 1000 }

// code reads the test picture's code on the screen. Only the part that has it is fetched: under the race detector a
// whole screen takes longer than a picture is shown.
func (x *xserver) code(a area) (seed uint16, counter uint32, ok bool) {
	c := code(a)
	part := x.grab(c)
	luma := make([]byte, a.width*a.height)
	for y := range c.height {
		copy(luma[y*a.width:], part[y*c.width:][:c.width])
	}
	return testcard.Read(luma, a.width, a.width, a.height)
}

// shows waits until the code on the screen satisfies look.
func (x *xserver) shows(what string, a area, within time.Duration, look func(seed uint16, counter uint32, ok bool) bool) {
	x.t.Helper()
	looks := time.NewTicker(glance)
	defer looks.Stop()
	for end := time.Now().Add(patience * within); time.Now().Before(end); <-looks.C {
		if look(x.code(a)) {
			return
		}
	}
	x.t.Fatalf("the screen does not show %s within %v", what, within)
}

// sees waits until the screen satisfies look.
func (x *xserver) sees(what string, a area, within time.Duration, look func(luma []byte) bool) {
	x.t.Helper()
	looks := time.NewTicker(glance)
	defer looks.Stop()
	for end := time.Now().Add(patience * within); time.Now().Before(end); <-looks.C {
		if look(x.grab(a)) {
			return
		}
	}
	x.t.Fatalf("the screen does not show %s within %v", what, within)
}

// bright is the number of pixels that are nearly white, which only letters are.
func bright(luma []byte) (n int) {
	for _, v := range luma {
		if v > 225 {
			n++
		}
	}
	return n
}

// code is where the test picture's code is.
func code(a area) area {
	columns, rows := testcard.Size(a.width)
	return area{columns, rows, a.x, a.y}
}

// firstRow is where the first row of its cells is; a card has no letters there.
func firstRow(a area) area {
	c := code(a)
	return area{c.width, c.height / testcard.Rows, a.x, a.y}
}

// plain says that nothing light is to be seen. In the code, whatever it says, the first cell is.
func plain(luma []byte) bool { return slices.Max(luma) < 128 }
