package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"ewindow/media/engine/protocol"
	"ewindow/media/gst/card"
	"ewindow/media/testcard"
)

func screenRole(c protocol.ScreenConfig) protocol.Configure {
	return protocol.Configure{Role: protocol.Screen, Screen: &c}
}

var whole = area{width: 1280, height: 720}

func startScreen(t *testing.T, x *xserver) *child {
	t.Helper()
	return start(t, screenRole(protocol.ScreenConfig{Sink: "x11:" + x.display, Title: "Milano", Width: 1280, Height: 720}))
}

// relay sends a camera's access units to a screen until the test ends or stop is closed. As a window does, it has the camera
// give a keyframe when the screen begins anew: on a busy machine its decoder may fall behind.
func relay(from, to *child, stop <-chan struct{}) {
	relayVia(from, to, stop, func(_ int, picture []byte) [][]byte { return [][]byte{picture} })
}

// relayVia is relay over a line that makes of each picture, the first of which is number 1, what the screen is sent.
func relayVia(from, to *child, stop <-chan struct{}, line func(number int, picture []byte) [][]byte) {
	begun, sent := 0, 0
	for f := range from.stream() {
		if n := to.count(protocol.Ready) + to.count(protocol.Keyframe); n > begun {
			begun = n
			if protocol.WriteJSON(from.conn, protocol.TypeCommand, protocol.Command{Keyframes: []uint32{f.Stream}}) != nil {
				return
			}
		}
		select {
		case <-stop:
			return
		default:
		}
		f.Time = 0
		sent++
		for _, data := range line(sent, f.Data) {
			f.Data = data
			if protocol.WriteFrame(to.conn, f) != nil { // a test that ends ends its processes in turn
				return
			}
		}
	}
}

func TestCardsFillTheScreen(t *testing.T) {
	t.Parallel()
	x := startX(t, 1280, 720)
	k := startScreen(t, x)
	k.event(protocol.Ready, "x11 "+x.display, 3*time.Second)
	k.command(protocol.Command{Card: &protocol.Card{Title: "Milano – Barra A – Kitchen", Reason: "Closed", Next: "opens Mon 09:00"}})
	closed := 0
	x.sees("the card", whole, 2*time.Second, func(luma []byte) bool { closed = bright(luma); return closed > 8000 })
	k.command(protocol.Command{Card: &protocol.Card{Title: "Milano – Barra A – Kitchen", Reason: "The line is down", Next: "since 14:05", Notice: "No camera"}})
	x.sees("the next card", whole, 2*time.Second, func(luma []byte) bool { return bright(luma) > closed*3/2 })
	k.progresses(5, 3*time.Second)
	k.command(protocol.Command{Card: &protocol.Card{}})
	x.sees("an empty card", whole, 2*time.Second, func(luma []byte) bool { return bright(luma) < 100 })
	k.command(protocol.Command{Card: &protocol.Card{Title: "\xff\xfe\x00broken", Reason: strings.Repeat("long ", 5000), Next: "<b>&", Notice: strings.Repeat("ü", 3000)}})
	x.sees("a card of strange texts", whole, 3*time.Second, func(luma []byte) bool { return bright(luma) > 8000 })
}

