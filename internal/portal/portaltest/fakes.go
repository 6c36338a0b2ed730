package portaltest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"poterne/internal/audit"
	"poterne/internal/campaign"
	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/grants"
	"poterne/internal/incident"
	"poterne/internal/incident/mailing"
	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/person"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/signin/strangers"
	"poterne/internal/usage"
)

// The stage as what the rooms rely on.
type (
	stageDoor      struct{ *Stage }
	stageGate      struct{ *Stage }
	stageLedger    struct{ *Stage }
	stageRoster    struct{ *Stage }
	stageShelf     struct{ *Stage }
	stageCampaigns struct{ *Stage }
	stageUsage     struct{ *Stage }
	stageArrivals  struct{ *Stage }
	stageAudit     struct{ *Stage }
	stageStrangers struct{ *Stage }
	stageFiles     struct{ *Stage }
	stageMessages  struct{ *Stage }
	stageQuestions struct{ *Stage }

	// stageIndex is a real one, that has read what there is. Nothing of it is ever sealed:
	// the ledger is small.
	stageIndex struct{ *index.Index }
)

func (s stageQuestions) To(_ context.Context, body roster.OrganisationID) (list []person.Question, err error) {
	for _, q := range s.Asked {
		if body == "" || q.Body == body {
			list = append(list, q)
		}
	}
	return list, s.Broken
}

func (s stageQuestions) Of(context.Context, register.PersonID) (map[ledger.Number]person.Question, error) {
	by := make(map[ledger.Number]person.Question)
	for _, q := range s.Asked {
		by[q.Line] = q
	}
	return by, s.Broken
}

func (s stageQuestions) Ask(context.Context, register.PersonID, ledger.Number, ledger.State) error {
	return s.Broken
}

func (s stageQuestions) Answer(_ context.Context, a person.Answer) error {
	for i := range s.Asked {
		if q := &s.Asked[i]; q.Number == a.Number && q.Waits() && s.Broken == nil {
			q.Answered, q.By, q.Why, q.Words = Now, a.By, a.Why, a.Words
			return nil
		}
	}
	return cmp.Or(s.Broken, fault.Errorf(fault.Refused, "question %d was answered", a.Number))
}

// Ask has people ask about lines of a body: one lately, one more than a month ago, and one
// that was answered.
func (s *Stage) Ask(body roster.OrganisationID, account roster.AccountID) {
	at := func(days int) time.Time { return Now.AddDate(0, 0, -days) }
	s.Asked = []person.Question{
		{Number: 600, Line: 1, What: person.AskWhy, Body: body, Account: account, At: at(40)},
		{Number: 601, Line: 2, What: person.UnknownBody, Body: body, Account: account, At: at(2)},
		{Number: 602, Line: 3, What: person.AskWhy, Body: body, Account: account, At: at(9), Answered: at(3), By: "jeanne.vidal", Why: person.Mistake, Words: "Deux dossiers se ressemblaient."},
	}
}

func (s stageFiles) Files(context.Context) ([]incident.File, error) {
	files, err := incident.Fold(s.Lines)
	return files, cmp.Or(s.Broken, err)
}

func (s stageFiles) Check(context.Context, incident.File) error {
	if s.Altered != 0 {
		return incident.Altered{Line: s.Altered}
	}
	return nil
}

// Do adds a line, an hour after the one before or now.
func (s stageFiles) Do(_ context.Context, w incident.Write) (ledger.Number, error) {
	number := ledger.Number(500 + len(s.Lines))
	body, err := json.Marshal(w.Step)
	if w.File == 0 {
		w.File = number
	}
	s.Lines = append(s.Lines, incident.Line{Number: number, File: w.File, At: Now, By: w.By, What: w.Step.State(), Body: body})
	return number, cmp.Or(s.Broken, err)
}

// Merge merges nothing: the stage has one file.
func (s stageFiles) Merge(context.Context, incident.Merge) error {
	return cmp.Or(s.Broken, error(fault.Errorf(fault.Refused, "nobody proposed it")))
}

// Escalate does nothing: the function of that name does.
func (s stageFiles) Escalate(context.Context, incident.Escalate) (ledger.Number, error) {
	return 0, cmp.Or(s.Broken, error(fault.Errorf(fault.Refused, "it is no exercise that is open")))
}

