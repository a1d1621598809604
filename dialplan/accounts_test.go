package dialplan

import "testing"

func TestCompareAccounts(t *testing.T) {
	p := plan(t, `space "milano" {
  timezone = "Europe/Rome"
  open     = "24/7"
}
phone "reception" {
  number   = "100"
  may_dial = [milano]
}
group "all" {
  members = [milano]
}
`)
	for _, c := range []struct {
		have []string
		want string
	}{
		{[]string{"milano", "reception"}, ""},
		{[]string{"reception"}, "plan.hcl:1:7: milano has no account in db; ewindow-registrar account add milano makes one"},
		{[]string{"all", "milano", "reception"}, "db:1:1: the account all is no space and no phone of the plan; describe it in the plan, or ewindow-registrar account remove all"},
		{nil, "plan.hcl:1:7: milano has no account in db; ewindow-registrar account add milano makes one\n" +
			"plan.hcl:5:7: reception has no account in db; ewindow-registrar account add reception makes one"},
	} {
		if got := p.CompareAccounts(c.have, "db").Error(); got != c.want {
			t.Errorf("%v:\n got %s\nwant %s", c.have, got, c.want)
		}
	}
	if p.HasAccount("all") || !p.HasAccount("reception") || p.SuggestAccount("milan") != `did you mean "milano"?` {
		t.Error("which accounts there may be")
	}
}
