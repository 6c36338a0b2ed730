package manager

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

// Accounts does what an account's life takes.
type Accounts interface {
	// Invites reports whether invitations can be sent.
	Invites() bool
	// Propose asks for an account.
	Propose(context.Context, accounts.Proposal) (ledger.Number, error)
	// Approve approves a proposal and sends its invitation; accounts.NotSent says that only
	// the mail failed.
	Approve(ctx context.Context, number ledger.Number, by roster.AccountID) error
	// Decline withdraws or refuses a proposal.
	Decline(ctx context.Context, number ledger.Number, by roster.AccountID, because string) error
	// Confirm makes the account of who accepted an invitation.
	Confirm(ctx context.Context, number ledger.Number, by roster.AccountID) error
	// Recover asks for an account to be bound anew, and tells its person.
	Recover(ctx context.Context, of, by roster.AccountID, because string) error
	// Close closes an account.
	Close(ctx context.Context, of, by roster.AccountID, because string) error
	// Review confirms accounts, until they must be confirmed again.
	Review(ctx context.Context, of []roster.AccountID, by roster.AccountID) error
	// Readmit approves an account again that was suspended since what it is bound to changed.
	Readmit(ctx context.Context, of, by roster.AccountID) error
	// Admit admits the accounts that a roster made or changed.
	Admit(ctx context.Context, number ledger.Number, by roster.AccountID) error
}

// Sessions are who is signed in.
type Sessions interface {
	// EndAll ends every session of an account.
	EndAll(context.Context, roster.AccountID) error
}

// PeoplePath is where an organisation's accounts are listed.
const PeoplePath = path + "/accounts"

const proposePath = path + "/propose"

// peoplePage answers those who sign for others: which accounts wait for me, and who has one?
type peoplePage struct {
	portal.Page
	Said      string
	SteppedUp bool
	Invites   bool
	Again     string
	Proposals []proposalState
	Rosters   []rosterState
	Diverged  []accountState // suspended, since what they are bound to has changed
	Review    []accountState // that must be confirmed within a month, or were not
	Accounts  []accountState
	Quota     int          // of the viewer's organisation; 0 for the security desk
	Trees     []portal.Kin // who made whom in the viewer's organisation
	Wrong     portal.Mends
}

// proposalState is a proposal as the viewer may act on it.
type proposalState struct {
	accounts.Proposal
	Proposer, Second, Organisation, Services string
	Code, Print                              string // of the identity, and of the key that it is
	Mine                                     bool   // the viewer proposed it
}

// rosterState is the accounts that a roster made or changed and that wait.
type rosterState struct {
	Number   ledger.Number
	Accounts []roster.Account
}

// accountState is an account of the list.
type accountState struct {
	roster.Account
	By     string
	Soon   bool   // it ends within 30 days
	Late   bool   // it is suspended until it is confirmed
	Close  bool   // the viewer may close it
	Second string // who approved it again first, of an account that is suspended
	Lost   bool   // the viewer may ask for it to be bound anew
	Ripe   bool   // its certificate of awareness has run out, or does so within 30 days
}

const (
	soon        = 30 * 24 * time.Hour
	reviewsShow = 100 // accounts that a page confirms at once
)

func (h *Handlers) people(v *portal.Visit) error {
	return h.showPeople(v, http.StatusOK, nil)
}

// theirOrganisation is whose accounts a viewer sees; all of them at the security desk.
func theirOrganisation(v *portal.Visit) roster.OrganisationID {
	if v.Viewer.AtDesk() {
		return ""
	}
	return v.Viewer.Organisation.ID
}

