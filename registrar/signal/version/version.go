// Package version is how a window and its registrar agree on the version of what one tells the other, so that an upgrade of
// one side never darkens the other.
//
// Whoever subscribes names in Accept (RFC 3261 §20.1) every version that it reads, as a parameter of the media type; the
// notifier writes the newest of these that it knows:
//
//	Accept: application/vnd.ewindow.programme+json;version=2, application/vnd.ewindow.programme+json;version=1
//
// Who names none reads the oldest. Within a version fields and values may be added: a reader passes over what it does not
// know, item by item. Another version is for what would be misread; the older ones are written for as long as somebody may
// ask for them.
package version

import (
	"strconv"
	"strings"

	"ewindow/registrar/signal/header"
)

// A Document is a media type, and the versions of it that a program reads and writes.
type Document struct {
	Type           string
	Oldest, Newest int
}

// Accept is the value of the header by which a reader asks for it, the newest version first. A Document without versions
// has the type alone.
func (d Document) Accept() string {
	if d.Newest == 0 {
		return d.Type
	}
	ranges := make([]string, 0, 1+d.Newest-d.Oldest)
	for v := d.Newest; v >= d.Oldest; v-- {
		ranges = append(ranges, d.Type+";version="+strconv.Itoa(v))
	}
	return strings.Join(ranges, ", ")
}

// Choose is the newest version among the elements of somebody's Accept that this program writes. false: there is none.
// Without any element everything is acceptable, which for one who knows of no versions is the oldest.
func (d Document) Choose(accept []string) (version int, ok bool) {
	if len(accept) == 0 {
		return d.Oldest, true
	}
	for _, media := range accept {
		v, takes := d.named(media)
		if takes && d.Oldest <= v && v <= d.Newest && (!ok || v > version) {
			version, ok = v, true
		}
	}
	return version, ok
}

// named is the version that one element of Accept names, and whether it takes this type at all.
func (d Document) named(media string) (version int, takes bool) {
	group, _, _ := strings.Cut(d.Type, "/")
	switch name := strings.ToLower(header.Word(media)); {
	case name != d.Type && name != group+"/*" && name != "*/*":
		return 0, false
	case refused(header.Param(media, "q")):
		return 0, false
	}
	text := header.Param(media, "version")
	if text == "" {
		return d.Oldest, true
	}
	v, err := strconv.ParseUint(text, 10, 31)
	return int(v), err == nil
}

// refused says whether a q-value is 0 (RFC 3261 §20.1).
func refused(q string) bool {
	v, err := strconv.ParseFloat(q, 64)
	return err == nil && v <= 0
}
