package provision

import (
	"encoding/xml"
	"fmt"
	"net"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Settings are what a phone has to be told of its account.
type Settings struct {
	User    string // name of the account
	Display string // for people; may be empty
	Domain  string // of the accounts
	Host    string // by which the phone reaches the registrar
	Port    int    // of SIP over TLS there
	Plain   bool   // its media is not encrypted, by the plan
	Dials   []Dial // what it may dial
	SHA256  bool   // it is asked for SHA-256
}

// A Dial is something that a phone may dial.
type Dial struct{ Name, Number, Display string }

// proxy is the registrar's URI.
func (s Settings) proxy() string {
	host := s.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if s.Port != 5061 {
		host = net.JoinHostPort(s.Host, strconv.Itoa(s.Port))
	}
	return "sip:" + host + ";transport=tls"
}

func (s Settings) encryption() string {
	if s.Plain {
		return "none: the plan says security = \"none\" for this phone (one that speaks no TLS takes TCP or UDP, port 5060)"
	}
	return "SRTP (SDES), or DTLS-SRTP; it must not be optional"
}

// Text is the settings for people. authority says how the phone knows the registrar.
func (s Settings) Text(authority string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(what, is string) { fmt.Fprintf(w, "%s\t%s\n", what, is) }
	row("user", s.User)
	row("domain", s.Domain)
	if s.Host != s.Domain {
		row("server", s.Host)
	}
	row("transport", "TLS, port "+strconv.Itoa(s.Port))
	row("media", s.encryption())
	row("registrar", authority)
	dials := "nothing: the plan names nothing in its may_dial"
	for i, d := range s.Dials {
		if i == 0 {
			dials = ""
		} else {
			dials += ", "
		}
		dials += d.Name
		if d.Number != "" {
			dials += " (" + d.Number + ")"
		}
	}
	row("dials", dials)
	_ = w.Flush() // into memory
	return b.String()
}

// Linphone is the settings as Linphone takes them from a URL (its lpconfig.xsd): sections and entries as in its file linphonerc.
func (s Settings) Linphone(secret string) string {
	encryption, mandatory := "srtp", "1"
	if s.Plain {
		encryption, mandatory = "none", "0"
	}
	algorithm := "MD5"
	if s.SHA256 {
		algorithm = "SHA-256"
	}
	identity := "sip:" + s.User + "@" + s.Domain
	if s.Display != "" {
		identity = strconv.Quote(plain(s.Display)) + " <" + identity + ">"
	}
	type entry struct {
		Name      string `xml:"name,attr"`
		Overwrite bool   `xml:"overwrite,attr"`
		Value     string `xml:",chardata"`
	}
	type section struct {
		Name    string  `xml:"name,attr"`
		Entries []entry `xml:"entry"`
	}
	named := func(name string, pairs ...string) section {
		out := section{Name: name}
		for i := 0; i+1 < len(pairs); i += 2 {
			out.Entries = append(out.Entries, entry{pairs[i], true, pairs[i+1]})
		}
		return out
	}
	config := struct {
		XMLName  xml.Name  `xml:"config"`
		Space    string    `xml:"xmlns,attr"`
		Sections []section `xml:"section"`
	}{Space: "http://www.linphone.org/xsds/lpconfig.xsd", Sections: []section{
		named("misc", "transient_provisioning", "1", "config-uri", ""), // the link is good once: it is not to be opened at each start
		named("sip", "media_encryption", encryption, "media_encryption_mandatory", mandatory, "default_proxy", "0", "verify_server_certs", "1", "verify_server_cn", "1"),
		named("auth_info_0", "username", s.User, "passwd", secret, "realm", s.Domain, "domain", s.Domain, "algorithm", algorithm),
		named("proxy_0", "reg_proxy", "<"+s.proxy()+">", "reg_identity", identity, "reg_sendregister", "1", "reg_expires", "600", "publish", "0"),
	}}
	text, err := xml.MarshalIndent(config, "", "  ")
	if err != nil {
		panic(err) // of strings it can always be made
	}
	return xml.Header + string(text) + "\n"
}

// plain is a name without what would end a quoted string of SIP's, or a line of linphonerc's.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == '"' || r == '\\' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}
