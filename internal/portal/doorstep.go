package portal

import (
	"cmp"
	"net/http"

	"poterne/internal/signin"
)

// What people read who are not signed in. Pages implements signin.Pages.

type strangerPage struct {
	Page
	Visitor signin.Visitor
}

// Stranger tells a person whom the identity provider vouches for why they have no
// access here, and whom to ask.
func (p *Pages) Stranger(w http.ResponseWriter, r *http.Request, visitor signin.Visitor) {
	title := "stranger.title"
	if visitor.Bar == signin.TooWeak {
		title = "stranger.title-too-weak"
	}
	p.show(w, r, http.StatusForbidden, "stranger.html", strangerPage{p.page(r, Viewer{}, title), visitor})
}

type invitationPage struct {
	Page
	Token string
}

// Invitation shows an invitation and the button that accepts it.
func (p *Pages) Invitation(w http.ResponseWriter, r *http.Request, token string) {
	shown := invitationPage{p.page(r, Viewer{}, "invitation.title"), token}
	shown.Here = "/" // the token stays out of what a choice of language comes back to
	p.show(w, r, http.StatusOK, "invitation.html", shown)
}

type welcomedPage struct {
	Page
	Visitor signin.Visitor
	Welcome signin.Welcome
}

// Welcomed says what came of accepting an invitation.
func (p *Pages) Welcomed(w http.ResponseWriter, r *http.Request, visitor signin.Visitor, welcome signin.Welcome) {
	status := http.StatusOK
	if welcome == signin.Over || welcome == signin.NotTheirs {
		status = http.StatusForbidden
	}
	p.show(w, r, status, "welcomed.html", welcomedPage{p.page(r, Viewer{}, "welcomed.title-"+string(welcome)), visitor, welcome})
}

type choosePage struct {
	Page
	Among signin.Choice
}

// Choose has the person choose the provider that they sign in with.
func (p *Pages) Choose(w http.ResponseWriter, r *http.Request, among signin.Choice) {
	shown := choosePage{p.page(r, Viewer{}, "choose.title"), among}
	shown.Here = "/" // what the form has stays out of what a choice of language comes back to
	p.show(w, r, http.StatusOK, "choose.html", shown)
}

type unsignedPage struct {
	Page
	Reason signin.Reason
}

// Failed tells why signing in did not work and offers to begin again.
func (p *Pages) Failed(w http.ResponseWriter, r *http.Request, reason signin.Reason) {
	status := http.StatusBadRequest
	if reason == signin.Unreachable {
		status = http.StatusServiceUnavailable
	}
	p.show(w, r, status, "unsigned.html", unsignedPage{p.page(r, Viewer{}, "unsigned.title"), reason})
}

type unconfirmedPage struct {
	Page
	Reason signin.Reason
	Target string
}

// Unconfirmed tells why a step-up did not work, and offers to try again.
func (p *Pages) Unconfirmed(w http.ResponseWriter, r *http.Request, reason signin.Reason, target string) {
	status := http.StatusForbidden
	if reason == signin.Unreachable {
		status = http.StatusServiceUnavailable
	}
	p.show(w, r, status, "unconfirmed.html", unconfirmedPage{p.page(r, Viewer{}, "unconfirmed.title"), reason, target})
}

type passkeyPage struct {
	Page
	Asked    signin.Asked
	Sentence string // what the passkey is for
}

// Passkey shows what a passkey is asked for, or made for.
func (p *Pages) Passkey(w http.ResponseWriter, r *http.Request, asked signin.Asked) {
	shown := passkeyPage{p.page(r, Viewer{}, "passkey.title-"+string(asked.For)), asked, ""}
	shown.Here = "/"
	shown.Sentence = p.speakers[shown.Lang].Say("passkey.lead-" + cmp.Or(asked.About, string(asked.For)))
	p.show(w, r, http.StatusOK, "passkey.html", shown)
}

type provePage struct {
	Page
	Bound  bool   // the session is bound; otherwise it may be
	To     string // where to go on
	Begin  string // where to sign in instead
	Sends  bool   // what was sent is sent again, by these fields
	Fields []signin.Field
	Lost   bool // it cannot be sent again from here
}

// Prove has the browser prove that the session is its own, and go on to target.
func (p *Pages) Prove(w http.ResponseWriter, r *http.Request, target string, bound bool) {
	shown := provePage{Page: p.page(r, Viewer{}, "bound.title"), Bound: bound, To: target, Begin: begin(target)}
	shown.Here = "/"
	p.show(w, r, http.StatusOK, "prove.html", shown)
}

// SignedOut says that the session is over.
func (p *Pages) SignedOut(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, http.StatusOK, "left.html", p.page(r, Viewer{}, "left.title"))
}

// notFound says that a page does not exist.
func (p *Pages) notFound(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, http.StatusNotFound, "absent.html", p.page(r, Viewer{}, "absent.title"))
}
