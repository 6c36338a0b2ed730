package town

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"poterne/internal/roster"
)

// Training is who is trained where: what Ouiform and Kairos both keep. It lives in memory and
// is safe to share.
type Training struct {
	staff *Staff

	mu       sync.Mutex // guards all below
	enrolled []*enrolment
	bills    int // how many were numbered
}

// enrolment is a person in a course.
type enrolment struct {
	id     string // under which others are told of it
	course Course
	person int
	by     roster.AccountID // who enrolled them; empty: they were there when the town began
	on     time.Time
	left   time.Time // zero: not yet
	days   []attendance
	bills  []bill
}

type attendance struct {
	Day     string `json:"day"`
	Present bool   `json:"present"`
}

// hoursADay is how long a day of training is.
const hoursADay = 7

// hours is how long the person was there.
func (e enrolment) hours() (hours int) {
	for _, day := range e.days {
		if day.Present {
			hours += hoursADay
		}
	}
	return hours
}

// open is how many hours can be charged: those the person was there, no more than the quote
// that was accepted says, less those in an invoice.
func (e enrolment) open() (hours int) {
	for _, b := range e.bills {
		switch {
		case b.Kind == quote && b.State == accepted:
			hours += min(e.hours(), b.Hours)
		case b.Kind == invoice:
			hours -= b.Hours
		}
	}
	return hours
}

// billKind is what a bill is.
type billKind string

const (
	quote   billKind = "quote"
	invoice billKind = "invoice"
)

// billState is where a bill stands. A quote is sent, then accepted or refused by whoever
// accompanies the person; an invoice is issued.
type billState string

const (
	sent     billState = "sent"
	accepted billState = "accepted"
	refused  billState = "refused"
	issued   billState = "issued"
)

// bill is a quote or an invoice of a training.
type bill struct {
	Number string
	Kind   billKind
	State  billState
	On     time.Time
	Hours  int
	Rate   int // cents an hour
}

// Amount is in cents.
func (b bill) Amount() int { return b.Hours * b.Rate }

// NewTraining returns who is trained when the town begins.
func NewTraining(s *Staff) *Training {
	t := &Training{staff: s}
	for _, course := range s.Courses() {
		for _, person := range course.Enrolled {
			t.enrolled = append(t.enrolled, &enrolment{id: FirstEnrolment(course.Organisation, person), course: course, person: person, on: asOf})
		}
	}
	return t
}

// FirstEnrolment is under which others are told of somebody who was in training when the town
// began.
func FirstEnrolment(organisation roster.OrganisationID, person int) string {
	return fmt.Sprintf("%s-%d", organisation, person)
}

// Trains reports whether an organisation trains somebody now.
func (t *Training) Trains(organisation roster.OrganisationID, person int) bool {
	_, trains := t.find(person, organisation)
	return trains
}

// list returns copies of the enrolments that are not over and for which want holds.
func (t *Training) list(want func(*enrolment) bool) (list []enrolment) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.enrolled {
		if e.left.IsZero() && want(e) {
			copied := *e
			copied.days, copied.bills = slices.Clone(e.days), slices.Clone(e.bills)
			list = append(list, copied)
		}
	}
	return list
}

// of are the trainees of an organisation.
func (t *Training) of(organisation roster.OrganisationID) []enrolment {
	return t.list(func(e *enrolment) bool { return e.course.Organisation == organisation })
}

// in are the people in a course.
func (t *Training) in(course string) []enrolment {
	return t.list(func(e *enrolment) bool { return e.course.ID == course })
}

// find returns a person's training at an organisation.
func (t *Training) find(person int, organisation roster.OrganisationID) (enrolment, bool) {
	found := t.list(func(e *enrolment) bool { return e.person == person && e.course.Organisation == organisation })
	if len(found) == 0 {
		return enrolment{}, false
	}
	return found[0], true
}

