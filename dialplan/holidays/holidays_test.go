package holidays

import (
	"strings"
	"testing"
	"time"

	"ewindow/dialplan/hours"
)

func number(t *testing.T, date string) int64 {
	t.Helper()
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		t.Fatal(err)
	}
	return hours.DayOf(at.Date())
}

// Days that people would notice, each by its law, and days that are none.
func TestYear(t *testing.T) {
	for _, c := range []struct {
		code, day string
		holiday   bool
		law       string
	}{
		{"it", "2027-06-02", true, "Legge 260/1949"}, {"it", "2027-03-29", true, "Legge 260/1949"}, {"it", "2027-11-01", true, "Legge 260/1949"},
		{"it", "2027-10-04", true, "Legge 151/2025: San Francesco, from 2026"}, {"it", "2025-10-04", false, "before it"},
		{"pl", "2025-12-24", true, "Dz.U. 2024 poz. 1965: from 2025"}, {"pl", "2024-12-24", false, "before it"}, {"pl", "2027-05-03", true, "Dz.U. 1951 nr 4 poz. 28"},
		{"ro", "2027-01-06", true, "Legea 52/2023"}, {"ro", "2027-01-07", true, "Legea 52/2023"}, {"ro", "2027-05-03", true, "Codul muncii art. 139: Orthodox Easter"},
		{"nz", "2027-06-25", true, "Te Kāhui o Matariki Public Holiday Act 2022"}, {"nz", "2027-02-06", true, "Waitangi Day Act 1976"},
		{"ar", "2027-03-26", true, "Ley 27.399: Viernes Santo"}, {"ar", "2027-03-25", false, "Jueves Santo is a day off, no holiday"}, {"ar", "2027-08-16", true, "Ley 27.399 art. 7: moved to Monday"},
		{"de", "2027-10-03", true, "Einigungsvertrag art. 2"}, {"de", "2027-11-01", false, "of some Länder"}, {"de-by", "2027-11-01", true, "BayFTG art. 1"},
		{"de-bb", "2027-03-28", true, "FTG Brandenburg § 2: Easter Sunday"}, {"de-bb", "2027-05-16", true, "FTG Brandenburg § 2: Whit Sunday"},
		{"de-be", "2027-03-08", true, "FeiertagsG Berlin § 1"}, {"de-mv", "2027-03-08", true, "FTG M-V § 2, from 2023"}, {"de-be", "2025-05-08", true, "once"},
		{"de-nw", "2027-05-27", true, "FeiertagsG NW § 2"}, {"de-be", "2027-05-27", false, "Corpus Christi is none there"},
		{"pt", "2027-06-10", true, "Código do Trabalho art. 234"}, {"pt", "2027-05-27", true, "Código do Trabalho art. 234: Corpo de Deus"},
		{"hu", "2027-08-20", true, "Munka törvénykönyve 102. §"}, {"hu", "2027-03-26", true, "2017. évi XIII. törvény: Good Friday"},
		{"fi", "2027-12-06", true, "Laki itsenäisyyspäivän viettämisestä"}, {"fi", "2027-06-26", true, "Kirkkolaki: Midsummer Day"},
		{"ee", "2027-02-24", true, "Pühade ja tähtpäevade seadus § 1"}, {"lu", "2027-05-09", true, "Code du travail L. 232-2: Journée de l'Europe"},
		{"dk", "2024-04-26", false, "Store bededag is none since Lov 214/2023"}, {"dk", "2027-05-06", true, "Helligdagsloven: Ascension"},
		{"sk", "2027-09-01", false, "zákon 241/1993, amended for 2024"}, {"ua", "2027-12-25", true, "закон 3107-IX"}, {"hr", "2027-11-18", true, "Zakon o blagdanima"},
		{"fr", "2027-07-14", true, "Code du travail L3133-1"}, {"fr", "2027-05-17", true, "Code du travail L3133-1: Whit Monday"}, {"at", "2027-10-26", true, "ARG § 7"},
		{"ch-zh", "2027-08-01", true, "BV art. 110"}, {"ch-ti", "2027-06-29", true, "Legge sui giorni festivi del Ticino"}, {"nl", "2025-04-26", true, "Koningsdag is a day earlier for a Sunday"}, {"nl", "2025-04-27", false, "the Sunday"},
		{"es", "2027-10-12", true, "Ley 18/1987"}, {"gr", "2027-03-25", true, "Ν. 1157/1981"}, {"se", "2027-06-25", false, "Midsummer Eve is none by law"}, {"se", "2027-06-26", true, "Lag 1989:253"},
		{"gb", "2027-12-27", true, "Banking and Financial Dealings Act 1971: for Christmas at a weekend"}, {"gb", "2027-12-28", true, "the same"}, {"gb", "2027-12-29", false, ""},
		{"gb", "2027-08-30", true, "Banking and Financial Dealings Act 1971: summer, in England"}, {"gb-sct", "2027-11-30", true, "St Andrew's Day Bank Holiday (Scotland) Act 2007"},
		{"us", "2027-11-25", true, "5 U.S.C. § 6103"}, {"us", "2027-07-05", true, "4 July is a Sunday"}, {"us", "2028-11-10", true, "5 U.S.C. § 6103 (b)"},
		{"au-vic", "2027-01-26", true, "Public Holidays Act 1993"}, {"jp", "2027-05-05", true, "Act on National Holidays"}, {"jp", "2032-09-21", true, "the same, art. 3 (3)"},
		{"bg", "2027-12-26", true, "Кодекс на труда чл. 154"}, {"bg", "2027-12-27", true, "for the 25th, a Saturday"}, {"bg", "2027-12-28", true, "for the 26th"}, {"bg", "2027-12-29", false, ""},
		{"br", "2027-11-20", true, "Lei 14.759/2023"},
	} {
		at, err := time.Parse(time.DateOnly, c.day)
		if err != nil {
			t.Fatal(err)
		}
		if name, ok := Year(c.code, at.Year())[number(t, c.day)]; ok != c.holiday {
			t.Errorf("%s on %s is %q (%s)", c.code, c.day, name, c.law)
		}
	}
}

