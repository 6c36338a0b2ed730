package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/app"
	"poterne/internal/gate/network"
	"poterne/internal/i18n"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/lab/town"
	"poterne/internal/lab/town/life"
	"poterne/internal/lab/town/proconnect"
	"poterne/internal/ledger"
	"poterne/internal/person"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// client is Poterne as the demonstration's identity provider knows it.
const client = "poterne-demo"

// world is the invented town: its register, its staff, and everything other
// systems would tell Poterne about them.
type world struct {
	register *town.Register
	staff    *town.Staff
	kept     *town.Databases
	training *town.Training
	issuer   string
	today    time.Time
	created  []town.Agent // accounts created today, by an attack
	archives bool         // the register has closed some files, and archived one
	lang     i18n.Language
}

// newWorld grows the town; what was written in its applications is in a folder.
func newWorld(ctx context.Context, folder string, seed uint64, people int, issuer string, today time.Time, reserved func(dossier string) bool) (*world, error) {
	r, err := town.NewRegister(fmt.Sprint(seed), people)
	if err != nil {
		return nil, err
	}
	r = r.Reserving(reserved)
	kept, err := town.OpenDatabases(ctx, folder, r)
	if err != nil {
		return nil, err
	}
	d := &world{register: r, staff: town.NewStaff(r), kept: kept, issuer: issuer, today: today}
	if d.training, err = town.NewTraining(ctx, d.staff, kept.Training); err == nil {
		err = r.Keep(ctx, kept.Contacts)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading what was written in the town's applications: %w", err), kept.Close())
	}
	return d, nil
}

// agents is everybody who has an account, the characters first.
func (d *world) agents() []town.Agent { return slices.Concat(d.staff.Agents(), d.created) }

// button is an agent's button on the identity provider's page.
func (d *world) button(account roster.AccountID) string {
	return fmt.Sprint(slices.IndexFunc(d.agents(), func(a town.Agent) bool { return a.ID == account }))
}

const (
	identityProvider = "8a2f1c4e-demo"
	factor           = "eidas1-mfa"
)

// people lists everybody as the identity provider knows them, in the order of
// their buttons.
func (d *world) people() []proconnect.Person {
	names := make(map[roster.OrganisationID]roster.Organisation)
	for _, o := range d.staff.Organisations() {
		names[o.ID] = o
	}
	var people []proconnect.Person
	for _, agent := range d.agents() {
		given, usual, _ := strings.Cut(agent.Name, " ")
		people = append(people, proconnect.Person{
			Subject: agent.Subject, GivenName: given, UsualName: usual, Email: agent.Mail,
			SIRET: names[agent.Organisation].SIRET, Idp: identityProvider, ACR: factor, AMR: []string{"pwd", "otp", "mfa"},
			Role: agent.Role, Organisation: names[agent.Organisation].Name,
		})
	}
	home := d.staff.Organisations()[0] // of somebody who has no account yet
	return append(people, proconnect.Person{
		Subject: "alix-morel", GivenName: "Alix", UsualName: "Morel", Email: "alix.morel@" + string(home.ID) + ".example",
		SIRET: home.SIRET, Idp: identityProvider, ACR: factor, AMR: []string{"pwd", "otp", "mfa"}, Role: roster.Adviser, Organisation: home.Name,
	})
}

// Two of somebody, by the order of their buttons.
const represented, representative = 0, 4

// somebody lists people of the register as their identity provider knows them, in the order
// of their buttons: one whom Pauline Mercier accompanies, one whom she has nothing to do with,
// one in training, one who has no file, and one who has none either and represents the first.
func (d *world) somebody() (people []proconnect.Person, err error) {
	nobody, err := town.Invent("nobody")
	if err != nil {
		return nil, err
	}
	proxy, err := town.Invent("representative")
	if err != nil {
		return nil, err
	}
	known := []town.Person{
		d.register.Person(d.staff.Caseload("pauline.mercier")[0]), d.register.Person(d.staff.Stranger(0)),
		d.register.Person(d.staff.Enrolments("of-horizon")[0]), nobody, proxy,
	}
	for _, p := range known {
		people = append(people, proconnect.Person{
			Subject: p.Dossier, GivenName: p.First, UsualName: p.Surname, Civil: p.Civil(), ACR: "eidas1", Idp: "franceconnect-demo",
		})
	}
	return people, nil
}

