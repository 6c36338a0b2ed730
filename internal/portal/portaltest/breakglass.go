package portaltest

import (
	"context"
	"crypto/sha256"
	"net/http"
	"net/url"
	"strings"
	"time"

	"poterne/internal/breakglass"
	"poterne/internal/i18n"
	"poterne/internal/journal"
	"poterne/internal/order"
	breakglassroom "poterne/internal/portal/rooms/breakglass"
)

// sealedPassword is hashed as weakly as is believed, since scenes are many.
var sealedPassword = func() breakglass.Sealed {
	s, err := breakglass.Parse([]byte("$argon2id$v=19$m=19456,t=2,p=1$c3RhZ2Utc3RhZ2Utc3RhZw$" + strings.Repeat("A", 43)))
	if err != nil {
		panic(err) // it is ours
	}
	return s
}()

// glassToken is the token of whoever is in by the break-glass access.
const glassToken = "stage"

// stageGlass is the break-glass access of a stage: nobody opens it, and it is as the stage says.
type stageGlass struct{ *Stage }

// BreakGlass implements the rows of breakglass.Service.
func (s stageGlass) BreakGlass(context.Context) (breakglass.State, error) {
	state := breakglass.State{Sealed: sha256.Sum256([]byte(sealedPassword.Text())), Wrong: s.Tries, Until: s.Glass}
	if !s.Glass.IsZero() {
		state.Token = sha256.Sum256([]byte("break-glass " + glassToken))
	}
	return state, s.Broken
}

// Turn implements journal.Writer: nothing is written.
func (s stageGlass) Turn(context.Context, int, func(*journal.Tx) error) error { return s.Broken }

func (s *Stage) glass() breakglassroom.Deps {
	return breakglassroom.Deps{
		Access: breakglass.New(breakglass.Service{Writer: stageGlass{s}, Rows: stageGlass{s}, Sealed: sealedPassword, Now: func() time.Time { return Now }}),
		Stop: func(ctx context.Context, _ journal.Writer, o order.Order) error {
			_, err := stageGate{s}.Place(ctx, o)
			return err
		},
		Gate: stageGate{s}, Roster: stageRoster{s}, Networks: []string{"garde"}, Network: func(*http.Request) string { return "garde" }, Classes: []string{"garde", "agence"},
	}
}

// Breaks is the scene of whoever breaks the seal, who is in where the stage says so.
func (s *Stage) Breaks(method, target string, form url.Values) func(http.ResponseWriter, *http.Request, i18n.Language) {
	return func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
		asked, err := http.NewRequestWithContext(r.Context(), method, target, strings.NewReader(form.Encode()))
		if err != nil {
			panic(err) // the scenes are ours
		}
		asked.RequestURI = target
		if method == http.MethodPost {
			asked.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		asked = Spoken(asked, in)
		asked.AddCookie(&http.Cookie{Name: breakglassroom.Cookie, Value: glassToken})
		s.handler.ServeHTTP(w, asked)
	}
}
