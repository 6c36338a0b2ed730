package town

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"poterne/internal/fault"
)

const (
	perPage   = 25
	rowsFound = 10
)

// NewDossier is the application of those who accompany people: an exact search,
// one's own people, a person's file and notes. Like the one it imitates, it
// opens any file to any of its users: it has no rule about whose file is whose.
func NewDossier(r *Register, s *Staff, who Verify) http.Handler {
	d := &dossier{application: newApplication("dossier", "Dossier", r, s, who), notes: map[int][]Note{}}
	d.handle("GET /{$}", d.home)
	d.handle("GET /search", d.search)
	d.handle("GET /mine", d.mine)
	d.handle("GET /files/{dossier}", d.file)
	d.handle("POST /files/{dossier}/notes", d.note)
	d.handle("POST /files/{dossier}/contact", d.rewrite)
	d.handle("GET /contacts/{dossier}", d.contact)
	return d
}

type dossier struct {
	*application
	mu    sync.Mutex // guards notes
	notes map[int][]Note
}

type homePage struct {
	*visit
	Mine                  int
	Surname, Birth, First string
	Dossier, Problem      string
}

func (d *dossier) home(v *visit) (answer, error) {
	return answer{page: "dossier-home.html", data: homePage{visit: v, Mine: len(d.staff.Caseload(v.Caller.Account))}}, nil
}

type listPage struct {
	*visit
	People                         []Person
	Total, Page, Pages             int
	TooMany                        bool
	Surname, Birth, First, Dossier string
}

// Before and After are the neighbouring pages, or 0.
func (p listPage) Before() int { return p.Page - 1 }

// After is the next page, or 0.
func (p listPage) After() int {
	if p.Page < p.Pages {
		return p.Page + 1
	}
	return 0
}

// search answers two forms: one dossier number, or a surname and a birth date.
func (d *dossier) search(v *visit) (answer, error) {
	asked := v.URL.Query()
	page := listPage{
		visit: v, Surname: asked.Get("surname"), Birth: asked.Get("birth"), First: asked.Get("first"), Dossier: asked.Get("dossier"),
	}
	found, err := d.found(page)
	if err != nil {
		form := homePage{
			visit: v, Mine: len(d.staff.Caseload(v.Caller.Account)), Surname: page.Surname, Birth: page.Birth, First: page.First,
			Dossier: page.Dossier, Problem: fault.Public(err),
		}
		return answer{status: statusOf[fault.KindOf(err)], page: "dossier-home.html", data: form}, nil
	}
	return answer{page: "dossier-results.html", data: d.rows(page, found)}, nil
}

// rows shows nobody rather than the first few of too many.
func (d *dossier) rows(page listPage, found []int) listPage {
	page.Total, page.TooMany = len(found), len(found) > rowsFound
	if !page.TooMany {
		page.People = d.people(found)
	}
	return page
}

func (d *dossier) found(asked listPage) ([]int, error) {
	if asked.Dossier != "" {
		if i, ok := d.register.ByDossier(asked.Dossier); ok {
			return []int{i}, nil
		}
		return nil, nil
	}
	birth, err := parseDate(asked.Birth)
	if err != nil || strings.TrimSpace(asked.Surname) == "" {
		return nil, invalid("Indiquez le nom de famille et la date de naissance, par exemple 31/12/1990.")
	}
	found, err := d.register.Search(asked.Surname, birth, asked.First)
	if errors.Is(err, ErrNotIndexed) {
		return nil, &fault.Error{Kind: fault.Unavailable, Public: "La recherche par nom n’est pas disponible : utilisez le numéro de dossier.", Err: err}
	}
	return found, err
}

