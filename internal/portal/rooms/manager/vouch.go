package manager

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/grants"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/portal"
	"poterne/internal/roster"
	"poterne/internal/signin/strangers"
)

// managerPage answers those who sign for others: whom did the rules freeze, who
// waits for my signature, and who needs more room today?
type managerPage struct {
	portal.Page
	Said      string
	SteppedUp bool // lately enough to sign
	Again     string
	Frozen    []frozenState
	Thaw      thawForm
	Sought    string // the receipt's number, as it was typed
	Waiting   *waiting
	Archive   archiveForm
	Raise     raiseForm
	Accounts  []roster.Account // who may be given more
	ByHand    bool             // there are too many to list: their identifier is typed
	Raised    []raisedState
	Gifts     []giftState // beyond a few
	Wrong     portal.Mends
	Strangers []strangerState
	More      int // strangers who are not shown
}

// strangersShown bounds the list of a page.
const strangersShown = 20

// strangerState is an identity that was refused at the door.
type strangerState struct {
	strangers.Stranger
	Code     string
	Sentence string // what kept them out, and how they proved who they are
}

// waiting is an opening that waits for a signature, without the person.
type waiting struct {
	Receipt      ledger.Number
	At           time.Time
	Who          roster.Account
	Organisation string
	Service      string
	Sentence     string
	Archived     bool // it takes the reference of a request, and an end
}

// archiveForm is for what an archived file is opened, and for how long, as it was typed.
type archiveForm struct{ Ticket, Hours string }

// thawForm is why a freeze is to be undone, as it was typed.
type thawForm struct {
	Order   order.ID
	Because string
}

// raiseForm is what is asked for another account, as it was typed.
type raiseForm struct{ Account, People, Hours, Because string }

// frozenState is an account that the rules froze.
type frozenState struct {
	Order   order.Order
	Because string // empty when the ledger cannot say it now
	Of      roster.Account
	Again   bool // it was undone within a week: the security desk looks at it
}

// giftState is what an account was given within 28 days, or gave to others.
type giftState struct {
	Name   string
	People meter.Cost
	Gave   bool
}

// raisedState is what is left of a raise.
type raisedState struct {
	Name string
	Left meter.Cost
}

func (h *Handlers) manage(v *portal.Visit) error {
	q := v.URL.Query()
	shown := managerPage{Sought: q.Get("receipt"), Raise: raiseForm{Account: q.Get("account"), People: q.Get("people"), Hours: q.Get("hours")}}
	status := http.StatusOK
	if shown.Sought != "" {
		var err error
		if shown.Waiting, shown.Wrong, err = h.waitingUnder(v, shown.Sought); err != nil {
			return err
		}
	}
	if len(shown.Wrong) > 0 {
		status = http.StatusUnprocessableEntity
	}
	return h.showManager(v, status, shown)
}

// waitingUnder finds what waits under a receipt's number, or says what is wrong
// with the number. The look is written down.
func (h *Handlers) waitingUnder(v *portal.Visit, typed string) (*waiting, portal.Mends, error) {
	number, err := strconv.ParseUint(strings.Join(strings.Fields(typed), ""), 10, 63)
	if err != nil {
		return nil, portal.Mends{{Field: "receipt", Key: "manager.no-number"}}, nil
	}
	receipt := ledger.Number(number)
	if err := v.Record(ledger.Entry{State: ledger.WaitingRead, From: receipt, End: receipt + 1}); err != nil {
		return nil, nil, err
	}
	asked, err := h.deps.Grants.Waiting(v.Context(), v.Viewer.ID, receipt)
	if key := cannotSign(err); key != "" {
		return nil, portal.Mends{{Field: "receipt", Key: key}}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	who, organisation, err := h.deps.Roster.Account(v.Context(), asked.Account)
	if err != nil {
		return nil, nil, err
	}
	ruling := asked.Ruling()
	ruling.Why = ruling.Why.Told() // the asker may have been told less
	return &waiting{
		Receipt: receipt, At: asked.Time, Who: who, Organisation: organisation.Name,
		Service: h.shell.ServiceName(asked.Service), Sentence: v.Speaker.Sentence(ruling), Archived: grants.Archived(asked),
	}, nil, nil
}

// cannotSign says by key why an opening cannot be signed for, when that is the error.
func cannotSign(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, grants.ManyWait):
		return "manager.one-person"
	case errors.Is(err, grants.SignedAlready):
		return "manager.signed-already"
	case errors.Is(err, grants.GaveMost):
		return "manager.gave-most"
	case errors.Is(err, grants.SignedForMost):
		return "manager.signed-most"
	case fault.Is(err, fault.Absent):
		return "manager.none-waits"
	default:
		return ""
	}
}

