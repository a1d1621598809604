package main

import (
	"fmt"
	"time"

	"ewindow/media/engine/protocol"
	"ewindow/media/opus"
)

// frameTime is the duration of one frame of sound.
const frameTime = 20 * time.Millisecond

// fecLoss is the loss that in-band FEC is made for, in percent: libopus gives it more of the bitrate the more that is, and none
// at zero.
const fecLoss = 10

// rawSound is the format between devices, echo canceller and codecs.
const rawSound = "audio/x-raw,format=S16LE,rate=48000,channels=1,layout=interleaved"

// A codec is one way to carry sound.
type codec struct {
	encode string // elements, from rawSound to one buffer a frame
	decode string // elements, to any sound
	caps   string // of a coded frame
	length func(frame []byte) time.Duration

	conceals bool // the decoder makes up for a frame that was lost
}

// split20 cuts sound into frames for encoders that take what they are given.
const split20 = "audiobuffersplit output-buffer-duration=1/50"

func bytesAt64(frame []byte) time.Duration { return time.Duration(len(frame)) * time.Second / 8000 }

// codecFor knows the codecs by their names in SDP.
func codecFor(c protocol.SoundStream) (codec, error) {
	switch c.Codec {
	case "opus":
		kbps := c.Kbps
		if kbps == 0 {
			kbps = 32
		}
		if kbps < 6 || kbps > 510 {
			return codec{}, fmt.Errorf("opus at %d kbit/s: 6 to 510 are possible", kbps)
		}
		fec := ""
		if c.FEC {
			fec = fmt.Sprintf(" inband-fec=true packet-loss-percentage=%d", fecLoss)
		}
		// Below complexity 7 libopus does not look at whether it hears a voice or a tone, and conceals a tone badly.
		return codec{conceals: true, length: opus.Duration, caps: "audio/x-opus,channel-mapping-family=0",
			encode: fmt.Sprintf("opusenc audio-type=voice complexity=7 frame-size=20 bitrate=%d", kbps*1000) + fec,
			decode: "opusdec plc=true use-inband-fec=false"}, nil
	case "G722":
		return codec{length: bytesAt64, caps: "audio/G722,rate=16000,channels=1", decode: "avdec_g722",
			encode: "audioresample ! audio/x-raw,rate=16000 ! " + split20 + " ! avenc_g722"}, nil
	case "PCMU":
		return codec{length: bytesAt64, caps: "audio/x-mulaw,rate=8000,channels=1", decode: "mulawdec",
			encode: "audioresample ! audio/x-raw,rate=8000 ! " + split20 + " ! mulawenc"}, nil
	case "PCMA":
		return codec{length: bytesAt64, caps: "audio/x-alaw,rate=8000,channels=1", decode: "alawdec",
			encode: "audioresample ! audio/x-raw,rate=8000 ! " + split20 + " ! alawenc"}, nil
	}
	return codec{}, fmt.Errorf("sound codec %q is not known; opus, G722, PCMU and PCMA are", c.Codec)
}
