package pipeline

/*
int ew_catch_fatal(void);
*/
import "C"

import "sync/atomic"

var fatal atomic.Pointer[func(text string)]

// OnFatal says who is told when GLib cannot go on, as a rule because there is no memory left. The process ends when f
// returns. f runs wherever that happened: it should say its word and take no locks that others may hold for long.
func OnFatal(f func(text string)) {
	fatal.Store(&f)
	C.ew_catch_fatal()
}

//export ewFatal
func ewFatal(text *C.char) {
	if f := fatal.Load(); f != nil {
		(*f)(C.GoString(text))
	}
}
