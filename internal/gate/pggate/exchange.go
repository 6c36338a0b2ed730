package pggate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/trace"
)

// exchange is one statement and its answer, on their way through the gate.
type exchange struct {
	*conn
	portal    *portal // nil when nothing is declared
	text      string  // what the client wrote, then
	describes bool    // the answer begins with what its columns are
	began     time.Time
	refs      []register.Ref      // by which the request names people
	named     []register.PersonID // whom they lead to, each once
	signs     meter.Signs         // of going through the register one after the other
	receipt   ledger.Number       // of what was written last; 0 while nothing was
}

// objection is what the door itself finds wrong; the refusal is written.
type objection struct {
	why     policy.Why
	because string
}

func (o *objection) Error() string { return o.why.String() + ": " + o.because }

// run answers a statement. An error ends the connection.
func (c *conn) run(ctx context.Context, p *portal, describes bool) error {
	return (&exchange{conn: c, portal: p, describes: describes}).observed(ctx)
}

// undeclared refuses what nobody declared, and writes it.
func (c *conn) undeclared(ctx context.Context, text string) error {
	return (&exchange{conn: c, text: text}).observed(ctx)
}

func (x *exchange) observed(ctx context.Context) error {
	d := x.door
	x.began = d.Now()
	outcome := Aborted
	defer func() { d.Observe(x.service.ID, outcome, d.Now().Sub(x.began)) }()
	ctx, span := d.Traces.Begin(ctx, "passage")
	if span != nil {
		span.Set(trace.Service, string(x.service.ID))
		span.Set(trace.Route, x.route())
		defer func() {
			span.Set(trace.Outcome, string(outcome))
			span.End()
		}()
	}
	var err error
	arrived := time.Now()
	if outcome, err = x.serve(ctx); outcome == Refused && len(x.refs) > 0 { // it is said, and nothing of it is sent
		d.Even(ctx, time.Since(arrived))
	}
	return err
}

// serve takes a statement to its answer, or to a refusal. Its order is what the package
// promises: nothing goes out before it is decided and durable in the ledger. Wherever the
// program stops, the ledger tells of as much as went out, or of more.
func (x *exchange) serve(ctx context.Context) (Outcome, error) {
	d := x.door

	// Who asks: the session may be over since the last statement. Nothing is written of nobody.
	switch err := d.Who.Goes(ctx, x.session); {
	case fault.Is(err, fault.Anonymous):
		return Anonymous, x.fatal(codeEnded, "the session is over: take another password in the portal, and connect again")
	case err != nil:
		return x.fail(ctx, err)
	}

	// From here on ctx ends when an order stops the account, its organisation, its network, the
	// service or the statement: wherever the exchange is then, it goes no further.
	ctx, leave := d.Gate.Enter(ctx, x.use())
	defer leave()
	if x.portal == nil {
		outcome, err := x.stop(ctx, policy.Attempt, &objection{policy.NotDeclared, "nobody declared this statement"})
		if outcome == Refused && x.text != "" && d.Shapes != nil {
			x.sketch(ctx)
		}
		return outcome, err
	}

	// Whom the parameters name. Then the reading is checked, and nothing charged or written: it
	// will be with the answer. What would be refused then is refused now, and the server is not
	// asked.
	if err := x.names(ctx); err != nil {
		return x.stop(ctx, policy.Attempt, err)
	}
	x.signs = d.Trail.Notice(x.session.Account, x.service.ID, x.route(), x.texts(), x.refs, x.named)
	ask := x.ask(policy.Attempt)
	decision, err := d.Gate.Check(ctx, ask)
	if err == nil && !decision.Shown() {
		decision, err = x.commit(ctx, ask)
	}
	if err != nil {
		return x.stop(ctx, policy.Attempt, err)
	}
	if !decision.Shown() {
		return x.refuse(decision.Whole)
	}

	// The server answers, and its rows are collected whole. If it fails, that is written too
	// where the request names people: it may have learnt who they are.
	answer, err := x.collect(ctx)
	defer answer.free()
	if err != nil {
		return x.stop(ctx, policy.Show, err)
	}

	// The rows are read: which people, which fields.
	t := x.portal.statement
	ask = x.ask(policy.Show)
	ask.About = !t.list()
	if t.About && len(answer.rows) == 0 {
		ask.Objection = policy.NotThere
	}
	places, err := x.addRows(ctx, answer, &ask)
	if err != nil {
		return x.stop(ctx, policy.Show, err)
	}
	if t.list() || len(t.Request) == 0 && len(ask.People) > 1 { // several whom nobody named are a list, all or nothing as it may be
		ask.Signs |= meter.Listed
	}

	// Everybody in the answer is decided, charged and written, or nothing goes out. That there
	// was nobody is written as well. If the program stops after this, the ledger tells of a
	// disclosure that nobody received.
	if decision, err = x.commit(ctx, ask); err != nil {
		return x.stop(ctx, policy.Show, err)
	}
	if !decision.Shown() {
		return x.refuse(decision.Whole)
	}

	if t.list() {
		d.Trail.Listed(x.session.Account, places, ask.People, decision.People)
	}

	// An order that came since the decision still stops it all.
	if err := context.Cause(ctx); err != nil {
		return x.stop(ctx, policy.Show, &fault.Error{Kind: fault.Unavailable, Err: err})
	}
	return x.release(ctx, answer, places, decision)
}