func TestPicturesAndCards(t *testing.T) {
	t.Parallel()
	x := startX(t, 1280, 720)
	k := startScreen(t, x)
	k.event(protocol.Ready, "", 3*time.Second)
	cam := start(t, cameraRole(testCamera())) // 640x360: the screen scales
	go relay(cam, k, nil)
	var before uint32
	moving := func(newer uint32) func(uint16, uint32, bool) bool { // pictures that are newer than that
		first := uint32(0)
		return func(seed uint16, counter uint32, ok bool) bool {
			if !ok {
				return false
			}
			if seed != 7 || counter <= newer {
				t.Fatalf("seed %d, counter %d: a stale picture after %d", seed, counter, newer)
			}
			if first == 0 {
				first = counter
			}
			before = counter
			return counter > first+5
		}
	}
	for range 3 {
		k.command(protocol.Command{Card: &protocol.Card{Picture: true, Title: "Munich", Notice: "No microphone"}})
		x.shows("the picture", whole, 3*time.Second, moving(before))
		k.command(protocol.Command{Card: &protocol.Card{Title: "Munich", Reason: "The line is down"}})
		x.sees("the card", firstRow(whole), time.Second, plain) // a picture that could not be read is none
		looks := time.NewTicker(glance)
		for n := len(cam.took()); len(cam.took()) < n+15; <-looks.C { // while more pictures come
			if !plain(x.grab(firstRow(whole))) {
				_, n, ok := x.code(whole)
				t.Fatalf("something is shown under a card without pictures; it is picture %d: %v", n, ok)
			}
		}
		looks.Stop()
	}
}

// A picture is why the card makes room for pictures, so it may come first. It is shown, also if no other comes for seconds.
func TestThePictureBeforeItsCard(t *testing.T) {
	t.Parallel()
	x := startX(t, 1280, 720)
	k := startScreen(t, x)
	k.event(protocol.Ready, "", 3*time.Second)
	cam := start(t, cameraRole(testCamera()))
	f := cam.moreFrames(1, 5*time.Second)[0]
	f.Time = 0
	k.send(f)
	k.progresses(1, 3*time.Second)
	k.command(protocol.Command{Card: &protocol.Card{Picture: true, Title: "Munich"}})
	x.shows("the picture", whole, 3*time.Second, func(_ uint16, _ uint32, ok bool) bool { return ok })
}

func TestLastPictureIsHeldWhileNoneComes(t *testing.T) {
	t.Parallel()
	x := startX(t, 1280, 720)
	k := startScreen(t, x)
	k.command(protocol.Command{Card: &protocol.Card{Picture: true, Title: "Munich"}})
	cam := start(t, cameraRole(testCamera()))
	stop := make(chan struct{})
	go relay(cam, k, stop)
	x.shows("the picture", whole, 5*time.Second, func(_ uint16, n uint32, ok bool) bool { return ok && n > 10 })
	close(stop)
	k.progresses(5, 3*time.Second)
	if _, _, ok := x.code(whole); !ok {
		t.Error("the last picture is not held")
	}
	k.command(protocol.Command{Card: &protocol.Card{Picture: true, Title: "Munich", Notice: "No sound"}})
	if _, _, ok := x.code(whole); !ok {
		t.Error("a notice takes the picture away")
	}
}

func TestResolutionChangesInTheStream(t *testing.T) {
	t.Parallel()
	x := startX(t, 1280, 720)
	k := startScreen(t, x)
	k.command(protocol.Command{Card: &protocol.Card{Picture: true, Title: "Munich"}})
	for i, size := range [][2]int{{640, 360}, {1280, 720}, {320, 180}} {
		c := testCamera()
		c.Seed, c.Width, c.Height = uint16(100+i), size[0], size[1]
		cam, stop := start(t, cameraRole(c)), make(chan struct{})
		go relay(cam, k, stop)
		x.shows(fmt.Sprint(size), whole, 5*time.Second, func(seed uint16, n uint32, ok bool) bool {
			return ok && seed == c.Seed && n > 5
		})
		close(stop)
		_ = syscall.Kill(-cam.cmd.Process.Pid, syscall.SIGKILL)
	}
}