// services says which services a role uses, and for which purpose.
var services = map[roster.Role]map[roster.ServiceID]roster.Purpose{
	roster.Adviser:    {"dossier": "accompany", "ouiform": "enrol"},
	roster.Desk:       {"dossier": "accompany"},
	roster.CallCentre: {"dossier": "accompany"},
	roster.Training:   {"kairos": "train", "ouiform": "enrol"},
}

// followed says for which purposes an organisation's advisers use Suivi: health and disability
// are Cap emploi's alone.
var followed = map[roster.OrganisationID][]roster.Purpose{
	"mission-locale-valbourg": {"follow"},
	"cap-emploi-valbourg":     {"follow", "disability"},
}

// roster lists organisations, accounts and habilitations, which end in a year.
func (d *world) roster() accounts.List {
	list := accounts.List{Organisations: slices.Clone(d.staff.Organisations())}
	for i, o := range list.Organisations {
		list.Organisations[i].Mail = "direction@" + string(o.ID) + ".example"
	}
	for _, agent := range d.agents() {
		opened := d.today.AddDate(0, -6, 0)
		if slices.Contains(d.created, agent) {
			opened = d.today.Add(-time.Hour)
		}
		list.Accounts = append(list.Accounts, roster.Account{
			ID: agent.ID, Organisation: agent.Organisation, Role: agent.Role, Name: agent.Name, Opened: opened, Mail: agent.Mail, Trained: d.today.AddDate(0, 5, 0),
			Identity: roster.Identity{Issuer: d.issuer, Provider: identityProvider, Subject: proconnect.Subject(client, identityProvider, agent.Subject)},
		})
		rights := func(service roster.ServiceID, purpose roster.Purpose) {
			list.Habilitations = append(list.Habilitations, roster.Habilitation{
				Account: agent.ID, Service: service, Purpose: purpose, From: opened, Until: d.today.AddDate(0, 6, 0),
			})
		}
		for service, purpose := range services[agent.Role] {
			rights(service, purpose)
		}
		if agent.Role == roster.Adviser {
			for _, purpose := range followed[agent.Organisation] {
				rights("suivi", purpose)
			}
		}
	}
	list.Accounts = append(list.Accounts, roster.Account{
		ID: "messages", Organisation: "poste-de-securite", Role: roster.Messages, Name: "Messages", Opened: d.today.AddDate(0, -6, 0),
		Identity: roster.Identity{Issuer: "urn:program", Subject: "messages"},
	})
	list.Habilitations = append(list.Habilitations, roster.Habilitation{
		Account: "messages", Service: "dossier", Purpose: "tell", From: d.today.AddDate(0, -6, 0), Until: d.today.AddDate(0, 6, 0),
	})
	return list
}

// identifiers is the register's own list of them, a line each.
func (d *world) identifiers() string {
	var out strings.Builder
	out.WriteString("identifier\n")
	for i := range d.register.Size() {
		out.WriteString(d.register.Dossier(i) + "\n")
	}
	return out.String()
}

// workday is today, or Monday when today is no working day: the town never rests.
func (d *world) workday() time.Time {
	day := d.today
	for day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
		day = day.AddDate(0, 0, 1)
	}
	return day
}

// expected is whom an agent receives today.
func (d *world) expected(agent roster.AccountID) (people []int) {
	for _, a := range d.staff.Appointments(agent, d.workday()) {
		people = append(people, a.Person)
	}
	return people
}

// apart are files that the register has closed, or archived: two and one of Pauline's caseload,
// whom nobody receives today, and a closed one of somebody whom Odile receives, so that their
// ticket opens it.
func (d *world) apart() (closed []int, archived, received int) {
	expected := make(map[int]bool)
	for _, agent := range d.staff.Agents() {
		for _, person := range d.expected(agent.ID) {
			expected[person] = true
		}
	}
	archived, received = -1, -1
	for _, person := range slices.Backward(d.staff.Caseload("pauline.mercier")) {
		switch {
		case expected[person]:
		case archived < 0:
			archived = person
		case len(closed) < 2:
			closed = append(closed, person)
		}
	}
	for _, person := range d.expected("odile.garnier") {
		if !slices.Contains(d.staff.Caseload("pauline.mercier"), person) {
			received = person
			break
		}
	}
	return closed, archived, received
}

// tellApart tells whose files are closed or archived.
func (d *world) tellApart(tell func(source string, f reason.Fact, id string, person int, from, until time.Time)) {
	closed, archived, received := d.apart()
	for kind, people := range map[reason.FactKind][]int{reason.Closed: append(closed, received), reason.Archived: {archived}} {
		for _, person := range people {
			if person >= 0 { // in a town so small that there is none
				tell("registre", reason.Fact{Kind: kind, Organisation: reason.Everybody}, d.register.Dossier(person), person, d.today.AddDate(0, -2, 0), d.today.AddDate(20, 0, 0))
			}
		}
	}
}

