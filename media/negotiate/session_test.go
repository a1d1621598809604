package negotiate

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"
)

// other is a second window, at 10.0.0.2, with other keys.
func other() Local {
	l := ours()
	l.Address = netip.MustParseAddr("10.0.0.2")
	l.AudioRTP, l.AudioRTCP, l.VideoRTP, l.VideoRTCP = 6000, 6001, 6002, 6003
	l.Rand = rand.NewChaCha8([32]byte{2})
	return l
}

func session(t *testing.T, l Local, p Policy) *Session {
	t.Helper()
	s, err := NewSession(l, p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// exchange lets a offer and b answer.
func exchange(t *testing.T, a, b *Session) (offer, answer []byte, da, db Description) {
	t.Helper()
	offer, err := a.Offer()
	if err != nil {
		t.Fatal(err)
	}
	answer, db, err = b.Answer(offer)
	if err != nil {
		t.Fatalf("Answer: %v\n%s", err, offer)
	}
	da, err = a.Accept(answer)
	if err != nil {
		t.Fatalf("Accept: %v\n%s", err, answer)
	}
	return offer, answer, da, db
}

// mirrored checks that two descriptions are the two ends of the same streams.
func mirrored(t *testing.T, a, b Description) {
	t.Helper()
	for _, pair := range [][2]*Stream{{a.Audio, b.Audio}, {a.Video, b.Video}} {
		x, y := pair[0], pair[1]
		if (x == nil) != (y == nil) {
			t.Errorf("one side has a stream, the other none: %v, %v", x, y)
			continue
		}
		if x == nil {
			continue
		}
		if !reflect.DeepEqual(x.Send, y.Receive) || !reflect.DeepEqual(x.Receive, y.Send) {
			t.Errorf("%s: keys do not fit", x.Codec)
		}
		if x.Send != nil && x.Send.equal(x.Receive) {
			t.Errorf("%s: one key both ways", x.Codec)
		}
		if x.Codec != y.Codec || x.ClockRate != y.ClockRate || x.SendType != y.ReceiveType || x.ReceiveType != y.SendType ||
			x.EventType != y.EventType || x.Mux != y.Mux || x.Mode != y.Mode || x.SendRED != y.ReceiveRED || x.ReceiveRED != y.SendRED || x.SendFEC != y.ReceiveFEC || x.ReceiveFEC != y.SendFEC || x.PLI != y.PLI || x.FIR != y.FIR {
			t.Errorf("%+v\n%+v", x, y)
		}
		if x.Codec == H264 && (x.Accepts.rank() != y.Profile.rank() || y.Accepts.rank() != x.Profile.rank()) {
			t.Errorf("one takes %s and %s, the other may send %s and %s", x.Accepts, y.Accepts, y.Profile, x.Profile)
		}
		if x.Direction.Sends() != y.Direction.Receives() || x.Direction.Receives() != y.Direction.Sends() {
			t.Errorf("%s: %s and %s", x.Codec, x.Direction, y.Direction)
		}
	}
}

func TestOfferText(t *testing.T) {
	o, err := NewOffer(ours(), SDES)
	if err != nil {
		t.Fatal(err)
	}
	keys := 0
	var kept []string
	for line := range strings.SplitSeq(string(o.SDP()), "\r\n") {
		if strings.HasPrefix(line, "a=crypto:") {
			keys++
			if line, _, _ = strings.Cut(line, " inline:"); keys > 2 {
				continue
			}
		}
		kept = append(kept, line)
	}
	want := `v=0
o=- 77 1 IN IP4 10.0.0.1
s=-
c=IN IP4 10.0.0.1
t=0 0
a=record:off
m=audio 4000 RTP/SAVP 96 9 0 8 100 101 102
a=rtpmap:96 opus/48000/2
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:100 telephone-event/48000
a=fmtp:100 0-15
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=rtpmap:102 red/48000/2
a=fmtp:102 96/96
a=ptime:20
a=sendrecv
a=rtcp:4001
a=rtcp-fb:96 nack
a=rtcp-mux
a=crypto:1 AEAD_AES_128_GCM
a=crypto:2 AES_CM_128_HMAC_SHA1_80
m=video 4002 RTP/SAVP 97 98 99 103
b=TIAS:2000000
a=rtpmap:97 H264/90000
a=fmtp:97 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1
a=rtpmap:98 H264/90000
a=fmtp:98 profile-level-id=42e01f;packetization-mode=0;level-asymmetry-allowed=1
a=rtpmap:99 rtx/90000
a=fmtp:99 apt=97
a=rtpmap:103 flexfec/90000
a=fmtp:103 repair-window=200000
a=sendrecv
a=rtcp:4003
a=rtcp-fb:97 nack
a=rtcp-fb:97 nack pli
a=rtcp-fb:97 ccm fir
a=rtcp-fb:98 nack
a=rtcp-fb:98 nack pli
a=rtcp-fb:98 ccm fir
a=rtcp-mux
`
	if got := strings.Join(kept, "\n"); got != want {
		t.Errorf("offer:\n%s\nwant:\n%s", got, want)
	}
	if keys != 4 {
		t.Errorf("%d keys", keys)
	}
}

// Every pair of policies and sizes agrees, with swapped keys, or fails on the side that cannot.
func TestOfferAnswerAccept(t *testing.T) {
	for _, a := range []Policy{SDES, None} {
		for _, b := range []Policy{SDES, None} {
			for _, change := range []func(*Local){
				func(l *Local) {},
				func(l *Local) { l.VideoRTP, l.VideoRTCP = 0, 0 },
				func(l *Local) { l.Width, l.Height, l.MaxKbps = 1920, 1080, 0 },
			} {
				la, lb := ours(), other()
				change(&lb)
				sa, sb := session(t, la, a), session(t, lb, b)
				offer, err := sa.Offer()
				if err != nil {
					t.Fatal(err)
				}
				answer, db, err := sb.Answer(offer)
				if a == None && b != None {
					if !errors.Is(err, ErrNotAcceptable) {
						t.Errorf("%s offers to %s: %v", a, b, err)
					}
					continue
				}
				if err != nil {
					t.Fatalf("%s offers to %s: %v", a, b, err)
				}
				da, err := sa.Accept(answer)
				if err != nil {
					t.Fatalf("%s accepts of %s: %v", a, b, err)
				}
				mirrored(t, da, db)
				if want := a != None; (da.Audio.Send != nil) != want {
					t.Errorf("%s offers to %s: protected %v, want %v", a, b, !want, want)
				}
				if a != None && da.Audio.Send.Suite != AEAD_AES_128_GCM {
					t.Errorf("%s is not the first suite", da.Audio.Send.Suite)
				}
				// The other way round, in the same dialog.
				_, _, db2, da2 := exchange(t, sb, sa)
				mirrored(t, da2, db2)
				if da.Audio.Send != nil && !da.Audio.Send.equal(da2.Audio.Send) {
					t.Error("a re-INVITE the other way changes the key")
				}
				strict(t, offer)
				strict(t, answer)
			}
		}
	}
}

// strict reads a description of ours with pion's parser, which forgives nothing.
func strict(t *testing.T, b []byte) {
	t.Helper()
	var d sdp.SessionDescription
	if err := d.Unmarshal(b); err != nil {
		t.Errorf("a strict parser: %v\n%s", err, b)
	}
}

func TestLevelsOfTwoSizes(t *testing.T) {
	la, lb := ours(), other()
	lb.Width, lb.Height = 1920, 1080
	_, _, da, db := exchange(t, session(t, la, SDES), session(t, lb, SDES))
	if da.Video.Profile.String() != "42e028" || db.Video.Profile.String() != "42e01f" {
		t.Errorf("we may send %v and they %v", da.Video.Profile, db.Video.Profile)
	}
}

func TestLocal(t *testing.T) {
	for _, test := range []struct {
		change func(*Local)
		policy Policy
		want   string
	}{
		{func(l *Local) { l.Address = netip.Addr{} }, SDES, "negotiate: local address invalid IP is none that others can send to"},
		{func(l *Local) { l.Address = netip.IPv4Unspecified() }, SDES, "negotiate: local address 0.0.0.0 is none that others can send to"},
		{func(l *Local) { l.AudioRTP = 0 }, SDES, "negotiate: no local ports for audio"},
		{func(l *Local) { l.VideoRTCP = 0 }, SDES, "negotiate: video needs a port for RTP and one for RTCP"},
		{func(l *Local) { l.FPS = 0 }, SDES, "negotiate: 1280x720 at 0/s, 2000 kbit/s is no picture"},
		{func(l *Local) {}, "tls", `negotiate: unknown policy "tls"`},
	} {
		l := ours()
		test.change(&l)
		if _, err := NewOffer(l, test.policy); err == nil || err.Error() != test.want {
			t.Errorf("%v, want %s", err, test.want)
		}
	}
	l := ours()
	l.Rand = strings.NewReader("too short")
	if _, err := NewOffer(l, SDES); err == nil || err.Error() != "offer audio: draw a key for AEAD_AES_128_GCM: unexpected EOF" {
		t.Errorf("%v", err)
	}
	b, _ := NewOffer(ours(), SDES)
	_, _, err := Answer(b.SDP(), l, SDES)
	if err == nil || errors.Is(err, ErrNotAcceptable) {
		t.Errorf("no randomness is not the caller's fault: %v", err)
	}
}

func TestIPv6(t *testing.T) {
	la, lb := ours(), other()
	la.Address, lb.Address = netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	offer, _, da, db := exchange(t, session(t, la, SDES), session(t, lb, SDES))
	mirrored(t, da, db)
	if !bytes.Contains(offer, []byte("\r\nc=IN IP6 2001:db8::1\r\n")) || db.Audio.RTP.String() != "[2001:db8::1]:4000" {
		t.Errorf("%v from\n%s", db.Audio.RTP, offer)
	}
	strict(t, offer)
}

func TestControlPort(t *testing.T) {
	for _, test := range []struct{ name, lines, want string }{
		{"shared", "a=rtpmap:96 opus/48000/2\r\na=rtcp:5007\r\na=rtcp-mux", "10.0.0.9:5000"},
		{"shared where a payload type looks like RTCP", "a=rtcp-mux", "10.0.0.9:5001"}, // 72 is chosen
		{"elsewhere", "a=rtcp:7000 IN IP4 10.0.0.8", "10.0.0.8:7000"},
		{"nowhere", "a=rtcp:9 IN IP4 0.0.0.0", "invalid AddrPort"},
	} {
		offer := "v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 5000 RTP/AVP 72 96\r\na=rtpmap:72 G722/8000\r\n" + test.lines
		answer, d, err := Answer([]byte(offer), ours(), None)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Audio.RTCP.String(); got != test.want || bytes.Contains(answer, []byte("rtcp-mux")) != d.Audio.Mux {
			t.Errorf("%s: %s, want %s\n%s", test.name, got, test.want, answer)
		}
	}
}

// What the other side says of the whole session counts where an m-line says nothing.
func TestSessionLevel(t *testing.T) {
	offer := "v=0\r\nc=IN IP4 10.0.0.9\r\nb=AS:500\r\na=inactive\r\nm=audio 5000 RTP/AVP 0\r\na=sendrecv\r\n" +
		"m=video 5002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"
	_, d, err := Answer([]byte(offer), ours(), None)
	if err != nil || d.Audio.Direction != SendRecv || d.Video.Direction != Inactive || d.Video.MaxKbps != 500 {
		t.Errorf("%s; %s; %v", sentence(d.Audio), sentence(d.Video), err)
	}
}

// Retransmissions are known by apt (RFC 4588 §8.1) or by the second SSRC of a flow (RFC 5576 §4.2), for the payload
// type that was chosen.
func TestRepairIsRead(t *testing.T) {
	const head = "v=0\r\nc=IN IP4 10.0.0.9\r\nm=video 5000 RTP/AVP 97 98 99 100\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 packetization-mode=1\r\n" +
		"a=rtpmap:98 VP8/90000\r\na=rtpmap:99 rtx/90000\r\na=rtpmap:100 rtx/90000\r\na=fmtp:100 apt=98\r\n"
	for lines, want := range map[string]Repair{
		"":                                   {},
		"a=fmtp:99 apt=97;rtx-time=3000\r\n": {Type: 99},
		"a=fmtp:99 apt=98\r\n":               {},
		"a=ssrc-group:FID 11 12\r\na=ssrc:11 cname:x\r\na=fmtp:99 rtx-time=200; apt=97\r\n": {Type: 99, SSRC: 12},
		"a=ssrc-group:SIM 11 12\r\na=ssrc-group:FID 11\r\na=ssrc-group:FID 11 no\r\n":       {},
	} {
		_, d, err := Answer([]byte(head+lines), ours(), None)
		if err != nil {
			t.Fatal(err)
		}
		if d.Video.Repair != want {
			t.Errorf("%q: %+v, want %+v", lines, d.Video.Repair, want)
		}
	}
}

// Only a side that can send packets again promises it, and only to one that asks for it.
func TestNACKIsAgreed(t *testing.T) {
	for _, offered := range []bool{true, false} {
		for _, able := range []bool{true, false} {
			l := ours()
			l.NACK = able
			offer := "v=0\r\nc=IN IP4 10.0.0.9\r\nm=video 5000 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=rtcp-fb:97 nack pli\r\n"
			if offered {
				offer += "a=rtcp-fb:* nack\r\n"
			}
			answer, d, err := Answer([]byte(offer), l, None)
			if err != nil {
				t.Fatal(err)
			}
			said := strings.Contains(string(answer), "a=rtcp-fb:97 nack\r\n")
			if want := offered && able; d.Video.NACK != want || said != want {
				t.Errorf("offered %t, able %t: agreed %t, said %t", offered, able, d.Video.NACK, said)
			}
		}
	}
}

// What was missed is sent again in a stream of its own, where both can (RFC 4588): each under the number that the other
// side gave it.
func TestRetransmissionsAreAgreed(t *testing.T) {
	const head = "v=0\r\nc=IN IP4 10.0.0.9\r\nm=video 5000 RTP/AVP 97 98\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 packetization-mode=1\r\n"
	const again = "a=rtpmap:98 rtx/90000\r\na=fmtp:98 apt=97\r\n"
	for _, test := range []struct {
		name, offer string
		able        bool
		sent, comes uint8
	}{
		{"both", head + again + "a=rtcp-fb:* nack\r\n", true, 98, 98},
		{"without requests", head + again, true, 0, 98},
		{"we can't", head + again + "a=rtcp-fb:* nack\r\n", false, 0, 98},
		{"they can't", head + "a=rtcp-fb:* nack\r\n", true, 0, 0},
	} {
		l := ours()
		l.NACK = test.able
		answer, d, err := Answer([]byte(test.offer), l, None)
		if err != nil {
			t.Fatal(err)
		}
		if d.Video.RepairType != test.sent || d.Video.Repair.Type != test.comes {
			t.Errorf("%s: sent as %d, comes as %d", test.name, d.Video.RepairType, d.Video.Repair.Type)
		}
		if said := strings.Contains(string(answer), "a=fmtp:98 apt=97\r\n"); said != (test.sent != 0) {
			t.Errorf("%s: answered\n%s", test.name, answer)
		}
	}

	// They answer with a number of their own: we send under it, and take what comes under ours.
	s := session(t, ours(), None)
	offer, err := s.Offer()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(offer), "a=fmtp:99 apt=97\r\n") {
		t.Fatalf("no retransmissions offered:\n%s", offer)
	}
	d, err := s.Accept([]byte("v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 0 RTP/AVP 0\r\nm=video 5000 RTP/AVP 97 111\r\na=rtpmap:97 H264/90000\r\n" +
		"a=fmtp:97 packetization-mode=1\r\na=rtcp-fb:97 nack\r\na=rtpmap:111 rtx/90000\r\na=fmtp:111 apt=97\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if d.Video.RepairType != 111 || d.Video.Repair.Type != 99 {
		t.Errorf("sent as %d, comes as %d", d.Video.RepairType, d.Video.Repair.Type)
	}
}

// Repair packets (RFC 8627) go where what is sent again has a stream: each under the number that the other side gave it.
func TestRepairPacketsAreAgreed(t *testing.T) {
	const head = "v=0\r\nc=IN IP4 10.0.0.9\r\nm=video 5000 RTP/AVP 97 98 49 72\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 packetization-mode=1\r\n"
	const again = "a=rtcp-fb:* nack\r\na=rtpmap:98 rtx/90000\r\na=fmtp:98 apt=97\r\n"
	const repair = "a=rtpmap:49 flexfec/90000\r\na=fmtp:49 repair-window=100000\r\n"
	for _, test := range []struct {
		name, offer string
		able        bool
		want        uint8
	}{
		{"both", head + again + repair, true, 49},
		{"we can't", head + again + repair, false, 0},
		{"they can't", head + again, true, 0},
		{"nothing is sent again", head + repair, true, 0},
		{"another clock", head + again + "a=rtpmap:49 flexfec/8000\r\n", true, 0},
		{"the draft's", head + again + "a=rtpmap:49 flexfec-03/90000\r\n", true, 0},
		{"looks like RTCP", head + again + "a=rtpmap:72 flexfec/90000\r\n", true, 0},
	} {
		l := ours()
		l.FEC = test.able
		answer, d, err := Answer([]byte(test.offer), l, None)
		if err != nil {
			t.Fatal(err)
		}
		if d.Video.SendFEC != test.want || d.Video.ReceiveFEC != test.want {
			t.Errorf("%s: sent as %d, come as %d", test.name, d.Video.SendFEC, d.Video.ReceiveFEC)
		}
		if said := strings.Contains(string(answer), "a=rtpmap:49 flexfec/90000\r\na=fmtp:49 repair-window=200000\r\n"); said != (test.want != 0) {
			t.Errorf("%s: answered\n%s", test.name, answer)
		}
	}

	for lines, want := range map[string][2]uint8{
		"a=rtcp-fb:97 nack\r\na=rtpmap:111 rtx/90000\r\na=fmtp:111 apt=97\r\na=rtpmap:49 flexfec/90000\r\n": {49, 103},
		"a=rtcp-fb:97 nack\r\na=rtpmap:49 flexfec/90000\r\n":                                                {},
		"": {},
	} {
		s := session(t, ours(), None)
		if _, err := s.Offer(); err != nil {
			t.Fatal(err)
		}
		d, err := s.Accept([]byte("v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 0 RTP/AVP 0\r\nm=video 5000 RTP/AVP 97 111 49\r\na=rtpmap:97 H264/90000\r\n" +
			"a=fmtp:97 packetization-mode=1\r\n" + lines))
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]uint8{d.Video.SendFEC, d.Video.ReceiveFEC}; got != want {
			t.Errorf("%q: %d and %d, want %d", lines, d.Video.SendFEC, d.Video.ReceiveFEC, want)
		}
	}
}

// Sound that was missed is sent again where both say so, Opus alone.
func TestSoundIsSentAgain(t *testing.T) {
	const opus, pcmu = "m=audio 5000 RTP/AVP 111\r\na=rtpmap:111 opus/48000/2\r\n", "m=audio 5000 RTP/AVP 0\r\n"
	for _, test := range []struct {
		lines string
		able  bool
		want  bool
	}{
		{opus + "a=rtcp-fb:111 nack\r\n", true, true},
		{opus + "a=rtcp-fb:* nack\r\n", true, true},
		{opus + "a=rtcp-fb:111 nack\r\n", false, false},
		{opus + "a=rtcp-fb:111 nack pli\r\n", true, false},
		{opus, true, false},
		{pcmu + "a=rtcp-fb:0 nack\r\n", true, false},
	} {
		l := ours()
		l.NACK = test.able
		answer, d, err := Answer([]byte("v=0\r\nc=IN IP4 10.0.0.9\r\n"+test.lines), l, None)
		if err != nil {
			t.Fatal(err)
		}
		if said := strings.Contains(string(answer), "nack\r\n"); d.Audio.NACK != test.want || said != test.want {
			t.Errorf("%q, able %t: agreed %t, said %t", test.lines, test.able, d.Audio.NACK, said)
		}
	}
}

// What fmtp says of Opus is what the other side wants to get (RFC 7587 §6.1); it is told nothing of the kind.
func TestWhatOpusIsToBeLike(t *testing.T) {
	for fmtp, want := range map[string]struct {
		fec  bool
		kbps int
	}{
		"":                                                         {},
		"a=fmtp:111 useinbandfec=1":                                {fec: true},
		"a=fmtp:111 minptime=10; UseInBandFEC=1":                   {fec: true},
		"a=fmtp:111 stereo=1;useinbandfec=0":                       {},
		"a=fmtp:96 useinbandfec=1":                                 {},
		"a=fmtp:111 maxaveragebitrate=20000;cbr=1":                 {kbps: 20},
		"a=fmtp:111 maxaveragebitrate=5999":                        {},
		"a=fmtp:111 maxaveragebitrate=-1;;=":                       {},
		"a=fmtp:111 useinbandfec = 1 ; maxaveragebitrate = 510000": {fec: true, kbps: 510},
	} {
		answer, d, err := Answer([]byte("v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 5000 RTP/AVP 111\r\na=rtpmap:111 opus/48000/2\r\n"+fmtp+"\r\n"), ours(), None)
		if err != nil {
			t.Fatal(err)
		}
		if d.Audio.InBandFEC != want.fec || d.Audio.MaxKbps != want.kbps || strings.Contains(string(answer), "inband") {
			t.Errorf("%q: FEC %t, at most %d kbit/s, answered\n%s", fmtp, d.Audio.InBandFEC, d.Audio.MaxKbps, answer)
		}
	}
}

// Opus goes with copies of earlier frames where both can (RFC 2198): each under the number that the other side gave it.
func TestREDIsAgreed(t *testing.T) {
	const head = "v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 5000 RTP/AVP 0 63 72 111\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:63 red/48000/2\r\n"
	for _, test := range []struct {
		name, lines string
		able        bool
		want        uint8
	}{
		{"both", "a=fmtp:63 111/111\r\n", true, 63},
		{"we can't", "a=fmtp:63 111/111\r\n", false, 0},
		{"three frames", "a=fmtp:63 111/111/111\r\n", true, 63},
		{"of what?", "", true, 0},
		{"of another format", "a=fmtp:63 0/0\r\n", true, 0},
		{"of two formats", "a=fmtp:63 111/0\r\n", true, 0},
		{"of nothing", "a=fmtp:63 111/\r\n", true, 0},
		{"of no payload type", "a=fmtp:63 367/367\r\n", true, 0},
		{"looks like RTCP", "a=rtpmap:72 red/48000/2\r\na=fmtp:72 111/111\r\n", true, 0},
		{"text's", "a=fmtp:63 0/0\r\na=rtpmap:72 red/8000\r\na=fmtp:72 111/111\r\n", true, 0},
	} {
		l := ours()
		l.RED = test.able
		answer, d, err := Answer([]byte(head+test.lines), l, None)
		if err != nil {
			t.Fatal(err)
		}
		if d.Audio.Codec != Opus || d.Audio.SendRED != test.want || d.Audio.ReceiveRED != test.want {
			t.Errorf("%s: %s, sent as %d, comes as %d", test.name, d.Audio.Codec, d.Audio.SendRED, d.Audio.ReceiveRED)
		}
		if said := strings.Contains(string(answer), "a=fmtp:63 111/111\r\n"); said != (test.want != 0) {
			t.Errorf("%s: answered\n%s", test.name, answer)
		}
	}

	// They answer with numbers of their own: we send under those, and take what comes under ours.
	for lines, want := range map[string][2]uint8{
		"a=rtpmap:121 red/48000/2\r\na=fmtp:121 120/120\r\n": {121, 102},
		"a=rtpmap:121 red/48000/2\r\n":                       {},
		"":                                                   {},
	} {
		s := session(t, ours(), None)
		if _, err := s.Offer(); err != nil {
			t.Fatal(err)
		}
		d, err := s.Accept([]byte("v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 5000 RTP/AVP 121 120\r\na=rtpmap:120 opus/48000/2\r\n" + lines + "m=video 0 RTP/AVP 97\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]uint8{d.Audio.SendRED, d.Audio.ReceiveRED}; got != want || d.Audio.SendType != 120 {
			t.Errorf("%q: %d and %d, want %d", lines, d.Audio.SendRED, d.Audio.ReceiveRED, want)
		}
	}
}

// Reports of arrivals (RFC 8888) come and are heeded only where both sides offer them.
func TestArrivalReportsAreAgreed(t *testing.T) {
	const head = "v=0\r\nc=IN IP4 10.0.0.9\r\nm=video 5000 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 packetization-mode=1\r\n"
	for _, offered := range []string{"", "a=rtcp-fb:* ack ccfb\r\n", "a=rtcp-fb:97 ack ccfb\r\n", "a=rtcp-fb:98 ack ccfb\r\n"} {
		for _, able := range []bool{true, false} {
			l := ours()
			l.CCFB = able
			answer, d, err := Answer([]byte(head+offered), l, None)
			if err != nil {
				t.Fatal(err)
			}
			want := able && offered != "" && !strings.Contains(offered, "98")
			if said := strings.Contains(string(answer), "a=rtcp-fb:97 ack ccfb\r\n"); d.Video.CCFB != want || said != want {
				t.Errorf("offered %q, able %t: agreed %t, said %t", offered, able, d.Video.CCFB, said)
			}
		}
	}
}

// Limits of our bitrate are heeded where both sides offer them.
func TestCeilingsAreAgreed(t *testing.T) {
	const head = "v=0\r\nc=IN IP4 10.0.0.9\r\nm=video 5000 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 packetization-mode=1\r\n"
	for _, test := range []struct {
		offered     string
		able        bool
		remb, tmmbr bool
	}{
		{"", true, false, false},
		{"a=rtcp-fb:* goog-remb\r\n", true, true, false},
		{"a=rtcp-fb:97 ccm tmmbr\r\n", true, false, true},
		{"a=rtcp-fb:97 ccm tmmbr smaxpr=120\r\na=rtcp-fb:97 goog-remb\r\n", true, true, true},
		{"a=rtcp-fb:98 ccm tmmbr\r\na=rtcp-fb:98 goog-remb\r\n", true, false, false},
		{"a=rtcp-fb:97 ccm tmmbr\r\na=rtcp-fb:97 goog-remb\r\n", false, false, false},
	} {
		l := ours()
		l.Ceilings = test.able
		answer, d, err := Answer([]byte(head+test.offered), l, None)
		if err != nil {
			t.Fatal(err)
		}
		said := [2]bool{strings.Contains(string(answer), "a=rtcp-fb:97 goog-remb\r\n"), strings.Contains(string(answer), "a=rtcp-fb:97 ccm tmmbr\r\n")}
		if got := [2]bool{d.Video.REMB, d.Video.TMMBR}; got != said || got != [2]bool{test.remb, test.tmmbr} {
			t.Errorf("%+v: agreed %t, said %t", test, got, said)
		}
	}
}
