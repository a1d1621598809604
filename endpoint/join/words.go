package join

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ewindow/registrar/signal/joining"
)

// Words are what people are told while a window joins: what is so, and what to do. A terminal and a screen say the same; More is for whoever
// looks closer, and stands in the terminal alone.
type Words struct{ What, Do, More string }

// String is the words as a terminal has them.
func (w Words) String() string {
	s := w.What
	if w.Do != "" {
		s += ". " + w.Do
	}
	if s = strings.TrimSpace(s); s != "" && !strings.ContainsAny(s[len(s)-1:], ".:?!") && !strings.HasSuffix(s, "…") {
		s += "."
	}
	if w.More != "" {
		s += "\n" + w.More
	}
	return s
}

// Explain is what people are told of an error. Errors of joining say what is wrong before their first semicolon, and behind it what to do.
func Explain(err error) Words {
	var un *Unreached
	if errors.As(err, &un) {
		return Words{"The registrar " + un.Host + " is not reached", "Is this machine on the network, and does the code name the right registrar?", un.More.Error()}
	}
	text, more := Printable(err.Error()), ""
	if errors.Is(err, joining.ErrNoCode) {
		if detail, ok := strings.CutPrefix(text, joining.ErrNoCode.Error()+": "); ok {
			text, more = joining.ErrNoCode.Error(), capital(detail)+"."
		}
	}
	what, do, _ := strings.Cut(text, "; ")
	return Words{capital(what), capital(do), more}
}

// An Unreached registrar is one of which nothing has answered.
type Unreached struct {
	Host string
	More error // of each place that was tried
}

// Error says all that is known.
func (u *Unreached) Error() string {
	return fmt.Sprintf("the registrar %s is not reached; look whether this machine is on the network, and whether the code names the right registrar (%s)",
		u.Host, strings.ReplaceAll(u.More.Error(), "\n", ", "))
}

// Unwrap is the reasons.
func (u *Unreached) Unwrap() error { return u.More }

// ErrNotAccepted says that people do not want the exchange rules.
var ErrNotAccepted = errors.New("the exchange rules were not accepted; nothing was changed, and the code can still be used")

// Asking is said while a registrar is asked.
func Asking(code joining.Code) Words {
	return Words{What: "Asking the registrar " + code.Host + " …"}
}

// Proven is said when the registrar has shown that it made the code.
func (o *Offer) Proven() Words {
	return Words{What: "The registrar of " + Printable(o.Domain) + " has proven that it made this code, for " + Printable(o.Space)}
}

// wrongBy is how far a clock may be off before people are told.
const wrongBy = 5 * time.Minute

// Clock is what is to be said of this machine's clock, which shows now; the zero value if it is right. A machine without a clock of its own,
// as a Raspberry Pi, has a wrong one until the network has told it the time.
func (o *Offer) Clock(now time.Time) Words {
	if o.Now.IsZero() || now.Sub(o.Now).Abs() < wrongBy {
		return Words{}
	}
	const layout = "2 Jan 2006 15:04"
	return Words{
		What: fmt.Sprintf("This machine's clock is wrong: it says %s, the registrar %s", now.Format(layout), o.Now.In(now.Location()).Format(layout)),
		Do:   "Until it has the time from the network (NTP) the window may stay closed",
	}
}

// Before is what is to be said of a code that was used already: by this window, which was cut off then, or by another one. Who it was shows when it is redeemed.
func (o *Offer) Before() Words {
	if o.State != joining.Used {
		return Words{}
	}
	return Words{
		What: "This code was used before, on " + o.Since.Local().Format("Mon 2 Jan 15:04"),
		Do:   "If that was this window, go on. If it was not, tell whoever invited you at once",
	}
}

// Asked is the question whether the rules are accepted.
const Asked = "Do you accept them? Type yes"

// Welcome is said when the window's file is written.
func Welcome(o *Offer, file string) Words {
	w := Words{What: "Welcome. This window is " + o.Space + " now", More: "Its file is " + file + "."}
	if o.Sponsor != "" {
		w.Do = "Until your event it sees " + Printable(o.Sponsor) + " alone"
	}
	return w
}

func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// cut says whether somebody has ended the program.
func cut(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, context.Canceled)
}
