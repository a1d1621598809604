package notify

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"ewindow/dialplan/programme"
)

var t0 = time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)

// prog is a programme of two weeks with one link of an hour a day, at 10:00.
func prog(from time.Time) *programme.Programme {
	p := &programme.Programme{Version: 1, Space: "milano", Name: "Milano", Timezone: "Europe/Rome", Revision: "r" + from.String(),
		From: from, Until: from.AddDate(0, 0, 14)}
	day := from.Truncate(24 * time.Hour)
	for at := day.Add(10 * time.Hour); at.Before(p.Until); at = at.AddDate(0, 0, 1) {
		if at.Before(p.From) || at.Add(time.Hour).After(p.Until) {
			continue
		}
		span := programme.Span{From: at, Until: at.Add(time.Hour)}
		p.Open = append(p.Open, span)
		p.Links = append(p.Links, programme.Interval{Span: span, Partner: "munich", PartnerName: "Munich", Caller: "milano", Link: "l"})
	}
	p.Phones = []programme.Phone{{Account: "reception", Name: "Reception", Security: programme.SDES}}
	return p
}

func make1(p *programme.Programme) Maker {
	return func(string) (*programme.Programme, error) { return p, nil }
}

func ids(ns []Notice) string {
	s := ""
	for _, n := range ns {
		s += fmt.Sprintf("%s/%d ", n.ID, n.CSeq)
	}
	return s
}

func TestTable(t *testing.T) {
	var table Table
	at := t0
	expect := func(step, want string, m Maker) []Notice {
		t.Helper()
		got := table.Next(at, m)
		if ids(got) != want {
			t.Fatalf("%s: notices %q, want %q", step, ids(got), want)
		}
		return got
	}
	table.Add(Subscription{ID: "a", Space: "milano", Expires: at.Add(48 * time.Hour), CSeq: 1})
	expect("at once", "a/1 ", make1(prog(at)))
	table.PlanChanged()
	other := prog(at)
	other.Name = "Other"
	expect("one is under way", "", make1(other))
	table.Done("a", true)
	expect("the change waited", "a/2 ", make1(other))
	table.Done("a", true)
	table.PlanChanged()
	expect("nothing new for this window", "", make1(other))

	if err := table.Refresh("a", 1, at.Add(time.Hour), at); !errors.Is(err, ErrOutOfOrder) {
		t.Errorf("an older SUBSCRIBE: %v", err)
	}
	if err := table.Refresh("b", 1, at.Add(time.Hour), at); !errors.Is(err, ErrUnknown) {
		t.Errorf("an unknown dialog: %v", err)
	}
	if err := table.Refresh("a", 2, at.Add(48*time.Hour), at); err != nil {
		t.Error(err)
	}
	expect("a refresh", "a/3 ", make1(other))
	table.Lost("a")
	expect("no way to the window", "", make1(other))
	table.Reachable("munich")
	expect("another came back", "", make1(other))
	table.Reachable("milano")
	expect("it came back", "a/4 ", make1(other))
	table.Done("a", true)

	if got := table.Wake(); !got.Equal(at.Add(Daily)) {
		t.Errorf("wakes at %v", got)
	}
	at = at.Add(Daily)
	expect("a day later", "a/5 ", make1(other))
	table.Done("a", true)
	table.PlanChanged()
	expect("a programme that cannot be made", "", func(string) (*programme.Programme, error) { return nil, errors.New("x") })
	table.PlanChanged()
	if got := expect("the space is gone", "a/6 ", make1(nil)); !got[0].Last {
		t.Error("the subscription goes on")
	}
	table.Done("a", true)
	if table.Len() != 0 {
		t.Error("it is not over")
	}
}

func TestEnds(t *testing.T) {
	var table Table
	table.Add(Subscription{ID: "refused", Space: "a", Expires: t0.Add(time.Hour)})
	table.Add(Subscription{ID: "ended", Space: "b", Expires: t0.Add(time.Hour)})
	table.Add(Subscription{ID: "expired", Space: "c", Expires: t0.Add(time.Hour)})
	for _, n := range table.Next(t0, make1(prog(t0))) {
		if dropped := table.Done(n.ID, n.ID != "refused"); dropped != (n.ID == "refused") {
			t.Errorf("%s: dropped %v", n.ID, dropped)
		}
	}
	if err := table.Refresh("ended", 1, t0, t0); err != nil {
		t.Fatal(err)
	}
	if got := table.Next(t0, make1(prog(t0))); len(got) != 1 || !got[0].Last || got[0].Programme == nil {
		t.Errorf("the last NOTIFY: %+v", got)
	}
	table.Done("ended", true)
	if !table.Has("expired") || table.Len() != 1 {
		t.Errorf("%d are left", table.Len())
	}
	if got := table.Next(t0.Add(2*time.Hour), make1(prog(t0))); len(got) != 0 || table.Len() != 0 {
		t.Errorf("after its time: %v, %d left", got, table.Len())
	}
}

func TestBound(t *testing.T) {
	var table Table
	for i := range 100 {
		table.Add(Subscription{ID: fmt.Sprint(i), Space: "milano", Contact: fmt.Sprint(i), Expires: t0.Add(time.Hour)})
	}
	table.Add(Subscription{ID: "munich", Space: "munich", Expires: t0.Add(time.Hour)})
	if table.Len() != maxPerSpace+1 || !table.Has("99") || table.Has("0") {
		t.Errorf("%d subscriptions", table.Len())
	}
	table.Add(Subscription{ID: "again", Space: "munich", Expires: t0.Add(time.Hour)})
	if table.Has("munich") || !table.Has("again") {
		t.Error("a window's new subscription does not take the place of its old one")
	}
}
