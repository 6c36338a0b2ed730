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
	o.form("POST /courses/{id}/requests", o.ask)
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
	On     time.Time // of the enrolment; zero: a quote was asked for before it
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
	MayAsk   bool          // for a quote, before an enrolment
	Enrolled []enrolledRow // only if Own
	Typed    string        // an address that was refused
	Asking   bool          // it was in the form that asks for a quote
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
	page.MayAsk = !page.Own && v.Caller.Role == roster.Adviser
	page.MayEnrol = page.Own || page.MayAsk
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
	return o.about(page, "enrolled", func(person int) error {
		return o.training.enrol(v.Context(), page.Course.Course, person, v.Caller.Account, o.Now())
	})
}

// ask asks for a quote before somebody is enrolled.
func (o *ouiform) ask(v *visit) (answer, error) {
	page, err := o.open(v)
	if err != nil {
		return answer{}, err
	}
	if !page.MayAsk {
		return answer{}, errRefused
	}
	page.Asking = true
	return o.about(page, "asked", func(person int) error {
		return o.training.asks(v.Context(), page.Course.Course, person, v.Caller.Account, o.Now())
	})
}

// about does something for whoever has the address in the form, or shows the page again with what is
// wrong.
func (o *ouiform) about(page coursePage, done string, do func(person int) error) (answer, error) {
	page.Typed = page.PostFormValue("mail")
	i, ok := o.Register.ByMail(page.Typed)
	if !ok {
		page.Problem = "Cette adresse n’est celle de personne au registre. Vérifiez-la avec la personne."
	} else if err := do(i); err != nil {
		if page.Problem = impossible(err); page.Problem == "" {
			return answer{}, err
		}
	}
	if page.Problem != "" {
		return answer{status: http.StatusUnprocessableEntity, page: "ouiform-course.html", data: page}, nil
	}
	return answer{to: "/courses/" + page.Course.ID + "?done=" + done}, nil
}

// impossible says why somebody cannot enter a course; nothing when it is something else.
func impossible(err error) string {
	switch {
	case errors.Is(err, errFull):
		return "Il ne reste aucune place dans cette formation."
	case errors.Is(err, errTrained):
		return "Cette personne suit déjà une formation de cet organisme. Terminez-la d’abord."
	case errors.Is(err, errAsked):
		return "Un devis est déjà demandé pour cette personne. Il est parmi vos inscriptions."
	}
	return ""
}

type enrolmentsPage struct {
	*visit
	People []enrolledRow
	Done   string
}

// accompanies reports whether somebody is the caller's to answer for: they enrolled them or asked
// for a quote, or accompany them.
func (o *ouiform) accompanies(v *visit, person int, by roster.AccountID) bool {
	return v.Caller.Role == roster.Adviser && (by == v.Caller.Account || slices.Contains(o.Staff.Caseload(v.Caller.Account), person))
}

// asked are the requests that wait and are the caller's to answer for.
func (o *ouiform) asked(v *visit) []request {
	return o.training.requests(func(r request) bool { return r.open() && o.accompanies(v, r.person, r.by) })
}

// mine is whom an adviser enrolled, or accompanies, who is in training or for whom a quote was asked;
// quotes that wait first.
func (o *ouiform) mine(v *visit) (answer, error) {
	page := enrolmentsPage{visit: v, Done: v.URL.Query().Get("done")}
	for _, e := range o.training.list(func(e *enrolment) bool { return o.accompanies(v, e.person, e.by) }) {
		page.People = append(page.People, o.enrolledRow(e))
	}
	for _, r := range o.asked(v) {
		page.People = append(page.People, enrolledRow{Person: o.Register.Person(r.person), Course: r.Course, Quote: new(r.Quote())})
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
		if ok && e.person == i && o.accompanies(v, e.person, e.by) {
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

// answer accepts or refuses what was offered for somebody: for a training that they follow, or before
// they are enrolled.
func (o *ouiform) answer(v *visit) (answer, error) {
	as := billState(v.PostFormValue("answer"))
	if as != accepted && as != refused {
		return answer{}, invalid("acceptez le devis, ou refusez-le")
	}
	i, known := o.Register.ByMail(v.PostFormValue("mail"))
	for _, r := range o.asked(v) {
		if !known || r.person != i || r.Course.ID != v.PathValue("id") {
			continue
		}
		switch err := o.training.decides(v.Context(), i, r.Course, as, v.Caller.Account, o.Now()); {
		case errors.Is(err, errNoQuote):
			return answer{}, invalid("aucun devis n’attend de réponse pour cette formation")
		case err != nil && impossible(err) != "":
			return answer{}, invalid(impossible(err))
		case err != nil:
			return answer{}, err
		}
		return answer{to: "/mine?done=" + map[billState]string{accepted: "entered", refused: "dropped"}[as]}, nil
	}
	course, person, err := o.own(v)
	if err != nil {
		return answer{}, err
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
