package card

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// WiFi is the network that a window gets on by radio.
type WiFi struct {
	Name     string // SSID, 1 to 32 bytes (IEEE 802.11-2020, 9.4.2.2)
	Password string // passphrase of WPA, or its key in 64 digits; empty for an open network
	Country  string // ISO 3166-1: which channels may be used
}

func (w *WiFi) set(key, value string) (what, do string) {
	switch key {
	case "wifi_name":
		if len(value) > 32 {
			return fmt.Sprintf("the name of a Wi-Fi has 32 bytes at most, and this one %d", len(value)), "write it as the router shows it"
		}
		w.Name = value
	case "wifi_password":
		if !passphrase(value) {
			return "a password of a Wi-Fi has 8 to 63 letters, digits and signs of a plain keyboard", "write it as the router has it"
		}
		w.Password = value
	case "wifi_country":
		value = strings.ToUpper(value)
		if len(value) != 2 || strings.Trim(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			return "a country is two letters", "as DE, IT or CH"
		}
		w.Country = value
	}
	return "", ""
}

// passphrase says whether it is one of WPA (IEEE 802.11-2020, J.4.1), or its key.
func passphrase(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	_, err := hex.DecodeString(s)
	return len(s) >= 8 && len(s) <= 63 || len(s) == 64 && err == nil
}

// Supplicant is the configuration of wpa_supplicant for it. The name stands there in digits: people write into it what they like.
func (w WiFi) Supplicant() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Written by ewindow card.\ncountry=%s\n\nnetwork={\n\tssid=%s\n\tscan_ssid=1\n", w.Country, hex.EncodeToString([]byte(w.Name)))
	switch len(w.Password) {
	case 0:
		b.WriteString("\tkey_mgmt=NONE\n")
	case 64:
		fmt.Fprintf(&b, "\tpsk=%s\n", w.Password)
	default:
		fmt.Fprintf(&b, "\tpsk=\"%s\"\n", w.Password) // up to the last quote of the line, whatever is between
	}
	b.WriteString("}\n")
	return b.String()
}