func (h *Handlers) showPeople(v *portal.Visit, status int, wrong portal.Mends) error {
	now, mine := h.shell.Now(), theirOrganisation(v)
	all, err := h.deps.Roster.Accounts(v.Context())
	if err != nil {
		return err
	}
	bodies, err := h.deps.Roster.Organisations(v.Context())
	if err != nil {
		return err
	}
	proposals, err := h.deps.Roster.Proposals(v.Context(), mine)
	if err != nil {
		return err
	}
	shown := peoplePage{SteppedUp: v.MaySign(), Invites: h.deps.Accounts.Invites(), Again: PeoplePath, Wrong: wrong}
	labels := h.shell.Labels(v, all, bodies)
	for _, p := range proposals {
		if !p.Open(now) {
			continue
		}
		state := proposalState{
			Proposal: p, Proposer: labels.Account(p.By), Second: labels.Account(p.Approver), Organisation: labels.Organisation(p.Organisation),
			Mine: p.By == v.Viewer.ID,
		}
		if p.Identity != (roster.Identity{}) {
			state.Code, state.Print = p.Identity.Code(), p.Identity.Thumbprint()
		}
		var services []string
		for _, right := range p.Rights {
			if name := labels.Service(right.Service); !slices.Contains(services, name) {
				services = append(services, name)
			}
		}
		state.Services = strings.Join(services, ", ")
		shown.Proposals = append(shown.Proposals, state)
	}
	for _, a := range all {
		if h.reviews(v, a, now) && len(shown.Review) < reviewsShow {
			shown.Review = append(shown.Review, accountState{Account: a, By: labels.Organisation(a.Organisation), Late: a.Lapsed(now)})
		}
		switch {
		case a.Waits != 0 && a.Closed.IsZero() && v.Viewer.AtDesk():
			shown.Rosters = joining(shown.Rosters, a)
		case a.Diverged != 0 && a.Closed.IsZero() && (mine == "" || a.Organisation == mine):
			a.Voucher = accounts.Readmitting(a, now)
			shown.Diverged = append(shown.Diverged, accountState{
				Account: a, By: labels.Organisation(a.Organisation), Second: labels.Account(a.Voucher), Close: a.Role.ReadsFiles(),
			})
		case mine != "" && a.Organisation == mine && a.Gives(now):
			shown.Accounts = append(shown.Accounts, accountState{
				Account: a, By: labels.Account(a.Proposer), Lost: a.ID != v.Viewer.ID && a.Mail != "" && a.Role != roster.Programme, Ripe: h.deps.Trains[a.Role] != "" && a.Trained.Sub(now) < soon, Soon: !a.Until.IsZero() && a.Until.Sub(now) < soon, Close: a.Role.ReadsFiles(),
			})
		}
	}
	if mine != "" {
		shown.Quota = cmp.Or(v.Viewer.Organisation.Quota, h.deps.Quota(mine))
		lineages := portal.Lineages{Labels: labels, Held: h.held}
		shown.Trees = lineages.Within(mine)
	}
	if shown.Said, err = done(v); err != nil {
		return err
	}
	if waiting := len(shown.Proposals) + len(shown.Rosters) + len(shown.Diverged) + len(shown.Review); waiting > 0 {
		shown.Page = v.Page(PeoplePath, "people.title", "n", waiting)
	} else {
		shown.Page = v.Page(PeoplePath, "people.title-none")
	}
	h.pages.Show(v, status, "people.html", shown)
	return nil
}

// held reports whether an order stops or freezes an account itself.
func (h *Handlers) held(a roster.Account) bool {
	_, stopped := h.deps.Gate.Orders().Stop(order.Use{Account: a.ID}, h.shell.Now())
	return stopped
}

// reviews reports whether an account waits for the viewer to confirm it: managers confirm
// their organisation's, the security desk confirms managers.
func (h *Handlers) reviews(v *portal.Visit, a roster.Account, now time.Time) bool {
	if !a.Open() || a.Review.IsZero() || a.Review.Sub(now) > soon || a.ID == v.Viewer.ID {
		return false
	}
	if v.Viewer.AtDesk() {
		return !a.Role.ReadsFiles()
	}
	return a.Organisation == v.Viewer.Organisation.ID
}

// review confirms one account, or those of the page.
func (h *Handlers) review(v *portal.Visit) error {
	if err := v.ParseForm(); err != nil {
		return &fault.Error{Kind: fault.Invalid, Err: err}
	}
	if !v.MaySign() {
		return h.showPeople(v, http.StatusForbidden, nil)
	}
	of := make([]roster.AccountID, len(v.PostForm["of"]))
	for i, id := range v.PostForm["of"] {
		of[i] = roster.AccountID(id)
	}
	if confirmed, err := v.Confirm(PeoplePath, "confirm.review", "n", len(of)); !confirmed {
		return err
	}
	if err := h.deps.Accounts.Review(v.Context(), of, v.Viewer.ID); err != nil {
		return err
	}
	v.Back(PeoplePath + "?said=reviewed")
	return nil
}

