// Package life is the town's staff at work. They are honest and quick, and use
// the portal as anybody does: over HTTP, signed in, one page after another.
package life

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"poterne/internal/roster"
	"poterne/internal/town"
)

// Settings are where the staff work and how fast.
type Settings struct {
	Portal   string // such as http://localhost:8080
	Register *town.Register
	Staff    *town.Staff
	Button   func(roster.AccountID) (value string, ok bool) // of an agent on the identity provider's page
	Pause    time.Duration                                  // between two pages of one agent, on average
	Expected func(roster.AccountID) []int                   // people the agent receives today
	Seed     uint64
}

// Run lets every agent whom the provider knows work until ctx ends. An agent who
// is stopped or signed out waits a little and comes back.
func Run(ctx context.Context, s Settings) error {
	var everybody errgroup.Group
	for i, agent := range s.Staff.Agents() {
		button, ok := s.Button(agent.ID)
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
	agent  town.Agent
	button string
	dice   *rand.Rand
	client *http.Client
}

var errSignedOut = errors.New("signed out")

func (w *worker) work(ctx context.Context) error {
	for {
		if !w.pause(ctx) {
			return nil
		}
		if w.client == nil {
			if err := w.signIn(ctx); err != nil {
				w.client = nil
			}
			continue
		}
		if err := w.openSomething(ctx); errors.Is(err, errSignedOut) {
			w.client = nil
		}
	}
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

// signIn goes to the portal, is sent to the identity provider, presses its own
// button there, and comes back.
func (w *worker) signIn(ctx context.Context) error {
	w.client = &http.Client{Jar: newJar(), Timeout: 10 * time.Second}
	answer, err := w.get(ctx, w.Portal+"/.poterne/begin?return=%2F")
	if err != nil {
		return err
	}
	page := answer.Request.URL.String()
	form := url.Values{"person": {w.button}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, page, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", answer.Request.URL.Scheme+"://"+answer.Request.URL.Host)
	_, err = w.send(request)
	return err
}

func (w *worker) get(ctx context.Context, address string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return w.send(request)
}

// send reads the whole page, as somebody at a screen does.
func (w *worker) send(request *http.Request) (*http.Response, error) {
	request.Header.Set("User-Agent", "Mozilla/5.0 (town of Valbourg)")
	request.Header.Set("Accept", "text/html,application/json")
	request.Header.Set("Accept-Language", "fr-FR")
	answer, err := w.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking for a page: %w", err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	if answer.StatusCode == http.StatusUnauthorized || !strings.HasPrefix(answer.Request.URL.String(), w.Portal) && request.Method == http.MethodGet && !strings.Contains(request.URL.Path, "begin") {
		return answer, errSignedOut
	}
	return answer, nil
}

// openSomething does one thing that the agent's role does all day.
func (w *worker) openSomething(ctx context.Context) error {
	switch w.agent.Role {
	case roster.Training:
		return w.train(ctx)
	case roster.Adviser:
		return w.accompany(ctx)
	default:
		return w.receive(ctx)
	}
}

func (w *worker) accompany(ctx context.Context) error {
	caseload := w.Staff.Caseload(w.agent.ID)
	switch chance := w.dice.IntN(100); {
	case len(caseload) == 0:
		return w.receive(ctx)
	case chance < 15:
		return w.open(ctx, "/dossier/mine")
	case chance < 16:
		return w.openFile(ctx, w.dice.IntN(w.Register.Size())) // a wrong number, a colleague's question
	case chance < 30:
		return w.receive(ctx)
	default:
		return w.openFile(ctx, caseload[w.dice.IntN(len(caseload))])
	}
}

// receive opens somebody of today's diary, desk or telephone line.
func (w *worker) receive(ctx context.Context) error {
	here := w.Expected(w.agent.ID)
	if len(here) == 0 {
		return nil
	}
	return w.openFile(ctx, here[w.dice.IntN(len(here))])
}

func (w *worker) train(ctx context.Context) error {
	trainees := w.Staff.Enrolments(w.agent.Organisation)
	if len(trainees) == 0 || w.dice.IntN(4) == 0 {
		return w.open(ctx, "/kairos/")
	}
	return w.open(ctx, "/kairos/trainees/"+w.Register.FT(trainees[w.dice.IntN(len(trainees))]))
}

func (w *worker) openFile(ctx context.Context, person int) error {
	return w.open(ctx, "/dossier/files/"+w.Register.Dossier(person))
}

func (w *worker) open(ctx context.Context, path string) error {
	_, err := w.get(ctx, w.Portal+path)
	return err
}