// route is the statement as the ledger has it; one that is not declared by nothing that
// somebody wrote.
func (x *exchange) route() string {
	if x.portal == nil {
		return "SQL (not declared)"
	}
	return x.portal.name
}

// use is the exchange as orders reach it.
func (x *exchange) use() order.Use {
	return order.Use{Account: x.session.Account, Organisation: x.session.Organisation, Service: x.service.ID, Route: x.route(), Network: x.from}
}

// ask is what the gate is asked: about the people whom the request names, until others are
// found. They stay in it whatever the server answers.
func (x *exchange) ask(act policy.Act) policy.Ask {
	ask := policy.Ask{
		Act: act, Account: x.session.Account, Organisation: x.session.Organisation, Session: x.session.ID, Service: x.service.ID,
		About: true, Route: x.route(), Device: x.session.Device, Network: x.from,
	}
	if x.portal == nil {
		return ask
	}
	t := x.portal.statement
	ask.Purpose, ask.Signs = t.Purpose, x.signs
	for _, person := range x.named {
		opening := x.opening(person, t.Shows)
		opening.Named, opening.Uncut = true, t.Shows
		ask.People = append(ask.People, opening)
	}
	return ask
}

// opening is a person about to be shown. Whether they are a canary is asked of everybody.
func (x *exchange) opening(person register.PersonID, fields register.Fields) policy.Opening {
	return policy.Opening{Person: person, Fields: fields, Canary: x.door.Canaries.Live(person, x.began)}
}

// names finds whom the parameters name, each once.
func (x *exchange) names(ctx context.Context) error {
	t := x.portal.statement
	for _, p := range t.Request {
		at := p.Number - 1
		if x.portal.values[at] == nil {
			return &objection{policy.Unnamed, "a parameter that names somebody is null"}
		}
		text, err := identifier(x.portal.asks.parameters[at], formatOf(x.portal.formats, at), x.portal.values[at])
		if err != nil {
			return &objection{policy.Unnamed, "a parameter that names somebody: " + err.Error()}
		}
		ref, err := x.door.Schemes.Asked(p.Scheme, text)
		if err != nil {
			return &objection{policy.Unnamed, fault.Public(err)}
		}
		x.refs = append(x.refs, ref)
	}
	if len(x.refs) == 0 {
		return nil
	}
	people, err := x.door.Directory.People(ctx, x.refs)
	if err != nil {
		return err
	}
	for _, person := range people {
		if !slices.Contains(x.named, person) {
			x.named = append(x.named, person)
		}
	}
	return nil
}

