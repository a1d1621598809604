package negotiate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// certified is a side that has a certificate, of no more than its address.
func certified(l Local) Local {
	l.Fingerprint = FingerprintOf([]byte(l.Address.String()))
	return l
}

// shown is a fingerprint of somebody else, as a line.
func shown(hash string, n int) string {
	return "a=fingerprint:" + hash + " " + strings.TrimSuffix(strings.Repeat("AB:", n), ":")
}

const (
	dtlsAudio = "v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 5000 UDP/TLS/RTP/SAVPF 0\r\na=rtcp-mux\r\n"
	tlsID     = "a=tls-id:0123456789abcdef0123"
)

// Between spaces an offer has fingerprints alone, and the answerer begins.
func TestHandshake(t *testing.T) {
	a, b := session(t, certified(ours()), DTLS), session(t, certified(other()), DTLS)
	offer, answer, da, db := exchange(t, a, b)
	for name, sdp := range map[string]string{"offer": string(offer), "answer": string(answer)} {
		if strings.Contains(sdp, "crypto") || strings.Contains(sdp, "inline") || strings.Count(sdp, "\r\na=fingerprint:sha-256 ") != 2 ||
			strings.Count(sdp, "UDP/TLS/RTP/SAVPF") != 2 || strings.Count(sdp, "\r\na=tls-id:") != 2 {
			t.Errorf("%s\n%s", name, sdp)
		}
	}
	if strings.Count(string(offer), "a=setup:actpass") != 2 || strings.Count(string(answer), "a=setup:active") != 2 {
		t.Errorf("roles\n%s%s", offer, answer)
	}
	mirrored(t, da, db)
	for _, s := range []*Stream{da.Audio, da.Video, db.Audio, db.Video} {
		if s.Handshake == nil || s.Send != nil || s.Receive != nil || s.Plain || !slices.Equal(s.Handshake.Suites, []Suite{AEAD_AES_128_GCM}) {
			t.Errorf("%+v", s)
		}
	}
	if da.Audio.Handshake.Active || !db.Audio.Handshake.Active || da.Audio.Handshake.ids == da.Video.Handshake.ids || !da.Handshakes() {
		t.Errorf("%+v, %+v", da.Audio.Handshake, db.Audio.Handshake)
	}
	if got := da.Audio.Handshake.Fingerprints; len(got) != 1 || !got[0].Of([]byte("10.0.0.2")) || got[0].Of([]byte("10.0.0.1")) {
		t.Errorf("fingerprints %v", got)
	}
	// The same again, and from the other side: the handshake that was is good, and who began it stays who began it.
	again, _, da2, db2 := exchange(t, a, b)
	if string(again) != string(offer) || !da2.Audio.Handshake.Same(da.Audio.Handshake) || !db2.Video.Handshake.Same(db.Video.Handshake) {
		t.Errorf("another handshake after the same offer\n%s", again)
	}
	_, answer, db3, da3 := exchange(t, b, a)
	if !da3.Audio.Handshake.Same(da.Audio.Handshake) || !db3.Audio.Handshake.Same(db.Audio.Handshake) || !strings.Contains(string(answer), "a=setup:passive") {
		t.Errorf("another handshake after an offer of the other side\n%s", answer)
	}
}

// An ICE restart is no other handshake (RFC 8842 §4).
func TestHandshakeStays(t *testing.T) {
	a, b := session(t, certified(reachable(ours(), "a")), DTLS), session(t, certified(reachable(other(), "b")), DTLS)
	_, _, da, _ := exchange(t, a, b)
	l := reachable(ours(), "c")
	if err := a.Move(l.Address, Place{4010, 4011, l.AudioICE}, Place{4012, 4013, l.VideoICE}); err != nil {
		t.Fatal(err)
	}
	_, _, da2, _ := exchange(t, a, b)
	if !da.Audio.Handshake.Same(da2.Audio.Handshake) {
		t.Error("another handshake")
	}
}

