package person

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/person"
	"poterne/internal/register"
)

// Where the person sees who may read their page, and where somebody reads whom they represent.
const (
	MandatesPath    = "/mandates"
	RepresentedPath = "/represented"
)

func (h *Handlers) mountMandates(mux *http.ServeMux) {
	mux.Handle("GET "+MandatesPath, h.signedIn(own(h.mandates)))
	mux.Handle("POST "+MandatesPath+"/{number}/revoke", h.signedIn(own(h.revoke)))
	mux.Handle("GET "+RepresentedPath, h.signedIn(h.represented))
	const of = RepresentedPath + "/{mandate}"
	for pattern, page := range map[string]struct {
		what  ledger.State
		serve func(visit) error
	}{
		"GET " + of:                           {person.LookedAtPage, h.file},
		"GET " + of + "/easy":                 {person.LookedAtPage, h.easy},
		"GET " + of + "/lines.csv":            {person.LookedAtFiles, h.csv},
		"GET " + of + "/lines.json":           {person.LookedAtFiles, h.json},
		"GET " + of + "/lines/{number}":       {person.LookedAtLine, h.line},
		"GET " + of + "/lines/{number}/proof": {person.LookedAtLine, h.proof},
		"POST " + of + "/lines/{number}/ask":  {person.LookAsked, h.ask},
	} {
		mux.Handle(pattern, h.signedIn(h.under(page.what, page.serve)))
	}
}

// own serves a page to whom it is about. Whoever only represents others is led to them.
func own(serve func(visit) error) func(visit) error {
	return func(v visit) error {
		if !v.Visitor.Own {
			http.Redirect(v.Writer, v.Request, RepresentedPath, http.StatusSeeOther)
			return nil
		}
		return serve(v)
	}
}

// under serves a page of the represented person, once it is written down that it is shown. The
// mandate is asked each time: it may have ended a moment ago.
func (h *Handlers) under(what ledger.State, serve func(visit) error) func(visit) error {
	return func(v visit) error {
		number, err := strconv.ParseUint(v.PathValue("mandate"), 10, 63)
		if err != nil || strconv.FormatUint(number, 10) != v.PathValue("mandate") {
			return &fault.Error{Kind: fault.Absent}
		}
		v.Base = fmt.Sprintf("%s/%d", RepresentedPath, number)
		m, err := h.deps.Mandates.Look(v.Context(), v.Visitor.Identity, ledger.Number(number), what, h.network(v), func(of register.PersonID) error {
			v.Person = of
			return h.there(v, what)
		})
		if errors.Is(err, journal.Unchanged) {
			h.pages.Back(v.Writer, v.Base+"/lines/"+v.PathValue("number"))
			return nil
		}
		if err != nil {
			return err
		}
		v.Person, v.For = m.Person, m.Represented.Given+" "+m.Represented.Family
		return serve(v)
	}
}

// there reports an error where a line that a representative asks for is not there, or cannot be asked about by them;
// journal.Unchanged where it was. The person MUST NOT be told of what was not shown, nor asked.
func (h *Handlers) there(v visit, what ledger.State) error {
	if what != person.LookedAtLine && what != person.LookAsked {
		return nil
	}
	line, err := h.one(v)
	if err != nil || what == person.LookedAtLine {
		return err
	}
	asks := ledger.State(v.PostFormValue("what"))
	if asks == person.WasMe || !slices.Contains(person.Asks, asks) { // whether it was them, only they know
		return &fault.Error{Kind: fault.Absent}
	}
	asked, err := h.deps.Questions.Of(v.Context(), v.Person)
	if _, is := asked[line.Number]; is && err == nil {
		return journal.Unchanged
	}
	return err
}

// mandated says on a page who else may read it, and whose pages its reader may read. On the page of
// somebody else it says neither.
func (h *Handlers) mandated(v visit, shown *filePage) error {
	if h.deps.Mandates == nil || v.Base != "" {
		return nil
	}
	of, err := h.deps.Mandates.Of(v.Context(), v.Person)
	if err != nil {
		return err
	}
	shown.Mandates = true
	for _, m := range of {
		shown.count(m, h.pages.Settings().Now())
	}
	to, err := h.deps.Mandates.To(v.Context(), v.Visitor.Identity)
	if fault.Is(err, fault.Unavailable) { // their own page does not wait for it
		return nil
	}
	shown.Represented = len(to)
	return err
}

// mandated is how many others may read a page now, and how many will.
type mandated struct{ Readers, Coming int }

// count counts a mandate that somebody signed for.
func (c *mandated) count(m person.MandateView, now time.Time) {
	switch {
	case m.InForce(now):
		c.Readers++
	case m.Lasts(now):
		c.Coming++
	}
}

// mandate is a mandate as the person reads it.
type mandate struct {
	person.MandateView
	Name             string // of the representative
	Running, Lasting bool
	Revocable        bool
	Last             time.Time // its last day
	More             int       // looks beyond those that are shown
}

// mandatesPage answers a person: who else reads my page?
type mandatesPage struct {
	page
	mandated
	Lasting, Past []mandate
}

// looksShown is how many looks under a mandate are on the page.
const looksShown = 50

func (h *Handlers) mandates(v visit) error {
	all, err := h.deps.Mandates.Of(v.Context(), v.Person)
	if err != nil {
		return err
	}
	shown, now := mandatesPage{page: h.mine(v, "mine.mandates")}, h.pages.Settings().Now()
	for _, m := range all {
		shown.count(m, now)
		one := mandate{
			MandateView: m, Name: m.Parties.Representative.Given + " " + m.Parties.Representative.Family, Running: m.InForce(now), Lasting: m.Lasts(now),
			Revocable: m.Kind == person.PowerOfAttorney && m.Lasts(now), Last: m.Until.Add(-time.Second),
		}
		if !m.Over.IsZero() {
			one.Last = m.Over
		}
		if one.More = max(0, len(m.Looks)-looksShown); one.More > 0 {
			one.Looks = m.Looks[:looksShown]
		}
		if one.Lasting {
			shown.Lasting = append(shown.Lasting, one)
		} else {
			shown.Past = append(shown.Past, one)
		}
	}
	h.pages.Write(v.Writer, v.Request, http.StatusOK, "mandates.html", shown)
	return nil
}

func (h *Handlers) revoke(v visit) error {
	number, err := numberOf(v)
	if err != nil {
		return err
	}
	if err := h.deps.Mandates.Revoke(v.Context(), v.Person, number); err != nil {
		return err
	}
	http.Redirect(v.Writer, v.Request, MandatesPath, http.StatusSeeOther)
	return nil
}

// represents is whose page somebody may read.
type represents struct {
	Path, Name string
	Kind       ledger.State
	Last       time.Time
}

// representedPage answers a representative: whose page may I read?
type representedPage struct {
	page
	Own  bool // they have a page of their own
	List []represents
}

func (h *Handlers) represented(v visit) error {
	all, err := h.deps.Mandates.To(v.Context(), v.Visitor.Identity)
	if err != nil {
		return err
	}
	shown := representedPage{page: h.mine(v, "mine.represented"), Own: v.Visitor.Own}
	for _, m := range all {
		shown.List = append(shown.List, represents{
			fmt.Sprintf("%s/%d", RepresentedPath, m.Number), m.Represented.Given + " " + m.Represented.Family, m.Kind, m.Until.Add(-time.Second),
		})
	}
	h.pages.Write(v.Writer, v.Request, http.StatusOK, "represented.html", shown)
	return nil
}
