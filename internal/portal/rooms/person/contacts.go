package person

import (
	"context"
	"errors"
	"net/http"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/person"
	"poterne/internal/register"
)

// Where the person changes where they are reached, and where the links of its notices lead.
// Nobody signs in at the second: GET looks nothing up and changes nothing, since whatever looks
// at mail may follow a link; POST stops.
const (
	ContactsPath = "/contacts"
	StopPath     = "/contacts/link"
	LetterPath   = "/contacts/letter" // and where the code of a letter is typed
)

// Contacts changes where people are reached.
type Contacts interface {
	// View returns what a person is shown.
	View(ctx context.Context, of register.PersonID, reference string) (person.ContactView, error)
	// Ask asks for a change: what is left empty stays.
	Ask(ctx context.Context, of register.PersonID, reference string, typed person.Contacts, network string) error
	// StopOwn stops the change that the person has under way.
	StopOwn(context.Context, register.PersonID) error
	// End stops a change by the token of a link, or puts the former details back, and says
	// which; fault.Absent when it does neither.
	End(ctx context.Context, token string) (ledger.State, error)
	// EndByCode does the same by the code of a letter.
	EndByCode(ctx context.Context, typed string) (ledger.State, error)
}

// contactsPage shows where the person is reached, and what is under way.
type contactsPage struct {
	page
	person.ContactView
	Typed person.Contacts
	Wrong map[string]string // by field: what to mend
	Not   string            // why nothing is asked; empty when it can be
}

// notNow are the words of each reason why a change is not taken.
var notNow = map[error]string{
	person.ContactsBusy: "busy", person.ContactsResting: "resting", person.ContactsOften: "often", person.ContactsNoMail: "no-mail", person.ContactsNoPost: "no-post", person.ContactsNotTold: "not-told", person.ContactsLately: "lately",
}

// mends are the field and the words of each thing that was typed wrong.
var mends = map[error][2]string{
	person.WrongMail: {"mail", "wrong-mail"}, person.WrongPhone: {"phone", "wrong-phone"}, person.WrongPost: {"post", "wrong-post"}, person.NothingNew: {"mail", "nothing"},
}

func (h *Handlers) contacts(v visit) error { return h.showContacts(v, http.StatusOK, contactsPage{}) }

func (h *Handlers) showContacts(v visit, status int, shown contactsPage) error {
	view, err := h.deps.Contacts.View(v.Context(), v.Person, v.Visitor.Contacts)
	if err != nil {
		return err
	}
	shown.page, shown.ContactView = h.mine(v, "mine.contacts"), view
	h.pages.Write(v.Writer, v.Request, status, "contacts.html", shown)
	return nil
}

func (h *Handlers) change(v visit) error {
	typed, network := person.Contacts{Mail: v.PostFormValue("mail"), Phone: v.PostFormValue("phone"), Post: v.PostFormValue("post")}, h.network(v)
	err := h.deps.Contacts.Ask(v.Context(), v.Person, v.Visitor.Contacts, typed, network)
	for reason, mend := range mends {
		if errors.Is(err, reason) {
			return h.showContacts(v, http.StatusUnprocessableEntity, contactsPage{Typed: typed, Wrong: map[string]string{mend[0]: mend[1]}})
		}
	}
	for reason, word := range notNow {
		if errors.Is(err, reason) {
			return h.showContacts(v, http.StatusConflict, contactsPage{Typed: typed, Not: word})
		}
	}
	if err != nil {
		return err
	}
	http.Redirect(v.Writer, v.Request, ContactsPath, http.StatusSeeOther)
	return nil
}

// network is the class of network that a visitor comes from.
func (h *Handlers) network(v visit) string {
	if h.deps.Network == nil {
		return ""
	}
	return h.deps.Network(v.Request)
}

func (h *Handlers) stopOwn(v visit) error {
	if err := h.deps.Contacts.StopOwn(v.Context(), v.Person); err != nil && !fault.Is(err, fault.Absent) {
		return err
	}
	http.Redirect(v.Writer, v.Request, ContactsPath, http.StatusSeeOther)
	return nil
}

// stopPage is where a link leads.
type stopPage struct {
	page
	Token  string
	Letter bool         // it is the code of a letter that is typed, and no link
	Came   ledger.State // what came of it; empty before
	Over   bool         // the link serves no more, or the code
}

func (h *Handlers) showStop(w http.ResponseWriter, r *http.Request, status int, shown stopPage) {
	w.Header().Set("Cache-Control", "no-store")
	shown.page = h.page(r, "mine.stop")
	shown.Here = "/" // the token stays out of what a choice of language comes back to
	h.pages.Write(w, r, status, "stop.html", shown)
}

func (h *Handlers) askStop(w http.ResponseWriter, r *http.Request) {
	h.showStop(w, r, http.StatusOK, stopPage{Token: r.URL.Query().Get("token")})
}

func (h *Handlers) stop(w http.ResponseWriter, r *http.Request) {
	h.ends(w, r, "token", h.deps.Contacts.End, stopPage{})
}

func (h *Handlers) askLetter(w http.ResponseWriter, r *http.Request) {
	h.showStop(w, r, http.StatusOK, stopPage{Letter: true})
}

func (h *Handlers) stopByLetter(w http.ResponseWriter, r *http.Request) {
	h.ends(w, r, "code", h.deps.Contacts.EndByCode, stopPage{Letter: true})
}

// ends ends a change by what somebody holds who signed in nowhere.
func (h *Handlers) ends(w http.ResponseWriter, r *http.Request, field string, end func(context.Context, string) (ledger.State, error), shown stopPage) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	came, err := end(r.Context(), r.PostFormValue(field))
	switch {
	case fault.Is(err, fault.Absent):
		shown.Over = true
		h.showStop(w, r, http.StatusNotFound, shown)
	case err != nil:
		h.fails(w, r, err)
	default:
		h.showStop(w, r, http.StatusOK, stopPage{Came: came})
	}
}
