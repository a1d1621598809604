package validate

import (
	"errors"
	"maps"
	"reflect"
	"strconv"
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
//   - reads addresses and Via as header does: what stands in quotes is one value, parameters' names have no case,
//   - keeps as text the routes and Refer-To, which go on byte for byte: sipgo has no place for what stands around their URI,
//   - keeps as text the headers that it cannot read, so that Request can answer 400; sipgo's own would close the
//     TCP or TLS connection without a word. What frames messages or matches them with transactions must be right at once,
//     and Head looks at that before: Content-Length, Via, CSeq.
func Parser() *sip.Parser {
	parsers := sip.HeadersParser(maps.Clone(sip.DefaultHeadersParser()))
	addresses := map[string]func(header.Address) sip.Header{
		"From": func(a header.Address) sip.Header {
			return &sip.FromHeader{DisplayName: a.Display, Address: a.URI, Params: a.Params}
		},
		"To": func(a header.Address) sip.Header {
			return &sip.ToHeader{DisplayName: a.Display, Address: a.URI, Params: a.Params}
		},
		"Contact": func(a header.Address) sip.Header {
			return &sip.ContactHeader{DisplayName: a.Display, Address: a.URI, Params: a.Params}
		},
		"Referred-By": func(a header.Address) sip.Header {
			return &sip.ReferredByHeader{DisplayName: a.Display, Address: a.URI, Params: a.Params}
		},
	}
	for key, parse := range parsers {
		name := canonicalName(key)
		if make := addresses[name]; make != nil {
			parse = address(name, make)
		}
		switch {
		case name == "Content-Length":
		case texts[name]:
			parse = func(_ []byte, value string) (sip.Header, error) { return sip.NewHeader(name, value), nil }
		case name == "CSeq":
			parse = cseq
		case name == "Via":
			parse = func(_ []byte, value string) (sip.Header, error) { return header.ParseVia(value) }
		default:
			parse = lenient(name, parse)
		}
		if lists[name] {
			parse = listed(parse)
		}
		parsers[key] = parse
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

// texts are headers for which sipgo has a type that holds their URI alone. Whoever wants that reads the text.
var texts = map[string]bool{"Route": true, "Record-Route": true, "Refer-To": true}

// address reads a header that is one. Only a Contact may be "*".
func address(name string, make func(header.Address) sip.Header) sip.HeaderParser {
	return func(_ []byte, value string) (sip.Header, error) {
		a, err := header.ParseAddress(value)
		if err == nil && a.URI.Wildcard && name != "Contact" {
			err = errWildcard
		}
		return make(a), err
	}
}

// cseq reads a number of 31 bits and a method, with any blanks between them (RFC 3261 §8.1.1.5, §25.1).
func cseq(_ []byte, value string) (sip.Header, error) {
	number, method, _ := strings.Cut(strings.TrimSpace(strings.ReplaceAll(value, "\t", " ")), " ")
	n, err := strconv.ParseUint(number, 10, 31)
	if method = strings.TrimSpace(method); err != nil || !header.IsToken(method) {
		return nil, errCSeq
	}
	return &sip.CSeqHeader{SeqNo: uint32(n), MethodName: sip.RequestMethod(method)}, nil
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
	errWildcard = errors.New("* where no Contact is")
	errCSeq     = errors.New("CSeq is malformed")
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

// lenient keeps as text what parse cannot read.
func lenient(name string, parse sip.HeaderParser) sip.HeaderParser {
	return func(key []byte, value string) (sip.Header, error) {
		h, err := parse(key, value)
		if err != nil {
			return sip.NewHeader(name, value), nil
		}
		return h, nil
	}
}
