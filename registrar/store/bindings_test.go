package store

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"ewindow/registrar/location"
)

// A table's changes come through a restart, UDP ones alone.
func TestBindingsOutliveRestart(t *testing.T) {
	s, path := fresh(t)
	addAccount(t, s, "gone")
	table := location.New(location.Config{Changed: s.Note})
	reg := func(aor, transport string, seconds int) {
		t.Helper()
		_, err := table.Register(location.Registration{
			AOR: aor, CallID: "x", CSeq: uint32(seconds), Flow: location.Flow{Transport: transport, Remote: "192.0.2.7:5060"},
			Contacts: []location.Contact{{URI: "sip:" + aor + "@192.0.2.7", Params: ";q=0.5", Expires: time.Duration(seconds) * time.Second}},
		}, start)
		if err != nil {
			t.Fatal(err)
		}
	}
	reg("reception", "UDP", 600)
	reg("gone", "UDP", 600)
	reg("milano", "TLS", 600)
	reg("moved", "UDP", 600)
	if err := s.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	reg("moved", "TLS", 700) // same contact, now over a connection
	reg("brief", "UDP", 60)
	want := table.Lookup("reception", start)
	closeStore(t, s) // writes the rest
	s = open(t, path)
	if err := s.RemoveAccount(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	bs, err := s.Bindings(t.Context(), start.Add(2*time.Minute))
	if err != nil || len(bs) != 1 || fmt.Sprintf("%+v", bs) != fmt.Sprintf("%+v", want) {
		t.Errorf("got %+v, %v\nwant %+v", bs, err, want)
	}
	again := location.New(location.Config{})
	again.Restore(bs, start.Add(2*time.Minute))
	if bs := again.At("reception", "sip:reception@192.0.2.7", start.Add(2*time.Minute)); len(bs) != 1 || bs[0].Lost {
		t.Errorf("restored: %+v", bs)
	}
	table = location.New(location.Config{Changed: s.Note})
	table.Restore(bs, start)
	table.DropAccount("reception")
	closeStore(t, s)
	s = open(t, path)
	defer closeStore(t, s)
	if bs, err := s.Bindings(t.Context(), start); err != nil || len(bs) != 0 {
		t.Errorf("removed, yet there: %+v, %v", bs, err)
	}
}

func TestRunWritesInGroupsAndAtTheEnd(t *testing.T) {
	s, path := fresh(t)
	other := open(t, path)
	defer closeStore(t, other)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx, Events{}) }()
	for i := range 100 {
		s.Note(location.Change{Binding: udpBinding(fmt.Sprint("a", i), 600)})
	}
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := 0; n < 100; {
		select {
		case <-deadline:
			t.Fatalf("%d of 100 bindings were written", n)
		case <-tick.C:
		}
		bs, err := other.Bindings(t.Context(), start)
		if err != nil {
			t.Fatal(err)
		}
		if n = len(bs); n != 0 && n != 100 {
			t.Fatalf("half a group: %d", n)
		}
	}
	s.Note(location.Change{Binding: udpBinding("last", 600)})
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	bs, err := other.Bindings(t.Context(), start)
	if err != nil || !slices.ContainsFunc(bs, func(b location.Binding) bool { return b.AOR == "last" }) {
		t.Errorf("the last change was lost: %v", err)
	}
	closeStore(t, s)
}

// A write that fails loses nothing, and what came meanwhile is newer.
func TestFailedWriteIsKept(t *testing.T) {
	s, _ := fresh(t)
	defer closeStore(t, s)
	b := udpBinding("a", 600)
	s.Note(location.Change{Binding: b})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.flush(ctx); err == nil {
		t.Fatal("written without time to")
	}
	if len(s.pending) != 1 {
		t.Fatalf("%d pending", len(s.pending))
	}
	s.Note(location.Change{Binding: b, Removed: true})
	if err := s.flush(t.Context()); err != nil || len(s.pending) != 0 {
		t.Fatal(err, len(s.pending))
	}
	if bs, err := s.Bindings(t.Context(), start); err != nil || len(bs) != 0 {
		t.Errorf("%v, %v", bs, err)
	}
}

func TestPendingIsBounded(t *testing.T) {
	s, _ := fresh(t)
	for i := range maxPending + 10 {
		s.Note(location.Change{Binding: udpBinding(fmt.Sprint("a", i), 600), Removed: true})
	}
	if len(s.pending) != maxPending {
		t.Errorf("%d pending", len(s.pending))
	}
	clear(s.pending)
	closeStore(t, s)
}
