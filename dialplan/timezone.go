package dialplan

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
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
	if m := fixedPattern.FindStringSubmatch(zone); m != nil {
		r.warn(attr.Expr.Range(), fmt.Sprintf("%q is UTC%s%s: it counts to the west, and knows no summer time", zone, map[string]string{"+": "-", "-": "+"}[m[1]], m[2]),
			"write a continent and a large city, as Europe/Berlin")
	}
	r.locations[zone] = loc
	return loc
}

// zonePattern is what names of the IANA database look like. Package time takes what else lies in the machine's directory of
// zones, such as localtime and posixrules, which mean another place on another machine.
var zonePattern = regexp.MustCompile(`^[A-Z][A-Za-z0-9_+-]*(/[A-Z][A-Za-z0-9_+-]*)*$`)

// fixedPattern are zones that a fixed number of hours is named by, with the sign of POSIX: of UTC-5 people would think it is +5.
var fixedPattern = regexp.MustCompile(`^Etc/GMT([+-])([1-9][0-9]?)$`)

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
	first, rest, _ := strings.Cut(zone, "/")
	for _, try := range []string{zoneCase(zone), strings.ToUpper(first), strings.ToUpper(first) + "/" + zoneCase(rest)} { // UTC, US/Eastern
		if _, err := loadLocation(try); err == nil && (rest == "" || strings.Contains(try, "/")) {
			return fmt.Sprintf("did you mean %q?", try)
		}
	}
	zone = zoneCase(zone)
	continent, city, ok := strings.Cut(zone, "/")
	if !ok {
		city = zone
	}
	known := zonesByCity()
	if of, ok := known[strings.ToLower(city)]; ok { // whatever stands before it
		return fmt.Sprintf("did you mean %q?", of)
	}
	var near []string
	for name, of := range known {
		if strings.HasPrefix(of, continent+"/") {
			near = append(near, name)
		}
	}
	slices.Sort(near) // the same one each time
	if name := diagnostic.Nearest(city, near); name != "" {
		return fmt.Sprintf("did you mean %q?", known[name])
	}
	return "write a name of the IANA database: a continent and a large city, as Europe/Berlin"
}

// zonesByCity are zones by the last part of their names and by other cities in them, all in small letters.
var zonesByCity = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for continent, lines := range cities {
		for line := range strings.SplitSeq(lines, ";") {
			names := strings.Fields(line)
			for _, name := range names {
				out[strings.ToLower(name)] = continent + "/" + names[0]
			}
		}
	}
	return out
})

// cities are some that people misspell or translate, or take for zones; package time does not say which it knows. The first
// of each group is the zone.
var cities = map[string]string{
	"Europe": "Amsterdam Rotterdam The_Hague Utrecht Eindhoven; Athens Athen Athina Thessaloniki; Belgrade Beograd Novi_Sad; Bratislava; Bucharest Bucuresti București Cluj;" +
		"Berlin Munich München Muenchen Hamburg Frankfurt Cologne Köln Stuttgart Leipzig Dresden Potsdam Nuremberg Nürnberg Hannover Bremen Düsseldorf Dusseldorf Freiburg;" +
		"Brussels Bruxelles Brussel Antwerp Antwerpen Ghent Gent; Budapest; Copenhagen København Aarhus; Dublin Cork; Helsinki Tampere Turku; Istanbul Ankara Izmir;" +
		"Kyiv Lviv Odesa; Lisbon Lisboa Porto; Ljubljana Maribor; London Manchester Edinburgh Glasgow Bristol Birmingham Cardiff Belfast Leeds Oxford Cambridge; Luxembourg;" +
		"Madrid Barcelona Valencia Sevilla Seville Bilbao Malaga Málaga Palma; Malta Valletta; Oslo Bergen Trondheim; Paris Lyon Marseille Bordeaux Lille Nantes Toulouse Strasbourg Nice;" +
		"Prague Praha Brno; Riga; Rome Roma Milan Milano Turin Torino Naples Napoli Florence Firenze Bologna Palermo Venice Venezia Genoa Genova Trento Bolzano;" +
		"Sarajevo; Sofia Plovdiv; Stockholm Gothenburg Göteborg Malmö; Tallinn Tartu; Vienna Wien Graz Linz Salzburg Innsbruck; Vilnius Kaunas; " +
		"Warsaw Warszawa Krakow Kraków Gdansk Gdańsk Wroclaw Wrocław; Zagreb Split; Zurich Zürich Geneva Genève Genf Basel Bern Lausanne Lugano Lucerne Luzern; Moscow Moskva Saint-Petersburg",
	"America": "Bogota Bogotá Medellin Medellín; Chicago Dallas Houston Austin Minneapolis; Denver Boulder; Havana; Lima; Los_Angeles San_Francisco Seattle Portland San_Diego Las_Vegas; Mexico_City Guadalajara; " +
		"Montevideo; New_York Boston Washington Philadelphia Miami Atlanta; Phoenix; Santiago; Sao_Paulo São_Paulo Rio_De_Janeiro Brasilia; Toronto Montreal Montréal Ottawa Quebec; Vancouver Victoria; Buenos_Aires",
	"Asia": "Bangkok; Beirut; Dubai Abu_Dhabi; Hong_Kong; Ho_Chi_Minh Hanoi; Jakarta; Jerusalem Tel_Aviv; Kathmandu; Kolkata Mumbai Bombay Delhi New_Delhi Bangalore Bengaluru Chennai Hyderabad Pune; Kuala_Lumpur; Manila; " +
		"Seoul Busan; Shanghai Beijing Peking Shenzhen Guangzhou; Singapore; Taipei; Tbilisi; Tehran; Tokyo Osaka Kyoto",
	"Africa":    "Accra; Addis_Ababa; Cairo; Casablanca Rabat; Johannesburg Cape_Town Pretoria Durban; Lagos Abuja; Nairobi; Tunis",
	"Australia": "Sydney Canberra; Melbourne; Brisbane; Perth; Adelaide; Hobart",
	"Pacific":   "Auckland Wellington; Honolulu",
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
