package dialplan

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"ewindow/dialplan/diagnostic"
	"ewindow/dialplan/lookalike"
)

// timezone loads each zone once: reading one takes longer than reading a block.
func (r *reader) timezone(attr *hclsyntax.Attribute) *time.Location {
	zone, ok := r.text(attr)
	if !ok {
		return time.UTC
	}
	if loc, ok := r.locations[zone]; ok {
		return loc
	}
	loc, err := loadLocation(zone)
	if err != nil {
		r.fail(attr.Expr.Range(), fmt.Sprintf("unknown time zone %q", zone), suggestZone(zone))
		return time.UTC
	}
	r.locations[zone] = loc
	return loc
}

// zonePattern is what names of the IANA database look like. Package time takes what else lies in the machine's directory of
// zones, such as localtime and posixrules, which mean another place on another machine.
var zonePattern = regexp.MustCompile(`^[A-Z][A-Za-z0-9_+-]*(/[A-Z][A-Za-z0-9_+-]*)*$`)

func loadLocation(zone string) (*time.Location, error) {
	if !zonePattern.MatchString(zone) || zone == "Local" || zone == "Factory" {
		return nil, fmt.Errorf("unknown time zone %q", zone)
	}
	return time.LoadLocation(zone)
}

func suggestZone(zone string) string {
	for _, r := range zone {
		if what, _ := lookalike.Of(r); what != "" {
			return what
		}
	}
	zone = zoneCase(zone)
	if _, err := loadLocation(zone); err == nil {
		return fmt.Sprintf("did you mean %q?", zone)
	}
	if continent, city, ok := strings.Cut(zone, "/"); ok {
		if near := diagnostic.Nearest(city, strings.Fields(cities[continent])); near != "" {
			return fmt.Sprintf("did you mean %q?", continent+"/"+near)
		}
	}
	return "write a name of the IANA database: a continent and a large city, as Europe/Berlin"
}

// cities are some that people misspell or translate; package time does not say which it knows.
var cities = map[string]string{
	"Europe": "Amsterdam Athens Belgrade Berlin Bratislava Brussels Bucharest Budapest Copenhagen Dublin Helsinki Istanbul Kyiv " +
		"Lisbon Ljubljana London Luxembourg Madrid Malta Oslo Paris Prague Riga Rome Sarajevo Sofia Stockholm Tallinn Vienna Vilnius Warsaw Zagreb Zurich",
	"America": "Bogota Chicago Denver Havana Lima Los_Angeles Mexico_City Montevideo New_York Phoenix Santiago Sao_Paulo Toronto Vancouver",
	"Asia":    "Bangkok Beirut Dubai Hong_Kong Jakarta Jerusalem Kathmandu Kolkata Manila Seoul Shanghai Singapore Taipei Tbilisi Tehran Tokyo",
	"Africa":  "Accra Addis_Ababa Cairo Casablanca Johannesburg Lagos Nairobi Tunis",
}

// zoneCase writes "europe/new york" as the database does.
func zoneCase(zone string) string {
	out, first := []byte(strings.ReplaceAll(strings.TrimSpace(zone), " ", "_")), true
	for i, c := range out {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if letter && first {
			out[i] = c &^ 0x20
		} else if letter {
			out[i] = c | 0x20
		}
		first = !letter
	}
	return string(out)
}