// showManager completes the page with what it always shows.
func (h *Handlers) showManager(v *portal.Visit, status int, shown managerPage) (err error) {
	shown.Page = v.Page(path, "manager.title")
	shown.SteppedUp, shown.Again = v.MaySign(), shown.address()
	shown.ByHand = v.Viewer.AtDesk()
	if shown.Said, err = vouched(v); err != nil {
		return err
	}
	accounts, err := h.deps.Roster.Accounts(v.Context())
	if err != nil {
		return err
	}
	shown.Frozen = h.frozen(v, accounts)
	for _, a := range accounts {
		if shown.ByHand || a.Organisation != v.Viewer.Organisation.ID {
			continue
		}
		standing := h.deps.Gate.Standing(gate.AskerOf(a), "")
		if standing.Received > meter.People(policy.ReceivedTold) {
			shown.Gifts = append(shown.Gifts, giftState{a.Name, standing.Received, false})
		}
		if standing.Given > meter.People(policy.GivenTold) {
			shown.Gifts = append(shown.Gifts, giftState{a.Name, standing.Given, true})
		}
		if !a.Role.ReadsFiles() {
			continue
		}
		shown.Accounts = append(shown.Accounts, a)
		if standing.Raise > 0 {
			shown.Raised = append(shown.Raised, raisedState{a.Name, standing.Raise})
		}
	}
	shown.Strangers, shown.More = h.strangers(v)
	h.pages.Show(v, status, "manager.html", shown)
	return nil
}

// strangers lists who was refused at the door and says to be of the viewer's organisation;
// to the security desk, of any.
func (h *Handlers) strangers(v *portal.Visit) (list []strangerState, more int) {
	siret := v.Viewer.Organisation.SIRET
	if v.Viewer.AtDesk() {
		siret = ""
	} else if siret == "" {
		return nil, 0
	}
	all := h.deps.Strangers.Of(siret)
	labels := h.shell.Labels(v, nil, nil)
	for _, s := range all[:min(len(all), strangersShown)] {
		entry := ledger.Entry{Kind: ledger.SignIn, State: s.Why, ACR: s.ACR, AMR: s.AMR, Factor: s.Factor}
		list = append(list, strangerState{s, s.Identity.Code(), labels.Sentence(portal.Activity{Entry: entry})})
	}
	return list, len(all) - len(list)
}

// frozen lists the accounts that the rules froze and that the viewer may thaw.
func (h *Handlers) frozen(v *portal.Visit, accounts []roster.Account) (list []frozenState) {
	who, labels := v.Viewer, h.shell.Labels(v, accounts, nil)
	for _, o := range h.deps.Gate.Orders() {
		if o.By != journal.Itself || o.Effect != order.Frozen || o.Reach != order.Account {
			continue
		}
		i := slices.IndexFunc(accounts, func(a roster.Account) bool { return string(a.ID) == o.Target })
		if i < 0 || accounts[i].ID == who.ID || !who.AtDesk() && accounts[i].Organisation != who.Organisation.ID {
			continue
		}
		again := !who.AtDesk() && h.deps.Gate.Standing(gate.AskerOf(accounts[i]), "").Undone > 0
		list = append(list, frozenState{o, h.grounds.Because(v.Context(), o, labels), accounts[i], again})
	}
	return list
}

