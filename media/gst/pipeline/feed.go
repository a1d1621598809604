package pipeline

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"fmt"
	"time"
	"unsafe"
)

// Feed gives coded frames to the first element of a pipeline, and everything up to the pipeline's appsinks is done when Push or Gap
// returns. It is for what never blocks: a decoder before an appsink. One goroutine at a time may use it, none after Close.
type Feed struct{ gst *C.EwFeed }

// Feed puts one before the named element, which has to be the first, for data of these caps. Free it before Close.
func (p *Pipeline) Feed(element, caps string) (*Feed, error) {
	c := C.CString(caps)
	defer C.free(unsafe.Pointer(c))
	f := C.ew_feed(p.elements[element], c)
	if f == nil {
		return nil, fmt.Errorf("%q does not take %s", element, caps)
	}
	return &Feed{f}, nil
}

// Push copies a frame of the given time (ns of CLOCK_MONOTONIC) into the pipeline. It returns false when that is stopped or has
// failed.
func (f *Feed) Push(data []byte, at int64, duration time.Duration, discontinuous bool) bool {
	if len(data) == 0 {
		return true
	}
	var d C.int
	if discontinuous {
		d = 1
	}
	return C.ew_feed_push(f.gst, unsafe.Pointer(&data[0]), C.gsize(len(data)), C.gint64(at), C.guint64(duration), d) != 0
}

// Gap says that nothing came for so long.
func (f *Feed) Gap(at int64, duration time.Duration) bool {
	return C.ew_feed_gap(f.gst, C.gint64(at), C.guint64(duration)) != 0
}

// Free takes it away.
func (f *Feed) Free() { C.ew_feed_free(f.gst) }
