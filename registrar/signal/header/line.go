package header

// LineType is the content type by which a window tells its registrar how media does in a call with its partner: an INFO
// within the call (RFC 6086) whose body is LineDown or LineUp. The registrar answers it itself.
const (
	LineType = "application/vnd.ewindow.line"
	LineDown = "down" // nothing comes from the partner
	LineUp   = "up"
)
