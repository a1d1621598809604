package phone

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// control is our end of baresip's control socket: commands go out, events come in, each a JSON object in a netstring
// ("5:hello,").
type control struct {
	conn   net.Conn
	events chan event // closed when baresip is gone
}

// event is something that happened in baresip: REGISTER_OK, CALL_ESTABLISHED, … and what there is to say of it.
type event struct {
	Event bool   `json:"event"`
	Type  string `json:"type"`
	Param string `json:"param"`
}

const (
	manyEvents  = 1024    // more than any test makes
	longestText = 1 << 16 // of a netstring, bytes
)

func newControl(conn net.Conn) *control {
	c := &control{conn: conn, events: make(chan event, manyEvents)}
	go c.read()
	return c
}

func (c *control) read() {
	defer close(c.events)
	r := bufio.NewReader(c.conn)
	for {
		text, err := readNetstring(r)
		if err != nil {
			return
		}
		var e event
		if json.Unmarshal(text, &e) == nil && e.Event {
			c.events <- e
		}
	}
}

func readNetstring(r *bufio.Reader) ([]byte, error) {
	length, err := r.ReadString(':')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
	if err != nil || n < 0 || n > longestText {
		return nil, fmt.Errorf("netstring of length %q", length)
	}
	text := make([]byte, n+1)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, err
	}
	return text[:n], nil
}

func (c *control) send(command, params string) error {
	b, err := json.Marshal(map[string]string{"command": command, "params": params})
	if err != nil {
		return err
	}
	_ = c.conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
	if _, err := fmt.Fprintf(c.conn, "%d:%s,", len(b), b); err != nil {
		return fmt.Errorf("tell baresip to %s: %w", command, err)
	}
	return nil
}

// await waits for the next event of one of the types and forgets what came before.
func (c *control) await(ctx context.Context, types ...string) (event, error) {
	for {
		select {
		case e, ok := <-c.events:
			if !ok {
				return event{}, errors.New("baresip is gone")
			}
			if slices.Contains(types, e.Type) {
				return e, nil
			}
		case <-ctx.Done():
			return event{}, ctx.Err()
		}
	}
}

func (c *control) close() { _ = c.conn.Close() }