func (s stageMessages) Counts(context.Context, ledger.Number) (mailing.Counts, string, error) {
	if slices.ContainsFunc(s.Lines, func(l incident.Line) bool { return l.What == incident.Told }) {
		return mailing.Counts{}, "", s.Broken // its list was erased since
	}
	return mailing.Counts{mailing.Waiting: 3, mailing.Taken: 4, mailing.NoMail: 1, mailing.Doubted: 2, mailing.NoAddress: 1}, strings.Repeat("0a1b", 16), s.Broken
}

func (s stageMessages) Doubts(context.Context, ledger.Number, ledger.Number) ([]string, error) {
	return []string{"0a1b2c3d@ml-bourg.example", "4e5f6a7b@ml-bourg.example"}, s.Broken
}

func (s stageMessages) Settle(context.Context, ledger.Number, bool) error { return s.Broken }

func (s stageMessages) Trouble(ledger.Number) string { return "" }

func (s stageAudit) Findings() []audit.Finding { return s.Damaged }

func (s stageAudit) Looked() time.Time { return Now.Add(-40 * time.Second) }

func (s stageStrangers) Of(siret string) []strangers.Stranger {
	return slices.DeleteFunc(slices.Clone(s.Refused), func(one strangers.Stranger) bool { return siret != "" && one.SIRET != siret })
}

func (s stageCampaigns) Picture() campaign.Picture { return s.Shared }

func (s stageCampaigns) Alarms() []campaign.Alarm { return s.Shared.Alarms }

func (stageArrivals) List() []usage.Arrival { return nil }

func (s stageUsage) List(context.Context) ([]usage.Notice, bool, error) {
	return s.Noticed, true, s.Broken
}

func (s stageDoor) Who(_ http.ResponseWriter, r *http.Request) (signin.Session, error) {
	who := roster.AccountID(r.Header.Get(Actor))
	if who == "" {
		return signin.Session{}, &fault.Error{Kind: fault.Anonymous}
	}
	return signin.Session{ID: "s-1", Account: who, SteppedUp: s.SteppedUp}, nil
}

func (s stageDoor) Password(*http.Request, roster.AccountID, roster.SessionID) (string, time.Time, error) {
	return "psq_MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43UOV3HO6DZPIZDGNBVGY3TQOJQGEZD", Now.Add(5 * time.Minute), s.Broken
}

func (s stageDoor) Still(context.Context, signin.Session) error { return s.Broken }

func (s stageDoor) Sessions(_ context.Context, account roster.AccountID) ([]signin.Session, error) {
	return []signin.Session{
		{ID: "s-2", Account: account, Started: Now.Add(-7 * time.Minute), Seen: Now.Add(-2 * time.Minute), Factor: signin.Weak},
		{ID: "s-1", Account: account, Started: Now.Add(-3 * time.Hour), Seen: Now, Factor: signin.Strong},
	}, s.Broken
}

func (s stageDoor) Holds(context.Context, roster.AccountID) (bool, error) { return false, s.Broken }

func (s stageDoor) Confirm(*http.Request, signin.Session) (*signin.Asked, error) {
	return nil, cmp.Or(s.Broken, error(&fault.Error{Kind: fault.Refused}))
}

func (s stageDoor) Passkeys(_ context.Context, account roster.AccountID) ([]roster.Passkey, error) {
	return []roster.Passkey{
		{ID: []byte("one"), Account: account, Name: "Portable", Enrolled: Now.AddDate(0, -2, 0), Used: Now.Add(-time.Hour)},
		{ID: []byte("two"), Account: account, Name: "Clé bleue", Syncable: true, Enrolled: Now.AddDate(0, 0, -3)},
	}, s.Broken
}

func (s stageDoor) EndAll(context.Context, roster.AccountID) error { return s.Broken }

func (s stageGate) Standing(asker gate.Asker, service roster.ServiceID) gate.Standing {
	m := meter.New()
	for _, e := range s.Written {
		if e.Whose() == asker.Account {
			m.Record(e.Event())
		}
	}
	standing := gate.StandingOf(m.Draft(), policy.Watches[asker.Role], 0, Now)
	standing.Allowance, standing.Signable = meter.Allowance{Short: meter.People(3), Long: meter.People(20)}, policy.Signed
	standing.Ceiling, standing.MostRows, standing.MostStrange = policy.Ceilings[asker.Role], policy.Rows[asker.Role], policy.Strangers[asker.Role]
	standing.MostListed = policy.Lists[asker.Role]
	standing.Young = Now.Sub(asker.Opened) < policy.Young
	use := order.Use{Account: asker.Account, Organisation: asker.Organisation, Role: asker.Role, Service: service}
	standing.Held, standing.IsHeld = s.InForce.Against(use, Now)
	standing.Reduced, standing.IsReduced = s.InForce.Reduces(use, Now)
	standing.Functions = s.InForce.Functions(service, Now)
	return standing
}

