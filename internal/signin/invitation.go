package signin

import "net/http"

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
	d.send(w, r, SigninCookie, pending{Invited: token, Return: "/"})
}

// invited binds the invitation to who signed in. A factor that would open nothing accepts
// nothing: whoever holds a password alone must not become the account's person. No session
// opens: the next sign-in is one like any other.
func (d *Door) invited(w http.ResponseWriter, r *http.Request, token string, by proof) {
	visitor := Visitor{GivenName: by.GivenName, UsualName: by.UsualName, Email: by.Email, SIRET: by.SIRET, Code: by.identity().Code()}
	factor := d.settings.Profile.judge(by.ACR, by.AMR)
	if !d.settings.AdmitWeak && factor == Weak {
		visitor.Bar = TooWeak
		if err := d.tried(r, by, Attempt{Bar: TooWeak, Device: d.device(r)}); err != nil {
			d.fail(w, r, Unreachable, err)
			return
		}
		noStore(w)
		d.pages.Stranger(w, r, visitor)
		return
	}
	attempt := Attempt{Identity: by.identity(), SIRET: by.SIRET, ACR: by.ACR, AMR: by.AMR, Factor: factor, Device: d.device(r)}
	welcome, err := d.settings.Invited(r, token, attempt, by.Email, func(siret string) bool { return d.settings.Profile.sameOrganisation(by.SIRET, siret) })
	if err == nil && (welcome == Over || welcome == NotTheirs) { // it is a sign-in that was refused, like any other
		err = d.tried(r, by, Attempt{Bar: NoAccount, Device: d.device(r)})
	}
	if err != nil {
		d.fail(w, r, Unreachable, err)
		return
	}
	noStore(w)
	d.pages.Welcomed(w, r, visitor, welcome)
}