// All of Europe is known, with regions where days differ by them, and the table does not end soon.
func TestKnown(t *testing.T) {
	for _, code := range strings.Fields("al ad at by be ba bg hr cy cz dk ee fi fr de gr hu is ie it lv li lt lu mt md mc me nl mk no pl pt ro sm rs sk si es se ch ua gb " +
		"de-by de-bb de-th at-9 ch-ti es-ct it-32 gb-eng gb-sct gb-nir us-ca au-nsw ca-qc nc mw") {
		if !Known(code) {
			t.Errorf("%s is not known", code)
		}
	}
	if Last < time.Now().Year()+5 {
		t.Errorf("the table ends in %d: see scripts/holidays/README.md", Last)
	}
}

// Every list has days in every year, none outside of it, and each has a name.
func TestEveryCountry(t *testing.T) {
	for _, code := range Codes() {
		for year := First; year <= Last; year += 9 {
			days := Year(code, year)
			if len(days) < 4 {
				t.Errorf("%s has %d holidays in %d", code, len(days), year)
			}
			for day, name := range days {
				if at := time.Unix(day*24*60*60, 0).UTC(); at.Year() != year || name == "" {
					t.Errorf("%s has %q on %v in %d", code, name, at, year)
				}
			}
		}
	}
}

func TestSuggest(t *testing.T) {
	for _, c := range []struct{ code, want string }{
		{"IT", `did you mean "it"?`},
		{"de_by", `did you mean "de-by"?`},
		{"Bavaria", `did you mean "de-by"?`},
		{"de-xx", "regions of de are: bb, be, bw, by, hb, he, hh, mv, ni, nw, rp, sh, sl, sn, st, th"},
		{"lu-x", `write "lu": none of its regions is known; add their own days as holiday blocks`},
	} {
		if got := Suggest(c.code); got != c.want {
			t.Errorf("%s: %s, want %s", c.code, got, c.want)
		}
		if Known(c.code) {
			t.Errorf("%s is known", c.code)
		}
	}
}
