package httpgate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/gate/asked"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/signin"
)

// exchange is one request and its response, on their way through the gate.
type exchange struct {
	proxy   *Proxy
	service *service
	w       http.ResponseWriter
	r       *http.Request
	began   time.Time
	arrived time.Time // the whole request, as this machine's own clock counts
	flowing time.Time // since when messages go out one by one; zero for other responses

	learning bool // nobody is sent the response: what it looks like is noted

	session  signin.Session
	request  request
	response *response     // nil while none was collected
	receipt  ledger.Number // of what was written last; 0 while nothing was
	odd      *oddMessage   // nil while none of a WebSocket is decided

	asking *asked.Held[question] // what a page asks and is answered by; nil when no message is numbered
}

// serve takes an exchange from its request to its response, or to a refusal. Its order
// is what the package promises: nothing goes out, and no change is forwarded, before
// it is decided and durable in the ledger. Wherever the program stops, the ledger tells
// of as much as went out, or of more.
func (x *exchange) serve() Outcome {
	p := x.proxy

	// Who asks. Up to here nothing is written: there is no account to write it of.
	if err := p.origins.Check(x.r); err != nil {
		return x.fail(&failure{kind: fault.Refused, why: policy.OtherSite, because: "another site asks"})
	}
	session, err := p.Who(x.w, x.r)
	if fault.Is(err, fault.Anonymous) {
		x.w.Header().Set("Cache-Control", "no-store")
		p.Pages.SignIn(x.w, x.r, err)
		return Anonymous
	}
	if err != nil {
		return x.fail(err)
	}
	x.session = session

	// From here on ctx ends when an order stops the account, its organisation, its network
	// or the service: wherever the exchange is then, it goes no further.
	ctx, leave := p.Gate.Enter(x.r.Context(), x.use())
	defer leave()

	// The declared route, and whom the request names. What is not declared, or could be
	// read in two ways, is refused and written; the application never hears of it.
	if err := x.request.read(x.w, x.r, x.service); err != nil {
		return x.stop(ctx, policy.Attempt, err)
	}
	x.arrived = time.Now() // whoever sends slowly MUST not choose where the multiples of a refusal begin
	q := &x.request
	ctx, over := p.Gate.Enter(ctx, x.use()) // and when one closes its function
	defer over()
	if q.named, err = x.people(ctx, q.refs); err != nil {
		return x.stop(ctx, policy.Attempt, err)
	}
	q.signs = p.notice(session.Account, q)

	if q.changes() {
		// A change is written before it is forwarded. If the program stops in between, or
		// the application fails, the ledger tells of a change that did not take place.
		decision, err := x.commit(ctx, x.ask(policy.Change))
		if err != nil {
			return x.stop(ctx, policy.Attempt, err)
		}
		if !decision.Shown() {
			return x.refuse(decision.Whole)
		}
	} else {
		// A reading is checked, and nothing charged or written: it will be with the response.
		// What would be refused then is refused now, and the application is not asked.
		decision, err := x.foresee(ctx)
		if err != nil {
			return x.stop(ctx, policy.Attempt, err)
		}
		if !decision.Shown() {
			return x.refuse(decision.Whole)
		}
	}

	if q.route.socket != nil && !q.polls() {
		if err := x.fromItsPage(); err != nil {
			return x.fail(err)
		}
	}
	if q.route.Events != nil || q.route.Waits > 0 || q.route.socket != nil {
		leave, err := p.flows.enter(session.Account)
		if err != nil {
			return x.fail(err)
		}
		defer leave()
	}
	if q.route.socket != nil && len(q.route.Socket.Numbered) > 0 {
		x.asking = p.questions.Hold(x.connection())
		defer x.asking.Release()
	}

	said := Plain
	if q.polls() && q.method == http.MethodPost {
		if said, err = x.saysByPolling(ctx); err != nil {
			return x.stopPolling(ctx, policy.Attempt, err)
		}
	}

	// The application answers, and its response is collected whole. If it fails, that is
	// written too where the request names people: it may have learnt who they are.
	sent := time.Now()
	x.response, err = x.forward(ctx)
	late := x.isLate(sent)
	if err != nil {
		return x.stop(ctx, policy.Show, err)
	}
	defer x.response.free()
	if late { // who asked may have left meanwhile
		switch err := p.Still(ctx, session); {
		case fault.Is(err, fault.Anonymous):
			x.w.Header().Set("Cache-Control", "no-store")
			p.Pages.SignIn(x.w, x.r, err)
			return Anonymous
		case err != nil:
			return x.stop(ctx, policy.Show, err)
		}
	}
	switch {
	case x.response.events:
		return x.flow(ctx)
	case x.response.line != nil:
		return x.talk(ctx)
	case q.polls():
		return x.answerPolling(ctx, said)
	}

	// The response is read: which people, which fields. What is not understood is refused
	// whole.
	var read contents
	if late := x.inTurn(ctx, len(x.response.body()), func() { read, err = x.read(x.response) }); late != nil {
		err = late
	}
	if err != nil {
		return x.stop(ctx, policy.Show, err)
	}
	ask := x.ask(policy.Show)
	ask.About, ask.Whole, ask.Signs = !read.list, read.uncuttable, ask.Signs|read.signs
	if q.changes() {
		ask.People = nil // the change was decided, counted and written; its response is about whom it shows
	}
	if err := x.addLed(ctx, read.led, &ask); err != nil {
		return x.stop(ctx, policy.Show, err)
	}
	places, err := x.addRows(ctx, read.rows, &ask)
	if err != nil {
		return x.stop(ctx, policy.Show, err)
	}

	// Everybody in the response is decided, charged and written, or nothing goes out. On a
	// route of people, that there was nobody is written as well. If the program stops
	// after this, the ledger tells of a disclosure that nobody received.
	var decision policy.Decision
	if q.route.Kind == People || len(ask.People) > 0 {
		if decision, err = x.commit(ctx, ask); err != nil {
			return x.stop(ctx, policy.Show, err)
		}
		if !decision.Shown() {
			return x.refuse(decision.Whole)
		}
	}
	if read.list {
		p.trails.Listed(session.Account, places, ask.People, decision.People)
	}

	// Withheld people are cut out, and fields masked, in a copy.
	outcome, body := Plain, x.response.body()
	if len(ask.People) > 0 {
		outcome = Shown
	}
	if read.document != nil {
		if q.route.Export {
			read.document.Mark(watermark, strconv.FormatUint(uint64(x.receipt), 10))
		}
		buffer := getBuffer()
		defer putBuffer(buffer)
		buffer.Grow(len(body) + 512)
		late := x.inTurn(ctx, len(body), func() {
			body, err = x.cut(read.document, buffer.AvailableBuffer(), func(row int) (bool, register.Fields) {
				ruling := decision.People[places[row]]
				if ruling.Verdict != policy.Shown {
					outcome = Cut
				}
				return ruling.Verdict.Shows(), ruling.Fields
			})
		})
		if late != nil {
			return x.stop(ctx, policy.Show, late)
		}
		if err != nil {
			return x.stop(ctx, policy.Show, &fault.Error{Kind: fault.Broken, Err: fmt.Errorf("cutting the response: %w", err)})
		}
	}

	if read.total != "" {
		read.total = withoutWithheld(read.total, places, decision)
	}

	// An order that came since the decision still stops it all.
	if err := context.Cause(ctx); err != nil {
		return x.stop(ctx, policy.Show, &fault.Error{Kind: fault.Unavailable, Err: err})
	}
	x.release(ctx, read, body)
	return outcome
}

