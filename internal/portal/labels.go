package portal

import (
	"cmp"
	"context"
	"strings"
	"time"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// Line is an activity in words.
type Line struct {
	Activity
	Account      roster.AccountID // whom it is about; empty for no account
	Who          string
	Organisation string
	Service      string
	Sentence     string
}

// Labels says accounts, organisations, services, orders and activity by the names
// people know, in one language.
type Labels struct {
	Speaker       Speaker
	Accounts      map[roster.AccountID]roster.Account
	Organisations map[roster.OrganisationID]roster.Organisation
	services      func(roster.ServiceID) string

	below map[roster.AccountID][]roster.Account // whom each account proposed or recovered
}

// Labels says what a visit shows by the names of some accounts and organisations.
func (s *Shell) Labels(v *Visit, accounts []roster.Account, organisations []roster.Organisation) Labels {
	return s.LabelsBy(v, ByID(accounts, organisations))
}

// LabelsBy says what a visit shows by names that many visits share.
func (s *Shell) LabelsBy(v *Visit, names Named) Labels {
	return Labels{v.Speaker, names.Accounts, names.Organisations, s.ServiceName, names.below}
}

// Named are accounts and organisations by what names them. Nobody changes the maps.
type Named struct {
	Accounts      map[roster.AccountID]roster.Account
	Organisations map[roster.OrganisationID]roster.Organisation

	below map[roster.AccountID][]roster.Account // whom each account proposed or recovered, by name
}

// ByID finds accounts and organisations by what names them.
func ByID(accounts []roster.Account, organisations []roster.Organisation) Named {
	n := Named{
		Accounts:      make(map[roster.AccountID]roster.Account, len(accounts)),
		Organisations: make(map[roster.OrganisationID]roster.Organisation, len(organisations)),
	}
	for _, a := range accounts {
		n.Accounts[a.ID] = a
	}
	for _, o := range organisations {
		n.Organisations[o.ID] = o
	}
	n.below = belowOf(n.Accounts)
	return n
}

// Names are those of accounts and organisations; *store.Roster has them.
type Names interface {
	// Accounts returns every account, by organisation and name.
	Accounts(context.Context) ([]roster.Account, error)
	// Organisations returns every organisation, by name.
	Organisations(context.Context) ([]roster.Organisation, error)
}

// LabelsOf says what a visit shows by all names there are, and returns the accounts, too.
func (s *Shell) LabelsOf(v *Visit, names Names) (Labels, []roster.Account, error) {
	accounts, err := names.Accounts(v.Context())
	if err != nil {
		return Labels{}, nil, err
	}
	organisations, err := names.Organisations(v.Context())
	if err != nil {
		return Labels{}, nil, err
	}
	return s.Labels(v, accounts, organisations), accounts, nil
}

// Account is what people call an account.
func (l Labels) Account(id roster.AccountID) string {
	switch a := l.Accounts[id]; {
	case !a.Erased.IsZero():
		return l.Speaker.Say("account.erased", "id", string(id), "on", l.Speaker.DatedDay(a.Erased.In(l.Speaker.today().Location())))
	case a.Name != "":
		return a.Name
	}
	return string(id)
}

// Organisation is what people call an organisation.
func (l Labels) Organisation(id roster.OrganisationID) string {
	if o, ok := l.Organisations[id]; ok && o.Name != "" {
		return o.Name
	}
	return string(id)
}

// Service is what people call a service.
func (l Labels) Service(id roster.ServiceID) string { return l.services(id) }

// Line says an activity to the security desk. What the rules did is about the
// account they did it to.
func (l Labels) Line(a Activity) Line {
	who, organisation := a.Entry.Account, a.Entry.Organisation
	if who == journal.Itself {
		who = ""
		if a.Entry.Reach == order.Account {
			who = roster.AccountID(a.Entry.Target)
		}
	}
	if organisation == "" {
		organisation = l.Accounts[who].Organisation
	}
	name := l.Account(who)
	if a.Entry.Kind == ledger.SignIn && who == "" {
		name = l.Speaker.Say("act.without-account")
	}
	return Line{
		Activity: a, Account: who, Who: name, Organisation: l.Organisation(organisation),
		Service: l.Service(a.Entry.Service), Sentence: l.Sentence(a),
	}
}

// Sentence says what another account did.
func (l Labels) Sentence(a Activity) string {
	e := a.Entry
	switch e.Kind {
	case ledger.Consulted, ledger.Changed, ledger.Attempted:
		return l.Ground(e, a.People)
	case ledger.Placed, ledger.Lifted:
		if e.Kind == ledger.Placed && e.Reach == order.Account && e.Account == roster.AccountID(e.Target) {
			return l.Speaker.Say("act.not-me")
		}
		if e.Account == journal.Itself && e.Kind == ledger.Placed {
			return l.Speaker.Say("act.itself", "measure", l.Measure(e.Order()))
		}
		return l.Speaker.Say("act."+e.Kind.String(), "measure", l.Measure(e.Order()), "because", orDash(e.Note))
	case ledger.Read, ledger.Imported, ledger.Session, ledger.SignedOut, ledger.Filed, ledger.Ticked, ledger.BrokeGlass, ledger.Secured:
		return l.Speaker.Say("act."+e.Kind.String(), "detail", l.topic(e.State), "because", orDash(e.Note))
	case ledger.Reopening:
		if e.Cause != 0 {
			return l.Speaker.Say("act.reopening-"+string(e.State), "request", uint64(e.Cause))
		}
		return l.Speaker.Say("act.reopening", "detail", l.topic(e.State), "because", orDash(e.Note))
	case ledger.SignIn:
		return l.Speaker.Say("act.sign-in", "outcome", l.topic(e.State), "factor", l.topic(ledger.State(e.Factor)), "level", orDash(e.ACR), "means", orDash(e.AMR))
	case ledger.SteppedUp:
		if e.Factor == string(signin.Passkey) {
			return l.Speaker.Say("act.stepped-up-passkey")
		}
	case ledger.Enrolled, ledger.Unenrolled:
		key := "act." + e.Kind.String()
		if e.State == ledger.Cloned || e.State == ledger.Reopened {
			key = "act.passkey-" + string(e.State)
		}
		return l.Speaker.Say(key, "subject", l.Account(e.Subject))
	case ledger.Assigned:
		what := l.Organisation(roster.OrganisationID(e.Target))
		if e.Reach == order.Account {
			what = l.Account(roster.AccountID(e.Target))
		}
		return l.Speaker.Say("act.assigned", "what", what)
	case ledger.Proposed, ledger.Approved, ledger.Declined, ledger.Accepted, ledger.Joined, ledger.Ended, ledger.Admitted,
		ledger.Reviewed, ledger.Lapsed, ledger.Signalled, ledger.Certified, ledger.Recovery, ledger.Answered, ledger.Diverged, ledger.Readmitted, ledger.Entrusted,
		ledger.Withheld, ledger.Heard:
		return l.Speaker.Say("act."+e.Kind.String(), "subject", l.Account(e.Subject), "approver", l.Account(e.Approver),
			"detail", l.stage(e), "because", orDash(e.Note), "n", int(e.Count))
	case ledger.PermitAsked:
		key := "act.permit-asked"
		if e.State != ledger.Asked {
			key = "act.permit-dropped"
		}
		return l.Speaker.Say(key, "subject", l.Account(e.Subject), "service", l.Service(e.Service), "people", e.Cost.People(), "because", orDash(e.Note))
	case ledger.Mandated:
		key := "act.mandated-" + string(e.State)
		switch {
		case e.State == ledger.NobodyFound || e.State == ledger.SeveralFound:
			key = "act.mandated-missed"
		case !l.Speaker.Has(key):
			key = "act.mandated"
		}
		return l.Speaker.Say(key, "request", uint64(cmp.Or(e.Cause, e.Number)), "approver", l.Account(e.Approver), "because", orDash(e.Note))
	case ledger.ReadingAsked:
		key := map[ledger.State]string{ledger.Asked: "act.reading-asked", ledger.SignedFor: "act.reading-approved"}[e.State]
		return l.Speaker.Say(cmp.Or(key, "act.reading-dropped"), "request", uint64(cmp.Or(e.Cause, e.Number)), "because", orDash(e.Note))
	case ledger.HoldAsked, ledger.ReleaseAsked:
		key := "act." + e.Kind.String()
		if e.State != ledger.Asked {
			key = strings.Replace(key, "-asked", "-dropped", 1)
		}
		return l.Speaker.Say(key, "detail", orDash(l.kept(e)), "hold", uint64(e.From), "request", uint64(e.Cause), "because", orDash(e.Note))
	case ledger.NIRAsked:
		return l.Speaker.Say("act.nir-asked", "what", l.Speaker.Fields(e.Fields), "service", l.Service(e.Service), "receipt", uint64(e.Cause))
	case ledger.RightAsked, ledger.RightGiven:
		key := "act.right-given"
		switch {
		case e.Kind == ledger.RightGiven:
		case e.State == ledger.Asked:
			key = "act.right-asked"
		case e.State == ledger.SignedFor:
			key = "act.right-signed"
		default:
			key = "act.right-dropped"
		}
		return l.Speaker.Say(key, "subject", l.Account(e.Subject), "service", l.Service(e.Service), "approver", l.Account(e.Approver), "because", orDash(e.Note))
	case ledger.OrganisationAsked, ledger.OrganisationSet:
		key := "act." + e.Kind.String()
		switch e.State {
		case ledger.Adding, ledger.Altering, ledger.Closing, ledger.Expired:
			key += "-" + string(e.State)
		default:
			key = map[ledger.Kind]string{ledger.OrganisationAsked: "act.organisation-dropped", ledger.OrganisationSet: "act.organisation-set-altering"}[e.Kind]
		}
		return l.Speaker.Say(key, "what", l.Organisation(e.Organisation), "approver", l.Account(e.Approver), "n", int(e.Count), "because", orDash(e.Note))
	case ledger.ConfigurationAsked, ledger.ConfigurationSet:
		key := "act." + e.Kind.String() + "-" + string(e.State)
		if !l.Speaker.Has(key) {
			key = map[ledger.Kind]string{ledger.ConfigurationAsked: "act.configuration-dropped", ledger.ConfigurationSet: "act.configuration-set-altering"}[e.Kind]
		}
		return l.Speaker.Say(key, "node", e.Target, "digest", e.Digest.String()[:16], "approver", l.Account(e.Approver), "because", orDash(e.Note))
	case ledger.PermitEnded:
		return l.Speaker.Say("act.permit-ended", "subject", l.Account(e.Subject), "service", l.Service(e.Service))
	case ledger.ArchiveOpened:
		return l.Speaker.Say("act.archive-opened", "subject", l.Account(e.Subject), "hours", int(e.Until.Sub(e.Time).Round(time.Hour).Hours()), "because", orDash(e.Note))
	case ledger.ArchiveMoved, ledger.Erased, ledger.ArchiveRead:
		return l.Speaker.Say("act."+e.Kind.String(), "detail", l.topic(e.State), "n", int(e.Count), "approver", l.Account(e.Approver), "because", orDash(e.Note))
	case ledger.Reconciled:
		return l.Speaker.Say("act.reconciled", "table", e.Target, "back", int(e.Count), "gone", int(e.Rejected))
	case ledger.Glossed:
		return l.Speaker.Say("act.glossed", "n", int(e.Count))
	case ledger.Tallied:
		return l.Speaker.Say("act.tallied", "n", int(e.Rejected), "lines", int(e.Count))
	case ledger.Configured:
		return l.Speaker.Say("act.configured", "detail", l.topic(e.State), "node", e.Target, "digest", e.Digest.String()[:16])
	case ledger.Retained, ledger.Held, ledger.Released, ledger.Dropped, ledger.Named:
		return l.Speaker.Say("act."+e.Kind.String(), "detail", orDash(l.kept(e)))
	}
	key := "act." + e.Kind.String()
	if !l.Speaker.Has(key) { // an act of a newer program
		return e.Kind.String()
	}
	return l.Speaker.Say(key, "subject", l.Account(e.Subject), "approver", l.Account(e.Approver), "people", e.Cost.People(), "because", orDash(e.Note))
}

// of says how much was counted of a limit, which may have been narrowed since.
func (l Labels) of(counted, limit meter.Cost) string {
	key := "of.within"
	if counted > limit {
		key = "of.beyond"
	}
	return l.Speaker.Say(key, "counted", counted.People(), "limit", limit.People())
}

func orDash(text string) string {
	if text == "" {
		return "—"
	}
	return text
}

// Ground says why people were shown or not.
func (l Labels) Ground(e ledger.Entry, people int) string {
	switch {
	case e.Person.IsZero() && e.Why == policy.Granted:
		return l.Speaker.Say("ground.nobody")
	case e.Guessed() && e.Why != policy.NobodyKnown && !e.Why.Freezes(): // what the account was told is the verdict
		return l.Speaker.Say("ground.nobody-known", "people", people)
	}
	key := "ground." + e.Why.String()
	if !l.Speaker.Has(key) { // a ground written by a newer program
		return l.Speaker.Sentence(e.Ruling())
	}
	return l.Speaker.Say(key,
		"people", people,
		"counted", e.Counted.People(), "limit", e.Limit.People(), "of", l.of(e.Counted, e.Limit),
		"reason", l.Speaker.Say("reason."+e.Reason.Kind.String()))
}

// Measure says what an order that is in force does.
func (l Labels) Measure(o order.Order) string {
	code := string(o.Effect) + "-" + string(o.Reach)
	if !l.Speaker.Has("measure." + code) { // an order of a newer program, or a row put into the database
		return strings.TrimSpace(code + " " + l.Target(o))
	}
	return l.Speaker.Say("measure."+code, "target", l.Target(o))
}

// Target is what people call whom or what an order reaches.
func (l Labels) Target(o order.Order) string {
	switch o.Reach {
	case order.Account:
		return l.Account(roster.AccountID(o.Target))
	case order.Organisation:
		return l.Organisation(roster.OrganisationID(o.Target))
	case order.Service:
		return l.Service(roster.ServiceID(o.Target))
	case order.Role:
		return l.Speaker.Role(roster.Role(o.Target))
	case order.Network:
		if o.Target == order.Elsewhere {
			return l.Speaker.Say("order.network-other")
		}
		return o.Target
	case order.Function:
		if key := "function." + o.Target; l.Speaker.Has(key) {
			return l.Speaker.Say(key)
		}
		service, route, _ := strings.Cut(o.Target, " ")
		return l.Service(roster.ServiceID(service)) + ", " + route
	default:
		return o.Target
	}
}

// topic says what was read or taken in, or how a session ended. A word that a newer
// program wrote is shown as it is.
func (l Labels) topic(state ledger.State) string {
	if key := "topic." + string(state); l.Speaker.Has(key) {
		return l.Speaker.Say(key)
	}
	return string(state)
}

// stage says what tells one act of an account's life from another of its kind.
func (l Labels) stage(e ledger.Entry) string {
	switch e.Kind {
	case ledger.Proposed:
		return l.Speaker.Role(roster.Role(e.State))
	case ledger.Accepted:
		return l.topic(ledger.State(e.Factor))
	case ledger.Entrusted:
		if e.State == "" {
			return l.Speaker.Say("act.entrusted-told")
		}
	}
	return l.topic(e.State)
}

// kept says what was done about how long the ledger is kept, or whom it names.
func (l Labels) kept(e ledger.Entry) string {
	var parts []string
	if e.Count > 0 {
		parts = append(parts, l.Speaker.Number(int(e.Count)))
	}
	if e.First != 0 {
		parts = append(parts, e.First.String())
	}
	if e.Last != 0 {
		parts = append(parts, e.Last.String())
	}
	if e.Approver != "" {
		parts = append(parts, l.Account(e.Approver))
	}
	if e.Note != "" {
		parts = append(parts, e.Note)
	}
	return strings.Join(parts, " · ")
}
