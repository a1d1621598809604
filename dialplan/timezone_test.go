package dialplan

import (
	"testing"
	"time"
)

// A zone means the same place on every machine.
func TestZones(t *testing.T) {
	for _, good := range []string{
		"Europe/Rome", "UTC", "Etc/UTC", "Etc/GMT-14", "GMT+0", "EST5EDT", "NZ-CHAT", "W-SU", "America/Argentina/Buenos_Aires",
		"America/Port-au-Prince", "Africa/Dar_es_Salaam", "Asia/Kolkata", "Antarctica/DumontDUrville", "GB-Eire",
	} {
		if loc, err := loadLocation(good); err != nil || loc == time.Local {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "Local", "local", "localtime", "posixrules", "Factory", "posix/Europe/Rome", "right/Europe/Rome", "tzdata.zi", "leapseconds",
		"../etc/localtime", "/etc/localtime", "Europe/../../localtime", "Europe/", "Europe", "europe/rome", "Europe/Rome ", "Europe\\Rome", "CEST-ish",
	} {
		if _, err := loadLocation(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// What people write instead of a zone, and what they should: never a zone with another time.
func TestSuggestZone(t *testing.T) {
	for written, want := range map[string]string{
		"Europe/Milan": "Europe/Rome", "Milano": "Europe/Rome", "Rome": "Europe/Rome", "rome": "Europe/Rome", "Europe/Munich": "Europe/Berlin", "Europe/München": "Europe/Berlin",
		"Asia/Mumbai": "Asia/Kolkata", "Asia/Bangalore": "Asia/Kolkata", "Asia/Beijing": "Asia/Shanghai", "America/San_Francisco": "America/Los_Angeles", "America/San Francisco": "America/Los_Angeles",
		"Europe/Warszawa": "Europe/Warsaw", "Europe/Genf": "Europe/Zurich", "Europe/Zürich": "Europe/Zurich", "Europe/Viena": "Europe/Vienna", "Europe/Rom": "Europe/Rome", "America/São_Paulo": "America/Sao_Paulo",
		"europe/berlin": "Europe/Berlin", "America/New York": "America/New_York", "Europe/New_York": "America/New_York", "US/eastern": "US/Eastern", "gb": "GB", "Utc": "UTC", "America/argentina/buenos_aires": "America/Argentina/Buenos_Aires",
		"Africa/Cape Town": "Africa/Johannesburg", "Asia/Tel Aviv": "Asia/Tel_Aviv",
	} {
		if got := suggestZone(written); got != `did you mean "`+want+`"?` {
			t.Errorf("%s: %s, want %s", written, got, want)
		}
	}
	for written, want := range map[string]string{
		"Mars/Base":    "write a name of the IANA database: a continent and a large city, as Europe/Berlin",
		"CEST":         "write a name of the IANA database: a continent and a large city, as Europe/Berlin",
		"Europe\u00a0": "this is a no-break space (U+00A0), not a blank",
	} {
		if got := suggestZone(written); got != want {
			t.Errorf("%s: %s, want %s", written, got, want)
		}
	}
	for _, zone := range zonesByCity() {
		if _, err := loadLocation(zone); err != nil {
			t.Errorf("%s is suggested: %v", zone, err)
		}
	}
}
