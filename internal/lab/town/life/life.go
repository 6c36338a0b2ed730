// Package life is the town's staff at work. They are honest and quick, and use
// the portal as anybody does: over HTTP, signed in, one page after another.
package life

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"poterne/internal/lab/town"
	"poterne/internal/roster"
)

// Settings are where the staff work and how fast.
type Settings struct {
	Portal   string // such as http://localhost:8080
	Register *town.Register
	Staff    *town.Staff
	Buttons  map[roster.AccountID]string  // of those who work, on the identity provider's page
	Pause    time.Duration                // between two pages of one agent, on average
	Expected func(roster.AccountID) []int // people the agent receives today
	Seed     uint64
}

// Run lets everybody who has a button work until ctx ends. An agent who
// is signed out waits a little and comes back; one who is stopped tries something
// else.
func Run(ctx context.Context, s Settings) error {
	var everybody errgroup.Group
	for i, agent := range s.Staff.Agents() {
		button, ok := s.Buttons[agent.ID]
		if !ok || !agent.Role.ReadsFiles() {
			continue
		}
		w := &worker{Settings: s, agent: agent, button: button, dice: rand.New(rand.NewPCG(s.Seed, uint64(i)))}
		everybody.Go(func() error { return w.work(ctx) })
	}
	return everybody.Wait()
}

// worker is one agent at one computer.
type worker struct {
	Settings
	agent   town.Agent
	button  string
	dice    *rand.Rand
	browser *Browser // nil: signed out
}

func (w *worker) work(ctx context.Context) error {
	for w.pause(ctx) {
		if w.browser == nil {
			w.arrive(ctx)
			continue
		}
		w.openSomething(ctx)
	}
	return nil
}

// pause waits about as long as Pause says; it reports whether work goes on.
func (w *worker) pause(ctx context.Context) bool {
	wait := time.Duration(w.dice.ExpFloat64() * float64(w.Pause))
	select {
	case <-ctx.Done():
		return false
	case <-time.After(min(wait, 10*w.Pause)):
		return true
	}
}

func (w *worker) arrive(ctx context.Context) {
	browser := NewBrowser(w.Portal)
	if browser.SignIn(ctx, w.button) == nil {
		w.browser = browser
	}
}

// openSomething does one thing that the agent's role does all day.
func (w *worker) openSomething(ctx context.Context) {
	switch w.agent.Role {
	case roster.Training:
		w.train(ctx)
	case roster.Adviser:
		w.accompany(ctx)
	default:
		w.receive(ctx)
	}
}

func (w *worker) accompany(ctx context.Context) {
	caseload := w.Staff.Caseload(w.agent.ID)
	switch chance := w.dice.IntN(100); {
	case len(caseload) == 0 || chance < 15:
		w.receive(ctx)
	case chance < 30:
		w.open(ctx, "/dossier/mine")
	case chance < 31:
		if somebody := w.dice.IntN(w.Register.Size()); !w.Register.IsCanary(somebody) { // a colleague's question
			w.openFile(ctx, somebody)
		}
	default:
		w.openFile(ctx, caseload[w.dice.IntN(len(caseload))])
	}
}

// receive opens somebody of today's diary, desk or telephone line.
func (w *worker) receive(ctx context.Context) {
	if here := w.Expected(w.agent.ID); len(here) > 0 {
		w.openFile(ctx, here[w.dice.IntN(len(here))])
	}
}

func (w *worker) train(ctx context.Context) {
	trainees := w.Staff.Enrolments(w.agent.Organisation)
	if len(trainees) == 0 || w.dice.IntN(4) == 0 {
		w.open(ctx, "/kairos/")
		return
	}
	w.open(ctx, "/kairos/trainees/"+w.Register.FT(trainees[w.dice.IntN(len(trainees))]))
}

func (w *worker) openFile(ctx context.Context, person int) {
	w.open(ctx, "/dossier/files/"+w.Register.Dossier(person))
}

// open opens a page; somebody who finds themself signed out comes back later.
func (w *worker) open(ctx context.Context, path string) {
	page, err := w.browser.Get(ctx, path)
	if err != nil || page.Status == http.StatusUnauthorized || !strings.HasPrefix(page.Address.String(), w.Portal) {
		w.browser = nil
	}
}
