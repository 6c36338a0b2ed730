package staff

import (
	"net/http"
	"slices"

	"poterne/internal/ledger"
	"poterne/internal/portal"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

const sessionsPath = signin.OwnPath

// sessionsPage answers whoever holds an account: is anybody else in it?
type sessionsPage struct {
	portal.Page
	Sessions []sessionState
	SignIns  []mine
	Passkeys []roster.Passkey
	Full     bool   // there are as many as there may be
	Said     string // what the viewer has just done, said by key
}

// sessionState is a session that goes on.
type sessionState struct {
	signin.Session
	Here bool // it is the one of this visit
}

func (h *Handlers) sessions(v *portal.Visit) error {
	open, err := h.deps.Sessions.Sessions(v.Context(), v.Viewer.ID)
	if err != nil {
		return err
	}
	entries, err := h.deps.Journal.RecentBy(v.Context(), v.Viewer.ID, portal.EntriesRead)
	if err != nil {
		return err
	}
	var signIns []ledger.Entry
	for _, e := range entries {
		if slices.Contains([]ledger.Kind{ledger.SignIn, ledger.Session, ledger.Enrolled, ledger.Unenrolled}, e.Kind) {
			signIns = append(signIns, e)
		}
	}
	shown := sessionsPage{Page: v.Page(sessionsPath, "sessions.title"), SignIns: h.mine(v, signIns)}
	if shown.Passkeys, err = h.deps.Sessions.Passkeys(v.Context(), v.Viewer.ID); err != nil {
		return err
	}
	shown.Full = len(shown.Passkeys) >= roster.MostPasskeys
	if kind, known := map[string]ledger.Kind{"enrolled": ledger.Enrolled, "unenrolled": ledger.Unenrolled}[v.URL.Query().Get("said")]; known {
		done, err := v.Just(func(e ledger.Entry) bool { return e.Kind == kind })
		if err != nil {
			return err
		}
		if done {
			shown.Said = kind.String()
		}
	}
	for _, s := range open {
		shown.Sessions = append(shown.Sessions, sessionState{s, s.ID == v.Session()})
	}
	h.pages.Show(v, http.StatusOK, "sessions.html", shown)
	return nil
}

// notMe freezes the viewer's account and ends all its sessions, this one too. The freeze
// comes first: a session that cannot be ended opens nobody without a reason all the same.
// It needs no step-up: who cannot give one may be who is being robbed, and a thief who
// does it locks themself out.
func (h *Handlers) notMe(v *portal.Visit) error {
	if err := h.deps.Containment.FreezeOwn(v.Context(), v.Viewer.ID); err != nil {
		return err
	}
	if err := h.deps.Sessions.EndAll(v.Context(), v.Viewer.ID); err != nil {
		return err
	}
	v.Back(signin.LeftPath)
	return nil
}
