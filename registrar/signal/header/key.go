package header

// KeyName is the header of a REGISTER by which a window tells its public media key: a SubjectPublicKeyInfo in base64 (see mediakey).
// It is taken over TLS alone, since nothing else protects it, and goes no further as a header: the plan names it to partners.
const KeyName = "X-EWindow-Key"
