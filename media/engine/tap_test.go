package engine

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What a process has written counts as said from the moment it was written, and as heard when its reader has handled
// it and come back.
func TestTapKnowsWhatIsUnread(t *testing.T) {
	ours, theirs, err := socketpair()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	in := newTap(ours)
	if in.empty() {
		t.Error("empty before anybody has looked")
	}
	handle, handled := make(chan struct{}), make(chan error)
	go func() {
		b := make([]byte, 4)
		for {
			_, err := in.Read(b)
			handled <- err
			if err != nil {
				return
			}
			<-handle
		}
	}()
	for range 100 {
		if _, err := theirs.Write([]byte("word")); err != nil {
			t.Fatal(err)
		}
		if in.empty() {
			t.Fatal("empty with a word that was written and not handled")
		}
		if err := <-handled; err != nil {
			t.Fatal(err)
		}
		if in.empty() {
			t.Fatal("empty while its reader handles a word")
		}
		handle <- struct{}{}
		for !in.empty() { // until the reader is back
			time.Sleep(time.Millisecond)
		}
	}
	theirs.Close()
	if err := <-handled; !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

// stingy takes so many bytes each 900 ms.
func stingy(conn net.Conn, bytes int) {
	for b := make([]byte, bytes); ; {
		time.Sleep(900 * time.Millisecond)
		if _, err := conn.Read(b); err != nil {
			return
		}
	}
}

func TestPatientWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		go stingy(theirs, 3)
		began := time.Now()
		if n, err := (patient{ours}).Write(make([]byte, 12)); n != 12 || err != nil || time.Since(began) != 3600*time.Millisecond {
			t.Errorf("to somebody who takes a little at a time: %d bytes, %v, after %v", n, err, time.Since(began))
		}
		theirs.Close()

		ours, theirs = net.Pipe()
		began = time.Now()
		if n, err := (patient{ours}).Write(make([]byte, 12)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != writePatience {
			t.Errorf("to somebody who takes nothing: %d bytes, %v, after %v", n, err, time.Since(began))
		}
		theirs.Close()
	})
}

func TestForwardIsBounded(t *testing.T) {
	for _, line := range []string{"\n", "short\n", strings.Repeat("long ", 10_000) + "\n", strings.Repeat("no line at all", 10_000)} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			r, w := io.Pipe()
			gone, ended := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(ended)
				forward(r, gone, slog.New(slog.NewTextHandler(&log, nil)))
			}()
			written := 0
			go func() {
				for b := bytes.Repeat([]byte(line), 100_000/len(line)+1); ; written += len(b) {
					if _, err := w.Write(b); err != nil {
						return
					}
				}
			}()
			const long = linesPer * 3 / 2
			time.Sleep(long)
			close(gone)
			w.Close()
			<-ended
			synctest.Wait()
			if n := log.Len(); n > 2*maxLines*(maxLine+200) {
				t.Errorf("%.10q…: a log of %d bytes in %v", line, n, long)
			}
			if most := int(long/floodPause+3)*forwardBytes + 2*maxPrinted; written > most {
				t.Errorf("%.10q…: %d bytes were read in %v, at most %d", line, written, long, most)
			}
		})
	}
}

func TestForwardKeepsLinesWhole(t *testing.T) {
	var log bytes.Buffer
	r, w := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		forward(r, nil, slog.New(slog.NewTextHandler(&log, nil)))
	}()
	for _, part := range []string{"one", " line\n\n  two\nth", "ree ", "\xff\n", strings.Repeat("x", maxLine+1), "x\nfour"} {
		if _, err := io.WriteString(w, part); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	<-ended
	var got []string
	for l := range strings.Lines(log.String()) {
		_, text, _ := strings.Cut(strings.TrimSpace(l), "line=")
		got = append(got, strings.Trim(text, `"`))
	}
	want := []string{"one line", "two", "three ?", strings.Repeat("x", maxLine), "four"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("%q", got)
	}
}
