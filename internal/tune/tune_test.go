package tune_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/lab/sim"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/tune"
)

// monday is the first day of an observed period.
var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

var rules = policy.Rules{
	Purposes:   roster.Purposes{"accompany": register.Name},
	Allowances: map[roster.Role]meter.Allowance{},
	Watches:    policy.Watches,
	Signed:     policy.Signed,
	Observed:   policy.Observed{Everything: true},
}

func init() {
	for role := range policy.Watches {
		rules.Allowances[role] = meter.Allowance{Short: meter.People(3), Long: meter.People(20)}
	}
	rules.Probation = meter.Allowance{Short: meter.People(1), Long: meter.People(5)}
	rules.Wider.Organisation = meter.Allowance{Short: meter.People(100), Long: meter.People(2000)}
	rules.Wider.Service, rules.Wider.Register = rules.Wider.Organisation, rules.Wider.Organisation
}

// staff is a synthetic organisation whose work is decided as the gate decides it,
// and written as the gate writes it.
type staff struct {
	rules    policy.Rules
	accounts []roster.Account
	meters   map[roster.AccountID]*meter.Meter
	rng      *rand.Rand
	met      int
	entries  []ledger.Entry
}

func hire(rules policy.Rules, seed uint64, counts map[roster.Role]int) *staff {
	s := &staff{rules: rules, meters: map[roster.AccountID]*meter.Meter{}, rng: rand.New(rand.NewPCG(seed, 1))}
	for _, role := range roster.Readers {
		for n := range counts[role] {
			id := roster.AccountID(fmt.Sprintf("%s-%d", role, n))
			s.accounts = append(s.accounts, roster.Account{ID: id, Organisation: "ml", Role: role})
			s.meters[id] = meter.New()
		}
	}
	return s
}

// opens decides and writes one opening of a new person.
func (s *staff) opens(a roster.Account, at time.Time, own bool) {
	s.met++
	person := register.PersonID{byte(s.met >> 24), byte(s.met >> 16), byte(s.met >> 8), byte(s.met), 1}
	facts := policy.Facts{
		Habilitations: []roster.Habilitation{{Account: a.ID, Service: "dossier", Purpose: "accompany", From: at.Add(-time.Hour), Until: at.Add(time.Hour)}},
		Meter:         s.meters[a.ID].Draft(),
	}
	if own {
		facts.Evidence.Facts = []reason.Fact{{
			Kind: reason.Caseload, Account: a.ID, Person: person, From: at.Add(-time.Hour), Until: at.Add(time.Hour), Source: "cases", ID: "1",
		}}
	}
	ask := policy.Ask{
		Act: policy.Show, Account: a.ID, Organisation: a.Organisation, Role: a.Role, Service: "dossier", Purpose: "accompany", Route: "GET /files/{dossier}",
		People: []policy.Opening{{Person: person, Fields: register.Name}},
	}
	for entry := range ledger.EntriesFor(ask, s.rules.Decide(ask, facts, at), ledger.Number(len(s.entries)+1), at) {
		s.meters[a.ID].Record(entry.Event())
		s.entries = append(s.entries, entry)
	}
}

// work has everybody work on weekdays: with two people whom a fact explains, and a
// number without a reason of mean λ and variance φλ.
func (s *staff) work(days int, lambda, phi float64) {
	for d := range days {
		day := monday.AddDate(0, 0, d)
		if day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
			continue
		}
		for _, a := range s.accounts {
			moments := make([]int, 2+sim.NegativeBinomial(s.rng, lambda, phi))
			for i := range moments {
				moments[i] = s.rng.IntN(10 * 3600)
			}
			own := s.rng.Perm(len(moments))[:2]
			slices.Sort(moments)
			for i, second := range moments {
				s.opens(a, day.Add(8*time.Hour+time.Duration(second)*time.Second+time.Duration(i)*time.Microsecond), slices.Contains(own, i))
			}
		}
	}
	slices.SortStableFunc(s.entries, func(a, b ledger.Entry) int { return a.Time.Compare(b.Time) })
}

func (s *staff) study(t testing.TB, since, until time.Time) tune.Study {
	t.Helper()
	period := tune.NewPeriod(since, until, s.accounts)
	for _, entry := range s.entries {
		if entry.Time.Before(until) {
			period.Add(entry)
		}
	}
	study, err := period.Study(t.Context(), s.rules, s.rules)
	if err != nil {
		t.Fatal(err)
	}
	return study
}

func of(t testing.TB, study tune.Study, role roster.Role) tune.RoleStudy {
	t.Helper()
	i := slices.IndexFunc(study.Roles, func(r tune.RoleStudy) bool { return r.Role == role })
	if i < 0 {
		t.Fatalf("%s is not in the study", role)
	}
	return study.Roles[i]
}