// facts is what the town's systems know at a moment of its day, by source. Whoever is
// expected at a desk or on the telephone is there again each time this is told: such
// tickets explain for minutes, and the town is watched at any hour.
func (d *world) facts(key register.Key, now time.Time) map[string][]reason.Fact {
	facts := make(map[string][]reason.Fact)
	tell := func(source string, f reason.Fact, id string, person int, from, until time.Time) {
		f.ID, f.Person, f.From, f.Until = id, key.Person(d.register.Dossier(person)), from, until
		facts[source] = append(facts[source], f)
	}
	midnight := d.today.Truncate(24 * time.Hour)
	if d.archives {
		d.tellApart(tell)
	}
	for _, agent := range d.staff.Agents() {
		for _, person := range d.staff.Caseload(agent.ID) {
			tell("portefeuilles", reason.Fact{Kind: reason.Caseload, Account: agent.ID}, fmt.Sprintf("%s-%d", agent.ID, person), person, d.today.AddDate(0, -3, 0), d.today.AddDate(0, 3, 0))
		}
		for i, a := range d.staff.Appointments(agent.ID, d.workday()) {
			source, kind := ticket(a.Kind)
			from := midnight
			if kind != reason.Appointment {
				from = now
			}
			tell(source, reason.Fact{Kind: kind, Account: agent.ID}, fmt.Sprintf("%s-%s-%d", agent.ID, midnight.Format(time.DateOnly), i), a.Person, from, from.AddDate(0, 0, 2))
		}
	}
	for _, o := range d.staff.Organisations() {
		for _, person := range d.staff.Enrolments(o.ID) {
			if !d.training.Trains(o.ID, person) {
				continue // what Ouiform told of it stands
			}
			tell("inscriptions", reason.Fact{Kind: reason.Enrolment, Organisation: o.ID}, town.FirstEnrolment(o.ID, person), person, d.today.AddDate(0, -1, 0), d.today.AddDate(0, 5, 0))
		}
	}
	return facts
}

func ticket(kind town.Kind) (source string, as reason.FactKind) {
	switch kind {
	case town.DeskTicket:
		return "accueil", reason.DeskTicket
	case town.Call:
		return "telephonie", reason.Call
	default:
		return "agenda", reason.Appointment
	}
}

// aliases leads the identifiers of Kairos and Ouiform to the register's people.
func (d *world) aliases(key register.Key) []intake.Alias {
	aliases := make([]intake.Alias, 0, 2*d.register.Size())
	for i := range d.register.Size() {
		person := key.Person(d.register.Dossier(i))
		for _, scheme := range []string{town.SchemeFT, town.SchemeMail} {
			aliases = append(aliases, intake.Alias{Alias: key.Alias(register.Ref{Scheme: scheme, Value: d.register.Identifier(scheme, i)}), Person: person})
		}
	}
	slices.SortFunc(aliases, func(a, b intake.Alias) int { return slices.Compare(a.Alias[:], b.Alias[:]) }) // the table is in this order
	return aliases
}

// fill gives Poterne its accounts and the identifiers of its neighbours.
func (d *world) fill(ctx context.Context, o *app.Opened) error {
	if _, err := journal.Do(ctx, d.weeksAgo(o), &accounts.Import{By: "demo", List: d.roster()}); err != nil {
		return err
	}
	_, err := journal.Do(ctx, d.weeksAgo(o), intake.AliasBatch{By: "demo", Aliases: d.aliases(o.Pseudonym)})
	return err
}

// mandate has two people of the desk record, two weeks ago, that somebody who is in no register may read
// the page of one of Pauline Mercier's people, who gave them a power of attorney.
func (d *world) mandate(ctx context.Context, o *app.Opened, log *slog.Logger) error {
	somebody, err := d.somebody()
	if err != nil {
		return err
	}
	past := d.weeksAgo(o)
	for _, account := range []roster.AccountID{onCall, officer} {
		if err := journal.Record(ctx, past, ledger.Entry{Kind: ledger.SteppedUp, Account: account, Device: "of " + string(account), Network: network.Elsewhere}); err != nil {
			return err
		}
	}
	m := app.Mandates(o, past, log)
	m.Register, m.Contacts, m.Now = d, nil, past.Now // neither the register nor the mail server is there yet
	err = m.Ask(ctx, onCall, person.Typed{
		Represented: somebody[represented].Civil, Representative: somebody[representative].Civil, Kind: person.PowerOfAttorney,
		Reference: d.lang.Say("demo.document"), Begins: past.Now(), Until: past.Now().AddDate(0, 6, 0),
	})
	if errors.Is(err, person.MandateNone) { // in a town that has two people of that civil status
		return nil
	}
	if err != nil {
		return err
	}
	all, err := m.All(ctx)
	if err != nil {
		return err
	}
	return m.Approve(ctx, all[0].Number, officer)
}

