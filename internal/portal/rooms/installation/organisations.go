package installation

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/portal"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// BodiesPath is where organisations are asked for and allowed.
const BodiesPath = Path + "/organisations"

const bodyPath = Path + "/organisation"

// Requests are the organisations that one person asks to add, to change or to close, and another
// allows. An error is fault.Refused to those who may not.
type Requests interface {
	// Waiting returns those that wait for another person, oldest first.
	Waiting(context.Context) ([]accounts.OrganisationRequest, error)
	// Ask asks for one.
	Ask(context.Context, accounts.AskOrganisation) error
	// Allow does what another person asked for.
	Allow(ctx context.Context, number ledger.Number, by roster.AccountID) error
	// Drop takes one back, or refuses it.
	Drop(ctx context.Context, number ledger.Number, by roster.AccountID) error
}

// Sessions are who is signed in.
type Sessions interface {
	// Sessions returns the open sessions of an account.
	Sessions(context.Context, roster.AccountID) ([]signin.Session, error)
}

// form is an organisation as it was typed.
type form struct{ ID, SIRET, Name, Mail, Quota, Until, Because string }

// difference is what of an organisation would be another.
type difference struct{ What, Is, Would string }

// asked is a request as those who sign see it.
type asked struct {
	accounts.OrganisationRequest
	Name        string
	Who         string
	Own         bool
	Differences []difference
	closing
}

// closing is what ends with an organisation.
type closing struct {
	Accounts, Sessions int
	Desk               int // accounts of people who oversee, which keep it from being closed
}

// mostBodies is how many organisations the page lists.
const mostBodies = 50

// bodiesPage answers those who answer for the installation: who asks for which organisation?
type bodiesPage struct {
	portal.Page
	Asked   []asked
	All     []filled
	More    int // that are not listed
	Closed  int
	Sought  string
	Form    form
	MaySign bool
	Again   string
	Wrong   portal.Mends
}

// bodyPage shows one organisation, to be changed or closed.
type bodyPage struct {
	portal.Page
	filled
	closing
	Waits   bool // something is asked for it
	Form    form
	MaySign bool
	Again   string
	Wrong   portal.Mends
}

func (h *Handlers) bodies(v *portal.Visit) error {
	return h.showBodies(v, http.StatusOK, form{}, nil)
}

func (h *Handlers) showBodies(v *portal.Visit, status int, typed form, wrong portal.Mends) error {
	shown := bodiesPage{Form: typed, Wrong: wrong, MaySign: v.MaySign(), Again: BodiesPath, Sought: strings.TrimSpace(v.URL.Query().Get("q"))}
	waiting, err := h.deps.Requests.Waiting(v.Context())
	if err != nil {
		return err
	}
	for _, r := range waiting {
		one, err := h.asked(v, r)
		if err != nil {
			return err
		}
		shown.Asked = append(shown.Asked, one)
	}
	all, err := h.filled(v.Context())
	if err != nil {
		return err
	}
	sought := roster.Alike(shown.Sought)
	for _, o := range all {
		switch {
		case !strings.Contains(roster.Alike(strings.Join([]string{o.Name, string(o.ID), o.SIRET}, " ")), sought):
		case !o.Closed.IsZero():
			shown.Closed++
		case len(shown.All) == mostBodies:
			shown.More++
		default:
			shown.All = append(shown.All, o)
		}
	}
	shown.Page = v.Page(Path, "organisations.title")
	h.pages.Show(v, status, "organisations.html", shown)
	return nil
}

// asked is a request with what it would do.
func (h *Handlers) asked(v *portal.Visit, r accounts.OrganisationRequest) (asked, error) {
	labels, people, err := h.shell.LabelsOf(v, h.deps.Roster)
	if err != nil {
		return asked{}, err
	}
	one := asked{OrganisationRequest: r, Name: cmp.Or(r.As.Name, labels.Organisation(r.As.ID)), Who: labels.Account(r.By), Own: r.By == v.Viewer.ID}
	switch r.Does {
	case ledger.Altering:
		is, err := h.body(v.Context(), r.As.ID)
		if err != nil {
			return asked{}, err
		}
		one.Name = is.Name
		differ := func(what, is, would string) {
			if is != would {
				one.Differences = append(one.Differences, difference{what, is, would})
			}
		}
		differ("organisations.name", is.Name, r.As.Name)
		differ("organisations.mail", is.Mail, r.As.Mail)
		differ("installation.quota", h.quotaWords(v, is.Organisation), h.quotaWords(v, r.As))
		differ("organisations.end", h.end(v, is.Until), h.end(v, r.As.Until))
	case ledger.Closing:
		one.closing, err = h.closes(v.Context(), r.As.ID, people)
	}
	return one, err
}

