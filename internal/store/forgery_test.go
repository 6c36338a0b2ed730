package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/archive"
	"poterne/internal/audit"
	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/grants"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/seal"
	"poterne/internal/signin"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// robbed is a database that somebody may write as they like, without the seal keys.
type robbed struct {
	t        *testing.T
	s        *store.DB // as nodes have it
	raw      *sql.DB   // as its owner has it
	postgres bool
}

// exec does as its owner what no node does.
func (r robbed) exec(statement string, args ...any) {
	r.t.Helper()
	if _, err := r.raw.Exec(statement, args...); err != nil {
		r.t.Fatal(statement, err)
	}
}

// cell reads one cell.
func (r robbed) cell(query string) (value []byte) {
	r.t.Helper()
	if err := r.raw.QueryRow(query).Scan(&value); err != nil {
		r.t.Fatal(query, err)
	}
	return value
}

// keep returns what puts a row back as it is now.
func (r robbed) keep(table, condition string) (putBack func()) {
	r.t.Helper()
	rows, err := r.raw.Query(`select * from ` + table + ` where ` + condition)
	if err != nil {
		r.t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil || !rows.Next() {
		r.t.Fatal("no row to keep", err)
	}
	values, places := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		places[i] = &values[i]
	}
	if err := rows.Scan(places...); err != nil {
		r.t.Fatal(err)
	}
	return func() {
		r.exec(`delete from ` + table + ` where ` + condition)
		r.insert(table, names, values)
	}
}

func (r robbed) insert(table string, names []string, values []any) {
	r.t.Helper()
	marks := make([]string, len(names))
	for i := range marks {
		marks[i] = fmt.Sprintf("$%d", i+1)
	}
	r.exec(`insert into `+table+` (`+strings.Join(names, ", ")+`) values (`+strings.Join(marks, ", ")+`)`, values...)
}