func TestGarbageAccessUnits(t *testing.T) {
	t.Parallel()
	x := startX(t, 1280, 720)
	k := startScreen(t, x)
	k.command(protocol.Command{Card: &protocol.Card{Picture: true, Title: "Munich"}})
	cam := start(t, cameraRole(testCamera()))
	good := cam.moreFrames(40, 5*time.Second)
	first := cam.took()[0]
	for i := range 60 {
		for _, data := range [][]byte{nil, {0}, {0, 0, 1}, {0, 0, 0, 1, 0x65}, bytes.Repeat([]byte{0, 0, 1, 0x67, 0x68, 0x65}, 50),
			first.Data[:len(first.Data)*i/60], bytes.Repeat([]byte{byte(i)}, 5000), append(bytes.Clone(first.Data), first.Data...)} {
			k.send(protocol.Frame{Data: data, Flags: byte(i & 1)})
		}
		bad := bytes.Clone(good[i%len(good)].Data)
		for j := 20 + i%7; j < len(bad); j += 31 {
			bad[j] ^= byte(i + j)
		}
		k.send(protocol.Frame{Data: bad})
	}
	k.send(protocol.Frame{Data: make([]byte, protocol.MaxMessage-13)})
	go relay(cam, k, nil)
	_, last := codes(t, cam.took(), 640, 360)
	asked := 0
	x.shows("pictures after garbage", whole, 8*time.Second, func(_ uint16, n uint32, ok bool) bool {
		if ready := k.count(protocol.Ready); ready > asked { // as ewindow does
			asked = ready
			cam.command(protocol.Command{Keyframes: []uint32{1}})
		}
		return ok && n > last[len(last)-1]
	})
}

// A picture of which a part cannot be decoded is not shown, and a keyframe is asked for: the encoder gives none by itself.
func TestAPictureThatCannotBeDecodedAsksForAKeyframe(t *testing.T) {
	scratched := func(b []byte) []byte {
		for i := len(b) / 3; i < len(b); i += 17 {
			b[i] ^= 0x5a
		}
		return b
	}
	for name, spoil := range map[string]func(picture []byte) [][]byte{
		"scratched": func(b []byte) [][]byte { return [][]byte{scratched(b)} },
		"cut":       func(b []byte) [][]byte { return [][]byte{b[:len(b)/2]} },
		"rubbish behind it": func(b []byte) [][]byte {
			return [][]byte{b, append([]byte{0, 0, 0, 1, 0x41, 0x9a}, bytes.Repeat([]byte{0xa7, 0x39, 0x5c}, 300)...)}
		},
		"a keyframe that is none": func(b []byte) [][]byte {
			return [][]byte{append([]byte{0, 0, 0, 1, 0x65, 0x88, 0x84}, bytes.Repeat([]byte{0x5b, 0x39, 0xac}, 300)...), b}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := startX(t, 1280, 720)
			k := startScreen(t, x)
			k.command(protocol.Command{Card: &protocol.Card{Picture: true, Title: "Munich"}})
			cam := start(t, cameraRole(testCamera()))
			go relayVia(cam, k, nil, func(sent int, picture []byte) [][]byte {
				if sent < 30 || k.count(protocol.Keyframe) > 0 { // not each can be told from a picture
					return [][]byte{picture}
				}
				return spoil(picture)
			})
			k.event(protocol.Keyframe, "cannot be decoded", 5*time.Second)
			x.shows("pictures that move", whole, 5*time.Second, func(_ uint16, n uint32, ok bool) bool { return ok && n > 60 })
		})
	}
}

func TestPlainWindow(t *testing.T) {
	t.Parallel()
	x := startX(t, 1280, 720)
	k := start(t, screenRole(protocol.ScreenConfig{Sink: "x11:" + x.display + ",640x360+300+200", Title: "Milano", Width: 1280, Height: 720}))
	if e := k.event(protocol.Ready, "x11", 3*time.Second); e.Server != x.cmd.Process.Pid {
		t.Errorf("the X server is process %d; it says %d", x.cmd.Process.Pid, e.Server)
	}
	k.command(protocol.Command{Card: &protocol.Card{Picture: true, Title: "Munich"}})
	cam := start(t, cameraRole(testCamera()))
	go relay(cam, k, nil)
	x.shows("the picture", area{640, 360, 300, 200}, 5*time.Second, func(seed uint16, _ uint32, ok bool) bool { return ok && seed == 7 })
	if n := bright(x.grab(area{1280, 190, 0, 0})); n > 0 {
		t.Errorf("%d bright pixels beside the window", n)
	}
}

