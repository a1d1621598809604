package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"ewindow/registrar/members"
	"ewindow/registrar/planfile"
	"ewindow/registrar/store"
)

type memberCmd struct {
	Add     memberAddCmd     `cmd:"" help:"Admit a newcomer, on probation with its sponsor; make its account and print the secret, once."`
	List    memberListCmd    `cmd:"" help:"List who was admitted, and what became of it."`
	Confirm memberConfirmCmd `cmd:"" help:"End a newcomer's probation, after its event."`
	Rotate  memberRotateCmd  `cmd:"" help:"Make a code with which a member's window gets another secret, or another machine becomes it; the old secret holds until then."`
	Revoke  memberRevokeCmd  `cmd:"" help:"End a membership: the account, its registrations and calls end within a second."`
}

type memberAddCmd struct {
	Space string `arg:"" help:"The newcomer: the label of a space in the dialplan."`
	accountFlags
	Sponsor string `required:"" help:"The member that invites it, and with whom alone it may link until it is confirmed." placeholder:"SPACE"`
	Visited string `required:"" help:"When it visited a member's space, as 2027-03-02." placeholder:"DATE"`
	Rules   string `required:"" help:"Version of the exchange rules that it agreed to, as v3." placeholder:"VERSION"`
	Event   string `required:"" help:"When the event of its own is to which it invites a member, as 2027-05-10." placeholder:"DATE"`
	Anyway  bool   `help:"Admit it although the dialplan that the registrar last served has no such space."`
}

// Run records the three conditions, then makes the account: a running registrar never has the one without the other. It prints the secret
// alone on a line, as account add does.
func (c *memberAddCmd) Run(s streams) (err error) {
	ctx := context.Background()
	if last, _ := planfile.Last(c.State); last != nil && !c.Anyway {
		if _, is := last.Plan.Space(c.Space); !is {
			return fmt.Errorf("%q is no space of the dialplan that the registrar last served; %s; --anyway admits it all the same", c.Space, last.Plan.SuggestAccount(c.Space))
		}
	}
	db, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	known, err := names(ctx, db)
	if err != nil {
		return err
	}
	if !known[c.Sponsor] {
		return fmt.Errorf("the sponsor %.80q has no account; name a member, `ewindow-registrar account list` has all accounts", c.Sponsor)
	}
	if known[c.Space] {
		return fmt.Errorf("%s has an account already; `ewindow-registrar account remove %s` first, if it is to begin on probation", c.Space, c.Space)
	}
	_, err = members.Add(c.members(), func(r members.Record) (members.Entry, error) {
		if m, is := r.Member(c.Space); is && m.State == members.OnProbation && m.Sponsor == c.Sponsor {
			return members.Entry{}, errAdmitted
		}
		return r.Admit(c.Space, c.Sponsor, c.Visited, c.Rules, c.Event, s.clock())
	})
	if err != nil && !errors.Is(err, errAdmitted) {
		return err
	}
	secret, err := db.AddAccount(ctx, c.Space, s.clock())
	if err != nil {
		return fmt.Errorf("%s is on record, but has no account yet; give the same command again: %w", c.Space, err)
	}
	fmt.Fprintln(s.out, secret)
	fmt.Fprintf(s.err, "%s is on probation with %s until `ewindow-registrar member confirm %s`, after its event of %s\n", c.Space, c.Sponsor, c.Space, c.Event)
	return nil
}

// errAdmitted says that the line is there, of a command that did not get as far as the account.
var errAdmitted = errors.New("admitted already")

// names are the names of all accounts.
func names(ctx context.Context, db *store.Store) (map[string]bool, error) {
	all, err := db.Accounts(ctx)
	out := make(map[string]bool, len(all))
	for _, a := range all {
		out[a.Name] = true
	}
	return out, err
}

type memberListCmd struct {
	accountFlags
	JSON bool `name:"json" help:"Print one JSON array, for programs."`
}

// listed is a member as it is listed.
type listed struct {
	members.Member
	Overdue bool `json:"overdue"` // its event is over, and nobody has confirmed it
	Account bool `json:"account"`
}

