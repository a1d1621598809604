// Package status is what a running window knows about itself, as a value. Package ask answers with it.
package status

import (
	"math"
	"time"
)

// Status is a window at one moment. A zero time is "never" or "not known".
type Status struct {
	Space        string       `json:"space"`             // account of the window
	Version      string       `json:"version,omitempty"` // of its program
	At           time.Time    `json:"at"`                // the moment
	Started      time.Time    `json:"started"`
	Registration Registration `json:"registration"`
	Plan         Plan         `json:"plan"`
	Keys         Keys         `json:"keys"`
	Calls        []Call       `json:"calls"`   // in the order in which they began
	Past         []PastCall   `json:"past"`    // the newest last
	Devices      []Device     `json:"devices"` // in the order camera, screen, sound
	Screen       Screen       `json:"screen"`
	Faults       []Fault      `json:"faults"`                     // the newest last
	Certificate  time.Time    `json:"certificate_until,omitzero"` // end of the one by which the registrar knows this machine; zero without one
}

// Registration is how it stands with the registrar.
type Registration struct {
	Online    bool      `json:"online"`
	Since     time.Time `json:"since,omitzero"`
	Why       string    `json:"why,omitempty"`       // why it is away, or was the last time
	Registrar string    `json:"registrar,omitempty"` // address that it is reached at; empty while it is away
	Ways      []Way     `json:"ways,omitempty"`
}

// Way is one of two ways to the registrar; where there is one, Registration says all.
type Way struct {
	Registrar string    `json:"registrar,omitempty"` // address that was reached last
	Online    bool      `json:"online"`
	Since     time.Time `json:"since,omitzero"`
	Why       string    `json:"why,omitempty"` // why it is away
}

// Plan is what the window knows of the plan. Its zero value is no plan.
type Plan struct {
	Revision string    `json:"revision,omitempty"`
	Received time.Time `json:"received,omitzero"` // or read from disk
	Until    time.Time `json:"until,omitzero"`    // from then on nothing is known
	Open     bool      `json:"open"`              // the space's own opening hours
	Partner  string    `json:"partner,omitempty"` // account of whom it names now
	Next     Change    `json:"next"`
	Problem  string    `json:"problem,omitempty"` // why it is not on disk
}

// Keys is whose key the window has, and by whose it knows the partner of the moment. Its zero value is a window without a key.
type Keys struct {
	Words     string    `json:"words,omitempty"`   // the six words of its own key
	Partner   string    `json:"partner,omitempty"` // account of whom it sees, or is to see next
	State     string    `json:"state,omitempty"`   // not yet confirmed | confirmed here, not yet there | confirmed | changed; empty while no key of the partner was seen
	Theirs    string    `json:"theirs,omitempty"`  // the six words of the partner's key, as it is known here
	Offered   string    `json:"offered,omitempty"` // of another one that was shown since, and is refused
	Confirmed time.Time `json:"confirmed,omitzero"`
	By        string    `json:"by,omitempty"`
	Refused   string    `json:"refused,omitempty"` // that the partner does not accept this window's key, for people
}

// Change is the next change of the partner. Its zero value means that none is known.
type Change struct {
	At      time.Time `json:"at,omitzero"`
	Partner string    `json:"partner,omitempty"` // from then on; empty for nobody
}

// Call is a call that there is.
type Call struct {
	ID      string    `json:"call_id,omitempty"` // Call-ID; empty while our INVITE has no answer
	Role    string    `json:"role"`              // partner | phone
	Peer    string    `json:"peer"`              // account
	Name    string    `json:"name"`              // for people
	Ours    bool      `json:"ours"`              // we called
	Up      bool      `json:"up"`                // answered
	Since   time.Time `json:"since"`             // it is up, or was begun
	Leaving bool      `json:"leaving,omitempty"` // another call to the same partner is to replace it
	Shown   bool      `json:"shown"`             // the screen is about it
	Held    bool      `json:"held,omitempty"`    // by the other side
	NoVideo bool      `json:"no_video,omitempty"`
	Blank   bool      `json:"blank,omitempty"`   // pictures were agreed on, and none comes
	Starved bool      `json:"starved,omitempty"` // that is so since the line has no room for them
	Hidden  time.Time `json:"hidden,omitzero"`   // since when it does not see us, since it shows nothing; zero if that is not so
	Silent  time.Time `json:"silent,omitzero"`   // since when nothing comes that should; zero if something does
	Media   string    `json:"media,omitempty"`   // what was agreed, for people
	Sends   string    `json:"sends,omitempty"`   // the format of our pictures now, for people
	Keys    string    `json:"keys,omitempty"`    // where its keys come from: dtls, the two ends; sdes, the registrar sees them; none, there are none
	Path    string    `json:"path,omitempty"`    // how media go: host, srflx, relay/udp, relay/tcp, relay/tls, relay, direct; empty without ICE, and while no way was found
	Tried   string    `json:"tried,omitempty"`   // the kinds of ways that were tried, for people

	Unanswered string `json:"unanswered,omitempty"` // while nothing has ever come: where we send, where it says it is, and what is not believed, for people

	Figures Figures `json:"figures"`
}

