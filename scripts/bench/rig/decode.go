package rig

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os/exec"
	"strings"
)

// Decoded is one picture of a clean decode.
type Decoded struct {
	Code uint32 // as in Look
	Grid []byte
}

// Decode decodes H.264 (Annex B) with nothing lost, and looks at each picture in the size of the screen. The elements are those that
// a window shows pictures with.
func (g Glass) Decode(ctx context.Context, h264 []byte) ([]Decoded, error) {
	pipeline := fmt.Sprintf("fdsrc fd=0 ! h264parse ! avdec_h264 max-threads=1 ! videoconvertscale add-borders=true ! video/x-raw,format=BGRx,width=%d,height=%d ! fdsink fd=1 sync=false", Width, Height)
	decoder := exec.CommandContext(ctx, "nice", append([]string{"gst-launch-1.0", "-q"}, strings.Fields(pipeline)...)...)
	decoder.Stdin = bytes.NewReader(h264)
	pictures, err := decoder.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var complaints bytes.Buffer
	decoder.Stderr = &complaints
	reader := exec.CommandContext(ctx, g.Program, "decoded", fmt.Sprint(Width), fmt.Sprint(Height))
	reader.Stdin = pictures
	lines, err := reader.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := decoder.Start(); err != nil {
		return nil, fmt.Errorf("%w; install gstreamer1.0-tools (make bench does)", err)
	}
	if err := reader.Start(); err != nil {
		return nil, fmt.Errorf("%w; make glass makes it", err)
	}
	var all []Decoded
	scan := bufio.NewScanner(lines)
	for scan.Scan() {
		var d Decoded
		var grid string
		if _, err := fmt.Sscanf(scan.Text(), "%d %s", &d.Code, &grid); err != nil {
			return nil, fmt.Errorf("glass printed %.80q: %w", scan.Text(), err)
		}
		if d.Grid, err = hex.DecodeString(grid); err != nil {
			return nil, fmt.Errorf("glass printed %.80q: %w", scan.Text(), err)
		}
		all = append(all, d)
	}
	if err := reader.Wait(); err != nil {
		return nil, err
	}
	if err := decoder.Wait(); err != nil {
		return nil, fmt.Errorf("decode: %w: %.200s", err, complaints.String())
	}
	return all, scan.Err()
}
