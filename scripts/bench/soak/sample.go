package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"ewindow/endpoint/status"
	"ewindow/scripts/bench/rig"
)

const (
	mb       = 1e6
	metrics  = 9091 // port
	patience = 10 * time.Second
)

// figures are what is measured of a process or a call, by name.
type figures map[string]float64

// sample looks at a window: at each of its processes, and at its call.
func sample(ctx context.Context, ends *rig.Ends, end, pid int, s status.Status) (map[string]figures, error) {
	held, err := rig.HeldBy(pid)
	if err != nil {
		return nil, err
	}
	out := map[string]figures{}
	for _, h := range held {
		name := path.Base(h.Name)
		f := figures{"pid": float64(h.PID), "memory": float64(h.Own) / mb, "fds": float64(h.FDs)}
		if h.PID == pid {
			if f["goroutines"], err = scrape(ctx, ends, end, "go_goroutines"); err != nil {
				return nil, err
			}
		}
		out[name] = f
	}
	for i := range s.Calls {
		if c := &s.Calls[i]; c.Up && !c.Leaving {
			f := &c.Figures
			out["call"] = figures{"delay": f.Delay, "sound": f.SoundDelay, "freezes": float64(f.Freezes), "frozen": f.Frozen,
				"fps": f.FPSIn, "missed": f.LossBefore(), "gone": f.LossAfter(), "concealed": float64(f.Concealed), "age": s.At.Sub(c.Since).Seconds()}
		}
	}
	return out, nil
}

// scrape reads one metric of the window at an end.
func scrape(ctx context.Context, ends *rig.Ends, end int, metric string) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
		return ends.Dial(ctx, end, addr)
	}}}
	request, err := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("http://127.0.0.1:%d/metrics", metrics), nil)
	if err != nil {
		return 0, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		if value, found := strings.CutPrefix(lines.Text(), metric+" "); found {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("the metrics have no %s", metric)
}
