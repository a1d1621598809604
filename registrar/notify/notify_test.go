package notify

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

var t0 = time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// text is a state for tests.
type text string

func (s text) Same(other State) bool      { return s == other }
func (s text) Encode(int) ([]byte, error) { return []byte(s), nil }

type (
	table        = Table[string]
	subscription = Subscription[string]
	notice       = Notice[string]
)

func says(s State) Maker[string] { return func(subscription) (State, error) { return s, nil } }

func ids(ns []notice) string {
	s := ""
	for _, n := range ns {
		s += fmt.Sprintf("%s/%d ", n.ID, n.CSeq)
	}
	return s
}

// add and refresh are a SUBSCRIBE with its answer.
func add(t *table, s subscription) {
	t.Add(s)
	t.Answered(s.ID)
}

func refresh(t *table, id string, cseq uint32, expires, now time.Time, dialog func(*string)) error {
	defer t.Answered(id)
	return t.Refresh(id, cseq, expires, now, dialog)
}

// Whatever else wakes the notifier, a NOTIFY does not leave before the answer to its SUBSCRIBE.
func TestAnswerLeavesFirst(t *testing.T) {
	var table table
	table.Add(milano("a"))
	table.Changed("plan")
	if got := table.Next(t0, says(text("x"))); len(got) > 0 {
		t.Errorf("before the first answer: %s", ids(got))
	}
	table.Answered("a")
	if got := table.Next(t0, says(text("x"))); ids(got) != "a/1 " {
		t.Errorf("after it: %q", ids(got))
	}
	table.Done("a", true)
	if err := table.Refresh("a", 2, t0.Add(day), t0, nil); err != nil {
		t.Fatal(err)
	}
	if got := table.Next(t0, says(text("x"))); len(got) > 0 {
		t.Errorf("before the second answer: %s", ids(got))
	}
	table.Answered("a")
	if got := table.Next(t0, says(text("x"))); ids(got) != "a/2 " {
		t.Errorf("after it: %q", ids(got))
	}
}

func milano(id string) subscription {
	return subscription{ID: id, Event: "plan", Resource: "milano", Subscriber: "milano", Expires: t0.Add(2 * day), CSeq: 1, Fresh: day}
}

func TestTable(t *testing.T) {
	var table table
	at := t0
	expect := func(step, want string, m Maker[string]) []notice {
		t.Helper()
		got := table.Next(at, m)
		if ids(got) != want {
			t.Fatalf("%s: notices %q, want %q", step, ids(got), want)
		}
		return got
	}
	add(&table, milano("a"))
	expect("at once", "a/1 ", says(text("first")))
	table.Changed("plan")
	other := says(text("other"))
	expect("one is under way", "", other)
	table.Done("a", true)
	expect("the change waited", "a/2 ", other)
	table.Done("a", true)
	table.Changed("plan")
	expect("nothing new for this subscriber", "", other)
	table.Changed("lamp")
	expect("another package", "", says(text("not its business")))

	if err := refresh(&table, "a", 1, at.Add(time.Hour), at, nil); !errors.Is(err, ErrOutOfOrder) {
		t.Errorf("an older SUBSCRIBE: %v", err)
	}
	if err := refresh(&table, "b", 1, at.Add(time.Hour), at, nil); !errors.Is(err, ErrUnknown) {
		t.Errorf("an unknown dialog: %v", err)
	}
	if err := refresh(&table, "a", 2, at.Add(2*day), at, func(d *string) { *d = "moved" }); err != nil {
		t.Error(err)
	}
	if got := expect("a refresh", "a/3 ", other); got[0].Dialog != "moved" {
		t.Errorf("its dialog is %q", got[0].Dialog)
	}
	table.Lost("a")
	expect("no way to the subscriber", "", other)
	table.Reachable("munich")
	expect("another came back", "", other)
	table.Reachable("milano")
	expect("it came back", "a/4 ", other)
	table.Done("a", true)

	if got := table.Wake(); !got.Equal(at.Add(day)) {
		t.Errorf("wakes at %v", got)
	}
	at = at.Add(day)
	expect("a day later", "a/5 ", other)
	table.Done("a", true)
	table.Changed("plan")
	expect("a state that cannot be made", "", func(subscription) (State, error) { return nil, errors.New("x") })
	table.Changed("plan")
	if got := expect("the resource is gone", "a/6 ", says(nil)); !got[0].Last {
		t.Error("the subscription goes on")
	}
	table.Done("a", true)
	if table.Len() != 0 {
		t.Error("it is not over")
	}
}