// What makes a handshake another one, as a phone says it.
func TestHandshakeAnew(t *testing.T) {
	offer := dtlsAudio + shown("sha-256", 32) + "\r\n" + tlsID + "\r\na=setup:actpass\r\n"
	for _, test := range []struct {
		name, old, new string
		same           bool
	}{
		{"the same", "", "", true},
		{"hold", "a=rtcp-mux", "a=rtcp-mux\r\na=sendonly", true},
		{"another port", "m=audio 5000", "m=audio 5010", true},
		{"the role that it has", "actpass", "passive", true},
		{"another certificate", "AB:AB", "AB:AC", false},
		{"another tls-id", "0123456789abcdef0123", "0123456789abcdef0124", false},
		{"no tls-id", tlsID + "\r\n", "", false},
		{"another role", "actpass", "active", false},
	} {
		s := session(t, certified(ours()), SDES)
		_, d, err := s.Answer([]byte(offer))
		if err != nil {
			t.Fatal(err)
		}
		changed := offer
		if test.old != "" {
			changed = strings.ReplaceAll(offer, test.old, test.new)
		}
		answer, d2, err := s.Answer([]byte(changed))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else if got := d2.Audio.Handshake.Same(d.Audio.Handshake); got != test.same {
			t.Errorf("%s: same %v\n%s", test.name, got, answer)
		}
		// What we offer then has the handshake that there is.
		if ours, err := s.Offer(); err != nil || !strings.Contains(string(ours), "UDP/TLS/RTP/SAVPF") || !strings.Contains(string(ours), "a=setup:actpass") {
			t.Errorf("%s: %v\n%s", test.name, err, ours)
		}
	}
}

