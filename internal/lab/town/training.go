package town

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"poterne/internal/roster"
)

// Training is who is trained where: what Ouiform and Kairos both keep. Each change is in its file
// before it is in memory. It is safe to share.
type Training struct {
	staff *Staff
	kept  *Database

	mu       sync.Mutex // guards all below
	enrolled []*enrolment
	asked    []*request
	last     int // number of a quote or an invoice
}

const trainingTables = `
	create table if not exists enrolment (
		id text primary key, course text not null, person integer not null, by text not null, at_us integer not null, left_us integer
	) strict;
	create table if not exists attendance (
		enrolment text not null references enrolment, day text not null, present integer not null check (present in (0, 1)), primary key (enrolment, day)
	) strict;
	create table if not exists bill (
		number text primary key, enrolment text not null references enrolment, place integer not null, kind text not null check (kind in ('quote', 'invoice')),
		state text not null check (state in ('sent', 'accepted', 'refused', 'issued')), at_us integer not null, hours integer not null, rate integer not null
	) strict;
	create table if not exists request (
		number text primary key, course text not null, person integer not null, by text not null, at_us integer not null,
		state text not null check (state in ('asked', 'sent', 'accepted', 'refused')), rate integer not null
	) strict;`

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
	asked    billState = "asked" // a quote only, before an enrolment
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

// NewTraining returns who is trained: at first who is when the town begins, and then what was written
// since.
func NewTraining(ctx context.Context, s *Staff, kept *Database) (*Training, error) {
	t := &Training{staff: s, kept: kept}
	if err := t.read(ctx); err != nil {
		return nil, err
	}
	known := make(map[string]bool)
	for _, e := range t.enrolled {
		known[e.id] = true
	}
	err := kept.change(ctx, func(tx *sql.Tx) error {
		for _, course := range s.Courses() {
			for _, person := range course.Enrolled {
				e := &enrolment{id: FirstEnrolment(course.Organisation, person), course: course, person: person, on: asOf}
				if known[e.id] {
					continue
				}
				if err := e.save(tx); err != nil {
					return err
				}
				t.enrolled = append(t.enrolled, e)
			}
		}
		return nil
	})
	return t, err
}

// read reads what was written.
func (t *Training) read(ctx context.Context) error {
	courses, byID := make(map[string]Course), make(map[string]*enrolment)
	for _, c := range t.staff.Courses() {
		courses[c.ID] = c
	}
	err := t.kept.each(ctx, `select id, course, person, by, at_us, left_us from enrolment order by at_us, rowid`, func(scan func(...any) error) error {
		e := new(enrolment)
		var course string
		var on int64
		var left *int64
		if err := scan(&e.id, &course, &e.person, &e.by, &on, &left); err != nil {
			return err
		}
		c, known := courses[course]
		if !known {
			return fmt.Errorf("an enrolment is in the course %s, which is in no catalogue", course)
		}
		e.course, e.on = c, time.UnixMicro(on).UTC()
		if left != nil {
			e.left = time.UnixMicro(*left).UTC()
		}
		t.enrolled, byID[e.id] = append(t.enrolled, e), e
		return nil
	})
	if err != nil {
		return err
	}
	err = t.kept.each(ctx, `select enrolment, day, present from attendance order by rowid`, func(scan func(...any) error) error {
		var of string
		var said attendance
		if err := scan(&of, &said.Day, &said.Present); err != nil {
			return err
		}
		byID[of].days = append(byID[of].days, said)
		return nil
	})
	if err != nil {
		return err
	}
	err = t.kept.each(ctx, `select enrolment, number, kind, state, at_us, hours, rate from bill order by enrolment, place`, func(scan func(...any) error) error {
		var of string
		var b bill
		var on int64
		if err := scan(&of, &b.Number, &b.Kind, &b.State, &on, &b.Hours, &b.Rate); err != nil {
			return err
		}
		b.On = time.UnixMicro(on).UTC()
		byID[of].bills = append(byID[of].bills, b)
		return t.counted(b.Number)
	})
	if err != nil {
		return err
	}
	return t.kept.each(ctx, `select number, course, person, by, at_us, state, rate from request order by rowid`, func(scan func(...any) error) error {
		r := new(request)
		var course string
		var on int64
		if err := scan(&r.Number, &course, &r.person, &r.by, &on, &r.State, &r.Rate); err != nil {
			return err
		}
		r.Course, r.On = courses[course], time.UnixMicro(on).UTC()
		t.asked = append(t.asked, r)
		return t.counted(r.Number)
	})
}

// counted has numbers go on after one that was given.
func (t *Training) counted(number string) error {
	_, text, _ := strings.Cut(number, "-")
	n, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("%s is no number of a quote or an invoice", number)
	}
	t.last = max(t.last, n)
	return nil
}