// λ and φ of 32,000 agent-days come back within four standard errors, and the
// proposal holds what it says.
func TestAKnownPeriodGivesItsMeanAndDispersionBackAndAProposalThatHolds(t *testing.T) {
	const lambda, phi, days, staff = 0.5, 1.5, 56, 800
	s := hire(rules, 7, map[roster.Role]int{roster.Adviser: staff})
	s.work(days, lambda, phi)
	r := of(t, s.study(t, monday, monday.AddDate(0, 0, days)), roster.Adviser)
	const n = 40.0 * staff
	t.Logf("λ %.4f, φ %.4f, floor %.1f over %d agent-days; proposed %+v", r.Mean, r.Dispersion, r.Floor, r.Days, r.Proposed)
	if r.Days != 40*staff || r.Accounts != staff {
		t.Errorf("%d agent-days of %d accounts", r.Days, r.Accounts)
	}
	if off := math.Abs(r.Mean - lambda); off > 4*math.Sqrt(lambda*phi/n) {
		t.Errorf("λ is %.4f, not %.4f", r.Mean, lambda)
	}
	if off := math.Abs(r.Dispersion - phi); off > 0.1 {
		t.Errorf("φ is %.4f, not %.4f", r.Dispersion, phi)
	}
	if want := math.Sqrt(2 * lambda * phi * 20 * math.Log(1e4)); math.Abs(r.Floor-want) > 1 {
		t.Errorf("the floor is %.1f, not %.1f", r.Floor, want)
	}
	if r.Explained < 1.99 || r.Explained > 2.01 {
		t.Errorf("%.3f people are explained a day, not 2", r.Explained)
	}
	p := r.Proposed
	if r.Why != tune.Tightest || p.StepUps > 1 || p.Cosigns > tune.MostCosigns || p.Freezes > 0.1 {
		t.Errorf("%s: %+v", r.Why, p)
	}
	if float64(p.Leak) < lambda*20 || p.Leak > int(p.Allowance.Long/meter.Whole) {
		t.Errorf("a thief takes %d under %+v", p.Leak, p)
	}
}

// A looser choice never stops honest staff more often, and never a thief earlier.
func TestALooserChoiceCostsLessAndLeaksMore(t *testing.T) {
	s := hire(rules, 3, map[roster.Role]int{roster.Desk: 20})
	s.work(56, 3, 4)
	r := of(t, s.study(t, monday, monday.AddDate(0, 0, 56)), roster.Desk)
	for _, dial := range [][]tune.Point{r.Hours, r.Months, r.Lines} {
		for i, b := range dial[1:] {
			a := dial[i]
			if a.StepUps < b.StepUps || a.Cosigns < b.Cosigns || a.Freezes < b.Freezes || a.Leak > b.Leak {
				t.Errorf("%+v is tighter than %+v", a, b)
			}
		}
	}
	if r.Hours[0].StepUps == 0 || r.Months[0].Cosigns == 0 || r.Lines[0].Freezes == 0 {
		t.Error("the tightest of all stops nobody: nothing was replayed")
	}
}

// What the gate would have asked for under its own rules is what the replay counts.
func TestTheReplayStopsWhatTheGateObserved(t *testing.T) {
	s := hire(rules, 11, map[roster.Role]int{roster.Adviser: 1})
	at := monday.Add(9 * time.Hour)
	for n := range 4 { // three an hour: the fourth asks for a step-up
		s.opens(s.accounts[0], at.Add(time.Duration(n)*3*time.Minute), false)
	}
	observed := 0
	for _, entry := range s.entries {
		if entry.Observed && entry.Why == policy.ShortEmpty {
			observed++
		}
	}
	r := of(t, s.study(t, monday, monday.AddDate(0, 0, 28)), roster.Adviser)
	if observed != 1 || r.Default.StepUps != 20 {
		t.Errorf("observed %d stops; the replay asks for %v step-ups in 20 days, all on the one that was worked", observed, r.Default.StepUps)
	}
	if r.Mean != 4 || r.Days != 1 {
		t.Errorf("%v people on %d days", r.Mean, r.Days)
	}
}

