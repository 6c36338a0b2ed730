package archive_test

import (
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/archive"
	"poterne/internal/audit"
	"poterne/internal/fault"
	"poterne/internal/incident"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// Promise: PERSON-6
func TestPERSON_6_WhoseAnAccountWasIsErasedOnceNothingNeedsIt(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		h := newHouse(t)
		namesGo(t, h, h.db)
	})
	t.Run("postgres", func(t *testing.T) {
		cluster := storetest.StartPostgreSQL(t)
		connection := cluster.Database(t)
		db, err := store.OpenPostgreSQL(t.Context(), connection)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		owner, err := store.OpenAsOwner(t.Context(), cluster.Owner(connection), connection)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = owner.Close() })
		for _, one := range []*store.DB{db, owner} {
			if err := one.Seal(t.Context(), sealKeys); err != nil {
				t.Fatal(err)
			}
		}
		namesGo(t, housed(t, db), owner)
	})
}

func namesGo(t *testing.T, h *house, owner *store.DB) {
	was := rules
	t.Cleanup(func() { rules = was })
	rules = []archive.Rule{{Of: archive.Names, Erase: 3}}
	staff := storetest.Staff()
	const name, mail = "Pauline Introuvable", "pauline.introuvable@ml.example"
	for i := range staff.Accounts {
		if staff.Accounts[i].ID == "pauline" {
			staff.Accounts[i].Name, staff.Accounts[i].Mail = name, mail
		}
	}
	taken := func() (number ledger.Number) {
		t.Helper()
		h.does(func(w journal.Writer) error {
			e, err := journal.Do(t.Context(), w, journal.Act[accounts.Rows](&accounts.Import{By: "samir", List: staff}))
			number = e.Number
			return err
		})
		return number
	}
	number := taken()
	h.does(func(w journal.Writer) error {
		if err := journal.Record(t.Context(), w, ledger.Entry{Kind: ledger.SteppedUp, Account: "nadia"}); err != nil {
			return err
		}
		_, err := journal.Do(t.Context(), w, journal.Act[accounts.AdmitRows](&accounts.Admit{By: "nadia", Import: number}))
		return err
	})
	h.does(func(w journal.Writer) error {
		_, err := journal.Do(t.Context(), w, journal.Act[accounts.PasskeyRows](&accounts.Enrol{Passkey: roster.Passkey{
			ID: []byte("the key of a test"), Account: "pauline", Name: "clé de " + name, Key: []byte("public"), Transports: "usb",
		}}))
		return err
	})
	var proposals []ledger.Number // two of hers, and one of a colleague
	for _, p := range []accounts.Proposal{
		{Stage: accounts.HasBegun, Account: "pauline"}, {Stage: accounts.Ceased, Recovers: "pauline"}, {Stage: accounts.HasBegun, Account: "lucas"},
	} {
		p.By, p.Organisation, p.Role, p.Name, p.Mail, p.Until, p.Made, p.Ends = "chief", "mlv", roster.Adviser, name, mail, h.now, h.now, h.now
		if p.Account == "lucas" {
			p.Name, p.Mail = "Lucas", "lucas@ml.example"
		}
		h.does(func(w journal.Writer) error {
			e, err := journal.Do(t.Context(), w, journal.Act[accounts.ProposalRows](proposed{p}))
			proposals = append(proposals, e.Number)
			return err
		})
	}
	for _, id := range []roster.AccountID{"pauline", "karim"} {
		h.does(func(w journal.Writer) error {
			_, err := journal.Do(t.Context(), w, journal.Act[accounts.ProposalRows](&accounts.Close{By: journal.Itself, Of: id, Why: ledger.Unused}))
			return err
		})
	}
	file := h.files(0, &incident.Opening{Title: "vol", Scope: incident.Scope{Accounts: []roster.AccountID{"karim"}}}, "")
	account := func(id roster.AccountID) roster.Account {
		t.Helper()
		a, _, err := store.NewRoster(h.db).Account(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	before := account("pauline")
	if h.folder != "" && !h.lies(h.folder, name) {
		t.Fatal("the name is in no file: this test finds nothing")
	}

	l := storetest.NewLedger(t, h.db, owner)
	h.until(2027, time.March)
	l.Sign(t)
	if told := h.run(true); told != "" {
		t.Errorf("while the ledger says what they did: %q", told)
	}
	january := ledger.MonthOf(begin)
	if findings, err := store.NewMonths(owner).Condense(t.Context(), january, func(int64, int64) {}); err != nil || len(findings) > 0 {
		t.Fatal(findings, err)
	}
	if err := storetest.DropMonth(t.Context(), owner, january, h.now); err != nil {
		t.Fatal(err)
	}
	dry := h.run(true)
	if told := h.run(false); told != "names: 0 archived, 1 erased" || told != dry {
		t.Errorf("once January is dropped: %q, and %q when it is dry", told, dry)
	}
	after := account("pauline")
	if after != before.Nameless(after.Erased) || !after.Erased.Equal(h.now) {
		t.Errorf("%+v is now %+v", before, after)
	}
	for i, number := range proposals {
		if _, err := store.NewRoster(h.db).Proposal(t.Context(), number); fault.Is(err, fault.Absent) != (i < 2) {
			t.Errorf("proposal %d, once her name is erased: %v", i, err)
		}
	}
	if account("karim").Name == "" || account("lucas").Name == "" {
		t.Error("whoever an open incident is about, or works there, has no name any more")
	}
	taken() // a roster of then says again whose it was
	if again := account("pauline"); again != after {
		t.Errorf("a roster brings a name back: %+v", again)
	}
	if h.folder != "" && (h.lies(h.folder, name) || h.lies(h.folder, mail)) {
		t.Error("the name or the address lies in a file")
	}
	found, err := audit.New(store.NewLedger(h.db), store.NewAudit(h.db), func() time.Time { return h.now }).Rights(t.Context())
	if err != nil || len(found) > 0 {
		t.Errorf("the audit finds %v, %v", found, err)
	}
	h.files(file, nil, "")
	if told := h.run(false); told != "names: 0 archived, 1 erased" || account("karim").Name != "" {
		t.Errorf("once the incident is closed: %q", told)
	}
	if told := h.run(false); told != "" {
		t.Errorf("run again: %q", told)
	}
	var erased []ledger.Entry
	for e, err := range store.NewLedger(h.db).Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == ledger.Erased || e.Kind == ledger.Assigned && e.Account == journal.Itself && e.Target != "" {
			erased = append(erased, e)
		}
	}
	if len(erased) != 4 || erased[0].State != "names" || erased[0].Count != 1 || erased[1].Target != "pauline" || erased[3].Target != "karim" || erased[1].Cause != erased[0].Number {
		t.Errorf("the ledger says %+v", erased)
	}
}

// proposed is a proposal as it was left.
type proposed struct{ accounts.Proposal }

// Decide implements journal.Act.
func (p proposed) Decide(*journal.Tx, accounts.ProposalRows) (ledger.Entry, error) {
	return ledger.Entry{Kind: ledger.Proposed, Account: p.By, Organisation: p.Organisation}, nil
}

// Apply implements journal.Act.
func (p proposed) Apply(rows accounts.ProposalRows, e ledger.Entry) error {
	p.Number = e.Number
	return rows.PutProposal(p.Proposal)
}
