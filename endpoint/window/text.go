package window

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"ewindow/dialplan/programme"
	"ewindow/endpoint/agent"
	"ewindow/media/negotiate"
)

// policy is the plan's word for security as the negotiation of media knows it.
func policy(s programme.Security) negotiate.Policy {
	switch s {
	case programme.SDES:
		return negotiate.SDES
	case programme.None:
		return negotiate.None
	}
	return negotiate.DTLS
}

// refusalReason is what the caller is told of an offer that is refused: what the log says, if the offer is at fault. What
// goes wrong on this machine is not the caller's business.
func refusalReason(err error) string {
	if errors.Is(err, negotiate.ErrNotAcceptable) {
		return err.Error()
	}
	return "Not Acceptable Here"
}

// retryAfter is the header of that name (RFC 3261 §20.33), none for 0.
func retryAfter(d time.Duration) []agent.Header {
	if d <= 0 {
		return nil
	}
	return []agent.Header{{Name: "Retry-After", Value: strconv.Itoa(int((d + time.Second - 1) / time.Second))}}
}

// explain says a SIP status as people understand it.
func explain(code int, reason string) string {
	switch code {
	case 403:
		return "the plan there does not allow this call yet"
	case 404:
		return "the registrar does not know them"
	case 408, 430:
		return "they do not answer"
	case 480:
		return "they are closed or not there"
	case 486:
		return "they are on the phone"
	case 491:
		return "they are calling us"
	}
	return fmt.Sprintf("%d %s", code, reason)
}

// describe says for the log what media was agreed on.
func describe(d negotiate.Description) string {
	text := "no sound"
	if d.Audio != nil {
		text = string(d.Audio.Codec)
	}
	if d.Video != nil {
		text += " + " + string(d.Video.Codec)
	}
	for _, s := range []*negotiate.Stream{d.Audio, d.Video} {
		if s != nil && s.Handshake != nil {
			return text + " over SRTP, keys by DTLS"
		}
		if s != nil && s.Send != nil {
			return text + " over SRTP " + string(s.Send.Suite)
		}
	}
	return text + " over plain RTP"
}

// wantsPicture says whether an INFO asks for a keyframe (RFC 5168).
func wantsPicture(body []byte) bool { return bytes.Contains(body, []byte("picture_fast_update")) }
