package proxy

import (
	"ewindow/registrar/location"
	"ewindow/registrar/signal/dialog"
	"ewindow/registrar/signal/header"
)

// A half is our half of a dialog: one that ends here, a subscription or a call to the echo, or one of two others that we
// end in the place of one of them.
type half struct {
	dialog.Dialog
	account string // of the other side
	flow    location.Flow
	event   string // of a subscription: their Event, with its parameters: some tell several subscriptions of a dialog apart
	version int    // of a subscription: in which they are told
}

// accept is our half of the dialog that r makes.
func accept(r *request, account, tag string) half {
	return half{Dialog: dialog.Accept(r.Request, tag), account: account, flow: r.flow, event: header.First(r, "Event")}
}
