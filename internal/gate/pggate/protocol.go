package pggate

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// prepared is a statement that a client prepared: a declared one, or what control answers.
type prepared struct {
	*statement
	values []*string // that stand in its text; nil where they are bound
	tag    string    // of control's
	asks   *asked    // what the server says of it; nil of control's
}

// asked is what a server says of a declared statement.
type asked struct {
	parameters []uint32
	fields     []pgconn.FieldDescription
}

// portal is a prepared statement with its values.
type portal struct {
	*prepared
	values  [][]byte
	formats []int16 // of the values
	results []int16 // formats of the columns
	done    bool
}

const leaves = "the program leaves; connect again"

// loop answers messages until the connection ends.
func (c *conn) loop(ctx context.Context) {
	for {
		c.waits()
		message, err := c.client.Receive()
		if err != nil || !c.takesUp() {
			if err == nil || c.door.isOver() {
				_ = c.fatal(codeEnded, leaves)
			}
			return
		}
		if err := c.answer(ctx, message); err != nil {
			return
		}
		// A client that never asks for what was answered does not have it kept for ever.
		if c.unsent++; c.unsent >= mostUnsent && c.flush() != nil {
			return
		}
		if !c.rests() {
			_ = c.fatal(codeEnded, leaves)
			return
		}
	}
}

// answer answers one message. An error ends the connection.
func (c *conn) answer(ctx context.Context, message pgproto3.FrontendMessage) error {
	switch message.(type) {
	case *pgproto3.Terminate:
		return errGone
	case *pgproto3.Sync:
		c.skips = false
		if c.status == 'I' {
			clear(c.portals)
		}
		return c.readyAgain()
	case *pgproto3.Query:
		c.skips = false
	}
	if c.skips {
		return nil
	}
	var err error
	switch m := message.(type) {
	case *pgproto3.Query:
		if err = c.query(ctx, m.String); err == nil {
			err = c.readyAgain()
		}
		return err
	case *pgproto3.Parse:
		err = c.parse(ctx, m)
	case *pgproto3.Bind:
		c.bind(m)
	case *pgproto3.Describe:
		c.describe(m)
	case *pgproto3.Execute:
		err = c.execute(ctx, m)
	case *pgproto3.Close:
		if m.ObjectType == 'S' {
			delete(c.statements, m.Name)
		} else {
			delete(c.portals, m.Name)
		}
		c.client.Send(&pgproto3.CloseComplete{})
	case *pgproto3.Flush:
		err = c.flush()
	case *pgproto3.FunctionCall:
		err = c.undeclared(ctx, "")
		if c.skips = false; err == nil {
			err = c.readyAgain()
		}
	case *pgproto3.CopyData, *pgproto3.CopyDone, *pgproto3.CopyFail: // of a copy that never began
	default:
		return c.fatal(codeProtocol, "this message is not expected here")
	}
	return err
}

// wrong says an error within a sequence of messages: what follows up to Sync is left out.
func (c *conn) wrong(code, text string) {
	c.says(code, text)
	c.skips = true
}

func (c *conn) readyAgain() error {
	c.client.Send(&pgproto3.ReadyForQuery{TxStatus: c.status})
	return c.flush()
}

// trouble reports whether a transaction waits to be rolled back, and says so.
func (c *conn) trouble(tag string) bool {
	if c.status != 'E' || tag == "ROLLBACK" || tag == "COMMIT" {
		return false
	}
	c.wrong(codeInTrouble, "the transaction has failed; end it with ROLLBACK")
	return true
}

// controls does what control says.
func (c *conn) controls(tag string) {
	switch tag {
	case "":
		c.client.Send(&pgproto3.EmptyQueryResponse{})
		return
	case "BEGIN":
		c.status = 'T'
	case "COMMIT", "ROLLBACK":
		if c.status == 'E' {
			tag = "ROLLBACK"
		}
		c.status = 'I'
		clear(c.portals)
	}
	c.client.Send(&pgproto3.CommandComplete{CommandTag: []byte(tag)})
}

// query answers the simple protocol: one declared statement, with its values in it.
func (c *conn) query(ctx context.Context, text string) error {
	defer func() { c.skips = false }()
	if tag, known := control(text); known {
		if !c.trouble(tag) {
			c.controls(tag)
		}
		return nil
	}
	if c.trouble("") {
		return nil
	}
	t, values, found := c.service.find(text)
	if !found || values == nil && t.parameters > 0 {
		return c.undeclared(ctx, text)
	}
	of, err := c.prepare(ctx, t, values)
	if of == nil {
		return err
	}
	p := &portal{prepared: of, values: bytesOf(values)}
	return c.run(ctx, p, true)
}

func bytesOf(values []*string) (all [][]byte) {
	for _, value := range values {
		if value == nil {
			all = append(all, nil)
		} else {
			all = append(all, []byte(*value))
		}
	}
	return all
}

