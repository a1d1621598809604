package negotiate

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// describe begins a description of ours. a=record:off says that a window keeps nothing (RFC 7866).
func (s *Session) describe() *sdp.SessionDescription {
	address, family := s.local.Address.String(), "IP4"
	if s.local.Address.Is6() {
		family = "IP6"
	}
	attributes := []sdp.Attribute{sdp.NewAttribute("record", "off")}
	if s.local.AudioICE != nil || s.local.VideoICE != nil {
		options := "ice2" // RFC 8445 §10
		if s.local.Trickle {
			options += " " + trickleOption
		}
		attributes = append(attributes, sdp.NewAttribute("ice-options", options))
	}
	return &sdp.SessionDescription{
		Origin: sdp.Origin{
			Username: "-", SessionID: s.local.SessionID, SessionVersion: s.version,
			NetworkType: "IN", AddressType: family, UnicastAddress: address,
		},
		SessionName: "-",
		ConnectionInformation: &sdp.ConnectionInformation{
			NetworkType: "IN", AddressType: family, Address: &sdp.Address{Address: address},
		},
		TimeDescriptions: []sdp.TimeDescription{{}},
		Attributes:       attributes,
	}
}

// sign writes a description out. Its version grows by one if anything else in it has changed (RFC 3264 §8).
func (s *Session) sign(d *sdp.SessionDescription) ([]byte, error) {
	out, err := d.Marshal()
	if err == nil && s.sent != nil && !bytes.Equal(out, s.sent) {
		d.Origin.SessionVersion++
		out, err = d.Marshal()
	}
	if err != nil {
		return nil, fmt.Errorf("negotiate: write description: %w", err)
	}
	s.sent, s.version = out, d.Origin.SessionVersion
	return out, nil
}

// offerLine writes an m-line of an offer.
func (s *Session) offerLine(l *line) (*sdp.MediaDescription, error) {
	if !l.active {
		return l.refusal(), nil
	}
	if l.proto == "" {
		// Many phones refuse AVPF, but heed rtcp-fb without it.
		switch l.proto = "RTP/SAVP"; s.policy {
		case DTLS:
			l.proto = dtlsProto
		case None:
			l.proto = "RTP/AVP"
		}
	}
	formats := s.ourFormats(l)
	m := s.media(l, formats, wish)
	for _, f := range formats {
		if f.codec == Opus && s.local.NACK {
			m.WithValueAttribute("rtcp-fb", fmt.Sprintf("%d nack", f.number))
		}
	}
	if l.kind == "video" {
		for _, f := range formats {
			if f.codec == rtx || f.codec == flexfec {
				continue
			}
			if s.local.NACK {
				m.WithValueAttribute("rtcp-fb", fmt.Sprintf("%d nack", f.number))
			}
			if s.local.CCFB {
				m.WithValueAttribute("rtcp-fb", fmt.Sprintf("%d ack ccfb", f.number))
			}
			if s.local.Ceilings {
				m.WithValueAttribute("rtcp-fb", fmt.Sprintf("%d goog-remb", f.number))
				m.WithValueAttribute("rtcp-fb", fmt.Sprintf("%d ccm tmmbr", f.number))
			}
			m.WithValueAttribute("rtcp-fb", fmt.Sprintf("%d nack pli", f.number))
			m.WithValueAttribute("rtcp-fb", fmt.Sprintf("%d ccm fir", f.number))
		}
	}
	m.WithPropertyAttribute("rtcp-mux")
	if ice := s.local.place(l.kind).ICE; ice != nil {
		if s.local.Trickle && l.mid == "" {
			l.mid = l.kind
		}
		if l.mid != "" {
			m.WithValueAttribute("mid", l.mid)
		}
		withICE(m, ice)
	}
	keys, err := s.offerProtection(l)
	m.Attributes = append(m.Attributes, keys...)
	return m, err
}

// media writes what m-lines of offers and answers have in common.
func (s *Session) media(l *line, formats []format, d Direction) *sdp.MediaDescription {
	place := s.local.place(l.kind)
	m := &sdp.MediaDescription{MediaName: sdp.MediaName{
		Media: l.kind, Port: sdp.RangedPort{Value: int(place.RTP)}, Protos: strings.Split(l.proto, "/"),
	}}
	if l.kind == "video" && s.local.MaxKbps > 0 {
		m.Bandwidth = []sdp.Bandwidth{{Type: "TIAS", Bandwidth: uint64(s.local.MaxKbps) * 1000}}
	}
	for _, f := range formats {
		n := strconv.Itoa(int(f.number))
		m.MediaName.Formats = append(m.MediaName.Formats, n)
		m.WithValueAttribute("rtpmap", n+" "+f.rtpmap())
		if p := f.fmtp(); p != "" {
			m.WithValueAttribute("fmtp", n+" "+p)
		}
	}
	if l.kind == "audio" {
		m.WithValueAttribute("ptime", "20")
	}
	m.WithPropertyAttribute(string(d))
	m.WithValueAttribute("rtcp", strconv.Itoa(int(place.RTCP)))
	return m
}

// refusal is the m-line with port 0 (RFC 3264 §6).
func (l *line) refusal() *sdp.MediaDescription {
	return &sdp.MediaDescription{MediaName: sdp.MediaName{
		Media: l.kind, Protos: strings.Split(l.proto, "/"), Formats: l.formats,
	}}
}