func (s stageGate) Orders() order.Set { return slices.Clone(s.InForce) }

func (s stageGate) FreezeOwn(context.Context, roster.AccountID) error { return s.Broken }

func (s stageGate) Place(_ context.Context, o order.Order) (order.Order, error) {
	if s.Broken != nil {
		return o, s.Broken
	}
	o.ID, o.Placed = order.ID(strconv.Itoa(len(s.Written))), Now
	s.InForce = append(s.InForce, o)
	s.Write(0, ledger.Entry{Kind: ledger.Placed, Account: roster.AccountID(o.By), Effect: o.Effect, Reach: o.Reach, Target: o.Target, Until: o.Ends, Note: o.Because})
	return o, o.Check()
}

func (s stageGate) AskBypass(_ context.Context, ask containment.AskBypass) (order.Order, error) {
	if _, heard := sources[ask.Source]; !heard {
		return order.Order{}, fault.Errorf(fault.Absent, "no source %q was ever heard", ask.Source)
	}
	return order.Order{}, s.Broken
}

func (s stageGate) ApproveBypass(context.Context, containment.ApproveBypass) error { return s.Broken }

func (s stageGate) PlaceLineage(ctx context.Context, o order.Order) ([]order.Order, error) {
	placed, err := s.Place(ctx, o)
	return []order.Order{placed}, err
}

func (s stageGate) Lift(_ context.Context, lift containment.Lift) error {
	i := slices.IndexFunc(s.InForce, func(o order.Order) bool { return o.ID == lift.ID })
	if i < 0 {
		return &fault.Error{Kind: fault.Absent}
	}
	lifted := s.InForce[i]
	s.InForce = slices.Delete(s.InForce, i, i+1)
	s.Write(0, ledger.Entry{Kind: ledger.Lifted, Account: lift.By, Effect: lifted.Effect, Reach: lifted.Reach, Target: lifted.Target, Note: lift.Because})
	return nil
}

func (s stageGate) LinesOf(_ context.Context, id order.ID) (lines []containment.Line, err error) {
	for _, l := range s.Steps {
		if l.Order == id {
			lines = append(lines, l)
		}
	}
	return lines, s.Broken
}

func (s stageGate) Propose(_ context.Context, p containment.Propose) error {
	s.Steps = append(s.Steps, containment.Line{Number: ledger.Number(len(s.Steps) + 1), Order: p.ID, What: p.What, Spares: p.Spares, By: p.By, At: Now, Because: p.Because})
	return s.Broken
}

func (s stageGate) Confirm(ctx context.Context, c containment.Confirm) error {
	return s.Lift(ctx, containment.Lift{ID: c.ID, By: c.By})
}

func (s stageGate) Drop(_ context.Context, d containment.Drop) error {
	s.Steps = append(s.Steps, containment.Line{Number: ledger.Number(len(s.Steps) + 1), Order: d.ID, What: ledger.Refused, By: d.By, At: Now})
	return s.Broken
}

func (s stageGate) Tick(_ context.Context, t containment.Tick) error {
	s.Steps = append(s.Steps, containment.Line{Number: ledger.Number(len(s.Steps) + 1), Order: t.ID, What: t.What, By: t.By, At: Now, Because: t.Because})
	return s.Broken
}

func (s stageGate) Reopened(context.Context, time.Time) (map[string]time.Time, error) {
	return s.OpenAgain, nil
}

// maySign reports whether an account is of the desk, or manages the organisation of an opening.
func (s stageGate) maySign(by roster.AccountID, opening ledger.Entry) bool {
	account, _, err := stageRoster(s).Account(context.Background(), by)
	return err == nil && (account.Role == roster.Security || account.Organisation == opening.Organisation)
}

