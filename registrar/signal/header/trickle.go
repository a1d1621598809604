package header

// Candidates of ICE that follow offer and answer (RFC 8840): INFOs of a package (RFC 6086) whose bodies are pieces of SDP. They hold the
// password of the search, by which whoever knows it could answer its checks.
const (
	TrickleType    = "application/trickle-ice-sdpfrag"
	TrickleTag     = "trickle-ice" // option tag
	TricklePackage = "trickle-ice"

	InfoPackage = "Info-Package"
	RecvInfo    = "Recv-Info"
)