// Find is what the register says of a civil status.
func (d *world) Find(_ context.Context, civil register.Civil) ([]string, error) {
	return d.register.ByCivil(civil)
}

// tell says what its neighbours know now.
func (d *world) tell(ctx context.Context, o *app.Opened, now time.Time) error {
	for source, facts := range d.facts(o.Pseudonym, now) {
		for batch := range slices.Chunk(facts, intake.Batch) {
			if _, err := journal.Do(ctx, o.Writer(), &intake.FactBatch{Source: source, Facts: batch}); err != nil {
				return err
			}
		}
	}
	return nil
}

// lived has the owners of accounts prove to be there two weeks ago, each on a device
// of their own: whoever holds their sessions now comes from another.
func (d *world) lived(ctx context.Context, o *app.Opened, thieves []life.Thief) error {
	for _, t := range thieves {
		steppedUp := ledger.Entry{Kind: ledger.SteppedUp, Account: t.Account, Device: "of " + string(t.Account), Network: network.Elsewhere}
		if err := journal.Record(ctx, d.weeksAgo(o), steppedUp); err != nil {
			return err
		}
	}
	return nil
}

// weeksAgo writes what happened before the demonstration.
func (d *world) weeksAgo(o *app.Opened) journal.Outside {
	return journal.Outside{DB: o.Ledger, Now: func() time.Time { return d.today.AddDate(0, 0, -14) }}
}

// toldEvery is how often the neighbours say again what they know: before a call, whose
// ticket is the shortest, explains nothing any more.
const toldEvery = 5 * time.Minute

// keepTelling says again what the neighbours know, until ctx ends.
func (d *world) keepTelling(ctx context.Context, o *app.Opened, now func() time.Time) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(toldEvery):
			if err := d.tell(ctx, o, now()); err != nil && ctx.Err() == nil {
				return fmt.Errorf("telling what the town knows: %w", err)
			}
		}
	}
}

// canary is the number of somebody who is a canary now; empty in a town so small that
// there is none.
func (d *world) canary(live func(dossier string) bool) string {
	for i := range d.register.Size() {
		if dossier := d.register.Dossier(i); live(dossier) {
			return dossier
		}
	}
	return ""
}

// applications is the town's applications. What is written in them is told to Poterne by the
// same push as any other system's.
func (d *world) applications(ctx context.Context, issuer, operator string, keys town.Keys, now func() time.Time) (map[roster.ServiceID]http.Handler, error) {
	site := func(service string, kept *town.Database) town.Site {
		return town.Site{Register: d.register, Staff: d.staff, Who: town.NewVerify(issuer, service, keys, now), Now: now, Kept: kept, Operator: operator}
	}
	dossier, inDossier := town.NewDossier(ctx, site("dossier", d.kept.Dossier))
	kairos, inKairos := town.NewKairos(ctx, site("kairos", d.kept.Training), d.training)
	ouiform, inOuiform := town.NewOuiform(ctx, site("ouiform", d.kept.Training), d.training)
	suivi, inSuivi := town.NewSuivi(ctx, site("suivi", d.kept.Suivi))
	handlers := map[roster.ServiceID]http.Handler{"dossier": dossier, "kairos": kairos, "ouiform": ouiform, "suivi": suivi}
	return handlers, errors.Join(inDossier, inKairos, inOuiform, inSuivi)
}

// characters are the agents of the demonstration, first among the staff: whoever
// watches plays them, so nobody else does.
const characters = 7

// work lets the rest of the staff work in the background until ctx ends.
func (d *world) work(ctx context.Context, portal string, seed uint64) error {
	colleagues := make(map[roster.AccountID]string)
	for i, agent := range d.staff.Agents() {
		if i >= characters {
			colleagues[agent.ID] = fmt.Sprint(i)
		}
	}
	return life.Run(ctx, life.Settings{
		Portal: portal, Register: d.register, Staff: d.staff, Buttons: colleagues, Expected: d.expected,
		Pause: time.Minute, Seed: seed, // faster, honest work would look like going through the register
	})
}
