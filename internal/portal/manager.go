package portal

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
	"poterne/internal/roster"
)

// managerPage answers whoever vouches for others: whom did the rules freeze, who
// waits for my signature, and who needs more room today?
type managerPage struct {
	page
	Said     string
	Touched  bool // lately enough to sign
	Again    string
	Frozen   []frozenState
	Thaw     thawForm
	Sought   string // the receipt's number, as it was typed
	Waiting  *waiting
	Raise    raiseForm
	Accounts []roster.Account // who may be given more
	ByHand   bool             // there are too many to list: their identifier is typed
	Raised   []raisedState
	Wrong    []wrong
}

// waiting is an opening that waits for a signature, without the person.
type waiting struct {
	Receipt      ledger.Number
	At           time.Time
	Who          roster.Account
	Organisation string
	Service      string
	Sentence     string
}

// thawForm is why somebody wants a freeze undone, as it was typed.
type thawForm struct {
	Order   order.ID
	Because string
}

// raiseForm is what somebody asks for another account, as it was typed.
type raiseForm struct{ Account, People, Hours, Because string }

// frozenState is an account that the rules froze.
type frozenState struct {
	Order order.Order
	Of    roster.Account
	Again bool // it was undone within a week: the security desk looks at it
}

// raisedState is what is left of a raise.
type raisedState struct {
	Name string
	Left meter.Cost
}

// WrongIn is what is wrong with a field, by key; empty when nothing is.
func (p managerPage) WrongIn(field string) string { return wrongIn(p.Wrong, field) }

// Vouches reports whether the viewer may sign for what others do.
func (v viewer) Vouches() bool { return v.Role == roster.Manager || v.Role == roster.Security }

// vouching lets in those who may sign for others, unless an order is in force
// against them.
func (rooms *Rooms) vouching(serve func(*visit) error) func(*visit) error {
	return func(v *visit) error {
		if !v.viewer.Vouches() || rooms.Gate.Standing(v.viewer.asker(), "").IsHeld {
			return &fault.Error{Kind: fault.Refused, Public: "this room is for those who sign for others"}
		}
		return serve(v)
	}
}

// touched reports whether the viewer proved to be there lately enough to sign.
func (rooms *Rooms) touched(v *visit) bool {
	return v.session.TouchedWithin(meter.Fresh, rooms.pages.settings.Now())
}

func (rooms *Rooms) manage(v *visit) error {
	q := v.URL.Query()
	shown := managerPage{Sought: q.Get("receipt"), Raise: raiseForm{Account: q.Get("account"), People: q.Get("people"), Hours: q.Get("hours")}}
	status := http.StatusOK
	if shown.Sought != "" {
		var err error
		if shown.Waiting, shown.Wrong, err = rooms.waitingUnder(v, shown.Sought); err != nil {
			return err
		}
	}
	if len(shown.Wrong) > 0 {
		status = http.StatusUnprocessableEntity
	}
	return rooms.showManager(v, status, shown)
}

// waitingUnder finds what waits under a receipt's number, or says what is wrong
// with the number. The look is written down.
func (rooms *Rooms) waitingUnder(v *visit, typed string) (*waiting, []wrong, error) {
	number, err := strconv.ParseUint(strings.Join(strings.Fields(typed), ""), 10, 63)
	if err != nil {
		return nil, []wrong{{"receipt", "manager.no-number"}}, nil
	}
	receipt := ledger.Number(number)
	if err := rooms.reading(v, ledger.Entry{State: ledger.WaitingRead, From: receipt, End: receipt + 1}); err != nil {
		return nil, nil, err
	}
	asked, err := rooms.Grants.Waiting(v.Context(), v.viewer.account(), receipt)
	if key := cannotSign(err); key != "" {
		return nil, []wrong{{"receipt", key}}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	who, organisation, err := rooms.Roster.Account(v.Context(), asked.Account)
	if err != nil {
		return nil, nil, err
	}
	return &waiting{
		Receipt: receipt, At: asked.Time, Who: who, Organisation: organisation.Name,
		Service: rooms.pages.service(asked.Service), Sentence: v.speaker.language.Sentence(asked.Ruling()),
	}, nil, nil
}

// cannotSign says by key why somebody cannot sign, when it is for what they ask.
func cannotSign(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, grants.ManyWait):
		return "manager.one-person"
	case errors.Is(err, grants.SignedAlready):
		return "manager.signed-already"
	case errors.Is(err, grants.SignedForMost):
		return "manager.signed-most"
	case fault.Is(err, fault.Absent):
		return "manager.none-waits"
	default:
		return ""
	}
}