// texts are the values of the parameters, as far as they can be read.
func (x *exchange) texts() (all []string) {
	for i, value := range x.portal.values {
		text, err := identifier(x.portal.asks.parameters[i], formatOf(x.portal.formats, i), value)
		if err != nil {
			text = string(value)
		}
		all = append(all, text)
	}
	return all
}

// addRows adds the people in the rows to the ask, each once with all the fields that the rows
// tell of them, and returns the place of each row's person in it.
func (x *exchange) addRows(ctx context.Context, a *answer, ask *policy.Ask) ([]int, error) {
	t := x.portal.statement
	if len(t.Person) == 0 || len(a.rows) == 0 {
		return nil, nil
	}
	refs := make([]register.Ref, 0, len(a.rows)*len(t.Person))
	for _, row := range a.rows {
		for i, of := range a.columns {
			if of.scheme == "" {
				continue
			}
			if row[i] == nil {
				return nil, &objection{policy.NotUnderstood, "a row names nobody"}
			}
			text, err := identifier(x.portal.asks.fields[i].DataTypeOID, formatOf(x.portal.results, i), row[i])
			if err != nil {
				return nil, &objection{policy.NotUnderstood, "what names a person: " + err.Error()}
			}
			refs = append(refs, register.Ref{Scheme: of.scheme, Value: text})
		}
	}
	people, err := x.door.Directory.People(ctx, refs)
	if err != nil {
		return nil, err
	}
	at := make(map[register.PersonID]int, len(a.rows)+len(ask.People))
	for i, opening := range ask.People {
		at[opening.Person] = i
	}
	places := make([]int, len(a.rows))
	for i, row := range a.rows {
		named := people[i*len(t.Person) : (i+1)*len(t.Person)]
		person := named[0]
		for _, other := range named[1:] {
			if !other.IsZero() && !person.IsZero() && other != person {
				return nil, &objection{policy.NotUnderstood, "a row names two people"}
			}
			if other.IsZero() {
				person = other // some of it leads nowhere: the row is nobody's
			}
		}
		place, met := at[person]
		if !met {
			place = len(ask.People)
			at[person] = place
			ask.People = append(ask.People, x.opening(person, 0))
		}
		for j, of := range a.columns {
			if row[j] != nil {
				ask.People[place].Fields |= of.needs
			}
		}
		places[i] = place
	}
	return places, nil
}

// commit has an ask decided and written down. When it returns a decision that does not show, the
// refusal is durable.
func (x *exchange) commit(ctx context.Context, ask policy.Ask) (policy.Decision, error) {
	passage, err := x.door.Gate.Commit(ctx, ask)
	if err != nil {
		return policy.Decision{}, err
	}
	if passage.Written > 0 {
		x.receipt = passage.Receipt
	}
	if passage.Decision.Expels() {
		// The account is frozen already: nothing that stops it depends on its sessions.
		if err := x.door.Expel(context.WithoutCancel(ctx), x.session.Account); err != nil {
			x.log(ctx, "the sessions of a frozen account could not be ended", err)
		}
	}
	return passage.Decision, nil
}

// failed is why a server that was asked gave nothing that can be passed on.
type failed struct {
	why  policy.Why
	code string
}

func (f *failed) Error() string { return f.why.String() + ": " + f.code }

