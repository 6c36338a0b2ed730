package staff

import (
	"math/rand/v2"
	"net/http"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/fault"
	"poterne/internal/portal"
)

// ModulePath is where the module on security awareness is done.
const ModulePath = "/awareness"

// question is one of the module: its texts are said by its name.
type question struct{ Name, Right string }

// questions are on three thefts: of adviser accounts by a support desk that was talked into
// resets (2024), of a session by malware (2025), and of an account manager (2025).
var questions = []question{
	{"reset", "b"},
	{"caller", "c"},
	{"colleague", "a"},
	{"code", "c"},
	{"cookie", "b"},
	{"not-me", "a"},
	{"invitation", "c"},
	{"propose", "a"},
	{"curious", "b"},
	{"report", "a"},
}

const enough = 8 // answers of ten

// options are an answer's names, before they are shuffled.
var options = []string{"a", "b", "c"}

// modulePage asks ten questions, and explains what was answered wrong.
type modulePage struct {
	portal.Page
	Asked     bool // of the viewer's role, a certificate is asked
	Own       bool // and it is this module's
	Trained   time.Time
	Valid     bool // until Trained
	Questions []asked
	Answered  bool
	Right     int
	Passed    bool
}

// asked is a question as it is drawn.
type asked struct {
	question
	Options  []string
	Chosen   string
	Mistaken bool
}

func (h *Handlers) module(v *portal.Visit) error { return h.showModule(v, modulePage{}) }

// showModule draws the questions, and the answers to each, in an order of this time.
func (h *Handlers) showModule(v *portal.Visit, shown modulePage) error {
	account, _, err := h.deps.Roster.Account(v.Context(), v.Viewer.ID)
	if err != nil {
		return err
	}
	module := h.deps.Awareness.Modules[account.Role]
	shown.Page = v.Page(ModulePath, "module.title")
	shown.Asked, shown.Own = module != "", module == accounts.OwnModule
	shown.Trained, shown.Valid = account.Trained, account.Trained.After(h.shell.Now())
	if shown.Own && !shown.Answered {
		for _, i := range rand.Perm(len(questions)) {
			q := asked{question: questions[i]}
			for _, j := range rand.Perm(len(options)) {
				q.Options = append(q.Options, options[j])
			}
			shown.Questions = append(shown.Questions, q)
		}
	}
	h.pages.Show(v, http.StatusOK, "module.html", shown)
	return nil
}

// answer judges the answers of the viewer, and certifies them when enough are right. Whose
// they are is said by the session alone.
func (h *Handlers) answer(v *portal.Visit) error {
	if err := v.ParseForm(); err != nil {
		return &fault.Error{Kind: fault.Invalid, Err: err}
	}
	if h.deps.Awareness.Modules[v.Viewer.Role] != accounts.OwnModule {
		return h.showModule(v, modulePage{})
	}
	shown := modulePage{Answered: true}
	for _, q := range questions {
		one := asked{question: q}
		for _, option := range options {
			if v.PostForm.Get(q.Name) == option {
				one.Chosen = option
			}
		}
		if one.Mistaken = one.Chosen != q.Right; !one.Mistaken {
			shown.Right++
		}
		shown.Questions = append(shown.Questions, one)
	}
	if shown.Right >= enough {
		if err := h.deps.Certifier.Pass(v.Context(), v.Viewer.ID, h.shell.Now()); err != nil {
			return err
		}
		shown.Passed = true
	}
	return h.showModule(v, shown)
}

// training is what the front page says of the viewer's certificate; empty when nothing needs
// to be done.
func (h *Handlers) training(v *portal.Visit, now time.Time) (state string, until time.Time, err error) {
	if h.deps.Awareness.Modules[v.Viewer.Role] == "" {
		return "", until, nil
	}
	account, _, err := h.deps.Roster.Account(v.Context(), v.Viewer.ID)
	switch until = account.Trained; {
	case err != nil:
		return "", until, err
	case !until.After(now):
		return "late", until, nil
	case until.Sub(now) < endsSoon:
		return "soon", until, nil
	}
	return "", until, nil
}
