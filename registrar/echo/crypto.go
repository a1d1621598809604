package echo

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/pion/srtp/v3"
)

// A suite is a way to protect media (RFC 4568 §6.2, RFC 7714 §14). There are those which a window takes.
type suite struct {
	names   []string // as phones write it
	profile srtp.ProtectionProfile
	length  int // of key and salt
}

const keyLength = 16

var suites = []suite{
	{[]string{"AEAD_AES_128_GCM"}, srtp.ProtectionProfileAeadAes128Gcm, keyLength + 12},
	{[]string{"AES_CM_128_HMAC_SHA1_80", "AES_128_CM_HMAC_SHA1_80"}, srtp.ProtectionProfileAes128CmHmacSha1_80, keyLength + 14},
}

// keys are one direction's, as one a=crypto line has them.
type keys struct {
	tag, name string // as written
	suite     suite
	raw       string // key and salt
}

// keysOf takes the first a=crypto line that can be taken; nil without an error if there is none at all.
func keysOf(l *line) (*keys, error) {
	var problems []error
	for _, v := range l.values("crypto") {
		k, err := parseCrypto(v)
		if err == nil {
			return k, nil
		}
		problems = append(problems, err)
	}
	return nil, errors.Join(problems...)
}

// parseCrypto reads the value of an a=crypto line (RFC 4568 §9.1). An error never shows the key.
func parseCrypto(value string) (*keys, error) {
	f := strings.Fields(value)
	if len(f) < 3 {
		return nil, errors.New("a=crypto wants tag, suite and key")
	}
	k := &keys{tag: f[0], name: f[1]}
	for _, s := range suites {
		for _, name := range s.names {
			if strings.EqualFold(k.name, name) {
				k.suite = s
			}
		}
	}
	if k.suite.length == 0 {
		return nil, fmt.Errorf("a=crypto: suite %.40q is not one of ours", k.name)
	}
	for _, p := range f[3:] {
		if !strings.HasPrefix(p, "-") && !strings.HasPrefix(p, "WSH=") {
			return nil, fmt.Errorf("a=crypto: %.40q is not supported", p)
		}
	}
	text, ok := strings.CutPrefix(f[2], "inline:")
	parts := strings.Split(text, "|")
	raw, err := base64.StdEncoding.DecodeString(parts[0])
	switch {
	case !ok || strings.Contains(text, ";"):
		return nil, errors.New("a=crypto: one inline key is supported")
	case err != nil || len(raw) != k.suite.length:
		return nil, fmt.Errorf("a=crypto: the key of %s is %d bytes in base64", k.name, k.suite.length)
	case len(parts) > 2 || len(parts) == 2 && strings.Contains(parts[1], ":"):
		return nil, errors.New("a=crypto: master key identifiers are not supported")
	}
	k.raw = string(raw)
	return k, nil
}

// attribute writes the answer's a=crypto.
func (k *keys) attribute() string {
	return fmt.Sprintf("crypto:%s %s inline:%s", k.tag, k.name, base64.StdEncoding.EncodeToString([]byte(k.raw)))
}

func (k *keys) context() (*srtp.Context, error) {
	c, err := srtp.CreateContext([]byte(k.raw[:keyLength]), []byte(k.raw[keyLength:]), k.suite.profile,
		srtp.SRTPReplayProtection(1024), srtp.SRTCPReplayProtection(128))
	if err != nil {
		return nil, fmt.Errorf("SRTP keys for %s: %w", k.name, err)
	}
	return c, nil
}
