package httpgate

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/signin"
)

// passage is one request on its way through the gate.
type passage struct {
	proxy   *Proxy
	service *service
	w       http.ResponseWriter
	r       *http.Request

	at      time.Time // when it began
	session signin.Session
	ctx     context.Context // ends when an order stops the passage
	facts   gate.FactCache
	route   *route // nil while the request is not matched
	address address
	body    []byte              // of the request
	form    []pair              // in the body
	writes  register.Fields     // what it changes
	refs    []register.Ref      // by which the request names people
	named   []register.PersonID // whom they lead to, each once
	signs   meter.Signs         // of going through the register one after the other
	act     policy.Act          // what an objection is written down as
	receipt *ledger.Number      // of what was written last
}

// refusal is a refusal that was written down.
type refusal struct{ ruling policy.Ruling }

func (r *refusal) Error() string { return "refused: " + r.ruling.Why.String() }

// run takes the passage to its end, whatever that is.
func (g *passage) run() Outcome {
	if err := g.proxy.origins.Check(g.r); err != nil {
		return g.fail(&failure{fault.Refused, policy.OtherSite, "another site asks"})
	}
	session, err := g.proxy.Who(g.w, g.r)
	if fault.Is(err, fault.Anonymous) {
		g.w.Header().Set("Cache-Control", "no-store")
		g.proxy.Pages.SignIn(g.w, g.r, err)
		return Anonymous
	}
	if err != nil {
		return g.fail(err)
	}
	g.session = session
	under, leave := g.proxy.Gate.Enter(g.r.Context(), session.Account, session.Organisation, g.service.ID)
	defer leave()
	g.ctx = under
	outcome, err := g.through()
	if err != nil {
		return g.end(err)
	}
	return outcome
}

// through is a passage that nothing stops.
func (g *passage) through() (Outcome, error) {
	if err := g.readRequest(); err != nil {
		return "", err
	}
	if err := g.decideRequest(); err != nil {
		return "", err
	}
	answer, err := g.forward()
	if err != nil {
		return "", err
	}
	defer answer.free()
	return g.handOver(answer)
}

// decideRequest decides on the people whom the request names, before the
// application is asked. What is about to change is written down.
func (g *passage) decideRequest() error {
	if g.changes() {
		_, err := g.settle(g.ctx, g.ask(policy.Change))
		return err
	}
	ask := g.ask(policy.Attempt)
	foreseen, err := g.proxy.Gate.Check(g.ctx, ask, &g.facts)
	if err != nil || foreseen.Shown() {
		return err
	}
	_, err = g.settle(g.ctx, ask)
	return err
}

// settle has an ask decided and written down; the error is a *refusal if the ask
// is refused as a whole.
func (g *passage) settle(ctx context.Context, ask policy.Ask) (policy.Decision, error) {
	settled, err := g.proxy.Gate.Commit(ctx, ask, &g.facts)
	if err != nil {
		return policy.Decision{}, err
	}
	if settled.Written > 0 {
		g.receipt = &settled.Receipt
	}
	if settled.Decision.Expels() {
		g.expel(ctx)
	}
	if !settled.Decision.Shown() {
		return settled.Decision, &refusal{settled.Decision.Whole}
	}
	return settled.Decision, nil
}

// expel ends the account's sessions. The account is frozen already, so nothing of
// what stopped it depends on that.
func (g *passage) expel(ctx context.Context) {
	if err := g.proxy.Expel(context.WithoutCancel(ctx), g.session.Account); err != nil {
		g.note("the sessions of a frozen account could not be ended", err)
	}
}

// end is how a passage ends that was stopped: an order comes first, then what the
// gate found wrong, then what failed. An objection is written down, and so is
// whom an application was asked for in vain.
func (g *passage) end(err error) Outcome {
	if written, ok := errors.AsType[*refusal](err); ok {
		return g.refuse(written)
	}
	objection, objects := errors.AsType[*objection](err)
	failure, failed := errors.AsType[*failure](err)
	inVain := failed && len(g.named) > 0 && !g.changes()
	isCut := errors.Is(context.Cause(g.ctx), gate.ErrCut)
	if !objects && !inVain && !isCut {
		return g.fail(err)
	}
	ask := g.ask(policy.Attempt)
	switch {
	case objects:
		ask.Act, ask.Objection = g.act, objection.why
		if objection.why == policy.NotUnderstood || objection.why == policy.RequestUnreadable {
			g.note("not understood", err)
		}
	case inVain:
		ask.Act, ask.Objection = g.act, failure.why
	}
	// Whether or not somebody still waits, the refusal is written.
	_, settled := g.settle(context.WithoutCancel(g.r.Context()), ask)
	if written, ok := errors.AsType[*refusal](settled); ok {
		if inVain && written.ruling.Why == failure.why {
			return g.fail(err)
		}
		return g.refuse(written)
	}
	if settled == nil { // the order was lifted at once
		settled = &fault.Error{Kind: fault.Unavailable, Err: gate.ErrCut}
	}
	return g.fail(settled)
}

func (g *passage) refuse(written *refusal) Outcome {
	if written.ruling.Why == policy.NotThere || slices.ContainsFunc(g.named, register.PersonID.IsZero) {
		g.missed()
	}
	refused := Refusal{Service: g.service.ID, Route: g.undeclared(), Ruling: written.ruling, Session: g.session}
	if g.route != nil {
		refused.Route = g.route.name
	}
	if g.receipt != nil {
		refused.Receipt = *g.receipt
	}
	g.sendReceipt()
	g.w.Header().Set("Cache-Control", "no-store")
	g.proxy.Pages.Refused(g.w, g.r, refused)
	return Refused
}

func (g *passage) fail(err error) Outcome {
	g.note("nothing was passed on", err)
	g.sendReceipt()
	g.w.Header().Set("Cache-Control", "no-store")
	why := policy.Granted
	if failure, ok := errors.AsType[*failure](err); ok {
		why = failure.why
	}
	g.proxy.Pages.Failed(g.w, g.r, fault.KindOf(err), why)
	return Failed
}

// sendReceipt names the first entry that was written about what goes out.
func (g *passage) sendReceipt() {
	if g.receipt != nil {
		g.w.Header()["Poterne-Receipt"] = []string{strconv.FormatUint(uint64(*g.receipt), 10)}
	}
}