func TestTooFewDaysProposeTheDefaultAndSaySo(t *testing.T) {
	s := hire(rules, 5, map[roster.Role]int{roster.Adviser: 30})
	s.work(28, 1, 2)
	study := s.study(t, monday, monday.AddDate(0, 0, 28))
	r := of(t, study, roster.Adviser)
	if r.Why != tune.TooFew || r.Proposed.Allowance != rules.Allowances[roster.Adviser] || r.Proposed.Watch != rules.Watches[roster.Adviser] {
		t.Errorf("%s: %+v", r.Why, r.Proposed)
	}
	var table bytes.Buffer
	if err := study.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	if want := "adviser: too few agent-days to claim 0.1 false freeze in 1,000: the default, or what is configured where that is tighter (there are 600, and it takes 29,958 without a single one)"; !strings.Contains(table.String(), want) {
		t.Errorf("the table does not say %q:\n%s", want, table.String())
	}
	for _, w := range study.Wider {
		if !w.IsTheConfig || w.Proposed != rules.Wider.Organisation {
			t.Errorf("%+v", w)
		}
	}
}

func TestWhatAPeriodDoesNotTeachLoosensNothing(t *testing.T) {
	s := hire(rules, 5, map[roster.Role]int{roster.Adviser: 3})
	s.work(28, 1, 2)
	byDefault, tighter := s.rules, s.rules
	tighter.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(5), Long: meter.People(9)}}
	tighter.Watches = map[roster.Role]policy.Watch{roster.Adviser: {Forgiven: 50, Line: 700, Pace: 11, Wall: 99}}
	period := tune.NewPeriod(monday, monday.AddDate(0, 0, 28), s.accounts)
	for _, entry := range s.entries {
		period.Add(entry)
	}
	study, err := period.Study(t.Context(), tighter, byDefault)
	if err != nil {
		t.Fatal(err)
	}
	p := of(t, study, roster.Adviser).Proposed
	if want := (meter.Allowance{Short: meter.People(3), Long: meter.People(9)}); p.Allowance != want || p.Watch.Line != 700 || p.Watch.Forgiven != 50 {
		t.Errorf("the default is loosened to %+v", p)
	}
	var patch bytes.Buffer
	if err := study.WritePatch(&patch); err != nil {
		t.Fatal(err)
	}
	if want := "adviser = { forgiven = 0.5, line = 7, pace = 11, wall = 99 }"; !strings.Contains(patch.String(), want) {
		t.Errorf("the patch does not say %q:\n%s", want, patch.String())
	}
}

func TestWhatCameBeforeFillsTheWindowsAndIsNotCounted(t *testing.T) {
	s := hire(rules, 2, map[roster.Role]int{roster.Adviser: 1})
	for n := range 20 { // over five days; then the month is empty
		s.opens(s.accounts[0], monday.AddDate(0, 0, n/4).Add(time.Duration(9+2*(n%4))*time.Hour), false)
	}
	next := monday.AddDate(0, 0, 7)
	s.opens(s.accounts[0], next.Add(9*time.Hour), false)
	r := of(t, s.study(t, next, next.AddDate(0, 0, 28)), roster.Adviser)
	if r.Days != 1 || r.Mean != 1 || r.Default.Cosigns != 20 {
		t.Errorf("%d days, λ %v, %v signatures a month", r.Days, r.Mean, r.Default.Cosigns)
	}
}

// What another system told afterwards gives back what it cost, and makes room beyond the month where
// the operator lets it.
func TestWhatIsConfirmedMakesRoomWhereItWouldHave(t *testing.T) {
	for _, c := range []struct {
		confirmed, earned int
		signatures        float64 // of ten days, where the month holds five
	}{{0, 0, 5}, {0, 45, 5}, {4, 0, 1}, {4, 45, 0}, {2, 0, 3}, {2, 45, 2}, {4, 1, 0}} {
		r := rules
		r.Earned = map[roster.Role]int{roster.Desk: c.earned}
		r.Allowances = map[roster.Role]meter.Allowance{roster.Desk: {Short: meter.People(3), Long: meter.People(5)}}
		s := hire(r, 3, map[roster.Role]int{roster.Desk: 1})
		for day := range 10 {
			at := monday.AddDate(0, 0, day).Add(9 * time.Hour)
			s.opens(s.accounts[0], at, false)
			if opened := s.entries[len(s.entries)-1]; day < c.confirmed {
				s.entries = append(s.entries, ledger.Entry{
					Kind: ledger.Refunded, Time: at.Add(time.Hour), Account: "poterne", Subject: opened.Account, Organisation: opened.Organisation, Service: opened.Service,
					Person: opened.Person, Cost: opened.Cost, Since: opened.Time,
				})
			}
		}
		study := s.study(t, monday, monday.AddDate(0, 0, 28))
		got := of(t, study, roster.Desk)
		if want := c.signatures * 20 / 10; got.Default.Cosigns != want || got.Default.Leak != 5 {
			t.Errorf("%d confirmed, earning %d at most: %v signatures a month, want %v; a thief takes %d", c.confirmed, c.earned, got.Default.Cosigns, want, got.Default.Leak)
		}
		if most, want := study.Wider[2].Most.Long, meter.People(10-c.confirmed); c.confirmed != 2 && most != want {
			t.Errorf("%d confirmed: together they were charged %d at most, want %d", c.confirmed, most, want)
		}
	}
}