// foresee refuses what would be refused with the response, and has that written. If it is
// not refused, nothing is.
func (x *exchange) foresee(ctx context.Context) (policy.Decision, error) {
	ask := x.ask(policy.Attempt)
	decision, err := x.proxy.Gate.Check(ctx, ask)
	if err == nil && !decision.Shown() {
		decision, err = x.commit(ctx, ask)
	}
	return decision, err
}

// use is the exchange as orders reach it, as far as it is known.
func (x *exchange) use() order.Use {
	return order.Use{
		Account: x.session.Account, Organisation: x.session.Organisation, Service: x.service.ID,
		Route: x.request.routeName(), Function: x.request.function(), Network: x.proxy.Networks.Of(x.r),
	}
}

// ask is what the gate is asked: about the people the request names, until others
// are found. They stay in it whatever the application answers, since whatever goes
// out tells of them, if only that they are there.
func (x *exchange) ask(act policy.Act) policy.Ask {
	q := &x.request
	ask := policy.Ask{
		Act: act, Account: x.session.Account, Organisation: x.session.Organisation, Session: x.session.ID,
		Service: x.service.ID, About: true, Whole: act == policy.Change, Route: q.routeName(), Function: q.function(), Signs: q.signs,
		Device: x.session.Device, Network: x.proxy.Networks.Of(x.r),
		People: make([]policy.Opening, len(q.named), len(q.named)+1),
	}
	var told register.Fields
	if q.route != nil {
		ask.Purpose, told = q.route.Purpose, q.route.Shows
		if act == policy.Change {
			told |= q.writes
		}
		if q.route.Export {
			ask.Signs |= meter.Exported
		}
	}
	for i, person := range q.named {
		ask.People[i] = x.opening(person, told)
		ask.People[i].Named, ask.People[i].Uncut = true, told
	}
	return ask
}

