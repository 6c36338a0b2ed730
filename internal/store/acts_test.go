package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"modernc.org/sqlite"

	"poterne/internal/accounts"
	"poterne/internal/archive"
	"poterne/internal/breakglass"
	"poterne/internal/containment"
	"poterne/internal/custody"
	"poterne/internal/fault"
	"poterne/internal/glossary"
	"poterne/internal/grants"
	"poterne/internal/incident"
	"poterne/internal/incident/mailing"
	"poterne/internal/installed"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/ledger/retention"
	"poterne/internal/notice"
	"poterne/internal/order"
	"poterne/internal/person"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// acts is every act there is, on a ledger that prepared has been given. An act that is
// new belongs here.
var acts = map[string]func(context.Context, journal.Writer) error{
	"an order is placed": act(containment.Place{Order: order.Order{
		Effect: order.Suspended, Reach: order.Account, Target: "pauline", By: "samir", Because: "vol", Message: order.Message{French: "Appelez le poste de garde.", English: "Call the desk."},
	}}),
	"an order is lifted":                            act(containment.Lift{ID: "42", By: "samir", Because: "retrouvé"}),
	"a lifting is proposed":                         act(&containment.Propose{ID: "16", What: ledger.Lifting, By: "samir", Because: "retrouvé"}),
	"what was proposed is refused":                  act(&containment.Drop{ID: "43", Proposed: 44, By: "nadia"}),
	"a lifting is confirmed":                        act(&containment.Confirm{ID: "43", Proposed: 44, By: "nadia"}),
	"two people lift an order":                      act(&containment.Reopen{ID: "16", What: ledger.Lifting, By: "samir", Approver: "nadia", Because: "retrouvé"}),
	"a checklist is ticked":                         act(&containment.Tick{ID: "45", What: ledger.PartnersTold, By: "samir", Because: "appelés"}),
	"a service is to be read":                       act(&containment.Reopen{ID: "45", What: ledger.Trial, Spares: "mlv", By: "samir", Approver: "nadia", Because: "essai"}),
	"a freeze is undone":                            act(containment.Undo{ID: "17", By: "chief", Because: "vérifié"}),
	"a roster is taken in":                          act(&accounts.Import{By: "samir", List: newcomers}),
	"a term is set":                                 act(custody.Retain{Setting: retention.Setting{Months: 24, Reason: "enquête"}}),
	"categories of fields are declared":             act(&glossary.Declare{Categories: register.Categories{{Number: 15, ID: "plate", Class: register.Document}, {Number: 16, ID: "deed", Class: register.Document}}}),
	"months are held":                               act(custody.Hold{Hold: retention.Hold{Since: 202603, Because: "plainte", By: "samir", Approver: "nadia"}}),
	"a hold is asked for":                           act(custody.AskRequest{Request: custody.Request{By: "samir", Since: 202603, Because: "plainte"}}),
	"a hold is approved":                            act(custody.ApproveRequest{Request: custody.Request{Number: 40, Asked: actAt.Add(-time.Hour), By: "samir", Since: 202604, Because: "enquête"}, By: "nadia"}),
	"a hold is refused":                             act(custody.DropRequest{Request: custody.Request{Number: 40, Asked: actAt.Add(-time.Hour), By: "samir", Since: 202604}, By: "nadia"}),
	"a release is asked for":                        act(custody.AskRequest{Request: custody.Request{By: "nadia", Hold: 18, Because: "classée"}}),
	"a release is approved":                         act(custody.ApproveRequest{Request: custody.Request{Number: 40, Asked: actAt.Add(-time.Hour), By: "nadia", Hold: 18, Because: "classée"}, By: "samir"}),
	"a hold is released":                            act(custody.Release{Hold: 18, By: "nadia", Approver: "samir", Because: "classée"}),
	"an archived file is opened":                    act(grants.OpenArchive{Cosign: grants.Cosign{By: "samir", Refused: inArchive, Most: 5}, Ticket: "DOS-2026-1187", Until: actAt.Add(time.Hour)}),
	"what has ended is archived":                    act(archive.Move{Rule: forgotten, Items: []archive.Item{endedItem("1")}, Key: periodKey}),
	"what has ended is erased":                      act(&archive.Forget{Of: archive.Facts, Items: []archive.Item{endedItem("1")}}),
	"what was archived is gone":                     act(&archive.Expire{Before: 203001}),
	"the archive is read":                           act(&archive.Reading{Request: askedReading + 1, Person: storetest.Person(6)}),
	"a reading of the archive is asked for":         act(archive.AskReading{By: "nadia", Person: storetest.Person(6), Because: "réquisition 13"}),
	"a reading of the archive is approved":          act(&archive.ApproveReading{Number: askedReading, By: "samir", Person: storetest.Person(6)}),
	"a reading of the archive is refused":           act(&archive.DropReading{Number: askedReading, By: "samir"}),
	"somebody is allowed more":                      act(grants.Raise{By: "chief", Of: "pauline", People: 5, Until: actAt.Add(time.Hour), Because: "salon"}),
	"an export is asked for":                        act(grants.AskPermit{Export: exportOf("pauline"), By: "chief"}),
	"an export is permitted":                        act(grants.ApprovePermit{Number: askedPermit, By: "samir"}),
	"an export is not permitted":                    act(grants.DropPermit{Number: askedPermit, By: "chief"}),
	"an export is ended":                            act(grants.EndPermit{By: "samir", Of: "pauline", Service: "dossier", Route: "GET /list"}),
	"people are named":                              act(grants.Naming{By: "chief", Approver: "samir", People: 5, List: [32]byte{1}, Because: "prévenir"}),
	"a reading is written down":                     act(journal.Note{Kind: ledger.Read, Account: "samir", State: ledger.Tail}),
	"a step-up is written down":                     act(journal.Note{Kind: ledger.SteppedUp, Account: "pauline"}),
	"the end of a session is":                       act(journal.Note{Kind: ledger.Session, Account: "pauline", State: "doubled"}),
	"facts are taken in":                            act(factsTold),
	"a cover is taken in":                           act(&intake.FactBatch{Source: "planning", Covers: factsTold.Covers[:1], Bounds: reason.Covers}),
	"a source has nothing new":                      act(&intake.FactBatch{Source: "cases", Rejected: 2}),
	"people come in a day":                          act(&intake.FactBatch{Source: "cases", Arrivals: intake.Arrivals{roster.Adviser: 1}, Facts: coming}),
	"people are assigned":                           act(&intake.Assign{By: "chief", To: "pauline", People: []register.PersonID{storetest.Person(3)}, Until: actAt.Add(time.Hour), Because: "départ"}),
	"people are admitted":                           act(&intake.Admit{By: "samir", Waiting: intake.Waiting{Source: intake.ByHand, Account: "pauline", Author: "chief", UpTo: 1000, People: 2}}),
	"people are refused":                            act(&intake.Refuse{By: "samir", Waiting: intake.Waiting{Source: intake.ByHand, Account: "pauline", Author: "chief", UpTo: 1000, People: 2}}),
	"aliases are taken in":                          act(intake.AliasBatch{By: "samir", Aliases: []intake.Alias{{Alias: register.Alias{1}, Person: storetest.Person(1)}, {Alias: register.Alias{2}, Person: storetest.Person(1)}}}),
	"neighbours are narrowed":                       act(containment.Place{Order: order.Order{Effect: order.Narrowed, Reach: order.Organisation, Target: "mlv", By: journal.Itself, Cause: 4}, Shares: "organisation", Once: true}),
	"an order is put back":                          act(containment.Restore{ID: "16", Said: order.Order{Effect: order.Suspended, Reach: order.Account, Target: "karim", By: "samir", Because: "vol"}}),
	"an order is set aside":                         act(containment.Restore{ID: "16"}),
	"an account is proposed":                        act(proposing("dora")),
	"a proposal is approved":                        act(&accounts.Approve{Number: 21, By: "samir", Token: "token", Bounds: bounds}),
	"a proposal is refused":                         act(&accounts.Decline{Number: 21, By: "samir", Because: "inconnue"}),
	"an invitation is accepted":                     act(accepting("bea")),
	"who accepted is confirmed":                     act(&accounts.Join{Number: 25, By: "samir"}),
	"an account is closed":                          act(&accounts.Close{By: "samir", Of: "pauline", Why: ledger.ByHand, Because: "partie"}),
	"a system proposes one":                         act(provisioning()),
	"a system closes one":                           act(&accounts.Close{By: "provision/entra", Of: "pauline", Why: ledger.ByHand, Within: "mlv", Because: "SCIM"}),
	"a signal suspends one":                         act(containment.Place{Order: order.Order{Effect: order.Suspended, Reach: order.Account, Target: "pauline", By: "signals/entra", Because: "Shared Signals"}, Once: true, Most: 20}),
	"a password of the break-glass access is wrong": act(&breakglass.Try{Sealed: ledger.Digest{1}, Network: "agency"}),
	"the break-glass access is opened":              act(&breakglass.Try{Sealed: ledger.Digest{1}, Right: true, Token: ledger.Digest{2}, Session: "s"}),
	"a signal is heard":                             act(journal.Note{Kind: ledger.Heard, Account: "signals/entra", Organisation: "mlv", Subject: "pauline", State: ledger.AccountDisabled}),
	"a programme is proposed":                       act(programming()),
	"accounts are confirmed":                        act(&accounts.Review{By: "samir", Of: []roster.AccountID{"karim", "lucas"}, For: time.Hour}),
	"somebody is certified":                         act(&accounts.Certify{By: "karim", From: ledger.ByModule, List: []accounts.Certificate{{Account: "karim", Module: "poterne", Passed: actAt}}, Awareness: accounts.Awareness{Modules: map[roster.Role]string{roster.Adviser: "poterne"}, Valid: time.Hour}}),
	"a recovery is asked for":                       act(&accounts.Recover{Of: "karim", By: "samir", Because: "clé perdue", Token: "stop-lucas"}),
	"an account has lapsed":                         act(accounts.Lapse{Of: "lucas"}),
	"an account diverges":                           act(&accounts.Diverge{Identity: roster.Identity{Issuer: "https://idp.example", Provider: "q", Subject: "signs-deputy"}, SIRET: "90000000000017"}),
	"it is approved again":                          act(&accounts.Readmit{Of: "other", By: "samir"}),
	"a roster is admitted":                          act(&accounts.Admit{By: "samir", Import: 29}),
	"an incident is opened":                         act(incident.Write{By: "samir", Cause: 17, Step: &incident.Opening{Title: "Compte de Karim", Scope: incident.Scope{Accounts: []roster.AccountID{"karim"}}}}),
	"an incident goes on":                           act(incident.Write{File: 31, By: "nadia", Step: &incident.Awareness{At: actAt, From: "ourselves", Because: "alerte"}}),
	"people to tell are named":                      act(incident.Write{File: 33, By: "samir", Approver: "nadia", Step: &incident.Naming{People: 2, List: "ab"}}),
	"people are being told":                         act(incident.Write{File: 35, By: "nadia", Step: new(incident.Pause)}),
	"a merging is proposed":                         act(incident.Write{File: 33, By: "nadia", Step: &incident.MergeProposal{Into: 31, Because: "même vol"}}),
	"two incidents are merged":                      merged,
	"an incident is closed":                         act(incident.Write{File: 31, By: "nadia", Step: new(incident.Closing)}),
	"a person asks why":                             act(person.Ask{Person: storetest.Person(1), Line: seen(9), What: person.AskWhy}),
	"lines are to be withheld":                      act(person.AskWithholding{By: "samir", Account: "karim", Since: actAt.Add(-time.Hour), Until: actAt.AddDate(0, 1, 0), Because: "enquête"}),
	"lines are withheld":                            act(person.ApproveWithholding{Number: 52, By: "nadia"}),
	"lines are shown again":                         act(person.StopWithholding{Number: 52, By: "samir"}),
	"contact details are asked":                     act(person.AskContacts{Person: storetest.Person(2), Hidden: []byte("hidden")}),
	"both addresses are told":                       act(person.MoveContacts{Number: 54, To: person.ContactsTold}),
	"their change is stopped":                       act(person.MoveContacts{Number: 55, To: ledger.Stopped}),
	"a mandate is asked for":                        act(person.AskMandate{By: "nadia", Person: storetest.Person(4), Representative: person.Identity{1}, Kind: person.Guardianship, Hidden: []byte("hidden"), Begins: actAt, Until: actAt.AddDate(0, 6, 0)}),
	"nobody is found for a mandate":                 act(person.MissMandate{By: "nadia", State: ledger.NobodyFound}),
	"a mandate is signed for":                       act(person.ApproveMandate{Number: askedMandate, By: "samir"}),
	"a mandate is told":                             act(person.MoveMandate{Number: signedMandate, To: person.MandateTold}),
	"a mandate is revoked":                          act(person.EndMandate{Number: signedMandate, Person: storetest.Person(6)}),
	"a mandate is ended":                            act(person.EndMandate{Number: askedMandate, By: "nadia"}),
	"a mandate is looked under":                     act(person.LookUnder{Mandate: standingMandate, Representative: person.Identity{7}, What: person.LookedAtPage}),
	"a mandate is forgotten":                        act(person.MoveMandate{Number: forgottenMandate, To: person.MandateForgotten}),
	"a letter's code is typed":                      act(mailing.UseCode{Code: mailing.Code{List: 37, Part: 1, Place: 2}, File: 35, Person: storetest.Person(1)}),
	"a person is answered":                          act(person.Answer{By: "chief", Number: asked, Why: person.Mistake, Words: "erreur"}),
	"a lineage is frozen":                           act(&containment.PlaceLineage{Place: containment.Place{Order: order.Order{Effect: order.Frozen, Reach: order.Account, Target: "chief", By: "nadia", Because: "vol"}}}),
	"a passkey is enrolled":                         act(&accounts.Enrol{Passkey: passkeyOf("nadia", 9)}),
	"a passkey is used":                             act(&accounts.Use{ID: passkeyOf("chief", 1).ID, Account: "chief", Counter: 3, Entry: ledger.Entry{Kind: ledger.SteppedUp, Account: "chief"}}),
	"a passkey is cloned":                           act(&accounts.Use{ID: passkeyOf("chief", 1).ID, Account: "chief", Counter: 2, Entry: ledger.Entry{Kind: ledger.SteppedUp, Account: "chief"}}),
	"a passkey is removed":                          act(&accounts.Remove{Account: "chief", ID: passkeyOf("chief", 1).ID, Last: true}),
	"accepted with a passkey":                       act(acceptingWith("bea", 8)),
	"a bypass is asked for":                         act(&containment.AskBypass{Source: "silent", For: 2 * time.Hour, By: "samir", Because: "muet"}),
	"a bypass is approved":                          act(&containment.ApproveBypass{Asked: askedBypass, By: "samir"}),
	"two people place a bypass":                     act(&containment.AskBypass{Source: "silent", For: time.Hour, By: "nadia", Approver: "samir", Because: "muet"}),
	"a bypass is ended":                             act(containment.Lift{ID: askedBypass, By: "nadia"}),
	"a habilitation is asked for":                   act(asksFor("orient")),
	"a habilitation is signed for":                  act(&accounts.GiveRight{Number: askedRight, By: "samir", Bounds: rightBounds}),
	"a habilitation is given":                       act(&accounts.GiveRight{Number: signedRight, By: "samir", Bounds: rightBounds}),
	"a habilitation is not asked for any more":      act(&accounts.DropRight{Number: askedRight, By: "rita"}),
	"a habilitation is refused":                     act(&accounts.DropRight{Number: signedRight, By: "chief"}),
	"a habilitation that was put back ends":         act(&accounts.DropRight{Number: signedRight, By: journal.Itself}),
	"an organisation is asked for":                  act(&accounts.AskOrganisation{By: "samir", Does: ledger.Adding, As: roster.Organisation{ID: "neuve", SIRET: "90000000100017", Name: "Neuve", Mail: "direction@neuve.example"}, Because: "convention"}),
	"an organisation is changed":                    act(&accounts.AllowOrganisation{Number: askedBody, By: "samir"}),
	"an organisation is closed":                     act(&accounts.AllowOrganisation{Number: closingBody, By: "samir"}),
	"an organisation is not asked for any more":     act(&accounts.DropOrganisation{Number: askedBody, By: "nadia"}),
	"a change of an organisation is refused":        act(&accounts.DropOrganisation{Number: closingBody, By: "samir"}),
	"an organisation comes to its end":              act(&accounts.EndOrganisation{Of: "breve"}),
	"a configuration is found":                      act(&installed.Find{Proposal: proposed("north", 4)}),
	"a configuration is signed for":                 act(&installed.Sign{Number: foundSetting, By: "samir", Because: "convenu"}),
	"a configuration is allowed":                    act(&installed.Allow{Number: signedSetting, By: "samir"}),
	"a configuration is not asked for any more":     act(&installed.Drop{Number: signedSetting, By: "nadia"}),
	"a configuration is refused":                    act(&installed.Drop{Number: foundSetting, By: "samir"}),
	"what is masked is asked for":                   act(grants.AskNIR{By: "rita", Session: "s", Opened: seen(9), Fields: register.NIR}),
	"everything is closed":                          act(containment.Place{Order: order.Order{Effect: order.Closed, Reach: order.Everything, By: "samir", Because: "exercice"}}),
}

