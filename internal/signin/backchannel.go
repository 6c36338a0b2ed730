package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"poterne/internal/fault"
)

// The identity provider says by OpenID Connect Back-Channel Logout 1.0 that a person
// has left: it posts a logout token, which names its own session, or the person, or
// both. The sessions here that began with it end on every host and node. A token is
// believed that is signed as an ID token is, for us, of this moment, and cannot be taken
// for an ID token; it serves once. It ends what had begun when it was made, so that one
// shown again could end nothing that came after it.

const (
	logoutFresh = 5 * time.Minute // how old a logout token may be
	logoutSkew  = time.Minute     // how far the provider's clock may be from ours
	logoutBytes = 64 << 10        // of the form it comes in
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
)

// logoutToken is the claims of a logout token.
type logoutToken struct {
	Subject string
	Session string
	ID      string
	At      time.Time
}

// BackchannelLogout ends the sessions that the identity provider says are over. It answers the
// provider, not a browser.
func (d *Door) BackchannelLogout(w http.ResponseWriter, r *http.Request) {
	noStore(w)
	r.Body = http.MaxBytesReader(w, r.Body, logoutBytes)
	err := d.logout(r.Context(), r.PostFormValue("logout_token"))
	if err == nil {
		w.WriteHeader(http.StatusOK)
		return
	}
	d.settings.Log.WarnContext(r.Context(), "a logout token was not taken", slog.Any("err", err))
	status, code := http.StatusServiceUnavailable, "temporarily_unavailable"
	if fault.Is(err, fault.Refused) {
		status, code = http.StatusBadRequest, "invalid_request"
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": code}) // the provider may have left
}

func (d *Door) logout(ctx context.Context, token string) error {
	from := d.from(issuerOf(token))
	if from == nil {
		return refused(errors.New("logout token: of no provider of ours"))
	}
	said, err := from.verifyLogout(ctx, token)
	if err != nil {
		return err
	}
	issuer := from.settings.Issuer
	until := said.At.Add(logoutSkew)
	var meant []Whose
	switch {
	case said.Session == "":
		meant = []Whose{{Subject: subjectMark(issuer, said.Subject), Until: until}}
	case said.Subject == "":
		meant = []Whose{{Named: new(sessionMark(issuer, said.Session)), Until: until}}
	default: // also the person's sessions for which the provider gave no name
		subject := subjectMark(issuer, said.Subject)
		meant = []Whose{
			{Subject: subject, Named: new(sessionMark(issuer, said.Session)), Until: until},
			{Subject: subject, Named: new(Digest{}), Until: until},
		}
	}
	for _, whose := range meant {
		if err := d.end(ctx, whose, Recalled); err != nil {
			return err
		}
	}
	// Last: when something failed before, the provider may send it again.
	first, err := d.sessions.Once(ctx, digest("logout "+issuer+"\x00"+said.ID), said.At.Add(logoutFresh+logoutSkew))
	if err == nil && !first {
		return refused(errors.New("logout token: shown before"))
	}
	return err
}

// verifyLogout verifies a logout token.
func (p *provider) verifyLogout(ctx context.Context, raw string) (logoutToken, error) {
	m, err := p.discover(ctx)
	if err != nil {
		return logoutToken{}, err
	}
	// Its age is judged below: not every provider gives it an expiry.
	token, err := m.Verifier(&oidc.Config{
		ClientID: p.settings.ClientID, SupportedSigningAlgs: p.settings.Algorithms, Now: p.settings.Now, SkipExpiryCheck: true,
	}).Verify(p.context(ctx), raw)
	if err != nil {
		return logoutToken{}, refused(fmt.Errorf("logout token: %w", err))
	}
	var claims struct {
		ID      string                     `json:"jti"`
		Session string                     `json:"sid"`
		Nonce   *json.RawMessage           `json:"nonce"`
		Events  map[string]json.RawMessage `json:"events"`
	}
	if err := token.Claims(&claims); err != nil {
		return logoutToken{}, refused(errors.New("logout token: claims cannot be read"))
	}
	var event map[string]any
	now := p.settings.Now()
	switch {
	case json.Unmarshal(claims.Events[logoutEvent], &event) != nil || event == nil:
		return logoutToken{}, refused(errors.New("logout token: it tells of no logout"))
	case claims.Nonce != nil:
		return logoutToken{}, refused(errors.New("logout token: it has a nonce"))
	case claims.ID == "":
		return logoutToken{}, refused(errors.New("logout token: no identifier"))
	case token.Subject == "" && claims.Session == "":
		return logoutToken{}, refused(errors.New("logout token: it names no person"))
	case token.IssuedAt.Before(now.Add(-logoutFresh)) || token.IssuedAt.After(now.Add(logoutSkew)):
		return logoutToken{}, refused(errors.New("logout token: not of this moment"))
	case !token.Expiry.IsZero() && token.Expiry.Unix() > 0 && now.After(token.Expiry.Add(logoutSkew)):
		return logoutToken{}, refused(errors.New("logout token: expired"))
	}
	return logoutToken{Subject: token.Subject, Session: claims.Session, ID: claims.ID, At: token.IssuedAt}, nil
}

func subjectMark(issuer, subject string) Digest {
	return digest("subject " + issuer + "\x00" + subject)
}

// sessionMark is zero when the provider gave its session no name.
func sessionMark(issuer, session string) Digest {
	if session == "" {
		return Digest{}
	}
	return digest("session " + issuer + "\x00" + session)
}