// stop ends an exchange in which something was found wrong before anything went out. It is
// written, with whom the request names, if the door objects, if the server was asked for these
// people in vain, or if an order ended ctx.
func (x *exchange) stop(ctx context.Context, act policy.Act, err error) (Outcome, error) {
	objects, isObjection := errors.AsType[*objection](err)
	vain, hasFailed := errors.AsType[*failed](err)
	ask := x.ask(policy.Attempt)
	switch {
	case errors.Is(context.Cause(ctx), gate.ErrCut): // the orders refuse it
	case isObjection:
		ask.Act, ask.Objection = act, objects.why
		if objects.why != policy.NotDeclared {
			x.log(ctx, "not understood", err)
		}
	case hasFailed && len(x.named) > 0:
		ask.Act, ask.Objection = act, vain.why
	default:
		return x.fail(ctx, err)
	}
	// The refusal is written whether or not the asker still waits for it.
	decision, unwritten := x.commit(context.WithoutCancel(ctx), ask)
	switch {
	case unwritten != nil:
		return x.fail(ctx, unwritten)
	case decision.Shown(): // the order was lifted at once
		return x.fail(ctx, &fault.Error{Kind: fault.Unavailable, Err: gate.ErrCut})
	case hasFailed && decision.Whole.Why == ask.Objection: // nothing else stands against it
		return x.fail(ctx, err)
	default:
		return x.refuse(decision.Whole)
	}
}

// refuse answers with a refusal that is written.
func (x *exchange) refuse(ruling policy.Ruling) (Outcome, error) {
	if ruling.Why == policy.NotThere || ruling.Why.Untold() || slices.ContainsFunc(x.named, register.PersonID.IsZero) {
		x.door.Trail.Missed(x.session.Account, x.refs)
	}
	if ruling.Why.Untold() { // nothing outside the ledger tells it from a reference to nobody
		ruling.Why = policy.NobodyKnown
	}
	x.wrong(codeRefused, x.speaks.Sentence(ruling)+x.receiptText())
	return Refused, nil
}

// receiptText names the first entry that was written, for whoever asks about it.
func (x *exchange) receiptText() string {
	if x.receipt == 0 {
		return ""
	}
	return " " + x.speaks.Say("sql.receipt", "receipt", strconv.FormatUint(uint64(x.receipt), 10))
}

// fail answers that the server or the gate could not.
func (x *exchange) fail(ctx context.Context, err error) (Outcome, error) {
	x.log(ctx, "nothing was passed on", err)
	code, key := codeFailed, "sql.failed"
	if vain, ok := errors.AsType[*failed](err); ok && vain.why == policy.NotInTime {
		code, key = codeTimeout, "sql.late"
	} else if errors.Is(err, errHeld) {
		code, key = codeBusy, "sql.busy"
	}
	x.wrong(code, x.speaks.Say(key)+x.receiptText())
	return Failed, nil
}

// log tells the operator why something was not understood or not reached.
func (x *exchange) log(ctx context.Context, message string, err error) {
	x.door.Log.WarnContext(ctx, message, slog.String("service", string(x.service.ID)), slog.String("route", x.route()), slog.Any("err", err))
}

// portion is how much goes out between two looks at the orders.
const portion = 64 << 10

// release sends what may be shown of an answer. An order that comes between two portions breaks
// it off, and the connection with it; the client sees that it is not whole.
func (x *exchange) release(ctx context.Context, a *answer, places []int, decision policy.Decision) (Outcome, error) {
	outcome := Plain
	if len(decision.People) > 0 {
		outcome = Shown
	}
	if x.describes {
		x.client.Send(rowDescription(x.portal.asks.fields, x.portal.results))
	}
	sent, waiting, masked := 0, 0, false
	row := pgproto3.DataRow{Values: make([][]byte, len(a.columns))}
	for i, values := range a.rows {
		var may register.Fields
		if places != nil {
			ruling := decision.People[places[i]]
			if ruling.Verdict != policy.Shown {
				outcome = Cut
			}
			if !ruling.Verdict.Shows() {
				continue
			}
			may, masked = ruling.Fields, masked || ruling.Verdict == policy.Masked
		}
		for j, of := range a.columns {
			row.Values[j] = nil
			if of.plain || of.needs != 0 && may.Has(of.needs) {
				row.Values[j] = values[j]
				waiting += len(values[j])
			}
		}
		x.client.Send(&row)
		sent++
		if waiting += 64; waiting >= portion {
			waiting = 0
			if context.Cause(ctx) != nil {
				return Aborted, errGone
			}
			if err := x.flush(); err != nil {
				return Aborted, err
			}
		}
	}
	if context.Cause(ctx) != nil {
		return Aborted, errGone
	}
	if x.receipt != 0 {
		key := "sql.shown"
		if masked { // that somebody is left out is not said: who asks for one would learn that they are there
			key = "sql.cut"
		}
		x.client.Send(&pgproto3.NoticeResponse{Severity: "NOTICE", SeverityUnlocalized: "NOTICE", Code: "00000", Message: x.speaks.Say(key) + x.receiptText()})
	}
	x.client.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT " + strconv.Itoa(sent))})
	return outcome, x.flush()
}