// joining adds an account to those of its roster.
func joining(list []rosterState, a roster.Account) []rosterState {
	i := slices.IndexFunc(list, func(r rosterState) bool { return uint64(r.Number) == a.Waits })
	if i < 0 {
		return append(list, rosterState{ledger.Number(a.Waits), []roster.Account{a}})
	}
	list[i].Accounts = append(list[i].Accounts, a)
	return list
}

// proposeForm is an account as it was typed.
type proposeForm struct {
	Name, Mail, Role, Until, Because, Code, Organisation, Key string
	Services                                                  []string
}

// Chosen reports whether a service was chosen.
func (f proposeForm) Chosen(id roster.ServiceID) bool { return slices.Contains(f.Services, string(id)) }

type proposePage struct {
	portal.Page
	SteppedUp bool
	Invites   bool
	Again     string
	Form      proposeForm
	Roles     []roster.Role
	Services  []portal.Service
	Wrong     portal.Mends
}

func (h *Handlers) proposing(v *portal.Visit) error {
	form := proposeForm{Code: strings.TrimSpace(v.URL.Query().Get("code")), Until: h.shell.Now().AddDate(1, 0, 0).Format(time.DateOnly)}
	return h.showPropose(v, http.StatusOK, form, nil)
}

// proposable are the roles that the viewer may propose.
func (h *Handlers) proposable(v *portal.Visit) []roster.Role {
	return slices.DeleteFunc(roster.Given(h.shell.Readers()), func(r roster.Role) bool { return r == roster.Security && !v.Viewer.AtDesk() })
}

func (h *Handlers) showPropose(v *portal.Visit, status int, form proposeForm, wrong portal.Mends) error {
	shown := proposePage{
		Page: v.Page(PeoplePath, "people.propose"), SteppedUp: v.MaySign(), Invites: h.deps.Accounts.Invites(), Again: proposePath,
		Form: form, Roles: h.proposable(v), Services: h.shell.Services(), Wrong: wrong,
	}
	if form.Code != "" {
		shown.Again += "?code=" + form.Code
	}
	h.pages.Show(v, status, "propose.html", shown)
	return nil
}

// propose asks for an account. Without a fresh step-up, the page asks for one.
func (h *Handlers) propose(v *portal.Visit) error {
	if err := v.ParseForm(); err != nil {
		return &fault.Error{Kind: fault.Invalid, Err: err}
	}
	text := func(name string) string { return portal.Tidy(v.PostForm.Get(name)) }
	form := proposeForm{
		Name: text("name"), Mail: text("mail"), Role: text("role"), Until: text("until"), Because: text("because"), Code: text("code"),
		Organisation: text("organisation"), Key: text("key"), Services: v.PostForm["service"],
	}
	p, wrong := h.proposal(v, form)
	if p.Identity.Thumbprint() == "" {
		form.Key = "" // it is no public key, and may be a private one: it is not shown again
	}
	switch {
	case !v.MaySign():
		return h.showPropose(v, http.StatusForbidden, form, nil)
	case len(wrong) > 0:
		return h.showPropose(v, http.StatusUnprocessableEntity, form, wrong)
	}
	if confirmed, err := v.Confirm(proposePath, "confirm.propose", "who", p.Name, "mail", p.Mail); !confirmed {
		return err
	}
	_, err := h.deps.Accounts.Propose(v.Context(), p)
	for known, mend := range map[error]portal.Wrong{
		accounts.MailTaken: {Field: "mail", Key: "people.mail-taken"}, accounts.IdentityTaken: {Field: "mail", Key: "people.mail-taken"},
		accounts.QuotaReached: {Field: "name", Key: "people.quota-reached"}, accounts.ManyWait: {Field: "name", Key: "people.many-wait"},
	} {
		if errors.Is(err, known) {
			return h.showPropose(v, http.StatusUnprocessableEntity, form, portal.Mends{mend})
		}
	}
	if err != nil {
		return err
	}
	v.Back(PeoplePath + "?said=proposed")
	return nil
}