func (s stageGate) Waiting(_ context.Context, by roster.AccountID, receipt ledger.Number) (ledger.Entry, error) {
	for _, e := range s.Written {
		if e.Receipt == receipt && (e.Why == policy.LongEmpty || e.Why == policy.CeilingReached || e.Why == policy.FileArchived) && s.maySign(by, e) {
			return e, s.Broken
		}
	}
	if s.Broken != nil {
		return ledger.Entry{}, s.Broken
	}
	return ledger.Entry{}, &fault.Error{Kind: fault.Absent}
}

func (s stageGate) Undo(ctx context.Context, undo containment.Undo) error {
	return s.Lift(ctx, containment.Lift(undo))
}

func (s stageGate) Cosign(_ context.Context, by roster.AccountID, receipt ledger.Number) error {
	s.Write(0, ledger.Entry{Kind: ledger.Cosigned, Account: by, Cause: receipt})
	return s.Broken
}

func (s stageGate) OpenArchive(_ context.Context, by roster.AccountID, receipt ledger.Number, ticket string, hours int) error {
	s.Write(0, ledger.Entry{Kind: ledger.ArchiveOpened, Account: by, Cause: receipt, Until: Now.Add(time.Duration(hours) * time.Hour), Note: ticket})
	return s.Broken
}

func (s stageGate) Raise(_ context.Context, raise grants.Raise) error {
	s.Write(0, ledger.Entry{Kind: ledger.Raised, Account: raise.By, Subject: raise.Of, Cost: meter.People(raise.People), Until: raise.Until, Note: raise.Because})
	return s.Broken
}

func (s stageLedger) By(_ context.Context, account roster.AccountID, from ledger.Number) (list []ledger.Entry, all bool, err error) {
	for _, e := range s.Written {
		if e.Account == account && e.Number >= from {
			list = append(list, e)
		}
	}
	return list, true, s.Broken
}

func (s stageLedger) RecentBy(_ context.Context, account roster.AccountID, limit int) ([]ledger.Entry, error) {
	var found []ledger.Entry
	for _, e := range slices.Backward(s.Written) {
		if e.Account == account && len(found) < limit {
			found = append(found, e)
		}
	}
	return found, s.Broken
}

func (s stageLedger) Follow(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for _, e := range s.Written[min(int(from), len(s.Written)):] {
			if !yield(e, nil) {
				return
			}
		}
		if s.read != nil {
			s.read()
		}
		<-ctx.Done()
	}
}

// Next is what the desk has read, or a little more.
func (s stageLedger) Next() ledger.Number { return s.watched + s.Unread }

// Generation is another each time: a stage is changed without an act.
func (s stageLedger) Generation() uint64 { return stageGenerations.Add(1) }

var stageGenerations atomic.Uint64

func (s stageIndex) Read() ledger.Number { return 0 }

func (s stageIndex) Failing() bool { return false }

func (s stageLedger) First(context.Context) (ledger.Number, error) { return s.Dropped, nil }

func (s stageLedger) Newest(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	return s.Entries(ctx, from)
}

func (s stageLedger) Entries(_ context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for _, e := range s.Written[min(int(from), len(s.Written)):] {
			if !yield(e, s.Broken) {
				return
			}
		}
	}
}

func (s stageLedger) Entry(_ context.Context, number ledger.Number) (ledger.Entry, error) {
	if int(number) >= len(s.Written) {
		return ledger.Entry{}, &fault.Error{Kind: fault.Absent}
	}
	return s.Written[number], s.Broken
}

func (s stageShelf) Segments(context.Context) ([][]byte, error) { return nil, s.Broken }

func (s stageShelf) Seal(context.Context, int, func(index.Sealing) ([]byte, error)) error {
	return s.Broken
}

func (s stageShelf) Keep(context.Context, index.Row) error { return s.Broken }

func (s stageShelf) Pages(context.Context, index.Side, int, int, int, bool) iter.Seq2[index.Row, error] {
	return func(func(index.Row, error) bool) {}
}

func (s stageShelf) Row(context.Context, index.Key, bool) (index.Row, error) {
	return index.Row{}, &fault.Error{Kind: fault.Absent}
}

func (s stageShelf) Rows(context.Context) (int, error) { return 0, s.Broken }

func (s stageShelf) Drop(context.Context) error { return s.Broken }

