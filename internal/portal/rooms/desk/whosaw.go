package desk

import (
	"context"
	"net/http"
	"slices"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/portal"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// whoSawPage answers the security desk: who saw this person, when and why? It never
// says again who that is: the identifier is in no address and on no page.
type whoSawPage struct {
	portal.Page
	Because string // why it is asked, as it was typed
	Wrong   portal.Mends
	Waits   *behind
	Answer  *seenAnswer
}

// seenAnswer is each time the person was shown, the newest first.
type seenAnswer struct {
	Times    int
	Accounts int // of those on the page
	Lines    []seenLine
	More     bool // older ones than these are in the ledger
	From     ledger.Number
	Begun    time.Time
	Before   ledger.Number
}

// seenLine is one time the person was shown.
type seenLine struct {
	portal.Line
	Fields register.Fields
}

// seenShown is how many times are on a page.
const seenShown = 200

func (x exact) proposeWhoSaw(v visit) error {
	x.pages.Show(v.Visit, http.StatusOK, "whosaw.html", whoSawPage{Page: v.Page(path, "whosaw.title")})
	return nil
}

// whoSaw answers who saw a person, once the question is written down with the reason that was
// typed: also where nobody is found, and where the index cannot answer.
func (x exact) whoSaw(v visit) error {
	shown := whoSawPage{Page: v.Page(path, "whosaw.title"), Because: portal.Tidy(v.PostFormValue("because"))}
	shown.Here = whoSawPath
	identifier := portal.Tidy(v.PostFormValue("identifier"))
	if identifier == "" {
		shown.Wrong = append(shown.Wrong, portal.Wrong{Field: "identifier", Key: "whosaw.missing"})
	}
	shown.Wrong = append(shown.Wrong, portal.MendTyped("because", shown.Because)...)
	if typed.Says(shown.Because, identifier) {
		shown.Wrong = append(shown.Wrong, portal.Wrong{Field: "because", Key: "whosaw.named"})
		shown.Because = "" // the page never says who that is
	}
	if len(shown.Wrong) > 0 {
		x.pages.Show(v.Visit, http.StatusUnprocessableEntity, "whosaw.html", shown)
		return nil
	}
	people, err := x.directory.People(v.Context(), []register.Ref{{Scheme: x.scheme, Value: identifier}})
	if err != nil {
		return err
	}
	if err := v.Record(ledger.Entry{State: ledger.WhoSaw, Person: people[0], Note: shown.Because}); err != nil {
		return err
	}
	if shown.Waits = x.behind(whoSawPath); shown.Waits != nil {
		x.pages.Show(v.Visit, http.StatusServiceUnavailable, "whosaw.html", shown)
		return nil
	}
	var seen index.Seen
	if err := x.patiently(v, func(ctx context.Context) (err error) {
		seen, err = x.index.WhoSaw(ctx, people[0])
		return err
	}); err != nil {
		shown.Waits = x.notAnswered(v, err)
		x.pages.Show(v.Visit, http.StatusServiceUnavailable, "whosaw.html", shown)
		return nil
	}
	if shown.Answer, err = x.seen(v, seen); err != nil {
		return err
	}
	x.pages.Show(v.Visit, http.StatusOK, "whosaw.html", shown)
	return nil
}

// seen reads the newest of the entries in which the person was shown.
func (x exact) seen(v visit, found index.Seen) (*seenAnswer, error) {
	answer := &seenAnswer{Times: len(found.Numbers), From: found.From, Begun: found.Begun, Before: found.Before}
	answer.More = answer.Times > seenShown
	found.Numbers = found.Numbers[max(0, answer.Times-seenShown):]
	accounts := make(map[roster.AccountID]bool)
	for e, err := range found.Entries(v.Context()) {
		if err != nil {
			return nil, err
		}
		accounts[e.Account] = true
		answer.Lines = append(answer.Lines, seenLine{v.labels.Line(portal.Activity{Entry: e, People: 1}), e.Fields})
	}
	slices.Reverse(answer.Lines)
	answer.Accounts = len(accounts)
	return answer, nil
}
