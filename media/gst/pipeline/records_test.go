package pipeline

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What could record is refused wherever it stands, and so is what looks as if it could not; what plays and shows is not.
func TestNothingRecords(t *testing.T) {
	if err := Init(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "kept")
	for text, culprit := range map[string]string{
		"audiotestsrc ! filesink location=" + file:                      "filesink",
		"audiotestsrc ! wavenc ! multifilesink location=" + file + "%d": "multifilesink",
		"splitmuxsink location=" + file + "%d.mp4":                      "splitmuxsink",
		"audiotestsrc ! fdsink fd=2":                                    "fdsink",
		"audiotestsrc ! giosink location=file://" + file:                "giosink",
		"audiotestsrc ! tcpserversink port=5999":                        "tcpserversink",
		"audiotestsrc ! tcpclientsink port=5999":                        "tcpclientsink",
		"audiotestsrc ! udpsink port=5999":                              "udpsink",
		"audiotestsrc ! multiudpsink":                                   "multiudpsink",
		"audiotestsrc ! multifdsink":                                    "multifdsink",
		"audiotestsrc ! multisocketsink":                                "multisocketsink",
		"audiotestsrc ! shmsink socket-path=" + file:                    "shmsink",
		"fakesrc ! hlssink location=" + file:                            "hlssink",
		"fakesrc ! hlssink2 location=" + file:                           "hlssink2",
		"fakesrc ! rtmpsink location=rtmp://nowhere":                    "rtmpsink",
		"fakesrc ! rtmp2sink location=rtmp://nowhere/a/b":               "rtmp2sink",
		"fakesrc ! souphttpclientsink location=http://nowhere":          "souphttpclientsink",
		"fakesrc ! curlhttpsink location=http://nowhere":                "curlhttpsink",
		"fakesrc ! curlfilesink location=file://" + file:                "curlfilesink",
		"fakesrc ! srtsink uri=srt://nowhere:1":                         "srtsink",
		"fakesrc ! ristsink":                                            "ristsink",
		"fakesrc ! rtpsink":                                             "rtpsink",
		"fakesrc ! dashsink":                                            "dashsink",
		"fakesrc ! proxysink":                                           "proxysink",
		"fakesrc ! ipcpipelinesink":                                     "ipcpipelinesink",
		"fakesrc ! videocodectestsink location=" + file:                 "videocodectestsink",
		"playbin": "playbin",
		"audiotestsrc ! tee name=t ! fakesink t. ! queue ! wavenc ! filesink location=" + file:     "filesink",
		"audiotestsrc ! ( tee name=t ! fakesink t. ! ( queue ! filesink location=" + file + " ) )": "filesink",
		"audiotestsrc ! queue2 temp-template=" + file + "XXXXXX ! fakesink":                        "queue2",
		"audiotestsrc ! downloadbuffer temp-template=" + file + "XXXXXX ! fakesink":                "downloadbuffer",
		"audiotestsrc ! fakesink dump=true":                                                        "fakesink",
		"audiotestsrc ! identity dump=true ! fakesink":                                             "identity",
		"audiotestsrc ! alsasink device=tee:hw:0," + file + ",raw":                                 "alsasink",
		"audiotestsrc ! alsasink device=file:" + file:                                              "alsasink",
		"audiotestsrc ! alsasink device=\"plug:SLAVE='tee:hw,x,raw'\"":                             "alsasink",
		"alsasrc device=file:" + file + " ! fakesink":                                              "alsasrc",

		"audiotestsrc ! alsasink device=hw:CARD=Profiler":                  "",
		"audiotestsrc ! pulsesink":                                         "",
		"audiotestsrc ! autoaudiosink":                                     "",
		"audiotestsrc ! interaudiosink":                                    "",
		"audiotestsrc ! jackaudiosink":                                     "",
		"audiotestsrc ! openalsink":                                        "",
		"audiotestsrc ! appsink":                                           "",
		"audiotestsrc ! identity ! queue2 ! fakesink":                      "",
		"videotestsrc ! autovideosink":                                     "",
		"videotestsrc ! ximagesink":                                        "",
		"videotestsrc ! kmssink":                                           "",
		"videotestsrc ! waylandsink":                                       "",
		"videotestsrc ! fpsdisplaysink":                                    "",
		"videotestsrc ! tee name=t ! ximagesink t. ! queue ! ( fakesink )": "",
		"filesrc location=" + file + " ! decodebin ! fakesink":             "",
		"uridecodebin uri=file://" + file + " ! fakesink":                  "",
		"udpsrc ! rtph264depay ! fakesink":                                 "",
	} {
		p, err := New(text)
		if err == nil {
			p.Close()
		}
		if err != nil && strings.Contains(err.Error(), "no element") {
			continue // not on this machine
		}
		var r *RecordsError
		switch errors.As(err, &r); {
		case culprit == "" && err != nil:
			t.Errorf("%s: %v", text, err)
		case culprit != "" && (r == nil || r.Element != culprit):
			t.Errorf("%s: %v, want a complaint about %s", text, err, culprit)
		}
	}
}

// What comes while a pipeline plays, as elements add others by themselves, is held to the same.
func TestWhatComesLaterDoesNotRecord(t *testing.T) {
	if err := Init(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "kept")
	p := started(t, "audiotestsrc is-live=true ! tee name=tee allow-not-linked=true", "tee")
	defer p.Close()
	b, err := p.Branch("tee", "tee name=t ! queue ! filesink location="+file+" t. ! queue ! appsink name=out", "out")
	if err != nil {
		t.Fatal(err)
	}
	defer b.End()
	if m := p.Next(long); m.Err == nil || !strings.Contains(m.Err.Text, "could record") {
		t.Errorf("what was said is %+v", m)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file was written")
	}
}