// Figures are how a call's media is doing: rates of about the last second, counters since its beginning.
type Figures struct {
	PicturesIn  uint64  `json:"pictures_in"`
	PicturesOut uint64  `json:"pictures_out"`
	FPSIn       float64 `json:"fps_in"`
	FPSOut      float64 `json:"fps_out"`
	KbpsIn      float64 `json:"kbps_in"`
	KbpsOut     float64 `json:"kbps_out"`
	Loss        float64 `json:"loss"`     // of the pictures' packets, in percent
	Lost        uint64  `json:"lost"`     // packets
	Expected    uint64  `json:"expected"` // packets of pictures that the other side has sent, by their numbers
	Sent        uint64  `json:"sent"`     // packets of pictures that we have sent, each once
	Missed      uint64  `json:"missed"`   // packets of pictures that were missing at first
	Gone        uint64  `json:"gone"`     // of those, the ones that never came
	RTT         float64 `json:"rtt_ms"`
	Delay       float64 `json:"delay_ms"`       // pictures are held back for so long, for those that need repair
	SoundDelay  float64 `json:"sound_delay_ms"` // sound is held back for so long, since it comes unevenly
	Freezes     uint64  `json:"freezes"`        // times that their picture stood still for longer than 150 ms, and than twice the usual
	Frozen      float64 `json:"frozen_s"`       // in all
	SoundIn     uint64  `json:"sound_in"`       // frames of sound that were to be heard
	Concealed   uint64  `json:"concealed"`      // of those, the ones that were missing then
	Recovered   uint64  `json:"recovered"`      // frames of sound that came with later packets alone
	DriftPPM    float64 `json:"drift_ppm"`      // by how much the clock of their sound is faster than ours, 0 while nobody knows
	Budget      int     `json:"budget_kbps"`    // what our pictures may take, 0 while nobody knows
	Encoded     float64 `json:"encoded_kbps"`   // what our encoder makes
	Width       int     `json:"width"`          // of our pictures, 0 while none are wanted; so are the next two
	Height      int     `json:"height"`
	FPS         int     `json:"fps"`
	Queue       float64 `json:"queue_ms"`          // what our packets wait for on the way
	Resent      uint64  `json:"resent"`            // packets that we sent again
	Repairs     uint64  `json:"repairs"`           // packets that came again
	Parity      uint64  `json:"parity"`            // repair packets that we sent (RFC 8627)
	Mended      uint64  `json:"mended"`            // packets that such repair packets brought
	Copies      int     `json:"copies"`            // earlier frames that go with each frame of our sound
	Redundancy  float64 `json:"redundancy"`        // what is sent again, copied and for repair, in percent of all that we send
	Keyframes   uint64  `json:"keyframes_asked"`   // requests for one that we sent
	Wanted      uint64  `json:"keyframes_wanted"`  // requests for one of ours
	Unauthentic uint64  `json:"unauthentic"`       // packets that came and were not the other side's
	Held        uint64  `json:"held_back"`         // pictures that could only have been shown broken
	Refused     string  `json:"refused,omitempty"` // while none is shown because they ask too much of the decoder: why
}

// LossBefore is how much of the pictures' packets was missing at first, in percent of the call so far.
func (f *Figures) LossBefore() float64 { return f.share(f.Missed) }

// LossAfter is how much of them never came, in percent.
func (f *Figures) LossAfter() float64 { return f.share(f.Gone) }

func (f *Figures) share(packets uint64) float64 {
	if f.Expected == 0 {
		return 0
	}
	return math.Round(10000*float64(packets)/float64(f.Expected)) / 100
}

