package town

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"poterne/internal/fault"
	"poterne/internal/roster"
)

const (
	perPage   = 25
	rowsFound = 10
)

// NewDossier is the application of those who accompany people: an exact search,
// one's own people, a person's file and notes. Like the one it imitates, it
// opens any file to any of its users: it has no rule about whose file is whose.
//
// What is written in it is read from its file when it begins, and each change is in the file
// before it is in memory.
func NewDossier(ctx context.Context, site Site) (http.Handler, error) {
	d := &dossier{notes: map[int][]Note{}, meetings: map[int][]meeting{}, closed: map[int]closure{}}
	var err error
	if d.application, err = newApplication(ctx, "dossier", "Dossier", site); err != nil {
		return nil, err
	}
	if err := d.read(ctx); err != nil {
		return nil, err
	}
	d.handle("GET /{$}", d.home)
	d.handle("GET /search", d.search)
	d.handle("GET /mine", d.mine)
	d.handle("GET /files/{dossier}", d.file)
	d.form("POST /files/{dossier}/notes", d.note)
	d.form("POST /files/{dossier}/appointments", d.meet)
	d.form("POST /files/{dossier}/cancellations", d.cancel)
	d.handle("GET /closed", d.closures)
	d.form("POST /files/{dossier}/closing", d.shutFile)
	d.form("POST /files/{dossier}/reopening", d.reopen)
	d.handle("POST /files/{dossier}/contact", d.rewrite) // with no token either: it checks nothing
	d.handle("GET /contacts/{dossier}", d.contact)
	return d, nil
}

const dossierTables = `
	create table if not exists note (
		number integer primary key autoincrement, person integer not null, at_us integer not null, by text not null, text text not null, how text not null
	) strict;
	create table if not exists appointment (
		id text primary key, person integer not null, at_us integer not null, account text not null, name text not null, by text not null
	) strict;
	create table if not exists closure (
		person integer primary key, id text not null, at_us integer not null, by text not null, account text not null, why text not null
	) strict;`

// read reads what was written.
func (d *dossier) read(ctx context.Context) error {
	notes := d.Kept.each(ctx, `select person, at_us, by, text, how from note order by number`, func(scan func(...any) error) error {
		var i int
		var at int64
		var n Note
		err := scan(&i, &at, &n.By, &n.Text, &n.How)
		n.On = time.UnixMicro(at).UTC()
		d.notes[i] = append(d.notes[i], n)
		return err
	})
	meetings := d.Kept.each(ctx, `select person, id, at_us, account, name, by from appointment order by at_us, id`, func(scan func(...any) error) error {
		var i int
		var at int64
		var m meeting
		err := scan(&i, &m.ID, &at, &m.With, &m.Name, &m.By)
		m.At = time.UnixMicro(at).In(paris)
		d.meetings[i] = append(d.meetings[i], m)
		return err
	})
	closures := d.Kept.each(ctx, `select person, id, at_us, by, account, why from closure`, func(scan func(...any) error) error {
		var i int
		var at int64
		var c closure
		err := scan(&i, &c.ID, &at, &c.By, &c.Of, &c.Why)
		c.On = time.UnixMicro(at).UTC()
		d.closed[i] = c
		return err
	})
	return errors.Join(notes, meetings, closures)
}

type dossier struct {
	*application
	mu       sync.Mutex // guards all below
	notes    map[int][]Note
	meetings map[int][]meeting
	closed   map[int]closure
}

// closure is a file that was closed in Dossier. It is told for everybody.
type closure struct {
	ID  string
	On  time.Time
	By  string // who closed it
	Of  roster.AccountID
	Why string
}

// whys are why files are closed.
var whys = []string{"Emploi durable", "Retraite", "Déménagement hors du bassin", "À la demande de la personne", "Sans nouvelles malgré trois relances"}

// meeting is an appointment that was made in Dossier. It is told as the reason of whoever
// receives the person to open their file, from the day before on, by whoever made it.
type meeting struct {
	ID   string
	At   time.Time
	With roster.AccountID
	Name string // of who receives
	By   string // who made it
}

type homePage struct {
	*visit
	Mine                  int
	Surname, Birth, First string
	Dossier, Problem      string
}

