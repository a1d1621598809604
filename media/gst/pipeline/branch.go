package pipeline

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"errors"
	"time"
	"unsafe"
)

// Branch is a part of a pipeline behind a tee, from there to an appsink. It comes and goes while the pipeline plays, and
// the other branches notice nothing. A pipeline that is closed takes it along: End it before.
type Branch struct {
	tee, gst *C.GstElement
	out      *outlet
}

// Branch adds one behind the named tee, from GStreamer's own notation; sink is the name of its appsink.
func (p *Pipeline) Branch(tee, description, sink string) (*Branch, error) {
	cd, cs := C.CString(description), C.CString(sink)
	defer C.free(unsafe.Pointer(cd))
	defer C.free(unsafe.Pointer(cs))
	var e *C.char
	b := &Branch{tee: p.elements[tee]}
	if b.gst = C.ew_branch(b.tee, cd, &e); b.gst == nil {
		return nil, errors.New(take(e))
	}
	el := C.ew_get(b.gst, cs)
	err := error(nil)
	switch {
	case e != nil:
		err = errors.New(take(e))
	case el == nil:
		err = errors.New("the branch has no appsink of that name")
	default:
		b.out, err = newOutlet(el)
	}
	if err != nil {
		if el != nil {
			C.gst_object_unref(C.gpointer(el))
		}
		C.ew_branch_end(b.tee, b.gst)
		return nil, err
	}
	return b, nil
}

// Pull is as that of a Pipeline.
func (b *Branch) Pull(timeout time.Duration) (*Sample, error) { return b.out.pull(timeout) }

// End takes the branch away and frees it. Nobody may pull then.
func (b *Branch) End() {
	C.ew_branch_end(b.tee, b.gst)
	C.gst_object_unref(C.gpointer(b.out.sink))
	b.out.bell.close()
}