// prepare has the server say what a declared statement takes and answers. It is nil where that
// is not what is declared, or cannot be said; the client is told. An error ends the connection.
func (c *conn) prepare(ctx context.Context, t *statement, values []*string) (*prepared, error) {
	if err := c.door.Who.Goes(ctx, c.session); fault.Is(err, fault.Anonymous) {
		return nil, c.fatal(codeEnded, "the session is over: take another password in the portal, and connect again")
	} else if err != nil {
		c.wrong(codeFailed, c.speaks.Say("sql.failed"))
		return nil, nil
	}
	a, err := c.described(ctx, t)
	if err != nil {
		c.door.Log.WarnContext(ctx, "a declared statement cannot be run", slog.String("service", string(c.service.ID)), slog.String("route", t.name), slog.Any("err", err))
		c.wrong(codeFailed, c.speaks.Say("sql.misdeclared"))
		return nil, nil
	}
	return &prepared{statement: t, values: values, asks: a}, nil
}

// described asks the server about a statement, and holds the declaration against it. The error
// names columns, and no value.
func (c *conn) described(ctx context.Context, t *statement) (*asked, error) {
	ctx, cancel := context.WithTimeout(ctx, c.service.Timeout)
	defer cancel()
	server, err := c.connected(ctx)
	if err != nil {
		return nil, errors.New("the server is not reached: " + codeOf(err))
	}
	return t.described(ctx, server)
}

// described asks a server about the statement, and holds the declaration against it.
func (t *statement) described(ctx context.Context, server *pgconn.PgConn) (*asked, error) {
	description, err := server.Prepare(ctx, "", t.SQL, nil)
	if err != nil {
		return nil, errors.New("the server does not take it: " + codeOf(err))
	}
	a := &asked{parameters: description.ParamOIDs, fields: slices.Clone(description.Fields)}
	if len(a.parameters) != t.parameters {
		return nil, fmt.Errorf("it has %d parameters, not %d", len(a.parameters), t.parameters)
	}
	for _, p := range t.Request {
		if !slices.Contains(naming, a.parameters[p.Number-1]) {
			return nil, fmt.Errorf("$%d names a person, and is of a type that cannot: it takes text, varchar, uuid or an integer", p.Number)
		}
	}
	met := make(map[string]bool)
	for _, f := range a.fields {
		of, declared := t.columns[f.Name]
		switch {
		case !declared:
			return nil, fmt.Errorf("the column %q is not declared", f.Name)
		case met[f.Name]:
			return nil, fmt.Errorf("two columns are called %q", f.Name)
		case of.scheme != "" && !slices.Contains(naming, f.DataTypeOID):
			return nil, fmt.Errorf("the column %q names a person, and is of a type that cannot: it takes text, varchar, uuid or an integer", f.Name)
		}
		met[f.Name] = true
	}
	for name := range t.columns {
		if !met[name] {
			return nil, fmt.Errorf("there is no column %q", name)
		}
	}
	return a, nil
}

// answer is a server's answer, held whole.
type answer struct {
	columns []column
	rows    [][][]byte
	size    int64
	of      *exchange
}

