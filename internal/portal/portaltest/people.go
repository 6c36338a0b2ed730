package portaltest

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"poterne/internal/archive"
	"poterne/internal/custody"
	"poterne/internal/fault"
	"poterne/internal/grants"
	"poterne/internal/i18n"
	"poterne/internal/incident"
	"poterne/internal/ledger"
	"poterne/internal/ledger/retention"
	"poterne/internal/meter"
	"poterne/internal/notice"
	"poterne/internal/person"
	personroom "poterne/internal/portal/rooms/person"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Mine asks for a page of people of the register, as somebody who is signed in or not. Lines,
// questions and incidents are invented; on an empty stage there are none.
func (s *Stage) Mine(in bool, method, target string, form url.Values) func(http.ResponseWriter, *http.Request, i18n.Language) {
	return func(w http.ResponseWriter, r *http.Request, language i18n.Language) {
		deps := personroom.Deps{
			Door: peopleDoor{}, Reader: stagePerson{s}, Questions: stagePerson{s}, Concerns: stageConcerns{stagePerson{s}}, Codes: stagePerson{s}, Contacts: stageContacts{s}, Mandates: stageMandates{s}, Controller: Controller, Key: "valbourg.example/ledger+0a1b2c3d+AbCd",
			Prove: func(context.Context, ledger.Number) ([]byte, error) { return []byte("proof"), s.Broken },
		}
		asked, err := http.NewRequestWithContext(r.Context(), method, target, strings.NewReader(form.Encode()))
		if err != nil {
			panic(err) // the scenes are ours
		}
		asked.RequestURI = target
		if method == http.MethodPost {
			asked.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		if in {
			asked.Header.Set(Actor, register.PersonID{1}.Hex())
			asked.Header.Set(Reference, person.Visitor{Own: true, Identity: person.Identity{2}}.Reference())
		}
		personroom.New(s.Pages, deps).Handler(s.Pages).ServeHTTP(w, Spoken(asked, language))
	}
}

// Doorstep is what people read who sign in.
func (s *Stage) Doorstep() personroom.Doorstep { return personroom.NewDoorstep(s.Pages, Controller) }

// stagePerson is what the stage knows of one person.
type stagePerson struct{ *Stage }

func (s stagePerson) lines() (lines []person.Line) {
	if len(s.Written) == 0 {
		return nil
	}
	for i, days := range []int{0, 2, 9, 41, 75, 190} {
		line := person.Line{
			Number: ledger.Number(700 - i), At: Now.AddDate(0, 0, -days), Body: "ml-bourg", Name: "Mission locale du Bourg", Role: roster.Adviser, Reason: reason.Caseload,
			Fields: register.Name | register.Contact, Changed: i == 2,
		}
		if i == 1 || i == 4 {
			line.Body, line.Name, line.Role, line.Reason, line.Fields = "agence", "Agence de Valbourg", roster.Desk, reason.None, register.Name|register.Birth|register.Status
		}
		lines = append(lines, line)
	}
	return lines
}

func (s stagePerson) Read(context.Context, register.PersonID) (person.Lines, error) {
	return person.Lines{Lines: s.lines(), Since: Now.AddDate(0, -11, 0)}, s.Broken
}

func (s stagePerson) One(_ context.Context, _ register.PersonID, number ledger.Number) (person.Line, error) {
	for _, line := range s.lines() {
		if line.Number == number {
			return line, s.Broken
		}
	}
	return person.Line{}, cmp.Or(s.Broken, error(&fault.Error{Kind: fault.Absent}))
}

func (s stagePerson) Ask(context.Context, register.PersonID, ledger.Number, ledger.State) error {
	return s.Broken
}

// Of answers about the person's questions.
func (s stagePerson) Of(context.Context, register.PersonID) (map[ledger.Number]person.Question, error) {
	return map[ledger.Number]person.Question{
		699: {Number: 600, Line: 699, What: person.AskWhy, At: Now.AddDate(0, 0, -1)},
		696: {Number: 601, Line: 696, What: person.UnknownBody, At: Now.AddDate(0, 0, -60), Answered: Now.AddDate(0, 0, -50), Why: person.Mistake, Words: "Deux dossiers se ressemblaient."},
	}, s.Broken
}

func (s stagePerson) concerns() (all []incident.Concern) {
	if len(s.Written) == 0 {
		return nil
	}
	m := notice.Message{
		Reference: notice.Reference(2026, 3), Controller: Controller, First: Now.Add(-25 * time.Hour), Last: Now.Add(-20 * time.Minute), Shown: register.Name | register.Contact,
		Held: register.AllFields, Harms: []string{"fraud", "identity-theft"}, Contained: true, Notified: true,
	}
	no := m
	no.Reference = notice.Reference(2026, 2)
	old := m
	old.Reference = notice.Reference(2025, 1)
	return []incident.Concern{{File: 500, People: 12, Verdict: incident.Yes, Times: 2, Message: m}, {File: 400, People: 3, Verdict: incident.No, Message: no}, {File: 300, People: 3, Verdict: incident.Blank, Message: old}}
}

// Open opens a code.
func (s stagePerson) Open(_ context.Context, code string) (register.PersonID, ledger.Number, error) {
	if code == "" {
		return register.PersonID{}, 0, cmp.Or(s.Broken, error(&fault.Error{Kind: fault.Absent}))
	}
	return register.PersonID{1}, 500, s.Broken
}

// stageContacts is where the person is reached: a change is under way when the stage's controller
// has any order in force.
type stageContacts struct{ *Stage }

func (s stageContacts) View(context.Context, register.PersonID, string) (person.ContactView, error) {
	view := person.ContactView{Now: person.Contacts{Mail: "camille.aubry@boite.example", Phone: "06 39 98 42 17", Post: "3 rue du Four"}.Masked(), Letters: true}
	if len(s.InForce) > 0 {
		view.Pending = &person.ContactChange{Number: 810, State: person.ContactsTold, Asked: Now.Add(-time.Hour), Due: Now.Add(71 * time.Hour)}
		view.To = person.Contacts{Mail: "c.aubry@postale.example", Phone: "06 39 98 42 17"}.Masked()
	}
	return view, s.Broken
}

func (s stageContacts) Ask(_ context.Context, _ register.PersonID, _ string, typed person.Contacts, _ string) error {
	switch {
	case typed.Post != "":
		return person.WrongPost
	case typed.Mail == "" && typed.Phone == "":
		return person.NothingNew
	case !strings.Contains(typed.Mail, "@"):
		return person.WrongMail
	case len(typed.Phone) == 1:
		return person.WrongPhone
	}
	if typed.Phone != "" {
		return cmp.Or(s.Broken, error(person.ContactsLately))
	}
	return cmp.Or(s.Broken, error(person.ContactsResting))
}

func (s stageContacts) StopOwn(context.Context, register.PersonID) error { return s.Broken }

func (s stageContacts) End(_ context.Context, token string) (ledger.State, error) {
	switch token {
	case "waiting":
		return ledger.Stopped, s.Broken
	case "in-force":
		return person.ContactsPutBack, s.Broken
	}
	return "", cmp.Or(s.Broken, error(&fault.Error{Kind: fault.Absent}))
}

func (s stageContacts) EndByCode(ctx context.Context, typed string) (ledger.State, error) {
	return s.End(ctx, typed)
}

// stageMandates are who may read another person's page; on an empty stage nobody may.
type stageMandates struct{ *Stage }

func (s stageMandates) all() []person.MandateView {
	if len(s.Written) == 0 {
		return nil
	}
	camille := register.Civil{Family: "AUBRY", Given: "CAMILLE", Birth: "2012-04-03", Gender: "female", Birthplace: "01053", Country: "99100"}
	parties := func(family, given, reference string) person.Parties {
		return person.Parties{Represented: camille, Representative: register.Civil{Family: family, Given: given}, Reference: reference}
	}
	looks := []person.Look{{Number: 830, At: Now.Add(-time.Hour), What: person.LookAsked}, {Number: 829, At: Now.Add(-2 * time.Hour), What: person.LookedAtPage}}
	return []person.MandateView{
		{Mandate: person.Mandate{Number: 840, Kind: person.Guardianship, Begins: Now, Until: Now.AddDate(1, 0, 0), By: "claire.noir", Asked: Now.Add(-time.Hour)}, Parties: parties("BONNET", "ALIX", "TJ Valbourg 26/118")},
		{Mandate: person.Mandate{Number: 826, Kind: person.Curatorship, Begins: Now.AddDate(0, 0, -1), Until: Now.AddDate(1, 0, 0), By: "claire.noir", Approver: "noa.lambert", Asked: Now.Add(-30 * time.Hour), Told: Now.Add(-29 * time.Hour)}, Parties: parties("PETIT", "JULES", "TJ Valbourg 26/97")},
		{Mandate: person.Mandate{Number: 820, Kind: person.PowerOfAttorney, Begins: Now.AddDate(0, -1, 0), Until: Now.AddDate(0, 2, 0), By: "noa.lambert", Approver: "claire.noir", Asked: Now.AddDate(0, -1, 0), Told: Now.AddDate(0, -1, 0)}, Parties: parties("AUBRY", "SACHA", "procuration du 2 février"), Looks: looks},
		{Mandate: person.Mandate{Number: 700, Kind: person.ParentalAuthority, Begins: Now.AddDate(0, -9, 0), Until: Now.AddDate(0, -2, 0), By: "noa.lambert", Approver: "claire.noir", Asked: Now.AddDate(0, -9, 0), Told: Now.AddDate(0, -9, 0)}, Parties: parties("AUBRY", "LOU", "acte de naissance")},
	}
}

func (s stageMandates) All(context.Context) ([]person.MandateView, error) { return s.all(), s.Broken }

func (s stageMandates) Of(context.Context, register.PersonID) ([]person.MandateView, error) {
	return s.all()[min(1, len(s.all())):], s.Broken
}

func (s stageMandates) To(context.Context, person.Identity) ([]person.MandateView, error) {
	all := s.all()
	return all[min(2, len(all)):min(3, len(all))], s.Broken
}

func (s stageMandates) Look(_ context.Context, _ person.Identity, number ledger.Number, _ ledger.State, _ string, _ func(register.PersonID) error) (person.MandateView, error) {
	for _, m := range s.all() {
		if m.Number == number {
			return m, s.Broken
		}
	}
	return person.MandateView{}, cmp.Or(s.Broken, error(&fault.Error{Kind: fault.Absent}))
}

func (s stageMandates) Revoke(context.Context, register.PersonID, ledger.Number) error {
	return s.Broken
}

func (s stageMandates) Ask(_ context.Context, _ roster.AccountID, typed person.Typed) error {
	return cmp.Or(s.Broken, error(person.MandateNone))
}

func (s stageMandates) Approve(context.Context, ledger.Number, roster.AccountID) error {
	return s.Broken
}

func (s stageMandates) End(context.Context, ledger.Number, roster.AccountID) error { return s.Broken }

// stageConcerns answers whether incidents concerned the person.
type stageConcerns struct{ stagePerson }

func (s stageConcerns) Of(context.Context, register.PersonID) ([]incident.Concern, error) {
	return s.concerns(), s.Broken
}

func (s stageConcerns) In(_ context.Context, _ register.PersonID, file ledger.Number) (incident.Concern, error) {
	for _, c := range s.concerns() {
		if c.File == file {
			return c, s.Broken
		}
	}
	return incident.Concern{}, cmp.Or(s.Broken, error(&fault.Error{Kind: fault.Absent}))
}

// stageWithholdings are what is withheld: one in force, one that waits, two that are over.
type stageWithholdings struct{ *Stage }

func (s stageWithholdings) All(context.Context) ([]person.Withholding, error) {
	if len(s.Written) == 0 {
		return nil, s.Broken
	}
	at := func(days int) time.Time { return Now.AddDate(0, 0, days) }
	return []person.Withholding{
		{Number: 800, Account: "leo.perrin", Since: at(-90), Until: at(-20), Because: "enquête 26-101", By: "noa.lambert", Approver: "claire.noir", Asked: at(-80)},
		{Number: 801, Account: "leo.perrin", Since: at(-90), Until: at(20), Because: "enquête 26-104", By: "noa.lambert", Asked: at(-10), Stopped: at(-9), StoppedBy: "claire.noir"},
		{Number: 802, Account: "theo.marchand", Since: at(-10), Until: at(40), Because: "enquête 26-118", By: "claire.noir", Approver: "noa.lambert", Asked: at(-3)},
		{Number: 803, Account: "sacha.olive", Since: at(-4), Until: at(60), Because: "enquête 26-121", By: "claire.noir", Asked: at(-1)},
	}, s.Broken
}

func (s stageWithholdings) Ask(context.Context, person.AskWithholding) error { return s.Broken }

func (s stageWithholdings) Approve(context.Context, ledger.Number, roster.AccountID) error {
	return s.Broken
}

func (s stageWithholdings) Stop(context.Context, ledger.Number, roster.AccountID) error {
	return s.Broken
}

// stageKeeping is a ledger of some months: one was dropped, one is held, and a hold and a release
// are asked for.
type stageKeeping struct{ *Stage }

func (s stageKeeping) Kept(context.Context) (kept custody.Kept, err error) {
	if len(s.Written) == 0 {
		return kept, s.Broken
	}
	dropped, held := Now.AddDate(0, -1, 0), Now.AddDate(0, -2, 0)
	kept.Schedule.Holds = []retention.Hold{{Number: 880, Since: 202503, Until: 202504, Because: "enquête 26-131", By: "noa.lambert", Approver: "samir"}}
	kept.At = map[ledger.Number]time.Time{870: dropped, 880: held}
	periods := []ledger.Period{
		{Month: 202501, First: 0, End: 120, Dropped: true, By: 870},
		{Month: 202502, First: 120, End: 300},
		{Month: 202503, First: 300, End: 410},
		{Month: 202602, First: 410, End: 700},
		{Month: 202603, First: 700, Open: true},
	}
	kept.Months = kept.Schedule.Months(periods, Now, Now)
	if s.Altered != 0 {
		kept.Altered = errors.New("a hold is not as the ledger says")
	}
	return kept, s.Broken
}

func (s stageKeeping) Waiting(context.Context) ([]custody.Request, error) {
	if len(s.Written) == 0 {
		return nil, s.Broken
	}
	return []custody.Request{
		{Number: 904, Asked: Now.Add(-3 * time.Hour), By: "samir", Because: "enquête 26-140", Since: 202602},
		{Number: 905, Asked: Now.Add(-time.Hour), By: "noa.lambert", Because: "enquête close", Hold: 880},
	}, s.Broken
}

func (s stageKeeping) Ask(context.Context, custody.Request) error { return s.Broken }

func (s stageKeeping) Approve(context.Context, ledger.Number, roster.AccountID) error {
	return s.Broken
}

func (s stageKeeping) Drop(context.Context, ledger.Number, roster.AccountID) error { return s.Broken }

// stageReadings are what is asked of the archive: one that may be read, and two that wait.
type stageReadings struct{ *Stage }

func (s stageReadings) All(context.Context) ([]archive.Request, error) {
	if len(s.Written) == 0 {
		return nil, s.Broken
	}
	at := func(hours int) time.Time { return Now.Add(time.Duration(hours) * time.Hour) }
	return []archive.Request{
		{Number: 903, Because: "réquisition 26-131", By: "noa.lambert", Asked: at(-1)},
		{Number: 902, Because: "réquisition 26-130", By: "claire.noir", Asked: at(-2)},
		{Number: 900, Because: "demande d’accès 26-44", By: "claire.noir", Approver: "noa.lambert", Asked: at(-20), Given: at(-3)},
	}, s.Broken
}

func (s stageReadings) Ask(context.Context, roster.AccountID, string, string) error { return s.Broken }

func (s stageReadings) Approve(context.Context, ledger.Number, roster.AccountID, string) error {
	return s.Broken
}

func (s stageReadings) Drop(context.Context, ledger.Number, roster.AccountID) error { return s.Broken }

// stagePermits are the export permits: one in force for Camille, and two that wait.
type stagePermits struct{ *Stage }

// Exporting is the permit in force on the stage, as the ledger has it.
var Exporting = ledger.Entry{
	Kind: ledger.Permitted, Account: "jeanne.vidal", Approver: "noa.lambert", Subject: "camille.aubry", Service: "dossier", Route: "GET /export",
	Cost: meter.People(400), Until: Now.AddDate(0, 0, 6), Digest: [32]byte{1, 2, 3}, Note: "bilan annuel de la structure",
}

func (s stagePermits) All(context.Context) ([]grants.Permit, error) {
	if len(s.Written) == 0 {
		return nil, s.Broken
	}
	permit := func(number ledger.Number, of, by roster.AccountID, days int) grants.Permit {
		return grants.Permit{Number: number, By: by, Asked: Now.Add(-time.Duration(days) * 24 * time.Hour), Export: grants.Export{
			Of: of, Service: "dossier", Route: "GET /export", People: 400, Until: Now.AddDate(0, 0, 6), Purpose: Exporting.Note, List: Exporting.Digest,
		}}
	}
	given, own, other := permit(700, "camille.aubry", "jeanne.vidal", 2), permit(701, "leo.perrin", "jeanne.vidal", 1), permit(702, "theo.marchand", "noa.lambert", 0)
	given.Given, given.Approver = Now.AddDate(0, 0, -1), "noa.lambert"
	return []grants.Permit{given, own, other}, s.Broken
}

func (s stagePermits) Ask(context.Context, grants.AskPermit) error { return s.Broken }

func (s stagePermits) Approve(context.Context, ledger.Number, roster.AccountID) error {
	return s.Broken
}

func (s stagePermits) Drop(context.Context, ledger.Number, roster.AccountID) error { return s.Broken }

func (s stagePermits) End(context.Context, grants.EndPermit) error { return s.Broken }
