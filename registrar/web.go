package main

import (
	"net/http"

	"ewindow/registrar/pki"
	"ewindow/registrar/provision"
	"ewindow/registrar/store"
)

// publicWeb is what HTTP has for everybody, over TLS: one multiplexer for all ports at which strangers speak it. Metrics are nobody's
// business out there.
func publicWeb(db *store.Store, identity *pki.Identity, phones, joins http.Handler) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", healthy(db))
	mux.Handle("GET /ca.crt", authorityFile(identity))
	mux.Handle(provision.Path, phones)
	mux.Handle("/join/", joins)
	return mux
}

// authorityFile answers with the authority's certificate, for phones and browsers. Nobody can trust it by itself: it is compared with what
// `ewindow-registrar pin` prints.
func authorityFile(identity *pki.Identity) http.Handler {
	file := identity.CAFile()
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-x509-ca-cert") // by which phones and browsers offer to keep it
		w.Header().Set("Content-Disposition", `attachment; filename="ca.crt"`)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(file)
	})
}