// thaw undoes a freeze. Without a fresh step-up, the page asks for one.
func (h *Handlers) thaw(v *portal.Visit) error {
	form := thawForm{order.ID(v.PostFormValue("order")), portal.Tidy(v.PostFormValue("because"))}
	accounts, err := h.deps.Roster.Accounts(v.Context())
	if err != nil {
		return err
	}
	list := h.frozen(v, accounts)
	i := slices.IndexFunc(list, func(f frozenState) bool { return f.Order.ID == form.Order })
	if i < 0 {
		return &fault.Error{Kind: fault.Absent, Public: "no such freeze is in force"}
	}
	shown, field := managerPage{Thaw: form}, "because-"+string(form.Order)
	shown.Wrong = portal.MendTyped(field, form.Because)
	switch {
	case !v.MaySign():
		shown.Wrong = nil // there is no form to mend
		return h.showManager(v, http.StatusForbidden, shown)
	case len(shown.Wrong) > 0:
		return h.showManager(v, http.StatusUnprocessableEntity, shown)
	}
	if confirmed, err := v.Confirm(path, "confirm.thaw", "who", list[i].Of.Name); !confirmed {
		return err
	}
	if err := h.deps.Freezes.Undo(v.Context(), containment.Undo{ID: form.Order, By: v.Viewer.ID, Because: form.Because}); err != nil {
		return err
	}
	v.Back(path + "?said=lifted")
	return nil
}

