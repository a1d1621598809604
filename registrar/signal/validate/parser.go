package validate

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
)

// normalise spells the names of headers that sipgo keeps as text. After Parser there is nothing left to do.
func normalise(headers []sip.Header) {
	for i, h := range headers {
		if name := canonicalName(h.Name()); name != h.Name() && header.IsToken(h.Name()) {
			headers[i] = sip.NewHeader(name, h.Value())
		}
	}
}

// Parser is a sipgo parser that
//   - spells header names in one way, so that lookups by name find `k:` as Supported and `SUPPORTED:` too,
//   - takes the spaces and the case out of the parameters' names of address and Via headers,
//   - keeps as text the headers that it cannot read, so that Request can answer 400; sipgo's own would close the
//     TCP or TLS connection without a word.
//
// What frames messages or matches them with transactions must be right at once: Content-Length, Via, CSeq.
func Parser() *sip.Parser {
	parsers := sip.HeadersParser(maps.Clone(sip.DefaultHeadersParser()))
	for name, parse := range parsers {
		switch canonicalName(name) {
		case "Content-Length", "CSeq":
			parsers[name] = tidied(parse)
		case "Via":
			parsers[name] = func(key []byte, value string) (sip.Header, error) { return tidied(parse)(key, closeUp(value)) }
		default:
			parsers[name] = lenient(canonicalName(name), tidied(parse))
		}
	}
	for key, name := range names {
		if parse := parsers[strings.ToLower(name)]; parse != nil {
			parsers[key] = parse
			continue
		}
		parsers[key] = func(_ []byte, value string) (sip.Header, error) { return sip.NewHeader(name, value), nil }
	}
	return sip.NewParser(sip.WithHeadersParsers(parsers))
}

// isComma recognises sipgo's unexported way of saying that more values follow in the same line.
func isComma(err error) bool { return err != nil && fmt.Sprintf("%T", err) == "sip.errComaDetected" }

var errHeaders = errors.New("URI with headers outside <>")

func lenient(name string, parse sip.HeaderParser) sip.HeaderParser {
	return func(key []byte, value string) (sip.Header, error) {
		h, err := parse(key, value)
		if c, ok := h.(*sip.ContactHeader); ok && err == nil && len(c.Address.Headers) > 0 && !strings.Contains(value, "<") {
			err = errHeaders // RFC 4475 §3.1.2.13
		}
		if err == nil || isComma(err) {
			return h, err
		}
		return sip.NewHeader(name, value), nil
	}
}

// closeUp takes the spaces out of "SIP / 2.0 / UDP  host", which sipgo misreads, and puts them before it: sipgo counts
// on the text keeping its length when further values follow a comma.
func closeUp(via string) string {
	const space = " \t"
	slash := strings.IndexByte(via, '/')
	if slash < 0 {
		return via
	}
	second := strings.IndexByte(via[slash+1:], '/')
	if second < 0 {
		return via
	}
	start := slash + 1 + second + 1
	start += len(via[start:]) - len(strings.TrimLeft(via[start:], space))
	end := strings.IndexAny(via[start:], space)
	if end < 0 {
		return via
	}
	rest := strings.TrimLeft(via[start+end:], space)
	protocol := strings.Join(strings.FieldsFunc(via[:start+end], func(r rune) bool { return r == ' ' || r == '\t' }), "")
	return strings.Repeat(" ", len(via)-len(protocol)-1-len(rest)) + protocol + " " + rest
}

// tidied lets parameters' names be compared: RFC 3261 §7.3.1 has them without case, and spaces around "=" and ";".
func tidied(parse sip.HeaderParser) sip.HeaderParser {
	return func(key []byte, value string) (sip.Header, error) {
		h, err := parse(key, value)
		if err != nil && !isComma(err) {
			return h, err
		}
		bare := !strings.Contains(value, "<")
		switch h := h.(type) {
		case *sip.FromHeader:
			tidy(h.Params, h.Address.UriParams)
			trim(&h.Address, bare)
		case *sip.ToHeader:
			tidy(h.Params, h.Address.UriParams)
			trim(&h.Address, bare)
		case *sip.ContactHeader:
			tidy(h.Params, h.Address.UriParams)
			trim(&h.Address, bare)
		case *sip.ViaHeader:
			tidy(h.Params)
		case *sip.RouteHeader:
			tidy(h.Address.UriParams)
		case *sip.RecordRouteHeader:
			tidy(h.Address.UriParams)
		case *sip.CSeqHeader:
			h.MethodName = sip.RequestMethod(strings.TrimSpace(string(h.MethodName)))
		}
		return h, err
	}
}

func tidy(all ...sip.HeaderParams) {
	for _, ps := range all {
		for i := range ps {
			ps[i].K = strings.ToLower(strings.TrimSpace(ps[i].K))
			ps[i].V = strings.TrimSpace(ps[i].V)
		}
	}
}

// trim takes off the spaces that may stand between a URI without <> and the header's parameters.
func trim(u *sip.Uri, bare bool) {
	if bare {
		u.Host = strings.TrimRight(u.Host, " \t")
	}
}