// free gives back the place that an answer takes.
func (a *answer) free() {
	if a != nil {
		a.of.door.holds(a.of.session.Account, -a.size)
		a.size = 0
	}
}

var errHeld = errors.New("too much is being held at this moment, over all answers or over those of the account")

// take takes place for more of an answer. An account has a quarter of all there is, or what one
// answer may take: somebody who reads slowly leaves the rest to others.
func (a *answer) take(bytes int64) error {
	d := a.of.door
	a.size += bytes
	all, own := d.holds(a.of.session.Account, bytes)
	if all > d.Holding || own > max(d.Holding/4, a.of.service.Largest) {
		return errHeld
	}
	return nil
}

// holds takes more place for the answers of an account, or gives some back.
func (d *Door) holds(account roster.AccountID, bytes int64) (all, own int64) {
	d.holding.Lock()
	defer d.holding.Unlock()
	d.held += bytes
	if d.heldOf[account] += bytes; d.heldOf[account] == 0 {
		delete(d.heldOf, account)
	}
	return d.held, d.heldOf[account]
}

// perValue is about what a value takes beside its bytes.
const perValue = 32

// collect runs the statement, and holds its answer whole. What was run for nothing, or is too
// large, costs the connection to the server: there is no other way to stop it.
func (x *exchange) collect(ctx context.Context) (*answer, error) {
	t := x.portal.statement
	a := &answer{of: x}
	for _, f := range x.portal.asks.fields {
		a.columns = append(a.columns, t.columns[f.Name])
	}
	ctx, cancel := context.WithTimeout(ctx, x.service.Timeout)
	defer cancel()
	server, err := x.connected(ctx)
	if err != nil {
		return a, &failed{policy.NotAnswered, codeOf(err)}
	}
	again, err := x.described(ctx, t) // the table may have been changed since, or the connection begun anew
	if err != nil {
		return a, &failed{policy.AnsweredError, err.Error()}
	}
	if !again.same(x.portal.asks) {
		return a, &objection{policy.UndeclaredAnswer, "the columns have changed since the statement was prepared"}
	}
	rows := server.ExecPrepared(ctx, "", x.portal.values, x.portal.formats, x.portal.results)
	for rows.NextRow() {
		values := rows.Values()
		size := int64(0)
		for _, value := range values {
			size += int64(len(value)) + perValue
		}
		var stops error
		switch {
		case len(a.rows) >= t.Most:
			stops = &objection{policy.TooMany, "the answer has more rows than it may"}
		case a.size+size > x.service.Largest:
			stops = &objection{policy.NotUnderstood, "the answer is too large"}
		case a.take(size) != nil:
			stops = errHeld
		}
		if stops != nil {
			cancel()
			_, _ = rows.Close()
			x.hangUp()
			return a, stops
		}
		a.rows = append(a.rows, cloned(values))
	}
	if _, err := rows.Close(); err != nil {
		code := codeOf(err)
		if code == codeTimeout || errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			return a, &failed{policy.NotInTime, code}
		}
		return a, &failed{policy.AnsweredError, code}
	}
	return a, nil
}

// cloned copies values out of the buffer that the next row overwrites.
func cloned(values [][]byte) [][]byte {
	length := 0
	for _, value := range values {
		length += len(value)
	}
	all, copied := make([]byte, 0, length), make([][]byte, len(values))
	for i, value := range values {
		if value == nil {
			continue
		}
		from := len(all)
		all = append(all, value...)
		copied[i] = all[from:len(all):len(all)]
	}
	return copied
}

// same reports whether a server says the same of a statement.
func (a *asked) same(other *asked) bool {
	return slices.Equal(a.parameters, other.parameters) && slices.EqualFunc(a.fields, other.fields, func(f, g pgconn.FieldDescription) bool {
		return f.Name == g.Name && f.DataTypeOID == g.DataTypeOID && f.TypeModifier == g.TypeModifier
	})
}
