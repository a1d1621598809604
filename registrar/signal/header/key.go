package header

// KeyName is the header of a REGISTER by which a window tells its public media key: a SubjectPublicKeyInfo in base64 (see mediakey).
// It is taken over TLS alone, since nothing else protects it, and goes no further as a header: the plan names it to partners.
const KeyName = "X-EWindow-Key"

// VouchType is the content type of an INFO within a call (RFC 6086) by which a window tells its partner that somebody has confirmed the
// partner's key there. Its body is a signature in base64.
const VouchType = "application/vnd.ewindow.vouch"

// KeyRefused is the text of the Reason (RFC 3326) with which a window ends a call because the other one shows another key than it is known
// by. It is never another text: by it the other window knows what to say.
const KeyRefused = "your key has changed and nobody here has confirmed it"
