package media

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// Repair packets are as many as the loss asks for, where it is far.
func TestProtection(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	for _, test := range []struct {
		name        string
		lost        uint8 // of 256, as reported
		trip        time.Duration
		packets     int
		key         bool
		least, most int // repair packets for 100 such pictures
	}{
		{"near", 13, 20 * ms, 7, false, 0, 0},
		{"near, a keyframe", 13, 20 * ms, 25, true, 0, 0},
		{"far and clean", 0, 80 * ms, 7, false, 0, 0},
		{"far and clean, a keyframe", 0, 80 * ms, 25, true, 100, 300},
		{"1 %", 3, 80 * ms, 7, false, 80, 130},
		{"5 %", 13, 80 * ms, 7, false, 170, 230},
		{"5 %, small pictures", 13, 80 * ms, 1, false, 25, 40},
		{"5 %, a keyframe", 13, 80 * ms, 25, true, 400, 600},
		{"20 %", 51, 200 * ms, 7, false, 340, 350},
		{"unknown round trip", 13, 0, 7, false, 170, 230},
	} {
		var p protection
		now, highest := start, uint32(0)
		for range 400 {
			now, highest = now.Add(100*ms), highest+21
			p.heard(now, rtcp.ReceptionReport{LastSequenceNumber: highest, FractionLost: test.lost}, test.trip)
		}
		n := 0
		for range 100 {
			n += p.of(now, test.packets, test.key, false)
		}
		if n < test.least || n > test.most {
			t.Errorf("%s: %d, want %d to %d", test.name, n, test.least, test.most)
		}
	}
}

// What is asked for in spite of them makes them more, for a while; a queue makes no path a far one.
func TestProtectionFollows(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	var p protection
	p.heard(now, rtcp.ReceptionReport{LastSequenceNumber: 1000, FractionLost: 13}, 200*ms)
	for range 5 {
		now = now.Add(200 * ms)
		p.failed(now)
		p.failed(now)
	}
	if m := p.more(now); m < 1.4 || m > 1.7 {
		t.Errorf("%.2f times as many after five requests", m)
	}
	if m := p.more(now.Add(2 * time.Minute)); m > 1.01 {
		t.Errorf("%.2f times as many two minutes later", m)
	}
	p = protection{}
	for i := range 100 {
		p.travels(now.Add(time.Duration(i)*100*ms), 20*ms+time.Duration(i%30)*10*ms)
	}
	if p.far(now) {
		t.Errorf("a round trip of %v", p.least())
	}
}

// What one repair packet protects differs from what the others do, and nothing is sent before the last keyframe for.
func TestWindow(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	var w window
	w.begin(now, 65530, true)
	if from := w.from(now, 4); from != 65530 {
		t.Errorf("from %d", from)
	}
	for i := range uint16(4) {
		now = now.Add(33 * ms)
		w.begin(now, 4+7*i, false)
	}
	if from := w.from(now, 4+28); from != 4+7 {
		t.Errorf("from %d, want three pictures", from)
	}
	w.begin(now.Add(time.Second), 40, false)
	if from := w.from(now.Add(time.Second), 47); from != 40 {
		t.Errorf("from %d, want what was not sent too long ago", from)
	}
	w.begin(now, 47, true)
	if from := w.from(now, 60); from != 47 {
		t.Errorf("from %d, want the keyframe", from)
	}
	heads := 0
	for i := range uint16(1000) {
		if coin(i, 7, 1) {
			heads++
		}
	}
	if heads < 450 || heads > 550 {
		t.Errorf("%d of 1000", heads)
	}
}
