package approval_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/accounts"
	"poterne/internal/containment"
	"poterne/internal/custody"
	"poterne/internal/fault"
	"poterne/internal/grants"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/ledger/retention"
	"poterne/internal/order"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// Each draw is a database of its own: a few say much.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("rapid.checks", "25"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// firstHold returns the number of the first hold in the ledger.
func firstHold(ctx context.Context, w journal.Writer) ledger.Number {
	for entry, err := range w.(journal.Outside).DB.Entries(ctx, 0) {
		if err == nil && entry.Kind == ledger.Held {
			return entry.Number
		}
	}
	return 0
}

// signed is every act that two people sign, by whom and with whose approval. An act of
// one signer has the account that it is about for the other.
var signed = map[string]func(by, other roster.AccountID) func(context.Context, journal.Writer) error{
	"an export permit": func(by, other roster.AccountID) func(context.Context, journal.Writer) error {
		return func(ctx context.Context, w journal.Writer) error {
			there := errors.Join(do(journal.Note{Kind: ledger.SteppedUp, Account: by})(ctx, w), do(journal.Note{Kind: ledger.SteppedUp, Account: other})(ctx, w))
			if there != nil {
				return there
			}
			asked, err := journal.Do(ctx, w, journal.Act[grants.PermitRows](grants.AskPermit{By: by, Export: grants.Export{
				Of: "reader", Service: "dossier", Route: "GET /export", People: 1, Until: storetest.At.Add(time.Hour), Purpose: "bilan", List: [32]byte{1}, Listed: []register.PersonID{storetest.Person(1)},
			}}))
			if err != nil {
				return err
			}
			return do(grants.ApprovePermit{Number: asked.Number, By: other})(ctx, w)
		}
	},
	"naming people": func(by, other roster.AccountID) func(context.Context, journal.Writer) error {
		return do(grants.Naming{By: by, Approver: other, People: 1, List: [32]byte{1}, Because: "prévenir"})
	},
	"a hold": func(by, other roster.AccountID) func(context.Context, journal.Writer) error {
		return do(custody.Hold{Hold: retention.Hold{Since: 202601, Because: "plainte", By: by, Approver: other}})
	},
	"a release": func(by, other roster.AccountID) func(context.Context, journal.Writer) error {
		return func(ctx context.Context, w journal.Writer) error {
			return do(custody.Release{Hold: firstHold(ctx, w), By: by, Approver: other, Because: "classée"})(ctx, w)
		}
	},
	"a raise": func(by, other roster.AccountID) func(context.Context, journal.Writer) error {
		return do(grants.Raise{By: by, Of: other, People: 1, Until: storetest.At.Add(time.Hour), Because: "salon"})
	},
	"a bypass": func(by, other roster.AccountID) func(context.Context, journal.Writer) error {
		return func(ctx context.Context, w journal.Writer) error {
			if err := do(&intake.FactBatch{By: "operator", Source: "cases"})(ctx, w); err != nil {
				return err
			}
			return do(&containment.AskBypass{Source: "cases", For: time.Hour, By: by, Approver: other, Because: "muet"})(ctx, w)
		}
	},
	"a bypass that was asked for": func(by, other roster.AccountID) func(context.Context, journal.Writer) error {
		return func(ctx context.Context, w journal.Writer) error {
			heard, there := do(&intake.FactBatch{By: "operator", Source: "cases"}), do(journal.Note{Kind: ledger.SteppedUp, Account: other})
			if err := errors.Join(heard(ctx, w), there(ctx, w)); err != nil {
				return err
			}
			asked, err := journal.Do(ctx, w, &containment.AskBypass{Source: "cases", For: time.Hour, By: by, Because: "muet"})
			if err != nil {
				return err
			}
			return do(&containment.ApproveBypass{Asked: containment.IDOf(asked.Number), By: other})(ctx, w)
		}
	},
	"undoing a freeze": func(by, other roster.AccountID) func(context.Context, journal.Writer) error {
		return func(ctx context.Context, w journal.Writer) error {
			frozen, err := journal.Do(ctx, w, containment.Place{Order: order.Order{
				Effect: order.Frozen, Reach: order.Account, Target: string(other), By: journal.Itself,
			}})
			if err != nil {
				return err
			}
			return do(containment.Undo{ID: containment.IDOf(frozen.Number), By: by, Because: "vérifié"})(ctx, w)
		}
	},
}

