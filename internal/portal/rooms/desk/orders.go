package desk

import (
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"poterne/internal/fault"
	"poterne/internal/i18n"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

// orders are the pages that put measures in force and end them.
type orders struct {
	base
	containment Containment
	sessions    Sessions
	hour        *hour
	networks    []string
}

// orderPage asks the security desk to confirm a measure, and says what it will do.
// Nothing is in force yet.
type orderPage struct {
	portal.Page
	Order   order.Order
	Lasts   string // how long it is to be in force, as the page offers it
	Ends    []string
	Leave   string // where the way out leads, which does nothing
	Stops   preview
	Also    []accountName // other accounts that it is placed on, each by an order of its own
	Lineage int           // how many accounts came of the one that it stops
	Whole   bool          // they are stopped with it
	Wrong   portal.Mends
}

// preview is whom a measure stops, before it is placed.
type preview struct {
	Accounts int // it reaches
	Sessions int // of theirs go on
	Counted  bool
	AtWork   int // accounts that looked somebody up in the last hour
}

// ends are how long a measure may last, as the page offers it; or until it is lifted.
var ends = []string{"1h", "4h", "24h", "168h"}

// mostCounted is for how many accounts their sessions are counted.
const mostCounted = 200

// preview counts whom a measure reaches; all of a lineage where that is asked for. A
// measure on a function or a service reaches whoever uses it.
func (h orders) preview(v visit, o order.Order, whole bool, also []roster.AccountID) (p preview, err error) {
	lineage := make(map[roster.AccountID]bool)
	for _, id := range also {
		lineage[id] = true
	}
	if whole {
		var walk func(portal.Kin)
		walk = func(k portal.Kin) {
			lineage[k.ID] = true
			for _, below := range k.Below {
				walk(below)
			}
		}
		walk(h.lineage(v.labels, roster.AccountID(o.Target)).Tree)
	}
	reached := make(map[roster.AccountID]bool)
	for id, a := range v.labels.Accounts {
		use := order.Use{Account: id, Organisation: a.Organisation, Role: a.Role}
		if everyUse := o.Reach == order.Service || o.Reach == order.Function || o.Reach == order.Network; everyUse && a.Role.ReadsFiles() || !everyUse && o.Reaches(use) || lineage[id] {
			reached[id] = true
		}
	}
	p.Accounts = len(reached)
	p.AtWork = h.hour.working(reached, o, h.shell.Now())
	if p.Counted = len(reached) <= mostCounted; !p.Counted {
		return p, nil
	}
	for account := range reached {
		sessions, err := h.sessions.Sessions(v.Context(), account)
		if err != nil {
			return p, err
		}
		p.Sessions += len(sessions)
	}
	return p, nil
}

// asked reads the order that a form or an address asks for. One that cannot be,
// or whose target is not known, is refused.
func (h orders) asked(v visit, form url.Values) (order.Order, error) {
	o := order.Order{
		Reach: order.Reach(form.Get("reach")), Target: form.Get("target"), Effect: order.Effect(form.Get("effect")),
		By: string(v.Viewer.ID), Placed: h.shell.Now(),
		Because: portal.Tidy(form.Get("because")), Message: order.Message{French: portal.Tidy(form.Get("message-fr")), English: portal.Tidy(form.Get("message-en"))},
	}
	if lasts := form.Get("lasts"); lasts != "" {
		span, err := time.ParseDuration(lasts)
		if err != nil || !slices.Contains(ends, lasts) {
			return o, &fault.Error{Kind: fault.Invalid, Public: "a measure lasts as long as the page offers, or until it is lifted"}
		}
		o.Ends = o.Placed.Add(span)
	}
	untyped := o // what was typed can be mended on the page
	untyped.Because, untyped.Message = "", order.Message{}
	if err := untyped.Check(); err != nil {
		return o, &fault.Error{Kind: fault.Invalid, Public: err.Error()}
	}
	if o.Effect == order.Narrowed {
		return o, &fault.Error{Kind: fault.Invalid, Public: "nobody narrows at the desk: Poterne does, next to a theft"}
	}
	return o, h.targetExists(v, o)
}

// also reads on which other accounts an order is to be placed, each once.
func (h orders) also(v visit, o order.Order, form url.Values) (list []roster.AccountID, err error) {
	for _, typed := range form["also"] {
		id := roster.AccountID(typed)
		if _, known := v.labels.Accounts[id]; !known || o.Reach != order.Account {
			return nil, &fault.Error{Kind: fault.Absent, Public: "there is no such target"}
		}
		if string(id) != o.Target && !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	if len(list) >= mostCounted {
		return nil, fault.Errorf(fault.Invalid, "a measure is placed on at most %d accounts at once", mostCounted)
	}
	return list, nil
}

func (h orders) targetExists(v visit, o order.Order) error {
	known := true
	switch o.Reach {
	case order.Account:
		_, known = v.labels.Accounts[roster.AccountID(o.Target)]
	case order.Organisation:
		_, known = v.labels.Organisations[roster.OrganisationID(o.Target)]
	case order.Service:
		known = h.declares(o.Target)
	case order.Role:
		known = slices.Contains(roster.Given(h.shell.Readers()), roster.Role(o.Target))
	case order.Network:
		known = slices.Contains(h.networks, o.Target)
	case order.Function:
		service, _, isRoute := strings.Cut(o.Target, " ")
		known = !isRoute || h.declares(service)
	}
	if !known {
		return &fault.Error{Kind: fault.Absent, Public: "there is no such target"}
	}
	return nil
}

func (h orders) declares(service string) bool {
	return slices.ContainsFunc(h.shell.Services(), func(s portal.Service) bool { return string(s.ID) == service })
}

func (h orders) propose(v visit) error {
	o, err := h.asked(v, v.URL.Query())
	if err != nil {
		return err
	}
	said := "order.message-" + string(o.Effect)
	if !i18n.English.Has(said) || !i18n.English.Has("order.title-"+string(o.Effect)+"-"+string(o.Reach)) {
		return &fault.Error{Kind: fault.Invalid, Public: "this measure is not placed from this page"}
	}
	o.Message = order.Message{French: i18n.French.Say(said), English: i18n.English.Say(said)}
	also, err := h.also(v, o, v.URL.Query())
	if err != nil {
		return err
	}
	return h.show(v, http.StatusOK, o, v.URL.Query().Has("lineage"), also, nil)
}

func (h orders) show(v visit, status int, o order.Order, whole bool, also []roster.AccountID, mend portal.Mends) error {
	shown := orderPage{
		Page:  v.Page(path, "order.title-"+string(o.Effect)+"-"+string(o.Reach), "target", v.labels.Target(o)),
		Order: o, Lasts: v.FormValue("lasts"), Ends: ends, Leave: about(o), Wrong: mend, Whole: whole,
	}
	for _, id := range also {
		shown.Also = append(shown.Also, named(v.labels, id))
	}
	if o.Reach == order.Account && len(also) == 0 {
		shown.Lineage = h.lineage(v.labels, roster.AccountID(o.Target)).Count
	}
	var err error
	if shown.Stops, err = h.preview(v, o, whole, also); err != nil {
		return err
	}
	h.pages.Show(v.Visit, status, "order.html", shown)
	return nil
}

// place puts a measure in force. Suspending an account also ends its
// sessions; the order holds even if that fails.
func (h orders) place(v visit) error {
	if err := v.ParseForm(); err != nil {
		return &fault.Error{Kind: fault.Invalid, Err: err}
	}
	o, err := h.asked(v, v.PostForm)
	if err != nil {
		return err
	}
	also, err := h.also(v, o, v.PostForm)
	if err != nil {
		return err
	}
	if mend := h.mend(v, o, also); len(mend) > 0 {
		return h.show(v, http.StatusUnprocessableEntity, o, v.PostForm.Has("lineage"), also, mend)
	}
	placed, err := h.put(v, o, also)
	if err != nil {
		return err
	}
	back := about(o)
	if len(also) > 0 {
		back = path
	}
	for _, one := range placed {
		if one.Reach != order.Account || one.Effect != order.Suspended {
			continue
		}
		if err := h.sessions.EndAll(v.Context(), roster.AccountID(one.Target)); err != nil {
			h.shell.Log().ErrorContext(v.Context(), "sessions of a suspended account could not be ended", slog.Any("err", err))
			v.Back(back + "?said=sessions")
			return nil
		}
	}
	v.Back(back + "?said=" + string(o.Effect))
	return nil
}

// put puts a measure in force, on a whole lineage if that is asked for, or on other accounts as
// well. Of several, each that can be placed is, whatever becomes of another.
func (h orders) put(v visit, o order.Order, also []roster.AccountID) (all []order.Order, failed error) {
	if o.Reach == order.Account && len(also) == 0 && v.PostForm.Has("lineage") {
		return h.containment.PlaceLineage(v.Context(), o)
	}
	for _, target := range append([]roster.AccountID{roster.AccountID(o.Target)}, also...) {
		one := o
		one.Target = string(target)
		placed, err := h.containment.Place(v.Context(), one)
		if err != nil {
			failed = err
			continue
		}
		all = append(all, placed)
	}
	return all, failed
}

// mend lists what is missing or too long, and orders against the viewer themself.
func (h orders) mend(v visit, o order.Order, also []roster.AccountID) (found portal.Mends) {
	found = portal.MendTyped("because", o.Because)
	for field, text := range map[string]string{"message-fr": o.Message.French, "message-en": o.Message.English} {
		if text != "" {
			found = append(found, portal.MendTyped(field, text)...)
		}
	}
	myself := o.Reach == order.Account && (o.Target == string(v.Viewer.ID) || slices.Contains(also, v.Viewer.ID))
	if myself || o.Reach == order.Role && o.Target == string(v.Viewer.Role) || o.Reach == order.Organisation && o.Target == string(v.Viewer.Organisation.ID) {
		found = append(found, portal.Wrong{Field: "because", Key: "order.oneself"})
	}
	return found
}

// about is the page that shows whom an order concerns.
func about(o order.Order) string {
	if o.Reach == order.Account {
		return path + "/accounts/" + url.PathEscape(o.Target)
	}
	return path
}

// outcome is what the viewer has just done, said by key.
func outcome(v visit) (string, error) {
	said := v.URL.Query().Get("said")
	done, known := map[string]string{"frozen": "frozen", "suspended": "suspended", "sessions": "suspended", "closed": "closed", "lifted": "lifted", "reduced": "reduced", "trial": "closed"}[said]
	if !known {
		return "", nil
	}
	if just, err := v.Just(func(e ledger.Entry) bool {
		return (e.Kind == ledger.Placed || e.Kind == ledger.Lifted) && portal.Activity{Entry: e}.State() == done
	}); !just {
		return "", err
	}
	return said, nil
}
