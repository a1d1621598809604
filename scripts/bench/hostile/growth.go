package hostile

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// resident is what this process holds of the machine's memory, as far as Go knows.
func resident() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64()) - int64(s[1].Value.Uint64())
}

// Growth runs f and says by how much the process grew meanwhile, at most.
func Growth(f func()) int64 {
	runtime.GC()
	debug.FreeOSMemory()
	before := resident()
	most := before
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, resident())
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	}()
	f()
	close(done)
	<-ended
	return most - before
}
