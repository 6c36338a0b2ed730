package town

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"poterne/internal/roster"
)

// request is a quote that an adviser asks for before they enrol somebody. The organisation that
// offers a price is told the course and which body asks, and not for whom: until the person is
// enrolled it has nothing to do with them.
type request struct {
	Number string
	Course Course
	State  billState // asked, sent, accepted or refused
	On     time.Time
	Rate   int // cents an hour; 0 until it is offered
	person int
	by     roster.AccountID // who asked
}

// Quote is the request as a quote.
func (r request) Quote() bill {
	return bill{Number: r.Number, Kind: quote, State: r.State, On: r.On, Hours: r.Course.Hours, Rate: r.Rate}
}

// open reports whether the request waits for one of the two.
func (r request) open() bool { return r.State == asked || r.State == sent }

func (r request) save(tx *sql.Tx) error {
	_, err := tx.Exec(`insert into request (number, course, person, by, at_us, state, rate) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (number) do update set state = excluded.state, rate = excluded.rate`,
		r.Number, r.Course.ID, r.person, string(r.by), r.On.UnixMicro(), string(r.State), r.Rate)
	return err
}

// requests returns copies of the requests for which want holds, in the order in which they came.
func (t *Training) requests(want func(request) bool) (list []request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.asked {
		if want(*r) {
			list = append(list, *r)
		}
	}
	return list
}

// asks asks for a quote for somebody who could be enrolled. One waits at a time.
func (t *Training) asks(ctx context.Context, c Course, person int, by roster.AccountID, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	already, err := t.place(c, person)
	if err != nil {
		return err
	}
	if already {
		return errTrained
	}
	if slices.ContainsFunc(t.asked, func(r *request) bool { return r.person == person && r.Course.ID == c.ID && r.open() }) {
		return errAsked
	}
	r := &request{Number: t.number(quote, now), Course: c, State: asked, On: now, person: person, by: by}
	if err := t.kept.change(ctx, r.save); err != nil {
		return err
	}
	t.asked = append(t.asked, r)
	t.last++
	return nil
}

// offers answers a request of one of the organisation's courses with so many cents an hour.
func (t *Training) offers(ctx context.Context, number string, organisation roster.OrganisationID, rate int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.asked {
		if r.Number != number || r.Course.Organisation != organisation || r.State != asked {
			continue
		}
		offered := *r
		offered.State, offered.Rate = sent, rate
		if err := t.kept.change(ctx, offered.save); err != nil {
			return err
		}
		*r = offered
		return nil
	}
	return errNoQuote
}

// decides accepts what was offered for somebody, which enrols them, or ends the request.
func (t *Training) decides(ctx context.Context, person int, c Course, as billState, by roster.AccountID, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(t.asked, func(r *request) bool { return r.person == person && r.Course.ID == c.ID && r.open() })
	if i < 0 || as == accepted && t.asked[i].State != sent {
		return errNoQuote
	}
	decided := *t.asked[i]
	decided.State = as
	if as == accepted {
		already, err := t.place(c, person)
		if err != nil {
			return err
		}
		if already {
			return errTrained
		}
		e := &enrolment{id: "ouiform-" + decided.Number, course: c, person: person, by: by, on: now, bills: []bill{decided.Quote()}}
		if err := t.enters(ctx, e, &decided); err != nil {
			return err
		}
	} else if err := t.kept.change(ctx, decided.save); err != nil {
		return err
	}
	*t.asked[i] = decided
	return nil
}