// address is where the page is found again after a step-up. The reason is typed
// again: it may say more than an address should.
func (p managerPage) address() string {
	q := url.Values{}
	for name, value := range map[string]string{"receipt": p.Sought, "account": p.Raise.Account, "people": p.Raise.People, "hours": p.Raise.Hours} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// cosign signs for an opening that waits. Without a fresh step-up, the page asks for
// one.
func (h *Handlers) cosign(v *portal.Visit) error {
	shown := managerPage{Sought: v.PostFormValue("receipt")}
	var err error
	if shown.Waiting, shown.Wrong, err = h.waitingUnder(v, shown.Sought); err != nil {
		return err
	}
	switch {
	case len(shown.Wrong) > 0:
		return h.showManager(v, http.StatusUnprocessableEntity, shown)
	case !v.MaySign():
		return h.showManager(v, http.StatusForbidden, shown)
	}
	if confirmed, err := v.Confirm(shown.address(), "confirm.cosign", "who", shown.Waiting.Who.Name, "service", shown.Waiting.Service); !confirmed {
		return err
	}
	err = h.deps.Grants.Cosign(v.Context(), v.Viewer.ID, shown.Waiting.Receipt)
	if key := cannotSign(err); key != "" {
		shown.Waiting, shown.Wrong = nil, portal.Mends{{Field: "receipt", Key: key}}
		return h.showManager(v, http.StatusUnprocessableEntity, shown)
	}
	if err != nil {
		return err
	}
	v.Back(path + "?said=cosigned")
	return nil
}

// openArchive opens an archived file for whoever asked for it. Without a fresh step-up, the
// page asks for one.
func (h *Handlers) openArchive(v *portal.Visit) error {
	shown := managerPage{Sought: v.PostFormValue("receipt"), Archive: archiveForm{portal.Tidy(v.PostFormValue("ticket")), strings.TrimSpace(v.PostFormValue("hours"))}}
	var err error
	if shown.Waiting, shown.Wrong, err = h.waitingUnder(v, shown.Sought); err != nil {
		return err
	}
	if len(shown.Wrong) > 0 {
		return h.showManager(v, http.StatusUnprocessableEntity, shown)
	}
	hours, err := strconv.Atoi(shown.Archive.Hours)
	if err != nil || hours < 1 || time.Duration(hours)*time.Hour > grants.LongestArchive {
		shown.Wrong = append(shown.Wrong, portal.Wrong{Field: "hours", Key: "manager.hours-wrong"})
	}
	shown.Wrong = append(portal.MendWords("ticket", shown.Archive.Ticket), shown.Wrong...)
	switch {
	case !v.MaySign(): // there is no form to mend
		shown.Wrong = nil
		return h.showManager(v, http.StatusForbidden, shown)
	case len(shown.Wrong) > 0:
		return h.showManager(v, http.StatusUnprocessableEntity, shown)
	}
	if confirmed, err := v.Confirm(shown.address(), "confirm.archive", "who", shown.Waiting.Who.Name, "service", shown.Waiting.Service, "hours", hours); !confirmed {
		return err
	}
	err = h.deps.Grants.OpenArchive(v.Context(), v.Viewer.ID, shown.Waiting.Receipt, shown.Archive.Ticket, hours)
	if key := cannotSign(err); key != "" {
		shown.Waiting, shown.Wrong = nil, portal.Mends{{Field: "receipt", Key: key}}
		return h.showManager(v, http.StatusUnprocessableEntity, shown)
	}
	if err != nil {
		return err
	}
	v.Back(path + "?said=archive-opened")
	return nil
}

// raise gives an account more room for a while. Without a fresh step-up, the page
// asks for one.
func (h *Handlers) raise(v *portal.Visit) error {
	if err := v.ParseForm(); err != nil {
		return &fault.Error{Kind: fault.Invalid, Err: err}
	}
	form := raiseForm{
		Account: strings.TrimSpace(v.PostForm.Get("account")), People: strings.TrimSpace(v.PostForm.Get("people")),
		Hours: strings.TrimSpace(v.PostForm.Get("hours")), Because: portal.Tidy(v.PostForm.Get("because")),
	}
	shown := managerPage{Raise: form}
	people, hours, mend := form.read()
	of, ok, err := h.theirs(v, roster.AccountID(form.Account))
	if err != nil {
		return err
	}
	if !ok {
		mend = append(portal.Mends{{Field: "account", Key: "manager.not-theirs"}}, mend...)
	}
	switch {
	case !v.MaySign(): // there is no form to mend
		return h.showManager(v, http.StatusForbidden, shown)
	case len(mend) > 0:
		shown.Wrong = mend
		return h.showManager(v, http.StatusUnprocessableEntity, shown)
	}
	if confirmed, err := v.Confirm(shown.address(), "confirm.raise", "people", people, "who", of.Name, "hours", hours); !confirmed {
		return err
	}
	until := h.shell.Now().Add(time.Duration(hours) * time.Hour)
	err = h.deps.Grants.Raise(v.Context(), grants.Raise{By: v.Viewer.ID, Of: of.ID, People: people, Until: until, Because: form.Because})
	if errors.Is(err, grants.GaveMost) {
		shown.Wrong = portal.Mends{{Field: "people", Key: "manager.gave-most"}}
		return h.showManager(v, http.StatusUnprocessableEntity, shown)
	}
	if err != nil {
		return err
	}
	v.Back(path + "?said=raised")
	return nil
}

// read turns what was typed into numbers, and lists what is to be mended.
func (f raiseForm) read() (people, hours int, mend portal.Mends) {
	people, err := strconv.Atoi(f.People)
	if err != nil || people < 1 || people > grants.MostRaised {
		mend = append(mend, portal.Wrong{Field: "people", Key: "manager.people-wrong"})
	}
	hours, err = strconv.Atoi(f.Hours)
	if err != nil || hours < 1 || time.Duration(hours)*time.Hour > grants.LongestRaise {
		mend = append(mend, portal.Wrong{Field: "hours", Key: "manager.hours-wrong"})
	}
	return people, hours, append(mend, portal.MendTyped("because", f.Because)...)
}

// theirs returns an account that the viewer may vouch for and that opens files.
// One of another organisation looks like one that does not exist.
func (h *Handlers) theirs(v *portal.Visit, id roster.AccountID) (roster.Account, bool, error) {
	account, _, err := h.deps.Roster.Account(v.Context(), id)
	if fault.Is(err, fault.Absent) {
		return roster.Account{}, false, nil
	}
	mine := v.Viewer.AtDesk() || account.Organisation == v.Viewer.Organisation.ID
	return account, mine && account.ID != v.Viewer.ID && account.Role.ReadsFiles(), err
}

// vouched is what the viewer has just signed for, said by key.
func vouched(v *portal.Visit) (string, error) {
	kind, known := map[string]ledger.Kind{"cosigned": ledger.Cosigned, "archive-opened": ledger.ArchiveOpened, "raised": ledger.Raised, "lifted": ledger.Lifted}[v.URL.Query().Get("said")]
	if !known {
		return "", nil
	}
	if done, err := v.Just(func(e ledger.Entry) bool { return e.Kind == kind }); !done {
		return "", err
	}
	return kind.String(), nil
}
