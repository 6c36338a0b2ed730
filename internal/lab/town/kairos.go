package town

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
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
func NewKairos(r *Register, s *Staff, who Verify) http.Handler {
	k := &kairos{application: newApplication("kairos", "Kairos", r, s, who), days: map[int][]attendance{}}
	k.handle("GET /{$}", k.home)
	k.handle("GET /trainees/{ft}", k.page)
	k.handle("POST /trainees/{ft}/attendance", k.attendForm)
	k.handle("GET /candidates", func(v *visit) (answer, error) { return answer{page: "kairos-candidates.html", data: v}, nil })
	k.handle("GET /api/trainees", k.trainees)
	k.handle("GET /api/trainees/{ft}", k.trainee)
	k.handle("POST /api/trainees/{ft}/attendance", k.attend)
	k.handle("GET /api/candidates", k.candidates)
	return k
}

type kairos struct {
	*application
	mu   sync.Mutex // guards days
	days map[int][]attendance
}

type attendance struct {
	Day     string `json:"day"`
	Present bool   `json:"present"`
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
}

func (k *kairos) home(v *visit) (answer, error) {
	return answer{page: "kairos-home.html", data: kairosHome{v, k.own(v).Trainees}}, nil
}

func (k *kairos) own(v *visit) traineeList {
	list := traineeList{Organisation: v.Caller.Organisation, Trainees: []traineeRow{}}
	for _, course := range k.staff.Courses() {
		if course.Organisation != v.Caller.Organisation {
			continue
		}
		for _, i := range course.Enrolled {
			p := k.register.Person(i)
			row := traineeRow{FT: p.FT, Surname: p.Surname, First: p.First, Commune: p.Commune.Name, Course: course.Title}
			for _, day := range k.attended(i) {
				if day.Present {
					row.Present++
				} else {
					row.Absent++
				}
			}
			list.Trainees = append(list.Trainees, row)
		}
	}
	return list
}

// find returns the trainee whom the path names, if their organisation asks;
// somebody else's trainee is as absent as nobody's.
func (k *kairos) find(v *visit) (int, trainee, error) {
	i, ok := k.register.ByFT(v.PathValue("ft"))
	if !ok {
		return 0, trainee{}, errAbsent
	}
	for _, course := range k.staff.Courses() {
		if course.Organisation != v.Caller.Organisation {
			continue
		}
		for _, enrolled := range course.Enrolled {
			if enrolled == i {
				p := k.register.Person(i)
				return i, trainee{
					FT: p.FT, Surname: p.Surname, First: p.First, Birth: p.Birth.Format(time.DateOnly), Phone: p.Phone, Mail: p.Mail,
					Commune: p.Commune.Name, Status: p.Status, Sought: p.Sought.Label, Course: course.Title, Attendance: k.attended(i),
				}, nil
			}
		}
	}
	return 0, trainee{}, errAbsent
}

func (k *kairos) trainee(v *visit) (answer, error) {
	_, t, err := k.find(v)
	return answer{data: t}, err
}

type traineePage struct {
	*visit
	Trainee trainee
	Today   string
	Problem string
}

func (k *kairos) page(v *visit) (answer, error) {
	_, t, err := k.find(v)
	return answer{page: "kairos-trainee.html", data: traineePage{visit: v, Trainee: t, Today: k.now().Format(time.DateOnly)}}, err
}

func (k *kairos) attended(i int) []attendance {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]attendance{}, k.days[i]...)
}

// record keeps one word a day: the last one said.
func (k *kairos) record(i int, said attendance) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for n := range k.days[i] {
		if k.days[i][n].Day == said.Day {
			k.days[i][n] = said
			return
		}
	}
	k.days[i] = append(k.days[i], said)
}

func (k *kairos) attend(v *visit) (answer, error) {
	i, t, err := k.find(v)
	if err != nil {
		return answer{}, err
	}
	var said attendance
	if err := json.NewDecoder(v.Body).Decode(&said); err != nil {
		return answer{}, invalid("écrivez {\"day\": \"2026-11-23\", \"present\": true}")
	}
	if _, err := time.Parse(time.DateOnly, said.Day); err != nil {
		return answer{}, invalid("le jour s’écrit 2026-11-23")
	}
	k.record(i, said)
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
	if _, err := time.Parse(time.DateOnly, said.Day); err != nil {
		page := traineePage{visit: v, Trainee: t, Today: said.Day, Problem: "Indiquez un jour."}
		return answer{status: http.StatusUnprocessableEntity, page: "kairos-trainee.html", data: page}, nil
	}
	k.record(i, said)
	return answer{to: "/trainees/" + t.FT}, nil
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
	people, next := k.register.LivingIn(asked.Get("commune"), from, min(count, mostCandidates))
	list := make([]candidate, len(people))
	for n, i := range people {
		p := k.register.Person(i)
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
