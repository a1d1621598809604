package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	logins      = 20
	loginWithin = 2 * time.Second
)

// A flood opens connections without end and keeps so many of them open.
type flood struct {
	name  string
	files int                  // the registrar's limit of open files; 0: this process's
	kept  int                  //
	from  func(n int) net.IP   // the address that the n-th comes from
	tls   bool                 // to the TLS port
	share bool                 // to the shared port, by which windows log in then
	first func(net.Conn) error // what it sends; nil: nothing
}

// oneBlock is forty addresses of 127.9.0.0/24.
func oneBlock(n int) net.IP { return net.IPv4(127, 9, 0, byte(1+n%40)) }

// manyBlocks are 2,000 addresses, each of a block of its own.
func manyBlocks(n int) net.IP { return net.IPv4(127, byte(20+n/200%10), byte(n%200), 1) }

func floods() []flood {
	half := func(c net.Conn) error { _, err := c.Write([]byte{22, 3, 1, 2, 0, 1, 0}); return err }
	stun := func(c net.Conn) error { _, err := c.Write([]byte{0, 1, 0}); return err }
	whole := func(c net.Conn) error {
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		return tls.Client(c, &tls.Config{InsecureSkipVerify: true}).Handshake()
	}
	return []flood{
		{name: "no flood"},
		{name: "6,000 idle of one block", kept: 6000, from: oneBlock},
		{name: "6,000 idle of 2,000 blocks", kept: 6000, from: manyBlocks},
		{name: "6,000 half handshakes of one block", kept: 6000, from: oneBlock, tls: true, first: half},
		{name: "6,000 half handshakes of 2,000 blocks", kept: 6000, from: manyBlocks, tls: true, first: half},
		{name: "6,000 idle of 2,000 blocks at the shared port", kept: 6000, from: manyBlocks, share: true},
		{name: "6,000 half handshakes of one block at the shared port", kept: 6000, from: oneBlock, share: true, first: half},
		{name: "6,000 half handshakes of 2,000 blocks at the shared port", kept: 6000, from: manyBlocks, share: true, first: half},
		{name: "6,000 TLS that say nothing, of 2,000 blocks, at the shared port", kept: 6000, from: manyBlocks, share: true, first: whole},
		{name: "6,000 that begin STUN of 2,000 blocks at the shared port", kept: 6000, from: manyBlocks, share: true, first: stun},
		{name: "2,000 idle of one block, 1,024 files", files: 1024, kept: 2000, from: oneBlock},
		{name: "6,000 idle of 2,000 blocks, 1,024 files", files: 1024, kept: 6000, from: manyBlocks},
	}
}

// lockout prints whether windows and phones log in while others take all the places there are.
func lockout(ctx context.Context, o options) error {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err == nil && files.Cur < 10_000 {
		fmt.Printf("This machine lets the flood have %d open files; it wants 10,000 (ulimit -n).\n", files.Cur)
	}
	fmt.Printf("\nLogging in (TLS, REGISTER, digest) %d times while strangers flood; within %v each. A house: %d phones at one address.\n",
		logins, loginWithin, phones)
	for _, f := range floods() {
		if !o.only.MatchString(f.name) {
			continue
		}
		if err := f.measure(ctx, o); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return nil
}

func (f flood) measure(ctx context.Context, o options) (err error) {
	r, err := start(ctx, o.registrar, f.files)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	if f.share {
		r.windows = r.shared
	}
	house := make(house, phones)
	house.register(r, "127.10.0.1")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var opened atomic.Int64
	var flooding sync.WaitGroup
	begun := time.Now()
	if f.kept > 0 {
		flooding.Go(func() { f.run(ctx, r, &opened) })
		time.Sleep(3 * time.Second) // all places are taken
	}
	fmt.Printf("%s\n", f.name)
	_, most, _ := r.watch(func() {
		fmt.Printf("  a window elsewhere     %s\n", r.window("127.0.0.1"))
		fmt.Printf("  a window in the block  %s\n", r.window("127.9.0.200"))
		stayed := house.stayed()
		house.hangUp() // a power cut in that house, and all phones at once
		begun, first := time.Now(), 0
		for round := 0; round < 60 && house.registered() < phones && ctx.Err() == nil; round++ {
			if round > 0 {
				time.Sleep(time.Second)
			}
			house.register(r, "127.10.0.1")
			if round == 0 {
				first = house.registered()
			}
		}
		fmt.Printf("  a house                %d of %d stayed registered; all gone at once, %d came back at the first try, %d within %.1f s\n",
			stayed, phones, first, house.registered(), time.Since(begun).Seconds())
		house.hangUp()
	})
	rate := float64(opened.Load()) / time.Since(begun).Seconds()
	cancel()
	flooding.Wait()
	fmt.Printf("  the flood              %.0f new connections a second; the registrar: %d files, %.1f MB\n", rate, most.files, mb(most.rss))
	return nil
}

// run keeps the flood up until ctx ends.
func (f flood) run(ctx context.Context, r *registrar, opened *atomic.Int64) {
	const workers = 50
	addr := r.sip
	switch {
	case f.share:
		addr = r.shared
	case f.tls:
		addr = r.tls
	}
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			kept := make(chan struct{}, f.kept/workers)
			for n := w; ctx.Err() == nil; n += workers {
				select {
				case kept <- struct{}{}:
				case <-ctx.Done():
					return
				}
				d := net.Dialer{LocalAddr: &net.TCPAddr{IP: f.from(n)}}
				c, err := d.DialContext(ctx, "tcp", addr)
				if err != nil {
					<-kept
					time.Sleep(time.Millisecond)
					continue
				}
				opened.Add(1)
				if f.first != nil {
					_ = f.first(c)
				}
				all.Go(func() { // until the registrar closes it
					stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
					defer stop()
					_, _ = c.Read(make([]byte, 1))
					_ = c.Close()
					<-kept
				})
			}
		})
	}
	all.Wait()
}

// window logs in on a new connection each time, and says how often it did and how long that took.
func (r *registrar) window(from string) string {
	var took []time.Duration
	var last error
	for range logins {
		begun := time.Now()
		c, err := r.dial("milano", from, true)
		if err == nil {
			err = c.register()
			_ = c.Close()
		}
		if err != nil {
			last = err
			continue
		}
		took = append(took, time.Since(begun))
		time.Sleep(100 * time.Millisecond)
	}
	if len(took) == 0 {
		return fmt.Sprintf("0 of %d (%v)", logins, last)
	}
	slices.Sort(took)
	out := fmt.Sprintf("%d of %d, p50 %d ms, most %d ms", len(took), logins, took[len(took)/2].Milliseconds(), took[len(took)-1].Milliseconds())
	if last != nil {
		out += fmt.Sprintf(" (%v)", last)
	}
	return out
}

// A house is phones behind one address.
type house []*client

// register lets all phones that are not there register at once.
func (h house) register(r *registrar, at string) {
	var all sync.WaitGroup
	for i := range h {
		if h[i] != nil {
			continue
		}
		all.Go(func() {
			if c, err := r.dial(fmt.Sprint("phone", i), at, false); err == nil && c.register() == nil {
				h[i] = c
			} else if err == nil {
				_ = c.Close()
			}
		})
	}
	all.Wait()
}

func (h house) registered() (n int) {
	for _, c := range h {
		if c != nil {
			n++
		}
	}
	return n
}

func (h house) stayed() (n int) {
	for _, c := range h {
		if c != nil && c.alive() {
			n++
		}
	}
	return n
}

func (h house) hangUp() {
	for i, c := range h {
		if c != nil {
			_ = c.Close()
			h[i] = nil
		}
	}
}