// mergingFile is an incident that samir proposed to merge into the one before it.
const mergingFile ledger.Number = 59

// writes is how many entries an act makes.
func writes(name string) int {
	switch name {
	case "a roster is taken in":
		return 3 // and one for each of its organisations and accounts
	case "who accepted is confirmed", "people come in a day", "an account is closed", "a system closes one", "a roster is admitted", "somebody is certified", "an account diverges", "it is approved again", "a habilitation is given", "an organisation is changed", "an organisation comes to its end":
		return 2 // and what the account is since then
	case "an account is proposed", "a programme is proposed":
		return 2 // and that it is the proposer's fourth within a day
	case "an organisation is closed":
		return 6 // and what it and its two accounts are since then, and that these ended
	case "accounts are confirmed":
		return 3
	case "an order is put back", "a service is to be read", "a bypass is approved":
		return 2 // under another number, and not under its own any more
	case "two incidents are merged":
		return 2 // and what the other took over
	default:
		return 1
	}
}

// merged merges the incident that was proposed last into the one before it.
func merged(ctx context.Context, w journal.Writer) error {
	return act(journal.Act[incident.Rows](&incident.Merge{
		File: mergingFile, Into: mergingFile - 1, By: "nadia", Reference: notice.Reference(2026, 3), Count: incident.Count{Also: []incident.Scope{{}}},
	}))(ctx, w)
}

