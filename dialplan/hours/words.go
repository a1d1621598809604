package hours

import (
	"fmt"
	"slices"
	"strings"
)

// later are words of the notation that are not supported, and what they are.
var later = map[string]string{
	"SH": "school holidays", "easter": "a movable feast", "unknown": "neither open nor closed",
	"sunrise": "a time by the sun", "sunset": "a time by the sun", "dawn": "a time by the sun", "dusk": "a time by the sun",
}

// names are weekdays as people write them, in English, German and Italian, Monday first.
var names = [daysPerWeek][]string{
	{"monday", "montag", "lunedì", "lunedi"},
	{"tuesday", "dienstag", "martedì", "martedi"},
	{"wednesday", "mittwoch", "mercoledì", "mercoledi"},
	{"thursday", "donnerstag", "giovedì", "giovedi"},
	{"friday", "freitag", "venerdì", "venerdi"},
	{"saturday", "samstag", "sonnabend", "sabato"},
	{"sunday", "sonntag", "domenica"},
}

// meantWeekday is the weekday whose name begins with the word, in small letters; "" if there is none.
func meantWeekday(small string) string {
	if len(small) < 2 || small == "do" { // Donnerstag or domenica
		return ""
	}
	for d, list := range names {
		if slices.ContainsFunc(list, func(name string) bool { return strings.HasPrefix(name, small) }) {
			return weekdayNames[d]
		}
	}
	return ""
}

// months are their names as people write them, in English, German and Italian. Of "mar" and "ago" the first counts.
var months = [12][]string{
	{"january", "januar", "jänner", "gennaio"},
	{"february", "februar", "feber", "febbraio"},
	{"march", "märz", "mrz", "maerz", "marzo"},
	{"april", "aprile"},
	{"may", "mai", "maggio"},
	{"june", "juni", "giugno"},
	{"july", "juli", "luglio"},
	{"august", "agosto"},
	{"september", "settembre"},
	{"october", "oktober", "ottobre"},
	{"november", "novembre"},
	{"december", "dezember", "dicembre"},
}

// meantMonth is the month whose name begins with the word, in small letters; "" if there is none.
func meantMonth(small string) string {
	if len(small) < 3 {
		return ""
	}
	for m, list := range months {
		if slices.ContainsFunc(list, func(name string) bool { return strings.HasPrefix(name, small) }) {
			return monthNames[m]
		}
	}
	return ""
}

// unknownWord is the problem with the word that stands next; inside says that a rule has begun before it.
func (sc *scanner) unknownWord(word string, inside bool) error {
	if name, ok := later[word]; ok {
		return sc.unsupported(sc.at, word, name)
	}
	if err := sc.wordInDisorder(word); err != nil {
		return err
	}
	what := fmt.Sprintf("%q is not known here", word)
	small := strings.ToLower(word)
	for known, name := range later {
		if small == strings.ToLower(known) {
			return sc.unsupported(sc.at, word, name)
		}
	}
	did := func(known string) error { return sc.problem(sc.at, what, fmt.Sprintf("did you mean %q?", known)) }
	for _, known := range []string{"off", "closed", "open", "PH", "week"} {
		if small == strings.ToLower(known) || small == known+"s" || small == "close" && known == "closed" || small == "kw" && known == "week" {
			return did(known)
		}
	}
	if inside && slices.Contains([]string{"h", "am", "pm", "uhr", "a", "p"}, small) {
		return sc.problem(sc.at, what, "write times in 24 hours: 09:00-19:00")
	}
	if slices.Contains([]string{"holiday", "holidays", "feiertag", "feiertage", "festivi"}, small) {
		return did("PH")
	}
	month := meantMonth(small)
	day := meantWeekday(small)
	switch {
	case day != "" && (month == "" || len(small) < 3):
		return did(day)
	case month != "":
		return did(month)
	}
	return sc.problem(sc.at, what, "weekdays are Mo Tu We Th Fr Sa Su, months are Jan Feb Mar …; also known are PH, week, off, closed and open")
}

// wordInDisorder is the problem with a word that is known, and stands where it cannot.
func (sc *scanner) wordInDisorder(word string) error {
	dateWord := isMonth(word) || word == "week"
	if !dateWord && weekday(word) < 0 && word != "PH" {
		return nil
	}
	if dateWord && sc.afterDay() {
		return sc.problem(sc.at, fmt.Sprintf("%q stands after the days", word), `dates and weeks come first: "Dec 24-31 Mo-Fr 09:00-12:00"; another rule begins with ";"`)
	}
	return sc.problem(sc.at, fmt.Sprintf("%q begins another rule", word), `write ";" before it`)
}

// afterDay says whether the last thing before is a weekday.
func (sc *scanner) afterDay() bool {
	before := strings.TrimRight(sc.s[:sc.at], " \t")
	return len(before) >= 2 && weekday(before[len(before)-2:]) >= 0
}
