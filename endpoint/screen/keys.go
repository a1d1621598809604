package screen

import (
	"strings"

	"ewindow/media/engine/protocol"
)

// withKeys adds to a card what people have to know of keys: who could listen to a phone; that nobody has confirmed yet whose window they see, with the words to be read
// out; or why there is no picture. Words stand on lines of their own.
func withKeys(c protocol.Card, v View) protocol.Card {
	k := v.Keys
	switch {
	case v.Phone && v.Up && v.Secrets == "sdes":
		c.Notice = lines(c.Notice, "Whoever runs the registrar could listen to this phone call")
	case v.Phone && v.Up && v.Secrets == "none":
		c.Notice = lines(c.Notice, "Anybody on the way could listen to this phone call")
	case k.Changed && v.Peer == "" && v.Partner == "": // nobody is to be seen now
		c.Notice = lines(c.Notice, "The key of "+k.Partner+" has changed. Someone here has to confirm it: ewindow trust "+k.Partner,
			"theirs was: "+k.Theirs, "now it is said to be: "+k.Now)
	case k.Changed && !c.Picture:
		c.Title = seen(v)
		c.Reason = "The key of " + k.Partner + " has changed"
		c.Next = "No picture until someone here confirms it: ewindow trust " + k.Partner
		c.Notice = lines(c.Notice, "theirs was: "+k.Theirs, "now it is said to be: "+k.Now, "yours: "+k.Own)
	case k.Changed:
		c.Notice = lines(c.Notice, "Another key is named for "+k.Partner+" than this window shows", "theirs: "+k.Theirs, "the other: "+k.Now)
	case k.Refused && !c.Picture && (v.Peer != "" || v.Partner != ""):
		c.Title = seen(v)
		c.Reason = "They do not know this window's key"
		c.Next = "No picture until someone there confirms it: ewindow trust " + v.Space
		c.Notice = lines(c.Notice, "yours: "+k.Own)
	case k.Unconfirmed:
		c.Notice = lines(c.Notice, "Not yet confirmed whose window this is. Read these words to each other:", "yours: "+k.Own, "theirs: "+k.Theirs)
	case k.Half:
		c.Notice = lines(c.Notice, "Not yet confirmed there whose window this is. Read your words to them:", "yours: "+k.Own)
	}
	return c
}

// seen is who is to be seen, for a title.
func seen(v View) string {
	switch {
	case v.Peer != "":
		return v.Peer
	case v.Partner != "":
		return v.Partner
	}
	return ownName(v)
}

// lines puts texts below each other.
func lines(texts ...string) string {
	if texts[0] == "" {
		texts = texts[1:]
	}
	return strings.Join(texts, "\n")
}
