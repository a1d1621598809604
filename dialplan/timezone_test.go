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
