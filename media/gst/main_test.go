package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"ewindow/media/engine/protocol"
)

func TestNoNetworkSockets(t *testing.T) {
	out, err := program("seccomp-test").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := "AF_INET: permission denied\nAF_INET6: permission denied\nAF_PACKET: permission denied\nAF_UNIX: <nil>\nAF_NETLINK: <nil>\n"
	if string(out) != want {
		t.Errorf("sockets:\n%s", out)
	}
}

func TestStartedByHand(t *testing.T) {
	var stderr bytes.Buffer
	cmd := program()
	cmd.Stderr = &stderr
	if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != 2 || !strings.Contains(stderr.String(), "run ewindow instead") {
		t.Errorf("%v: %s", err, stderr.String())
	}
}

func TestProcessEndsWithItsParent(t *testing.T) {
	for _, c := range []protocol.Configure{
		cameraRole(testCamera()),
		soundRole(protocol.SoundConfig{Microphone: "test", ToneHz: 440, Speaker: "none", Streams: coded("opus", 0)}),
		screenRole(protocol.ScreenConfig{Sink: "none", Width: 640, Height: 360}),
	} {
		k := start(t, c)
		k.event(protocol.Ready, "", 3*time.Second)
		if err := k.conn.Close(); err != nil {
			t.Fatal(err)
		}
		if status := k.ends(500 * time.Millisecond); status != 0 {
			t.Errorf("%s ends with status %d", c.Role, status)
		}
	}
}

func TestNonsenseFromTheParent(t *testing.T) {
	none := protocol.ScreenConfig{Sink: "none", Width: 640, Height: 360}
	for text, send := range map[string]func(k *child){
		"different versions":  func(k *child) { _ = protocol.WriteJSON(k.conn, protocol.TypeCommand, protocol.Command{}) },
		"configure message: ": func(k *child) { _ = protocol.WriteMessage(k.conn, protocol.TypeConfigure, []byte("{")) },
		`names role "camera" without its part`: func(k *child) {
			_ = protocol.WriteJSON(k.conn, protocol.TypeConfigure, protocol.Configure{Role: protocol.Camera})
		},
		"command message: ": func(k *child) {
			_ = protocol.WriteJSON(k.conn, protocol.TypeConfigure, screenRole(none))
			_ = protocol.WriteMessage(k.conn, protocol.TypeCommand, []byte("["))
		},
		"device frame of 3 bytes": func(k *child) {
			_ = protocol.WriteJSON(k.conn, protocol.TypeConfigure, screenRole(none))
			_ = protocol.WriteMessage(k.conn, protocol.TypeFrame, []byte("abc"))
		},
		"unknown type 77": func(k *child) { _, _ = k.conn.Write([]byte{77, 0, 0, 0, 0}) },
		"at most 4194304": func(k *child) { _, _ = k.conn.Write([]byte{1, 0xff, 0, 0, 0}) },
		"does not belong here": func(k *child) {
			_ = protocol.WriteJSON(k.conn, protocol.TypeConfigure, screenRole(none))
			_ = protocol.WriteJSON(k.conn, protocol.TypeEvent, protocol.Event{})
		},
		"screen of 0x0": func(k *child) {
			_ = protocol.WriteJSON(k.conn, protocol.TypeConfigure, screenRole(protocol.ScreenConfig{}))
		},
	} {
		t.Run(text, func(t *testing.T) {
			k := startRaw(t)
			send(k)
			k.event(protocol.Failed, text, 2*time.Second)
			if status := k.ends(time.Second); status != 1 {
				t.Errorf("status %d", status)
			}
		})
	}
}