func do[R any](act journal.Act[R]) func(context.Context, journal.Writer) error {
	return func(ctx context.Context, w journal.Writer) error {
		_, err := journal.Do(ctx, w, act)
		return err
	}
}

// staff is some accounts, whom each of them was proposed by, and what stands against
// them.
type staff struct {
	accounts map[roster.AccountID]roster.Account
	stopped  map[roster.AccountID]bool
}

// lineage is an account and those that made it.
func (s staff) lineage(id roster.AccountID) (all []roster.AccountID) {
	for id != "" && !slices.Contains(all, id) {
		all = append(all, id)
		id = s.accounts[id].Proposer
	}
	return all
}

// apart reports whether two accounts are two unlinked people: neither is the
// other or made it, and no account made both.
func (s staff) apart(one, other roster.AccountID) bool {
	return !slices.ContainsFunc(s.lineage(one), func(id roster.AccountID) bool { return slices.Contains(s.lineage(other), id) })
}

// wrong says why two people should not have signed for something; nothing when they
// may.
func (s staff) wrong(what string, by, other roster.AccountID) string {
	_, known := s.accounts[by]
	_, alsoKnown := s.accounts[other]
	ofOne := what == "a raise" || what == "undoing a freeze" // the other is whom it is about
	switch {
	case !known || !alsoKnown:
		return "one is no account"
	case s.stopped[by] || !ofOne && s.stopped[other]:
		return "one is stopped"
	case !s.apart(by, other):
		return "they are one, or of one lineage"
	case s.accounts[by].Role.ReadsFiles() || !ofOne && s.accounts[other].Role.ReadsFiles():
		return "one reads files"
	default:
		return ""
	}
}

// No act is signed by an account that is suspended, frozen or of a stopped organisation,
// nor by two accounts that are the same, made one by the other, or made by a third.
func TestNoPairThatIsNotTwoPeopleSignsForAnything(t *testing.T) {
	dir := t.TempDir()
	drawn := 0
	rapid.Check(t, func(t *rapid.T) {
		drawn++
		s, err := store.OpenSQLite(context.Background(), filepath.Join(dir, fmt.Sprintf("%d.db", drawn)))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		w := storetest.Outside(s)
		all := drawStaff(t, w)
		names := []roster.AccountID{"a", "b", "c", "d", "e", "reader", "nobody"}
		for what, act := range signed {
			for range 12 {
				by, other := rapid.SampledFrom(names).Draw(t, "by"), rapid.SampledFrom(names).Draw(t, "other")
				err := act(by, other)(context.Background(), w)
				switch {
				case err == nil:
					if why := all.wrong(what, by, other); why != "" {
						t.Errorf("%s was signed by %q (%v) and %q (%v): %s", what, by, all.lineage(by), other, all.lineage(other), why)
					}
				case !fault.Is(err, fault.Refused) && !fault.Is(err, fault.Absent) && !fault.Is(err, fault.Invalid):
					t.Fatalf("%s by %s and %s: %v", what, by, other, err)
				}
			}
		}
	})
}

