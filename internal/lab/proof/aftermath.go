package proof

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"poterne/internal/config"
	"poterne/internal/gate"
	"poterne/internal/journal"
	"poterne/internal/lab/town/life"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
)

// Answer is what somebody received, all of it or not.
type Answer struct {
	Account roster.AccountID
	Page    life.Page
	Broken  bool // in the middle of its body
}

// Shown is somebody in the answer with a receipt.
type Shown struct {
	Receipt ledger.Number
	Account roster.AccountID
	Person  register.PersonID
}

// openedBy is a person without a reason, and who was shown them.
type openedBy struct {
	account roster.AccountID
	person  register.PersonID
}

// Aftermath holds what was received against the ledger, from kill to kill.
type Aftermath struct {
	Key   register.Key
	Next  ledger.Number                   // the first entry not read yet
	Spent map[roster.AccountID]meter.Cost // by those who were shown people without a reason

	seen map[openedBy]register.Fields
}

// NewAftermath returns one that has read nothing.
func NewAftermath(key register.Key) *Aftermath {
	return &Aftermath{Key: key, Spent: make(map[roster.AccountID]meter.Cost), seen: make(map[openedBy]register.Fields)}
}

// Check opens the database that a kill left behind, and says what does not hold.
func (a *Aftermath) Check(ctx context.Context, s *Site, answers []Answer) error {
	db, err := s.Open(ctx)
	if err != nil {
		return err
	}
	written, err := a.Read(ctx, db)
	if err == nil {
		for _, answer := range answers {
			err = errors.Join(err, a.Covered(answer, written))
		}
		err = errors.Join(err, a.Meters(ctx, db))
	}
	return errors.Join(err, db.Close())
}

// Unveil lets a store read the people whom a program hides under the key in its folder,
// and check and make seals as that program; where there is no such key it hides nobody.
func Unveil(ctx context.Context, db *store.DB, folder string) error {
	text, err := os.ReadFile(filepath.Join(folder, "epoch.key"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	pseudonyms, err := ledger.ParsePseudonyms(string(text))
	if err != nil {
		return err
	}
	if err := db.Conceal(ctx, pseudonyms); err != nil {
		return err
	}
	keys, err := config.ReadSealKeys(filepath.Join(folder, config.SealFile))
	if err != nil {
		return err
	}
	return db.Seal(ctx, keys)
}

// Read reads what was written since the last time, and works out anew what each account
// has spent.
func (a *Aftermath) Read(ctx context.Context, db *store.DB) (map[Shown]register.Fields, error) {
	written := make(map[Shown]register.Fields)
	for entry, err := range store.NewLedger(db).Entries(ctx, a.Next) {
		if err != nil {
			return nil, err
		}
		if entry.Number != a.Next {
			return nil, fmt.Errorf("entry %d comes where entry %d is awaited", entry.Number, a.Next)
		}
		a.Next++
		if !entry.Disclosed() {
			continue
		}
		written[Shown{entry.Receipt, entry.Account, entry.Person}] |= entry.Fields
		if entry.Reason.Explained() {
			continue
		}
		by := openedBy{entry.Account, entry.Person}
		fields, met := a.seen[by]
		switch {
		case !met:
			a.Spent[entry.Account] += meter.Whole
		case !fields.Has(entry.Fields):
			a.Spent[entry.Account] += meter.Reveal
		}
		a.seen[by] = fields | entry.Fields
	}
	return written, nil
}

// rowMembers says which category each member of a row is, after its identifier.
var rowMembers = map[register.Fields][]byte{
	register.Name: []byte(`"name":"`), register.Contact: []byte(`"mail":"`), register.Note: []byte(`"note":"`),
}

// Rows yields the people in what a crowd answered, by their identifiers, with what was
// received of each. Somebody in whose identifier it broke off is nobody.
func Rows(body []byte) func(yield func(id string, fields register.Fields) bool) {
	return func(yield func(string, register.Fields) bool) {
		for _, row := range bytes.Split(body, []byte(`"id":"`))[1:] {
			id, rest, whole := bytes.Cut(row, []byte(`"`))
			if !whole {
				continue
			}
			fields := register.Identifier
			for field, member := range rowMembers {
				if _, value, met := bytes.Cut(rest, member); met && len(value) > 0 {
					fields |= field
				}
			}
			if !yield(string(id), fields) {
				return
			}
		}
	}
}

// Covered wants an entry for everybody in what was received.
func (a *Aftermath) Covered(answer Answer, written map[Shown]register.Fields) error {
	people := bytes.Count(answer.Page.Body, []byte(`"id":"`))
	if answer.Page.Status != http.StatusOK {
		if people > 0 || answer.Page.Status != http.StatusForbidden && answer.Page.Status != http.StatusServiceUnavailable {
			return fmt.Errorf("status %d, with %d people in the body", answer.Page.Status, people)
		}
		return nil
	}
	receipt, err := strconv.ParseUint(answer.Page.Header.Get("Poterne-Receipt"), 10, 64)
	if err != nil {
		return fmt.Errorf("an answer has no receipt: %w", err)
	}
	for id, fields := range Rows(answer.Page.Body) {
		if key := (Shown{ledger.Number(receipt), answer.Account, a.Key.Person(id)}); !written[key].Has(fields) {
			err = errors.Join(err, fmt.Errorf("under receipt %d somebody was received with %b, the ledger has %b", receipt, fields, written[key]))
		}
	}
	return err
}

// Meters wants a gate that opens on this database to know what was spent.
func (a *Aftermath) Meters(ctx context.Context, db *store.DB) (wrong error) {
	j, err := journal.Open(ctx, store.NewLedger(db), nil, time.Now)
	if err != nil {
		return err
	}
	opened := gate.New(j, store.NewFacts(db), policy.Rules{}, gate.Remembered, time.Now)
	for _, account := range CrowdStaff {
		standing := opened.Standing(gate.Asker{Account: account, Role: roster.Adviser}, "people")
		if standing.Hour != a.Spent[account] || standing.Month != a.Spent[account] {
			wrong = errors.Join(wrong, fmt.Errorf("the meter says %d and %d, the ledger %d", standing.Hour, standing.Month, a.Spent[account]))
		}
		if a.Spent[account] > meter.People(CrowdHour) {
			wrong = errors.Join(wrong, fmt.Errorf("%d hundredths were spent, of %d people", a.Spent[account], CrowdHour))
		}
	}
	return wrong
}
