package proxy

import (
	"sync"
)

// work is what is under way: handlers, and what they leave to run after them. It ends once, and whoever ends it waits.
type work struct {
	over chan struct{} // closed when everything is to come to an end

	mu    sync.Mutex
	ended bool
	under sync.WaitGroup // added to under mu while not ended
}

func newWork() *work { return &work{over: make(chan struct{})} }

// enter counts something in, which leave counts out; false at the end: then it is not to begin.
func (w *work) enter() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return false
	}
	w.under.Add(1)
	return true
}

func (w *work) leave() { w.under.Done() }

// start runs f in the background, unless everything is ending.
func (w *work) start(f func()) {
	if !w.enter() {
		return
	}
	go func() {
		defer w.leave()
		f()
	}()
}

// end lets nothing begin any more and tells all that is under way; wait waits for that.
func (w *work) end() {
	w.mu.Lock()
	w.ended = true
	w.mu.Unlock()
	close(w.over)
}

func (w *work) wait() { w.under.Wait() }

// A quota bounds how much one account may have under way.
type quota struct {
	limit int
	mu    sync.Mutex
	held  map[string]int
}

func (q *quota) enter(account string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held[account] >= q.limit {
		return false
	}
	q.held[account]++
	return true
}

func (q *quota) leave(account string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held[account]--; q.held[account] <= 0 {
		delete(q.held, account)
	}
}
