package main

import (
	"encoding/json"
	"fmt"
)

// plain makes of a program's log line what people want to know of it; ok is false for lines that they don't.
func plain(name string, line []byte) (text string, ok bool) {
	var l map[string]any
	if json.Unmarshal(line, &l) != nil {
		return string(line), len(line) > 0 // a panic, or a library that writes by itself
	}
	say := func(format string, keys ...string) (string, bool) {
		args := make([]any, len(keys))
		for i, k := range keys {
			args[i] = l[k]
		}
		return fmt.Sprintf(format, args...), true
	}
	if name == "registrar" && l["level"] == "INFO" {
		return "", false // the windows tell of the same
	}
	switch l["msg"] {
	case "registered":
		return say("registered")
	case "plan received":
		return say("plan received, good until %.10v", "until")
	case "plan read from disk":
		return say("plan read from disk, good until %.10v", "until")
	case "calling":
		return say("calls %v", "peer")
	case "call up":
		return say("open onto %v since %v: %v", "peer", "since", "media")
	case "call failed":
		return say("no call: %v", "reason")
	case "call ended":
		return say("closed: %v", "reason")
	case "media":
		return say("%v fps in, %v out; %v kbit/s in, %v out; loss %v %%; round trip %v ms",
			"fps_in", "fps_out", "kbps_in", "kbps_out", "loss", "rtt_ms")
	case "device ready":
		if l["encoder"] != "" {
			return say("%v: %v, encoder %v", "role", "device", "encoder")
		}
		return say("%v: %v", "role", "device")
	}
	if l["level"] == "WARN" || l["level"] == "ERROR" {
		text = fmt.Sprintf("%v: %v", l["level"], l["msg"])
		for _, k := range []string{"role", "text", "reason", "status", "at", "err"} {
			if v, has := l[k]; has {
				text += fmt.Sprintf(" %s=%v", k, v)
			}
		}
		return text, true
	}
	return "", false
}
