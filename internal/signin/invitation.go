package signin

import (
	"net/http"

	"poterne/internal/roster"
)

// Invitation shows the page of an invitation. It looks nothing up and changes nothing: the
// link may be followed by whatever looks at mail.
func (d *Door) Invitation(w http.ResponseWriter, r *http.Request) {
	noStore(w)
	d.pages.Invitation(w, r, r.URL.Query().Get("token"))
}

// longestToken bounds what is kept in a cookie while somebody signs in.
const longestToken = 100

// AcceptInvitation sends the browser to the identity provider, to say who accepts.
func (d *Door) AcceptInvitation(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	token := r.PostFormValue("token")
	if token == "" || len(token) > longestToken || d.FromElsewhere(r) {
		noStore(w)
		d.pages.Welcomed(w, r, Visitor{}, Over)
		return
	}
	to := d.chosen(r.PostFormValue("with"))
	if to == nil {
		d.choose(w, r, Choice{Action: InvitedPath, Fields: []Field{{"token", token}}})
		return
	}
	d.send(w, r, SigninCookie, to, pending{Invited: token, Return: "/"})
}

// invited binds the invitation to who signed in. A weak factor alone accepts nothing:
// whoever holds a password must not become the account's person. They make a passkey, and a
// second person hears who they are before it serves. No session
// opens: the next sign-in is one like any other.
func (d *Door) invited(w http.ResponseWriter, r *http.Request, token string, by proof) {
	weak := d.profile(by).judge(by.ACR, by.AMR) == Weak
	if weak && !d.settings.AdmitWeak {
		if d.acceptByPasskey(w, r, token, by) {
			return
		}
		if err := d.tried(r, by, Attempt{Bar: TooWeak, Device: d.device(r)}); err != nil {
			d.fail(w, r, Unreachable, err)
			return
		}
		noStore(w)
		d.pages.Stranger(w, r, by.visitor(TooWeak))
		return
	}
	d.accept(w, r, token, by, nil)
}

// accept accepts an invitation, with the passkey that was made in doing so.
func (d *Door) accept(w http.ResponseWriter, r *http.Request, token string, by proof, k *roster.Passkey) {
	attempt := Attempt{Identity: by.identity(), SIRET: by.SIRET, ACR: by.ACR, AMR: by.AMR, Factor: d.factor(by), Device: d.device(r), Passkey: k}
	if k != nil {
		attempt.Factor = Passkey
	}
	welcome, err := d.settings.Invited(r, token, attempt, by.Email, func(siret string) bool { return d.profile(by).sameOrganisation(by.SIRET, siret) })
	if err == nil && (welcome == Over || welcome == NotTheirs) { // it is a sign-in that was refused, like any other
		err = d.tried(r, by, Attempt{Bar: NoAccount, Device: d.device(r)})
	}
	if err != nil {
		d.fail(w, r, Unreachable, err)
		return
	}
	noStore(w)
	d.pages.Welcomed(w, r, by.visitor(""), welcome)
}
