package portal

import (
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// orderPage asks whoever watches to confirm a measure, and says what it will do.
// Nothing is in force yet.
type orderPage struct {
	page
	Order    order.Order
	Leave    string // where whoever does nothing goes
	Accounts int    // how many accounts an organisation's measure stops
	Wrong    []wrong
}

// wrong is what is to be mended in a form: said by key, beside its field.
type wrong struct{ Field, Key string }

// Wrong returns what is to be mended in a field, by key; empty when nothing is.
func wrongIn(all []wrong, field string) string {
	for _, w := range all {
		if w.Field == field {
			return w.Key
		}
	}
	return ""
}

// Because is what is wrong with the reason given.
func (p orderPage) Because() string { return wrongIn(p.Wrong, "because") }

// Message is what is wrong with the message to whoever is stopped.
func (p orderPage) Message() string { return wrongIn(p.Wrong, "message") }

// asked reads the order that a form or an address asks for. One that cannot be,
// or whose target nobody knows, is refused.
func (rooms *Rooms) asked(v *visit, form url.Values) (order.Order, error) {
	o := order.Order{
		Reach: order.Reach(form.Get("reach")), Target: form.Get("target"), Effect: order.Effect(form.Get("effect")),
		By: string(v.viewer.ID), Placed: rooms.pages.settings.Now(),
		Because: tidy(form.Get("because")), Message: tidy(form.Get("message")),
	}
	untyped := o // what was typed can be mended on the page
	untyped.Because, untyped.Message = "", ""
	if err := untyped.Check(); err != nil {
		return o, &fault.Error{Kind: fault.Invalid, Public: err.Error()}
	}
	if o.Effect == order.Narrowed {
		return o, &fault.Error{Kind: fault.Invalid, Public: "nobody narrows at the desk: Poterne does, next to a theft"}
	}
	return o, rooms.targetExists(v, o)
}

// tidy is what somebody typed, on one line: it ends in the ledger.
func tidy(text string) string { return typed.Line(text) }

// mendTyped says by key what is wrong with what somebody typed into a field.
func mendTyped(field, text string) []wrong {
	key, found := map[typed.Problem]string{
		typed.Missing: "order.because-missing", typed.TooLong: "order.too-long", typed.Unreadable: "order.unreadable",
	}[typed.Wrong(text)]
	if !found {
		return nil
	}
	return []wrong{{field, key}}
}

func (rooms *Rooms) targetExists(v *visit, o order.Order) error {
	absent := &fault.Error{Kind: fault.Absent, Public: "there is no such target"}
	switch o.Reach {
	case order.Account:
		_, _, err := rooms.Roster.Account(v.Context(), roster.AccountID(o.Target))
		return err
	case order.Organisation:
		organisations, err := rooms.Roster.Organisations(v.Context())
		known := slices.ContainsFunc(organisations, func(known roster.Organisation) bool { return string(known.ID) == o.Target })
		if err == nil && !known {
			return absent
		}
		return err
	case order.Service:
		known := slices.ContainsFunc(rooms.pages.settings.Services, func(s Service) bool { return string(s.ID) == o.Target })
		if !known {
			return absent
		}
	}
	return nil
}

func (rooms *Rooms) proposeOrder(v *visit) error {
	o, err := rooms.asked(v, v.URL.Query())
	if err != nil {
		return err
	}
	return rooms.showOrder(v, http.StatusOK, o, nil)
}

func (rooms *Rooms) showOrder(v *visit, status int, o order.Order, mend []wrong) error {
	naming, err := rooms.naming(v)
	if err != nil {
		return err
	}
	shown := orderPage{
		page:  rooms.page(v, "desk", "order.title-"+string(o.Effect)+"-"+string(o.Reach), "target", naming.target(o)),
		Order: o, Leave: about(o), Wrong: mend,
	}
	for _, a := range naming.accounts {
		if o.Reach == order.Organisation && string(a.Organisation) == o.Target {
			shown.Accounts++
		}
	}
	rooms.show(v, status, "order.html", shown)
	return nil
}

// placeOrder puts a measure in force. Suspending an account also ends its
// sessions; the order holds even if that fails.
func (rooms *Rooms) placeOrder(v *visit) error {
	if err := v.ParseForm(); err != nil {
		return &fault.Error{Kind: fault.Invalid, Err: err}
	}
	o, err := rooms.asked(v, v.PostForm)
	if err != nil {
		return err
	}
	if mend := rooms.mend(v, o); len(mend) > 0 {
		return rooms.showOrder(v, http.StatusUnprocessableEntity, o, mend)
	}
	if _, err := rooms.Contain.Place(v.Context(), o); err != nil {
		return err
	}
	if o.Reach == order.Account && o.Effect == order.Suspended {
		if err := rooms.Door.EndAll(v.Context(), roster.AccountID(o.Target)); err != nil {
			rooms.pages.settings.Log.ErrorContext(v.Context(), "sessions of a suspended account could not be ended", slog.Any("err", err))
			back(v.w, about(o)+"?said=sessions")
			return nil
		}
	}
	back(v.w, about(o)+"?said="+string(o.Effect))
	return nil
}

// mend lists what is missing or too long, and what nobody may do to themself.
func (rooms *Rooms) mend(v *visit, o order.Order) (found []wrong) {
	found = mendTyped("because", o.Because)
	if o.Message != "" {
		found = append(found, mendTyped("message", o.Message)...)
	}
	myself := o.Reach == order.Account && o.Target == string(v.viewer.ID)
	if myself || o.Reach == order.Organisation && o.Target == string(v.viewer.Organisation.ID) {
		found = append(found, wrong{"because", "order.oneself"})
	}
	return found
}

// about is the page that shows whom an order concerns.
func about(o order.Order) string {
	if o.Reach == order.Account {
		return "/desk/accounts/" + url.PathEscape(o.Target)
	}
	return "/desk"
}

// liftPage asks whoever watches to confirm that a measure ends. A freeze is undone
// by somebody who proves to be there, and one that the rules placed by another
// person.
type liftPage struct {
	page
	Measure measureState
	Own     bool   // the rules froze the viewer's own account
	Touch   bool   // the viewer has to prove to be there first
	Undone  int    // freezes of the account undone within a week
	Return  string // where a touch comes back to
	Field   string // what the reason's field is called on the page
	Typed   string
	Wrong   []wrong
}

// Because is what is wrong with the reason given.
func (p liftPage) Because() string { return wrongIn(p.Wrong, p.Field) }

// lifting is how the viewer may end a measure.
func (rooms *Rooms) lifting(v *visit, m measureState) (liftPage, error) {
	shown := liftPage{page: rooms.page(v, "desk", "lift.title"), Measure: m, Touch: m.Effect == order.Frozen && !rooms.touched(v), Return: "/desk/orders/" + string(m.ID), Field: "because"}
	if !m.Itself() {
		return shown, nil
	}
	account, _, err := rooms.Roster.Account(v.Context(), roster.AccountID(m.Target))
	shown.Own = account.ID == v.viewer.ID
	shown.Undone = rooms.Gate.Standing(gate.AskerOf(account), "").Undone
	return shown, err
}

func (rooms *Rooms) proposeLift(v *visit) error {
	m, err := rooms.inForce(v)
	if err != nil {
		return err
	}
	shown, err := rooms.lifting(v, m)
	if err != nil {
		return err
	}
	rooms.show(v, http.StatusOK, "lift.html", shown)
	return nil
}

// inForce returns the measure that the address names.
func (rooms *Rooms) inForce(v *visit) (measureState, error) {
	naming, err := rooms.naming(v)
	if err != nil {
		return measureState{}, err
	}
	for _, m := range rooms.measures(v, naming) {
		if string(m.ID) == v.PathValue("id") {
			return m, nil
		}
	}
	return measureState{}, &fault.Error{Kind: fault.Absent, Public: "no such order is in force"}
}

func (rooms *Rooms) liftOrder(v *visit) error {
	m, err := rooms.inForce(v)
	if err != nil {
		return err
	}
	shown, err := rooms.lifting(v, m)
	if err != nil {
		return err
	}
	shown.Typed = tidy(v.PostFormValue("because"))
	if status := shown.mend(); status != http.StatusOK {
		rooms.show(v, status, "lift.html", shown)
		return nil
	}
	if err := rooms.lift(v, m, shown.Typed); err != nil {
		return err
	}
	back(v.w, about(m.Order)+"?said=lifted")
	return nil
}

// mend notes what is missing or too long, and what the viewer may not do, or not
// yet.
func (p *liftPage) mend() (status int) {
	if p.Own || p.Touch {
		return http.StatusForbidden
	}
	if p.Wrong = append(p.Wrong, mendTyped(p.Field, p.Typed)...); len(p.Wrong) > 0 {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

// lift ends a measure.
func (rooms *Rooms) lift(v *visit, m measureState, because string) error {
	if !m.Itself() {
		return rooms.Contain.Lift(v.Context(), containment.Lift{ID: m.ID, By: string(v.viewer.ID), Because: because})
	}
	return rooms.Contain.Undo(v.Context(), containment.Undo{ID: m.ID, By: v.viewer.ID, Because: because})
}

// outcome is what the viewer has just done, said by key. The address only
// reminds us; the ledger must have it, so no link can claim what was not done.
func (rooms *Rooms) outcome(v *visit) (string, error) {
	said := v.URL.Query().Get("said")
	if said == "" {
		return "", nil
	}
	const justNow, fewEntries = time.Minute, 5
	entries, err := rooms.Journal.RecentBy(v.Context(), v.viewer.ID, fewEntries)
	if err != nil {
		return "", err
	}
	done := map[string]string{"frozen": "frozen", "suspended": "suspended", "sessions": "suspended", "closed": "closed", "lifted": "lifted"}
	for _, e := range entries {
		recent := rooms.pages.settings.Now().Sub(e.Time) < justNow
		ordered := e.Kind == ledger.Placed || e.Kind == ledger.Lifted
		if recent && ordered && (happening{Entry: e}).State() == done[said] {
			return said, nil
		}
	}
	return "", nil
}