// quotaWords is how many accounts an organisation may have, in words.
func (h *Handlers) quotaWords(v *portal.Visit, o roster.Organisation) string {
	if o.Quota == 0 {
		return v.Speaker.Say("organisations.usual", "n", h.deps.Quota(o.ID))
	}
	return v.Speaker.Number(o.Quota)
}

// end is when an organisation ends, in words.
func (h *Handlers) end(v *portal.Visit, at time.Time) string {
	if at.IsZero() {
		return v.Speaker.Say("organisations.no-end")
	}
	return v.Speaker.Language.Moment(at.In(v.Speaker.Zone()), h.shell.Now().In(v.Speaker.Zone()))
}

// closes says what would end with an organisation.
func (h *Handlers) closes(ctx context.Context, of roster.OrganisationID, people []roster.Account) (c closing, err error) {
	for _, a := range people {
		switch {
		case a.Organisation != of || !a.Closed.IsZero():
		case a.Role == roster.Security || a.Role == roster.Privacy:
			c.Desk++
		default:
			c.Accounts++
			open, err := h.deps.Sessions.Sessions(ctx, a.ID)
			if err != nil {
				return c, err
			}
			c.Sessions += len(open)
		}
	}
	return c, nil
}

// body is the organisation with an id.
func (h *Handlers) body(ctx context.Context, id roster.OrganisationID) (filled, error) {
	all, err := h.filled(ctx)
	if err != nil {
		return filled{}, err
	}
	i := slices.IndexFunc(all, func(o filled) bool { return o.ID == id })
	if i < 0 {
		return filled{}, &fault.Error{Kind: fault.Absent, Public: "there is no such organisation"}
	}
	return all[i], nil
}

func (h *Handlers) one(v *portal.Visit) error {
	is, err := h.body(v.Context(), roster.OrganisationID(v.URL.Query().Get("id")))
	if err != nil {
		return err
	}
	typed := form{ID: string(is.ID), Name: is.Name, Mail: is.Mail}
	if is.Organisation.Quota != 0 {
		typed.Quota = strconv.Itoa(is.Organisation.Quota)
	}
	if !is.Until.IsZero() {
		typed.Until = is.Until.In(v.Speaker.Zone()).Format(time.DateOnly)
	}
	return h.showBody(v, http.StatusOK, is, typed, nil)
}

func (h *Handlers) showBody(v *portal.Visit, status int, is filled, typed form, wrong portal.Mends) error {
	people, err := h.deps.Roster.Accounts(v.Context())
	if err != nil {
		return err
	}
	ends, err := h.closes(v.Context(), is.ID, people)
	if err != nil {
		return err
	}
	waiting, err := h.deps.Requests.Waiting(v.Context())
	if err != nil {
		return err
	}
	h.pages.Show(v, status, "organisation.html", bodyPage{
		Page: v.Page(Path, "organisations.title-one", "name", is.Name), filled: is, closing: ends, Form: typed, Wrong: wrong, MaySign: v.MaySign(),
		Again: bodyPath + "?id=" + url.QueryEscape(string(is.ID)), Waits: slices.ContainsFunc(waiting, func(r accounts.OrganisationRequest) bool { return r.As.ID == is.ID }),
	})
	return nil
}

// ask asks another person for an organisation to be added, changed or closed.
func (h *Handlers) ask(v *portal.Visit) error {
	text := func(name string) string { return portal.Tidy(v.PostFormValue(name)) }
	typed := form{ID: text("id"), SIRET: strings.Join(strings.Fields(text("siret")), ""), Name: text("name"), Mail: text("mail"), Quota: text("quota"), Until: text("until"), Because: text("because")}
	a := accounts.AskOrganisation{By: v.Viewer.ID, Does: ledger.State(v.PostFormValue("does")), Because: typed.Because}
	a.As = roster.Organisation{ID: roster.OrganisationID(typed.ID), SIRET: typed.SIRET, Name: typed.Name}
	show := func(status int, wrong portal.Mends) error { return h.showBodies(v, status, typed, wrong) }
	name := typed.Name
	if a.Does != ledger.Adding {
		is, err := h.body(v.Context(), a.As.ID)
		if err != nil {
			return err
		}
		show = func(status int, wrong portal.Mends) error { return h.showBody(v, status, is, typed, wrong) }
		name = is.Name
	}
	if !v.MaySign() {
		return show(http.StatusForbidden, nil)
	}
	wrong := h.read(v, typed, &a)
	if len(wrong) > 0 {
		return show(http.StatusUnprocessableEntity, wrong)
	}
	sentence := "confirm.organisation-ask-" + string(a.Does)
	if !v.Speaker.Has(sentence) {
		return &fault.Error{Kind: fault.Invalid, Public: "an organisation is added, changed or closed"}
	}
	if confirmed, err := v.Confirm(BodiesPath, sentence, "name", name, "siret", a.As.SIRET, "mail", a.As.Mail, "quota", h.quotaWords(v, a.As), "end", h.end(v, a.As.Until)); !confirmed {
		return err
	}
	if err := h.deps.Requests.Ask(v.Context(), a); errors.Is(err, accounts.OrganisationTwin) {
		return show(http.StatusUnprocessableEntity, portal.Mends{{Field: "name", Key: "organisations.twin"}})
	} else if err != nil {
		return err
	}
	v.Back(BodiesPath)
	return nil
}

