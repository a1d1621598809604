package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"ewindow/dialplan"
	"ewindow/dialplan/programme"
	"ewindow/dialplan/wholefile"
	"ewindow/registrar/auth"
	"ewindow/registrar/pki"
	"ewindow/registrar/planfile"
	"ewindow/registrar/provision"
	"ewindow/registrar/proxy"
	"ewindow/registrar/qrcode"
	"ewindow/registrar/store"
)

// phoneFlags say how an account gets into a phone.
type phoneFlags struct {
	QR   bool   `name:"qr" help:"For a phone: print a link instead of a secret, and draw it; Linphone opens it, once and within an hour, and gets the account with a secret that nobody else knows."`
	PNG  string `name:"png" help:"As --qr, and draw it into an image as well." placeholder:"FILE"`
	Host string `help:"Host, or host:port, by which the phone reaches the registrar's HTTPS for that. Default: as it said when it last started." placeholder:"HOST"`
}

func (f phoneFlags) wanted() bool { return f.QR || f.PNG != "" }

// links are those that wait for phones.
func (f stateFlags) links() *provision.Links { return provision.Open(filepath.Join(f.State, "phones")) }

// check refuses a link for what is no phone of the plan.
func (f phoneFlags) check(last *planfile.Good, account string) error {
	switch {
	case !f.wanted():
		return nil
	case last == nil:
		return errors.New("--qr needs the dialplan, which says what the phone is: start the registrar once")
	}
	if _, is := last.Plan.Phone(account); !is {
		return fmt.Errorf("%q is no phone of the dialplan that the registrar last served, and --qr is for phones", account)
	}
	return nil
}

// base is where a phone opens its link: host, or host:port.
func (f phoneFlags) base(ctx context.Context, db *store.Store, state stateFlags) (string, error) {
	if f.Host != "" {
		return f.Host, checkHost(f.Host)
	}
	domain, err := db.Realm(ctx)
	if err != nil {
		return "", err
	}
	return readWhere(state.whereFile(), domain).link()
}

// link makes a link, and prints it alone on a line; what is for people goes to the other stream.
func (f phoneFlags) link(ctx context.Context, s streams, db *store.Store, state stateFlags, account string) error {
	host, err := f.base(ctx, db, state)
	if err != nil {
		return err
	}
	token, err := state.links().Make(account, time.Now())
	if err != nil {
		return err
	}
	url := "https://" + host + provision.Path + token
	if f.PNG != "" {
		image, err := qrcode.PNG(url)
		if err == nil {
			err = wholefile.Write(f.PNG, image, 0o600)
		}
		if err != nil {
			return fmt.Errorf("--png: %w", err)
		}
	}
	drawn, err := qrcode.Text(url)
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, url)
	fmt.Fprint(s.err, drawn)
	fmt.Fprintf(s.err, "For Linphone (assistant, remote provisioning, QR code): to be opened once, until %s. Opening it gives %s another secret.\n",
		time.Now().Add(provision.Life).Format("15:04"), account)
	return f.explain(ctx, s, db, state, account)
}

// explain tells people what a phone of the plan has to be told.
func (f phoneFlags) explain(ctx context.Context, s streams, db *store.Store, state stateFlags, account string) error {
	last, _ := planfile.Last(state.State)
	if last == nil {
		return nil
	}
	phone, is := last.Plan.Phone(account)
	if !is {
		return nil
	}
	domain, err := db.Realm(ctx)
	if err != nil {
		return err
	}
	at := readWhere(state.whereFile(), domain)
	authority := "by a certificate that phones know already"
	if !at.Public {
		authority = "by its own authority's certificate, pki/ca.crt of the state directory"
		if base, err := at.link(); err == nil {
			authority += ", or https://" + base + "/ca.crt"
		}
		if ca, err := pki.ReadCA(state.pki()); err == nil {
			authority += "\n\tSHA-256 " + fingerprint(ca)
		}
	}
	_, err = io.WriteString(s.err, phoneSettings(last.Plan, phone, domain, at).Text(authority))
	return err
}

// phoneSettings are what a phone of the plan has to be told.
func phoneSettings(plan *dialplan.Plan, phone dialplan.Phone, domain string, at where) provision.Settings {
	out := provision.Settings{
		User: phone.Name, Display: phone.Display, Domain: domain, Host: at.Host, Port: at.SIP,
		Plain: phone.Security == programme.None, SHA256: phone.Auth == "sha256",
	}
	numbers := plan.Numbers()
	number := func(name string) string {
		if p, is := plan.Phone(name); is && p.Number != "" {
			return p.Number
		}
		if i := slices.IndexFunc(numbers, func(n dialplan.Number) bool { return n.Rings == name }); i >= 0 {
			return numbers[i].Number
		}
		return ""
	}
	for _, name := range append(slices.Clone(phone.MayDial), dialplan.Echo) {
		out.Dials = append(out.Dials, provision.Dial{Name: name, Number: number(name)})
	}
	return out
}

// phones answers the links that phones open.
func (c *serveCmd) phones(server *proxy.Server, db *store.Store, at where, log *slog.Logger) http.Handler {
	desk := &provision.Desk{
		Links: c.links(), Log: log,
		Settings: func(account string) (provision.Settings, bool) {
			plan := server.Plan()
			phone, is := plan.Phone(account)
			return phoneSettings(plan, phone, c.Domain, at), is
		},
		Secret: func(ctx context.Context, account string) (string, error) {
			return freshSecret(ctx, db, account)
		},
	}
	return desk.Handler()
}

// freshSecret gives an account another secret, and waits until it holds for whoever registers: a phone does that at once, and would be
// told that its secret is wrong.
func freshSecret(ctx context.Context, db *store.Store, account string) (string, error) {
	secret, err := db.RotateAccount(ctx, account, time.Now())
	if err != nil {
		return "", err
	}
	takenUp(db, account, secret)
	return secret, nil
}

// takenUp waits until REGISTER is judged by a secret: the store looks four times a second, and whoever was told the secret comes at once.
func takenUp(db *store.Store, account, secret string) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 100 {
		if a, is := db.Account(account); is && a.HA1MD5 == auth.HA1(auth.MD5, a.Name, a.Realm, secret) {
			return
		}
		<-tick.C
	}
}