func (c *conn) parse(ctx context.Context, m *pgproto3.Parse) error {
	if tag, known := control(m.Query); known {
		if c.trouble(tag) || !c.keeps(m.Name, &prepared{tag: tag}) {
			return nil
		}
		c.client.Send(&pgproto3.ParseComplete{})
		return nil
	}
	if c.trouble("") {
		return nil
	}
	t, values, found := c.service.find(m.Query)
	if !found {
		return c.undeclared(ctx, m.Query)
	}
	of, err := c.prepare(ctx, t, values)
	if of == nil {
		return err
	}
	for i, oid := range m.ParameterOIDs { // a value is read as of the server's type, here and there
		if i >= len(of.asks.parameters) || !isText(oid) && oid != of.asks.parameters[i] {
			c.wrong(codeParameter, "a parameter has another type than the declared statement's: name none, and ask with Describe")
			return nil
		}
	}
	if c.keeps(m.Name, of) {
		c.client.Send(&pgproto3.ParseComplete{})
	}
	return nil
}

func isText(oid uint32) bool { return oid == typeText || oid == typeVarchar || oid == 0 }

// keeps keeps a prepared statement; it reports whether there was a place for it.
func (c *conn) keeps(name string, of *prepared) bool {
	_, there := c.statements[name]
	switch {
	case there && name != "":
		c.wrong("42P05", "a prepared statement of this name is there already")
		return false
	case !there && len(c.statements) >= mostPrepared:
		c.wrong(codeBusy, "there are too many prepared statements; close some")
		return false
	case of.size()+c.kept() > mostKept:
		c.wrong(codeBusy, "the prepared statements have too many values in them; close some")
		return false
	}
	c.statements[name] = of
	return true
}

// size is how many bytes the values in a statement's text take.
func (p *prepared) size() (n int) {
	for _, value := range p.values {
		if value != nil {
			n += len(*value)
		}
	}
	return n
}

// kept is how many bytes all values take that are prepared or bound.
func (c *conn) kept() (n int) {
	for _, of := range c.statements {
		n += of.size()
	}
	for _, p := range c.portals {
		for _, value := range p.values {
			n += len(value)
		}
	}
	return n
}

func (c *conn) bind(m *pgproto3.Bind) {
	of, there := c.statements[m.PreparedStatement]
	if !there {
		c.wrong(codeNoStatement, "there is no prepared statement of this name")
		return
	}
	if c.trouble(of.tag) {
		return
	}
	p := &portal{prepared: of, formats: slices.Clone(m.ParameterFormatCodes), results: slices.Clone(m.ResultFormatCodes)}
	parameters, columns := 0, 0
	if of.asks != nil {
		columns = len(of.asks.fields)
		if of.values == nil {
			parameters = len(of.asks.parameters)
		}
	}
	_, replaced := c.portals[m.DestinationPortal]
	switch {
	case len(m.Parameters) != parameters || !formats(m.ParameterFormatCodes, parameters) || !formats(m.ResultFormatCodes, columns):
		c.wrong(codeProtocol, "there are more or fewer values or formats than the statement has")
		return
	case replaced && m.DestinationPortal != "":
		c.wrong("42P03", "a portal of this name is there already")
		return
	case !replaced && len(c.portals) >= mostPortals:
		c.wrong(codeBusy, "there are too many portals; close some")
		return
	}
	if of.values != nil {
		p.values, p.formats = bytesOf(of.values), nil
	} else {
		for _, value := range m.Parameters { // they lie in a buffer that the next message overwrites
			p.values = append(p.values, slices.Clone(value))
		}
	}
	c.portals[m.DestinationPortal] = p
	if c.kept() > mostKept {
		delete(c.portals, m.DestinationPortal)
		c.wrong(codeBusy, "the portals have too many values in them; close some")
		return
	}
	c.client.Send(&pgproto3.BindComplete{})
}

func (c *conn) describe(m *pgproto3.Describe) {
	var of *prepared
	var results []int16
	if m.ObjectType == 'S' {
		if of = c.statements[m.Name]; of == nil {
			c.wrong(codeNoStatement, "there is no prepared statement of this name")
			return
		}
		described := &pgproto3.ParameterDescription{}
		if of.asks != nil && of.values == nil {
			described.ParameterOIDs = of.asks.parameters
		}
		c.client.Send(described)
	} else {
		p := c.portals[m.Name]
		if p == nil {
			c.wrong(codeNoPortal, "there is no portal of this name")
			return
		}
		of, results = p.prepared, p.results
	}
	if of.asks == nil {
		c.client.Send(&pgproto3.NoData{})
		return
	}
	c.client.Send(rowDescription(of.asks.fields, results))
}

// rowDescription says which columns come, and not which tables they are from.
func rowDescription(fields []pgconn.FieldDescription, results []int16) *pgproto3.RowDescription {
	d := &pgproto3.RowDescription{}
	for i, f := range fields {
		d.Fields = append(d.Fields, pgproto3.FieldDescription{
			Name: []byte(f.Name), DataTypeOID: f.DataTypeOID, DataTypeSize: f.DataTypeSize, TypeModifier: f.TypeModifier, Format: formatOf(results, i),
		})
	}
	return d
}

func (c *conn) execute(ctx context.Context, m *pgproto3.Execute) error {
	p := c.portals[m.Portal]
	switch {
	case p == nil:
		c.wrong(codeNoPortal, "there is no portal of this name")
		return nil
	case c.trouble(p.tag):
		return nil
	case p.asks == nil:
		c.controls(p.tag)
		return nil
	case p.done:
		c.wrong("55000", "a portal is read once")
		return nil
	case m.MaxRows != 0: // an answer is decided as a whole
		c.wrong(codeLacking, "an answer comes whole: ask without a number of rows, or for fewer people")
		return nil
	}
	p.done = true
	return c.run(ctx, p, false)
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