var (
	errFull    = errors.New("town: no place is left in the course")
	errTrained = errors.New("town: the person follows another course there")
	errNoQuote = errors.New("town: no quote was accepted")
	errNobody  = errors.New("town: there is nothing to invoice")
	errAsked   = errors.New("town: a quote waits, or was accepted")
	errOver    = errors.New("town: the person is not in training there")
)

// enrol puts somebody into a course; who is in it already stays so. One organisation trains
// somebody in one course at a time.
func (t *Training) enrol(c Course, person int, by roster.AccountID, now time.Time) (e enrolment, fresh bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	there := 0
	for _, e := range t.enrolled {
		switch {
		case !e.left.IsZero():
		case e.person == person && e.course.ID == c.ID:
			return *e, false, nil
		case e.person == person && e.course.Organisation == c.Organisation:
			return enrolment{}, false, errTrained
		case e.course.ID == c.ID:
			there++
		}
	}
	if there >= places {
		return enrolment{}, false, errFull
	}
	added := &enrolment{id: "ouiform-" + rand.Text(), course: c, person: person, by: by, on: now}
	t.enrolled = append(t.enrolled, added)
	return *added, true, nil
}

// change changes a person's training at an organisation.
func (t *Training) change(person int, organisation roster.OrganisationID, change func(*enrolment) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.enrolled {
		if e.left.IsZero() && e.person == person && e.course.Organisation == organisation {
			return change(e)
		}
	}
	return errOver
}

// attend keeps one word a day: the last one said.
func (e *enrolment) attend(said attendance) error {
	i := slices.IndexFunc(e.days, func(a attendance) bool { return a.Day == said.Day })
	if i >= 0 {
		e.days[i] = said
		return nil
	}
	e.days = append(e.days, said)
	return nil
}

// number numbers a bill; whoever calls it holds mu.
func (t *Training) number(kind billKind, now time.Time) string {
	t.bills++
	return fmt.Sprintf("%s%d-%04d", map[billKind]string{quote: "D", invoice: "F"}[kind], now.Year(), t.bills)
}

// quotes offers a training at so many cents an hour, for all its hours. One offer at a time
// waits, and none comes after one that was accepted.
func (t *Training) quotes(person int, organisation roster.OrganisationID, rate int, now time.Time) error {
	return t.change(person, organisation, func(e *enrolment) error {
		if slices.ContainsFunc(e.bills, func(b bill) bool { return b.Kind == quote && b.State != refused }) {
			return errAsked
		}
		e.bills = append(e.bills, bill{Number: t.number(quote, now), Kind: quote, State: sent, On: now, Hours: e.course.Hours, Rate: rate})
		return nil
	})
}

// answers accepts or refuses a quote that waits.
func (t *Training) answers(person int, course Course, as billState) error {
	return t.change(person, course.Organisation, func(e *enrolment) error {
		for i, b := range e.bills {
			if e.course.ID == course.ID && b.Kind == quote && b.State == sent {
				e.bills[i].State = as
				return nil
			}
		}
		return errNoQuote
	})
}

// invoices charges the hours that the person was there and that are in no invoice, at the
// rate of the quote that was accepted and no more of them than it says.
func (t *Training) invoices(person int, organisation roster.OrganisationID, now time.Time) error {
	return t.change(person, organisation, func(e *enrolment) error {
		i := slices.IndexFunc(e.bills, func(b bill) bool { return b.Kind == quote && b.State == accepted })
		if i < 0 {
			return errNoQuote
		}
		left := e.open()
		if left <= 0 {
			return errNobody
		}
		e.bills = append(e.bills, bill{Number: t.number(invoice, now), Kind: invoice, State: issued, On: now, Hours: left, Rate: e.bills[i].Rate})
		return nil
	})
}

// leave ends a training.
func (t *Training) leave(person int, course Course, now time.Time) (ended enrolment, err error) {
	err = t.change(person, course.Organisation, func(e *enrolment) error {
		if e.course.ID != course.ID {
			return errOver
		}
		e.left = now
		ended = *e
		return nil
	})
	return ended, err
}

// places is how many people a course takes.
const places = 16
