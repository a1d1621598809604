package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// connector is where a screen is connected to a graphics card, as the kernel tells in /sys/class/drm. GStreamer's kmssink
// looks for a card by the names of drivers that it knows, and finds neither those that are newer, nor of two cards the one
// that has the screen.
type connector struct {
	card          string // its file in /dev/dri: "card1"
	name          string // "HDMI-A-1"
	id            int    // -1 if the kernel does not say it: then kmssink takes the one that the console is on
	width, height int    // of the mode to set; 0 if the kernel has not asked the screen yet
}

// errNoConnector says what to do.
var errNoConnector = errors.New("no screen is connected to a graphics card of this machine; connect one and switch it on, or set screen in the window's file")

// connectedScreen finds the first connector that has a screen. The kernel's tree is sys, "/sys".
func connectedScreen(sys string) (connector, error) {
	found, err := filepath.Glob(filepath.Join(sys, "class/drm/card[0-9]*-*/status"))
	if err != nil {
		return connector{}, err
	}
	for _, path := range found { // in the order of their names
		if status, err := os.ReadFile(path); err != nil || strings.TrimSpace(string(status)) != "connected" {
			continue
		}
		dir := filepath.Dir(path)
		c := connector{id: -1}
		c.card, c.name, _ = strings.Cut(filepath.Base(dir), "-")
		if id, err := os.ReadFile(filepath.Join(dir, "connector_id")); err == nil {
			if n, err := strconv.Atoi(strings.TrimSpace(string(id))); err == nil {
				c.id = n
			}
		}
		modes, _ := os.ReadFile(filepath.Join(dir, "modes"))
		c.width, c.height = bestMode(string(modes))
		return c, nil
	}
	return connector{}, errNoConnector
}

// bestMode is the first of a connector's modes, the one that its screen prefers, of those that are not larger than pictures
// ever are; only if there is none of them, of all.
func bestMode(modes string) (width, height int) {
	for mode := range strings.Lines(modes) {
		var w, h int
		if n, _ := fmt.Sscanf(mode, "%dx%d", &w, &h); n != 2 || strings.HasSuffix(strings.TrimSpace(mode), "i") { // interlaced
			continue
		}
		if w <= 1920 && h <= 1088 {
			return w, h
		}
		if width == 0 {
			width, height = w, h
		}
	}
	return width, height
}

// sink opens the card. The plane of some cards does not scale: they get pictures that have the size of the mode, which is
// set for them, in the format that every card has.
func (c connector) sink() (sink, error) {
	path := filepath.Join("/dev/dri", c.card)
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0) // for as long as this process lives
	if err != nil {
		return sink{}, fmt.Errorf("screen kms: open %s, which has the screen %s: %w; the user has to be in the group video", path, c.name, err)
	}
	return sink{
		elements:  fmt.Sprintf("video/x-raw,format=BGRx ! kmssink sync=false force-modesetting=true fd=%d connector-id=%d", fd, c.id),
		device:    fmt.Sprintf("kms %s of %s, %dx%d", c.name, c.card, c.width, c.height),
		connector: &c,
	}, nil
}

// watch waits until there is another screen, the same one in another mode, or the same one again.
func (c connector) watch(ctx context.Context, sys string) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for away := false; ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		switch now, err := connectedScreen(sys); {
		case err != nil:
			away = true
		case away:
			return fmt.Errorf("%s is connected again", now.name)
		case now != c:
			return fmt.Errorf("now the screen is %s of %s, %dx%d", now.name, now.card, now.width, now.height)
		}
	}
}