// parseDate reads a date as browsers send it or as people write it.
func parseDate(text string) (time.Time, error) {
	for _, form := range []string{time.DateOnly, "02/01/2006"} {
		if t, err := time.Parse(form, strings.TrimSpace(text)); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("not a date")
}

func (d *dossier) mine(v *visit) (answer, error) {
	caseload := d.staff.Caseload(v.Caller.Account)
	page := listPage{visit: v, Total: len(caseload), Pages: max(1, (len(caseload)+perPage-1)/perPage)}
	page.Page, _ = strconv.Atoi(v.URL.Query().Get("page"))
	page.Page = min(max(page.Page, 1), page.Pages)
	from := (page.Page - 1) * perPage
	page.People = d.people(caseload[from:min(from+perPage, len(caseload))])
	return answer{page: "dossier-mine.html", data: page}, nil
}

func (d *dossier) people(indexes []int) []Person {
	people := make([]Person, len(indexes))
	for n, i := range indexes {
		people[n] = d.register.Person(i)
	}
	return people
}

// contact answers, for a program, where a person can be reached. Of one person in sixteen no
// mail address was ever confirmed; of one in four hundred, nothing is known.
func (d *dossier) contact(v *visit) (answer, error) {
	i, ok := d.register.ByDossier(v.PathValue("dossier"))
	if !ok {
		return answer{}, errAbsent
	}
	p := d.register.Person(i)
	p.Mail, p.Phone = d.register.Reached(i)
	said := struct {
		Dossier string   `json:"dossier"`
		Name    string   `json:"name"`
		Mail    string   `json:"mail"`
		Address []string `json:"address"`
	}{p.Dossier, p.Name(), p.Mail, []string{p.Street, p.Postcode + " " + p.Commune.Name}}
	if i%16 == 7 {
		said.Mail = ""
	}
	if i%400 == 7 {
		said.Address = nil
	}
	return answer{data: said}, nil
}

type filePage struct {
	*visit
	Person  Person
	Notes   []Note // newest first
	Text    string // typed, if it was refused
	Problem string
}

func (d *dossier) file(v *visit) (answer, error) {
	page, err := d.open(v)
	return answer{page: "dossier-file.html", data: page}, err
}

func (d *dossier) open(v *visit) (filePage, error) {
	i, ok := d.register.ByDossier(v.PathValue("dossier"))
	if !ok {
		return filePage{}, errAbsent
	}
	page := filePage{visit: v, Person: d.register.Person(i)}
	page.Person.Mail, page.Person.Phone = d.register.Reached(i)
	d.mu.Lock()
	written := append(page.Person.Notes, d.notes[i]...)
	d.mu.Unlock()
	for n := len(written) - 1; n >= 0; n-- {
		page.Notes = append(page.Notes, written[n])
	}
	return page, nil
}

const longestNote = 2000

func (d *dossier) note(v *visit) (answer, error) {
	page, err := d.open(v)
	if err != nil {
		return answer{}, err
	}
	page.Text = strings.TrimSpace(v.PostFormValue("text"))
	if page.Text == "" || len(page.Text) > longestNote {
		page.Problem = "Écrivez une note de 1 à 2 000 caractères."
		return answer{status: http.StatusUnprocessableEntity, page: "dossier-file.html", data: page}, nil
	}
	i := page.Person.Index
	d.mu.Lock()
	d.notes[i] = append(d.notes[i], Note{On: d.now(), By: v.Caller.Name, Text: page.Text})
	d.mu.Unlock()
	return answer{to: "/files/" + page.Person.Dossier}, nil
}

// rewrite changes where a person is reached, for whoever asks: the application checks nothing.
func (d *dossier) rewrite(v *visit) (answer, error) {
	i, ok := d.register.ByDossier(v.PathValue("dossier"))
	if !ok {
		return answer{}, errAbsent
	}
	to := reach{Mail: v.PostFormValue("mail"), Phone: v.PostFormValue("phone")}
	d.register.reached.mu.Lock()
	to.number = d.register.reached.by[i].number
	d.register.reached.mu.Unlock()
	d.register.reach(i, to)
	return answer{to: "/files/" + v.PathValue("dossier")}, nil
}