// Two people of the desk who are two sign for each of these acts: what is refused above
// is refused for what it is.
func TestTwoPeopleSignForEachAct(t *testing.T) {
	for what, act := range signed {
		t.Run(what, func(t *testing.T) {
			s, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "poterne.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			w := storetest.Outside(s)
			list := accounts.List{Organisations: []roster.Organisation{{ID: "one", SIRET: "90000000000017", Name: "One"}}}
			for _, a := range []roster.Account{{ID: "a", Role: roster.Security}, {ID: "b", Role: roster.Security}, {ID: "reader", Role: roster.Adviser}} {
				a.Organisation, a.Name, a.Opened, a.Identity = "one", string(a.ID), storetest.At, roster.Identity{Subject: string(a.ID)}
				list.Accounts = append(list.Accounts, a)
			}
			if err := do(&accounts.Import{By: "setup", List: list})(t.Context(), w); err != nil {
				t.Fatal(err)
			}
			if err := do(custody.Hold{Hold: retention.Hold{Since: 202601, Because: "plainte", By: "a", Approver: "b"}})(t.Context(), w); err != nil {
				t.Fatal(err)
			}
			other := roster.AccountID("b")
			if what == "a raise" || what == "undoing a freeze" {
				other = "reader"
			}
			if err := act("a", other)(t.Context(), w); err != nil {
				t.Error(err)
			}
		})
	}
}

// drawStaff takes in five accounts of two bodies, and stops some.
func drawStaff(t *rapid.T, w journal.Outside) staff {
	list := accounts.List{Organisations: []roster.Organisation{{ID: "one", SIRET: "90000000000017", Name: "One"}, {ID: "two", SIRET: "90000000000025", Name: "Two"}}}
	all := staff{make(map[roster.AccountID]roster.Account), make(map[roster.AccountID]bool)}
	bodies := []roster.OrganisationID{"one", "two"}
	for i, id := range []roster.AccountID{"a", "b", "c", "d", "e"} {
		proposers := []roster.AccountID{"", "a", "b", "c"}[:1+min(i, 3)]
		a := roster.Account{
			ID: id, Organisation: rapid.SampledFrom(bodies).Draw(t, "body"), Name: string(id), Opened: storetest.At,
			Role:     rapid.SampledFrom([]roster.Role{roster.Manager, roster.Security, roster.Security, roster.Adviser}).Draw(t, "role"),
			Identity: roster.Identity{Subject: string(id)}, Proposer: rapid.SampledFrom(proposers).Draw(t, "proposer"),
		}
		list.Accounts, all.accounts[id] = append(list.Accounts, a), a
	}
	reader := roster.Account{ID: "reader", Organisation: "one", Role: roster.Adviser, Name: "reader", Opened: storetest.At, Identity: roster.Identity{Subject: "reader"}}
	list.Accounts, all.accounts["reader"] = append(list.Accounts, reader), reader
	ctx := context.Background()
	if _, err := journal.Do(ctx, w, &accounts.Import{By: "setup", List: list}); err != nil {
		t.Fatal(err)
	}
	if err := w.DB.Turn(ctx, func(head journal.Head) error { // a hold to release
		entry := ledger.Entry{Number: head.Next(), Receipt: head.Next(), Time: storetest.At, Kind: ledger.Held, Account: "x", Approver: "y", First: 202601, Note: "plainte"}
		hold := retention.Hold{Number: head.Next(), Since: 202601, Because: "plainte", By: "x", Approver: "y"}
		if err := head.Rows().(custody.Rows).InsertHold(hold); err != nil {
			return err
		}
		return head.Write([]ledger.Entry{entry}, storetest.At)
	}); err != nil {
		t.Fatal(err)
	}
	for id, a := range all.accounts {
		o := order.Order{By: "setup", Effect: rapid.SampledFrom([]order.Effect{"", "", "", "", order.Suspended, order.Frozen}).Draw(t, "effect")}
		if o.Effect == "" {
			continue
		}
		o.Reach, o.Target = order.Account, string(id)
		if rapid.IntRange(0, 5).Draw(t, "body") == 0 {
			o.Reach, o.Target = order.Organisation, string(a.Organisation)
		}
		if _, err := (containment.Service{Writer: w}).Place(ctx, o); err != nil {
			t.Fatal(err)
		}
		for other, b := range all.accounts {
			if o.Reach == order.Account && other == id || o.Reach == order.Organisation && b.Organisation == a.Organisation {
				all.stopped[other] = true
			}
		}
	}
	return all
}
