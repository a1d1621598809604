package media

import (
	"time"

	"ewindow/media/h264"
)

// markerWait is how long a marker that is not believed waits for more of its picture.
const markerWait = 100 * time.Millisecond

// ends finds where pictures end. RTP's marker is a hint (RFC 6184 §5.1): some senders set it on every packet or NAL unit,
// others never. It is believed until a picture goes on behind it. Where it stands on parameter sets it is doubted until it has
// ended a picture where the timestamp did. Who is not believed shows by its next packet that a picture is over. Pure; the
// zero value is for a new sender.
type ends struct {
	doubted, proved, lies bool

	ts    int64 // of the access unit at hand, or of the last one
	shown bool  // the last one was a picture, and nothing was lost since

	marks  int // on the parts of the picture at hand
	marked bool
	due    time.Time // it is over then, if nothing comes; zero without a marker
}

// before says, ahead of a packet, whether it belongs to another access unit than the one at hand.
func (e *ends) before(p packet) bool {
	if p.ts == e.ts && !(e.marked && h264.Begins(p.payload)) {
		return false
	}
	e.proved = e.proved || e.marks == 1 && e.marked
	return true
}

// begin is told that a packet begins an access unit. It says whether that is the rest of one that was taken for whole.
func (e *ends) begin(p packet) (rest bool) {
	if rest = e.shown && p.ts == e.ts && h264.Continues(p.payload); rest {
		e.lies = true
	}
	e.ts, e.shown, e.marks, e.marked, e.due = p.ts, false, 0, false, time.Time{}
	return rest
}

// after says, behind a packet, whether the access unit is over. whole: no NAL unit is open.
func (e *ends) after(now time.Time, p packet, whole bool) bool {
	e.due = time.Time{}
	if h264.Begins(p.payload) || h264.Continues(p.payload) {
		e.marked = p.marker
		if p.marker {
			e.marks++
		}
		e.lies = e.lies || e.marks > 1 || p.marker && !whole
	} else if p.marker && len(p.payload) > 0 {
		e.doubted = true
	}
	if !p.marker || !whole {
		return false
	}
	e.due = now.Add(markerWait)
	return !e.lies && (e.proved || !e.doubted)
}