func TestEnds(t *testing.T) {
	var table table
	for _, name := range []string{"refused", "ended", "expired"} {
		add(&table, subscription{ID: name, Subscriber: name, Expires: t0.Add(time.Hour)})
	}
	for _, n := range table.Next(t0, says(text("x"))) {
		if dropped := table.Done(n.ID, n.ID != "refused"); dropped != (n.ID == "refused") {
			t.Errorf("%s: dropped %v", n.ID, dropped)
		}
	}
	if err := refresh(&table, "ended", 1, t0, t0, nil); err != nil {
		t.Fatal(err)
	}
	if got := table.Next(t0, says(text("x"))); len(got) != 1 || !got[0].Last || got[0].State == nil {
		t.Errorf("the last NOTIFY: %+v", got)
	}
	table.Done("ended", true)
	if !table.Has("expired") || table.Len() != 1 {
		t.Errorf("%d are left", table.Len())
	}
	if got := table.Next(t0.Add(2*time.Hour), says(text("x"))); len(got) != 0 || table.Len() != 0 {
		t.Errorf("after its time: %v, %d left", got, table.Len())
	}
}

// A NOTIFY that nobody answers comes again, more and more seldom, and says what is so by then; the subscription stays.
func TestUnanswered(t *testing.T) {
	var table table
	add(&table, milano("a"))
	at, sent := t0, []time.Duration{}
	for range 9 {
		got := table.Next(at, says(text(at.String())))
		if len(got) != 1 || got[0].State != text(at.String()) {
			t.Fatalf("after %v: %+v", at.Sub(t0), got)
		}
		sent = append(sent, at.Sub(t0))
		table.Unanswered("a", at)
		if early := table.Next(at, says(text("early"))); len(early) > 0 {
			t.Fatalf("after %v again at once", at.Sub(t0))
		}
		at = table.Wake()
	}
	if got, want := fmt.Sprint(sent), "[0s 1s 3s 7s 15s 31s 1m3s 2m3s 3m3s]"; got != want {
		t.Errorf("sent after %s, want %s", got, want)
	}
	table.Reachable("milano")
	if got := table.Next(at.Add(-time.Second), says(text("x"))); len(got) != 1 {
		t.Error("it registered anew and is kept waiting")
	}
	table.Done("a", true)
	table.Changed("plan")
	table.Next(at, says(text("y")))
	table.Unanswered("a", at)
	if got := table.Wake(); !got.Equal(at.Add(firstRetry)) {
		t.Errorf("after an answer the row begins anew: next try after %v", got.Sub(at))
	}
}

func TestBound(t *testing.T) {
	var table table
	for i := range 100 {
		s := milano(fmt.Sprint(i))
		s.Contact = s.ID
		add(&table, s)
	}
	add(&table, subscription{ID: "munich", Event: "plan", Subscriber: "munich", Expires: t0.Add(time.Hour)})
	if table.Len() != maxEach+1 || !table.Has("99") || table.Has("0") {
		t.Errorf("%d subscriptions", table.Len())
	}
	add(&table, subscription{ID: "lamp", Event: "lamp", Subscriber: "munich", Expires: t0.Add(time.Hour)})
	add(&table, subscription{ID: "again", Event: "plan", Subscriber: "munich", Expires: t0.Add(time.Hour)})
	if table.Has("munich") || !table.Has("again") || !table.Has("lamp") {
		t.Error("a window's new subscription takes the place of its old one to the same package, and of no other")
	}
}

// Whoever waits for the answer to a NOTIFY is told when its subscription is no more, whatever ended it.
func TestGone(t *testing.T) {
	ends := map[string]func(*table){
		"another takes its place": func(table *table) {
			next := milano("b")
			add(table, next)
		},
		"the account is gone": func(table *table) { table.Drop("milano") },
		"it is not wanted":    func(table *table) { table.Done("a", false) },
		"four more of the kind": func(table *table) {
			for _, id := range []string{"w", "x", "y", "z"} {
				s := milano(id)
				s.Contact = id
				add(table, s)
			}
		},
	}
	for name, end := range ends {
		var table table
		add(&table, milano("a"))
		n := table.Next(t0, says(text("first")))[0]
		table.Unanswered("a", t0)
		select {
		case <-n.Gone:
			t.Errorf("%s: gone while it stands", name)
		default:
		}
		end(&table)
		select {
		case <-n.Gone:
		default:
			t.Errorf("%s: nobody is told", name)
		}
	}
}
