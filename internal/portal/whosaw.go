package portal

import (
	"context"
	"net/http"
	"slices"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Directory finds the person behind a reference.
type Directory interface {
	// People returns the person behind each reference, in their order: nobody for a
	// reference that leads nowhere.
	People(ctx context.Context, refs []register.Ref) ([]register.PersonID, error)
}

// whoSawPage answers whoever watches: who saw this person, when and why? It never
// says again who that is: the identifier is in no address and on no page.
type whoSawPage struct {
	page
	Wrong  []wrong
	Waits  *behind
	Answer *seenAnswer
}

// Identifier is what is wrong with the identifier.
func (p whoSawPage) Identifier() string { return wrongIn(p.Wrong, "identifier") }

// seenAnswer is each time somebody was shown, the newest first.
type seenAnswer struct {
	Times    int
	Accounts int // of those on the page
	Lines    []seenLine
	More     bool // older ones than these are in the ledger
	From     ledger.Number
	Begun    time.Time
	Before   ledger.Number
}

// seenLine is one time somebody was shown.
type seenLine struct {
	line
	Fields []string
}

// seenShown is how many times are on a page.
const seenShown = 200

func (rooms *Rooms) proposeWhoSaw(v *visit) error {
	rooms.show(v, http.StatusOK, "whosaw.html", whoSawPage{page: rooms.page(v, "desk", "whosaw.title")})
	return nil
}

func (rooms *Rooms) whoSaw(v *visit) error {
	shown := whoSawPage{page: rooms.page(v, "desk", "whosaw.title")}
	shown.Here = "/desk/who-saw"
	identifier := tidy(v.PostFormValue("identifier"))
	if identifier == "" {
		shown.Wrong = append(shown.Wrong, wrong{"identifier", "whosaw.missing"})
		rooms.show(v, http.StatusUnprocessableEntity, "whosaw.html", shown)
		return nil
	}
	people, err := rooms.Directory.People(v.Context(), []register.Ref{{Scheme: rooms.pages.settings.Scheme, Value: identifier}})
	if err != nil {
		return err
	}
	if shown.Waits = rooms.behind("/desk/who-saw"); shown.Waits != nil {
		rooms.show(v, http.StatusServiceUnavailable, "whosaw.html", shown)
		return nil
	}
	err = rooms.reading(v, ledger.Entry{State: ledger.WhoSaw, Person: people[0]})
	if err != nil {
		return err
	}
	var seen index.Seen
	if err := rooms.patiently(v, func(ctx context.Context) (err error) {
		seen, err = rooms.Index.WhoSaw(ctx, people[0])
		return err
	}); err != nil {
		shown.Waits = rooms.notAnswered(v, err)
		rooms.show(v, http.StatusServiceUnavailable, "whosaw.html", shown)
		return nil
	}
	if shown.Answer, err = rooms.seen(v, seen); err != nil {
		return err
	}
	rooms.show(v, http.StatusOK, "whosaw.html", shown)
	return nil
}

// seen reads the newest of the entries in which somebody was shown.
func (rooms *Rooms) seen(v *visit, found index.Seen) (*seenAnswer, error) {
	naming, err := rooms.naming(v)
	if err != nil {
		return nil, err
	}
	answer := &seenAnswer{Times: len(found.Numbers), From: found.From, Begun: found.Begun, Before: found.Before}
	answer.More = answer.Times > seenShown
	found.Numbers = found.Numbers[max(0, answer.Times-seenShown):]
	accounts := make(map[roster.AccountID]bool)
	for e, err := range found.Entries(v.Context()) {
		if err != nil {
			return nil, err
		}
		accounts[e.Account] = true
		answer.Lines = append(answer.Lines, seenLine{naming.line(happening{e, 1}), e.Fields.Names()})
	}
	slices.Reverse(answer.Lines)
	answer.Accounts = len(accounts)
	return answer, nil
}