func (d *dossier) home(v *visit) (answer, error) {
	return answer{page: "dossier-home.html", data: homePage{visit: v, Mine: len(d.followed(v))}}, nil
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
			visit: v, Mine: len(d.followed(v)), Surname: page.Surname, Birth: page.Birth, First: page.First,
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
		if i, ok := d.Register.ByDossier(asked.Dossier); ok {
			return []int{i}, nil
		}
		return nil, nil
	}
	birth, err := parseDate(asked.Birth)
	if err != nil || strings.TrimSpace(asked.Surname) == "" {
		return nil, invalid("Indiquez le nom de famille et la date de naissance, par exemple 31/12/1990.")
	}
	found, err := d.Register.Search(asked.Surname, birth, asked.First)
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

// followed is whom the caller accompanies whose file is not closed.
func (d *dossier) followed(v *visit) []int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.Staff.Caseload(v.Caller.Account)), func(i int) bool {
		_, closed := d.closed[i]
		return closed
	})
}

func (d *dossier) mine(v *visit) (answer, error) {
	caseload := d.followed(v)
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
		people[n] = d.Register.Person(i)
	}
	return people
}

// contact answers, for a program, where a person can be reached.
func (d *dossier) contact(v *visit) (answer, error) {
	i, ok := d.Register.ByDossier(v.PathValue("dossier"))
	if !ok {
		return answer{}, errAbsent
	}
	p, now := d.Register.Person(i), d.Register.reach(i)
	said := struct {
		Dossier string   `json:"dossier"`
		Name    string   `json:"name"`
		Mail    string   `json:"mail"`
		Address []string `json:"address"`
	}{p.Dossier, p.Name(), now.Mail, nil}
	if now.Post != "" {
		said.Address = strings.Split(now.Post, "\n")
	}
	return answer{data: said}, nil
}

type filePage struct {
	*visit
	Person  Person
	Notes   []Note // newest first
	Text    string // typed, if it was refused
	How     string
	Problem string // of the form named by About
	About   string // note or appointment
	Done    string // what was just done

	Closed   *closure
	MayClose bool // it is of the caller's caseload
	Why      string

	Meetings         []meeting // to come, the next first
	Colleagues       []Agent   // whom an appointment can be made with
	Day, Clock, With string
	Today            string
}

// Hows are by what one is in touch with a person.
func (filePage) Hows() []string { return hows }

// Whys are why a file is closed.
func (filePage) Whys() []string { return whys }

var hows = []string{"Appel", "Courriel", "Visite", "Courrier"}

func (d *dossier) file(v *visit) (answer, error) {
	page, err := d.open(v)
	page.Done = v.URL.Query().Get("done")
	return answer{page: "dossier-file.html", data: page}, err
}

func (d *dossier) open(v *visit) (filePage, error) {
	i, ok := d.Register.ByDossier(v.PathValue("dossier"))
	if !ok {
		return filePage{}, errAbsent
	}
	page := filePage{visit: v, Person: d.Register.Person(i)}
	page.Person.Mail, page.Person.Phone = d.Register.Reached(i)
	d.mu.Lock()
	written := append(page.Person.Notes, d.notes[i]...)
	if c, closed := d.closed[i]; closed {
		page.Closed = &c
	}
	for _, m := range d.meetings[i] {
		if m.At.After(d.Now().AddDate(0, 0, -1)) {
			page.Meetings = append(page.Meetings, m)
		}
	}
	d.mu.Unlock()
	page.MayClose = page.Closed == nil && slices.Contains(d.Staff.Caseload(v.Caller.Account), i)
	slices.SortStableFunc(page.Meetings, func(a, b meeting) int { return a.At.Compare(b.At) })
	for _, a := range d.Staff.Agents() {
		if a.Organisation == v.Caller.Organisation && a.Role.ReadsFiles() {
			page.Colleagues = append(page.Colleagues, a)
		}
	}
	page.With, page.Clock, page.Today = string(v.Caller.Account), "09:00", d.Now().In(paris).Format(time.DateOnly)
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
	page.Text, page.How, page.About = strings.TrimSpace(v.PostFormValue("text")), v.PostFormValue("how"), "note"
	if page.Text == "" || len(page.Text) > longestNote {
		page.Problem = "Écrivez une note de 1 à 2 000 caractères."
	} else if page.How != "" && !slices.Contains(hows, page.How) {
		page.Problem = "Choisissez par quel moyen vous avez échangé."
	}
	if page.Problem != "" {
		return answer{status: http.StatusUnprocessableEntity, page: "dossier-file.html", data: page}, nil
	}
	i, n := page.Person.Index, Note{On: d.Now(), By: v.Caller.Name, Text: page.Text, How: page.How}
	d.mu.Lock()
	defer d.mu.Unlock()
	err = d.Kept.set(v.Context(), `insert into note (person, at_us, by, text, how) values ($1, $2, $3, $4, $5)`, i, n.On.UnixMicro(), n.By, n.Text, n.How)
	if err != nil {
		return answer{}, err
	}
	d.notes[i] = append(d.notes[i], n)
	return answer{to: "/files/" + page.Person.Dossier + "?done=note"}, nil
}