// What is seen is turned clockwise: pictures and cards, and the texts over pictures.
func TestTurnedScreens(t *testing.T) {
	t.Parallel()
	texts := card.Texts{Title: "Munich", Reason: "Closed", Next: "opens Mon 09:00", Notice: "No camera"}
	for _, rotate := range []int{0, 90, 180, 270} {
		t.Run(fmt.Sprint(rotate), func(t *testing.T) {
			t.Parallel()
			x := startX(t, 1280, 720)
			k := start(t, screenRole(protocol.ScreenConfig{Sink: "x11:" + x.display, Rotate: rotate, Width: 1280, Height: 720}))
			at := area{width: 1280, height: 720}
			shown := at // of a picture of 16:9
			if rotate%180 != 0 {
				at = area{width: 720, height: 1280}
				shown = area{720, 405, 0, 437}
			}
			k.command(protocol.Command{Card: &protocol.Card{Title: texts.Title, Reason: texts.Reason, Next: texts.Next, Notice: texts.Notice}})
			want := card.Full(at.width, at.height, texts)
			x.sees("the card", whole, 3*time.Second, func(luma []byte) bool {
				for i, v := range turnedBack(luma, whole, rotate) {
					if d := int(v) - brightness(want.Pixels[4*i:]); d < -4 || d > 4 {
						return false
					}
				}
				return true
			})
			picture := start(t, cameraRole(testCamera())).moreFrames(1, 5*time.Second)[0] // one: a whole screen is not grabbed at once
			picture.Time = 0
			k.command(protocol.Command{Card: &protocol.Card{Picture: true, Title: "Munich"}})
			read := func(luma []byte) (letters int, ok bool) {
				luma = turnedBack(luma, whole, rotate)
				code := make([]byte, 0, shown.width*shown.height)
				for y := range shown.height {
					code = append(code, luma[(shown.y+y)*at.width+shown.x:][:shown.width]...)
				}
				seed, _, ok := testcard.Read(code, shown.width, shown.width, shown.height)
				for y := at.height * 4 / 5; y < at.height; y++ { // the texts are at the lower left
					for _, v := range luma[y*at.width:][:at.width/3] {
						if v > 200 {
							letters++
						}
					}
				}
				return letters, ok && seed == 7
			}
			title := 0
			x.sees("a picture with a title", whole, 3*time.Second, func(luma []byte) (ok bool) {
				k.send(picture) // again: one from before the card is not shown
				title, ok = read(luma)
				return ok && title > 0
			})
			k.command(protocol.Command{Card: &protocol.Card{Picture: true, Title: "Munich", Notice: "No microphone"}})
			x.sees("a picture with title and notice", whole, 3*time.Second, func(luma []byte) bool {
				n, ok := read(luma)
				return ok && n > title*3/2
			})
		})
	}
}

// turnedBack is a screen's picture as it was before it was turned clockwise.
func turnedBack(luma []byte, a area, rotate int) []byte {
	back := make([]byte, len(luma))
	for y := range a.height {
		for x := range a.width {
			i := y*a.width + x
			switch rotate {
			case 90: // what is at the right was at the top
				i = (a.width-1-x)*a.height + y
			case 180:
				i = len(luma) - 1 - i
			case 270:
				i = x*a.height + a.height - 1 - y
			}
			back[i] = luma[y*a.width+x]
		}
	}
	return back
}

// A sink that scales by itself gets a card in the shape of the screen that it is turned for.
func TestTurnedCardsFillASinkThatScales(t *testing.T) {
	t.Parallel()
	k := start(t, screenRole(protocol.ScreenConfig{Sink: "gst:video/x-raw,width=640,height=360 ! fakesink", Rotate: 270, Width: 640, Height: 360}))
	k.progresses(5, 3*time.Second)
}

