package qrcode

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const link = "https://reg.example.org/phone/AAAAAAAAAAAAAAAAAAAAAA"

// Debian's zbar reads both, the one for terminals drawn as a terminal would.
func TestRead(t *testing.T) {
	zbar, err := exec.LookPath("zbarimg")
	if err != nil {
		t.Fatalf("%v; make setup-test installs it", err)
	}
	drawn, err := PNG(link)
	if err != nil {
		t.Fatal(err)
	}
	text, err := Text(link)
	if err != nil {
		t.Fatal(err)
	}
	for name, image := range map[string][]byte{"PNG": drawn, "text": screen(t, text)} {
		path := filepath.Join(t.TempDir(), "qr.png")
		if err := os.WriteFile(path, image, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(zbar, "--raw", "-q", path).Output()
		if err != nil || strings.TrimSpace(string(out)) != link {
			t.Errorf("%s: %v, %q", name, err, out)
		}
	}
	if _, err := Text(strings.Repeat("x", 5000)); err == nil {
		t.Error("what is too long is drawn")
	}
}

// screen draws text as a terminal does.
func screen(t *testing.T, text string) []byte {
	t.Helper()
	const side = 8
	lines := strings.Split(strings.NewReplacer("\x1b[30;107m", "", "\x1b[0m", "").Replace(text), "\n")
	lines = lines[:len(lines)-1]
	img := image.NewGray(image.Rect(0, 0, (len([]rune(lines[0]))+2)*side, (2*len(lines)+2)*side))
	for i := range img.Pix {
		img.Pix[i] = 0xff
	}
	for row, line := range lines {
		for col, r := range []rune(line) {
			for half, dark := range []bool{r == '▀' || r == '█', r == '▄' || r == '█'} {
				for p := range side * side {
					if dark {
						img.SetGray((col+1)*side+p%side, (2*row+half+1)*side+p/side, color.Gray{})
					}
				}
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
