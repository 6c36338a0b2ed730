// Package pggate is the gate's door for SQL: it speaks PostgreSQL's protocol, and stands
// between its clients and a real server.
//
// What it promises:
//
//   - Nothing of a server's answer goes out before it was collected whole, read, decided and
//     written down, like a page. Rows of people whom the asker may not be shown are cut out,
//     categories outside the purpose are null, and the count is of what went out.
//   - Only declared statements are run, each as it is declared: what a client writes never
//     reaches the server, but for the values of parameters. Everything else that the protocol
//     can ask for is refused, and what is refused is written. Where a service learns, the server
//     describes a refused statement without its constants, and runs nothing of it.
//   - The server is asked in transactions that only read.
//   - Of a server's errors nothing goes out, nor of its notices: they quote values.
//   - Who connects proves an account, by a password that was given for this connection or by a
//     programme's token, inside TLS, or on this very machine.
//   - An order stops an answer under way. The end of the session stops the next statement.
package pggate

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"sync"
	"time"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/gate/shape"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/trace"
)

// What a service may answer, unless it says otherwise; and what is held at any moment of all.
const (
	LargestAnswer = 8 << 20
	AnswerTime    = 30 * time.Second
	UsualMost     = 500  // rows of an answer
	MostRows      = 4096 // that any statement may answer
	Holding       = 128 << 20

	mostConnections = 200 // of those who have signed in
	mostOfAccount   = 20
	mostStrangers   = 64               // who have not said yet who they are
	patience        = 15 * time.Second // for somebody to say who they are, and to take a portion
)

// Service is a database behind the gate. Clients name it as the database to connect to.
type Service struct {
	ID         roster.ServiceID
	Name       string
	Server     string // where it is, as libpq writes a connection; in a role that may read what is declared, and nothing else
	Statements []Statement
	Largest    int64         // bytes of an answer; LargestAnswer when 0
	Timeout    time.Duration // for an answer to be whole; AnswerTime when 0
	// Learn is the purpose for which the server describes what nobody declared, to whoever may use the
	// service for it; empty: it is not asked.
	Learn roster.Purpose
}

// Statement is one that a service runs. Its answer has the declared columns, and no others.
type Statement struct {
	Name    string // by which clients may call it: EXECUTE name(…)
	SQL     string // parameters are $1, $2…
	Purpose roster.Purpose
	Request []Parameter     // which parameters name people
	Person  []Column        // which columns name the person that a row is of; none: the rows are of whom the request names, or of nobody
	Fields  []Field         // which columns tell what of that person
	Plain   []string        // columns that speak of nobody
	Shows   register.Fields // what every answer tells of whom the request names, beyond what its rows show
	Most    int             // rows of an answer; UsualMost when 0. One with more is refused
	About   bool            // the answer is about its people as a whole: all are shown, or it is refused
}

// Parameter is one that names a person, in a scheme. The first is 1.
type Parameter struct {
	Number int
	Scheme string
}

// Column is one that names a person, in a scheme.
type Column struct{ Name, Scheme string }

// Field is a column of a category.
type Field struct {
	Name  string
	Field register.Fields
}

// Gate decides and writes down; *gate.Gate does.
type Gate interface {
	Enter(ctx context.Context, use order.Use) (under context.Context, leave func())
	Check(ctx context.Context, ask policy.Ask) (policy.Decision, error)
	Commit(ctx context.Context, ask policy.Ask) (gate.Passage, error)
}

// Directory finds the person behind each reference; *gate.Directory does.
type Directory interface {
	People(ctx context.Context, refs []register.Ref) ([]register.PersonID, error)
}

// Trail notices that somebody goes through the register one after the other, at whatever door;
// *trail.Memory does.
type Trail interface {
	// Notice returns the signs of a request, and remembers it.
	Notice(account roster.AccountID, service roster.ServiceID, route string, values []string, refs []register.Ref, named []register.PersonID) meter.Signs
	// Missed remembers references that led to nobody.
	Missed(roster.AccountID, []register.Ref)
	// Listed remembers who was shown in a list, in the order of its rows, each at a place in people.
	Listed(account roster.AccountID, places []int, people []policy.Opening, decided []policy.Ruling)
}

// Who says who connects; signin.Connections does.
type Who interface {
	// Connect returns the session that begins; fault.Anonymous when there is none.
	Connect(ctx context.Context, from string, account roster.AccountID, password string) (signin.Session, error)
	// Goes returns nil while a session goes on.
	Goes(context.Context, signin.Session) error
	// Disconnect ends a session whose connection is over.
	Disconnect(context.Context, signin.Session) error
}

// Shapes keeps what undeclared statements looked like; *shape.Book does.
type Shapes interface {
	Saw(service roster.ServiceID, by roster.AccountID, s shape.Shape)
}

// Outcome is what became of a statement, for counting.
type Outcome string

// Every outcome there is.
const (
	Shown     Outcome = "shown"     // all that was declared went out
	Cut       Outcome = "cut"       // people or fields were cut out of what went out
	Plain     Outcome = "plain"     // what went out speaks of nobody
	Refused   Outcome = "refused"   // the refusal was written
	Failed    Outcome = "failed"    // the server or the gate could not answer
	Anonymous Outcome = "anonymous" // who asked is nobody, or not any more
	Aborted   Outcome = "aborted"   // an order stopped it while it went out
)

