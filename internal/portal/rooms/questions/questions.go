// Package questions is the room where bodies answer people who ask why somebody looked at
// their file: whom do I owe an answer, and by when? It names no person of the register.
package questions

import (
	"context"
	"embed"
	"net/http"
	"slices"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/person"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

//go:embed pages
var pageFiles embed.FS

// Deps is what the room relies on.
type Deps struct {
	Questions Questions
	Gate      Gate
	Roster    portal.Names
	Journal   Journal
}

// Questions are what people asked.
type Questions interface {
	// To returns the questions to a body, in the order of their numbers; to all bodies when
	// it is empty.
	To(context.Context, roster.OrganisationID) ([]person.Question, error)
	// Answer answers one; fault.Refused to those who may not.
	Answer(context.Context, person.Answer) error
}

// Gate is what is in force.
type Gate interface {
	// Orders returns the orders placed and not lifted.
	Orders() order.Set
}

// Journal is the ledger, as it is read.
type Journal interface {
	// Entry returns one entry.
	Entry(context.Context, ledger.Number) (ledger.Entry, error)
}

// Handlers serve the room.
type Handlers struct {
	deps  Deps
	shell *portal.Shell
	pages portal.Writer
}

// New returns the room.
func New(shell *portal.Shell, deps Deps) *Handlers {
	return &Handlers{deps: deps, shell: shell, pages: shell.Writer(pageFiles)}
}

// Path is where questions are answered.
const Path = "/questions"

// Routes implements portal.Room.
func (h *Handlers) Routes() []portal.Route {
	return []portal.Route{
		{Pattern: "GET " + Path, Serve: h.answering(h.list)},
		{Pattern: "POST " + Path + "/{number}", Serve: h.answering(h.answer)},
	}
}

// Links implements portal.Room.
func (h *Handlers) Links() []portal.Link {
	return []portal.Link{{Path: Path, Name: "questions.link", For: answers}}
}

// answers reports whether a viewer answers people, or watches that they are answered.
func answers(who portal.Viewer) bool {
	return who.Role == roster.Manager || who.Role == roster.Privacy
}

// answering lets in those who answer, unless they are suspended.
func (h *Handlers) answering(serve func(*portal.Visit) error) func(*portal.Visit) error {
	return h.shell.LetIn(answers, h.deps.Gate.Orders, "this room is for those who answer people", serve)
}

// asked is a question, as those who answer see it.
type asked struct {
	person.Question
	Who, Body, Service string
	Looked             time.Time
	Reason             string
	Late               bool
	Due                time.Time
}

// page answers those who answer people: whom do I owe an answer, and by when?
type page struct {
	portal.Page
	Waiting, Done []asked
	Late          int
	May           bool // the viewer answers; the officer only watches
	Answers       []ledger.State
	Wrong         portal.Mends
}

// mostDone is how many answered questions the page shows.
const mostDone = 20

func (h *Handlers) list(v *portal.Visit) error { return h.show(v, http.StatusOK, nil) }

func (h *Handlers) show(v *portal.Visit, status int, wrong portal.Mends) error {
	shown := page{Page: v.Page(Path, "questions.title"), May: v.Viewer.Role == roster.Manager, Answers: person.Answers, Wrong: wrong}
	var body roster.OrganisationID
	if shown.May {
		body = v.Viewer.Organisation.ID
	}
	all, err := h.deps.Questions.To(v.Context(), body)
	if err != nil {
		return err
	}
	labels, _, err := h.shell.LabelsOf(v, h.deps.Roster)
	if err != nil {
		return err
	}
	for _, q := range slices.Backward(all) {
		if q.What == person.WasMe || !q.Waits() && len(shown.Done) >= mostDone {
			continue
		}
		one := asked{Question: q, Who: labels.Account(q.Account), Body: labels.Organisation(q.Body), Due: q.Due()}
		line, err := h.deps.Journal.Entry(v.Context(), q.Line)
		switch {
		case err == nil:
			one.Service, one.Looked = labels.Service(line.Service), line.Time
			one.Reason = v.Speaker.Say("reason." + line.Reason.Kind.String())
		case !fault.Is(err, fault.Absent): // it was dropped at its term
			return err
		}
		if one.Late = q.Waits() && one.Due.Before(h.shell.Now()); one.Late {
			shown.Late++
		}
		if q.Waits() {
			shown.Waiting = append(shown.Waiting, one)
		} else {
			shown.Done = append(shown.Done, one)
		}
	}
	slices.Reverse(shown.Waiting) // the first due first
	h.pages.Show(v, status, "questions.html", shown)
	return nil
}

// answer answers a question of the viewer's own body. One of another body looks like one that
// is not there.
func (h *Handlers) answer(v *portal.Visit) error {
	absent := &fault.Error{Kind: fault.Absent, Public: "there is no such question"}
	number, err := v.Number(absent)
	own, wrong := false, portal.Mends(nil)
	if err == nil && v.Viewer.Role == roster.Manager {
		all, err := h.deps.Questions.To(v.Context(), v.Viewer.Organisation.ID)
		if err != nil {
			return err
		}
		own = slices.ContainsFunc(all, func(q person.Question) bool { return q.Number == number })
	}
	if !own {
		return absent
	}
	a := person.Answer{By: v.Viewer.ID, Number: number, Why: ledger.State(v.PostFormValue("why")), Words: portal.Tidy(v.PostFormValue("words"))}
	if !slices.Contains(person.Answers, a.Why) {
		wrong = append(wrong, portal.Wrong{Field: "why-" + v.PathValue("number"), Key: "questions.choose"})
	}
	if a.Words != "" {
		wrong = append(wrong, portal.MendTyped("words-"+v.PathValue("number"), a.Words)...)
	}
	if len(wrong) > 0 {
		return h.show(v, http.StatusUnprocessableEntity, wrong)
	}
	if err := h.deps.Questions.Answer(v.Context(), a); err != nil {
		return err
	}
	v.Back(Path)
	return nil
}