// A monitor may wake after the window, or get another mode.
func TestTheScreenIsFilledAgainWhenItsModeChanges(t *testing.T) {
	t.Parallel()
	x := startX(t, 1280, 720)
	x.resize(1024, 600)
	k := startScreen(t, x)
	k.event(protocol.Ready, "", 3*time.Second)
	cam := start(t, cameraRole(testCamera()))
	go relay(cam, k, nil)
	for _, size := range []area{{width: 1280, height: 720}, {width: 640, height: 360}, {width: 1280, height: 720}} {
		x.resize(size.width, size.height)
		right := area{size.width / 10, size.height, size.width * 9 / 10, 0}
		k.command(protocol.Command{Card: &protocol.Card{Title: "Munich", Reason: "Closed"}})
		x.sees("a card at the right edge", right, 3*time.Second, func(luma []byte) bool { return luma[len(luma)-1] > 30 })
		k.command(protocol.Command{Card: &protocol.Card{Picture: true, Title: "Munich"}})
		x.shows(fmt.Sprint("a picture of ", size.width), size, 3*time.Second, func(seed uint16, _ uint32, ok bool) bool { return ok && seed == 7 })
		x.sees("a picture at the right edge", right, 3*time.Second, func(luma []byte) bool { return luma[len(luma)-1] > 100 })
	}
}

func TestAPlainWindowStaysWhenTheModeChanges(t *testing.T) {
	t.Parallel()
	x := startX(t, 1280, 720)
	x.resize(1024, 600)
	k := start(t, screenRole(protocol.ScreenConfig{Sink: "x11:" + x.display + ",640x360+100+100", Title: "Milano", Width: 1280, Height: 720}))
	k.command(protocol.Command{Card: &protocol.Card{Title: "Munich", Reason: "Closed"}})
	seen := func(luma []byte) bool { return bright(luma) > 300 }
	x.sees("the card", area{640, 360, 100, 100}, 3*time.Second, seen)
	x.resize(1280, 720)
	k.progresses(5, 3*time.Second)
	x.sees("the card", area{640, 360, 100, 100}, 3*time.Second, seen)
	if n := slices.Max(x.grab(area{530, 720, 750, 0})); n > 0 {
		t.Errorf("something of brightness %d beside the window", n)
	}
}

func TestTheScreenThatGoes(t *testing.T) {
	t.Parallel()
	x := startX(t, 640, 360)
	k := startScreen(t, x)
	k.event(protocol.Ready, "", 3*time.Second)
	x.stop()
	if status := k.ends(3 * time.Second); status != 1 {
		t.Errorf("status %d", status)
	}
}

