// Package negotiate is offer and answer (RFC 3264) for a window's call: which codecs, which addresses, which keys.
// SDP goes in and out as bytes; what was agreed comes out as a Description. It opens no sockets and knows no SIP.
package negotiate

import "net/netip"

// Codec is one of the formats that a window speaks, by its name in RTP (RFC 3551, 6184, 7587).
type Codec string

const (
	H264 Codec = "H264"
	Opus Codec = "opus"
	G722 Codec = "G722"
	PCMU Codec = "PCMU"
	PCMA Codec = "PCMA"
)

// Policy says how the media of a call must be protected. The plan decides it for each pair.
type Policy string

const (
	DTLS Policy = "dtls" // SRTP with AEAD_AES_128_GCM and keys by DTLS, or nothing: between spaces
	SDES Policy = "sdes" // SRTP with GCM or AES_CM_128_HMAC_SHA1_80, and keys in SDP, or by DTLS if it is the other side that offers it: phones
	None Policy = "none" // plain RTP: a phone for which the plan says so
)

// Direction is an SDP direction attribute (RFC 8866 §6.7) as seen from us.
type Direction string

const (
	SendRecv Direction = "sendrecv"
	SendOnly Direction = "sendonly"
	RecvOnly Direction = "recvonly"
	Inactive Direction = "inactive"
)

// Sends says whether we send media in this direction.
func (d Direction) Sends() bool { return d == SendRecv || d == SendOnly }

// Receives says whether media comes to us in this direction.
func (d Direction) Receives() bool { return d == SendRecv || d == RecvOnly }

// Description is what offer and answer agreed on. A stream that was refused or not offered is nil.
type Description struct {
	Audio *Stream
	Video *Stream

	Refused []error // why m-lines were refused by us or answered unusably, for the log
}

// Stream is one agreed m-line.
type Stream struct {
	Codec       Codec
	ClockRate   uint32 // of RTP timestamps, Hz; 8000 for G.722 (RFC 3551 §4.5.2)
	SendType    uint8  // payload type in packets that we send
	ReceiveType uint8  // payload type in packets that come
	EventType   uint8  // telephone-event (RFC 4733) that the other side accepts, 0 for none
	Direction   Direction
	OneWay      Direction // pictures: what it would be if Local.Mutual had not made it Inactive; else empty

	RTP  netip.AddrPort // where the other side says it receives; symmetric RTP may move it; zero on hold by c=0.0.0.0
	RTCP netip.AddrPort // equal to RTP with Mux; zero where the other side names none
	Mux  bool           // rtcp-mux (RFC 5761) was agreed

	Flow   netip.Addr // where its signalling comes from, if somebody trusted says so (Description.From): media may come from there too
	Behind bool       // RTP is an address behind a router, which has Flow: what is sent first goes there

	ICE      *ICE // how it is reached, where both sides agreed on that; nil: at RTP and RTCP
	Trickles bool // either side may name other ways later (Session.Hear, Mids.Fragment)

	Plain     bool       // it goes without protection: only under Policy None
	Send      *Keys      // protects what we send; nil if Plain, and where there is a Handshake
	Receive   *Keys      // protects what comes
	Handshake *Handshake // the keys are agreed on in a handshake, which is to begin when the stream has its way; nil: they are in SDP

	Repair     Repair // retransmissions that the other side may send beside it
	RepairType uint8  // payload type of ours (RFC 4588), 0 if we send again what was missed as it was

	// Payload types of packets with copies of earlier frames in them (RFC 2198), Opus only, 0 for none. They are sent and come
	// among those of SendType and ReceiveType, under the same SSRC.
	SendRED, ReceiveRED uint8

	InBandFEC bool // the other side makes use of what a frame of Opus says of the one before it (RFC 7587 §6.1)

	// Payload types of repair packets (RFC 8627) for pictures, 0 for none. They are sent and come in the stream of what is sent
	// again: with its SSRC, among its numbers.
	SendFEC, ReceiveFEC uint8

	PLI, FIR bool // the other side takes these requests for a keyframe (RFC 4585, 5104)
	CCFB     bool // each side says when the other's packets came (RFC 8888), so that it finds out how much the path carries
	REMB     bool // the other side may say what it estimates that the path carries (draft-alvestrand-rmcat-remb-03)
	TMMBR    bool // it may limit our bitrate (RFC 5104 §3.5.4), and we say what holds
	NACK     bool // the other side may ask for packets that it missed (RFC 4585 §6.2.1), and we send them again

	MaxKbps int // that the other side takes: of b=TIAS or b=AS for pictures, maxaveragebitrate for Opus; 0 for none

	// Video only.
	Mode    int         // packetization-mode of RFC 6184 that the other side takes: 0 or 1
	Profile H264Profile // what we may send at most
	Accepts H264Profile // what we said that we take
	Sets    []byte      // the parameter sets that the other side sends with (sprop-parameter-sets), as a byte stream; nil for none
}

// Repair is how retransmissions of a stream are told from it (RFC 4588). The zero value: there are none.
type Repair struct {
	Type uint8  // payload type, 0 for none
	SSRC uint32 // 0: not named
}

// H264Profile is a parsed profile-level-id (RFC 6184 §8.1).
type H264Profile struct {
	IDC, Constraints, Level uint8
}

// Keys are one direction's SRTP key material (RFC 4568 §6.1, RFC 7714).
type Keys struct {
	Suite     Suite
	Key, Salt []byte
}

// Suite is an SRTP crypto suite by its SDES name.
type Suite string

const (
	AEAD_AES_128_GCM        Suite = "AEAD_AES_128_GCM"
	AES_CM_128_HMAC_SHA1_80 Suite = "AES_CM_128_HMAC_SHA1_80"
)
