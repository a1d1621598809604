package scrape

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/scripts/lab/memnet"
)

const port = "10.0.0.1:9091"

var watcher = netip.MustParseAddr("10.0.0.2")

// serve runs f beside a server in simulated time, and joins it.
func serve(t *testing.T, f func(n *memnet.Network, served *atomic.Int32)) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(1)
		n.PowerOn(netip.MustParseAddr("10.0.0.1"))
		n.PowerOn(watcher)
		l, err := n.Listen(port)
		if err != nil {
			t.Fatal(err)
		}
		var served atomic.Int32
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- Serve(ctx, l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				served.Add(1)
				fmt.Fprintln(w, "up 1")
			}), slog.New(slog.DiscardHandler))
		}()
		f(n, &served)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

// dial opens a connection and says what to it; the answer's status line is what comes within a minute, "" for none.
func dial(t *testing.T, n *memnet.Network, say string) (net.Conn, func() string) {
	t.Helper()
	c, err := n.Dial(context.Background(), watcher, port)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, say); err != nil {
		t.Fatal(err)
	}
	return c, func() string {
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		line, _ := bufio.NewReader(c).ReadString('\n')
		return strings.TrimSpace(line)
	}
}

const request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"

func TestServe(t *testing.T) {
	serve(t, func(n *memnet.Network, served *atomic.Int32) {
		for range 3 {
			c, answer := dial(t, n, request)
			if got := answer(); got != "HTTP/1.1 200 OK" {
				t.Errorf("%q", got)
			}
			_ = c.Close()
		}
	})
}

// Connections that say nothing, or say it slowly, end within seconds; a watcher comes through after them.
func TestSlowClients(t *testing.T) {
	for name, say := range map[string]string{"nothing": "", "half a head": "GET /metrics HTTP/1.1\r\nHos"} {
		t.Run(name, func(t *testing.T) {
			serve(t, func(n *memnet.Network, served *atomic.Int32) {
				for range 3 * MaxConnections {
					c, _ := dial(t, n, say)
					defer c.Close()
				}
				start := time.Now()
				c, answer := dial(t, n, request)
				defer c.Close()
				if got := answer(); got != "HTTP/1.1 200 OK" || time.Since(start) > 30*time.Second {
					t.Errorf("%q after %v", got, time.Since(start))
				}
			})
		})
	}
}

func TestLargeRequests(t *testing.T) {
	for name, say := range map[string]string{
		"a header": "GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 1<<20) + "\r\n\r\n",
		"headers":  "GET /metrics HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: a\r\n", 1<<16) + "\r\n",
		"a path":   "GET /" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			serve(t, func(n *memnet.Network, served *atomic.Int32) {
				c, err := n.Dial(context.Background(), watcher, port)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(time.Minute))
				_, _ = io.WriteString(c, say) // it may be cut off
				line, _ := bufio.NewReader(c).ReadString('\n')
				if served.Load() > 0 || line != "" && !strings.Contains(line, " 431 ") {
					t.Errorf("%d served: %q", served.Load(), line)
				}
			})
		})
	}
}

// However many ask, they are answered at a pace, and a connection is for one request.
func TestManyRequests(t *testing.T) {
	serve(t, func(n *memnet.Network, served *atomic.Int32) {
		ctx, enough := context.WithTimeout(context.Background(), 20*time.Second)
		defer enough()
		for range 40 {
			go func() {
				for {
					c, err := n.Dial(ctx, watcher, port)
					if err != nil {
						return
					}
					_, _ = io.WriteString(c, request+request)
					_, _ = io.Copy(io.Discard, c)
					_ = c.Close()
				}
			}()
		}
		<-ctx.Done()
		if served.Load() < 150 || served.Load() > 20*perSecond+burst {
			t.Errorf("%d requests answered in 20 s", served.Load())
		}
	})
}
