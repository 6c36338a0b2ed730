package town

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"poterne/internal/roster"
)

// NewOuiform is the training catalogue: anybody signed in reads it, advisers and the course's
// own organisation enrol people by their e-mail address, and an organisation sees who is
// enrolled in its own courses. An adviser sees whom they enrolled, and answers the quotes of
// whom they accompany. Each enrolment is told as a reason of the organisation that trains.
func NewOuiform(ctx context.Context, site Site, t *Training) (http.Handler, error) {
	common, err := newApplication(ctx, "ouiform", "Ouiform", site)
	if err != nil {
		return nil, err
	}
	o := &ouiform{application: common, training: t}
	o.handle("GET /{$}", o.home)
	o.handle("GET /courses/{id}", o.course)
	o.handle("GET /courses/{id}/enrolled.csv", o.download)
	o.handle("GET /mine", o.mine)
	o.form("POST /courses/{id}/enrolments", o.enrol)
	o.form("POST /courses/{id}/withdrawals", o.withdraw)
	o.form("POST /courses/{id}/quotes", o.answer)
	return o, nil
}

type ouiform struct {
	*application
	training *Training
}

type catalogueRow struct {
	Course
	By     string // the organisation's name
	Places int    // that are left
}

type cataloguePage struct {
	*visit
	Courses []catalogueRow
	Words   string // that were looked for
	Place   string
	At      []string // the places there are
}

// home is the catalogue. It speaks of nobody: how many places are left is the course's.
func (o *ouiform) home(v *visit) (answer, error) {
	page := cataloguePage{visit: v, Words: strings.TrimSpace(v.URL.Query().Get("q")), Place: v.URL.Query().Get("place")}
	for _, c := range o.Staff.Courses() {
		page.At = append(page.At, c.Place)
		if row := o.row(c); (page.Place == "" || c.Place == page.Place) && strings.Contains(fold(row.Title+" "+row.About+" "+row.By), fold(page.Words)) {
			page.Courses = append(page.Courses, row)
		}
	}
	slices.Sort(page.At)
	page.At = slices.Compact(page.At)
	return answer{page: "ouiform-home.html", data: page}, nil
}

func (o *ouiform) row(c Course) catalogueRow {
	return catalogueRow{c, o.nameOf(c.Organisation), max(0, places-len(o.training.in(c.ID)))}
}

func (a *application) nameOf(id roster.OrganisationID) string {
	for _, organisation := range a.Staff.Organisations() {
		if organisation.ID == id {
			return organisation.Name
		}
	}
	return string(id)
}

type enrolledRow struct {
	Person Person
	On     time.Time
	Course Course
	Quote  *bill // the newest
}

// Waits reports whether a quote waits for an answer.
func (r enrolledRow) Waits() bool { return r.Quote != nil && r.Quote.State == sent }

func (o *ouiform) enrolledRow(e enrolment) enrolledRow {
	row := enrolledRow{Person: o.Register.Person(e.person), On: e.on, Course: e.course}
	for _, b := range e.bills {
		if b.Kind == quote {
			row.Quote = &b
		}
	}
	return row
}

type coursePage struct {
	*visit
	Course   catalogueRow
	Own      bool // the caller's organisation gives the course
	MayEnrol bool
	Enrolled []enrolledRow // only if Own
	Typed    string        // an address that was refused
	Problem  string
	Done     string // what was just done; a key of the page
}

func (o *ouiform) course(v *visit) (answer, error) {
	page, err := o.open(v)
	page.Done = v.URL.Query().Get("done")
	return answer{page: "ouiform-course.html", data: page}, err
}

func (o *ouiform) open(v *visit) (coursePage, error) {
	courses := o.Staff.Courses()
	at := slices.IndexFunc(courses, func(c Course) bool { return c.ID == v.PathValue("id") })
	if at < 0 {
		return coursePage{}, errAbsent
	}
	c := courses[at]
	page := coursePage{visit: v, Course: o.row(c), Own: c.Organisation == v.Caller.Organisation}
	page.MayEnrol = page.Own || v.Caller.Role == roster.Adviser
	if page.Own {
		for _, e := range o.training.in(c.ID) {
			page.Enrolled = append(page.Enrolled, o.enrolledRow(e))
		}
	}
	return page, nil
}

// trained is how long a training body has to do with somebody whom it trains: a course, and
// its invoice.
const trained = 150 * 24 * time.Hour

