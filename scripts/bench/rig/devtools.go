package rig

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// devtools speaks the Chrome DevTools protocol with a browser over two pipes (--remote-debugging-pipe): JSON, each message
// ended by a zero byte. One question at a time; events are dropped.
type devtools struct {
	to, from *os.File
	lines    *bufio.Reader
	asked    int
	page     string // session with the first page, once it is attached
}

// openDevtools makes the pipes; theirs are the browser's files 3 and 4, to be closed once it has started.
func openDevtools() (d *devtools, theirs []*os.File, err error) {
	itsIn, to, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	from, itsOut, err := os.Pipe()
	if err != nil {
		return nil, nil, errors.Join(err, itsIn.Close(), to.Close())
	}
	return &devtools{to: to, from: from, lines: bufio.NewReader(from)}, []*os.File{itsIn, itsOut}, nil
}

func (d *devtools) close() {
	_ = d.to.Close()
	_ = d.from.Close()
}

// ask sends a question and waits for its answer, for as long as the context's deadline lets it.
func (d *devtools) ask(ctx context.Context, method string, parameters, answer any) error {
	d.asked++
	question := map[string]any{"id": d.asked, "method": method, "params": parameters}
	if d.page != "" {
		question["sessionId"] = d.page
	}
	text, err := json.Marshal(question)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = d.from.SetReadDeadline(time.Now()) })
	defer stop()
	if _, err := d.to.Write(append(text, 0)); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	for {
		text, err := d.lines.ReadBytes(0)
		if err != nil {
			return fmt.Errorf("%s: %w", method, errors.Join(ctx.Err(), err))
		}
		var said struct {
			ID     int
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		if err := json.Unmarshal(text[:len(text)-1], &said); err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		if said.ID != d.asked {
			continue
		}
		if said.Error != nil {
			return fmt.Errorf("%s: %s", method, said.Error.Message)
		}
		return json.Unmarshal(said.Result, answer)
	}
}

// attach waits for the first page, until it has a function.
func (d *devtools) attach(ctx context.Context, function string) error {
	for {
		var err error
		if d.page == "" {
			d.page, err = d.findPage(ctx)
		} else {
			var loaded evaluated
			err = d.ask(ctx, "Runtime.evaluate", map[string]any{"expression": "typeof " + function}, &loaded)
			if loaded.Result.Value == "function" {
				return nil
			}
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// findPage opens a session with the first page; it is empty while there is none.
func (d *devtools) findPage(ctx context.Context) (session string, err error) {
	var targets struct {
		TargetInfos []struct{ TargetID, Type string }
	}
	if err := d.ask(ctx, "Target.getTargets", struct{}{}, &targets); err != nil {
		return "", err
	}
	for _, t := range targets.TargetInfos {
		if t.Type == "page" {
			var attached struct{ SessionID string }
			err := d.ask(ctx, "Target.attachToTarget", map[string]any{"targetId": t.TargetID, "flatten": true}, &attached)
			return attached.SessionID, err
		}
	}
	return "", nil
}

// evaluated is the answer to Runtime.evaluate.
type evaluated struct {
	Result           struct{ Value any }
	ExceptionDetails *struct {
		Text      string
		Exception struct{ Description string }
	}
}

// call calls a function of the page, as if somebody had clicked, and waits for what it promises: a text.
func (d *devtools) call(ctx context.Context, function string, arguments ...any) (string, error) {
	text, err := json.Marshal(append([]any{}, arguments...))
	if err != nil {
		return "", err
	}
	var answer evaluated
	err = d.ask(ctx, "Runtime.evaluate", map[string]any{
		"expression": fmt.Sprintf("%s(...%s)", function, text), "awaitPromise": true, "userGesture": true, "returnByValue": true,
	}, &answer)
	if err != nil {
		return "", fmt.Errorf("%s: %w", function, err)
	}
	if e := answer.ExceptionDetails; e != nil {
		return "", fmt.Errorf("%s: %s: %s", function, e.Text, e.Exception.Description)
	}
	value, _ := answer.Result.Value.(string)
	return value, nil
}
