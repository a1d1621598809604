package answers

import (
	"strings"
	"testing"
	"time"

	"ewindow/dialplan"
)

func rome(t testing.TB) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func utc(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestExplain(t *testing.T) {
	at := utc(t, "2027-03-22 10:00")
	e := &dialplan.Explanation{
		Space: "milano", Display: "Milano – Barra A – Kitchen", At: at, Local: at.In(rome(t)), Open: true, OpenChanges: utc(t, "2027-03-22 11:00"),
		Partner: "munich", PartnerDisplay: "Munich – Hub – Bar", Caller: "munich", Rule: "the long window", Until: utc(t, "2027-03-29 07:00"),
		Opening: []dialplan.Reason{
			{Kind: "hours", Name: "Mo-Fr 09:00-12:00", File: "net.hcl", Line: 4, Column: 15, Decided: true, Why: "open from 09:00 to 12:00"},
			{Kind: "closed", Name: "summer", File: "net.hcl", Line: 5, Column: 3, Why: "is from 2027-08-09 to 2027-08-22 only, which is more than a line holds"},
		},
		Rules: []dialplan.Reason{
			{Kind: "link", Name: "the long window", File: "net.hcl", Line: 20, Column: 1, Partner: "munich", Decided: true, Why: "both are open"},
			{Kind: "rotation", Name: "tour", File: "net.hcl", Line: 30, Column: 1, Partner: "potsdam", Why: "came too late"},
		},
	}
	const want = `Milano – Barra A – Kitchen (milano)
Monday 22 March 2027, 11:00 Europe/Rome, UTC+1

  is     open, until 12:00
  sees   munich – Munich – Hub – Bar, until Mo 29 March 09:00
  calls  munich calls milano
  keys   end to end (DTLS): the two windows make them, and no registrar has them

Why it is open (later lines override earlier ones)
  ▶ hours "Mo-Fr 09:00-12:00": open from 09:00 to 12:00
    net.hcl:4:15
  · closed "summer": is from 2027-08-09 to 2027-08-22 only, which is more than a
    line holds
    net.hcl:5:3

Why it sees munich (the first rule that wants it has it)
  ▶ link "the long window" with munich: both are open
    net.hcl:20:1
  · rotation "tour" with potsdam: came too late
    net.hcl:30:1
`
	if got := Explain(e); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	nobody := &dialplan.Explanation{Space: "x", Display: "x", At: at, Local: at, OpenChanges: utc(t, "2028-01-03 07:00")}
	const wantNobody = `x
Monday 22 March 2027, 10:00 UTC

  is     closed, until Mo 3 January 2028 07:00
  sees   nobody, and that does not change within 400 days

Why it sees nobody
    no link and no rotation names it
`
	if got := Explain(nobody); got != wantNobody {
		t.Errorf("got\n%s\nwant\n%s", got, wantNobody)
	}
}

func TestDiff(t *testing.T) {
	old := parse(t, space("gone", "UTC", "24/7")+space("milano", "Europe/Rome", "24/7"))
	plan := parse(t, space("milano", "Europe/Rome", "24/7")+space("munich", "Europe/Berlin", "24/7"))
	from := utc(t, "2027-03-22 10:00")
	alone, munich, potsdam := dialplan.View{Open: true}, dialplan.View{Open: true, Partner: "munich", Caller: "milano", Rule: "a"},
		dialplan.View{Open: true, Partner: "potsdam", Caller: "milano", Rule: "b"}
	other := munich
	other.Caller, other.Rule = "munich", "c"
	changes := []dialplan.Change{
		{Space: "gone", From: from, Until: utc(t, "2027-04-05 10:00"), Was: alone, Removed: true},
		{Space: "milano", From: utc(t, "2027-03-26 08:00"), Until: utc(t, "2027-03-26 11:00"), Was: munich, Is: potsdam},
		{Space: "milano", From: utc(t, "2027-03-26 11:00"), Until: utc(t, "2027-03-26 12:00"), Was: munich, Is: other},
		{Space: "milano", From: utc(t, "2027-03-27 08:00"), Until: utc(t, "2027-03-27 11:00"), Was: munich, Is: potsdam},
		{Space: "milano", From: utc(t, "2027-03-28 07:00"), Until: utc(t, "2027-03-28 10:00"), Was: munich, Is: potsdam},
		{Space: "munich", From: utc(t, "2027-03-26 08:00"), Until: utc(t, "2027-03-26 11:00"), Was: dialplan.View{}, Is: alone, Added: true},
	}
	const want = `gone – is no more
  in UTC
  Mo 22 March 10:00 – Mo 5 April 10:00  closes

milano
  in Europe/Rome
  Fr 26 – Su 28 March  09:00–12:00  sees potsdam instead of munich
  Fr 26 March 12:00–13:00
      still sees munich: munich calls, not milano, by "c", not "a"

munich – is new
  in Europe/Berlin
  Fr 26 March  09:00–12:00  opens

3 windows change, from 2027-03-22 10:00 to 2027-04-05 10:00 UTC
1 of them sees somebody else or nobody, at some time
`
	if got := Diff(old, plan, from, changes); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := Diff(old, plan, from, nil); got != "No window notices: all show the same from 2027-03-22 10:00 to 2027-04-05 10:00 UTC.\n" {
		t.Errorf("no changes: %s", got)
	}
}

// Phones that may see the window while they show nothing are named.
func TestExplainUnseen(t *testing.T) {
	e := &dialplan.Explanation{Space: "milano", Display: "milano", Local: time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC), Unseen: []string{"door", "gate"}}
	if got := Explain(e); !strings.Contains(got, "\n  unseen door, gate may see it while showing nothing (picture = \"always\")\n") {
		t.Error(got)
	}
	e.Unseen = nil
	if got := Explain(e); strings.Contains(got, "unseen") {
		t.Error(got)
	}
}