// opening is a person about to be shown. Whether they are a canary is asked of
// everybody, and takes as long for each.
func (x *exchange) opening(person register.PersonID, fields register.Fields) policy.Opening {
	return policy.Opening{Person: person, Fields: fields, Canary: x.proxy.Canaries.Live(person, x.began)}
}

// commit has an ask decided and written down. When it returns a decision that does
// not show, the refusal is durable.
func (x *exchange) commit(ctx context.Context, ask policy.Ask) (policy.Decision, error) {
	passage, err := x.proxy.Gate.Commit(ctx, ask)
	if err != nil {
		return policy.Decision{}, err
	}
	if passage.Written > 0 {
		x.receipt = passage.Receipt
	}
	if passage.Decision.Expels() {
		// The account is frozen already: nothing that stops it depends on its sessions.
		if err := x.proxy.Expel(context.WithoutCancel(ctx), x.session.Account); err != nil {
			x.log("the sessions of a frozen account could not be ended", err)
		}
	}
	return passage.Decision, nil
}

// stop ends an exchange in which something was found wrong before anything went out. What
// was collected is given up first: neither the ledger nor a slow asker MUST hold its place.
func (x *exchange) stop(ctx context.Context, act policy.Act, err error) Outcome {
	ruling, err := x.settle(ctx, act, err)
	if err != nil {
		return x.fail(err)
	}
	return x.refuse(ruling)
}

// settle gives up the response, in which something was found wrong, and returns the
// refusal that is written of it, or the error with which nothing is. It is written, with whom the request names, if the gate objects to the request or
// the response, if the application was asked for these people in vain, or if an order
// ended ctx. act is Attempt until the application was asked, Show after.
func (x *exchange) settle(ctx context.Context, act policy.Act, err error) (policy.Ruling, error) {
	objection, objects := errors.AsType[*objection](err)
	if objects {
		x.sketch(ctx, objection.why)
	}
	x.response.free()
	failure, failed := errors.AsType[*failure](err)
	ask := x.ask(policy.Attempt)
	switch {
	case objects:
		ask.Act, ask.Objection = act, objection.why
		if objection.why == policy.NotUnderstood || objection.why == policy.RequestUnreadable {
			x.log("not understood", err)
		}
	case failed && len(x.request.named) > 0 && !x.request.changes():
		ask.Act, ask.Objection = act, failure.why
	case errors.Is(context.Cause(ctx), gate.ErrCut): // the orders refuse it
	default:
		return policy.Ruling{}, err
	}
	// The refusal is written whether or not the asker still waits for it.
	decision, unwritten := x.commit(context.WithoutCancel(x.r.Context()), ask)
	switch {
	case unwritten != nil:
		return policy.Ruling{}, unwritten
	case decision.Shown(): // the order was lifted at once
		return policy.Ruling{}, &fault.Error{Kind: fault.Unavailable, Err: gate.ErrCut}
	case failed && decision.Whole.Why == ask.Objection: // nothing else stands against it
		return policy.Ruling{}, err
	default:
		return decision.Whole, nil
	}
}

