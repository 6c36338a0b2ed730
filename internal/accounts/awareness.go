package accounts

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// Awareness is whose access takes a certificate of security awareness.
type Awareness struct {
	Modules map[roster.Role]string // by role, the module that is certified; a role that is not here takes none
	Valid   time.Duration          // how long a certificate lasts
}

// of reports whether a module is some role's, and another's than the portal's.
func (a Awareness) of(module string) bool {
	return module != OwnModule && slices.Contains(slices.Collect(maps.Values(a.Modules)), module)
}

// OwnModule is the module that the portal has itself.
const OwnModule = "poterne"

// Certificate says that a person has passed a module.
type Certificate struct {
	Account string    `json:"account"` // its id, or its mail address
	Module  string    `json:"module"`
	Passed  time.Time `json:"passed"`
}

// Refusal is a certificate that was not taken in.
type Refusal struct {
	Line int // from 1
	Why  string
}

// Certify takes certificates in. None shortens what another gave.
type Certify struct {
	By   roster.AccountID
	From ledger.State // ledger.ByFile, ledger.ByPlatform or ledger.ByModule
	List []Certificate
	Awareness
	Strangers bool // the list is also of people who are nobody here: it is written only where it gives something

	Refused []Refusal
	made    changed
}

// clocks is how far another system's clock may be ahead.
const clocks = 5 * time.Minute

// Decide implements journal.Act.
func (c *Certify) Decide(tx *journal.Tx, rows ProposalRows) (ledger.Entry, error) {
	c.Refused, c.made = nil, nil
	refuse := func(i int, why string) { c.Refused = append(c.Refused, Refusal{i + 1, why}) }
	digest := ledger.DigestRows(func(row func(...any)) {
		for _, one := range c.List {
			row("certificate", one.Account, one.Module, one.Passed.UnixMicro())
		}
	})
	for i, one := range c.List {
		r, err := holder(rows, one.Account)
		if fault.Is(err, fault.Absent) {
			refuse(i, "account: no such account, or several")
			continue
		}
		if err != nil {
			return ledger.Entry{}, err
		}
		until := ledger.Cut(one.Passed).Add(c.Valid)
		known := slices.IndexFunc(c.made, func(made Rights) bool { return made.Account.ID == r.Account.ID })
		if known >= 0 {
			r = c.made[known]
		}
		switch {
		case c.Modules[r.Account.Role] == "" || c.Modules[r.Account.Role] != one.Module:
			refuse(i, "module: not the one of this account's role")
		case one.Passed.After(tx.Now().Add(clocks)):
			refuse(i, "passed: in the future")
		case !until.After(tx.Now()):
			refuse(i, "passed: too long ago")
		case !until.After(r.Account.Trained): // it gives nothing more
		case known >= 0:
			c.made[known].Account.Trained = until
		default:
			r.Account.Trained = until
			c.made = append(c.made, r)
		}
	}
	if len(c.made) == 0 && (len(c.Refused) == 0 || c.Strangers) {
		return ledger.Entry{}, journal.Unchanged
	}
	return ledger.Entry{
		Kind: ledger.Certified, Account: c.By, State: c.From, Count: uint64(len(c.made)), Rejected: uint64(len(c.Refused)), Digest: digest,
	}, nil
}

// holder returns the account that is named by its id, or by its mail address.
func holder(rows ProposalRows, named string) (Rights, error) {
	list, err := rows.Rights([]roster.AccountID{roster.AccountID(named)})
	if err != nil || len(list) == 1 {
		return append(list, Rights{})[0], err
	}
	mail, wrong := roster.Mail(named)
	if wrong != nil {
		return Rights{}, noAccount
	}
	people, err := rows.ByMail(mail)
	if err != nil {
		return Rights{}, err
	}
	people = slices.DeleteFunc(people, func(a roster.Account) bool { return !a.Closed.IsZero() })
	if len(people) != 1 {
		return Rights{}, noAccount
	}
	list, err = rows.Rights([]roster.AccountID{people[0].ID})
	if err != nil || len(list) == 0 {
		return Rights{}, cmp.Or(err, noAccount)
	}
	return list[0], nil
}

// Apply implements journal.Act.
func (c *Certify) Apply(rows ProposalRows, _ ledger.Entry) error {
	return c.made.put(rows)
}

// Details implements journal.Details.
func (c *Certify) Details() []ledger.Entry { return c.made.assigned(c.By) }

// Changes implements journal.Changes.
func (c *Certify) Changes() bool { return len(c.made) > 0 }

// certify takes certificates in, and says which are not.
func (s Service) certify(ctx context.Context, act *Certify) ([]Refusal, error) {
	act.Awareness = s.Awareness
	_, err := journal.Do(ctx, s.Writer, act)
	if errors.Is(err, journal.Unchanged) {
		err = nil
	}
	return act.Refused, err
}