// save writes an enrolment with its days and bills.
func (e *enrolment) save(tx *sql.Tx) error {
	var left *int64
	if !e.left.IsZero() {
		left = new(e.left.UnixMicro())
	}
	_, err := tx.Exec(`insert into enrolment (id, course, person, by, at_us, left_us) values ($1, $2, $3, $4, $5, $6)
		on conflict (id) do update set left_us = excluded.left_us`, e.id, e.course.ID, e.person, string(e.by), e.on.UnixMicro(), left)
	if err != nil {
		return err
	}
	for _, said := range e.days {
		_, err := tx.Exec(`insert into attendance (enrolment, day, present) values ($1, $2, $3)
			on conflict (enrolment, day) do update set present = excluded.present`, e.id, said.Day, said.Present)
		if err != nil {
			return err
		}
	}
	for place, b := range e.bills {
		_, err := tx.Exec(`insert into bill (number, enrolment, place, kind, state, at_us, hours, rate) values ($1, $2, $3, $4, $5, $6, $7, $8)
			on conflict (number) do update set state = excluded.state`, b.Number, e.id, place, string(b.Kind), string(b.State), b.On.UnixMicro(), b.Hours, b.Rate)
		if err != nil {
			return err
		}
	}
	return nil
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
			list = append(list, e.copied())
		}
	}
	return list
}

func (e *enrolment) copied() enrolment {
	copied := *e
	copied.days, copied.bills = slices.Clone(e.days), slices.Clone(e.bills)
	return copied
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

// enrol puts somebody into a course, and tells until when that brings them to the organisation; who
// is in it already stays so. One organisation trains somebody in one course at a time.
func (t *Training) enrol(ctx context.Context, c Course, person int, by roster.AccountID, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if already, err := t.place(c, person); already || err != nil {
		return err
	}
	return t.enters(ctx, &enrolment{id: "ouiform-" + rand.Text(), course: c, person: person, by: by, on: now}, nil)
}

// place finds out whether there is a place in a course for somebody; whoever calls it holds mu.
func (t *Training) place(c Course, person int) (already bool, err error) {
	there := 0
	for _, e := range t.enrolled {
		switch {
		case !e.left.IsZero():
		case e.person == person && e.course.ID == c.ID:
			return true, nil
		case e.person == person && e.course.Organisation == c.Organisation:
			return false, errTrained
		case e.course.ID == c.ID:
			there++
		}
	}
	if there >= places {
		return false, errFull
	}
	return false, nil
}

// enters writes a new enrolment, with the request that it came of, if it did; whoever calls it holds mu.
func (t *Training) enters(ctx context.Context, e *enrolment, of *request) error {
	err := t.kept.change(ctx, func(tx *sql.Tx) error {
		if err := e.save(tx); err != nil {
			return err
		}
		if of != nil {
			if err := of.save(tx); err != nil {
				return err
			}
		}
		return t.tell(tx, e, e.on.Add(trained))
	})
	if err == nil {
		t.enrolled = append(t.enrolled, e)
	}
	return err
}

// tell tells until when an enrolment brings a person to the organisation that trains them.
func (t *Training) tell(tx *sql.Tx, e *enrolment, until time.Time) error {
	return tell(tx, "inscriptions", Reason{
		ID: e.id, Kind: "enrolment", Organisation: e.course.Organisation, Author: e.by,
		Scheme: SchemeMail, Person: t.staff.register.Mail(e.person), From: e.on.UTC(), Until: until.UTC(),
	})
}

// change changes a person's training at an organisation.
func (t *Training) change(ctx context.Context, person int, organisation roster.OrganisationID, change func(*enrolment) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.enrolled {
		if !e.left.IsZero() || e.person != person || e.course.Organisation != organisation {
			continue
		}
		changed := e.copied()
		if err := change(&changed); err != nil {
			return err
		}
		err := t.kept.change(ctx, func(tx *sql.Tx) error {
			if err := changed.save(tx); err != nil || changed.left.IsZero() {
				return err
			}
			return t.tell(tx, &changed, changed.left)
		})
		if err != nil {
			return err
		}
		t.last += len(changed.bills) - len(e.bills)
		*e = changed
		return nil
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
	return fmt.Sprintf("%s%d-%04d", map[billKind]string{quote: "D", invoice: "F"}[kind], now.Year(), t.last+1)
}

// quotes offers a training at so many cents an hour, for all its hours. One offer at a time
// waits, and none comes after one that was accepted.
func (t *Training) quotes(ctx context.Context, person int, organisation roster.OrganisationID, rate int, now time.Time) error {
	return t.change(ctx, person, organisation, func(e *enrolment) error {
		if slices.ContainsFunc(e.bills, func(b bill) bool { return b.Kind == quote && b.State != refused }) {
			return errAsked
		}
		e.bills = append(e.bills, bill{Number: t.number(quote, now), Kind: quote, State: sent, On: now, Hours: e.course.Hours, Rate: rate})
		return nil
	})
}

// answers accepts or refuses a quote that waits.
func (t *Training) answers(ctx context.Context, person int, course Course, as billState) error {
	return t.change(ctx, person, course.Organisation, func(e *enrolment) error {
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
func (t *Training) invoices(ctx context.Context, person int, organisation roster.OrganisationID, now time.Time) error {
	return t.change(ctx, person, organisation, func(e *enrolment) error {
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

// leave ends a training, and with it the reason of the organisation to see the person.
func (t *Training) leave(ctx context.Context, person int, course Course, now time.Time) error {
	return t.change(ctx, person, course.Organisation, func(e *enrolment) error {
		if e.course.ID != course.ID {
			return errOver
		}
		e.left = now
		return nil
	})
}

// places is how many people a course takes.
const places = 16