// The patch takes the place of the whole table: what is not proposed stays as it is.
func TestThePatchKeepsWhatItDoesNotPropose(t *testing.T) {
	r := rules
	r.Share, r.Gives, r.Lists = 5, meter.Allowance{Short: meter.People(7), Long: meter.People(70)}, map[roster.Role]int{roster.Adviser: 33}
	s := hire(r, 3, map[roster.Role]int{roster.Adviser: 1})
	s.opens(s.accounts[0], monday, false)
	var patch bytes.Buffer
	if err := s.study(t, monday, monday.AddDate(0, 0, 28)).WritePatch(&patch); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"share = 5\n", "lists = { adviser = 33 }\n", "gives = { hour = 7, month = 70 }\n", "# arrivals"} {
		if !strings.Contains(patch.String(), want) {
			t.Errorf("the patch does not say %q:\n%s", want, patch.String())
		}
	}
}

func TestAnEmptyPeriodIsEmpty(t *testing.T) {
	s := hire(rules, 1, map[roster.Role]int{roster.Adviser: 3})
	if study := s.study(t, monday, monday.AddDate(0, 0, 28)); !study.IsEmpty() {
		t.Errorf("%+v", study)
	}
	s.opens(s.accounts[0], monday.Add(-time.Hour), false)
	if study := s.study(t, monday, monday.AddDate(0, 0, 28)); !study.IsEmpty() {
		t.Error("what came before is in the period")
	}
	s.opens(s.accounts[0], monday.Add(time.Hour), false)
	if study := s.study(t, monday, monday.AddDate(0, 0, 28)); study.IsEmpty() {
		t.Error("a period with an opening is empty")
	}
}

// A picture shows each role that worked, in both languages, with one point chosen on
// each dial.
func TestThePictureShowsWhatWasChosen(t *testing.T) {
	s := hire(rules, 9, map[roster.Role]int{roster.Adviser: 20, roster.Desk: 20})
	s.work(28, 2, 3)
	study := s.study(t, monday, monday.AddDate(0, 0, 28))
	for language, words := range map[i18n.Language][]string{
		i18n.French:  {"Ce qu’un voleur prend", "Conseil · 400 jours d’agent · λ ", "Accueil", "limite 0,1", "plancher", "confirmations par agent et par mois"},
		i18n.English: {"What a thief takes", "Advisers · 400 agent-days · λ ", "Front desk", "limit 0.1", "floor", "confirmations an agent-month"},
	} {
		var drawn bytes.Buffer
		if err := study.WritePicture(&drawn, language); err != nil {
			t.Fatal(err)
		}
		if folder := os.Getenv("PICTURES"); folder != "" {
			_ = os.WriteFile(folder+"/tuned."+string(language)+".svg", drawn.Bytes(), 0o644)
		}
		for _, word := range words {
			if !strings.Contains(drawn.String(), word) {
				t.Errorf("%s: %q is not in the picture", language, word)
			}
		}
		if chosen := strings.Count(drawn.String(), `<circle class="proposed" cx`); chosen != 6 {
			t.Errorf("%s: %d points are chosen on 6 dials", language, chosen)
		}
		tokens := xml.NewDecoder(&drawn)
		var err error
		for err == nil {
			_, err = tokens.Token()
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: the picture is no XML: %v", language, err)
		}
	}
}

// How fast a period is read and studied; a national service writes some two million
// openings a day.
func BenchmarkPeriod(b *testing.B) {
	s := hire(rules, 13, map[roster.Role]int{roster.Adviser: 100})
	s.work(28, 1, 2)
	b.ReportMetric(float64(len(s.entries)), "entries")
	for b.Loop() {
		period := tune.NewPeriod(monday, monday.AddDate(0, 0, 28), s.accounts)
		for _, entry := range s.entries {
			period.Add(entry)
		}
	}
	b.ReportMetric(float64(b.N*len(s.entries))/b.Elapsed().Seconds(), "entries/s")
}

func BenchmarkStudy(b *testing.B) {
	s := hire(rules, 13, map[roster.Role]int{roster.Adviser: 100})
	s.work(28, 1, 2)
	days := 0
	for b.Loop() {
		days += of(b, s.study(b, monday, monday.AddDate(0, 0, 28)), roster.Adviser).Days
	}
	b.ReportMetric(float64(days)/b.Elapsed().Seconds(), "agent-days/s")
}
