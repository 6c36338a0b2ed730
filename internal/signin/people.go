package signin

import (
	"errors"
	"net/http"

	"poterne/internal/fault"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// matched opens a session for the one person of the register whom the provider vouches for.
// None and several are one answer.
func (d *Door) matched(w http.ResponseWriter, r *http.Request, by proof, target string) {
	if d.profile(by).judge(by.ACR, by.AMR) == Weak {
		d.fail(w, r, Unverified, errors.New("the level of assurance is not one that was asked for"))
		return
	}
	person, reference, err := d.settings.Match(r, by.civil())
	switch {
	case fault.Is(err, fault.Absent):
		noStore(w)
		d.pages.Stranger(w, r, Visitor{Bar: NotOnePerson})
	case err != nil:
		d.fail(w, r, Unreachable, err)
	default:
		d.enter(w, r, roster.Account{ID: roster.AccountID(person.Hex()), Organisation: roster.OrganisationID(reference)}, by, target)
	}
}

// civil is who somebody is by the civil status that the provider asserts.
func (p proof) civil() register.Civil {
	text := func(claim string) string {
		value, _ := p.claims[claim].(string)
		return value
	}
	return register.Civil{
		Family: p.UsualName, Given: p.GivenName, Birth: text("birthdate"), Gender: text("gender"),
		Birthplace: text("birthplace"), Country: text("birthcountry"),
	}
}

// Person is the person of the register whose session it is; fault.Anonymous when it is the
// session of an account.
func (s Session) Person() (register.PersonID, error) {
	person, err := register.ParsePersonID(string(s.Account))
	if err != nil {
		return person, anonymous
	}
	return person, nil
}

// Reference is what Match had the session of a person keep: it lies where sessions of accounts
// keep their organisation.
func (s Session) Reference() string { return string(s.Organisation) }
