package town

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"poterne/internal/roster"
)

// mostCandidates is how many people the candidates route gives at a time.
const mostCandidates = 1000

// NewKairos is the application of training organisations: their trainees and who
// came on which day, as an interface for programs and as pages.
//
// Each route shows an organisation its own trainees, but for one. The search of
// candidates forgets to check who asks: it gives anybody in the register to
// whoever is signed in, a thousand at a time, with everything about them. The
// mistake is deliberate, of the kind that real ones were robbed through, and
// stays: it is there to show what a gate makes of it.
//
// What training bodies do there (attendance, quotes, invoices) is refused while the
// application is read-only; reading goes on.
func NewKairos(ctx context.Context, site Site, t *Training) (http.Handler, error) {
	common, err := newApplication(ctx, "kairos", "Kairos", site)
	if err != nil {
		return nil, err
	}
	k := &kairos{application: common, training: t}
	k.handle("GET /{$}", k.home)
	k.handle("GET /trainees/{ft}", k.page)
	k.handle("GET /billing", k.billing)
	k.handle("GET /quotes", k.asked)
	k.form("POST /quotes/{number}", k.offer)
	k.handle("GET /courses/{id}/attendance", k.week)
	k.handle("GET /courses/{id}/attendance.csv", k.download)
	k.form("POST /trainees/{ft}/attendance", k.attendForm)
	k.form("POST /trainees/{ft}/quotes", k.quoteForm)
	k.form("POST /trainees/{ft}/invoices", k.invoiceForm)
	k.handle("GET /candidates", func(v *visit) (answer, error) { return answer{page: "kairos-candidates.html", data: v}, nil })
	k.handle("GET /api/trainees", k.trainees)
	k.handle("GET /api/trainees/{ft}", k.trainee)
	k.changes("POST /api/trainees/{ft}/attendance", k.attend)
	k.handle("GET /api/candidates", k.candidates)
	return k, nil
}

type kairos struct {
	*application
	training *Training
}

type traineeRow struct {
	FT      string `json:"ftid"`
	Surname string `json:"surname"`
	First   string `json:"first"`
	Commune string `json:"commune"`
	Course  string `json:"course"`
	Present int    `json:"present"`
	Absent  int    `json:"absent"`
}

type trainee struct {
	FT         string       `json:"ftid"`
	Surname    string       `json:"surname"`
	First      string       `json:"first"`
	Birth      string       `json:"birth"`
	Phone      string       `json:"phone"`
	Mail       string       `json:"mail"`
	Commune    string       `json:"commune"`
	Status     Status       `json:"status"`
	Sought     string       `json:"sought"`
	Course     string       `json:"course"`
	Attendance []attendance `json:"attendance"`
	enrolment  enrolment
}

type candidate struct {
	FT      string `json:"ftid"`
	Surname string `json:"surname"`
	First   string `json:"first"`
	Birth   string `json:"birth"`
	NIR     string `json:"nir"`
	Phone   string `json:"phone"`
	Mail    string `json:"mail"`
	Address string `json:"address"`
	Commune string `json:"commune"`
	Status  Status `json:"status"`
	Sought  string `json:"sought"`
}

type traineeList struct {
	Organisation roster.OrganisationID `json:"organisation"`
	Trainees     []traineeRow          `json:"trainees"`
}

func (k *kairos) trainees(v *visit) (answer, error) { return answer{data: k.own(v)}, nil }

type kairosHome struct {
	*visit
	Trainees []traineeRow
	Courses  []Course // of the organisation
	Asked    int      // quotes that wait for a price
}

func (k *kairos) home(v *visit) (answer, error) {
	page := kairosHome{visit: v, Trainees: k.own(v).Trainees, Courses: k.courses(v)}
	page.Asked = len(k.training.requests(func(r request) bool { return r.Course.Organisation == v.Caller.Organisation && r.State == asked }))
	return answer{page: "kairos-home.html", data: page}, nil
}

// courses are those of the caller's organisation.
func (k *kairos) courses(v *visit) []Course {
	return slices.DeleteFunc(slices.Clone(k.Staff.Courses()), func(c Course) bool { return c.Organisation != v.Caller.Organisation })
}