// may reports whether an account reads files by a service.
func (r robbed) may(account roster.AccountID, service roster.ServiceID) bool {
	r.t.Helper()
	asker, err := store.NewFacts(r.s).Asker(r.t.Context(), account)
	if err != nil {
		r.t.Fatal(err)
	}
	orders, err := store.NewOrders(r.s).InForce(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	now := time.Now()
	for _, o := range orders {
		if (o.Effect == order.Suspended || o.Effect == order.Closed) && o.Reaches(order.Use{Account: account, Organisation: asker.Organisation, Service: service}) {
			return false
		}
	}
	return slices.ContainsFunc(asker.Habilitations, func(h roster.Habilitation) bool {
		return h.Service == service && h.From.Before(now) && h.Until.After(now)
	})
}

// follows reports whether an account has a reason to see a person.
func (r robbed) follows(account roster.AccountID, person int) bool {
	r.t.Helper()
	facts, err := store.NewFacts(r.s).Facts(r.t.Context(), gate.Asker{}, []register.PersonID{storetest.Person(person)}, time.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	return slices.ContainsFunc(facts, func(f reason.Fact) bool { return f.Account == account })
}

// closed reports whether a person's file is closed.
func (r robbed) closed(person int) bool {
	r.t.Helper()
	facts, err := store.NewFacts(r.s).Facts(r.t.Context(), gate.Asker{}, []register.PersonID{storetest.Person(person)}, time.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	return slices.ContainsFunc(facts, func(f reason.Fact) bool { return f.Kind == reason.Closed })
}

// exports reports whether somebody is on the list of an export that an account may take.
func (r robbed) exports(account roster.AccountID, person int) bool {
	r.t.Helper()
	asker, err := store.NewFacts(r.s).Asker(r.t.Context(), account)
	if err != nil {
		r.t.Fatal(err)
	}
	return slices.ContainsFunc(asker.Exports, func(list policy.ExportList) bool { return slices.Contains(list.People, storetest.Person(person)) })
}

func (r robbed) leads(alias byte, person int) bool {
	r.t.Helper()
	people, err := store.NewAliases(r.s).People(r.t.Context(), []register.Alias{{alias}})
	if err != nil {
		r.t.Fatal(err)
	}
	return people[register.Alias{alias}] == storetest.Person(person)
}

func (r robbed) stopped(account roster.AccountID) bool {
	r.t.Helper()
	orders, err := store.NewOrders(r.s).InForce(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return slices.ContainsFunc(orders, func(o order.Order) bool {
		return o.Effect != order.Narrowed && o.Effect != order.Frozen && o.Reaches(order.Use{Account: account})
	})
}

func (r robbed) account(account roster.AccountID) (roster.Account, bool) {
	r.t.Helper()
	a, _, err := store.NewRoster(r.s).Account(r.t.Context(), account)
	if err != nil && !fault.Is(err, fault.Absent) {
		r.t.Fatal(err)
	}
	return a, err == nil
}

func (r robbed) signedIn(key byte) bool {
	r.t.Helper()
	row, err := store.NewSessions(r.s).Find(r.t.Context(), signin.Digest{key})
	if err != nil && !fault.Is(err, fault.Absent) {
		r.t.Fatal(err)
	}
	return err == nil && row.Why == ""
}

// lives is a database with a past: pauline follows person 1 and lucas person 2; karim is
// suspended; nina was a manager who is an adviser now, and may use nothing since.
func lives(t *testing.T, s *store.DB, raw *sql.DB, postgres bool) (robbed, map[string]func()) {
	t.Helper()
	r := robbed{t, s, raw, postgres}
	w := journal.Outside{DB: store.NewLedger(s), Now: time.Now}
	do := func(do func(context.Context, journal.Writer) error) {
		t.Helper()
		if err := do(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	from, until := time.Now().AddDate(0, -1, 0), time.Now().AddDate(0, 11, 0)
	staff := storetest.Staff()
	for i := range staff.Habilitations {
		staff.Habilitations[i].From, staff.Habilitations[i].Until = from, until
	}
	do(act(&accounts.Import{By: "samir", List: staff}))
	do(act(&accounts.Import{By: "samir", List: storetest.Signers()}))
	nina := accounts.List{
		Accounts:      []roster.Account{{ID: "nina", Organisation: "mlv", Role: roster.Manager, Name: "Nina", Identity: roster.Identity{Issuer: "https://idp.example", Provider: "p", Subject: "n1"}, Opened: from}},
		Habilitations: []roster.Habilitation{{Account: "nina", Service: "dossier", Purpose: "accompany", From: from, Until: until}},
	}
	do(act(&accounts.Import{By: "samir", List: nina}))
	before := map[string]func(){
		"account": r.keep("account", "id = 'nina'"), "habilitation": r.keep("habilitation", "account = 'nina'"),
	}
	nina.Accounts[0].Role, nina.Habilitations[0].Until = roster.Adviser, time.Now().Add(-time.Hour)
	do(act(&accounts.Import{By: "samir", List: nina}))
	do(act(&intake.FactBatch{By: "samir", Source: "cases", Facts: []reason.Fact{
		{Kind: reason.Caseload, ID: "1", Account: "pauline", Person: storetest.Person(1), From: from, Until: until},
		{Kind: reason.Caseload, ID: "2", Account: "lucas", Person: storetest.Person(2), From: from, Until: until},
		{Kind: reason.Caseload, ID: "3", Account: "pauline", Person: storetest.Person(3), From: from, Until: time.Now().Add(-time.Hour)},
	}, Covers: []reason.CoverDuty{{ID: "c1", Absent: "karim", Substitute: "pauline", DeclaredBy: "chief", From: time.Now().Add(-48 * time.Hour), Until: time.Now().Add(-time.Hour)}}, Bounds: reason.Covers}))
	do(act(intake.AliasBatch{By: "samir", Aliases: []intake.Alias{{Alias: register.Alias{1}, Person: storetest.Person(1)}, {Alias: register.Alias{2}, Person: storetest.Person(2)}}}))
	now := time.Now()
	replaced := func(lucas, alias int, until time.Time) {
		do(act(&intake.FactBatch{By: "samir", Source: "cases", Bounds: reason.Covers, Facts: []reason.Fact{
			{Kind: reason.Caseload, ID: "4", Account: "lucas", Person: storetest.Person(lucas), From: from, Until: until},
			{Kind: reason.Closed, ID: "f1", Organisation: reason.Everybody, Person: storetest.Person(5), From: from, Until: until},
		}, Covers: []reason.CoverDuty{{ID: "c3", Absent: "karim", Substitute: "pauline", DeclaredBy: "chief", From: now.Add(-47 * time.Hour), Until: now.Add(time.Hour * time.Duration(lucas-6))}}}))
		do(act(intake.AliasBatch{By: "samir", Aliases: []intake.Alias{{Alias: register.Alias{3}, Person: storetest.Person(alias)}}}))
	}
	third := `alias = x'03000000000000000000000000000000'`
	if postgres {
		third = `alias = '\x03000000000000000000000000000000'`
	}
	replaced(7, 1, until)
	before["fact"], before["cover"], before["alias"] = r.keep("fact", "id = '4'"), r.keep("cover", "id = 'c3'"), r.keep("alias", third)
	replaced(4, 9, until.Add(time.Hour))
	do(act(containment.Place{Order: order.Order{Effect: order.Suspended, Reach: order.Account, Target: "karim", By: "samir", Because: "vol"}}))
	before["order"] = r.keep("standing_order", "target = 'karim'")
	for _, id := range []roster.AccountID{"chief", "samir"} {
		do(act(journal.Note{Kind: ledger.SteppedUp, Account: id}))
	}
	do(func(ctx context.Context, w journal.Writer) error {
		asked, err := journal.Do(ctx, w, journal.Act[grants.PermitRows](grants.AskPermit{By: "chief", Export: grants.Export{
			Of: "pauline", Service: "dossier", Route: "GET /export", People: 5, Until: time.Now().Add(time.Hour), Purpose: "bilan", List: [32]byte{1}, Listed: []register.PersonID{storetest.Person(1)},
		}}))
		if err == nil {
			_, err = journal.Do(ctx, w, journal.Act[grants.PermitRows](grants.ApprovePermit{Number: asked.Number, By: "samir"}))
		}
		return err
	})
	do(act(archive.AskReading{By: "samir", Person: storetest.Person(1), Because: "réquisition"}))
	sessions := store.NewSessions(s)
	for key, account := range map[byte]roster.AccountID{1: "pauline", 2: "lucas"} {
		if err := sessions.Open(t.Context(), signin.Row{Key: signin.Digest{key}, ID: roster.SessionID([]string{"", "one", "two"}[key]), Account: account, Organisation: "mlv", Started: time.Now(), Rotated: time.Now(), Seen: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	before["session"] = r.keep("session", "id = 'two'")
	if _, err := sessions.End(t.Context(), signin.Whose{Account: "lucas"}, "left", time.Now()); err != nil {
		t.Fatal(err)
	}
	do(act(journal.Note{Kind: ledger.SignedOut, Account: "lucas", Organisation: "mlv", Session: "two", State: "left"}))
	return r, before
}

// attempt is something that the owner of a database tries.
type attempt struct {
	try     func(robbed, map[string]func())
	gives   func(robbed) bool // what it is for
	named   string            // the row that an audit names; "the ledger" when the program stops
	audited bool              // only an audit finds it: the row has its seal, or is gone
}

func sqlOf(statements ...string) func(robbed, map[string]func()) {
	return func(r robbed, _ map[string]func()) {
		for _, statement := range statements {
			if !r.postgres {
				statement = strings.ReplaceAll(statement, `'\x`, `x'`)
			}
			r.exec(statement)
		}
	}
}

func mayReadBy(account roster.AccountID, service roster.ServiceID) func(robbed) bool {
	return func(r robbed) bool { return r.may(account, service) }
}

const (
	habilitationOf = `insert into habilitation (account, service, purpose, from_us, until_us, seal) select '%s', 'kairos', 'accompany', from_us, until_us, seal from habilitation where account = 'pauline'`
	yearsAhead     = `9999999999999999`
)

var attempts = map[string]attempt{
	"somebody is put on the list of an export": {
		try:   sqlOf(`update export_list set people = '\x` + storetest.Person(2).Hex() + `'`),
		gives: func(r robbed) bool { return r.exports("pauline", 2) }, named: "export_list",
	},
	"a list lasts longer": {
		try:   sqlOf(`update export_list set until_us = ` + yearsAhead),
		gives: func(r robbed) bool { return r.exports("pauline", 1) }, named: "export_list",
	},
	"a permit is somebody else's": {
		try:   sqlOf(`update export_permit set account = 'lucas'`),
		gives: func(r robbed) bool { return r.exports("lucas", 1) }, named: "export_permit",
	},
	"a reading of the archive is approved": {
		try: sqlOf(`update archive_reading set approved_by = 'nadia', given_us = asked_us`),
		gives: func(r robbed) bool {
			list, err := store.NewArchive(r.s).ReadingRequests(r.t.Context(), time.Time{})
			return err == nil && len(list) == 1 && !list[0].Given.IsZero()
		}, named: "archive_reading",
	},
	"an account with habilitations is inserted": {
		try: sqlOf(`insert into account (id, organisation, role, name, issuer, provider, subject, opened_us, proposer) values ('thief', 'mlv', 'adviser', 'T', 'i', 'p', 't', 1, '')`,
			`insert into habilitation (account, service, purpose, from_us, until_us) values ('thief', 'dossier', 'accompany', 1, `+yearsAhead+`)`),
		gives: mayReadBy("thief", "dossier"), named: "account thief",
	},
	"one with another's seals": {
		try: sqlOf(`insert into account (id, organisation, role, name, issuer, provider, subject, opened_us, proposer, seal) select 'thief', organisation, role, name, issuer, provider, 't', opened_us, proposer, seal from account where id = 'pauline'`,
			`insert into habilitation (account, service, purpose, from_us, until_us, seal) select 'thief', service, purpose, from_us, until_us, seal from habilitation where account = 'pauline'`),
		gives: mayReadBy("thief", "dossier"), named: "account thief",
	},
	"a habilitation is inserted": {
		try:   sqlOf(`insert into habilitation (account, service, purpose, from_us, until_us) values ('pauline', 'kairos', 'accompany', 1, ` + yearsAhead + `)`),
		gives: mayReadBy("pauline", "kairos"), named: "habilitation pauline kairos accompany",
	},
	"one with the seal of another": {
		try:   sqlOf(strings.Replace(habilitationOf, "%s", "pauline", 1)),
		gives: mayReadBy("pauline", "kairos"), named: "habilitation pauline kairos accompany",
	},
	"a habilitation is handed over": {
		try:   sqlOf(`update habilitation set account = 'karim' where account = 'lucas'`, `update standing_order set lifted_us = 1, lifted_by = 'samir'`),
		gives: mayReadBy("karim", "kairos"), named: "habilitation karim kairos train",
	},
	"a habilitation that ended goes on": {
		try:   sqlOf(`update habilitation set until_us = ` + yearsAhead + ` where account = 'nina'`),
		gives: mayReadBy("nina", "dossier"), named: "habilitation nina dossier accompany",
	},
	"a habilitation is for another service": {
		try:   sqlOf(`update habilitation set service = 'kairos' where account = 'pauline'`),
		gives: mayReadBy("pauline", "kairos"), named: "habilitation pauline kairos accompany",
	},
	"a habilitation is for another purpose": {
		try:   sqlOf(`update habilitation set purpose = 'all' where account = 'pauline'`),
		gives: mayReadBy("pauline", "dossier"), named: "habilitation pauline dossier all",
	},
	"a habilitation from before is put back": {
		try:   func(_ robbed, before map[string]func()) { before["habilitation"]() },
		gives: mayReadBy("nina", "dossier"), named: "account nina", audited: true,
	},
	"a role is changed": {
		try:   sqlOf(`update account set role = 'security' where id = 'pauline'`),
		gives: func(r robbed) bool { a, there := r.account("pauline"); return there && a.Role == roster.Security }, named: "account pauline",
	},
	"a role from before is put back": {
		try: func(r robbed, before map[string]func()) {
			r.exec(`delete from habilitation where account = 'nina'`)
			before["account"]()
			before["habilitation"]()
		},
		gives: func(r robbed) bool {
			a, there := r.account("nina")
			return there && a.Role == roster.Manager && !r.stopped("nina")
		}, named: "account nina", audited: true,
	},
	"an account is of another organisation": {
		try:   sqlOf(`update account set organisation = 'garde' where id = 'pauline'`),
		gives: func(r robbed) bool { _, there := r.account("pauline"); return there }, named: "account pauline",
	},
	"an account is somebody else's": {
		try: sqlOf(`update account set subject = 'thief' where id = 'pauline'`),
		gives: func(r robbed) bool {
			_, _, err := store.NewRoster(r.s).ByIdentity(r.t.Context(), roster.Identity{Issuer: "https://idp.example", Provider: "p", Subject: "thief"})
			return err == nil
		}, named: "account pauline",
	},
	"an account has no proposer": {
		try:   sqlOf(`update account set proposer = 'samir' where id = 'chief'`),
		gives: func(r robbed) bool { _, there := r.account("chief"); return there }, named: "account chief",
	},
	"an account is older than it is": {
		try:   sqlOf(`update account set opened_us = 1 where id = 'pauline'`),
		gives: mayReadBy("pauline", "dossier"), named: "account pauline",
	},
	"an organisation has another SIRET": {
		try:   sqlOf(`update organisation set siret = '11111111111111' where id = 'mlv'`),
		gives: func(r robbed) bool { _, there := r.account("pauline"); return there }, named: "organisation mlv",
	},
	"two accounts swap their seals": {
		try: func(r robbed, _ map[string]func()) {
			one, other := r.cell(`select seal from account where id = 'pauline'`), r.cell(`select seal from account where id = 'lucas'`)
			r.exec(`update account set seal = $1 where id = 'pauline'`, other)
			r.exec(`update account set seal = $1 where id = 'lucas'`, one)
		},
		gives: mayReadBy("pauline", "dossier"), named: "account lucas",
	},
	"a cover is inserted": {
		try:   sqlOf(`insert into cover (source, id, absent, substitute, declared_by, from_us, until_us) values ('cases', 'c2', 'lucas', 'pauline', 'chief', 1, ` + yearsAhead + `)`),
		gives: covers("lucas"), named: "cover cases c2",
	},
	"a cover that ended goes on": {
		try:   sqlOf(`update cover set until_us = ` + yearsAhead),
		gives: covers("karim"), named: "cover cases c1",
	},
	"a cover is of another absent": {
		try:   sqlOf(`update cover set absent = 'lucas'`),
		gives: covers("lucas"), named: "cover cases c1",
	},
	"a fact that was replaced is put back": {
		try:   func(_ robbed, before map[string]func()) { before["fact"]() },
		gives: func(r robbed) bool { return r.follows("lucas", 7) }, named: "fact cases 4", audited: true,
	},
	"a cover that was shortened is put back": {
		try:   func(_ robbed, before map[string]func()) { before["cover"]() },
		gives: covers("karim"), named: "cover cases c3", audited: true,
	},
	"an alias that was told anew is put back": {
		try:   func(_ robbed, before map[string]func()) { before["alias"]() },
		gives: func(r robbed) bool { return r.leads(3, 1) }, named: "alias 03", audited: true,
	},
	"all of them are put back": {
		try: func(_ robbed, before map[string]func()) {
			before["fact"]()
			before["cover"]()
			before["alias"]()
		},
		gives: func(r robbed) bool { return r.leads(3, 1) || r.follows("lucas", 7) || covers("karim")(r) }, named: "fact cases 4", audited: true,
	},
	"the row that closes a file is taken away": {
		try:   sqlOf(`delete from fact where id = 'f1'`),
		gives: func(r robbed) bool { return !r.closed(5) }, named: "fact #", audited: true,
	},
	"every row that closes a file or gives a reason is taken away": {
		try:   sqlOf(`delete from fact`),
		gives: func(r robbed) bool { return !r.closed(5) }, named: "fact #", audited: true,
	},
	"the row that closes a file closes none": {
		try:   sqlOf(`update fact set until_us = from_us + 1 where id = 'f1'`),
		gives: func(r robbed) bool { return !r.closed(5) }, named: "fact cases f1", audited: true,
	},
	"a fact is inserted": {
		try:   sqlOf(`insert into fact (person, source, id, kind, account, from_us, until_us, author) select person, 'cases', '9', 1, 'pauline', 1, ` + yearsAhead + `, '' from fact where id = '2'`),
		gives: func(r robbed) bool { return r.follows("pauline", 2) }, named: "fact cases 9",
	},
	"a fact is copied under another number": {
		try:   sqlOf(`insert into fact (person, source, id, kind, account, from_us, until_us, author, seal) select person, source, '9', kind, 'pauline', from_us, until_us, author, seal from fact where id = '2'`),
		gives: func(r robbed) bool { return r.follows("pauline", 2) }, named: "fact cases 9",
	},
	"a fact is about another account": {
		try:   sqlOf(`update fact set account = 'pauline' where id = '2'`),
		gives: func(r robbed) bool { return r.follows("pauline", 2) }, named: "fact cases 2",
	},
	"two facts swap their people": {
		try: func(r robbed, _ map[string]func()) {
			one, other := r.cell(`select person from fact where id = '1'`), r.cell(`select person from fact where id = '2'`)
			r.exec(`update fact set person = $1 where id = '1'`, other)
			r.exec(`update fact set person = $1 where id = '2'`, one)
		},
		gives: func(r robbed) bool { return r.follows("pauline", 2) || r.follows("lucas", 1) }, named: "fact cases 1",
	},
	"a fact that ended goes on": {
		try:   sqlOf(`update fact set until_us = ` + yearsAhead + ` where id = '3'`),
		gives: func(r robbed) bool { return r.follows("pauline", 3) }, named: "fact cases 3",
	},
	"a fact is of another source": {
		try:   sqlOf(`update fact set source = 'trusted' where id = '1'`),
		gives: func(r robbed) bool { return r.follows("pauline", 1) }, named: "fact trusted 1",
	},
	"a fact is a summons": {
		try:   sqlOf(`update fact set kind = 2 where id = '1'`),
		gives: func(r robbed) bool { return r.follows("pauline", 1) }, named: "fact cases 1",
	},
	"whose facts changed is emptied": {
		try:   sqlOf(`update fact_change set people = '\x'`),
		gives: func(robbed) bool { return false }, named: "fact_change",
	},
	"an alias leads to another person": {
		try: func(r robbed, _ map[string]func()) {
			r.exec(`update alias set person = $1 where person = $2`, slices.Clone(r.person(1)), slices.Clone(r.person(2)))
		},
		gives: func(r robbed) bool { return r.leads(2, 1) }, named: "alias 02",
	},
	"an alias is inserted": {
		try: func(r robbed, _ map[string]func()) {
			r.exec(`insert into alias (alias, person, told_us) values ($1, $2, 0)`, []byte("\x09\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), r.person(1))
		},
		gives: func(r robbed) bool { return r.leads(9, 1) }, named: "alias 09",
	},
	"a session is forged": {
		try: sqlOf(`insert into session (key, id, account, organisation, factor, agent, browser, started_us, version, current, next, previous, seed, rotated_us, seen_us, hint, why)
			select '\x0900000000000000000000000000000000000000000000000000000000000000', 'nine', 'samir', organisation, factor, agent, browser, started_us, version, current, next, previous, seed, rotated_us, seen_us, hint, why from session where id = 'one'`),
		gives: func(r robbed) bool { return r.signedIn(9) }, named: "session nine",
	},
	"a session is another account's": {
		try:   sqlOf(`update session set account = 'samir' where id = 'one'`),
		gives: func(r robbed) bool { return r.signedIn(1) }, named: "session one",
	},
	"a session that ended is opened": {
		try:   sqlOf(`update session set why = '', ended_us = null where id = 'two'`),
		gives: func(r robbed) bool { return r.signedIn(2) }, named: "session two",
	},
	"a session from before is put back": {
		try: func(_ robbed, before map[string]func()) { before["session"]() },
		gives: func(r robbed) bool {
			j, err := journal.Open(r.t.Context(), store.NewLedger(r.s), nil, time.Now)
			return err != nil || r.signedIn(2) && !j.Ended("two")
		}, named: "session two",
	},
	"a session is confirmed": {
		try:   sqlOf(`update session set stepped_up_us = ` + yearsAhead + ` where id = 'one'`),
		gives: func(r robbed) bool { return r.signedIn(1) }, named: "session one",
	},
	"an order is deleted": {
		try:   sqlOf(`delete from standing_order`),
		gives: func(r robbed) bool { return !r.stopped("karim") }, named: "standing_order", audited: true,
	},
	"an order is lifted": {
		try:   sqlOf(`update standing_order set lifted_us = 1, lifted_by = 'samir'`),
		gives: func(r robbed) bool { return !r.stopped("karim") }, named: "standing_order", audited: true,
	},
	"an order is against somebody else": {
		try:   sqlOf(`update standing_order set target = 'nobody'`),
		gives: func(r robbed) bool { return !r.stopped("karim") }, named: "standing_order",
	},
	"an order ends": {
		try:   sqlOf(`update standing_order set ends_us = 1`),
		gives: func(r robbed) bool { return !r.stopped("karim") }, named: "standing_order",
	},
	"an order narrows only": {
		try:   sqlOf(`update standing_order set effect = 'narrowed'`),
		gives: func(r robbed) bool { return !r.stopped("karim") }, named: "standing_order",
	},
	"an order is a bypass": {
		try:   sqlOf(`update standing_order set effect = 'bypassed', reach = 'source', target = 'cases', since_us = placed_us, ends_us = placed_us + 36000000000`),
		gives: func(r robbed) bool { return !r.stopped("karim") }, named: "standing_order",
	},
	"a source was heard before": {
		try: sqlOf(`update source set heard_us = heard_us - 1000000 where name = 'cases'`),
		gives: func(r robbed) bool {
			heard, err := store.NewFacts(r.s).Heard(r.t.Context())
			_, there := heard["cases"]
			return err == nil && there
		}, named: "source cases",
	},
	"an order that was lifted is put back": {
		try: func(r robbed, before map[string]func()) {
			w := journal.Outside{DB: store.NewLedger(r.s), Now: time.Now}
			id := order.ID(r.cell(`select id from standing_order`))
			if _, err := journal.Do(r.t.Context(), w, &containment.Reopen{ID: id, What: ledger.Lifting, By: "samir", Approver: "nadia", Because: "vu"}); err != nil {
				r.t.Fatal(err)
			}
			before["order"]()
		},
		gives: func(r robbed) bool { return r.stopped("karim") }, named: "standing_order", audited: true,
	},
	"entries are appended": {
		try: func(r robbed, _ map[string]func()) {
			r.unlocked(`insert into turn (first, count, body`+r.month(", month")+`) select next, 1, body`+r.month(", 202603")+` from head, turn where first = 0`, `update head set next = next + 1`)
		}, named: "the ledger",
	},
	"entries are appended with the seal of others": {
		try: func(r robbed, _ map[string]func()) {
			r.unlocked(`insert into turn (first, count, body, previous, seal`+r.month(", month")+`) select next, count, body, tip, turn.seal`+r.month(", month")+` from head, turn where first = 0`, `update head set next = next + 1`)
		}, named: "the ledger",
	},
	"a turn is replaced": {
		try: func(r robbed, _ map[string]func()) {
			r.unlocked(`update turn set body = (select body from turn where first = 0) where first > 0`)
		}, named: "the ledger",
	},
	"a turn is gone": {
		try: func(r robbed, _ map[string]func()) {
			r.unlocked(`delete from turn where first = (select max(first) from turn where first < (select max(first) from turn))`)
		},
		named: "the ledger",
	},
	"the oldest turns are gone": {
		try: func(r robbed, _ map[string]func()) {
			r.unlocked(`delete from turn where first < (select max(first) from turn)`)
		},
		named: "the ledger",
	},
	"the oldest turns are gone, and called dropped": {
		try: func(r robbed, _ map[string]func()) {
			r.unlocked(`delete from turn where first < (select max(first) from turn)`,
				`insert into period (month, first, dropped) values (202001, 0, 1)`, `update period set first = (select max(first) from turn) where month > 202001`)
		}, named: "the ledger",
	},
	"a turn is gone, and its month called dropped": {
		try: func(r robbed, _ map[string]func()) {
			r.unlocked(`delete from turn where first = (select max(first) from turn where first < (select max(first) from turn))`,
				`update period set dropped = 1`)
		}, named: "the ledger",
	},
	"the newest turn is gone": {
		try: func(r robbed, _ map[string]func()) {
			r.unlocked(`delete from turn where first = (select max(first) from turn)`)
		},
		named: "the ledger",
	},
	"turns are moved": {
		try: func(r robbed, _ map[string]func()) {
			r.unlocked(`update turn set first = first + 1000 where first > 0`, `update head set next = next + 1000`)
		}, named: "the ledger",
	},
	"the head forgets a change of orders": {
		try: func(r robbed, _ map[string]func()) { r.exec(`update head set generation = generation - 1`) }, named: "the ledger",
	},
	"the head is ahead": {
		try: func(r robbed, _ map[string]func()) { r.exec(`update head set last_us = ` + yearsAhead) }, named: "the ledger",
	},
}

func covers(absent roster.AccountID) func(robbed) bool {
	return func(r robbed) bool {
		asker, err := store.NewFacts(r.s).Asker(r.t.Context(), "pauline")
		if err != nil {
			r.t.Fatal(err)
		}
		now := time.Now()
		return slices.ContainsFunc(asker.Covers, func(c reason.Duty) bool { return c.Absent == absent && c.From.Before(now) && c.Until.After(now) })
	}
}

func (r robbed) person(n int) []byte { p := storetest.Person(n); return p[:] }

func (r robbed) month(column string) string {
	if r.postgres {
		return column
	}
	return ""
}

// unlocked does what the triggers are against.
func (r robbed) unlocked(statements ...string) {
	r.t.Helper()
	if r.postgres {
		statements = slices.Concat([]string{`set session_replication_role = replica`}, statements, []string{`reset session_replication_role`})
	} else {
		r.exec(`drop trigger turn_is_not_changed`)
		r.exec(`drop trigger turn_is_not_replaced`)
		r.exec(`drop trigger turn_is_not_removed`)
	}
	conn, err := r.raw.Conn(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	for _, statement := range statements {
		if _, err := conn.ExecContext(r.t.Context(), statement); err != nil {
			r.t.Fatal(statement, err)
		}
	}
}

// Promise: RIGHTS-9
func TestRIGHTS_9_WhoeverOwnsTheDatabaseCanStopPoterneAndOpenNoDoor(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		for name, a := range attempts {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), "poterne.db")
				s := openAt(t, path)
				raw, err := sql.Open("sqlite", path+"?_pragma=foreign_keys(0)&_pragma=busy_timeout(10000)")
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = raw.Close() })
				tried(t, s, raw, false, a)
			})
		}
	})
	t.Run("postgres", func(t *testing.T) {
		cluster := storetest.StartPostgreSQL(t)
		for name, a := range attempts {
			t.Run(name, func(t *testing.T) {
				connection := cluster.Database(t)
				tried(t, openPostgreSQL(t, connection), direct(t, cluster.Superuser(connection)), true, a)
			})
		}
	})
}

func tried(t *testing.T, s *store.DB, raw *sql.DB, postgres bool, a attempt) {
	t.Helper()
	if err := s.Seal(t.Context(), keys); err != nil {
		t.Fatal(err)
	}
	r, before := lives(t, s, raw, postgres)
	rows := func() *audit.Audit {
		return audit.New(store.NewLedger(s), store.NewAudit(s), time.Now)
	}
	if found, err := rows().Rights(t.Context()); err != nil || len(found) > 0 {
		t.Fatalf("before: %v, %v", found, err)
	}
	if found, err := rows().Every(t.Context()); err != nil || len(found) > 0 {
		t.Fatalf("before: %v, %v", found, err)
	}
	watch := func() *audit.Watch { // that begins with what another has kept
		return audit.NewWatch(rows(), journal.Outside{DB: store.NewLedger(s), Now: time.Now}, store.NewKept(s, "audit"), slog.New(slog.DiscardHandler))
	}
	if err := watch().Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.try(r, before)
	if a.named == "the ledger" {
		_, audited := rows().Rights(t.Context())
		_, opened := journal.Open(t.Context(), store.NewLedger(s), nil, time.Now)
		if opened == nil || !errors.Is(errors.Join(audited, opened), seal.ErrBroken) {
			t.Errorf("a node is opened: %v; an audit says: %v", opened, audited)
		}
		if errors.Is(audited, seal.ErrBroken) {
			if err := watch().Run(t.Context()); !errors.Is(err, seal.ErrBroken) {
				t.Errorf("a node that runs goes on: %v", err)
			}
		}
		return
	}
	if !a.audited && a.gives(r) {
		t.Error("it gives what it is for")
	}
	rights, err := rows().Rights(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	unsealed, err := rows().Every(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	findings := append(rights, unsealed...)
	if !slices.ContainsFunc(findings, func(f audit.Finding) bool { return strings.HasPrefix(f.Row.String(), a.named) }) {
		t.Errorf("an audit names %v", findings)
	}
	w := watch()
	if err := w.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a.gives(r) {
		t.Error("after an audit, it gives what it is for")
	}
	if len(w.Findings()) == 0 {
		t.Error("the desk sees nothing")
	}
	written := next(t, s)
	for _, node := range []*audit.Watch{w, watch()} { // and what one node did, others leave
		if err := node.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if now := next(t, s); now != written {
		t.Errorf("audits go on writing: %d entries more", now-written)
	}
	if a.gives(r) {
		t.Error("after another audit, it gives what it is for")
	}
}

// next is how many entries there are.
func next(t *testing.T, s *store.DB) (n int64) {
	t.Helper()
	for entry, err := range store.NewLedger(s).Sealed(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		n = int64(entry.Number) + 1
	}
	return n
}
