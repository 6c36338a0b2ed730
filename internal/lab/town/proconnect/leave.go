package proconnect

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// visit is one browser's session here: the clients that somebody signed in to with
// it are told when it ends, by OpenID Connect Back-Channel Logout 1.0.
type visit struct {
	person  Person
	began   time.Time
	clients map[string]Client // by identifier
}

// visitCookie holds the sid.
const visitCookie = "guichet-visit"

// enter returns the sid of the browser's session, in which person signed in to a
// client. Somebody else at the same browser has a session of their own.
func (p *Provider) enter(w http.ResponseWriter, r *http.Request, client Client, person Person) (sid string) {
	now := p.settings.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.visits, func(_ string, v *visit) bool { return over(v.began, visitLife, now) })
	sid, v := p.visit(r)
	if v == nil || v.person.Idp != person.Idp || v.person.Subject != person.Subject {
		sid, v = rand.Text(), &visit{person: person, began: now, clients: make(map[string]Client)}
		p.visits[sid] = v
		http.SetCookie(w, &http.Cookie{Name: visitCookie, Value: sid, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
	v.clients[client.ID] = client
	return sid
}

// visit is the session that the browser says it has, or nil. The lock is held.
func (p *Provider) visit(r *http.Request) (sid string, v *visit) {
	cookie, err := r.Cookie(visitCookie)
	if err != nil {
		return "", nil
	}
	return cookie.Value, p.visits[cookie.Value]
}

// visitor says who is signed in here.
func (p *Provider) visitor(r *http.Request) (Person, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, v := p.visit(r)
	if v == nil {
		return Person{}, false
	}
	return v.person, true
}

// leave signs out whoever presses the button here, and out of every client.
func (p *Provider) leave(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	sid, v := p.visit(r)
	p.mu.Unlock()
	page := noticePage{layout: p.layout(r)}
	page.Title, page.Text = page.In.Say("identity.left-title"), page.In.Say("identity.left-text")
	if v != nil {
		if err := p.close(r.Context(), sid, ""); err != nil {
			page.Text, page.Detail = page.In.Say("identity.untold-text"), err.Error()
		}
	}
	http.SetCookie(w, &http.Cookie{Name: visitCookie, Path: "/", MaxAge: -1})
	show(w, http.StatusOK, "notice", page, "")
}

// end signs out somebody whom a client sends for it, and out of every other client.
func (p *Provider) end(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	claims, err := p.read(q.Get("id_token_hint"))
	if err != nil {
		p.problem(w, r, fmt.Errorf("id_token_hint: %w", err))
		return
	}
	id, _ := claims["aud"].(string)
	client, _ := p.client(id)
	exit := q.Get("post_logout_redirect_uri")
	if !slices.Contains(client.Exits, exit) {
		p.problem(w, r, errors.New("post_logout_redirect_uri is not registered"))
		return
	}
	sid, _ := claims["sid"].(string)
	// The client that sends somebody here waits for them; it cannot be told of the others.
	_ = p.close(r.Context(), sid, client.ID)
	goTo(w, exit, url.Values{"state": {q.Get("state")}})
}

// close ends a session and what was granted in it, and tells every client but one.
func (p *Provider) close(ctx context.Context, sid, but string) error {
	p.mu.Lock()
	v := p.visits[sid]
	delete(p.visits, sid)
	maps.DeleteFunc(p.codes, func(_ string, g *grant) bool { return g.sid == sid })
	maps.DeleteFunc(p.access, func(_ string, g *grant) bool { return g.sid == sid })
	p.mu.Unlock()
	if v == nil {
		return nil
	}
	var untold []error
	for _, id := range slices.Sorted(maps.Keys(v.clients)) {
		if client := v.clients[id]; client.Recall != "" && id != but {
			if err := p.tell(ctx, client, v.person, sid); err != nil {
				untold = append(untold, fmt.Errorf("%s: %w", client.Name, err))
			}
		}
	}
	return errors.Join(untold...)
}

// tell sends a client a logout token.
func (p *Provider) tell(ctx context.Context, client Client, person Person, sid string) error {
	now := p.settings.Now()
	token, err := sign(p.leaves, map[string]any{
		"iss": p.settings.Issuer, "aud": client.ID, "sub": Subject(client.ID, person.Idp, person.Subject), "sid": sid,
		"iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(), "jti": rand.Text(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	})
	if err != nil {
		return err
	}
	form := url.Values{"logout_token": {token}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, client.Recall, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	teller := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := teller.Do(request)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %d", answer.StatusCode)
	}
	return nil
}
