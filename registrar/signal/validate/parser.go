package validate

import (
	"errors"
	"maps"
	"reflect"
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
	for key, parse := range parsers {
		switch name := canonicalName(key); {
		case name == "Content-Length", name == "CSeq":
			parsers[key] = tidied(parse)
		case name == "Via":
			parse = tidied(parse)
			parsers[key] = listed(func(key []byte, value string) (sip.Header, error) { return parse(key, closeUp(value)) })
		case lists[name]:
			parsers[key] = listed(lenient(name, tidied(parse)))
		default:
			parsers[key] = lenient(name, tidied(parse))
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

// moreFollow is sipgo's unexported way of saying that further elements follow in the same line: an integer, the place of the
// comma.
var moreFollow = func() reflect.Type {
	_, err := sip.DefaultHeadersParser()["contact"](nil, "sip:a@b,sip:c@d")
	return reflect.TypeOf(err)
}()

func moreAt(comma int) error {
	err := reflect.New(moreFollow).Elem()
	err.SetInt(int64(comma))
	return err.Interface().(error)
}

var (
	errHeaders = errors.New("URI with headers outside <>")
	errComma   = errors.New("a comma where no list is")
)

// listed gives parse one element of a list at a time, and nothing of those behind it: sipgo's own would look at all of
// them for each.
func listed(parse sip.HeaderParser) sip.HeaderParser {
	return func(key []byte, value string) (sip.Header, error) {
		end := header.ElementEnd(value, ',')
		h, err := parse(key, strings.TrimSpace(value[:end]))
		if err == nil && end < len(value) {
			err = moreAt(end)
		}
		return h, err
	}
}

func lenient(name string, parse sip.HeaderParser) sip.HeaderParser {
	return func(key []byte, value string) (sip.Header, error) {
		h, err := parse(key, value)
		if c, ok := h.(*sip.ContactHeader); ok && err == nil && len(c.Address.Headers) > 0 && !strings.Contains(value, "<") {
			err = errHeaders // RFC 4475 §3.1.2.13
		}
		if err != nil {
			return sip.NewHeader(name, value), nil
		}
		return h, nil
	}
}

// closeUp takes the spaces out of "SIP / 2.0 / UDP  host", which sipgo misreads.
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
	return protocol + " " + rest
}

// tidied lets parameters' names be compared: RFC 3261 §7.3.1 has them without case, and spaces around "=" and ";".
func tidied(parse sip.HeaderParser) sip.HeaderParser {
	return func(key []byte, value string) (sip.Header, error) {
		h, err := parse(key, value)
		switch {
		case err != nil && reflect.TypeOf(err) == moreFollow:
			return h, errComma
		case err != nil:
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
		return h, nil
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