// refuse answers with a refusal that is written.
func (x *exchange) refuse(ruling policy.Ruling) Outcome {
	x.response.free()
	if ruling.Why == policy.NotThere || ruling.Why.Untold() || slices.ContainsFunc(x.request.named, register.PersonID.IsZero) {
		x.proxy.trails.Missed(x.session.Account, x.request.refs)
	}
	x.sendReceipt()
	x.w.Header().Set("Cache-Control", "no-store")
	if ruling.Why.Untold() { // nothing outside the ledger tells it from a reference to nobody
		ruling.Why = policy.NobodyKnown
	}
	refusal := Refusal{Service: x.service.ID, Route: x.request.routeName(), Ruling: ruling, Receipt: x.receipt, Session: x.session, Use: x.use()}
	if len(x.request.refs) == 0 { // it says nothing of anybody
		x.proxy.Pages.Refused(x.w, x.r, refusal)
		return Refused
	}
	answer := &held{ResponseWriter: x.w}
	x.proxy.Pages.Refused(answer, x.r, refusal)
	x.proxy.Even(x.r.Context(), time.Since(x.arrived))
	answer.release()
	return Refused
}

// fail answers that the application or the gate could not.
func (x *exchange) fail(err error) Outcome {
	x.log("nothing was passed on", err)
	x.sendReceipt()
	x.w.Header().Set("Cache-Control", "no-store")
	why := policy.Granted
	if failure, ok := errors.AsType[*failure](err); ok {
		why = failure.why
	}
	x.proxy.Pages.Failed(x.w, x.r, fault.KindOf(err), why)
	return Failed
}

// portion is how much goes out between two looks at the orders.
const portion = 64 << 10

// release sends what may be shown of a response. An order that comes between two
// portions breaks it off; the browser sees that it is not whole.
func (x *exchange) release(ctx context.Context, read contents, body []byte) {
	x.response.taken.Lighten(2 * asIs) // what is left is the response, and what goes out of it: whoever takes it slowly keeps nobody else from being answered
	x.sendHeader(x.response, read)
	x.sendReceipt()
	if x.response.rest != nil {
		x.stream(ctx)
		return
	}
	if status := x.response.status; status != http.StatusNoContent && status != http.StatusNotModified {
		x.w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	x.w.WriteHeader(x.response.status)
	if x.r.Method == http.MethodHead {
		return
	}
	for part := range slices.Chunk(body, portion) {
		if errors.Is(context.Cause(ctx), gate.ErrCut) {
			panic(http.ErrAbortHandler)
		}
		if _, err := x.w.Write(part); err != nil {
			return // the browser has gone
		}
	}
}

// sendReceipt names the first entry that was written about what goes out.
func (x *exchange) sendReceipt() {
	if x.receipt != 0 {
		x.w.Header()["Poterne-Receipt"] = []string{strconv.FormatUint(uint64(x.receipt), 10)}
	}
}

// log tells the operator why something was not understood or not reached.
func (x *exchange) log(message string, err error) {
	name := ""
	if x.request.route != nil {
		name = x.request.route.name
	}
	x.proxy.Log.WarnContext(x.r.Context(), message,
		slog.String("service", string(x.service.ID)), slog.String("route", name), slog.Any("err", err))
}
