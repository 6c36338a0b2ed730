package httpgate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/gate/content"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// What goes out message by message.
const (
	largestMessage = 1 << 20 // bytes of a message, where the service's answers may have as many
	mostFlows      = 8192    // at once
	mostOfAccount  = 32
)

// lookEvery is how often what goes out message by message is looked at when nothing comes:
// whether its session goes on, and what would be refused now.
const lookEvery = 5 * time.Second

// flows counts the responses that go out message by message.
type flows struct {
	every time.Duration // between two looks
	most  int           // of one account

	mu  sync.Mutex // guards what follows
	all int
	of  map[roster.AccountID]int
}

func newFlows() flows {
	return flows{every: lookEvery, most: mostOfAccount, of: make(map[roster.AccountID]int)}
}

// enter counts one more, if there may be one.
func (f *flows) enter(account roster.AccountID) (leave func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all >= mostFlows || f.of[account] >= f.most {
		return nil, &failure{kind: fault.Unavailable, why: policy.TooMuchAtOnce, because: "too many streams are open, of this account or of all"}
	}
	f.all++
	f.of[account]++
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.all--
		if f.of[account]--; f.of[account] == 0 {
			delete(f.of, account)
		}
	}, nil
}

// messageReader reads messages of one kind.
type messageReader struct {
	*content.Reader // nil when nothing of them goes out but that they came
	about           bool
	people          bool // may be in it
	answers         bool // a question: that nobody is in it is written as well, on a route of people
	after           bool // such an answer: whom its question names was written before that was passed on
}

// told is a message that was decided.
type told struct {
	outcome Outcome
	receipt ledger.Number // of the first entry that was written of it; 0 when nobody is in it
	body    []byte        // what may go out
	goes    bool          // anything may: the message as a whole is no row that is withheld
	hides   bool          // somebody in it is withheld
}

// refusedMessage is why no other message goes out: the refusal of one, which is written.
type refusedMessage struct {
	ruling  policy.Ruling
	receipt ledger.Number
}

func (r *refusedMessage) Error() string { return "refused: " + r.ruling.Why.String() }

// opens decides what goes out message by message as a response of its own: that it was opened is
// written, with whom the request names. If it may not be, that was answered.
func (x *exchange) opens(ctx context.Context) (became Outcome, opened bool) {
	ask := x.ask(policy.Show)
	if x.request.route.Kind == People {
		decision, err := x.commit(ctx, ask)
		if err != nil {
			return x.stop(ctx, policy.Show, err), false
		}
		if !decision.Shown() {
			return x.refuse(decision.Whole), false
		}
	}
	x.request.signs = 0 // they are of the request, and were counted with it
	if err := context.Cause(ctx); err != nil {
		return x.stop(ctx, policy.Show, &fault.Error{Kind: fault.Unavailable, Err: err}), false
	}
	if len(ask.People) > 0 {
		return Shown, true
	}
	return Plain, true
}

// goesOn says whether messages may still go out: the session goes on, and a request like
// this one would be forwarded now.
func (x *exchange) goesOn(ctx context.Context) error {
	if err := x.proxy.Still(ctx, x.session); err != nil {
		return err
	}
	x.began = x.proxy.Now()
	decision, err := x.foresee(ctx)
	if err == nil && !decision.Shown() {
		err = &refusedMessage{decision.Whole, x.receipt}
	}
	return err
}

