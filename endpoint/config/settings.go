package config

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"ewindow/dialplan/username"
	"ewindow/registrar/pki/pin"
)

// A setting is one that a file may have.
type setting struct {
	key   string
	into  any            // a *string or *int that has what holds if the file says nothing
	must  string         // how it may look, if the file must have it
	check func() trouble // of what is in into
}

// trouble is what is wrong with a value, and what to do. There is none if what is empty.
type trouble struct{ what, do string }

// settings are all that may stand in the file itself. readSecret reads what secret_file names.
func (c *Config) settings(readSecret func() trouble) []setting {
	return []setting{
		{"registrar", &c.Registrar, `registrar = "sips:reg.example.org"`, c.checkRegistrar},
		{"also_at", &c.AlsoAt, "", c.checkAlsoAt},
		{"domain", &c.Domain, "", c.checkDomain},
		{"pin", &c.Pin, `pin = "sha256:…", which ewindow-registrar pin prints`, c.checkPin},
		{"space", &c.Space, `space = "milano", a space of the dialplan`, c.checkSpace},
		{"secret_file", &c.SecretFile, `secret_file = "secret", a file with what ewindow-registrar account add printed`, func() trouble {
			if c.SecretFile == "" {
				return trouble{"it names no file", "name the one with the window's secret"}
			}
			return readSecret()
		}},
		{"camera", &c.Camera, "", oneOf(&c.Camera, "auto, test, libcamera, v4l2:…, x11:…, file:…, gst:…")},
		{"screen", &c.Screen, "", oneOf(&c.Screen, "auto, kms, wayland, none, x11:…, gst:…")},
		{"rotate", &c.Rotate, "", func() trouble {
			if !slices.Contains([]int{0, 90, 180, 270}, c.Rotate) {
				return trouble{fmt.Sprintf("%d is no quarter turn", c.Rotate), "use 90, 180 or 270: degrees by which the picture is turned clockwise; 0 is upright"}
			}
			return trouble{}
		}},
		{"microphone", &c.Microphone, "", oneOf(&c.Microphone, "auto, test, pulse, none, alsa:…, gst:…")},
		{"speaker", &c.Speaker, "", func() trouble {
			if strings.HasPrefix(c.Speaker, "file:") {
				return trouble{"a window records nothing, so no speaker is a file", "use auto, pulse, none, alsa:… or gst:…"}
			}
			return oneOf(&c.Speaker, "auto, pulse, none, alsa:…, gst:…")()
		}},
	}
}

// settings are those of the block video.
func (v *Video) settings() []setting {
	return []setting{
		{"width", &v.Width, "", func() trouble { return within(v.Width, 160, 1920, 16) }},
		{"height", &v.Height, "", func() trouble { return within(v.Height, 90, 1088, 2) }},
		{"fps", &v.FPS, "", func() trouble { return within(v.FPS, 1, 60, 1) }},
		{"kbps", &v.Kbps, "", func() trouble { return within(v.Kbps, 100, 20000, 1) }},
		{"encoder", &v.Encoder, "", func() trouble {
			if v.Encoder == "" {
				return trouble{"it names none", `use "auto", or the name of a GStreamer element`}
			}
			return trouble{}
		}},
	}
}

// within is for a number from low to high that step divides: encoders work in blocks.
func within(n, low, high, step int) trouble {
	switch {
	case n < low || n > high:
		return trouble{fmt.Sprintf("%d is out of range", n), fmt.Sprintf("use %d to %d", low, high)}
	case n%step != 0:
		return trouble{fmt.Sprintf("%d cannot be encoded", n), fmt.Sprintf("use a multiple of %d, such as %d", step, max(n/step*step, (low+step-1)/step*step))}
	}
	return trouble{}
}

