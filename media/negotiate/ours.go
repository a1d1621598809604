package negotiate

import "slices"

// ourFormats are the formats that we offer on the line, numbered.
func (s *Session) ourFormats(l *line) []format {
	var out []format
	for _, f := range s.local.formats(l.kind) {
		if n, found := l.number(f); found {
			f.number = n
			out = append(out, f)
		}
	}
	return s.withFEC(l, s.withRED(l, s.withRepairs(l, out)))
}

// withFEC adds repair packets, where what is sent again has a stream to send them in.
func (s *Session) withFEC(l *line, formats []format) []format {
	if !s.local.FEC || !slices.ContainsFunc(formats, func(f format) bool { return f.codec == rtx }) {
		return formats
	}
	r := format{number: 103, codec: flexfec, clock: 90000}
	if n, found := l.number(r); found {
		r.number = n
		formats = append(formats, r)
	}
	return formats
}

// withRED adds the packets that carry copies of a format of ours.
func (s *Session) withRED(l *line, formats []format) []format {
	for _, f := range formats {
		if !s.local.RED || f.codec != Opus {
			continue
		}
		r := format{number: 102, codec: red, clock: f.clock, apt: f.number}
		if n, found := l.number(r); found {
			r.number = n
			formats = append(formats, r)
		}
	}
	return formats
}

// withRepairs adds the retransmissions of formats of ours that may be asked for again.
func (s *Session) withRepairs(l *line, formats []format) []format {
	for _, f := range formats {
		if !s.local.NACK || f.codec != H264 || f.mode == 0 { // whoever has but mode 0 is a simple phone
			continue
		}
		r := format{number: 99, codec: rtx, clock: f.clock, mode: f.mode, apt: f.number}
		if n, found := l.number(r); found {
			r.number = n
			formats = append(formats, r)
		}
	}
	return formats
}

// repairs is the payload type of a format's retransmissions, 0 for none.
func repairs(formats []format, f format) uint8 {
	if i := slices.IndexFunc(formats, func(r format) bool { return r.codec == rtx && r.apt == f.number }); i >= 0 {
		return formats[i].number
	}
	return 0
}
