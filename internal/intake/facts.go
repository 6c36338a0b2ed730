package intake

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// readFact reads a fact about a person still to be found.
func readFact(r *record, source string, as register.Schemes) (reason.Fact, register.Ref) {
	fact := reason.Fact{
		Source: source, ID: r.need("id"),
		Account: roster.AccountID(r.text("account")), Organisation: roster.OrganisationID(r.text("organisation")),
		Author: roster.AccountID(r.text("author")),
	}
	kind, err := reason.ParseFactKind(r.need("kind"))
	if err != nil {
		r.reject("kind", "not a kind of fact: caseload, appointment, call, desk-ticket, message, enrolment, cover, protected, closed or archived")
	}
	if kind.Apart() { // about the person alone
		if fact.Account+roster.AccountID(fact.Organisation) == "" {
			fact.Organisation = reason.Everybody
		} else if fact.Organisation != reason.Everybody {
			r.reject("organisation", "that a file is closed or archived holds for everybody: leave account and organisation out")
		}
	}
	if (fact.Account == "") == (fact.Organisation == "") {
		r.reject("account", "a fact has either an account or an organisation")
	}
	if fact.Kind = kind; kind == reason.Caseload && fact.Organisation != "" {
		r.reject("organisation", "a caseload is an account's")
	}
	ref := r.reference(as, r.need("scheme"), "person")
	if kind.Apart() && r.text("until") == "" { // until the source says otherwise
		fact.From, fact.Until = r.moment("from"), forever
		return fact, ref
	}
	fact.From, fact.Until = r.period()
	return fact, ref
}

// forever is when a file stops being closed or archived of which its source says no end.
var forever = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)

// readCover reads a cover: absent agent, substitute and period.
func readCover(r *record, source string) reason.CoverDuty {
	cover := reason.CoverDuty{
		Source: source, ID: r.need("id"),
		Absent: roster.AccountID(r.need("absent")), Substitute: roster.AccountID(r.need("substitute")),
		DeclaredBy: roster.AccountID(r.need("declared_by")),
	}
	cover.From, cover.Until = r.period()
	return cover
}

// clocks is how far the clocks of two systems may be apart.
const clocks = 5 * time.Minute

// yearAhead bounds how far ahead a fact begins: later ones are reasons laid by for
// misuse.
const yearAhead = 366 * 24 * time.Hour

// hold rejects what the source may not tell: another kind, what is still to come, or
// what would hold for too long.
func (s Source) hold(r *record, kind reason.FactKind, from, until, now time.Time) {
	if r.wrong != "" {
		return
	}
	longest, declared := s[kind]
	if !declared {
		r.reject("kind", fmt.Sprintf("this source does not tell %s; the kinds that it is declared with are %s", kind, s))
		return
	}
	if happened(kind) && from.After(now.Add(clocks)) {
		r.reject("from", "in the future; what happened is told once it has")
	}
	if from.After(now.Add(yearAhead)) {
		r.reject("from", "more than a year ahead")
	}
	begins := from
	if from.Before(now) {
		begins = now
	}
	if !kind.Apart() && until.After(begins.Add(longest)) { // these take away: longer is safer
		r.reject("until", fmt.Sprintf("longer than this source may say; kind %s holds for at most %s, from its beginning or from now", kind, span(longest)))
	}
}

// happened reports whether a kind tells what has already come about.
func happened(kind reason.FactKind) bool {
	return kind == reason.Call || kind == reason.DeskTicket || kind == reason.Message
}

// String lists the kinds.
func (s Source) String() string {
	if len(s) == 0 {
		return "none"
	}
	var names []string
	for _, kind := range slices.Sorted(maps.Keys(s)) {
		names = append(names, kind.String())
	}
	return strings.Join(names, ", ")
}

// span says a duration in the largest unit that it fills.
func span(d time.Duration) string {
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := d / unit.of; n > 0 && d%unit.of == 0 {
			if n > 1 {
				unit.name += "s"
			}
			return fmt.Sprintf("%d %s", n, unit.name)
		}
	}
	return d.String()
}
