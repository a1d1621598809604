package holidays

import (
	"slices"
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

		// What days.tsv lacks or has too many.
		{"sk", "2026-05-08", false, "a working day in 2026 alone"}, {"sk", "2027-05-08", true, "zákon 241/1993"}, {"sk", "2027-09-15", true, "zákon 241/1993"}, {"sk", "2027-11-17", false, "none since 2025"},
		{"is", "2024-04-18", false, "lög 88/1971"}, {"is", "2030-04-25", true, "lög 88/1971: the first Thursday after 18 April"}, {"is", "2029-04-19", true, "the same"},
		{"cy", "2027-03-15", true, "Green Monday"}, {"cy", "2027-03-16", false, "the Tuesday after it"}, {"cy", "2027-06-21", true, "Kataklysmos"},
		{"li", "2028-08-15", true, "Arbeitsgesetz Art. 18: Staatsfeiertag"}, {"li", "2027-11-01", true, "the same"}, {"li", "2027-05-07", false, "the day after Ascension is a working day"},
		{"me", "2027-11-13", true, "Zakon o državnim i drugim praznicima: Njegoš"}, {"me", "2027-10-11", false, "Yom Kippur is one for Jews"}, {"me", "2027-07-13", true, "Statehood Day"},
		{"al", "2028-09-05", true, "ligji 7651: Mother Teresa"}, {"al", "2027-10-19", false, "her old day"}, {"ua", "2028-05-08", true, "закон 3107-IX"}, {"ua", "2028-05-09", false, "until 2023"},
		{"md", "2027-06-01", true, "Codul muncii art. 111"}, {"by", "2027-01-02", true, "Указ № 157"}, {"ge", "2027-05-17", true, "from 2024"}, {"ge", "2023-05-17", false, "before it"},
		{"tr", "2027-03-11", true, "2429 sayılı Kanun: the third day"}, {"tr", "2027-03-12", false, "there is no fourth"}, {"tr", "2027-05-19", true, "the fourth day of Kurban Bayramı"}, {"tr", "2027-05-20", false, "there is no fifth"},
		{"mc", "2027-08-16", true, "loi n° 798: Monday, for a Sunday"}, {"rs", "2026-02-15", true, "a Sunday is a holiday too"}, {"rs", "2026-02-17", true, "and the working day after"}, {"rs", "2028-04-15", true, "Easter Saturday"},
		{"bg", "2028-04-15", true, "Кодекс на труда чл. 154: Easter Saturday"}, {"xk", "2029-01-02", true, "Ligji 03/L-064"}, {"nl", "2030-05-05", true, "every fifth year"}, {"nl", "2027-05-05", false, "not the others"},
		{"gb-sct", "2026-06-15", true, "once"}, {"de-by", "2028-08-15", false, "by commune"}, {"de-by-kath", "2028-08-15", true, "BayFTG art. 1 (2): Munich, and most communes"}, {"de-by-a", "2028-08-08", true, "BayFTG art. 1 (2): Augsburg"},
		{"it-25-mi", "2027-12-07", true, "Sant'Ambrogio"}, {"it-25", "2027-12-07", false, "of one town"},
		{"es-vc", "2028-10-09", true, "Ley 8/1984"}, {"es-nc", "2027-12-03", true, "San Francisco Javier"}, {"es-mc", "2027-06-09", true, "Ley Orgánica 4/1982"}, {"es-cb", "2027-07-28", true, "Ley 3/1985"}, {"es-cb", "2027-06-28", false, "its old day"},
		{"ch-gl", "2027-04-01", true, "the first Thursday of April"}, {"ch-gl", "2027-04-08", false, "the second"}, {"ch-gl", "2026-04-09", true, "the second, since the first is Maundy Thursday"}, {"ch-gl", "2027-12-24", false, "a working day"},
		{"ch-ur", "2031-12-26", true, "Christmas is a Thursday"}, {"ch-ur", "2028-12-26", false, "Christmas is a Monday"}, {"ch-ar", "2026-12-26", false, "Christmas is a Friday"}, {"ch-ai", "2027-12-08", true, "Ruhetagsgesetz AI"}, {"ch-so", "2027-03-19", false, "in twelve communes"},
		{"ca-bc", "2027-09-30", true, "National Day for Truth and Reconciliation Act"}, {"ca-on", "2027-09-30", false, "none in Ontario"}, {"ca-on", "2027-03-29", false, "Easter Monday is none there"}, {"ca-qc", "2029-07-02", true, "Holidays Act: for a Sunday"},
		{"cl", "2027-03-27", true, "Ley 2.977: Sábado Santo"}, {"mx", "2030-10-01", true, "LFT art. 74 VII"}, {"mx", "2030-12-01", false, "until 2018"}, {"gh", "2027-07-01", true, "Act of 2025"}, {"gh", "2027-08-04", false, "until 2024"},
		{"kr", "2027-02-06", true, "the eve of Seollal"}, {"kr", "2027-02-09", true, "for the Sunday"}, {"kr", "2028-01-29", false, "two days after Seollal"}, {"kr", "2027-05-01", true, "노동절"}, {"kr", "2028-04-12", true, "election"},
		{"tw", "2027-09-28", true, "law of 2025"}, {"tw", "2024-09-28", false, "before it"}, {"tw", "2026-10-26", true, "for a Sunday"}, {"cn", "2027-05-02", true, "as amended for 2025"}, {"cn", "2027-06-01", false, "for children"},
		{"ae", "2027-12-03", true, "Cabinet Resolution 27 of 2024"}, {"ae", "2027-02-08", false, "the first of Ramadan is none"}, {"ma", "2027-10-31", true, "décret n° 2.26.14"}, {"ma", "2027-01-14", true, "décret of 2023"}, {"tn", "2027-12-17", true, "2021-223"}, {"tn", "2027-01-14", false, "its old day"},
		{"th", "2026-12-07", true, "for a Saturday"}, {"ph", "2027-12-08", true, "Republic Act 10966"}, {"vn", "2027-09-03", true, "Bộ luật Lao động điều 112"}, {"sg", "2027-03-10", true, "gazetted"}, {"ec", "2027-10-08", true, "9 October is a Saturday"}, {"ec", "2027-09-10", false, "no day of Guayaquil"}, {"tz", "2027-01-12", true, "Zanzibar"}, {"az", "2027-03-24", true, "Novruz"}, {"az", "2027-11-12", false, "a working day"}, {"my", "2027-05-20", true, "Holidays Act 1951: Vesak Day"}, {"my-14", "2031-11-14", true, "Deepavali"}, {"my-14", "2028-02-09", true, "Thaipusam"},
		{"im", "2026-07-06", true, "Tynwald Day on a Sunday"},
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

// Each correction still corrects something: what days.tsv has by now is one too many.
func TestCorrections(t *testing.T) {
	for _, c := range corrections() {
		for _, code := range c.codes {
			if !Known(code) {
				t.Errorf("%s %q: the calendar %q is not known", c.name, c.law, code)
			}
			changes := 0
			for year := First; year <= Last; year++ {
				for _, date := range in(c.dates, year) {
					if has(code, c.name, date, c.remove) == c.remove {
						changes++
					}
				}
				if c.dates == "*" && slices.ContainsFunc(calendars()[code], func(h holiday) bool { return h.name == c.name }) {
					changes++
				}
			}
			if changes == 0 || c.law == "" {
				t.Errorf("%s %q (%q) changes nothing", code, c.name, c.law)
			}
		}
	}
}

// has says whether a calendar of days.tsv has a date, as the named holiday or, named or not, as any.
func has(code, name, date string, named bool) bool {
	for _, h := range calendars()[code] {
		if (h.name == name || !named) && slices.Contains(in(h.dates, mustYear(date)), date) {
			return true
		}
	}
	return false
}

func mustYear(date string) int {
	at, _ := time.Parse(time.DateOnly, date)
	return at.Year()
}

func TestSuggest(t *testing.T) {
	for _, c := range []struct{ code, want string }{
		{"IT", `did you mean "it"?`},
		{"de_by", `did you mean "de-by"?`},
		{"Bavaria", `did you mean "de-by"?`},
		{"de-xx", "regions of de are: bb, be, bw, by, hb, he, hh, mv, ni, nw, rp, sh, sl, sn, st, th"},
		{"de-by-katholisch", `write "de-by", or one of its parts: a, evang, kath`}, {"de-BY-kath", `did you mean "de-by-kath"?`}, {"it-25-roma", `write "it-25", or one of its parts: mi`},
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