func (k *kairos) own(v *visit) traineeList {
	list := traineeList{Organisation: v.Caller.Organisation, Trainees: []traineeRow{}}
	for _, e := range k.training.of(v.Caller.Organisation) {
		p := k.Register.Person(e.person)
		row := traineeRow{FT: p.FT, Surname: p.Surname, First: p.First, Commune: p.Commune.Name, Course: e.course.Title}
		for _, day := range e.days {
			if day.Present {
				row.Present++
			} else {
				row.Absent++
			}
		}
		list.Trainees = append(list.Trainees, row)
	}
	return list
}

// find returns the trainee whom the path names, if their organisation asks;
// somebody else's trainee is as absent as nobody's.
func (k *kairos) find(v *visit) (int, trainee, error) {
	i, ok := k.Register.ByFT(v.PathValue("ft"))
	if !ok {
		return 0, trainee{}, errAbsent
	}
	e, ok := k.training.find(i, v.Caller.Organisation)
	if !ok {
		return 0, trainee{}, errAbsent
	}
	p := k.Register.Person(i)
	return i, trainee{
		FT: p.FT, Surname: p.Surname, First: p.First, Birth: p.Birth.Format(time.DateOnly), Phone: p.Phone, Mail: p.Mail,
		Commune: p.Commune.Name, Status: p.Status, Sought: p.Sought.Label, Course: e.course.Title, Attendance: append([]attendance{}, e.days...), enrolment: e,
	}, nil
}

func (k *kairos) trainee(v *visit) (answer, error) {
	_, t, err := k.find(v)
	return answer{data: t}, err
}

type traineePage struct {
	*visit
	Trainee  trainee
	Today    string
	Present  bool
	Rate     string // euros an hour, as typed
	Problem  string // of the form named by About
	About    string // attendance, quote or invoice
	Done     string // the same, done
	Bills    []bill // newest first
	MayQuote bool
	MayBill  bool
}

func (k *kairos) shown(v *visit, t trainee) traineePage {
	page := traineePage{visit: v, Trainee: t, Today: k.Now().Format(time.DateOnly), Present: true, MayQuote: true, MayBill: t.enrolment.open() > 0}
	for _, b := range slices.Backward(t.enrolment.bills) {
		page.Bills = append(page.Bills, b)
		page.MayQuote = page.MayQuote && (b.Kind != quote || b.State == refused)
	}
	return page
}

func (k *kairos) page(v *visit) (answer, error) {
	_, t, err := k.find(v)
	page := k.shown(v, t)
	page.Done = v.URL.Query().Get("done")
	return answer{page: "kairos-trainee.html", data: page}, err
}

// wrong shows the page again, with what was typed and what is wrong with it.
func wrong(page traineePage, about, problem string) (answer, error) {
	page.About, page.Problem = about, problem
	return answer{status: http.StatusUnprocessableEntity, page: "kairos-trainee.html", data: page}, nil
}

func (k *kairos) attends(i int, v *visit, said attendance) error {
	err := k.training.change(v.Context(), i, v.Caller.Organisation, func(e *enrolment) error { return e.attend(said) })
	if errors.Is(err, errOver) {
		return errAbsent
	}
	return err
}

func (k *kairos) attend(v *visit) (answer, error) {
	i, t, err := k.find(v)
	if err != nil {
		return answer{}, err
	}
	if kind, _, _ := mime.ParseMediaType(v.Header.Get("Content-Type")); kind != "application/json" {
		return answer{}, invalid("envoyez du JSON (Content-Type: application/json)")
	}
	var said attendance
	if err := json.NewDecoder(v.Body).Decode(&said); err != nil {
		return answer{}, invalid("écrivez {\"day\": \"2026-11-23\", \"present\": true}")
	}
	if _, err := time.Parse(time.DateOnly, said.Day); err != nil {
		return answer{}, invalid("le jour s’écrit 2026-11-23")
	}
	if err := k.attends(i, v, said); err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusCreated, data: struct {
		FT string `json:"ftid"`
		attendance
	}{t.FT, said}}, nil
}

func (k *kairos) attendForm(v *visit) (answer, error) {
	i, t, err := k.find(v)
	if err != nil {
		return answer{}, err
	}
	said := attendance{Day: v.PostFormValue("day"), Present: v.PostFormValue("present") == "yes"}
	page := k.shown(v, t)
	page.Today, page.Present = said.Day, said.Present
	day, err := time.Parse(time.DateOnly, said.Day)
	switch {
	case err != nil:
		return wrong(page, "attendance", "Indiquez un jour.")
	case day.After(k.Now()):
		return wrong(page, "attendance", "Ce jour n’est pas encore venu : notez une présence le jour même, ou après.")
	}
	if err := k.attends(i, v, said); err != nil {
		return answer{}, err
	}
	return answer{to: "/trainees/" + t.FT + "?done=attendance"}, nil
}

