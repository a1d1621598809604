package machine

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"

	"ewindow/media/testcard"
)

// Screen is what its screen shows now.
func (m *Machine) Screen() (*image.RGBA, error) {
	path := filepath.Join(m.cfg.Dir, screenFile)
	if err := m.monitor.command("screendump " + path); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the machine's screen: %w", err)
	}
	return readPPM(b)
}

// readPPM reads a picture as QEMU writes it (P6, 255 levels).
func readPPM(b []byte) (*image.RGBA, error) {
	var width, height, most int
	r := bytes.NewReader(b)
	if _, err := fmt.Fscanf(r, "P6\n%d %d\n%d\n", &width, &height, &most); err != nil || most != 255 || width < 1 || height < 1 || r.Len() != 3*width*height {
		return nil, errors.New("the machine's screen is no whole picture yet")
	}
	pixels := b[len(b)-r.Len():]
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		img.SetRGBA(i%width, i/width, color.RGBA{pixels[3*i], pixels[3*i+1], pixels[3*i+2], 255})
	}
	return img, nil
}

// Seen reads the test picture of a camera off a screen: whose it is, and its number. false: none is to be seen.
func Seen(img *image.RGBA) (seed uint16, counter uint32, ok bool) {
	b := img.Bounds()
	luma := make([]byte, b.Dx()*b.Dy())
	for i := range luma {
		luma[i] = img.Pix[4*i+1] // green will do: the code is black and white
	}
	return testcard.Read(luma, b.Dx(), b.Dx(), b.Dy())
}