// read turns what was typed into what is asked for, and says what is to be mended.
func (h *Handlers) read(v *portal.Visit, typed form, a *accounts.AskOrganisation) (wrong portal.Mends) {
	mend := func(field, key string) { wrong = append(wrong, portal.Wrong{Field: field, Key: key}) }
	var err error
	if a.Does == ledger.Adding {
		if err := roster.CheckID(typed.ID); err != nil || typed.ID == "" {
			mend("id", "organisations.id-wrong")
		}
		if roster.CheckSIRET(typed.SIRET) != nil {
			mend("siret", "organisations.siret-wrong")
		}
	}
	if a.Does != ledger.Closing {
		if roster.CheckTypedName(typed.Name) != nil {
			mend("name", "organisations.name-wrong")
		}
		if a.As.Mail, err = roster.Mail(typed.Mail); err != nil {
			mend("mail", "organisations.mail-wrong")
		}
		if a.As.Quota, err = strconv.Atoi(cmp.Or(typed.Quota, "0")); err != nil || typed.Quota != "" && a.As.Quota < 1 || a.As.Quota > accounts.MostQuota {
			mend("quota", "organisations.quota-wrong")
		}
		if a.As.Until, err = v.Speaker.Typed(typed.Until); err != nil || !a.As.Until.IsZero() && !a.As.Until.After(h.shell.Now()) {
			mend("until", "organisations.until-wrong")
		}
		a.As.Until = ledger.Cut(a.As.Until)
		if typed.Until == "" {
			a.As.Until = time.Time{}
		}
	}
	because := "because"
	if a.Does == ledger.Closing { // the page of one has two forms
		because = "because-close"
	}
	return append(wrong, portal.MendTyped(because, typed.Because)...)
}

// waiting is the request with the number in the address.
func (h *Handlers) waiting(v *portal.Visit) (asked, error) {
	absent := &fault.Error{Kind: fault.Absent, Public: "this request waits no more"}
	number, err := v.Number(absent)
	if err != nil {
		return asked{}, err
	}
	all, err := h.deps.Requests.Waiting(v.Context())
	if err != nil {
		return asked{}, err
	}
	i := slices.IndexFunc(all, func(r accounts.OrganisationRequest) bool { return r.Number == number })
	if i < 0 {
		return asked{}, absent
	}
	return h.asked(v, all[i])
}

// allow does what another person asked for, once the viewer has confirmed that very thing.
func (h *Handlers) allow(v *portal.Visit) error {
	r, err := h.waiting(v)
	switch {
	case err != nil:
		return err
	case !v.MaySign():
		return h.showBodies(v, http.StatusForbidden, form{}, nil)
	}
	var changes []string
	for _, d := range r.Differences {
		changes = append(changes, v.Speaker.Say("organisations.change", "what", v.Speaker.Say(d.What), "is", cmp.Or(d.Is, "—"), "would", d.Would))
	}
	if confirmed, err := v.Confirm(BodiesPath, "confirm.organisation-"+string(r.Does), "name", r.Name, "siret", r.As.SIRET, "mail", r.As.Mail, "quota", h.quotaWords(v, r.As), "end", h.end(v, r.As.Until),
		"changes", strings.Join(changes, " "), "accounts", r.Accounts, "sessions", r.Sessions); !confirmed {
		return err
	}
	if err := h.deps.Requests.Allow(v.Context(), r.Number, v.Viewer.ID); err != nil {
		return err
	}
	v.Back(BodiesPath)
	return nil
}

// drop takes back what the viewer asked for, or refuses what another did.
func (h *Handlers) drop(v *portal.Visit) error {
	r, err := h.waiting(v)
	if err != nil {
		return err
	}
	if err := h.deps.Requests.Drop(v.Context(), r.Number, v.Viewer.ID); err != nil {
		return err
	}
	v.Back(BodiesPath)
	return nil
}