// proposal reads the form, and lists what is to be mended.
func (h *Handlers) proposal(v *portal.Visit, form proposeForm) (p accounts.Proposal, wrong portal.Mends) {
	mend := func(field, key string) { wrong = append(wrong, portal.Wrong{Field: field, Key: key}) }
	p = accounts.Proposal{By: v.Viewer.ID, Organisation: v.Viewer.Organisation.ID, Name: form.Name, Role: roster.Role(form.Role), Because: form.Because}
	if v.Viewer.AtDesk() && form.Organisation != "" {
		p.Organisation = roster.OrganisationID(form.Organisation)
	}
	if roster.CheckTypedName(form.Name) != nil {
		mend("name", "people.wrong-name")
	}
	var err error
	if p.Mail, err = roster.Mail(form.Mail); err != nil {
		mend("mail", "people.wrong-mail")
	}
	if !slices.Contains(h.proposable(v), p.Role) {
		mend("role", "people.wrong-role")
	}
	for _, service := range h.shell.Services() {
		for _, purpose := range service.For {
			if form.Chosen(service.ID) {
				p.Rights = append(p.Rights, accounts.Right{Service: service.ID, Purpose: purpose})
			}
		}
	}
	if p.Role.ReadsFiles() != (len(p.Rights) > 0) {
		mend("services", "people.wrong-services")
	}
	now := h.shell.Now()
	if p.Until, err = time.ParseInLocation(time.DateOnly, form.Until, time.UTC); err != nil || !p.Until.After(now) || p.Until.Sub(now) > accounts.LongestAccount {
		mend("until", "people.wrong-until")
	}
	var unread error
	if form.Key != "" {
		p.Identity, unread = roster.KeyIdentity(form.Key)
	}
	if unread != nil || !p.Role.Fits(p.Identity) || form.Key != "" && form.Code != "" {
		mend("key", "people.wrong-key")
	}
	if form.Code != "" {
		siret := v.Viewer.Organisation.SIRET
		if v.Viewer.AtDesk() {
			siret = ""
		}
		for _, s := range h.deps.Strangers.Of(siret) {
			if s.Identity.Code() == form.Code && (siret != "" || v.Viewer.AtDesk()) {
				p.Identity = s.Identity
			}
		}
		if p.Identity == (roster.Identity{}) {
			mend("code", "people.wrong-identity")
		}
	}
	return p, append(wrong, portal.MendTyped("because", form.Because)...)
}

// decide approves, confirms or ends a proposal. Without a fresh step-up, the page asks for
// one before anything is given; taking away needs none.
func (h *Handlers) decide(v *portal.Visit) error {
	number, err := v.Number(&fault.Error{Kind: fault.Absent})
	if err != nil {
		return err
	}
	what, said := v.PostFormValue("do"), ""
	if what != "decline" && !v.MaySign() {
		return h.showPeople(v, http.StatusForbidden, nil)
	}
	if what != "decline" {
		if confirmed, err := h.confirms(v, what, number); !confirmed {
			return err
		}
	}
	switch what {
	case "approve":
		err, said = h.deps.Accounts.Approve(v.Context(), number, v.Viewer.ID), "approved"
	case "confirm":
		err, said = h.deps.Accounts.Confirm(v.Context(), number, v.Viewer.ID), "joined"
	case "decline":
		err, said = h.deps.Accounts.Decline(v.Context(), number, v.Viewer.ID, ""), "declined"
	case "admit":
		err, said = h.deps.Accounts.Admit(v.Context(), number, v.Viewer.ID), "admitted"
	default:
		return &fault.Error{Kind: fault.Invalid}
	}
	if errors.Is(err, accounts.NotSent) {
		h.shell.Log().ErrorContext(v.Context(), "an invitation could not be sent", "err", err)
		return h.showPeople(v, http.StatusServiceUnavailable, portal.Mends{{Field: "waiting", Key: "people.not-sent"}})
	}
	if err != nil {
		return err
	}
	v.Back(PeoplePath + "?said=" + said)
	return nil
}

