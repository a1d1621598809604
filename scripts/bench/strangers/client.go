package main

import (
	"bufio"
	"crypto/md5"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"regexp"
	"strings"
	"time"
)

// A client is one window or phone, as far as it registers.
type client struct {
	net.Conn
	r       *bufio.Reader
	name    string
	secret  string
	via     string
	serials int
}

// dial comes from an address of this machine; a window over TLS, a phone over TCP.
func (r *registrar) dial(name, from string, window bool) (*client, error) {
	addr, via := r.sip, "TCP"
	if window {
		addr, via = r.windows, "TLS"
	}
	until := time.Now().Add(loginWithin) // for the handshake and the registration, too
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Deadline: until}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(until)
	if window {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	}
	return &client{Conn: c, r: bufio.NewReader(c), name: name, secret: r.secrets[name], via: via}, nil
}

// register proves who it is, and stays reachable here for ten minutes.
func (c *client) register() error {
	status, head, err := c.ask("")
	if err != nil || status != 401 {
		return answered(status, err)
	}
	status, _, err = c.ask("Authorization: " + c.authorization(head.Get("WWW-Authenticate")) + "\r\n")
	if err != nil || status != 200 {
		return answered(status, err)
	}
	return nil
}

func answered(status int, err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("answered %d", status)
}

// ask sends a REGISTER and reads the answer; requests that come meanwhile are passed over.
func (c *client) ask(extra string) (status int, head textproto.MIMEHeader, err error) {
	c.serials++
	local := c.LocalAddr().String()
	_, err = fmt.Fprintf(c, "REGISTER sip:%s SIP/2.0\r\nVia: SIP/2.0/%s %s;rport;branch=z9hG4bK%s-%d\r\nMax-Forwards: 70\r\n"+
		"From: <sip:%s@%s>;tag=1\r\nTo: <sip:%s@%s>\r\nCall-ID: %s-%s\r\nCSeq: %d REGISTER\r\nContact: <sip:%s@%s;transport=%s>\r\n"+
		"Expires: 600\r\n%sContent-Length: 0\r\n\r\n", domain, c.via, local, strings.NewReplacer(":", "-", ".", "-").Replace(local), c.serials,
		c.name, domain, c.name, domain, c.name, local, c.serials, c.name, local, strings.ToLower(c.via), extra)
	if err != nil {
		return 0, nil, err
	}
	text := textproto.NewReader(c.r)
	for range 10 {
		line, err := text.ReadLine()
		if err != nil {
			return 0, nil, err
		}
		if head, err = text.ReadMIMEHeader(); err != nil {
			return 0, nil, err
		}
		var length int
		_, _ = fmt.Sscan(head.Get("Content-Length"), &length)
		if _, err := c.r.Discard(length); err != nil {
			return 0, nil, err
		}
		if n, _ := fmt.Sscanf(line, "SIP/2.0 %d", &status); n == 1 {
			return status, head, nil
		}
	}
	return 0, nil, errors.New("no answer among ten messages")
}

var parameter = regexp.MustCompile(`(\w+)=(?:"([^"]*)"|([^",\s]+))`)

// authorization answers a challenge (RFC 7616).
func (c *client) authorization(challenge string) string {
	p := map[string]string{}
	for _, m := range parameter.FindAllStringSubmatch(challenge, -1) {
		p[m[1]] = m[2] + m[3]
	}
	hash := func(s string) string {
		if p["algorithm"] == "SHA-256" {
			return fmt.Sprintf("%x", sha256.Sum256([]byte(s)))
		}
		return fmt.Sprintf("%x", md5.Sum([]byte(s)))
	}
	uri := "sip:" + domain
	response := hash(strings.Join([]string{
		hash(c.name + ":" + p["realm"] + ":" + c.secret), p["nonce"], "00000001", "0a4f113b", "auth", hash("REGISTER:" + uri),
	}, ":"))
	return fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s", algorithm=%s, cnonce="0a4f113b", qop=auth, nc=00000001`,
		c.name, p["realm"], p["nonce"], uri, response, p["algorithm"])
}

// alive says whether the connection is still good for a REGISTER.
func (c *client) alive() bool {
	_ = c.SetDeadline(time.Now().Add(loginWithin))
	return c.register() == nil
}
