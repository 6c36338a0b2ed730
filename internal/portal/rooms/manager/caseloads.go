package manager

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"poterne/internal/fault"
	"poterne/internal/intake"
	"poterne/internal/ledger"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

// Caseloads is whose people are whose.
type Caseloads interface {
	// Waiting returns who waits, of one organisation or of all when it is empty.
	Waiting(context.Context, roster.OrganisationID) ([]intake.Waiting, error)
	// Assign asks that people with some identifiers come to an account; fault.Invalid when
	// one of them is none.
	Assign(context.Context, intake.Assign, []string) error
	// Admit admits groups of people who wait, all of them or none.
	Admit(context.Context, roster.AccountID, []intake.Waiting) error
	// Refuse ends what waits of a group.
	Refuse(context.Context, roster.AccountID, intake.Waiting) error
}

// CaseloadsPath is where people who wait to come to caseloads are admitted.
const CaseloadsPath = path + "/caseloads"

// caseloadsPage answers those who sign for others: whose caseload grew more than a day brings?
type caseloadsPage struct {
	portal.Page
	Said      string
	SteppedUp bool
	Again     string
	Groups    []groupState
	More      int              // groups that are not shown
	All       []string         // every group that the viewer may admit
	People    int              // in those
	Accounts  []roster.Account // to whom the viewer may assign people
	Form      assignForm
	Wrong     portal.Mends
}

// groupState is people who wait, as the viewer may act on them.
type groupState struct {
	intake.Waiting
	Name, Organisation, By string
	ByHand                 bool
	Mine                   bool   // the viewer brought them, or proposed the account
	Of                     string // names the group in a form
}

// assignForm is an assignment as it was typed.
type assignForm struct{ Account, People, Until, Because string }

// groupsShown bounds the list of a page.
const groupsShown = 100

// named writes a group in a form, and group reads it.
func named(w intake.Waiting) string {
	return url.Values{
		"source": {w.Source}, "account": {string(w.Account)}, "author": {string(w.Author)},
		"upto": {strconv.FormatUint(uint64(w.UpTo), 10)}, "people": {strconv.Itoa(w.People)},
	}.Encode()
}

func group(text string) (w intake.Waiting, err error) {
	form, err := url.ParseQuery(text)
	upTo, wrong := strconv.ParseUint(form.Get("upto"), 10, 63)
	people, odd := strconv.Atoi(form.Get("people"))
	if err := errors.Join(err, wrong, odd); err != nil {
		return w, &fault.Error{Kind: fault.Invalid, Err: err}
	}
	return intake.Waiting{
		Source: form.Get("source"), Account: roster.AccountID(form.Get("account")), Author: roster.AccountID(form.Get("author")), UpTo: ledger.Number(upTo), People: people,
	}, nil
}

func (h *Handlers) caseloads(v *portal.Visit) error {
	return h.showCaseloads(v, http.StatusOK, assignForm{Until: h.shell.Now().AddDate(0, 3, 0).Format(time.DateOnly)}, nil)
}

func (h *Handlers) showCaseloads(v *portal.Visit, status int, form assignForm, wrong portal.Mends) error {
	mine := theirOrganisation(v)
	waiting, err := h.deps.Caseloads.Waiting(v.Context(), mine)
	if err != nil {
		return err
	}
	labels, all, err := h.shell.LabelsOf(v, h.deps.Roster)
	if err != nil {
		return err
	}
	shown := caseloadsPage{SteppedUp: v.MaySign(), Again: CaseloadsPath, Form: form, Wrong: wrong}
	for _, w := range waiting {
		of := labels.Accounts[w.Account]
		g := groupState{
			Waiting: w, Name: labels.Account(w.Account), Organisation: labels.Organisation(of.Organisation), ByHand: w.Source == intake.ByHand,
			Mine: w.Author == v.Viewer.ID || of.Proposer == v.Viewer.ID, Of: named(w),
		}
		if w.Author != "" {
			g.By = labels.Account(w.Author)
		}
		if len(shown.Groups) == groupsShown {
			shown.More++
			continue
		}
		if shown.Groups = append(shown.Groups, g); !g.Mine {
			shown.All, shown.People = append(shown.All, g.Of), shown.People+w.People
		}
	}
	for _, a := range all {
		if mine != "" && a.Organisation == mine && a.Role.ReadsFiles() && a.Gives(h.shell.Now()) && a.Proposer != v.Viewer.ID {
			shown.Accounts = append(shown.Accounts, a)
		}
	}
	if just, err := v.Just(func(e ledger.Entry) bool { return e.Kind == ledger.Entrusted }); err != nil {
		return err
	} else if said := v.URL.Query().Get("said"); just && slices.Contains([]string{"assigned", "entrusted", "refused"}, said) {
		shown.Said = "caseload-" + said
	}
	if n := len(shown.Groups) + shown.More; n > 0 {
		shown.Page = v.Page(CaseloadsPath, "caseload.title", "n", n)
	} else {
		shown.Page = v.Page(CaseloadsPath, "caseload.title-none")
	}
	h.pages.Show(v, status, "caseloads.html", shown)
	return nil
}

