package handshake

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// What the handshake is made of: records in datagrams (RFC 6347 §4.1), and in those, messages (§4.2.2).
const (
	changeCipherSpec = 20
	alert            = 21
	handshake        = 22

	recordHeader  = 13
	messageHeader = 12
	clientHello   = 1
	mostEpoch     = 1
)

// Is says whether a datagram is of a handshake, by its first byte (RFC 7983 §7).
func Is(datagram []byte) bool { return len(datagram) > 0 && datagram[0] >= 20 && datagram[0] <= 63 }

// What each side says, by the type of its messages (RFC 5246 §7.4).
var (
	ofServer = []byte{2, 3, 4, 11, 12, 13, 14}
	ofClient = []byte{clientHello, 11, 15, 16}
)

// sift leaves of a datagram what the other side's part of a handshake is made of. Nobody vouches for an alert, and the end of the
// handshake is no end of the call: alerts are left out, and so is all else. said is what an alert said, for people.
func sift(datagram []byte, messages []byte) (records []byte, said string) {
	for len(datagram) >= recordHeader {
		size := recordHeader + int(binary.BigEndian.Uint16(datagram[11:]))
		if size > len(datagram) {
			break
		}
		record := datagram[:size]
		datagram = datagram[size:]
		epoch := binary.BigEndian.Uint16(record[3:])
		switch {
		case record[1] != 0xfe || epoch > mostEpoch:
		case record[0] == handshake && epoch == 0 && (size == recordHeader || !slices.Contains(messages, record[recordHeader])):
		case record[0] == handshake || record[0] == changeCipherSpec && epoch == 0:
			records = append(records, record...)
		case record[0] == alert && epoch == 0 && size == recordHeader+2:
			said = alertText(record[recordHeader+1])
		}
	}
	return records, said
}

// number gives the records that nobody vouches for numbers of our own, from next on: those that they bear would have what comes
// later taken for a replay.
func number(records []byte, next uint64) uint64 {
	for len(records) >= recordHeader {
		if binary.BigEndian.Uint16(records[3:]) == 0 {
			binary.BigEndian.PutUint64(records[3:], next) // its upper two bytes are the epoch
			next++
		}
		records = records[recordHeader+int(binary.BigEndian.Uint16(records[11:])):]
	}
	return next
}

// helloOf is the random number of a ClientHello with which a handshake begins, or nil; the one that returns a cookie is none.
func helloOf(datagram []byte) []byte {
	const version = 2
	message := recordHeader + messageHeader
	if len(datagram) < message+version+32 || datagram[0] != handshake || binary.BigEndian.Uint16(datagram[3:]) != 0 ||
		datagram[recordHeader] != clientHello || datagram[recordHeader+4]|datagram[recordHeader+5] != 0 || datagram[recordHeader+6]|datagram[recordHeader+7]|datagram[recordHeader+8] != 0 {
		return nil
	}
	return datagram[message+version : message+version+32]
}

// alertText is what an alert says (RFC 5246 §7.2).
func alertText(description byte) string {
	switch description {
	case 0:
		return "it has closed"
	case 40:
		return "no terms that both sides have"
	case 42, 43, 44, 45, 46, 48:
		return "it does not take our certificate"
	case 47, 50:
		return "it does not understand us"
	case 51:
		return "a signature of ours is wrong"
	case 70:
		return "it has another version of DTLS"
	case 71:
		return "our ciphers are too weak"
	}
	return fmt.Sprintf("alert %d", description)
}