func (s stageLedger) Covering(_ context.Context, before ledger.Number) ([]byte, error) {
	return fmt.Appendf(nil, "demo.poterne.example/ledger\n%d\nIQU8RNFx2liDDU4tT1oS2tR3boZeMdl5JykL2hHOxQo=\n\n— demo.poterne.example/ledger DTfnulF/Pbho3PX2ZTdDSPV2cUXfmpEfmKjW3pqkxmeQR65FhSvuEnckciUeRL3DUN0sLNlszmWixEd06HXh3VP08A8=\n", before), s.Broken
}

// People finds people by their numbers.
func (s stageRoster) People(_ context.Context, refs []register.Ref) ([]register.PersonID, error) {
	number, _ := strconv.Atoi(refs[0].Value)
	return []register.PersonID{{byte(number)}}, s.Broken
}

func (s stageLedger) Record(_ context.Context, e ledger.Entry) error {
	s.recording.Lock()
	defer s.recording.Unlock()
	s.Recorded = append(s.Recorded, e)
	return cmp.Or(s.Broken, s.Unwritable)
}

func (s stageRoster) Account(_ context.Context, id roster.AccountID) (roster.Account, roster.Organisation, error) {
	for _, a := range Accounts {
		if a.ID != id {
			continue
		}
		a.Opened = Now.Add(-400 * 24 * time.Hour)
		i := slices.IndexFunc(Organisations, func(o roster.Organisation) bool { return o.ID == a.Organisation })
		return a, Organisations[i], nil
	}
	return roster.Account{}, roster.Organisation{}, &fault.Error{Kind: fault.Absent}
}

func (s stageRoster) Accounts(context.Context) ([]roster.Account, error) {
	list := slices.Clone(Accounts)
	list[0].Proposer, list[0].Approver = "jeanne.vidal", Security
	for n := range s.Crowd {
		list = append(list, roster.Account{ID: roster.AccountID(fmt.Sprintf("stolen-%02d", n)), Organisation: "ml-bourg", Role: roster.Adviser, Name: fmt.Sprintf("Alix Compte %d", n)})
	}
	return list, s.Broken
}

func (s stageRoster) Organisations(context.Context) ([]roster.Organisation, error) {
	return Organisations, s.Broken
}

func (s stageRoster) Habilitations(_ context.Context, account roster.AccountID) ([]roster.Habilitation, error) {
	return []roster.Habilitation{
		{Account: account, Service: "dossier", Purpose: "accompagner", From: Now.Add(-100 * 24 * time.Hour), Until: Now.Add(200 * 24 * time.Hour)},
		{Account: account, Service: "kairos", Purpose: "former", From: Now.Add(-100 * 24 * time.Hour), Until: Now.Add(12 * 24 * time.Hour)},
	}, s.Broken
}

func (s stageRoster) Heard(context.Context) (map[string]time.Time, error) {
	if len(s.Written) < 10 {
		return nil, s.Broken
	}
	return maps.Clone(sources), s.Broken
}

// sources is when each of them was last heard.
var sources = map[string]time.Time{"agenda": Now.Add(-12 * time.Minute), "telephonie": Now.Add(-5 * time.Hour), "formations": Now.Add(-26 * time.Hour)}

func (s stageLedger) FirstAt(context.Context, time.Time) (ledger.Number, error) { return 0, s.Broken }

// stageNIRs offers the NIR of any opening.
type stageNIRs struct{ *Stage }

func (s stageNIRs) Offers(e ledger.Entry) bool {
	return e.Kind == ledger.Consulted && e.Verdict.Shows() && e.Time.After(Now.Add(-5*time.Minute))
}

func (s stageNIRs) Opened(_ context.Context, by roster.AccountID, receipt ledger.Number) (ledger.Entry, error) {
	for _, e := range s.Written {
		if e.Receipt == receipt && e.Account == by && e.Kind == ledger.Consulted {
			return e, s.Broken
		}
	}
	return ledger.Entry{}, grants.ErrNoFile
}

func (s stageNIRs) Masked(roster.Purpose) register.Fields { return register.NIR }

func (s stageNIRs) Ask(_ context.Context, by roster.AccountID, _ roster.SessionID, receipt ledger.Number) error {
	s.Write(0, ledger.Entry{Kind: ledger.NIRAsked, Account: by, Cause: receipt, Service: "dossier", Fields: register.NIR})
	return s.Broken
}
