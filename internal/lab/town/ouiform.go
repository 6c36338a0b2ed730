package town

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"poterne/internal/roster"
)

// NewOuiform is the training catalogue: anybody signed in reads it, advisers and
// the course's own organisation enrol people by their e-mail address, and an
// organisation sees who is enrolled in its own courses.
func NewOuiform(r *Register, s *Staff, who Verify) http.Handler {
	o := &ouiform{application: newApplication("ouiform", "Ouiform", r, s, who), enrolled: map[string][]enrolment{}}
	for _, course := range s.Courses() {
		for _, i := range course.Enrolled {
			o.enrolled[course.ID] = append(o.enrolled[course.ID], enrolment{person: i, on: asOf})
		}
	}
	o.handle("GET /{$}", o.home)
	o.handle("GET /courses/{id}", o.course)
	o.handle("POST /courses/{id}/enrolments", o.enrol)
	o.handle("GET /courses/{id}/enrolled.csv", o.download)
	return o
}

type ouiform struct {
	*application
	mu       sync.Mutex // guards enrolled
	enrolled map[string][]enrolment
}

type enrolment struct {
	person int
	on     time.Time
}

type catalogueRow struct {
	Course
	By string // the organisation's name
}

type cataloguePage struct {
	*visit
	Courses []catalogueRow
}

func (o *ouiform) home(v *visit) (answer, error) {
	page := cataloguePage{visit: v}
	for _, c := range o.staff.Courses() {
		page.Courses = append(page.Courses, catalogueRow{c, o.nameOf(c.Organisation)})
	}
	return answer{page: "ouiform-home.html", data: page}, nil
}

func (o *ouiform) nameOf(id roster.OrganisationID) string {
	for _, organisation := range o.staff.Organisations() {
		if organisation.ID == id {
			return organisation.Name
		}
	}
	return string(id)
}

type enrolledRow struct {
	Person Person
	On     time.Time
}

type coursePage struct {
	*visit
	Course   catalogueRow
	Own      bool // the caller's organisation gives the course
	MayEnrol bool
	Enrolled []enrolledRow // only if Own
	Typed    string        // an address that was refused
	Problem  string
	Done     bool
}

func (o *ouiform) course(v *visit) (answer, error) {
	page, err := o.open(v)
	page.Done = v.URL.Query().Has("done")
	return answer{page: "ouiform-course.html", data: page}, err
}

func (o *ouiform) open(v *visit) (coursePage, error) {
	courses := o.staff.Courses()
	at := slices.IndexFunc(courses, func(c Course) bool { return c.ID == v.PathValue("id") })
	if at < 0 {
		return coursePage{}, errAbsent
	}
	c := courses[at]
	page := coursePage{visit: v, Course: catalogueRow{c, o.nameOf(c.Organisation)}, Own: c.Organisation == v.Caller.Organisation}
	page.MayEnrol = page.Own || v.Caller.Role == roster.Adviser
	if page.Own {
		o.mu.Lock()
		enrolled := slices.Clone(o.enrolled[c.ID])
		o.mu.Unlock()
		for _, e := range enrolled {
			page.Enrolled = append(page.Enrolled, enrolledRow{o.register.Person(e.person), e.on})
		}
	}
	return page, nil
}

func (o *ouiform) enrol(v *visit) (answer, error) {
	page, err := o.open(v)
	if err != nil {
		return answer{}, err
	}
	if !page.MayEnrol {
		return answer{}, errRefused
	}
	page.Typed = v.PostFormValue("mail")
	i, ok := o.register.ByMail(page.Typed)
	if !ok {
		page.Problem = "Cette adresse n’est celle de personne au registre. Vérifiez-la avec la personne."
		return answer{status: http.StatusUnprocessableEntity, page: "ouiform-course.html", data: page}, nil
	}
	o.add(page.Course.ID, i)
	return answer{to: "/courses/" + page.Course.ID + "?done"}, nil
}

// add enrols somebody once, however often it is asked.
func (o *ouiform) add(course string, person int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !slices.ContainsFunc(o.enrolled[course], func(e enrolment) bool { return e.person == person }) {
		o.enrolled[course] = append(o.enrolled[course], enrolment{person: person, on: o.now()})
	}
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