// PastCall is a call that has ended, failed or was refused.
type PastCall struct {
	ID     string    `json:"call_id,omitempty"`
	Peer   string    `json:"peer"`
	Ours   bool      `json:"ours"`
	Up     time.Time `json:"up,omitzero"` // since when it was; zero if it never was
	Ended  time.Time `json:"ended"`
	Status int       `json:"status,omitempty"` // SIP status by which it was refused
	Why    string    `json:"why"`
	Before int       `json:"before,omitempty"` // how many like it, never up, came right before it
}

// MaxPast is how many past calls a window remembers.
const MaxPast = 10

// Device is one job of the device processes.
type Device struct {
	Role     string    `json:"role"` // camera | screen | sound
	On       bool      `json:"on"`   // it is to run now: camera and sound only in calls
	Since    time.Time `json:"since"`
	Device   string    `json:"device"` // that it has, or had last
	Encoder  string    `json:"encoder,omitempty"`
	Avoided  string    `json:"avoided,omitempty"`   // encoder that failed in use, so that Encoder took its place
	Missing  string    `json:"missing,omitempty"`   // what a stand-in is used for
	Reason   string    `json:"reason,omitempty"`    // why a stand-in is used, and what to do
	Why      string    `json:"why,omitempty"`       // of the encoder
	Busy     string    `json:"busy,omitempty"`      // what is made less of, since the machine has no time for more
	EchoMS   float64   `json:"echo_ms,omitempty"`   // how long sound takes from the speaker to the microphone; 0 while that is not known
	ERLE     float64   `json:"erle_db,omitempty"`   // by how much the echo canceller weakens the echo, dB; 0 while that is not known
	GainDB   float64   `json:"gain_db,omitempty"`   // by how much the microphone's sound is amplified, for who speaks quietly or loudly
	DriftPPM float64   `json:"drift_ppm,omitempty"` // by how much the microphone's clock is faster than the machine's; 0 while that is not known
	Howls    uint64    `json:"howls,omitempty"`     // how often howling was stopped: sound that goes around between two rooms, and grows
	Failures int       `json:"failures,omitempty"`  // of its processes so far
	Failed   time.Time `json:"failed,omitzero"`     // when the last of them did
	Failure  string    `json:"failure,omitempty"`   // and why
	Down     bool      `json:"down,omitempty"`      // it did, and no other is ready yet
}

// Screen is what the screen says.
type Screen struct {
	Picture bool   `json:"picture"` // the other side's picture fills it
	Title   string `json:"title"`
	Reason  string `json:"reason,omitempty"`
	Next    string `json:"next,omitempty"`
	Notice  string `json:"notice,omitempty"`
}

// Fault is something that did not work, or does not.
type Fault struct {
	What   string    `json:"what"`             // for people, in the program's own words
	Why    string    `json:"why,omitempty"`    // what was said of it: by whoever refused, by a driver
	Began  time.Time `json:"began"`            // the last time
	Over   time.Time `json:"over,omitzero"`    // zero: it lasts
	By     string    `json:"by,omitempty"`     // what repaired it
	Before int       `json:"before,omitempty"` // how often it was there before that, each time soon after the last
}

// MaxFaults is how many a window remembers.
const MaxFaults = 8

// Lasted is how long it did, or has so far.
func (f *Fault) Lasted(now time.Time) time.Duration {
	if f.Over.IsZero() {
		return now.Sub(f.Began)
	}
	return f.Over.Sub(f.Began)
}

// LastFault is one that lasts, the newest of those, or else the last that was over; nil if there was none.
func (s Status) LastFault() (last *Fault) {
	for i := range s.Faults {
		if f := &s.Faults[i]; last == nil || f.Over.IsZero() || !last.Over.IsZero() {
			last = f
		}
	}
	return last
}

// Main is the call that the screen is about, or the first, or nil.
func (s Status) Main() *Call {
	for i := range s.Calls {
		if s.Calls[i].Shown {
			return &s.Calls[i]
		}
	}
	if len(s.Calls) > 0 {
		return &s.Calls[0]
	}
	return nil
}

// Call returns the call with an account that counts, or nil.
func (s Status) Call(peer string) *Call {
	for i := range s.Calls {
		if c := &s.Calls[i]; c.Peer == peer && !c.Leaving {
			return c
		}
	}
	return nil
}

// Last returns what became of the last call with an account that is past, or nil.
func (s Status) Last(peer string) *PastCall {
	for i := len(s.Past) - 1; i >= 0; i-- {
		if s.Past[i].Peer == peer {
			return &s.Past[i]
		}
	}
	return nil
}
