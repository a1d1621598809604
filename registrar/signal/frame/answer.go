package frame

import (
	"bytes"
	"fmt"
	"hash/fnv"

	"ewindow/registrar/signal/header"
	"ewindow/registrar/signal/validate"
)

// maxAnswer bounds what an answer repeats of the message that it refuses.
const maxAnswer = 4_096

// Answer is the response to a refused request, as bytes: what it refuses was not parsed. It is nil if there can be none:
// for a response, for an ACK, or if the head doesn't say whom to answer. source is the "ip:port" that it came from.
func (r *Refusal) Answer(source string) []byte {
	start, rest := validate.Line(r.head)
	method, _, _ := bytes.Cut(start, []byte(" "))
	if r.Problem.Status == 0 || bytes.HasPrefix(start, []byte("SIP/")) || bytes.Equal(method, []byte("ACK")) ||
		!bytes.HasSuffix(bytes.TrimSpace(start), []byte(" SIP/2.0")) {
		return nil
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "SIP/2.0 %d %s\r\n", r.Problem.Status, r.Problem.Reason)
	seen := map[string]int{}
	for line := []byte(nil); len(rest) > 0; {
		if line, rest = validate.Line(rest); len(line) == 0 {
			break
		}
		name, value := validate.Field(line)
		switch name {
		case "Via", "From", "To", "Call-ID", "CSeq":
		default:
			continue
		}
		value = bytes.ReplaceAll(value, []byte("\r\n"), nil)    // lines that go on
		plain := bytes.ReplaceAll(value, []byte("\\\x00"), nil) // a quoted pair may be any character (RFC 3261 §25.1)
		if bytes.ContainsAny(plain, "\r\n\x00") {
			return nil
		}
		if out.Len()+len(value) > maxAnswer {
			if name == "Via" && seen[name] > 0 {
				continue // the first leads back to whoever sent this to us
			}
			return nil
		}
		if seen[name]++; name == "Via" && seen[name] == 1 {
			value = stamped(value, source)
		}
		fmt.Fprintf(&out, "%s:%s", name, value)
		if name == "To" && header.Param(string(value), "tag") == "" { // RFC 3261 §8.2.6.2
			h := fnv.New32a()
			_, _ = h.Write(r.head)
			fmt.Fprintf(&out, ";tag=%08x", h.Sum32())
		}
		out.WriteString("\r\n")
	}
	for _, name := range []string{"From", "To", "Call-ID", "CSeq"} {
		if seen[name] != 1 {
			return nil
		}
	}
	if seen["Via"] == 0 {
		return nil
	}
	out.WriteString("Content-Length: 0\r\n\r\n")
	return out.Bytes()
}

// stamped is a line of Via whose first says where it came from, if that can be read.
func stamped(line []byte, source string) []byte {
	end := header.ElementEnd(line, ',')
	via, err := header.ParseVia(string(line[:end]))
	if err != nil {
		return line
	}
	header.Stamp(via, source)
	return append([]byte(" "+via.Value()), line[end:]...)
}