func (o *ouiform) enrol(v *visit) (answer, error) {
	page, err := o.open(v)
	if err != nil {
		return answer{}, err
	}
	if !page.MayEnrol {
		return answer{}, errRefused
	}
	page.Typed = v.PostFormValue("mail")
	i, ok := o.Register.ByMail(page.Typed)
	if ok {
		err = o.training.enrol(v.Context(), page.Course.Course, i, v.Caller.Account, o.Now())
	}
	switch {
	case !ok:
		page.Problem = "Cette adresse n’est celle de personne au registre. Vérifiez-la avec la personne."
	case errors.Is(err, errFull):
		page.Problem = "Il ne reste aucune place dans cette formation."
	case errors.Is(err, errTrained):
		page.Problem = "Cette personne suit déjà une formation de cet organisme. Terminez-la d’abord."
	case err != nil:
		return answer{}, err
	}
	if page.Problem != "" {
		return answer{status: http.StatusUnprocessableEntity, page: "ouiform-course.html", data: page}, nil
	}
	return answer{to: "/courses/" + page.Course.ID + "?done=enrolled"}, nil
}

type enrolmentsPage struct {
	*visit
	People []enrolledRow
	Done   string
}

// accompanies reports whether somebody is the caller's to answer for: they enrolled them, or
// accompany them.
func (o *ouiform) accompanies(v *visit, e *enrolment) bool {
	return v.Caller.Role == roster.Adviser && (e.by == v.Caller.Account || slices.Contains(o.Staff.Caseload(v.Caller.Account), e.person))
}

// mine is whom an adviser enrolled, or accompanies, who is in training; quotes that wait first.
func (o *ouiform) mine(v *visit) (answer, error) {
	page := enrolmentsPage{visit: v, Done: v.URL.Query().Get("done")}
	for _, e := range o.training.list(func(e *enrolment) bool { return o.accompanies(v, e) }) {
		page.People = append(page.People, o.enrolledRow(e))
	}
	slices.SortStableFunc(page.People, func(a, b enrolledRow) int {
		first := map[bool]int{true: 0, false: 1}
		return cmp.Or(cmp.Compare(first[a.Waits()], first[b.Waits()]), b.On.Compare(a.On))
	})
	return answer{page: "ouiform-mine.html", data: page}, nil
}

// own finds somebody in the course of the path who is the caller's to answer for. Somebody
// else is as absent as nobody.
func (o *ouiform) own(v *visit) (Course, int, error) {
	page, err := o.open(v)
	if err != nil {
		return Course{}, 0, err
	}
	i, ok := o.Register.ByMail(v.PostFormValue("mail"))
	for _, e := range o.training.in(page.Course.ID) {
		if ok && e.person == i && o.accompanies(v, &e) {
			return e.course, i, nil
		}
	}
	return Course{}, 0, errAbsent
}

// withdraw ends a training.
func (o *ouiform) withdraw(v *visit) (answer, error) {
	course, person, err := o.own(v)
	if err != nil {
		return answer{}, err
	}
	switch err := o.training.leave(v.Context(), person, course, o.Now()); {
	case errors.Is(err, errOver):
		return answer{}, errAbsent
	case err != nil:
		return answer{}, err
	}
	return answer{to: "/mine?done=withdrawn"}, nil
}

func (o *ouiform) answer(v *visit) (answer, error) {
	course, person, err := o.own(v)
	if err != nil {
		return answer{}, err
	}
	as := billState(v.PostFormValue("answer"))
	if as != accepted && as != refused {
		return answer{}, invalid("acceptez le devis, ou refusez-le")
	}
	switch err := o.training.answers(v.Context(), person, course, as); {
	case errors.Is(err, errNoQuote), errors.Is(err, errOver):
		return answer{}, invalid("aucun devis n’attend de réponse pour cette formation")
	case err != nil:
		return answer{}, err
	}
	return answer{to: "/mine?done=" + string(as)}, nil
}

func (o *ouiform) download(v *visit) (answer, error) {
	page, err := o.open(v)
	if err != nil {
		return answer{}, err
	}
	if !page.Own {
		return answer{}, errRefused
	}
	rows := [][]string{{"mail", "surname", "first", "phone", "commune", "enrolled"}}
	for _, e := range page.Enrolled {
		p := e.Person
		rows = append(rows, []string{p.Mail, p.Surname, p.First, p.Phone, p.Commune.Name, e.On.Format(time.DateOnly)})
	}
	return answer{file: page.Course.ID + ".csv", rows: rows}, nil
}
