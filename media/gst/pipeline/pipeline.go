// Package pipeline is the thin layer between this program and GStreamer (1.22 or newer): build a pipeline from its
// text, start it, hear its errors, and move coded frames and pictures in and out.
//
// All pipelines run on CLOCK_MONOTONIC, so a time here means the same in every process of this machine.
package pipeline

/*
#cgo CFLAGS: -O3 -Wall -Wextra
#cgo pkg-config: gstreamer-1.0 gstreamer-app-1.0 gstreamer-video-1.0
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// Init starts GStreamer; call it once, before anything else of this package.
func Init() error {
	if e := C.ew_init(); e != nil {
		return fmt.Errorf("start GStreamer: %s; install gstreamer1.0-plugins-base", take(e))
	}
	return nil
}

// FreeMemory gives memory that is free, in C and in Go, back to the system. It takes milliseconds; call it after
// something large and rare.
func FreeMemory() {
	debug.FreeOSMemory()
	C.ew_trim()
}

// KeepLargeApart has C take what is large, as pictures are, from the system and give it back as soon as it is free, for good.
// It is for who makes few pictures anew and mostly uses those of before again: each new one costs the system's work of
// clearing it.
func KeepLargeApart() { C.ew_large_apart() }

// Has says whether this machine has the named element.
func Has(element string) bool {
	c := C.CString(element)
	defer C.free(unsafe.Pointer(c))
	return C.ew_has(c) != 0
}

// HasSince says whether this machine has the named element, of that version of GStreamer or a newer one.
func HasSince(element string, major, minor int) bool {
	c := C.CString(element)
	defer C.free(unsafe.Pointer(c))
	return C.ew_has_since(c, C.guint(major), C.guint(minor)) != 0
}

// Pipeline is a graph of elements. Its methods may be called from several goroutines, except Close, which is last.
type Pipeline struct {
	gst      *C.GstElement
	elements map[string]*C.GstElement // those with a name that were asked for
	outlets  map[string]*outlet       // those of them that are appsinks
	bus      *C.EwBus                 // its messages
	said     *bell                    // rung when there is one
	stopped  atomic.Bool
}

// RecordsError says that an element could record: it would write what it is given to a file, or send it somewhere.
type RecordsError struct{ Element string }

// Error names the element and says what to do.
func (e *RecordsError) Error() string {
	return fmt.Sprintf("%q could record, which a window never does: take it out; pictures go to a screen, sound to a loudspeaker (as pulsesink)", e.Element)
}

// New builds a pipeline from GStreamer's own notation, with the names of the elements that will be asked for later. None
// may be one that could record (RecordsError).
func New(description string, names ...string) (*Pipeline, error) {
	c := C.CString(description)
	defer C.free(unsafe.Pointer(c))
	var e *C.char
	gst := C.ew_parse(c, &e)
	if gst == nil {
		return nil, errors.New(take(e))
	}
	if name := take(C.ew_recorder(gst)); name != "" {
		C.gst_object_unref(C.gpointer(gst))
		return nil, &RecordsError{name}
	}
	C.ew_watch_recorders(gst)
	p := &Pipeline{gst: gst, elements: map[string]*C.GstElement{}, outlets: map[string]*outlet{}}
	b, err := newBell()
	if err != nil {
		p.Close()
		return nil, err
	}
	p.said, p.bus = b, C.ew_bus(gst, C.int(b.fd))
	for _, n := range names {
		cn := C.CString(n)
		el := C.ew_get(gst, cn)
		C.free(unsafe.Pointer(cn))
		if el == nil {
			p.Close()
			return nil, fmt.Errorf("pipeline has no element named %q", n)
		}
		p.elements[n] = el
		if C.ew_is_sink(el) == 0 {
			continue
		}
		if p.outlets[n], err = newOutlet(el); err != nil {
			delete(p.outlets, n)
			p.Close()
			return nil, err
		}
	}
	return p, nil
}

// SetLatency fixes how much later than its time stamp a sink plays a buffer; else the slowest element decides.
func (p *Pipeline) SetLatency(d time.Duration) { C.ew_latency(p.gst, C.guint64(d.Nanoseconds())) }

// Start sets the pipeline playing. An error says which element failed and why.
func (p *Pipeline) Start() error {
	p.stopped.Store(false)
	if C.ew_play(p.gst) != 0 {
		return nil
	}
	for range 8 { // the reason is on the bus by now
		if m := p.Next(0); m.Err != nil {
			return m.Err
		}
	}
	return errors.New("the pipeline does not start, and no element says why")
}

// Stop ends all streaming and frees the devices; whoever waits in Pull gets io.EOF, and in Next no message. It may hang if a
// driver does.
func (p *Pipeline) Stop() {
	C.ew_stop(p.gst)
	p.stopped.Store(true)
	if p.said != nil {
		C.ew_ring(C.int(p.said.fd))
	}
	for _, o := range p.outlets {
		C.ew_ring(C.int(o.bell.fd))
	}
}

// Close stops the pipeline and frees it. Nobody may use it then.
func (p *Pipeline) Close() {
	p.Stop()
	for _, e := range p.elements {
		C.gst_object_unref(C.gpointer(e))
	}
	C.gst_object_unref(C.gpointer(p.gst))
	for _, o := range p.outlets {
		o.bell.close()
	}
	if p.bus != nil {
		C.ew_bus_free(p.bus)
		p.said.close()
	}
}

// Message is what a pipeline says. At most one of the fields is set; none when nothing was said in time.
type Message struct {
	Err     *Error
	End     bool // all sinks have seen the end of the stream
	IsLevel bool
	LevelDB float64 // dBFS, from a level element
	Code    string  // what a QR code holds, from zbar
}

// Error is what went wrong in an element.
type Error struct {
	Element string // its path within the pipeline, "pipeline0/mic/alsasrc0"
	Text    string
	Detail  string // what GStreamer adds for programmers
}

// Error says which element it was and what happened.
func (e *Error) Error() string {
	name := e.Element[strings.LastIndexByte(e.Element, ':')+1:]
	_, detail, _ := strings.Cut(e.Detail, "\n") // the first line is a place in the source
	detail, _, _ = strings.Cut(strings.TrimSpace(detail), "\n")
	if detail == "" {
		return fmt.Sprintf("%s: %s", name, e.Text)
	}
	return fmt.Sprintf("%s: %s (%s)", name, e.Text, detail)
}

// Next waits for a message, at most so long, and not after Stop.
func (p *Pipeline) Next(timeout time.Duration) Message {
	deadline := time.Now().Add(timeout)
	m := C.ew_next(p.bus)
	for m.kind == C.EW_NONE && timeout > 0 && !p.stopped.Load() && p.said.wait(deadline) {
		m = C.ew_next(p.bus)
	}
	source, text, detail := take(m.source), take(m.text), take(m.detail)
	switch m.kind {
	case C.EW_ERROR:
		return Message{Err: &Error{Element: source, Text: text, Detail: detail}}
	case C.EW_EOS:
		return Message{End: true}
	case C.EW_CODE:
		return Message{Code: text}
	case C.EW_LEVEL:
		return Message{IsLevel: true, LevelDB: float64(m.level)}
	}
	return Message{}
}

// Set sets a property of a named element from its text. The property must exist.
func (p *Pipeline) Set(element, property, value string) {
	cp, cv := C.CString(property), C.CString(value)
	defer C.free(unsafe.Pointer(cp))
	defer C.free(unsafe.Pointer(cv))
	C.ew_set(p.elements[element], cp, cv)
}

// TrySet is Set for a property that not every version of the element has; it says whether this one does.
func (p *Pipeline) TrySet(element, property, value string) bool {
	cp, cv := C.CString(property), C.CString(value)
	defer C.free(unsafe.Pointer(cp))
	defer C.free(unsafe.Pointer(cv))
	return C.ew_may_set(p.elements[element], cp, cv) != 0
}

// ForceKeyframe asks the named encoder for an IDR picture.
func (p *Pipeline) ForceKeyframe(encoder string) { C.ew_force_keyframe(p.elements[encoder]) }

// SetWindow gives a sink for X the window that it draws in.
func (p *Pipeline) SetWindow(sink string, xid uint32) {
	C.ew_window(p.elements[sink], C.guint64(xid))
}

// Resized tells a sink for X that its window has another size.
func (p *Pipeline) Resized(sink string) { C.ew_resized(p.elements[sink]) }

// Sample is a buffer that came out of a pipeline: a coded frame or a picture. Free it once.
type Sample struct {
	gst           *C.GstSample
	Time          int64 // of capture, ns of CLOCK_MONOTONIC; 0 if unknown
	Size          int   // bytes
	Key           bool  // needs no other to be decoded
	Damaged       bool  // a driver says that a part of it could not be decoded; see Damages
	Width, Height int   // of a picture, else 0
}

// ErrTimeout is returned by Pull when nothing came in time.
var ErrTimeout = errors.New("no buffer in time")

// Pull waits for the next buffer of the named appsink. At the end of the stream, or after Stop, it returns io.EOF.
func (p *Pipeline) Pull(sink string, timeout time.Duration) (*Sample, error) {
	return p.outlets[sink].pull(timeout)
}

// outlet is an appsink, and the bell that it rings when there is something to fetch.
type outlet struct {
	sink *C.GstElement
	bell *bell
	ring sync.Once // from the first time that somebody waits on
}

func newOutlet(sink *C.GstElement) (*outlet, error) {
	b, err := newBell()
	if err != nil {
		return nil, err
	}
	return &outlet{sink: sink, bell: b}, nil
}

func (o *outlet) pull(timeout time.Duration) (*Sample, error) {
	if timeout > 0 {
		o.ring.Do(func() { C.ew_ring_samples(o.sink, C.int(o.bell.fd)) })
	}
	var ended C.int
	deadline := time.Now().Add(timeout)
	s := C.ew_pull(o.sink, &ended)
	for ; s == nil; s = C.ew_pull(o.sink, &ended) {
		if ended != 0 {
			return nil, io.EOF
		}
		if timeout <= 0 || !o.bell.wait(deadline) {
			return nil, ErrTimeout
		}
	}
	i := C.ew_info(s, o.sink)
	return &Sample{gst: s, Time: int64(i.time), Size: int(i.size), Key: i.key != 0, Damaged: i.damaged != 0,
		Width: int(i.width), Height: int(i.height)}, nil
}

// Bytes copies the content.
func (s *Sample) Bytes() []byte { return s.Append(nil) }

// Append appends the content to b.
func (s *Sample) Append(b []byte) []byte {
	b = slices.Grow(b, s.Size)
	if s.Size == 0 {
		return b
	}
	n := len(b)
	return b[:n+int(C.ew_read(s.gst, unsafe.Pointer(unsafe.SliceData(b[n:n+1])), C.gsize(s.Size)))]
}

// Free gives the buffer back.
func (s *Sample) Free() { C.gst_sample_unref(s.gst) }

// PushSample puts a buffer of another pipeline into the named appsrc without copying it; the format stays that of the
// appsrc. The caller still owns s. It returns false when the pipeline is stopped.
func (p *Pipeline) PushSample(src string, s *Sample, at int64) bool {
	return C.ew_push_sample(p.elements[src], s.gst, C.gint64(at), 0) != 0
}

// PushFormatted is PushSample that also gives the appsrc the buffer's format.
func (p *Pipeline) PushFormatted(src string, s *Sample, at int64) bool {
	return C.ew_push_sample(p.elements[src], s.gst, C.gint64(at), 1) != 0
}

// Push copies data into the named appsrc, as captured or to be shown at the given time (ns of CLOCK_MONOTONIC).
// It returns false when the pipeline is stopped.
func (p *Pipeline) Push(src string, data []byte, at int64, duration time.Duration, discontinuous bool) bool {
	if len(data) == 0 {
		return true
	}
	var d C.int
	if discontinuous {
		d = 1
	}
	return C.ew_push(p.elements[src], unsafe.Pointer(&data[0]), C.gsize(len(data)), C.gint64(at), C.guint64(duration), d) != 0
}

// PushPicture copies a picture of 4 bytes a pixel (blue, green, red, unused) into the named appsrc, whatever format it
// had before, to be shown now. It returns false when the pipeline is stopped.
func (p *Pipeline) PushPicture(src string, bgrx []byte, width, height int) bool {
	if width <= 0 || height <= 0 || len(bgrx) < width*height*4 {
		return true
	}
	return C.ew_push_picture(p.elements[src], unsafe.Pointer(&bgrx[0]), C.int(width), C.int(height)) != 0
}

// Queued is the number of buffers that wait in the named appsrc.
func (p *Pipeline) Queued(src string) int { return int(C.ew_queued(p.elements[src])) }

func take(s *C.char) string {
	if s == nil {
		return ""
	}
	defer C.g_free(C.gpointer(s))
	return C.GoString(s)
}