// showManager completes the page with what it always shows.
func (rooms *Rooms) showManager(v *visit, status int, shown managerPage) (err error) {
	shown.page = rooms.page(v, "manager", "manager.title")
	shown.Touched, shown.Again = rooms.touched(v), shown.address()
	shown.ByHand = v.viewer.AtDesk()
	if shown.Said, err = rooms.vouched(v); err != nil {
		return err
	}
	accounts, err := rooms.Roster.Accounts(v.Context())
	if err != nil {
		return err
	}
	shown.Frozen = rooms.frozen(v.viewer, accounts)
	for _, a := range accounts {
		if shown.ByHand || a.Organisation != v.viewer.Organisation.ID || !a.Role.ReadsFiles() {
			continue
		}
		shown.Accounts = append(shown.Accounts, a)
		if left := rooms.Gate.Standing(gate.AskerOf(a), "").Raise; left > 0 {
			shown.Raised = append(shown.Raised, raisedState{a.Name, left})
		}
	}
	rooms.show(v, status, "manager.html", shown)
	return nil
}

// frozen lists the accounts that the rules froze and that the viewer may thaw.
func (rooms *Rooms) frozen(who viewer, accounts []roster.Account) (list []frozenState) {
	for _, o := range rooms.Gate.Orders() {
		if o.By != journal.Itself || o.Effect != order.Frozen || o.Reach != order.Account {
			continue
		}
		i := slices.IndexFunc(accounts, func(a roster.Account) bool { return string(a.ID) == o.Target })
		if i < 0 || accounts[i].ID == who.ID || !who.AtDesk() && accounts[i].Organisation != who.Organisation.ID {
			continue
		}
		again := !who.AtDesk() && rooms.Gate.Standing(gate.AskerOf(accounts[i]), "").Undone > 0
		list = append(list, frozenState{o, accounts[i], again})
	}
	return list
}

// thaw undoes a freeze. Without a fresh touch, the page asks for one.
func (rooms *Rooms) thaw(v *visit) error {
	form := thawForm{order.ID(v.PostFormValue("order")), tidy(v.PostFormValue("because"))}
	accounts, err := rooms.Roster.Accounts(v.Context())
	if err != nil {
		return err
	}
	list := rooms.frozen(v.viewer, accounts)
	i := slices.IndexFunc(list, func(f frozenState) bool { return f.Order.ID == form.Order })
	if i < 0 {
		return &fault.Error{Kind: fault.Absent, Public: "no such freeze is in force"}
	}
	shown, field := managerPage{Thaw: form}, "because-"+string(form.Order)
	shown.Wrong = mendTyped(field, form.Because)
	switch {
	case !rooms.touched(v):
		shown.Wrong = nil // there is no form to mend
		return rooms.showManager(v, http.StatusForbidden, shown)
	case len(shown.Wrong) > 0:
		return rooms.showManager(v, http.StatusUnprocessableEntity, shown)
	}
	if err := rooms.Contain.Undo(v.Context(), containment.Undo{ID: form.Order, By: v.viewer.ID, Because: form.Because}); err != nil {
		return err
	}
	back(v.w, managerPath+"?said=lifted")
	return nil
}

// address is where the page is found again after a touch. The reason is typed
// again: it may say more than an address should.
func (p managerPage) address() string {
	q := url.Values{}
	for name, value := range map[string]string{"receipt": p.Sought, "account": p.Raise.Account, "people": p.Raise.People, "hours": p.Raise.Hours} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return managerPath
	}
	return managerPath + "?" + q.Encode()
}

const managerPath = "/manager"

