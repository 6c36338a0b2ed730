package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"poterne/internal/fault"
	"poterne/internal/gate/httpgate"
	"poterne/internal/incident"
	"poterne/internal/incident/mailing"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/mail"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/register/lookup"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/store"
	"poterne/internal/typed"
)

// messenger reads where the people of an incident can be reached: through the gate, as
// anybody does, in the name of an account that nobody signs in to.
type messenger struct {
	account      roster.AccountID
	organisation roster.OrganisationID
	service      httpgate.Service
	host         string // at which the gate knows the service
	gate         http.Handler
	address      func(identifier string) string
}

// inside marks a request that the program itself makes.
type inside struct{}

// errand is such a request: who asks, and why it was refused, if it was.
type errand struct {
	session signin.Session
	why     policy.Why
	denied  bool
}

// insider returns the errand of a request that the program itself makes; nil of any other.
func insider(r *http.Request) *errand {
	e, _ := r.Context().Value(inside{}).(*errand)
	return e
}

// contact reads where a person can be reached.
func (m *messenger) contact(ctx context.Context, identifier string) (mailing.Contact, error) {
	e := &errand{session: signin.Session{ID: "messages", Account: m.account, Organisation: m.organisation}}
	r, err := http.NewRequestWithContext(context.WithValue(ctx, inside{}, e), http.MethodGet, m.service.Prefix+m.address(url.PathEscape(identifier)), nil)
	if err != nil {
		return mailing.Contact{}, err
	}
	r.Host, r.RequestURI, r.RemoteAddr = m.host, r.URL.RequestURI(), "127.0.0.1:0"
	r.Header.Set("Accept", "application/json")
	answer := &collected{header: make(http.Header)}
	m.gate.ServeHTTP(answer, r)
	switch {
	case e.denied && (e.why == policy.NobodyKnown || e.why == policy.NotThere):
		return mailing.Contact{}, fault.Errorf(fault.Absent, "the register has nobody of that number")
	case e.denied:
		return mailing.Contact{}, fault.Errorf(fault.Refused, "the gate refuses to say where people can be reached (%v)", e.why)
	case answer.status != http.StatusOK:
		return mailing.Contact{}, fault.Errorf(fault.Unavailable, "where people can be reached is answered with %d", answer.status)
	}
	var said struct {
		Name    string   `json:"name"`
		Mail    string   `json:"mail"`
		Address []string `json:"address"`
	}
	if err := json.Unmarshal(answer.body.Bytes(), &said); err != nil {
		return mailing.Contact{}, fmt.Errorf("where people can be reached is no JSON with name, mail and address")
	}
	c := mailing.Contact{Name: typed.Line(said.Name), Address: typed.Lines(strings.Join(said.Address, "\n"))}
	if address, written := mail.Address(said.Mail); written { // one that cannot be written to is none
		c.Mail = address
	}
	return c, nil
}

// collected is an answer that goes no further.
type collected struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (c *collected) Header() http.Header { return c.header }

func (c *collected) WriteHeader(status int) {
	if c.status == 0 {
		c.status = status
	}
}

func (c *collected) Write(b []byte) (int, error) {
	c.WriteHeader(http.StatusOK)
	return c.body.Write(b)
}

// heldFor is how long a node that says nothing any more keeps others from telling people.
const heldFor = 5 * time.Second

// reasonFor is how long the account of the messages has a reason for a person.
const reasonFor = time.Hour

// sender tells the people of incidents; nil where the configuration does not say how.
func (o *Opened) sender(ctx context.Context, files incident.Service, w journal.Writer, gate http.Handler, log *slog.Logger) (*mailing.Sender, error) {
	if o.Messages == nil {
		return nil, nil
	}
	asks := *o.Messages
	account, _, err := o.Roster.Account(ctx, asks.Account)
	if err != nil && !fault.Is(err, fault.Absent) {
		return nil, fmt.Errorf("the account that tells people: %w", err)
	}
	m := &messenger{account: asks.Account, organisation: account.Organisation, gate: gate, address: asks.Address}
	for _, service := range o.Services {
		if service.ID == asks.Service {
			m.service = service
		}
	}
	if m.host = m.service.Host; m.host == "" {
		_, m.host, _ = strings.Cut(o.Origin, "://")
	}
	explain := func(ctx context.Context, file ledger.Number, slot int, people []register.PersonID) error {
		batch, now := &intake.FactBatch{Source: intake.ByIncident}, ledger.Cut(o.Now())
		for i, person := range people {
			batch.Facts = append(batch.Facts, reason.Fact{
				Kind: reason.Told, Account: asks.Account, Person: person, Source: intake.ByIncident, ID: fmt.Sprintf("%d.%d.%d", file, slot, i), From: now, Until: now.Add(reasonFor),
			})
		}
		_, err := journal.Do(ctx, w, batch)
		return err
	}
	site := "" // without an index nobody could be answered there
	if o.Index != nil {
		site = o.peopleAt()
	}
	return mailing.NewSender(mailing.Settings{
		From: o.Mail.From, Return: asks.Return, Connections: asks.Connections, Letters: asks.Letters, Bounces: asks.Bounces, Site: site,
		Zone: paris(), Categories: o.Rules.Categories, Holder: rand.Text(), HeldFor: heldFor, Now: o.Now, Log: log,
		Tag: func(text string) [16]byte { return o.Pseudonym.Alias(register.Ref{Scheme: "message/", Value: text}) },
	}, mailing.Deps{Files: files, Rows: store.NewMailings(o.DB), Server: *o.Mail, Explain: explain, Contact: m.contact}), nil
}

// ListIncident has the people of an incident named and listed, so that they can be told. It
// asks for the register's identifiers once for each portion of them.
func (o *Opened) ListIncident(ctx context.Context, file ledger.Number, by, approver roster.AccountID, identifiers func() (*lookup.Column, error), missing io.Writer, tell func(read int)) (incident.Listing, error) {
	lister := mailing.Lister{
		Files: incident.Service{Writer: o.Writer(), Rows: store.NewIncidents(o.DB)}, Index: o.Index, Rows: store.NewMailings(o.DB),
		Directory: o.Directory(), Scheme: o.Schemes.Own(), Reserved: o.Canaries.Reserved,
	}
	return lister.List(ctx, file, by, approver, identifiers, missing, tell)
}
