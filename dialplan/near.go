package dialplan

import "ewindow/dialplan/diagnostic"

// Near is the name of the space that is nearest to what was written, or "" if none is near.
func (p *Plan) Near(written string) string {
	names := make([]string, len(p.spaces))
	for i, s := range p.spaces {
		names[i] = s.Name
	}
	return diagnostic.Nearest(written, names)
}