// oneOf is for a value that is one of some words; "x:…" is x: with something behind it.
func oneOf(value *string, words string) func() trouble {
	return func() trouble {
		for word := range strings.SplitSeq(words, ", ") {
			prefix, open := strings.CutSuffix(word, "…")
			if *value == word || open && strings.HasPrefix(*value, prefix) && len(*value) > len(prefix) {
				return trouble{}
			}
		}
		if word := meant(*value); slices.ContainsFunc(strings.Split(words, ", "), func(w string) bool {
			prefix, open := strings.CutSuffix(w, "…")
			return word == w || open && strings.HasPrefix(word, prefix) && len(word) > len(prefix)
		}) {
			return trouble{fmt.Sprintf("%q is not known", *value), fmt.Sprintf("did you mean %q?", word)}
		}
		return trouble{fmt.Sprintf("%q is not known", *value), "use " + words}
	}
}

// meant is what people mean by names that other programs have for a device, or "".
func meant(value string) string {
	small := strings.ToLower(value)
	switch kind, rest, _ := strings.Cut(value, ":"); {
	case strings.HasPrefix(value, "/dev/video"):
		return "v4l2:" + value
	case small == "v4l2":
		return "v4l2:/dev/video0"
	case slices.Contains([]string{"hw", "plughw", "sysdefault"}, kind):
		return "alsa:" + value
	case small == "default" || small == "pulseaudio" || small == "pipewire":
		return "pulse"
	case small == "x11" || small == "xorg":
		return "x11::0"
	case kind == "" && rest != "": // :0, as in DISPLAY
		return "x11:" + value
	case small == "drm" || small == "fbdev" || small == "console":
		return "kms"
	case strings.HasSuffix(small, ".mp4") || strings.HasSuffix(small, ".mkv") || strings.HasSuffix(small, ".webm"):
		return "file:" + value
	case small == "off" || small == "no" || small == "false":
		return "none"
	case rest == "":
		return small
	default:
		return strings.ToLower(kind) + ":" + rest
	}
}

// checkRegistrar also finds host and port.
func (c *Config) checkRegistrar() (t trouble) {
	c.Place, t = place(c.Registrar)
	return t
}

func (c *Config) checkAlsoAt() (t trouble) {
	if c.Second, t = place(c.AlsoAt); t.what == "" && c.AlsoAt == c.Registrar {
		return trouble{fmt.Sprintf("%q is registrar already", c.AlsoAt), "name another address of the same registrar, or leave also_at out"}
	}
	return t
}

// place reads a registrar's URI.
func place(uri string) (p Place, t trouble) {
	const do = `write "sips:reg.example.org", or "sips:reg.example.org:5061"`
	rest, ok := strings.CutPrefix(uri, "sips:")
	if !ok {
		return p, trouble{fmt.Sprintf("%q does not begin with sips:, and a window speaks TLS only", uri), do}
	}
	p = Place{Host: rest, Port: 5061, Bare: true}
	if host, port, err := net.SplitHostPort(rest); err == nil {
		p.Host, p.Bare = host, false
		if p.Port, err = strconv.Atoi(port); err != nil || p.Port < 1 || p.Port > 65535 {
			return p, trouble{fmt.Sprintf("%q is no port", port), "use 1 to 65535"}
		}
	}
	if p.Host = strings.Trim(p.Host, "[]"); !isHost(p.Host) {
		return p, trouble{fmt.Sprintf("%q names no host", uri), do}
	}
	p.Bare = p.Bare && net.ParseIP(p.Host) == nil
	return p, trouble{}
}

func (c *Config) checkDomain() trouble {
	if !isHost(c.Domain) {
		return trouble{fmt.Sprintf("%q is no domain", c.Domain), "write what the registrar has as --domain"}
	}
	return trouble{}
}

// isHost is true for what may be a host name or an IP address, without brackets.
func isHost(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`@;?/[]<>"\`, r) }) &&
		(!strings.Contains(s, ":") || net.ParseIP(s) != nil)
}

func (c *Config) checkPin() trouble {
	if _, err := pin.Parse(c.Pin); err != nil {
		return trouble{"it is not a pin", `a pin is "sha256:" and 64 hexadecimal digits, and ewindow-registrar pin prints it`}
	}
	return trouble{}
}

func (c *Config) checkSpace() trouble {
	if !username.Valid(c.Space) {
		return trouble{fmt.Sprintf("%q is no name of a space", c.Space), "use the one from the dialplan: " + username.Rule}
	}
	return trouble{}
}
