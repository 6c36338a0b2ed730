package portal

import (
	"log/slog"
	"net/http"

	"poterne/internal/fault"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// visit is a request of somebody who is signed in and has an account.
type visit struct {
	*http.Request
	w       http.ResponseWriter
	session signin.Session
	viewer  viewer
	speaker speaker
}

// page begins a page for the visit.
func (rooms *Rooms) page(v *visit, room, title string, pairs ...any) page {
	begun := rooms.pages.page(v.Request, v.viewer, title, pairs...)
	begun.Room = room
	return begun
}

// show writes a page for the visit.
func (rooms *Rooms) show(v *visit, status int, name string, data any) {
	rooms.pages.show(v.w, v.Request, status, name, data)
}

// room serves a page to whoever is signed in; it is the only place where an
// error of a room becomes a status, and is logged.
func (rooms *Rooms) room(serve func(*visit) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		v, err := rooms.visit(w, r)
		if fault.Is(err, fault.Anonymous) {
			rooms.pages.Stops().SignIn(w, r, err)
			return
		}
		if err == nil {
			err = serve(v)
		}
		if err == nil {
			return
		}
		kind := fault.KindOf(err)
		if kind == fault.Broken || kind == fault.Unavailable {
			rooms.pages.settings.Log.ErrorContext(r.Context(), "request failed", slog.String("route", r.Pattern), slog.Any("err", err))
		}
		rooms.sayError(w, r, kind)
	})
}

// visit recognises who asks, as the roster has them now.
func (rooms *Rooms) visit(w http.ResponseWriter, r *http.Request) (*visit, error) {
	session, err := rooms.Door.Who(w, r)
	if err != nil {
		return nil, err
	}
	account, organisation, err := rooms.Roster.Account(r.Context(), session.Account)
	if fault.Is(err, fault.Absent) { // closed since they signed in
		return nil, &fault.Error{Kind: fault.Refused, Err: err}
	}
	if err != nil {
		return nil, err
	}
	return &visit{r, w, session, viewer{account.ID, account.Name, organisation, account.Role, session.ID, account.Opened}, rooms.pages.speakers[languageOf(r)]}, nil
}

// atDesk lets in those who watch and contain, unless they are suspended
// themselves. Closing everything does not shut the desk, which reopens it.
func (rooms *Rooms) atDesk(serve func(*visit) error) func(*visit) error {
	return func(v *visit) error {
		if !rooms.mayWatch(v.viewer) {
			return &fault.Error{Kind: fault.Refused, Public: "the desk is for those who watch"}
		}
		return serve(v)
	}
}

func (rooms *Rooms) mayWatch(who viewer) bool {
	var suspensions order.Book
	for _, o := range rooms.Gate.Orders() {
		if o.Effect == order.Suspended {
			suspensions = append(suspensions, o)
		}
	}
	_, suspended := suspensions.Against(who.ID, who.Organisation.ID, "", rooms.pages.settings.Now())
	return who.AtDesk() && !suspended
}

// sayError tells what an error of a room means.
func (rooms *Rooms) sayError(w http.ResponseWriter, r *http.Request, kind fault.Kind) {
	switch {
	case kind == fault.Absent:
		rooms.pages.notFound(w, r)
	case kind == fault.Broken:
		rooms.pages.Stops().Broke(w, r)
	default:
		rooms.pages.Stops().Failed(w, r, kind, policy.Granted)
	}
}

// accountNames returns what the desk calls each account.
func (rooms *Rooms) accountNames(v *visit) (map[roster.AccountID]roster.Account, map[roster.OrganisationID]roster.Organisation, error) {
	accounts, err := rooms.Roster.Accounts(v.Context())
	if err != nil {
		return nil, nil, err
	}
	organisations, err := rooms.Roster.Organisations(v.Context())
	if err != nil {
		return nil, nil, err
	}
	byID := make(map[roster.AccountID]roster.Account, len(accounts))
	for _, a := range accounts {
		byID[a.ID] = a
	}
	organisationByID := make(map[roster.OrganisationID]roster.Organisation, len(organisations))
	for _, o := range organisations {
		organisationByID[o.ID] = o
	}
	return byID, organisationByID, nil
}