// cosign signs for an opening that waits. Without a fresh touch, the page asks for
// one.
func (rooms *Rooms) cosign(v *visit) error {
	shown := managerPage{Sought: v.PostFormValue("receipt")}
	var err error
	if shown.Waiting, shown.Wrong, err = rooms.waitingUnder(v, shown.Sought); err != nil {
		return err
	}
	switch {
	case len(shown.Wrong) > 0:
		return rooms.showManager(v, http.StatusUnprocessableEntity, shown)
	case !rooms.touched(v):
		return rooms.showManager(v, http.StatusForbidden, shown)
	}
	err = rooms.Grants.Cosign(v.Context(), v.viewer.ID, shown.Waiting.Receipt)
	if key := cannotSign(err); key != "" {
		shown.Waiting, shown.Wrong = nil, []wrong{{"receipt", key}}
		return rooms.showManager(v, http.StatusUnprocessableEntity, shown)
	}
	if err != nil {
		return err
	}
	back(v.w, managerPath+"?said=cosigned")
	return nil
}

// raise gives an account more room for a while. Without a fresh touch, the page
// asks for one.
func (rooms *Rooms) raise(v *visit) error {
	if err := v.ParseForm(); err != nil {
		return &fault.Error{Kind: fault.Invalid, Err: err}
	}
	form := raiseForm{
		Account: strings.TrimSpace(v.PostForm.Get("account")), People: strings.TrimSpace(v.PostForm.Get("people")),
		Hours: strings.TrimSpace(v.PostForm.Get("hours")), Because: tidy(v.PostForm.Get("because")),
	}
	shown := managerPage{Raise: form}
	people, hours, mend := form.read()
	of, ok, err := rooms.theirs(v, roster.AccountID(form.Account))
	if err != nil {
		return err
	}
	if !ok {
		mend = append([]wrong{{"account", "manager.not-theirs"}}, mend...)
	}
	switch {
	case !rooms.touched(v): // there is no form to mend
		return rooms.showManager(v, http.StatusForbidden, shown)
	case len(mend) > 0:
		shown.Wrong = mend
		return rooms.showManager(v, http.StatusUnprocessableEntity, shown)
	}
	until := rooms.pages.settings.Now().Add(time.Duration(hours) * time.Hour)
	if err := rooms.Grants.Raise(v.Context(), grants.Raise{By: v.viewer.ID, Of: of.ID, People: people, Until: until, Because: form.Because}); err != nil {
		return err
	}
	back(v.w, managerPath+"?said=raised")
	return nil
}

// read turns what was typed into numbers, and lists what is to be mended.
func (f raiseForm) read() (people, hours int, mend []wrong) {
	people, err := strconv.Atoi(f.People)
	if err != nil || people < 1 || people > grants.MostRaised {
		mend = append(mend, wrong{"people", "manager.people-wrong"})
	}
	hours, err = strconv.Atoi(f.Hours)
	if err != nil || hours < 1 || time.Duration(hours)*time.Hour > grants.LongestRaise {
		mend = append(mend, wrong{"hours", "manager.hours-wrong"})
	}
	return people, hours, append(mend, mendTyped("because", f.Because)...)
}

// theirs returns an account that the viewer may vouch for and that opens files.
// One of another organisation looks like one that does not exist.
func (rooms *Rooms) theirs(v *visit, id roster.AccountID) (roster.Account, bool, error) {
	account, _, err := rooms.Roster.Account(v.Context(), id)
	if fault.Is(err, fault.Absent) {
		return roster.Account{}, false, nil
	}
	mine := v.viewer.AtDesk() || account.Organisation == v.viewer.Organisation.ID
	return account, mine && account.ID != v.viewer.ID && account.Role.ReadsFiles(), err
}

// vouched is what the viewer has just signed for, said by key. As with orders, the
// ledger must have it.
func (rooms *Rooms) vouched(v *visit) (string, error) {
	kind, known := map[string]ledger.Kind{"cosigned": ledger.Cosigned, "raised": ledger.Raised, "lifted": ledger.Lifted}[v.URL.Query().Get("said")]
	if !known {
		return "", nil
	}
	const justNow, fewEntries = time.Minute, 5
	entries, err := rooms.Journal.RecentBy(v.Context(), v.viewer.ID, fewEntries)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if e.Kind == kind && rooms.pages.settings.Now().Sub(e.Time) < justNow {
			return kind.String(), nil
		}
	}
	return "", nil
}
