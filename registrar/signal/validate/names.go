package validate

import "strings"

// names maps header names in lower case, and their compact forms (RFC 3261 §7.3.3, IANA), to the one spelling under
// which sipgo removes and replaces headers: it compares with case.
var names = spellings()

func spellings() map[string]string {
	m := map[string]string{
		"a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "d": "Request-Disposition", "e": "Content-Encoding",
		"f": "From", "i": "Call-ID", "j": "Reject-Contact", "k": "Supported", "l": "Content-Length", "m": "Contact",
		"n": "Identity-Info", "o": "Event", "r": "Refer-To", "s": "Subject", "t": "To", "u": "Allow-Events", "v": "Via",
		"x": "Session-Expires", "y": "Identity",
	}
	for _, name := range []string{
		"Accept", "Accept-Contact", "Alert-Info", "Allow", "Allow-Events", "Authorization", "CSeq", "Call-ID", "Call-Info",
		"Contact", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length", "Content-Type", "Date",
		"Diversion", "Error-Info", "Event", "Expires", "Flow-Timer", "From", "History-Info", "Identity", "Identity-Info",
		"Info-Package", "MIME-Version", "Max-Forwards", "Min-Expires", "Min-SE", "Organization", "P-Asserted-Identity",
		"P-Preferred-Identity", "Path", "Privacy", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Require", "RAck",
		"RSeq", "Reason", "Record-Route", "Recv-Info", "Refer-To", "Referred-By", "Reject-Contact", "Remote-Party-ID",
		"Replaces", "Request-Disposition", "Require", "Retry-After", "Route", "SIP-ETag", "SIP-If-Match", "Server",
		"Service-Route", "Session-Expires", "Subject", "Subscription-State", "Supported", "Timestamp", "To", "Unsupported",
		"User-Agent", "Via", "WWW-Authenticate", "Warning",
	} {
		m[strings.ToLower(name)] = name
	}
	return m
}

// canonicalName is the one spelling of a name; an unknown name is its own.
func canonicalName(name string) string {
	if full := names[name]; full != "" {
		return full
	}
	if full := names[strings.ToLower(name)]; full != "" {
		return full
	}
	return name
}
