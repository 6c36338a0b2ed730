package town

import (
	"context"
	"database/sql"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// NewSuivi is the follow-up that a Mission locale and a Cap emploi share: an adviser's own
// people, and what bodies need to know to accompany somebody. What one body was told the others
// are shown, with its source and date, and nobody asks it again. Health and disability are a
// page of their own: the application itself shows it to whoever is signed in.
func NewSuivi(ctx context.Context, site Site) (http.Handler, error) {
	s := &suivi{said: map[int]map[string]given{}}
	var err error
	if s.application, err = newApplication(ctx, "suivi", "Suivi", site); err != nil {
		return nil, err
	}
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	s.handle("GET /{$}", s.home)
	s.handle("GET /files/{dossier}", s.page(situation))
	s.handle("GET /files/{dossier}/health", s.page(health))
	s.form("POST /files/{dossier}/situation", s.take(situation))
	s.form("POST /files/{dossier}/health", s.take(health))
	return s, nil
}

const suiviTables = `
	create table if not exists detail (
		person integer not null, name text not null, value text not null, by text not null, at_us integer not null, primary key (person, name)
	) strict;`

// read reads what was written.
func (s *suivi) read(ctx context.Context) error {
	return s.Kept.each(ctx, `select person, name, value, by, at_us from detail`, func(scan func(...any) error) error {
		var i int
		var name string
		var g given
		var at int64
		if err := scan(&i, &name, &g.Value, &g.By, &at); err != nil {
			return err
		}
		g.On = time.UnixMicro(at).UTC()
		if s.said[i] == nil {
			s.said[i] = make(map[string]given)
		}
		s.said[i][name] = g
		return nil
	})
}

type suivi struct {
	*application
	mu   sync.Mutex // guards said
	said map[int]map[string]given
}

// given is what somebody was told of a person, once.
type given struct {
	Value string
	By    string // the body
	On    time.Time
}

// detail is something that bodies need to know of a person.
type detail struct {
	Key, Label string
	Choices    []string // none: it is written
}

// sheet is a page of details about a person, and the form that asks for those that lack.
type sheet struct {
	page    string
	Field   string // what the page calls them: the category that the gate is told
	At      string // of the page, below the person's address
	To      string // of the form
	details []detail
}

var situation = sheet{"suivi-file.html", "shared", "", "/situation", []detail{
	{"licence", "Permis de conduire", []string{"Permis B", "Permis B en préparation", "Aucun permis"}},
	{"transport", "Moyen de transport", []string{"Voiture", "Deux-roues", "Transports en commun", "Aucun"}},
	{"housing", "Logement", []string{"Logement stable", "Hébergement chez un proche", "Foyer ou résidence", "Sans logement stable"}},
	{"diploma", "Dernier diplôme", []string{"Aucun diplôme", "CAP ou BEP", "Baccalauréat", "Diplôme du supérieur"}},
	{"aim", "Projet de la personne", nil},
}}

var health = sheet{"suivi-health.html", "health", "/health", "/health", []detail{
	{"recognition", "Reconnaissance du handicap (RQTH)", []string{"Reconnue", "Demande en cours", "Non demandée"}},
	{"adaptation", "Aménagements du poste", nil},
	{"avoid", "Gestes et situations à éviter", nil},
}}

// knownDetail is a detail as a page shows it: with what was given, or asked for.
type knownDetail struct {
	detail
	Given *given
	Typed string
	Ask   bool // it is not known, or is being corrected
}

type suiviPage struct {
	*visit
	Person  Person
	Sheet   sheet
	Details []knownDetail
	Asks    bool
	Problem string
	Done    bool
}

func (s *suivi) home(v *visit) (answer, error) {
	caseload := s.Staff.Caseload(v.Caller.Account)
	page := listPage{visit: v, Total: len(caseload), Pages: max(1, (len(caseload)+perPage-1)/perPage)}
	page.Page, _ = strconv.Atoi(v.URL.Query().Get("page"))
	page.Page = min(max(page.Page, 1), page.Pages)
	from := (page.Page - 1) * perPage
	for _, i := range caseload[from:min(from+perPage, len(caseload))] {
		page.People = append(page.People, s.Register.Person(i))
	}
	return answer{page: "suivi-home.html", data: page}, nil
}

// open reads a person's page, with what is known of a sheet's details. What is known is asked for
// only when it is being corrected.
func (s *suivi) open(v *visit, of sheet, correct string) (suiviPage, error) {
	i, ok := s.Register.ByDossier(v.PathValue("dossier"))
	if !ok {
		return suiviPage{}, errAbsent
	}
	page := suiviPage{visit: v, Person: s.Register.Person(i), Sheet: of}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range of.details {
		k := knownDetail{detail: d}
		if g, known := s.said[i][d.Key]; known {
			k.Given, k.Typed = &g, g.Value
		}
		k.Ask = k.Given == nil || correct == d.Key
		page.Asks = page.Asks || k.Ask
		page.Details = append(page.Details, k)
	}
	return page, nil
}

func (s *suivi) page(of sheet) func(*visit) (answer, error) {
	return func(v *visit) (answer, error) {
		page, err := s.open(v, of, v.URL.Query().Get("correct"))
		page.Done = v.URL.Query().Has("done")
		return answer{page: of.page, data: page}, err
	}
}

// longestDetail is how many characters a detail that is written has at most.
const longestDetail = 300

// take keeps what a form says. What is known is replaced only where the form says that it
// corrects it: two who fill in the form at once do not overwrite each other unseen.
func (s *suivi) take(of sheet) func(*visit) (answer, error) {
	return func(v *visit) (answer, error) {
		correct := v.PostFormValue("correct")
		page, err := s.open(v, of, correct)
		if err != nil {
			return answer{}, err
		}
		said := make(map[string]string)
		for i := range page.Details {
			k := &page.Details[i]
			text := strings.TrimSpace(v.PostFormValue(k.Key))
			if text == "" || !k.Ask {
				continue
			}
			k.Typed = text
			if k.Choices != nil && !slices.Contains(k.Choices, text) {
				page.Problem = k.Label + " : choisissez une réponse de la liste."
			} else if utf8.RuneCountInString(text) > longestDetail {
				page.Problem = k.Label + " : 300 caractères au plus."
			}
			said[k.Key] = text
		}
		if page.Problem == "" && len(said) == 0 {
			page.Problem = "Répondez à une question au moins. Ce qui est connu n’est pas redemandé."
		}
		if page.Problem != "" {
			return answer{status: http.StatusUnprocessableEntity, page: of.page, data: page}, nil
		}
		i := page.Person.Index
		s.mu.Lock()
		defer s.mu.Unlock()
		for key := range said {
			if _, known := s.said[i][key]; known && key != correct {
				delete(said, key)
			}
		}
		by, now := s.nameOf(v.Caller.Organisation), s.Now()
		err = s.Kept.change(v.Context(), func(tx *sql.Tx) error {
			for key, text := range said {
				_, err := tx.Exec(`insert into detail (person, name, value, by, at_us) values ($1, $2, $3, $4, $5)
					on conflict (person, name) do update set value = excluded.value, by = excluded.by, at_us = excluded.at_us`, i, key, text, by, now.UnixMicro())
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return answer{}, err
		}
		if s.said[i] == nil {
			s.said[i] = make(map[string]given)
		}
		for key, text := range said {
			s.said[i][key] = given{Value: text, By: by, On: now}
		}
		return answer{to: "/files/" + page.Person.Dossier + of.At + "?done=1"}, nil
	}
}