var actAt = storetest.At.Add(time.Hour)

// inArchive is the opening of an archived file that was refused.
var inArchive = ledger.Entry{
	Number: 9, Receipt: 9, Time: actAt, Kind: ledger.Consulted, Account: "pauline", Service: "dossier", Person: storetest.Person(3), Verdict: policy.Refused, Why: policy.FileArchived,
}

var newcomers = accounts.List{
	Organisations: []roster.Organisation{{ID: "new", SIRET: "90000000000041", Name: "Nouvelle"}},
	Accounts:      []roster.Account{{ID: "nina", Organisation: "new", Role: roster.Adviser, Name: "Nina", Identity: roster.Identity{Subject: "n"}, Opened: actAt, Proposer: "chief"}},
	Habilitations: []roster.Habilitation{{Account: "nina", Service: "dossier", Purpose: "accompany", From: actAt, Until: actAt.AddDate(1, 0, 0)}},
}

// coming is two people of one account's caseload.
var coming = []reason.Fact{
	{Kind: reason.Caseload, ID: "a", Account: "karim", Person: storetest.Person(4), From: actAt, Until: actAt.Add(time.Hour)},
	{Kind: reason.Caseload, ID: "b", Account: "karim", Person: storetest.Person(5), From: actAt, Until: actAt.Add(time.Hour)},
}