// paris is where people are received.
var paris = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(fmt.Sprintf("town: %v", err))
	}
	return zone
}()

// The days ahead for which appointments are made, and those from one's day on in which it is
// a reason.
const (
	daysAhead = 180
	daysAfter = 2
)

// meet makes an appointment.
func (d *dossier) meet(v *visit) (answer, error) {
	page, err := d.open(v)
	if err != nil {
		return answer{}, err
	}
	page.About, page.Day, page.Clock, page.With = "appointment", v.PostFormValue("day"), v.PostFormValue("clock"), v.PostFormValue("with")
	at, err := time.ParseInLocation("2006-01-02 15:04", page.Day+" "+page.Clock, paris)
	with := slices.IndexFunc(page.Colleagues, func(a Agent) bool { return string(a.ID) == page.With })
	switch {
	case err != nil:
		page.Problem = "Indiquez un jour et une heure."
	case at.Before(d.Now()) || at.After(d.Now().AddDate(0, 0, daysAhead)):
		page.Problem = "Choisissez un moment à venir, dans les six mois."
	case with < 0:
		page.Problem = "Choisissez qui reçoit la personne, dans votre structure."
	}
	if page.Problem != "" {
		return answer{status: http.StatusUnprocessableEntity, page: "dossier-file.html", data: page}, nil
	}
	m := meeting{ID: "dossier-" + rand.Text(), At: at, With: page.Colleagues[with].ID, Name: page.Colleagues[with].Name, By: v.Caller.Name}
	i, day := page.Person.Index, time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, paris)
	d.mu.Lock()
	defer d.mu.Unlock()
	err = d.Kept.change(v.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`insert into appointment (id, person, at_us, account, name, by) values ($1, $2, $3, $4, $5, $6)`, m.ID, i, m.At.UnixMicro(), string(m.With), m.Name, m.By)
		if err != nil {
			return err
		}
		return tellOf(tx, m, page.Person, v.Caller.Account, day.AddDate(0, 0, -1), day.AddDate(0, 0, daysAfter))
	})
	if err != nil {
		return answer{}, err
	}
	d.meetings[i] = append(d.meetings[i], m)
	return answer{to: "/files/" + page.Person.Dossier + "?done=appointment"}, nil
}

func tellOf(tx *sql.Tx, m meeting, p Person, author roster.AccountID, from, until time.Time) error {
	return tell(tx, "agenda", Reason{
		ID: m.ID, Kind: "appointment", Account: m.With, Author: author, Scheme: SchemeDossier, Person: p.Dossier, From: from.UTC(), Until: until.UTC(),
	})
}

// cancel takes an appointment back, and the reason with it.
func (d *dossier) cancel(v *visit) (answer, error) {
	page, err := d.open(v)
	if err != nil {
		return answer{}, err
	}
	i, now := page.Person.Index, d.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	at := slices.IndexFunc(d.meetings[i], func(m meeting) bool { return m.ID == v.PostFormValue("appointment") })
	if at < 0 {
		return answer{}, errAbsent
	}
	m := d.meetings[i][at]
	err = d.Kept.change(v.Context(), func(tx *sql.Tx) error {
		if _, err := tx.Exec(`delete from appointment where id = $1`, m.ID); err != nil {
			return err
		}
		return tellOf(tx, m, page.Person, v.Caller.Account, now.Add(-time.Second), now)
	})
	if err != nil {
		return answer{}, err
	}
	d.meetings[i] = slices.Delete(d.meetings[i], at, at+1)
	return answer{to: "/files/" + page.Person.Dossier + "?done=cancelled"}, nil
}

