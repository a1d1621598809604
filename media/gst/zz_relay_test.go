package main

import (
	"os"
	"testing"
	"time"
	"strconv"

	"ewindow/media/engine/protocol"
)

func TestRelay(t *testing.T) {
	if os.Getenv("RELAY") == "" { t.Skip() }
	cam := testCamera()
	cam.Source = os.Getenv("RELAY"); cam.Width=1280; cam.Height=720; cam.Kbps=2000
	s := start(t, protocol.Configure{Role: protocol.Screen, Screen: &protocol.ScreenConfig{Sink: os.Getenv("SINK"), Title: "relay", Width: 1280, Height: 720}})
	s.command(protocol.Command{Card: &protocol.Card{Picture: true, Title: os.Getenv("TITLE"), Notice: os.Getenv("NOTICE")}})
	s.event(protocol.Ready, "", 3*time.Second)
	k := start(t, cameraRole(cam))
	secs, _ := strconv.Atoi(os.Getenv("SECS"))
	end := time.Now().Add(time.Duration(secs)*time.Second)
	n := 0
	for time.Now().Before(end) {
		k.mu.Lock(); fr := k.frames; k.frames = nil; more := k.more; k.mu.Unlock()
		for _, f := range fr { f.Time = 0; s.send(f); n++ }
		if len(fr) == 0 { select { case <-more: case <-time.After(100*time.Millisecond): } }
	}
	t.Log(n, k.said(), s.said())
	for _, c := range []*child{k, s} { b, _ := os.ReadFile("/proc/"+strconv.Itoa(c.cmd.Process.Pid)+"/stat"); t.Log(string(b)[:200])
	 }
}
