package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"ewindow/dialplan/wholefile"
	"ewindow/registrar/join"
	"ewindow/registrar/members"
	"ewindow/registrar/pki"
	"ewindow/registrar/pki/pin"
	"ewindow/registrar/planfile"
	"ewindow/registrar/qrcode"
	"ewindow/registrar/signal/joining"
	"ewindow/registrar/store"
)

type inviteCmd struct {
	Space string `arg:"" help:"Who is to join: the label of a space in the dialplan."`
	accountFlags
	Sponsor string `help:"The member that invites it, and with whom alone it may link until it is confirmed." placeholder:"SPACE"`
	Visited string `help:"When it visited a member's space, as 2027-03-02." placeholder:"DATE"`
	Rules   string `required:"" help:"Version of the exchange rules that it is to accept, as v3: the file rules/v3.txt of the state directory." placeholder:"VERSION"`
	Event   string `help:"When the event of its own is to which it invites a member, as 2027-05-10." placeholder:"DATE"`
	Member  bool   `help:"It is a founder, or a member that sets up another device: without conditions, and it stays what it is."`
	Anyway  bool   `help:"Invite it although the dialplan that the registrar last served has no such space."`
	Host    string `help:"Host, or host:port, by which the window reaches the registrar. Default: as it said when it last started." placeholder:"HOST"`
	PNG     string `name:"png" help:"Write the QR code into this file too." type:"path" placeholder:"FILE"`
}

// Run prints the code alone on a line; what is for people goes to the other stream. Nobody can print it again: only what proves it is kept.
func (c *inviteCmd) Run(s streams) (err error) {
	ctx := context.Background()
	if err := c.sensible(); err != nil {
		return err
	}
	db, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	code, err := c.code(ctx, db)
	if err != nil {
		return err
	}
	if err := c.record(ctx, db, code.Token, s.clock()); err != nil {
		return err
	}
	if c.PNG != "" {
		image, err := qrcode.PNG(code.URI())
		if err == nil {
			err = wholefile.Write(c.PNG, image, 0o600)
		}
		if err != nil {
			return fmt.Errorf("--png: %w; the code is %s", err, code.Typed())
		}
	}
	drawn, err := qrcode.Text(code.URI())
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, code.Typed())
	fmt.Fprint(s.err, drawn)
	fmt.Fprintf(s.err, "For %s: `ewindow join` there asks for this code. It is good once, until %s, and nobody can print it again.\n",
		c.Space, s.clock().Add(members.CodeLife).Format("Mon 2 Jan 15:04"))
	return nil
}

// sensible refuses what can be said without looking at accounts.
func (c *inviteCmd) sensible() error {
	conditions := c.Sponsor != "" || c.Visited != "" || c.Event != ""
	switch {
	case c.Member && conditions:
		return errors.New("--member is without conditions; leave --sponsor, --visited and --event out")
	case !c.Member && (c.Sponsor == "" || c.Visited == "" || c.Event == ""):
		return errors.New("a newcomer needs --sponsor, --visited and --event; a founder, or a member's other device, --member instead")
	}
	if last, _ := planfile.Last(c.State); last != nil && !c.Anyway {
		if _, is := last.Plan.Space(c.Space); !is {
			return fmt.Errorf("%q is no space of the dialplan that the registrar last served; %s; --anyway invites it all the same", c.Space, last.Plan.SuggestAccount(c.Space))
		}
	}
	return nil
}

// code makes a code by which this registrar is found.
func (c *inviteCmd) code(ctx context.Context, db *store.Store) (joining.Code, error) {
	if _, err := c.rules(c.Rules); err != nil {
		return joining.Code{}, err
	}
	host := c.Host
	if host != "" {
		if err := checkHost(host); err != nil {
			return joining.Code{}, err
		}
	} else {
		domain, err := db.Realm(ctx)
		if err != nil {
			return joining.Code{}, err
		}
		if host, err = readWhere(c.whereFile(), domain).link(); err != nil {
			return joining.Code{}, err
		}
	}
	ca, err := pki.ReadCA(c.pki())
	if err != nil {
		return joining.Code{}, err
	}
	code := joining.Code{Host: strings.ToLower(strings.Trim(host, "[]")), Token: joining.NewToken(), Pin: pin.Of(ca)}
	if name, port, err := net.SplitHostPort(host); err == nil {
		code.Host = strings.ToLower(name)
		code.Port, _ = strconv.Atoi(port)
	}
	if again, err := joining.Parse(code.URI()); err != nil || again != code {
		return code, fmt.Errorf("%q is no host by which a window could find the registrar; name another with --host", host)
	}
	return code, nil
}

func (c *inviteCmd) record(ctx context.Context, db *store.Store, token joining.Token, now time.Time) error {
	known, err := names(ctx, db)
	if err != nil {
		return err
	}
	if !c.Member && !known[c.Sponsor] {
		return fmt.Errorf("the sponsor %.80q has no account; name a member, `ewindow-registrar account list` has all accounts", c.Sponsor)
	}
	if !c.Member && known[c.Space] {
		return fmt.Errorf("%s has an account already; --member invites its other device, and `ewindow-registrar account remove %s` lets it begin on probation", c.Space, c.Space)
	}
	key := token.Key()
	_, err = members.Add(c.members(), func(r members.Record) (members.Entry, error) {
		if c.Member {
			return r.InviteAgain(c.Space, c.Rules, token.ID(), hex.EncodeToString(key[:]), now)
		}
		return r.Invite(c.Space, c.Sponsor, c.Visited, c.Rules, c.Event, token.ID(), hex.EncodeToString(key[:]), now)
	})
	return err
}

// rules is the text of a version of the exchange rules.
func (f stateFlags) rules(version string) (string, error) {
	path := filepath.Join(f.State, "rules", version+".txt")
	if filepath.Base(version) != version {
		return "", fmt.Errorf("%.60q is no version of the exchange rules such as v3", version)
	}
	text, err := wholefile.Read(path, joining.MaxRules)
	if err == nil && (len(bytes.TrimSpace(text)) == 0 || !utf8.Valid(text)) {
		err = errors.New("it is empty, or no text in UTF-8")
	}
	if err != nil {
		return "", fmt.Errorf("the exchange rules %s: %w; put their text into %s", version, err, path)
	}
	return string(text), nil
}

// joining answers windows that come with a code, or for their next certificate.
func (c *serveCmd) joining(known devices, db *store.Store, at where, log *slog.Logger) http.Handler {
	identity, record := known.identity, known.record
	registrar := "sips:" + host(at.Host)
	if at.SIP != 5061 {
		registrar += ":" + strconv.Itoa(at.SIP)
	}
	desk := &join.Desk{
		Domain: c.Domain, Registrar: registrar, Pin: identity.Pin(), Record: record.Record, Rules: c.rules, Log: log,
		Certify: func(account string, key any) ([]byte, error) { return identity.Device(account, key, time.Now()) }, Holder: known.holder,
		Add: func(next func(members.Record) (members.Entry, error)) error {
			_, err := members.Add(c.members(), next)
			record.Look() // before there is an account
			return err
		},
		Secret: func(ctx context.Context, account string) (string, error) {
			if _, is := db.Account(account); is {
				return freshSecret(ctx, db, account)
			}
			secret, err := db.AddAccount(ctx, account, time.Now())
			if errors.Is(err, store.ErrExists) {
				return freshSecret(ctx, db, account)
			}
			if err == nil {
				takenUp(db, account, secret)
			}
			return secret, err
		},
	}
	return desk.Handler()
}