// entrust admits or refuses groups of people who wait. Giving asks for a fresh step-up.
func (h *Handlers) entrust(v *portal.Visit) error {
	if err := v.ParseForm(); err != nil {
		return &fault.Error{Kind: fault.Invalid, Err: err}
	}
	var list []intake.Waiting
	people := 0
	for _, text := range v.PostForm["of"] {
		one, err := group(text)
		if err != nil {
			return err
		}
		list, people = append(list, one), people+one.People
	}
	switch do := v.PostForm.Get("do"); {
	case len(list) == 0 || len(list) > groupsShown || do != "admit" && do != "refuse":
		return &fault.Error{Kind: fault.Invalid}
	case do == "refuse":
		for _, one := range list {
			if err := h.deps.Caseloads.Refuse(v.Context(), v.Viewer.ID, one); err != nil {
				return h.changed(v, err)
			}
		}
		v.Back(CaseloadsPath + "?said=refused")
		return nil
	case !v.MaySign():
		return h.showCaseloads(v, http.StatusForbidden, assignForm{}, nil)
	}
	if confirmed, err := v.Confirm(CaseloadsPath, "confirm.entrust", "people", people, "n", len(list)); !confirmed {
		return err
	}
	if err := h.deps.Caseloads.Admit(v.Context(), v.Viewer.ID, list); err != nil {
		return h.changed(v, err)
	}
	v.Back(CaseloadsPath + "?said=entrusted")
	return nil
}

// changed shows the page anew when what waits is not what was shown, and says so.
func (h *Handlers) changed(v *portal.Visit, err error) error {
	if errors.Is(err, intake.OthersWait) || errors.Is(err, intake.NoneWaits) {
		return h.showCaseloads(v, http.StatusConflict, assignForm{}, portal.Mends{{Field: "waiting", Key: "caseload.others"}})
	}
	return err
}

// assign asks that people come to an account.
func (h *Handlers) assign(v *portal.Visit) error {
	if err := v.ParseForm(); err != nil {
		return &fault.Error{Kind: fault.Invalid, Err: err}
	}
	form := assignForm{v.PostForm.Get("account"), strings.TrimSpace(v.PostForm.Get("people")), v.PostForm.Get("until"), portal.Tidy(v.PostForm.Get("because"))}
	var wrong portal.Mends
	ids := strings.FieldsFunc(form.People, func(r rune) bool { return r == '\n' || r == '\r' || r == ',' || r == ';' })
	ids = slices.DeleteFunc(ids, func(id string) bool { return strings.TrimSpace(id) == "" })
	for i := range ids {
		ids[i] = strings.TrimSpace(ids[i])
	}
	if len(ids) == 0 || len(ids) > intake.MostAssigned {
		wrong = append(wrong, portal.Wrong{Field: "people", Key: "caseload.wrong-people"})
	}
	until, err := time.ParseInLocation(time.DateOnly, form.Until, time.UTC)
	if now := h.shell.Now(); err != nil || !until.After(now) || until.After(now.Add(intake.LongestAssigned)) {
		wrong = append(wrong, portal.Wrong{Field: "until", Key: "caseload.wrong-until"})
	}
	if form.Account == "" {
		wrong = append(wrong, portal.Wrong{Field: "account", Key: "caseload.wrong-account"})
	}
	wrong = append(wrong, portal.MendTyped("because", form.Because)...)
	switch {
	case !v.MaySign():
		return h.showCaseloads(v, http.StatusForbidden, form, nil)
	case len(wrong) > 0:
		return h.showCaseloads(v, http.StatusUnprocessableEntity, form, wrong)
	}
	if confirmed, err := v.Confirm(CaseloadsPath, "confirm.assign", "people", len(ids), "who", h.shell.Labels(v, nil, nil).Account(roster.AccountID(form.Account))); !confirmed {
		return err
	}
	err = h.deps.Caseloads.Assign(v.Context(), intake.Assign{By: v.Viewer.ID, To: roster.AccountID(form.Account), Until: until, Because: form.Because}, ids)
	if fault.Is(err, fault.Invalid) {
		return h.showCaseloads(v, http.StatusUnprocessableEntity, form, portal.Mends{{Field: "people", Key: "caseload.wrong-people"}})
	}
	if err != nil {
		return err
	}
	v.Back(CaseloadsPath + "?said=assigned")
	return nil
}