// Pass certifies who has just passed the portal's own module.
func (s Service) Pass(ctx context.Context, who roster.AccountID, at time.Time) error {
	refused, err := s.certify(ctx, &Certify{By: who, From: ledger.ByModule, List: []Certificate{{string(who), OwnModule, at}}})
	if err == nil && len(refused) > 0 {
		err = fault.Errorf(fault.Refused, "%s", refused[0].Why)
	}
	return err
}

// mostCertified bounds how many certificates are one act.
const mostCertified = 500

// CertifyCSV takes in a table with the columns account, module and passed, a date or a time.
// It returns how many lines were taken in; one that cannot be read is refused by itself.
func (s Service) CertifyCSV(ctx context.Context, r io.Reader, by roster.AccountID) (taken int, refused []Refusal, err error) {
	table := typed.Table(r)
	head, err := table.Read()
	if err != nil || !slices.Equal(head, []string{"account", "module", "passed"}) {
		return 0, nil, fault.Errorf(fault.Invalid, "the first line is not account,module,passed")
	}
	var list []Certificate
	var lines []int
	flush := func() error {
		wrong, err := s.certify(ctx, &Certify{By: by, From: ledger.ByFile, List: list})
		if err != nil {
			return err
		}
		for _, w := range wrong {
			refused = append(refused, Refusal{lines[w.Line-1], w.Why})
		}
		taken += len(list) - len(wrong)
		list, lines = nil, nil
		return nil
	}
	for {
		cells, err := table.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if damaged, is := errors.AsType[*csv.ParseError](err); is {
			refused = append(refused, Refusal{damaged.StartLine, "no line of CSV with as many cells as the first"})
			continue
		}
		if err != nil {
			return taken, refused, fmt.Errorf("reading certificates: %w", err)
		}
		line, _ := table.FieldPos(0)
		passed, err := time.Parse(time.DateOnly, cells[2])
		if err != nil {
			passed, err = time.Parse(time.RFC3339, cells[2])
		}
		if err != nil {
			refused = append(refused, Refusal{line, "passed: no date such as 2027-01-31, and no time"})
			continue
		}
		list, lines = append(list, Certificate{cells[0], cells[1], passed}), append(lines, line)
		if len(list) == mostCertified {
			if err := flush(); err != nil {
				return taken, refused, err
			}
		}
	}
	if len(list) > 0 {
		err = flush()
	}
	return taken, refused, err
}

// PlatformPattern is where a learning platform says that somebody has passed: POST, with a
// JWS in compact form, signed by its key. The same twice changes nothing, so that a
// certificate that is sent again by somebody else gives nothing.
const PlatformPattern = "POST /.poterne/awareness"

// Platform takes in what a learning platform signed.
type Platform struct {
	Service
	Key      jose.JSONWebKey
	Audience string // which the platform says it speaks to
	Log      *slog.Logger
}

// platformSigns is how a platform may sign: by a key that only it has.
var platformSigns = []jose.SignatureAlgorithm{jose.EdDSA, jose.ES256, jose.RS256}

// ServeHTTP takes in one certificate.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, sentence := p.take(r.Context(), http.MaxBytesReader(w, r.Body, 16<<10))
	w.Header().Set("Cache-Control", "no-store")
	if sentence != "" {
		http.Error(w, sentence, status)
		return
	}
	w.WriteHeader(status)
}

func (p *Platform) take(ctx context.Context, body io.Reader) (status int, sentence string) {
	text, err := io.ReadAll(body)
	if err != nil {
		return http.StatusRequestEntityTooLarge, "too long"
	}
	signed, err := jose.ParseSignedCompact(strings.TrimSpace(string(text)), platformSigns)
	if err != nil {
		return http.StatusUnauthorized, "not signed by the platform"
	}
	payload, err := signed.Verify(p.Key)
	if err != nil {
		return http.StatusUnauthorized, "not signed by the platform"
	}
	var said struct {
		Certificate
		Audience string `json:"aud"`
	}
	if err := json.Unmarshal(payload, &said); err != nil || said.Audience != p.Audience {
		return http.StatusBadRequest, "not a certificate for " + p.Audience
	}
	refused, err := p.certify(ctx, &Certify{By: journal.Itself, From: ledger.ByPlatform, List: []Certificate{said.Certificate}})
	switch {
	case err != nil:
		p.Log.ErrorContext(ctx, "a certificate was not taken in", slog.Any("err", err))
		return http.StatusServiceUnavailable, "it could not be taken in; send the same again"
	case len(refused) > 0:
		return http.StatusUnprocessableEntity, refused[0].Why
	}
	return http.StatusNoContent, ""
}

// remindTraining tells a person when their certificate runs out.
func (n *Notices) remindTraining(ctx context.Context, a roster.Account) {
	if n.Awareness.Modules[a.Role] != "" && a.Trained.After(n.Now()) {
		n.remind(ctx, "mail.training", string(a.ID), a.Trained, []string{a.Mail}, "page", n.Module)
	}
}

// String is the refusal as it is printed.
func (r Refusal) String() string { return fmt.Sprintf("line %d: %s", r.Line, r.Why) }
