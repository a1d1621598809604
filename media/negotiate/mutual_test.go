package negotiate

import (
	"bytes"
	"testing"
)

// Who is not seen does not see: pictures in one direction alone, from the first offer or later, are agreed on as none.
// Sound may go one way.
func TestMutual(t *testing.T) {
	for _, test := range []struct {
		name, old, new string
		mutual         bool
		audio, video   Direction
		oneWay         Direction
	}{
		{"both", "", "", true, SendRecv, SendRecv, ""},
		{"recvonly", "a=sendrecv", "a=recvonly", true, SendOnly, Inactive, SendOnly},
		{"sendonly", "a=sendrecv", "a=sendonly", true, RecvOnly, Inactive, RecvOnly},
		{"inactive", "a=sendrecv", "a=inactive", true, Inactive, Inactive, ""},
		{"c=0.0.0.0", "c=IN IP4 10.0.0.1", "c=IN IP4 0.0.0.0", true, RecvOnly, Inactive, RecvOnly},
		{"recvonly, always", "a=sendrecv", "a=recvonly", false, SendOnly, SendOnly, ""},
		{"sendonly, always", "a=sendrecv", "a=sendonly", false, RecvOnly, RecvOnly, ""},
	} {
		ours, theirs := ours(), other()
		ours.Mutual = test.mutual
		change := func(sdp []byte) []byte { return bytes.ReplaceAll(sdp, []byte(test.old), []byte(test.new)) }
		if test.old == "" {
			change = func(sdp []byte) []byte { return sdp }
		}
		judge := func(when string, d Description, err error) {
			t.Helper()
			if err != nil {
				t.Fatalf("%s, %s: %v", test.name, when, err)
			}
			if d.Audio.Direction != test.audio || d.Video.Direction != test.video || d.Video.OneWay != test.oneWay {
				t.Errorf("%s, %s: %s, %s (%q)", test.name, when, d.Audio.Direction, d.Video.Direction, d.Video.OneWay)
			}
		}
		us, them := session(t, ours, SDES), session(t, theirs, SDES)
		offer, err := them.Offer()
		if err != nil {
			t.Fatal(err)
		}
		answer, d, err := us.Answer(change(bytes.ReplaceAll(offer, []byte("10.0.0.2"), []byte("10.0.0.1"))))
		judge("their first offer", d, err)
		_, video, _ := bytes.Cut(answer, []byte("m=video"))
		if !bytes.Contains(video, []byte("a="+test.video+"\r\n")) {
			t.Errorf("%s: answered\n%s", test.name, video)
		}
		if _, d, err = us.Answer(offer); err != nil || d.Video.Direction != SendRecv {
			t.Errorf("%s, and both ways again: %v, %v", test.name, d.Video, err)
		}
		us, them = session(t, ours, SDES), session(t, theirs, SDES)
		if offer, err = us.Offer(); err != nil {
			t.Fatal(err)
		}
		answer, _, err = them.Answer(offer)
		if err != nil {
			t.Fatal(err)
		}
		d, err = us.Accept(change(bytes.ReplaceAll(answer, []byte("10.0.0.2"), []byte("10.0.0.1"))))
		judge("their answer", d, err)
	}
}
