package config

import "testing"

// A Raspberry Pi 3 makes 25 pictures a second if its file does not say more.
func TestDefaultsOfABoard(t *testing.T) {
	for board, fps := range map[string]int{
		"": 30, "Raspberry Pi 4 Model B Rev 1.5": 30, "Raspberry Pi 3 Model B Plus Rev 1.3": 25, "Raspberry Pi 3 Model A Plus Rev 1.0": 25,
		"Raspberry Pi Zero 2 W Rev 1.0": 25, "Raspberry Pi Zero W Rev 1.1": 30,
	} {
		c, err := parse([]byte(good), "window.hcl", board, noSecret)
		if err != nil {
			t.Fatal(err)
		}
		if want := (Video{Width: 1280, Height: 720, FPS: fps, Kbps: 2000, Encoder: "auto"}); c.Video != want {
			t.Errorf("%q: %+v, expected %+v", board, c.Video, want)
		}
		if c, err = parse([]byte(good+"video {\n  fps = 28\n}\n"), "window.hcl", board, noSecret); err != nil || c.Video.FPS != 28 {
			t.Errorf("%q: %v, %+v, expected what the file says", board, err, c.Video)
		}
	}
}