// confirms reports whether the viewer has confirmed what they do about a proposal, or asks
// them to.
func (h *Handlers) confirms(v *portal.Visit, what string, number ledger.Number) (bool, error) {
	if what == "admit" {
		return v.Confirm(PeoplePath, "confirm.admit", "number", uint64(number))
	}
	list, err := h.deps.Roster.Proposals(v.Context(), theirOrganisation(v))
	i := slices.IndexFunc(list, func(p accounts.Proposal) bool { return p.Number == number })
	if err != nil || i < 0 {
		return false, cmp.Or(err, error(&fault.Error{Kind: fault.Absent}))
	}
	key := "confirm.approve"
	if what == "confirm" {
		key = "confirm.recognise"
	} else if list[i].Recovers != "" && list[i].Stage == accounts.Waiting {
		key = "confirm.restore"
	}
	return v.Confirm(PeoplePath, key, "who", list[i].Name, "mail", list[i].Mail)
}

// closing closes an account and ends its sessions.
func (h *Handlers) closing(v *portal.Visit) error {
	of, because := roster.AccountID(v.PathValue("id")), portal.Tidy(v.PostFormValue("because"))
	if !v.MaySign() {
		return h.showPeople(v, http.StatusForbidden, nil)
	}
	if wrong := portal.MendTyped("because-"+string(of), because); len(wrong) > 0 {
		return h.showPeople(v, http.StatusUnprocessableEntity, wrong)
	}
	if confirmed, err := v.Confirm(PeoplePath, "confirm.close", "who", h.shell.Labels(v, nil, nil).Account(of)); !confirmed {
		return err
	}
	if err := h.deps.Accounts.Close(v.Context(), of, v.Viewer.ID, because); err != nil {
		return err
	}
	if err := h.deps.Sessions.EndAll(v.Context(), of); err != nil {
		h.shell.Log().ErrorContext(v.Context(), "sessions of a closed account could not be ended", "err", err)
	}
	v.Back(PeoplePath + "?said=ended")
	return nil
}

// readmitting approves an account again that is suspended since what it is bound to has
// changed.
func (h *Handlers) readmitting(v *portal.Visit) error {
	of := roster.AccountID(v.PathValue("id"))
	if !v.MaySign() {
		return h.showPeople(v, http.StatusForbidden, nil)
	}
	if confirmed, err := v.Confirm(PeoplePath, "confirm.readmit", "who", h.shell.Labels(v, nil, nil).Account(of)); !confirmed {
		return err
	}
	if err := h.deps.Accounts.Readmit(v.Context(), of, v.Viewer.ID); err != nil {
		return err
	}
	v.Back(PeoplePath + "?said=readmitted")
	return nil
}

// recovering asks for an account to be bound anew.
func (h *Handlers) recovering(v *portal.Visit) error {
	of, because := roster.AccountID(v.PathValue("id")), portal.Tidy(v.PostFormValue("because"))
	if !v.MaySign() {
		return h.showPeople(v, http.StatusForbidden, nil)
	}
	if wrong := portal.MendTyped("lost-"+string(of), because); len(wrong) > 0 {
		return h.showPeople(v, http.StatusUnprocessableEntity, wrong)
	}
	if confirmed, err := v.Confirm(PeoplePath, "confirm.recover", "who", h.shell.Labels(v, nil, nil).Account(of)); !confirmed {
		return err
	}
	if err := h.deps.Accounts.Recover(v.Context(), of, v.Viewer.ID, because); err != nil {
		return err
	}
	v.Back(PeoplePath + "?said=recovery")
	return nil
}

// done is what the viewer has just done about accounts, said by key.
func done(v *portal.Visit) (string, error) {
	kinds := []ledger.Kind{ledger.Proposed, ledger.Approved, ledger.Declined, ledger.Joined, ledger.Ended, ledger.Admitted, ledger.Reviewed, ledger.Recovery, ledger.Readmitted}
	i := slices.IndexFunc(kinds, func(k ledger.Kind) bool { return k.String() == v.URL.Query().Get("said") })
	if i < 0 {
		return "", nil
	}
	if just, err := v.Just(func(e ledger.Entry) bool { return e.Kind == kinds[i] }); !just {
		return "", err
	}
	return kinds[i].String(), nil
}
