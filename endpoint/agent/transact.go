package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
	"ewindow/registrar/signal/stack"
	"ewindow/registrar/signal/validate"
)

// What can become of a request instead of a final response.
var (
	errNoAnswer = errors.New("no answer")
	errLost     = fmt.Errorf("the connection to the registrar was lost: %w", ErrOffline)
)

// sender sends one request over a flow and returns its final response.
type sender func(ctx context.Context, f *flow, req *sip.Request) (*sip.Response, error)

// exchange sends a request, answers challenges to it, and returns the request that got the final response, and
// that response. build makes the request anew for each try. toServer: see credentials.apply.
func (a *Agent) exchange(ctx context.Context, f *flow, toServer bool, build func() *sip.Request, send sender) (*sip.Request, *sip.Response, error) {
	answered := make(map[int]bool)
	for range 4 { // two challengers, each with a nonce that gets stale on the way
		req := build()
		if err := a.creds.apply(req, toServer, answered[sip.StatusUnauthorized]); err != nil {
			return nil, nil, err
		}
		res, err := send(ctx, f, req)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", req.Method, err)
		}
		code := res.StatusCode
		if code != sip.StatusUnauthorized && code != sip.StatusProxyAuthRequired {
			return req, res, nil
		}
		stale, err := a.creds.learn(res)
		a.stack.Taken(res)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", req.Method, err)
		}
		if answered[code] && !stale {
			break
		}
		answered[code] = true
	}
	return nil, nil, errSecret
}

// transact is the sender of all requests but INVITE and ACK.
func (a *Agent) transact(ctx context.Context, f *flow, req *sip.Request) (*sip.Response, error) {
	tx, err := a.begin(f, req)
	if err != nil {
		return nil, err
	}
	defer tx.Terminate()
	for {
		select {
		case res := <-tx.Responses():
			if res.IsProvisional() {
				a.stack.Taken(res)
				continue
			}
			return sound(res)
		case <-tx.Done():
			return nil, whyOver(tx)
		case <-ctx.Done():
			return nil, overdue(ctx)
		case <-a.stop:
			return nil, ErrOffline
		}
	}
}

// begin starts a client transaction over f.
func (a *Agent) begin(f *flow, req *sip.Request) (*stack.ClientTx, error) {
	if !f.alive() {
		return nil, errLost
	}
	address(req, f)
	tx, err := a.stack.Request(req)
	if err != nil {
		a.log.Debug("request not sent", "method", req.Method, "err", err)
		return nil, errLost
	}
	return tx, nil
}

// write sends an ACK, or a response once more, over the flow of the moment; if there is none it is as if it were
// lost on the way.
func (a *Agent) write(m sip.Message) {
	f := a.currentFlow()
	if f == nil || !f.alive() {
		return
	}
	address(m, f)
	if err := a.stack.Write(m); err != nil {
		a.log.Debug("message not sent", "err", err)
	}
}

// address sends a message over f and nowhere else.
func address(m sip.Message, f *flow) {
	m.SetTransport("TLS")
	m.SetDestination(f.remote.String())
}

func sound(res *sip.Response) (*sip.Response, error) {
	if p := validate.Response(res); p != nil {
		return nil, fmt.Errorf("malformed %d response: %w", res.StatusCode, p)
	}
	return res, nil
}

// whyOver says how a transaction ended without a final response.
func whyOver(tx *stack.ClientTx) error {
	if errors.Is(tx.Err(), sip.ErrTransactionTimeout) {
		return errNoAnswer
	}
	return errLost
}

// overdue is why ctx ended: errNoAnswer if our own time limit was over, else ctx's own error.
func overdue(ctx context.Context) error {
	if cause := context.Cause(ctx); errors.Is(cause, errNoAnswer) {
		return errNoAnswer
	}
	return ctx.Err()
}

// within limits ctx; what is over then ends with errNoAnswer.
func within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d, errNoAnswer)
}

// statusError makes an error of a final response that is not 2xx.
func statusError(res *sip.Response) *StatusError {
	return &StatusError{Code: res.StatusCode, Reason: header.Text(res.Reason), RetryAfter: seconds(header.First(res, "Retry-After"))}
}

// seconds is the number of seconds that a header's value names; 0 if there is none, a day at most.
func seconds(value string) time.Duration {
	d, _ := header.Seconds(value)
	return min(d, 24*time.Hour)
}