// shutFile closes a file of the caller's caseload.
func (d *dossier) shutFile(v *visit) (answer, error) {
	page, err := d.open(v)
	if err != nil {
		return answer{}, err
	}
	if !page.MayClose {
		return answer{}, errRefused
	}
	page.Why, page.About = v.PostFormValue("why"), "closing"
	if !slices.Contains(whys, page.Why) {
		page.Problem = "Choisissez pourquoi le dossier est clos."
		return answer{status: http.StatusUnprocessableEntity, page: "dossier-file.html", data: page}, nil
	}
	c := closure{ID: "dossier-" + rand.Text(), On: d.Now(), By: v.Caller.Name, Of: v.Caller.Account, Why: page.Why}
	i := page.Person.Index
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, already := d.closed[i]; !already { // by whoever was quicker
		err := d.Kept.change(v.Context(), func(tx *sql.Tx) error {
			_, err := tx.Exec(`insert into closure (person, id, at_us, by, account, why) values ($1, $2, $3, $4, $5, $6)`, i, c.ID, c.On.UnixMicro(), c.By, string(c.Of), c.Why)
			if err != nil {
				return err
			}
			return tellClosed(tx, c, page.Person, time.Time{})
		})
		if err != nil {
			return answer{}, err
		}
		d.closed[i] = c
	}
	return answer{to: "/closed?done=closed"}, nil
}

// reopen opens a closed file again.
func (d *dossier) reopen(v *visit) (answer, error) {
	page, err := d.open(v)
	if err != nil {
		return answer{}, err
	}
	i := page.Person.Index
	d.mu.Lock()
	defer d.mu.Unlock()
	c, closed := d.closed[i]
	if !closed {
		return answer{}, errAbsent
	}
	err = d.Kept.change(v.Context(), func(tx *sql.Tx) error {
		if _, err := tx.Exec(`delete from closure where person = $1`, i); err != nil {
			return err
		}
		return tellClosed(tx, c, page.Person, d.Now())
	})
	if err != nil {
		return answer{}, err
	}
	delete(d.closed, i)
	return answer{to: "/files/" + page.Person.Dossier + "?done=reopened"}, nil
}

func tellClosed(tx *sql.Tx, c closure, p Person, until time.Time) error {
	if !until.IsZero() {
		until = until.UTC()
	}
	return tell(tx, "registre", Reason{ID: c.ID, Kind: "closed", Author: c.Of, Scheme: SchemeDossier, Person: p.Dossier, From: c.On.UTC(), Until: until})
}

type closedRow struct {
	Person
	Closure closure
}

type closedPage struct {
	*visit
	Files []closedRow // the newest first
	Done  bool
}

// closures is what the caller closed.
func (d *dossier) closures(v *visit) (answer, error) {
	page := closedPage{visit: v, Done: v.URL.Query().Has("done")}
	d.mu.Lock()
	for i, c := range d.closed {
		if c.Of == v.Caller.Account {
			page.Files = append(page.Files, closedRow{d.Register.Person(i), c})
		}
	}
	d.mu.Unlock()
	slices.SortFunc(page.Files, func(a, b closedRow) int { return b.Closure.On.Compare(a.Closure.On) })
	return answer{page: "dossier-closed.html", data: page}, nil
}

// rewrite changes where a person is reached, for whoever asks: the application checks nothing.
func (d *dossier) rewrite(v *visit) (answer, error) {
	i, ok := d.Register.ByDossier(v.PathValue("dossier"))
	if !ok {
		return answer{}, errAbsent
	}
	to := d.Register.reach(i)
	to.Mail, to.Phone = v.PostFormValue("mail"), v.PostFormValue("phone")
	if err := d.Register.move(v.Context(), i, to); err != nil {
		return answer{}, err
	}
	return answer{to: "/files/" + v.PathValue("dossier")}, nil
}
