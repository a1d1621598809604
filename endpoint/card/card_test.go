package card

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ewindow/registrar/signal/joining"
)

var code = joining.Code{Host: "reg.example.org", Token: joining.NewToken()}.Typed()

// Files as the editors of all computers write them.
func TestParse(t *testing.T) {
	plain := "# for the café\ncode = " + code + "\naccept_rules=v3\n\nwifi_name = Café Nord \nwifi_password: a=b #c;\"d\nwifi_country = it\nrotate = 90\ncamera = v4l2:/dev/video0\n"
	want := Card{Code: code, AcceptRules: "v3", WiFi: WiFi{"Café Nord", `a=b #c;"d`, "IT"}, Rotate: 90, Camera: "v4l2:/dev/video0"}
	for name, text := range map[string]string{
		"plain": plain, "Windows": "\ufeff" + strings.ReplaceAll(plain, "\n", "\r\n"), "no last line's end": strings.TrimSuffix(plain, "\n"),
		"capitals": strings.ReplaceAll(plain, "code =", "Code ="),
	} {
		got, err := Parse(name, []byte(text))
		if err != nil || *got != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if c, err := Parse("", []byte("wifi_name = \" x \"\nwifi_country=DE\ncode =\n")); err != nil || c.WiFi.Name != " x " || c.Code != "" {
		t.Errorf("%+v, %v", c, err)
	}
}

// Each mistake is named with its line, and nothing that is secret stands in what is said.
func TestMistakes(t *testing.T) {
	mistyped := []byte(code)
	at := strings.IndexByte(code, '/') + 2
	mistyped[at] = map[bool]byte{true: 'B', false: 'A'}[mistyped[at] == 'A']
	for text, want := range map[string]string{
		"code = " + string(mistyped):                        "join.txt:1:8: the code is mistyped, probably in group 1",
		"\ncode = https://example.org":                      "join.txt:2:8: this is no code",
		"hello":                                             "join.txt:1:1: this line is not of the form key = value",
		"cod = x\nrotate = 45":                              "join.txt:2:10: rotate is 0, 90, 180 or 270",
		"wifi_name = x":                                     "join.txt:1:13: the country is missing",
		"wifi_password = long enough":                       "join.txt:1:17: wifi_password is without wifi_name",
		"wifi_name=x\nwifi_password = short":                "join.txt:2:17: a password of a Wi-Fi has 8 to 63",
		"wifi_name=x\nwifi_password = pässwörter":           "join.txt:2:17: a password of a Wi-Fi has 8 to 63",
		"wifi_name = " + strings.Repeat("x", 33):            "join.txt:1:13: the name of a Wi-Fi has 32 bytes at most, and this one 33",
		"wifi_country = Germany":                            "join.txt:1:16: a country is two letters",
		"accept_rules = v1\naccept_rules = v2":              "join.txt:2:16: accept_rules stands in line 1 already",
		"\xff\xfec\x00o\x00":                                "join.txt:1:1: this is no plain text; save the file as text in UTF-8",
		"camera = auto\nwifi_name = Caf\xe9":                "join.txt:2:1: this line is no plain text",
		"code = a\x00b":                                     "join.txt:1:1: this is no plain text",
		"wifi_name=x\nwifi_country=DE\npassword=sesame1234": "join.txt:3:1: what stands before the sign is nothing that a card can say",
	} {
		_, err := Parse("join.txt", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
			continue
		}
		for _, s := range []string{string(mistyped), "long enough", "short", "sesame1234", "example.org/"} {
			if strings.Contains(text, s) && strings.Contains(err.Error(), s) {
				t.Errorf("%v tells a secret", err)
			}
		}
	}
	_, err := Parse("join.txt", []byte("a=1\nb=2"))
	if got := Brief(err).Error(); !strings.HasPrefix(got, "in join.txt, line 1 (and 1 more): what stands before") {
		t.Error(got)
	}
}

func TestSupplicant(t *testing.T) {
	got := WiFi{Name: "a\"\n}", Password: `x"y#z123`, Country: "DE"}.Supplicant()
	want := "country=DE\n\nnetwork={\n\tssid=61220a7d\n\tscan_ssid=1\n\tpsk=\"x\"y#z123\"\n}\n"
	if !strings.HasSuffix(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
	if open := (WiFi{Name: "x", Country: "DE"}).Supplicant(); !strings.Contains(open, "key_mgmt=NONE") {
		t.Error(open)
	}
}

// What has been used is gone from the very bytes where it stood; all else is as it was, and the card can still be read.
func TestBlank(t *testing.T) {
	path := filepath.Join(t.TempDir(), "join.txt")
	text := "\ufeff# keep\r\ncode = " + code + "\r\nwifi_name = Café\r\nwifi_password = \"sesame 123\"\r\nwifi_country = DE\r\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(BlankCode(path), BlankWiFi(path)); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(path)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("another file: %v", err)
	}
	data, err := os.ReadFile(path)
	if err != nil || len(data) != len(text) {
		t.Fatalf("%d bytes, before %d, %v", len(data), len(text), err)
	}
	squeezed := strings.Join(strings.Fields(string(data)), " ")
	if squeezed != "\ufeff# keep code = wifi_name = wifi_password = wifi_country = DE" {
		t.Errorf("%q", data)
	}
	if c, err := Read(path); err != nil || *c != (Card{WiFi: WiFi{Country: "DE"}}) {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := Read(path + "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// A note is of one code.
func TestNote(t *testing.T) {
	dir := t.TempDir()
	if Used(dir, code) {
		t.Error("used without a note")
	}
	if err := Note(dir, code); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, note)); err != nil || strings.Contains(string(text), code) {
		t.Errorf("%s, %v", text, err)
	}
	if !Used(dir, code) || Used(dir, "another") || Used(dir, "") {
		t.Error("the note is of another code")
	}
	if err := errors.Join(Forget(dir), Forget(dir)); err != nil || Used(dir, code) {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("code = " + code + "\nwifi_name = \"x\"\r\nwifi_country: de\n"))
	f.Add([]byte("\ufeff= \" =\n:"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("x", data)
		if (c == nil) == (err == nil) {
			t.Fatalf("%v, %v", c, err)
		}
		for _, s := range values(data, keys) {
			copy(data[s.at:s.end], bytes.Repeat([]byte{' '}, s.end-s.at))
		}
		if c, err := Parse("x", data); err == nil && *c != (Card{}) {
			t.Errorf("after all is blank: %+v", c)
		}
	})
}