func TestStoppedScreenStopsProgress(t *testing.T) {
	t.Parallel()
	k := start(t, screenRole(protocol.ScreenConfig{Sink: "none", Width: 640, Height: 360}))
	k.progresses(5, 3*time.Second)
	if err := syscall.Kill(k.cmd.Process.Pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	k.quiet(time.Second, 3*time.Second)
}

func TestSinkThatHangsStopsProgress(t *testing.T) {
	t.Parallel()
	k := start(t, screenRole(protocol.ScreenConfig{Sink: "gst:identity sleep-time=60000000 ! fakesink", Width: 640, Height: 360}))
	k.event(protocol.Ready, "", 3*time.Second)
	k.quiet(time.Second, 4*time.Second)
}

func TestScreenThatIsNotThere(t *testing.T) {
	t.Parallel()
	for sink, text := range map[string]string{
		"x11::999":                          "no X display there",
		"x11:host:0":                        "over the network",
		"x11::0,axb":                        "bad geometry; write x11::0,640x360+0+0",
		"gst:nonesuchsink":                  `no element "nonesuchsink"; check the word screen`,
		"gst:filesink location=/nonesuch/x": `"filesink" could record`,
		"gst:fakesink ! ! x":                "check the word screen",
		"billboard":                         `screen "billboard" is not known; use auto, kms`,
	} {
		t.Run(sink, func(t *testing.T) {
			t.Parallel()
			k := start(t, screenRole(protocol.ScreenConfig{Sink: sink, Width: 640, Height: 360}))
			t.Log(k.event(protocol.Failed, text, 3*time.Second).Text)
			if status := k.ends(time.Second); status != 1 {
				t.Errorf("status %d", status)
			}
		})
	}
}

func TestScreenWithoutAny(t *testing.T) {
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	if cards, _ := os.ReadDir("/dev/dri"); len(cards) > 0 {
		t.Log("this machine has a graphics card; auto finds it")
		return
	}
	k := start(t, screenRole(protocol.ScreenConfig{Sink: "auto", Width: 640, Height: 360}))
	k.event(protocol.Missing, "no screen: neither Wayland, X11 nor", 3*time.Second)
	k.event(protocol.Ready, "none", time.Second)
	k.progresses(5, 3*time.Second)
}

// libav is the decoder in software.
func libav(t *testing.T) videoDecoder {
	t.Helper()
	v, err := softwareDecoder()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestDecoderThatDoesNotKeepUpAsksForAKeyframe(t *testing.T) {
	gst(t)
	d := newDecoder(libav(t))
	cam := start(t, cameraRole(testCamera()))
	cam.moreFrames(1, 5*time.Second)
	key := cam.took()[0]
	d.put(protocol.Frame{Data: []byte{0, 0, 1, 0x41}})
	if len(d.waiting) != 0 {
		t.Error("an access unit before the first keyframe was taken")
	}
	for range waitingMost + 10 {
		d.put(key)
	}
	if err := d.run(t.Context()); err != errOverrun {
		t.Errorf("run ends with %v", err)
	}
	d.put(protocol.Frame{Data: []byte{0, 0, 1, 0x41}})
	if len(d.waiting) != 0 {
		t.Error("an access unit after the overrun was taken")
	}
	d.put(key)
	if len(d.waiting) != 1 {
		t.Error("a keyframe after the overrun was not taken")
	}
	for range 10 { // few, and large
		d.put(protocol.Frame{Data: append(bytes.Clone(key.Data), make([]byte, 3<<20)...)})
	}
	if n := len(d.waiting); n != 6 || d.bytes > waitingBytes {
		t.Errorf("%d access units of %d bytes wait", n, d.bytes)
	}
	d.reset()
	if d.bytes != 0 {
		t.Errorf("%d bytes are counted where nothing waits", d.bytes)
	}
}

// What arrived while the decoder started, or waited for its time, is as old as it is: none of it is shown after a card, or
// another call.
func TestPicturesAreAsOldAsTheirAccessUnits(t *testing.T) {
	gst(t)
	d := newDecoder(libav(t))
	cam := start(t, cameraRole(testCamera()))
	cam.moreFrames(1, 5*time.Second)
	key := cam.took()[0]
	from := monotonic()
	d.put(key)
	until := monotonic()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- d.run(ctx) }()
	p := <-d.pictures
	if p.Time < from || p.Time > until {
		t.Errorf("a picture is %v younger than its access unit", time.Duration(p.Time-until))
	}
	p.Free()
	cancel()
	<-ended
	s := &screen{decoder: d, news: make(chan struct{}, 1)}
	for range 3 {
		d.put(key)
	}
	s.Command(protocol.Command{Shown: 2})
	if len(d.waiting) != 0 || d.bytes != 0 {
		t.Errorf("%d access units of the call before still wait", len(d.waiting))
	}
	d.put(protocol.Frame{Data: []byte{0, 0, 1, 0x41}})
	if len(d.waiting) != 0 {
		t.Error("pictures of another call build on those of the one before")
	}
}