var factsTold = &intake.FactBatch{
	By: "samir", Source: "cases", Rejected: 1, Bounds: reason.Covers,
	Facts: []reason.Fact{
		{Kind: reason.Caseload, ID: "1", Account: "pauline", Person: storetest.Person(1), From: actAt, Until: actAt.Add(time.Hour)},
		{Kind: reason.Message, ID: "2", Organisation: "mlv", Person: storetest.Person(2), From: actAt, Until: actAt.Add(time.Hour), Author: "karim"},
	},
	Covers: []reason.CoverDuty{{ID: "c1", Absent: "karim", Substitute: "pauline", DeclaredBy: "chief", From: actAt, Until: actAt.Add(time.Hour)}},
}

func act[R any](a journal.Act[R]) func(context.Context, journal.Writer) error {
	return func(ctx context.Context, w journal.Writer) error {
		_, err := journal.Do(ctx, w, a)
		return err
	}
}

// prepared writes what acts need to be there: staff, an order (entry 16), a freeze that
// the rules placed (17), a hold (18), an incident (31) that samir proposed to close, one whose people were counted (33), and one
// whose people are being told (35).
func prepared(t *testing.T, s *store.DB) {
	t.Helper()
	w, staff := storetest.Outside(s), storetest.Staff()
	staff.Accounts[1].Mail = "karim@mlv.example"
	staff.Accounts[1].Review, staff.Accounts[2].Review = actAt.Add(time.Minute), actAt
	for _, do := range []func(context.Context, journal.Writer) error{
		act(&accounts.Import{By: "samir", List: staff}),
		act(&accounts.Import{By: "samir", List: storetest.Signers()}),
		act(journal.Note{Kind: ledger.Read, Account: "samir", State: ledger.Tail}),
		act(containment.Place{Order: order.Order{Effect: order.Suspended, Reach: order.Account, Target: "karim", By: "samir", Because: "vol"}}),
		act(containment.Place{Order: order.Order{Effect: order.Frozen, Reach: order.Account, Target: "pauline", By: journal.Itself, Cause: 3}}),
		act(custody.Hold{Hold: retention.Hold{Since: 202601, Because: "plainte", By: "samir", Approver: "nadia"}}),
	} {
		if err := do(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	for _, do := range []func(context.Context, journal.Writer) error{
		act(journal.Note{Kind: ledger.SteppedUp, Account: "chief"}),
		act(journal.Note{Kind: ledger.SteppedUp, Account: "samir"}),
		act(proposing("alix")),
		act(proposing("bea")),
		act(&accounts.Approve{Number: 22, By: "samir", Token: "bea", Bounds: bounds}),
		act(proposing("cid")),
		act(&accounts.Approve{Number: 25, By: "samir", Token: "cid", Bounds: bounds}),
		act(accepting("cid")),
		act(&accounts.Import{By: "operator", List: accounts.List{Accounts: []roster.Account{{
			ID: "otto", Organisation: "mlv", Role: roster.Adviser, Name: "Otto", Identity: roster.Identity{Subject: "o"}, Opened: actAt,
		}}}}),
		act(incident.Write{By: "samir", Step: &incident.Opening{Title: "Compte de Karim"}}),
		act(incident.Write{File: 31, By: "samir", Step: &incident.Proposal{Because: "fausse alerte"}}),
		act(incident.Write{By: "samir", Step: &incident.Opening{Title: "Compte de Pauline"}}),
		act(incident.Write{File: 33, By: "samir", Step: &incident.Count{People: 2}}),
		act(incident.Write{By: "samir", Step: &incident.Opening{Title: "Compte de Karim, encore"}}),
		act(incident.Write{File: 35, By: "samir", Step: &incident.Count{People: 2}}),
		act(incident.Write{File: 35, By: "samir", Approver: "nadia", Step: &incident.Naming{People: 2, List: "ab"}}),
		act(incident.Write{File: 35, By: "samir", Step: &incident.Listing{Found: 2}}),
		act(incident.Write{File: 35, By: "samir", Step: &incident.Beginning{Message: ready}}),
		act(&accounts.Enrol{Passkey: passkeyOf("chief", 1)}),
		act(person.Ask{Person: storetest.Person(1), Line: seen(8), What: person.AskWhy}),
		act(containment.Place{Order: order.Order{Effect: order.Suspended, Reach: order.Organisation, Target: "ofh", By: "samir", Because: "doute"}}),
		act(containment.Place{Order: order.Order{Effect: order.Closed, Reach: order.Network, Target: "other", By: "samir", Because: "doute"}}),
		act(&containment.Propose{ID: "43", What: ledger.Lifting, By: "samir", Because: "vu"}),
		act(containment.Place{Order: order.Order{Effect: order.Closed, Reach: order.Service, Target: "kairos", By: "samir", Because: "doute"}}),
		act(&containment.Tick{ID: "45", What: ledger.CauseFound, By: "samir", Because: "vu"}),
		act(&containment.Tick{ID: "45", What: ledger.AccountsHeld, By: "samir", Because: "vu"}),
		act(journal.Note{Kind: ledger.SteppedUp, Account: "nadia"}),
		act(&accounts.Diverge{Identity: roster.Identity{Issuer: "https://idp.example", Provider: "q", Subject: "signs-other"}, SIRET: "90000000000025"}),
		act(&intake.Assign{By: "chief", To: "pauline", People: []register.PersonID{storetest.Person(1), storetest.Person(2)}, Until: actAt.Add(time.Hour), Because: "départ"}),
		act(person.AskWithholding{By: "samir", Account: "karim", Since: actAt.Add(-time.Hour), Until: actAt.AddDate(0, 1, 0), Because: "enquête"}),
		act(journal.Note{Kind: ledger.SteppedUp, Account: "nadia"}),
		act(person.AskContacts{Person: storetest.Person(1), Hidden: []byte("hidden")}),
		act(person.AskContacts{Person: storetest.Person(3), Hidden: []byte("hidden, too")}),
		act(&intake.FactBatch{By: "samir", Source: "silent", Bounds: reason.Covers}),
		act(&containment.AskBypass{Source: "silent", For: time.Hour, By: "nadia", Because: "muet"}),
		act(incident.Write{By: "samir", Step: &incident.Opening{Title: "Compte de Pauline, encore"}}),
		act(incident.Write{By: "samir", Step: &incident.Opening{Title: "Compte de Pauline, toujours"}}),
		act(incident.Write{File: mergingFile, By: "samir", Step: &incident.MergeProposal{Into: mergingFile - 1, Because: "même vol"}}),
		act(&intake.FactBatch{By: "samir", Source: "ended", Facts: []reason.Fact{endedFact("1"), endedFact("2")}}),
		act(archive.Move{Rule: forgotten, Items: []archive.Item{endedItem("2")}, Key: periodKey}),
		act(grants.AskPermit{Export: exportOf("pauline"), By: "chief"}),
		act(grants.AskPermit{Export: listing, By: "chief"}),
		act(grants.ApprovePermit{Number: askedPermit + 1, By: "samir"}),
		act(&accounts.Import{By: "operator", List: accounts.List{Accounts: []roster.Account{{
			ID: "rita", Organisation: "mlv", Role: roster.Adviser, Name: "Rita", Identity: roster.Identity{Subject: "r"}, Opened: actAt,
		}}}}),
		act(&accounts.Admit{By: "samir", Import: askedRight - 4}),
		act(asksFor("accompany")),
		act(asksFor("train")),
		act(&accounts.GiveRight{Number: signedRight, By: "chief", Bounds: rightBounds}),
		act(journal.Note{Kind: ledger.SteppedUp, Account: "rita"}),
		act(archive.AskReading{By: "nadia", Person: storetest.Person(6), Because: "réquisition 12"}),
		act(archive.AskReading{By: "nadia", Person: storetest.Person(6), Because: "réquisition 12"}),
		act(&archive.ApproveReading{Number: askedReading + 1, By: "samir", Person: storetest.Person(6)}),
		act(&accounts.AskOrganisation{By: "nadia", Does: ledger.Altering, As: roster.Organisation{ID: "mlv", Name: "Mission locale", Mail: "direction@mlv.example", Quota: 40}, Because: "agrandie"}),
		act(&accounts.AskOrganisation{By: "nadia", Does: ledger.Closing, As: roster.Organisation{ID: "ofh"}, Because: "fin de convention"}),
		act(&accounts.Import{By: "operator", List: accounts.List{Organisations: []roster.Organisation{{ID: "breve", SIRET: "90000000000074", Name: "Brève", Until: actAt}}}}),
		act(installed.Take{Proposal: proposed("north", 1)}),
		act(&installed.Find{Proposal: proposed("north", 2)}),
		act(&installed.Find{Proposal: proposed("south", 3)}),
		act(&installed.Sign{Number: signedSetting, By: "nadia", Because: "convenu"}),
		act(asksMandate(4)),
		act(asksMandate(5)),
		act(person.EndMandate{Number: forgottenMandate, By: "nadia"}),
		act(asksMandate(6)),
		act(person.ApproveMandate{Number: signedMandate, By: "samir"}),
		act(standing{asksMandate(7)}),
	} {
		if err := do(t.Context(), later(s)); err != nil {
			t.Fatal(err)
		}
	}
}

// Mandates: one waits, one was taken back, one is signed for, one is in force.
const (
	askedMandate     = foundSetting + 3
	forgottenMandate = askedMandate + 1
	signedMandate    = askedMandate + 3
	standingMandate  = askedMandate + 5
)

func asksMandate(of int) person.AskMandate {
	return person.AskMandate{
		By: "nadia", Person: storetest.Person(of), Representative: person.Identity{byte(of)}, Kind: person.PowerOfAttorney, Hidden: []byte("hidden"), Begins: actAt, Until: actAt.AddDate(0, 6, 0),
	}
}

// standing is a mandate of which the person was told days ago.
type standing struct{ person.AskMandate }

func (s standing) Apply(rows person.MandateRows, e ledger.Entry) error {
	if err := s.AskMandate.Apply(rows, e); err != nil {
		return err
	}
	m, err := rows.Mandate(e.Number)
	m.Approver, m.Told = "samir", actAt.Add(-2*person.MandateWait)
	return errors.Join(err, rows.PutMandate(m))
}

// rita waits for two habilitations, of which chief has signed for one.
const (
	askedRight  ledger.Number = 70
	signedRight               = askedRight + 1
)

// askedReading is a reading of the archive that waits; the one after it is approved.
const askedReading ledger.Number = 74

// nadia asked for one organisation to be changed, and for another to be closed.
const (
	askedBody   = askedReading + 3
	closingBody = askedBody + 1
)

// Two nodes found configurations; nadia signed for the second one's.
const (
	foundSetting  = closingBody + 4
	signedSetting = foundSetting + 1
)

func proposed(node string, digest byte) installed.Proposal {
	return installed.Proposal{Node: node, Text: "a = 1\n", Digest: ledger.Digest{digest}, ByTwo: true}
}

var rightBounds = accounts.Bounds{Rights: map[accounts.Right]bool{
	{Service: "dossier", Purpose: "accompany"}: true, {Service: "dossier", Purpose: "train"}: true, {Service: "dossier", Purpose: "orient"}: true,
}}

func asksFor(purpose roster.Purpose) accounts.AskRight {
	return accounts.AskRight{By: "rita", Right: accounts.Right{Service: "dossier", Purpose: purpose}, Because: "cours", Bounds: rightBounds}
}

// ready is a message that lacks nothing.
var ready = notice.Message{
	Reference: "2026-001-A", Controller: notice.Controller{Name: "Agence", Officer: "Claire", Helpline: "01 99 00 12 04", Counter: "1 place du Marché"},
	First: actAt, Last: actAt, Shown: register.Name, Harms: []string{"fraud"}, Contained: true, Notified: true,
}

// forgotten is for how long what has ended is kept.
var forgotten = archive.Rule{Of: archive.Facts, Archive: 3, Erase: 12}

// endedFact is one of the facts that prepared has told and that have ended since, and endedItem
// the same as it is archived.
func endedFact(id string) reason.Fact {
	return reason.Fact{Kind: reason.Call, ID: id, Account: "lucas", Person: storetest.Person(6), From: actAt.AddDate(0, -6, -1), Until: actAt.AddDate(0, -6, 0)}
}

func endedItem(id string) archive.Item {
	return archive.Item{Key: "ended\n" + id, Person: storetest.Person(6), Ended: endedFact(id).Until, Text: []byte(`{}`)}
}

func periodKey(ledger.Month) ([]byte, error) { return bytes.Repeat([]byte{9}, 32), nil }

// exportOf is an export that somebody is to take, and listing another, which prepared permits.
func exportOf(who roster.AccountID) grants.Export {
	return grants.Export{Of: who, Service: "dossier", Route: "GET /export", People: 5, Until: actAt.Add(time.Hour), Purpose: "bilan", List: [32]byte{1}, Listed: []register.PersonID{storetest.Person(1)}}
}

var listing = grants.Export{Of: "pauline", Service: "dossier", Route: "GET /list", People: 5, Until: actAt.Add(time.Hour), Purpose: "bilan", List: [32]byte{1}, Listed: []register.PersonID{storetest.Person(1)}}

// asked is the question that prepared asks, and the bypass, and the export.
const (
	askedPermit = 63
	asked       = 41
	askedBypass = "57"
)

// seen is an entry in which somebody was shown to karim.
func seen(number ledger.Number) ledger.Entry {
	return ledger.Entry{Number: number, Kind: ledger.Consulted, Account: "karim", Organisation: "mlv", Person: storetest.Person(1), Verdict: policy.Shown}
}

var bounds = accounts.Bounds{
	Quota:  func(roster.OrganisationID) int { return 50 },
	Rights: map[accounts.Right]bool{{Service: "dossier", Purpose: "accompany"}: true}, Roles: roster.Readers,
}

// proposing is chief's proposal of an account for somebody.
func proposing(name string) *accounts.Propose {
	return &accounts.Propose{Bounds: bounds, Proposal: accounts.Proposal{
		By: "chief", Organisation: "mlv", Role: roster.Adviser, Name: name, Mail: name + "@mlv.example", Because: "recrutement",
		Rights: []accounts.Right{{Service: "dossier", Purpose: "accompany"}}, Until: actAt.AddDate(0, 6, 0),
	}}
}

// provisioning is a system's proposal of an account.
func provisioning() *accounts.Propose {
	p := proposing("dora")
	p.By, p.Identity = "provision/entra", roster.Identity{Issuer: "https://idp.example", Provider: "p", Subject: "dora"}
	return p
}

// programming is chief's proposal of a programme's account.
func programming() *accounts.Propose {
	p := proposing("agenda")
	p.Role, p.Identity = roster.Programme, roster.Identity{Issuer: roster.KeyIssuer, Subject: `{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`}
	return p
}

// accepting is somebody's acceptance of the invitation whose token is their name.
func accepting(name string) *accounts.Accept {
	return &accounts.Accept{Token: name, Visitor: accounts.Visitor{
		Identity: roster.Identity{Issuer: "https://idp.example", Provider: "p", Subject: name}, Mail: name + "@mlv.example", SIRET: "90000000000017",
		ACR: "eidas1-mfa", AMR: "pwd otp", Factor: "strong", Of: func(siret string) bool { return siret == "90000000000017" },
	}}
}

// passkeyOf is somebody's passkey, used twice.
func passkeyOf(account roster.AccountID, n byte) roster.Passkey {
	return roster.Passkey{ID: bytes.Repeat([]byte{n}, 16), Account: account, Name: "clé", Key: []byte("public"), Counter: 2}
}

// acceptingWith is accepting, with a passkey.
func acceptingWith(name string, n byte) *accounts.Accept {
	a, k := accepting(name), passkeyOf("", n)
	a.Visitor.Passkey, a.Visitor.Factor = &k, "passkey"
	return a
}

// everyRow lists every row that an act can leave, and how many entries there are.
func everyRow(t *testing.T, db *sql.DB) (rows string, entries int) {
	t.Helper()
	if err := db.QueryRow(`select coalesce(sum(count), 0) from turn`).Scan(&entries); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, query := range []string{
		`select * from standing_order order by id`, `select * from order_line order by number`, `select * from organisation order by id`, `select * from account order by id`,
		`select * from habilitation order by account`, `select * from proposal order by number`, `select * from passkey order by id`, `select * from source order by name`, `select * from fact order by source, id`,
		`select * from cover order by source, id`, `select * from alias order by alias`, `select * from retention order by since`, `select * from hold order by number`, `select * from incident_line order by number`,
		`select * from withholding order by number`, `select * from export_permit order by number`, `select permit, people, until_us from export_list order by permit`, `select * from break_glass`, `select * from field_category order by number`, `select * from right_request order by number`, `select * from organisation_request order by number`, `select * from configuration order by number`, `select installed from head`, `select * from contact_change order by number`, `select * from mandate order by number`, `select * from mandate_look order by number`, `select * from letter_code order by list, part, place`, `select * from question order by number`, `select until, tag from archived_key order by until, tag`, `select until, tag, what, key from archived order by until, tag, what, key`, `select * from archive_reading order by number`, `select generation from head`, `select * from fact_change order by number`,
	} {
		found, err := db.Query(query)
		if err != nil {
			t.Fatal(err)
		}
		names, err := found.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for found.Next() {
			values := make([]any, len(names))
			for i := range values {
				values[i] = new(any)
			}
			if err := found.Scan(values...); err != nil {
				t.Fatal(err)
			}
			line := query
			for _, value := range values {
				line += fmt.Sprintf(" %v", *value.(*any))
			}
			lines = append(lines, line)
		}
		if err := found.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return strings.Join(lines, "\n"), entries
}

func later(s *store.DB) journal.Outside {
	return journal.Outside{DB: store.NewLedger(s), Now: func() time.Time { return actAt }}
}

// Promise: LEDGER-1
func TestLEDGER_1_AnActAndItsRowsAreThereTogetherOrNeitherWhateverBreaks(t *testing.T) {
	template := filepath.Join(t.TempDir(), "template.db")
	s := openAt(t, template)
	prepared(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	blank, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	copied := func(t *testing.T) string {
		path := filepath.Join(t.TempDir(), "poterne.db")
		if err := os.WriteFile(path, blank, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	states := func(t *testing.T, path string) (string, int) {
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		return everyRow(t, db)
	}
	for name, do := range acts {
		t.Run(name, func(t *testing.T) {
			path := copied(t)
			before, entries := states(t, path)
			whole := openAt(t, path)
			if err := do(t.Context(), later(whole)); err != nil {
				t.Fatal(err)
			}
			if err := whole.Close(); err != nil {
				t.Fatal(err)
			}
			after, more := states(t, path)
			if more != entries+writes(name) {
				t.Fatalf("it writes %d entries", more-entries)
			}
			for _, how := range []moment{undone, unheard} {
				done, notDone := 0, 0
				for step := 0; ; step++ {
					path := copied(t)
					breaks := &breaking{Driver: sqlite.Driver{}}
					s, err := store.OpenSQLiteThrough(t.Context(), path, breaks)
					if err != nil {
						t.Fatal(err)
					}
					breaks.arm(step, how)
					err = do(t.Context(), later(s))
					broke := breaks.disarm()
					_ = s.Close()
					rows, found := states(t, path)
					switch {
					case found == entries && rows == before:
						notDone++
						if err == nil {
							t.Errorf("%s, at %s %d: it was called done", how, broke, step)
						}
					case found == more && rows == after:
						done++
					default:
						t.Errorf("%s, at %s %d: %d entries more, and of its rows a part:\n%s", how, broke, step, found-entries, rows)
					}
					if broke == "" {
						break
					}
				}
				if done < 1 || notDone < 3 {
					t.Errorf("%s: broken %d times before the commit and %d after", how, notDone, done)
				}
			}
		})
	}
}

// unruly is an act whose rows fail, once its entry is entered.
type unruly struct{}

func (unruly) Decide(*journal.Tx, journal.NoRows) (ledger.Entry, error) {
	return ledger.Entry{Kind: ledger.Read, Account: "samir", State: ledger.Tail}, nil
}

func (unruly) Apply(journal.NoRows, ledger.Entry) error {
	return fault.Errorf(fault.Refused, "no room")
}

// homeless is an act of rows that no table has.
type homeless struct{}

func (homeless) Decide(*journal.Tx, interface{ InsertHomeless() }) (ledger.Entry, error) {
	return ledger.Entry{Kind: ledger.Read, Account: "samir", State: ledger.Tail}, nil
}

func (homeless) Apply(interface{ InsertHomeless() }, ledger.Entry) error { return nil }

func TestNothingStaysOfATurnInWhichAnActBreaks(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "poterne.db"))
	prepared(t, s)
	running, err := journal.Open(t.Context(), store.NewLedger(s), nil, func() time.Time { return actAt })
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = running.Run(t.Context()) }()
	next := running.Next()
	for writer, w := range map[string]journal.Writer{"beside it": later(s), "the running program": running} {
		for what, do := range map[string]func(*journal.Tx) error{
			"an act of rows that no table has": func(tx *journal.Tx) error {
				_, err := journal.Within(tx, homeless{})
				return err
			},
			"an act that breaks": func(tx *journal.Tx) error {
				_, err := journal.Within(tx, unruly{})
				return err
			},
			"an act that breaks, and its caller goes on": func(tx *journal.Tx) error {
				_, _ = journal.Within(tx, unruly{})
				_, err := journal.Within(tx, journal.Note{Kind: ledger.Read, Account: "samir", State: ledger.Tail})
				return err
			},
		} {
			if err := w.Turn(t.Context(), 1, do); err == nil {
				t.Errorf("%s, %s: it was called done", writer, what)
			}
		}
	}
	if err := running.Look(t.Context()); err != nil || running.Next() != next {
		t.Errorf("%d entries more, %v", running.Next()-next, err)
	}
}

// faulty is a database of which one call under the head fails, before or after it did
// what it was asked.
type faulty struct {
	store.Ledger
	left int
	how  moment
	at   string
}

func (f *faulty) Turn(ctx context.Context, do func(journal.Head) error) error {
	err := f.Ledger.Turn(ctx, func(head journal.Head) error { return do(faultyHead{head, f}) })
	if err == nil {
		err = f.call("commit", func() error { return nil })
		if err != nil {
			err = errors.Join(journal.ErrOutcomeUnknown, err)
		}
	}
	return err
}

func (f *faulty) call(what string, do func() error) error {
	breaks := f.left == 0
	f.left--
	if breaks {
		f.at = what
	}
	if breaks && f.how == undone && what != "commit" {
		return errBroken
	}
	if err := do(); err != nil || !breaks {
		return err
	}
	return errBroken
}

type faultyHead struct {
	journal.Head
	f *faulty
}

func (h faultyHead) Rows() any { return faultyRows{h.Head.Rows().(allRows), h.f} }

func (h faultyHead) Advance() error { return h.f.call("advance", h.Head.Advance) }

func (h faultyHead) Write(entries []ledger.Entry, at time.Time) error {
	return h.f.call("write", func() error { return h.Head.Write(entries, at) })
}

// allRows is the rows of every act.
type allRows interface {
	containment.LineageRows
	accounts.BindingRows
	containment.ReopenRows
	containment.BypassRows
	accounts.AdmitRows
	intake.WaitingRows
	intake.AliasRows
	custody.Rows
	containment.RestoredRows
	incident.Rows
	person.QuestionRows
	mailing.CodeRows
	person.WithholdingRows
	grants.PermitRows
	grants.ApartRows
	person.ContactRows
	person.MandateRows
	archive.Rows
	archive.ReadingRows
	breakglass.Rows
	glossary.Rows
	accounts.RightRows
	accounts.OrganisationRows
	installed.Rows
}

type faultyRows struct {
	allRows
	f *faulty
}

func (r faultyRows) SetAside(id order.ID, by string, at time.Time) error {
	return r.f.call("set aside an order", func() error { return r.allRows.SetAside(id, by, at) })
}

func (r faultyRows) InsertOrder(o order.Order) error {
	return r.f.call("insert order", func() error { return r.allRows.InsertOrder(o) })
}

func (r faultyRows) InsertOrderLine(l containment.Line) error {
	return r.f.call("insert a line about an order", func() error { return r.allRows.InsertOrderLine(l) })
}

func (r faultyRows) LiftOrder(id order.ID, by string, at time.Time) error {
	return r.f.call("lift order", func() error { return r.allRows.LiftOrder(id, by, at) })
}

func (r faultyRows) UpsertRoster(list accounts.List) error {
	return r.f.call("upsert roster", func() error { return r.allRows.UpsertRoster(list) })
}

func (r faultyRows) PutAccount(a roster.Account) error {
	return r.f.call("put an account", func() error { return r.allRows.PutAccount(a) })
}

func (r faultyRows) PutProposal(p accounts.Proposal) error {
	return r.f.call("put a proposal", func() error { return r.allRows.PutProposal(p) })
}

func (r faultyRows) UpsertFacts(told intake.FactBatch, entry ledger.Entry) error {
	return r.f.call("upsert facts", func() error { return r.allRows.UpsertFacts(told, entry) })
}

func (r faultyRows) PutCame(to roster.AccountID, day int64, people int) error {
	return r.f.call("note who came", func() error { return r.allRows.PutCame(to, day, people) })
}

func (r faultyRows) PutFacts(source string, facts []reason.Fact, number ledger.Number) error {
	return r.f.call("put facts", func() error { return r.allRows.PutFacts(source, facts, number) })
}

func (r faultyRows) DropFacts(source string, facts []reason.Fact, number ledger.Number) error {
	return r.f.call("drop facts", func() error { return r.allRows.DropFacts(source, facts, number) })
}

func (r faultyRows) Remove(of archive.Category, items []archive.Item) (n int, err error) {
	err = r.f.call("remove what has ended", func() (err error) { n, err = r.allRows.Remove(of, items); return err })
	return n, err
}

func (r faultyRows) Store(s archive.Stored) error {
	return r.f.call("archive", func() error { return r.allRows.Store(s) })
}

func (r faultyRows) Expire(items []archive.Stored, before ledger.Month, last bool) error {
	return r.f.call("remove what is erased", func() error { return r.allRows.Expire(items, before, last) })
}

func (r faultyRows) UpsertAliases(told []intake.Alias, at time.Time) error {
	return r.f.call("upsert aliases", func() error { return r.allRows.UpsertAliases(told, at) })
}

func (r faultyRows) InsertSetting(s retention.Setting) error {
	return r.f.call("insert setting", func() error { return r.allRows.InsertSetting(s) })
}

func (r faultyRows) InsertHold(hold retention.Hold) error {
	return r.f.call("insert hold", func() error { return r.allRows.InsertHold(hold) })
}

func (r faultyRows) ReleaseHold(hold, by ledger.Number) error {
	return r.f.call("release hold", func() error { return r.allRows.ReleaseHold(hold, by) })
}

func (r faultyRows) InsertIncidentLine(l incident.Line) error {
	return r.f.call("insert a line of an incident", func() error { return r.allRows.InsertIncidentLine(l) })
}

func (r faultyRows) PutQuestion(q person.Question) error {
	return r.f.call("put a question", func() error { return r.allRows.PutQuestion(q) })
}

func (r faultyRows) PutWithholding(w person.Withholding) error {
	return r.f.call("put a withholding", func() error { return r.allRows.PutWithholding(w) })
}

func (r faultyRows) PutMandate(m person.Mandate) error {
	return r.f.call("put a mandate", func() error { return r.allRows.PutMandate(m) })
}

func (r faultyRows) PutLook(l person.Look) error {
	return r.f.call("put a look", func() error { return r.allRows.PutLook(l) })
}

func (r faultyRows) ForgetLooks(mandate ledger.Number) error {
	return r.f.call("forget looks", func() error { return r.allRows.ForgetLooks(mandate) })
}

func (r faultyRows) PutPermit(p grants.Permit) error {
	return r.f.call("put an export permit", func() error { return r.allRows.PutPermit(p) })
}

func (r faultyRows) PutPermitList(number ledger.Number, listed []register.PersonID, until time.Time) error {
	return r.f.call("keep the list of an export permit", func() error { return r.allRows.PutPermitList(number, listed, until) })
}

func (r faultyRows) PutReadingRequest(q archive.Request) error {
	return r.f.call("put a request of the archive", func() error { return r.allRows.PutReadingRequest(q) })
}

func (r faultyRows) PutRightRequest(q accounts.RightRequest) error {
	return r.f.call("put a request for a habilitation", func() error { return r.allRows.PutRightRequest(q) })
}

func (r faultyRows) PutOrganisationRequest(q accounts.OrganisationRequest) error {
	return r.f.call("put a request for an organisation", func() error { return r.allRows.PutOrganisationRequest(q) })
}

func (r faultyRows) PutChange(c installed.Change) error {
	return r.f.call("put a configuration", func() error { return r.allRows.PutChange(c) })
}

func (r faultyRows) Install(number ledger.Number) error {
	return r.f.call("install a configuration", func() error { return r.allRows.Install(number) })
}

func (r faultyRows) PutGlossary(known glossary.Known) error {
	return r.f.call("put the categories of fields", func() error { return r.allRows.PutGlossary(known) })
}

func (r faultyRows) PutContactChange(c person.ContactChange) error {
	return r.f.call("put a change of contact details", func() error { return r.allRows.PutContactChange(c) })
}

func (r faultyRows) PutBreakGlass(state breakglass.State) error {
	return r.f.call("put the break-glass access", func() error { return r.allRows.PutBreakGlass(state) })
}

func (r faultyRows) PutCode(c mailing.Code) error {
	return r.f.call("put a code", func() error { return r.allRows.PutCode(c) })
}

// Promise: LEDGER-1
func TestLEDGER_1_AnActAndItsRowsAreTogetherOnPostgreSQL(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	before := cluster.Database(t)
	s := openPostgreSQL(t, before)
	prepared(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, do := range acts {
		t.Run(name, func(t *testing.T) {
			for _, how := range []moment{undone, unheard} {
				connection := cluster.Copy(t, before)
				s, db := openPostgreSQL(t, connection), direct(t, connection)
				before, entries := everyRow(t, db)
				broke := 0
				for step := 0; ; step++ {
					f := &faulty{Ledger: store.NewLedger(s), left: step, how: how}
					err := do(t.Context(), journal.Outside{DB: f, Now: func() time.Time { return actAt }})
					rows, found := everyRow(t, db)
					if f.at == "commit" { // done, and nobody heard
						if !errors.Is(err, journal.ErrOutcomeUnknown) || found != entries+writes(name) {
							t.Errorf("%s, after a commit that nobody heard of: %v, %d entries more", how, err, found-entries)
						}
						break
					}
					if broke++; err == nil || found != entries || rows != before || f.at == "" {
						t.Errorf("%s, at %q: %v, %d entries more, and rows\n%s", how, f.at, err, found-entries, rows)
						break
					}
				}
				if broke == 0 {
					t.Errorf("%s: nothing broke before the commit", how)
				}
			}
		})
	}
}
