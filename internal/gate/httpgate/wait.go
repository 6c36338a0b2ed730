package httpgate

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"poterne/internal/fault"
)

const (
	longestWait = 10 * time.Minute
	longAnswer  = time.Minute     // servers allow a request and its response twice as much, if nothing is said
	lateAnswer  = 5 * time.Second // after which it is asked once more who asked
)

// checkWaits complains of a wait that is none.
func (t *route) checkWaits(c *fault.Complaints) {
	switch {
	case t.Waits == 0:
	case t.Waits < time.Second || t.Waits > longestWait:
		c.Add("waits", "write how long the application may take to answer, from 1s to 10m")
	case !t.onlyReads() || t.Kind == Static || t.Events != nil || t.Socket != nil:
		c.Add("waits", "it is said of what is asked for and answered later; a change, a stream of events, a WebSocket and what is static are not waited for")
	}
}

// patience is how long a response may take to be whole.
func (x *exchange) patience() time.Duration {
	return cmp.Or(x.request.route.Waits, x.service.Timeout)
}

// waits lifts what the server allows for a request and its response as a whole, where a
// response may take longer, until it has arrived. A program that leaves gives up a wait that
// was declared.
func (x *exchange) waits(ctx context.Context, giveUp context.CancelCauseFunc) (arrives func()) {
	over := make(chan struct{})
	if (x.request.route.Waits > 0 || x.request.polls()) && x.proxy.Leaving != nil {
		go func() {
			select {
			case <-x.proxy.Leaving:
				giveUp(context.DeadlineExceeded)
			case <-over:
			case <-ctx.Done():
			}
		}()
	}
	if x.patience() <= longAnswer {
		return func() { close(over) }
	}
	deadlines := http.NewResponseController(x.w)
	_ = deadlines.SetReadDeadline(time.Time{})
	_ = deadlines.SetWriteDeadline(time.Time{})
	return func() {
		close(over)
		_ = deadlines.SetWriteDeadline(time.Now().Add(2 * longAnswer))
	}
}

// isLate reports whether the application took long to answer what it was asked at a moment.
// The session's next token, which was to come with the response, is not sent then: the browser
// may have a newer one, and what is lost is sent with another response.
func (x *exchange) isLate(asked time.Time) bool {
	if time.Since(asked) < x.proxy.late {
		return false
	}
	x.w.Header().Del("Set-Cookie")
	x.began = x.proxy.Now() // whoever is in it is decided by the time it came
	return true
}