// Deps is what the door works with. All are needed but those that say what they are otherwise.
type Deps struct {
	Gate        Gate
	Directory   Directory
	Schemes     register.Schemes
	Who         Who
	Trail       Trail
	Network     func(from string) string // the class of the network that an address is in
	Certificate *tls.Certificate         // nil: there is no TLS, and only this very machine is listened to
	Shapes      Shapes                   // what undeclared statements look like is not kept when nil
	Canaries    register.Canaries        // who exists for Poterne only; nobody when zero
	Idle        time.Duration            // a connection that asks nothing for so long is closed: 10 minutes
	Holding     int64                    // bytes that the answers being held at any moment may take; Holding when 0
	Traces      *trace.Tracer            // none are begun when nil
	Observe     func(service roster.ServiceID, outcome Outcome, took time.Duration)
	Even        func(context.Context, time.Duration)          // as of httpgate.Deps; gate.Even when nil
	Expel       func(context.Context, roster.AccountID) error // ends an account's sessions; nobody's when nil
	Log         *slog.Logger                                  // nothing is logged when nil
	Now         func() time.Time                              // time.Now when nil
}

// Door is the door. It is safe to share.
type Door struct {
	Deps
	services map[string]*service

	under context.Context // what is answered is answered under it
	cut   context.CancelFunc

	holding sync.Mutex // guards what follows
	held    int64      // bytes
	heldOf  map[roster.AccountID]int64

	running sync.WaitGroup // of connections
	mu      sync.Mutex     // guards what follows
	conns   map[*conn]roster.AccountID
	over    bool // nobody is let in any more
}

// New checks every service and is ready to serve. All complaints come at once.
func New(services []Service, d Deps) (*Door, error) {
	var wrong fault.Complaints
	if d.Gate == nil || d.Directory == nil || d.Who == nil || d.Trail == nil || d.Network == nil {
		wrong.Add("", "pggate: a gate, a directory, who is asking, trails and networks are all needed")
	}
	compiled, err := compile(services, d.Schemes)
	if wrong.In("", err); len(wrong) > 0 {
		return nil, wrong
	}
	if d.Idle == 0 {
		d.Idle = 10 * time.Minute
	}
	if d.Holding == 0 {
		d.Holding = Holding
	}
	if d.Observe == nil {
		d.Observe = func(roster.ServiceID, Outcome, time.Duration) {}
	}
	if d.Even == nil {
		d.Even = gate.Even
	}
	if d.Expel == nil {
		d.Expel = func(context.Context, roster.AccountID) error { return nil }
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	door := &Door{Deps: d, services: compiled, conns: make(map[*conn]roster.AccountID), heldOf: make(map[roster.AccountID]int64)}
	door.under, door.cut = context.WithCancel(context.Background())
	return door, nil
}

// Answer serves whoever has connected, beside others. A door that is shut closes the connection.
func (d *Door) Answer(raw net.Conn) {
	c := &conn{door: d, raw: raw, began: time.Now()}
	c.address, _, _ = net.SplitHostPort(raw.RemoteAddr().String())
	if !d.enter(c) {
		_ = raw.Close()
		return
	}
	go func() {
		defer d.leave(c)
		c.serve(d.under)
	}()
}

// Shutdown lets nobody in any more, and has each connection end once its statement is answered.
// What is not over when ctx ends is cut.
func (d *Door) Shutdown(ctx context.Context) error {
	d.close()
	defer d.cut()
	ended := make(chan struct{})
	go func() {
		d.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close cuts every connection.
func (d *Door) Close() error {
	d.close()
	d.cut()
	return nil
}

func (d *Door) enter(c *conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over {
		return false
	}
	d.conns[c] = ""
	d.makeRoom()
	d.running.Add(1)
	return true
}

// makeRoom closes the connection of a stranger when there are too many: of the address that most
// come from, the one who has had the longest time to sign in. So nobody keeps others out by
// connecting and saying nothing, and least of all from elsewhere. The caller MUST hold mu.
func (d *Door) makeRoom() {
	strangers, from := 0, make(map[string]int)
	for c, account := range d.conns {
		if account == "" && !c.leaves {
			strangers++
			from[c.address]++
		}
	}
	if strangers <= mostStrangers {
		return
	}
	var last *conn
	for c, account := range d.conns {
		if account != "" || c.leaves {
			continue
		}
		if last == nil || from[c.address] > from[last.address] || from[c.address] == from[last.address] && c.began.Before(last.began) {
			last = c
		}
	}
	last.leaves = true
	_ = last.raw.Close()
}

// admits reports whether one more connection of an account may be.
func (d *Door) admits(c *conn, account roster.AccountID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	all, own := 0, 0
	for _, of := range d.conns {
		if of != "" {
			all++
		}
		if of == account {
			own++
		}
	}
	if c.leaves || all >= mostConnections || own >= mostOfAccount {
		return false
	}
	d.conns[c] = account
	return true
}

func (d *Door) leave(c *conn) {
	_ = c.raw.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.conns, c)
	d.running.Done()
}

// close has every connection end as soon as it asks for nothing.
func (d *Door) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	for c := range d.conns {
		c.hurry()
	}
}

func (d *Door) isOver() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.over
}

// Connections is how many there are now.
func (d *Door) Connections() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.conns)
}
