package rig

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// browser answers the questions of a devtools with what it is told to, an event before each.
func browser(t *testing.T, answers ...string) (d *devtools, asked func() []string) {
	t.Helper()
	d, theirs, err := openDevtools()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	questions := make(chan []string, 1)
	go func() {
		defer theirs[0].Close()
		defer theirs[1].Close()
		var got []string
		defer func() { questions <- got }()
		in := bufio.NewReader(theirs[0])
		for _, a := range answers {
			text, err := in.ReadBytes(0)
			if err != nil {
				return
			}
			var q struct {
				ID     int
				Method string
				Params struct{ Expression string }
			}
			if err := json.Unmarshal(text[:len(text)-1], &q); err != nil {
				t.Error(err)
			}
			got = append(got, strings.TrimSpace(q.Method+" "+q.Params.Expression))
			fmt.Fprintf(theirs[1], `{"method":"Target.targetCreated","params":{}}`+"\x00"+`{"id":%d,%s}`+"\x00", q.ID, a)
		}
	}()
	return d, func() []string { return <-questions }
}

func TestDevtools(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	d, asked := browser(t,
		`"result":{"targetInfos":[{"targetId":"w","type":"service_worker"}]}`,
		`"result":{"targetInfos":[{"targetId":"w","type":"service_worker"},{"targetId":"p","type":"page"}]}`,
		`"result":{"sessionId":"s"}`,
		`"result":{"result":{"type":"string","value":"undefined"}}`,
		`"result":{"result":{"type":"string","value":"function"}}`,
		`"result":{"result":{"type":"string","value":"v=0"}}`,
		`"result":{"result":{"type":"undefined"}}`,
		`"result":{"result":{},"exceptionDetails":{"text":"Uncaught","exception":{"description":"NotReadableError"}}}`,
		`"error":{"message":"no such method"}`)
	if err := d.attach(ctx, "film"); err != nil {
		t.Fatal(err)
	}
	if got, err := d.call(ctx, "answer", "a \"b\"", 2000000); err != nil || got != "v=0" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := d.call(ctx, "accept"); err != nil || got != "" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := d.call(ctx, "film"); err == nil || err.Error() != "film: Uncaught: NotReadableError" {
		t.Errorf("got %v", err)
	}
	if _, err := d.call(ctx, "film"); err == nil || !strings.HasSuffix(err.Error(), ": no such method") {
		t.Errorf("got %v", err)
	}
	want := []string{"Target.getTargets", "Target.getTargets", "Target.attachToTarget", "Runtime.evaluate typeof film", "Runtime.evaluate typeof film",
		`Runtime.evaluate answer(...["a \"b\"",2000000])`, "Runtime.evaluate accept(...[])", "Runtime.evaluate film(...[])", "Runtime.evaluate film(...[])"}
	if got := asked(); !slices.Equal(got, want) {
		t.Errorf("asked %q, want %q", got, want)
	}
	if _, err := d.call(ctx, "film"); err == nil {
		t.Error("a browser that is gone answers")
	}
}

func TestDevtoolsGivesUp(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	d, theirs, err := openDevtools()
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	defer theirs[0].Close()
	defer theirs[1].Close()
	if err := d.attach(ctx, "film"); err == nil || !strings.Contains(err.Error(), "deadline") {
		t.Errorf("got %v", err)
	}
}

// The page knows nothing of the constants.
func TestChromiumPage(t *testing.T) {
	for _, part := range []string{fmt.Sprintf("width: %dpx; height: %dpx", Width, Height), fmt.Sprintf("width: %d, height: %d, frameRate: %d", Width, Height, FPS), fmt.Sprintf("maxFramerate = %d", FPS)} {
		if !strings.Contains(string(chromiumPage), part) {
			t.Errorf("the page has no %q", part)
		}
	}
}