func TestHandshakeRefused(t *testing.T) {
	const none = "audio: no acceptable key: "
	sha, role := shown("sha-256", 32)+"\r\n", "a=setup:actpass\r\n"
	for _, test := range []struct{ name, offer, want string }{
		{"no fingerprint", dtlsAudio + role, none + "no a=fingerprint line"},
		{"sha-1", dtlsAudio + shown("sha-1", 20) + "\r\n" + role, none + "a=fingerprint: sha-1 is not sha-256, sha-384 or sha-512"},
		{"md5", dtlsAudio + shown("md5", 16) + "\r\n" + role, none + "a=fingerprint: md5 is not sha-256, sha-384 or sha-512"},
		{"too short", dtlsAudio + shown("sha-256", 31) + "\r\n" + role, none + "a=fingerprint: sha-256 wants 32 bytes in hexadecimal"},
		{"no hexadecimal", dtlsAudio + "a=fingerprint:sha-256 XY\r\n" + role, none + "a=fingerprint: sha-256 wants 32 bytes in hexadecimal"},
		{"our certificate", dtlsAudio + "a=fingerprint:" + certified(ours()).Fingerprint.String() + "\r\n" + role, none + "a=fingerprint: the certificate is ours"},
		{"two ports", strings.Replace(dtlsAudio, "a=rtcp-mux\r\n", "", 1) + sha + role, none + "keys by DTLS need RTCP on the port of RTP: turn on rtcp-mux"},
		{"holdconn", dtlsAudio + sha + "a=setup:holdconn\r\n", none + "a=setup:holdconn in an offer: wants actpass, active or passive"},
		{"short tls-id", dtlsAudio + sha + role + "a=tls-id:x\r\n", none + "a=tls-id has 1 characters, want 20 to 255"},
	} {
		_, _, err := Answer([]byte(test.offer), certified(ours()), SDES)
		if !errors.Is(err, ErrNotAcceptable) || err.Error() != refusedText+test.want {
			t.Errorf("%s: %v\nwant %s", test.name, err, refusedText+test.want)
		}
	}
	o, err := NewOffer(certified(ours()), DTLS)
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range []string{"actpass", "holdconn", "x"} {
		if _, err = o.Accept([]byte(dtlsAudio + sha + "a=setup:" + role + "\r\n")); !errors.Is(err, ErrNotAcceptable) {
			t.Errorf("answer with setup:%s: %v", role, err)
		}
		if o, err = NewOffer(certified(ours()), DTLS); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := NewOffer(ours(), DTLS); err == nil {
		t.Error("an offer without a certificate")
	}
}

// Between spaces nothing is less than a handshake: not an offer, not an answer, not a later one.
func TestNoDowngrade(t *testing.T) {
	lesser := func(proto, key string) string {
		return "v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 5000 " + proto + " 0\r\na=rtcp-mux\r\n" + key + "\r\n"
	}
	for name, sdp := range map[string]string{
		"SDES":                     lesser("RTP/SAVP", "a=crypto:1 AEAD_AES_128_GCM inline:"+key28),
		"SDES, and a fingerprint":  lesser("RTP/SAVPF", "a=crypto:1 AEAD_AES_128_GCM inline:"+key28+"\r\n"+shown("sha-256", 32)),
		"RTP":                      lesser("RTP/AVP", ""),
		"RTP with keys":            lesser("RTP/AVP", "a=crypto:1 AEAD_AES_128_GCM inline:"+key28),
		"DTLS without fingerprint": lesser("UDP/TLS/RTP/SAVPF", "a=setup:active\r\na=crypto:1 AEAD_AES_128_GCM inline:"+key28),
		"RTP beside it":            dtlsAudio + "a=setup:active\r\n" + shown("sha-256", 32) + "\r\nm=video 5002 RTP/AVP 98\r\na=rtpmap:98 H264/90000\r\na=fmtp:98 packetization-mode=1;profile-level-id=42e01f\r\n",
	} {
		if _, d, err := Answer([]byte(sdp), certified(ours()), DTLS); !errors.Is(err, ErrNotAcceptable) || !strings.Contains(fmt.Sprint(err), "no acceptable key") {
			t.Errorf("%s offered: %v, %+v", name, err, d)
		}
		a, b := session(t, certified(ours()), DTLS), session(t, certified(other()), DTLS)
		exchange(t, a, b)
		if _, err := a.Offer(); err != nil {
			t.Fatal(err)
		}
		if d, err := a.Accept([]byte(sdp)); !errors.Is(err, ErrNotAcceptable) {
			t.Errorf("%s answered: %v, %+v", name, err, d)
		}
		if _, d, err := b.Answer([]byte(sdp)); !errors.Is(err, ErrNotAcceptable) {
			t.Errorf("%s offered later: %v, %+v", name, err, d)
		}
	}
}

// Phones: where both are offered by m-lines of their own the first one counts, keys in SDP beside a handshake do not.
func TestHandshakeOfPhones(t *testing.T) {
	sha := shown("sha-256", 32) + "\r\n"
	sdes := "m=audio 5004 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "\r\n"
	for _, test := range []struct {
		name, offer string
		handshake   bool
		answers     string
	}{
		{"DTLS, then SDES", dtlsAudio + sha + "a=setup:actpass\r\n" + sdes, true, "a=setup:active"},
		{"SDES, then DTLS", "v=0\r\nc=IN IP4 10.0.0.9\r\n" + sdes + strings.TrimPrefix(dtlsAudio, "v=0\r\nc=IN IP4 10.0.0.9\r\n") + sha, false, "a=crypto:1"},
		{"both in one line", dtlsAudio + sha + "a=setup:passive\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "\r\n", true, "a=setup:active"},
		{"without a role (RFC 4145 §4)", dtlsAudio + sha, true, "a=setup:passive"},
		{"of the session, without feedback", strings.Replace(strings.Replace(dtlsAudio, "SAVPF", "SAVP", 1), "v=0\r\n", "v=0\r\n"+sha+"a=setup:actpass\r\n", 1), true, "a=setup:active"},
		{"several hashes", dtlsAudio + shown("sha-1", 20) + "\r\n" + sha + shown("sha-512", 64) + "\r\n", true, "a=setup:passive"},
	} {
		for _, p := range []Policy{SDES, None} {
			answer, d, err := Answer([]byte(test.offer), certified(ours()), p)
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
				continue
			}
			if got := d.Audio.Handshake != nil; got != test.handshake || d.Audio.Plain || !strings.Contains(string(answer), test.answers) || test.handshake && strings.Contains(string(answer), "inline") {
				t.Errorf("%s: handshake %v\n%s", test.name, got, answer)
			}
			if test.name == "several hashes" && (len(d.Audio.Handshake.Fingerprints) != 1 || d.Audio.Handshake.Fingerprints[0].Hash != "sha-512") {
				t.Errorf("the strongest is to count: %v", d.Audio.Handshake.Fingerprints)
			}
		}
	}
	browser := strings.Replace(phone("sdes/browser.sdp"), "a=fingerprint:sha-256 00:11", strings.TrimSpace(sha)+"\r\na=rtcp-mux", 1)
	answer, d, err := Answer([]byte(browser), certified(ours()), SDES)
	if err != nil || d.Audio.Handshake == nil {
		t.Errorf("a browser: %v\n%s", err, answer)
	}
}