// message decides one message of the application as a response of its own: whoever is in it,
// and whom the request names. When it returns, that is written.
func (x *exchange) message(ctx context.Context, by *messageReader, data []byte) (t told, err error) {
	if err := x.goesOn(ctx); err != nil {
		return t, err
	}
	ask := x.ask(policy.Show)
	ask.About = by.about
	if by.after {
		ask.People = nil // they were decided, counted and written; this is about whom it shows
	}
	var read *content.Reading
	var rows []content.Row
	if by.Reader != nil && len(data) > 0 {
		late := x.inTurn(ctx, len(data), func() { read, err = x.parse(&reader{Reader: by.Reader}, data) })
		if late != nil {
			return t, late
		}
		if err != nil {
			return t, notUnderstood("a message: " + err.Error())
		}
		rows = read.Rows()
	}
	switch {
	case by.about && by.people && len(rows) == 0:
		return t, notUnderstood("a message about one person names nobody")
	case !by.about && by.people && read != nil:
		ask.Signs |= meter.Listed
	}
	places, err := x.addRows(ctx, rows, &ask)
	if err != nil {
		return t, err
	}

	// Whoever is in it is decided, charged and written before a byte of it goes out. If the
	// program stops after this, the ledger tells of a message that nobody received.
	var decision policy.Decision
	t.outcome = Plain
	if len(ask.People) > 0 || by.answers && x.request.route.Kind == People {
		if decision, err = x.commit(ctx, ask); err != nil {
			return t, err
		}
		if t.receipt = x.receipt; len(ask.People) > 0 {
			t.outcome = Shown
		}
		if !decision.Shown() {
			return t, &refusedMessage{decision.Whole, x.receipt}
		}
	}
	if read == nil {
		t.goes = true
		return t, nil
	}
	if !by.about && len(places) > 0 {
		x.proxy.trails.Listed(x.session.Account, places, ask.People, decision.People)
	}
	t.hides = slices.ContainsFunc(places, func(place int) bool { return !decision.People[place].Verdict.Shows() })
	if root, is := read.Root(); is && !decision.People[places[root]].Verdict.Shows() {
		t.outcome = Cut
		return t, nil
	}
	t.goes = true
	late := x.inTurn(ctx, len(data), func() {
		t.body, err = x.cut(read, nil, func(row int) (bool, register.Fields) {
			ruling := decision.People[places[row]]
			if ruling.Verdict != policy.Shown {
				t.outcome = Cut
			}
			return ruling.Verdict.Shows(), ruling.Fields
		})
	})
	if late != nil {
		return t, late
	}
	if err != nil {
		return t, &fault.Error{Kind: fault.Broken, Err: fmt.Errorf("cutting a message: %w", err)}
	}
	return t, nil
}

// errLeaving ends what would never end by itself, when the program is asked to leave.
var errLeaving = errors.New("the program leaves")

// ended is what became of a flow, by why it ended. What is wrong with it is written, as of any
// response; that a session is over, or either side has gone, is not.
func (x *exchange) ended(ctx context.Context, act policy.Act, outcome Outcome, err error) (Outcome, error) {
	if _, refused := errors.AsType[*refusedMessage](err); refused {
		return Refused, err
	}
	if errors.Is(context.Cause(ctx), gate.ErrCut) {
		err = gate.ErrCut
	} else if errors.Is(err, io.EOF) || errors.Is(err, errLeaving) || ctx.Err() != nil {
		return outcome, nil
	} else if fault.Is(err, fault.Anonymous) {
		return Anonymous, nil
	}
	ruling, err := x.settle(ctx, act, err)
	if err != nil {
		x.log("a stream was broken off", err)
		return Failed, err
	}
	return Refused, &refusedMessage{ruling, x.receipt}
}

// heavier is the outcome that tells more of two messages.
func (o Outcome) heavier(other Outcome) Outcome {
	for _, one := range []Outcome{Cut, Shown} {
		if o == one || other == one {
			return one
		}
	}
	return Plain
}

// wire is the way to the asker of what goes out message by message.
type wire struct {
	x    *exchange
	out  *http.ResponseController
	over func() // nothing is sent after it
}

// newWire lifts what the server allows for a request and its response as a whole. Once ctx
// ends, nothing more is waited for, in the middle of a message either.
func (x *exchange) newWire(ctx context.Context) *wire {
	w := &wire{x: x, out: http.NewResponseController(x.w)}
	_ = w.out.SetReadDeadline(time.Time{})
	_ = w.out.SetWriteDeadline(time.Time{})
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		_ = w.out.SetWriteDeadline(time.Now())
	})
	w.over = sync.OnceFunc(func() {
		if !stop() {
			<-ended // it MUST NOT touch the response once the handler has returned
		}
		_ = w.out.SetWriteDeadline(time.Now().Add(time.Second)) // for the mark of the end, after a whole message
	})
	return w
}

// send hands a message over, to whoever takes it in time.
func (w *wire) send(ctx context.Context, text []byte) error {
	_ = w.out.SetWriteDeadline(time.Now().Add(w.x.service.Timeout))
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if _, err := w.x.w.Write(text); err != nil {
		return errGone
	}
	if err := w.out.Flush(); err != nil {
		return errGone
	}
	_ = w.out.SetWriteDeadline(time.Time{})
	if ctx.Err() != nil {
		_ = w.out.SetWriteDeadline(time.Now())
	}
	return nil
}

// errGone means that the asker has gone, or takes nothing.
var errGone = fmt.Errorf("the asker has gone: %w", io.EOF)