// The cents an hour that a quote may ask.
const (
	leastRate = 100
	mostRate  = 10_000
)

const noRate = "Indiquez un prix de l’heure, de 1 à 100 euros, par exemple 9,50."

// centsAnHour reads a price as people type it.
func centsAnHour(text string) (cents int, ok bool) {
	rate, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64)
	if err != nil || !(rate >= leastRate/100 && rate <= mostRate/100) { // also what is no number
		return 0, false
	}
	return int(math.Round(rate * 100)), true
}

func (k *kairos) quoteForm(v *visit) (answer, error) {
	i, t, err := k.find(v)
	if err != nil {
		return answer{}, err
	}
	page := k.shown(v, t)
	page.Rate = strings.TrimSpace(v.PostFormValue("rate"))
	cents, ok := centsAnHour(page.Rate)
	if !ok {
		return wrong(page, "quote", noRate)
	}
	switch err := k.training.quotes(v.Context(), i, v.Caller.Organisation, cents, k.Now()); {
	case errors.Is(err, errAsked):
		return wrong(page, "quote", "Un devis attend déjà une réponse, ou a été accepté.")
	case err != nil:
		return answer{}, err
	}
	return answer{to: "/trainees/" + t.FT + "?done=quote"}, nil
}

func (k *kairos) invoiceForm(v *visit) (answer, error) {
	i, t, err := k.find(v)
	if err != nil {
		return answer{}, err
	}
	switch err := k.training.invoices(v.Context(), i, v.Caller.Organisation, k.Now()); {
	case errors.Is(err, errNobody):
		return wrong(k.shown(v, t), "invoice", "Aucune heure à facturer : notez d’abord les présences.")
	case errors.Is(err, errNoQuote):
		return wrong(k.shown(v, t), "invoice", "Aucun devis n’a été accepté pour cette formation.")
	case err != nil:
		return answer{}, err
	}
	return answer{to: "/trainees/" + t.FT + "?done=invoice"}, nil
}

type billRow struct {
	trainee
	Bill bill
}

type billingPage struct {
	*visit
	Rows []billRow
	All  int // cents, of the invoices
}

// billing is what an organisation offered and charged, newest first.
func (k *kairos) billing(v *visit) (answer, error) {
	page := billingPage{visit: v}
	for _, e := range k.training.of(v.Caller.Organisation) {
		p := k.Register.Person(e.person)
		for _, b := range e.bills {
			page.Rows = append(page.Rows, billRow{trainee{FT: p.FT, Surname: p.Surname, First: p.First, Course: e.course.Title}, b})
			if b.Kind == invoice {
				page.All += b.Amount()
			}
		}
	}
	slices.SortStableFunc(page.Rows, func(a, b billRow) int { return b.Bill.On.Compare(a.Bill.On) })
	return answer{page: "kairos-billing.html", data: page}, nil
}

// candidates is the hole: nothing here asks who the caller is.
func (k *kairos) candidates(v *visit) (answer, error) {
	asked := v.URL.Query()
	from, count := 0, mostCandidates
	for name, value := range map[string]*int{"from": &from, "count": &count} {
		if text := asked.Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				return answer{}, invalid(name + " est un nombre")
			}
			*value = n
		}
	}
	people, next := k.Register.LivingIn(asked.Get("commune"), from, min(count, mostCandidates))
	list := make([]candidate, len(people))
	for n, i := range people {
		p := k.Register.Person(i)
		list[n] = candidate{
			FT: p.FT, Surname: p.Surname, First: p.First, Birth: p.Birth.Format(time.DateOnly), NIR: p.NIR, Phone: p.Phone, Mail: p.Mail,
			Address: p.Street + ", " + p.Postcode + " " + p.Commune.Name, Commune: p.Commune.Name, Status: p.Status, Sought: p.Sought.Label,
		}
	}
	return answer{data: struct {
		Candidates []candidate `json:"candidates"`
		Next       int         `json:"next,omitempty"`
	}{list, next}}, nil
}