func (c *memberListCmd) Run(s streams) (err error) {
	ctx := context.Background()
	record, err := members.Read(c.members())
	if err != nil {
		return err
	}
	db, err := c.openToRead(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	known, err := names(ctx, db)
	if err != nil {
		return err
	}
	all := []listed{}
	for _, m := range record.Members() {
		all = append(all, listed{m, m.Overdue(s.clock()), known[m.Space]})
	}
	if c.JSON {
		text, err := json.MarshalIndent(all, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(s.out, string(text))
		return err
	}
	defer func() {
		for _, i := range record.Open(s.clock()) {
			fmt.Fprintf(s.err, "%s has a code, good until %s; `ewindow-registrar member revoke %s` makes it void\n", i.Space, i.Expires.Local().Format("Mon 2 Jan 15:04"), i.Space)
		}
	}()
	if len(all) == 0 {
		fmt.Fprintln(s.err, "nobody is in the record of members; accounts that are not in it are full members")
		return nil
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for _, m := range all {
		conditions := "\t\t\t\t"
		if m.Sponsor != "" {
			conditions = fmt.Sprintf("sponsor %s\tvisited %s\trules %s\tevent %s\t", m.Sponsor, m.Visited, m.Rules, m.Event)
		}
		fmt.Fprintf(w, "%s\t%s\tsince %s\t%s%s\n", m.Space, m.State, m.Since.Format(time.DateOnly), conditions, m.remark())
	}
	return w.Flush()
}

// remark is what somebody has to do about a member.
func (m listed) remark() string {
	switch {
	case m.Overdue:
		return "its event is over: confirm or revoke it"
	case m.State != members.Former && !m.Account:
		return "it has no account"
	case m.State == members.Former && m.Account:
		return "it has an account again, as a full member"
	}
	return ""
}

type memberConfirmCmd struct {
	Space string `arg:"" help:"The newcomer."`
	accountFlags
	Anyway bool `help:"Before its event."`
}

func (c *memberConfirmCmd) Run(s streams) error {
	if err := c.there(); err != nil {
		return err
	}
	_, err := members.Add(c.members(), func(r members.Record) (members.Entry, error) { return r.Confirm(c.Space, c.Anyway, s.clock()) })
	return err
}

type memberRotateCmd struct {
	Space string `arg:"" help:"The member."`
	accountFlags
	Rules string `help:"Version of the exchange rules that it is to accept. Default: the one that it agreed to." placeholder:"VERSION"`
	Host  string `help:"As for invite." placeholder:"HOST"`
	PNG   string `name:"png" help:"Write the QR code into this file too." type:"path" placeholder:"FILE"`
}

// Run is invite, of somebody who is a member already.
func (c *memberRotateCmd) Run(s streams) error {
	record, err := members.Read(c.members())
	if err != nil {
		return err
	}
	m, known := record.Member(c.Space)
	if !known {
		if known, err = c.hasAccount(s); err != nil {
			return err
		}
	}
	if !known {
		return fmt.Errorf("%.80q is neither in the record nor has it an account; `ewindow-registrar invite` makes a newcomer's code", c.Space)
	}
	if c.Rules == "" {
		c.Rules = m.Rules
	}
	if c.Rules == "" {
		return fmt.Errorf("no version of the exchange rules is on record for %s; name the one that it is to accept with --rules", c.Space)
	}
	return (&inviteCmd{Space: c.Space, accountFlags: c.accountFlags, Rules: c.Rules, Host: c.Host, PNG: c.PNG, Member: true, Anyway: true}).Run(s)
}

// hasAccount is true for one that was made by hand.
func (c *memberRotateCmd) hasAccount(s streams) (is bool, err error) {
	db, err := c.openToRead(context.Background(), s)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	known, err := names(context.Background(), db)
	return known[c.Space], err
}

// withdraw makes the codes of a space void, if it has any.
func (f stateFlags) withdraw(space string, now time.Time) error {
	record, err := members.Read(f.members())
	if err != nil {
		return err
	}
	if _, none := record.Withdraw(space, now); none != nil {
		return nil
	}
	_, err = members.Add(f.members(), func(r members.Record) (members.Entry, error) { return r.Withdraw(space, now) })
	return err
}

type memberRevokeCmd struct {
	Space string `arg:"" help:"The member."`
	accountFlags
}

// Run takes the account away before it records that: who is to go goes, even if the disk is full.
func (c *memberRevokeCmd) Run(s streams) (err error) {
	ctx := context.Background()
	record, err := members.Read(c.members())
	if err != nil {
		return err
	}
	line, err := record.Revoke(c.Space, s.clock())
	if err != nil {
		return err
	}
	if line.Kind == members.Withdrawn { // it is no member, and an account that was made by hand is another matter
		fmt.Fprintf(s.err, "%s is no member; its code is void now\n", c.Space)
		return c.withdraw(c.Space, s.clock())
	}
	db, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.RemoveAccount(ctx, c.Space); err != nil && !errors.Is(err, store.ErrUnknown) {
		return fmt.Errorf("%s is still let in: %w; free some space on the registrar's disk, and give the same command again", c.Space, err)
	}
	if _, err = members.Add(c.members(), func(r members.Record) (members.Entry, error) { return r.Revoke(c.Space, s.clock()) }); err != nil {
		return fmt.Errorf("%s has no account any more; give the same command again: %w", c.Space, err)
	}
	for _, m := range record.Members() {
		if m.State == members.OnProbation && m.Sponsor == c.Space {
			fmt.Fprintf(s.err, "%s was the sponsor of %s, which may link with nobody now: confirm it, or revoke it and invite it again\n", c.Space, m.Space)
		}
	}
	for _, i := range record.Open(s.clock()) {
		if i.Sponsor == c.Space {
			fmt.Fprintf(s.err, "%s was the sponsor of %s, which has a code: `ewindow-registrar member revoke %s` makes it void\n", c.Space, i.Space, i.Space)
		}
	}
	return nil
}
