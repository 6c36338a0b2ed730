package portal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"poterne/internal/campaign"
	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/grants"
	"poterne/internal/i18n"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// Gallery shows every page empty, full and failing, in both languages, from a
// small invented house. It is for looking at the pages and for their tests.
func Gallery() http.Handler {
	mux := http.NewServeMux()
	scenes := Scenes()
	for _, in := range languages {
		for name, scene := range scenes {
			mux.HandleFunc("GET /gallery/"+string(in)+"/"+name, func(w http.ResponseWriter, r *http.Request) { scene(w, r, in) })
		}
	}
	mux.HandleFunc("GET /gallery/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = galleryIndex.Execute(w, struct {
			Languages []i18n.Language
			Names     []string
		}{languages, slices.Sorted(maps.Keys(scenes))})
	})
	newStage().pages.Mount(mux)
	return mux
}

var galleryIndex = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Gallery</title><h1>Gallery</h1><ul>
{{range $name := .Names}}<li>{{$name}}: {{range $in := $.Languages}}<a href="/gallery/{{$in}}/{{$name}}">{{$in}}</a> {{end}}</li>
{{end}}</ul>`))

// Scene writes one page of the gallery in a language.
type Scene func(http.ResponseWriter, *http.Request, i18n.Language)

// Scenes returns every page of the gallery, by name.
func Scenes() map[string]Scene {
	full, empty, broken := newStage(), newStage(), newStage()
	full.fill()
	broken.fill()
	broken.broken = errors.New("a stage broke on purpose")
	held, closed, frozen, drained := newStage(), newStage(), newStage(), newStage()
	held.place(order.Account, "camille.aubry", order.Suspended, "L’équipe vous rappelle avant midi.")
	closed.place(order.Everything, "", order.Closed, "")
	frozen.place(order.Account, "camille.aubry", order.Frozen, "")
	untouched, signing := newStage(), newStage()
	untouched.fill()
	signing.fill()
	signing.touched = galleryNow.Add(-4 * time.Minute)
	for _, st := range []*stage{untouched, signing} {
		st.orders = append(st.orders, order.Order{
			ID: "8", Reach: order.Account, Target: "theo.marchand", Effect: order.Frozen, By: journal.Itself, Placed: galleryNow.Add(-5 * time.Minute),
			Because: i18n.French.Sentence(policy.Ruling{Verdict: policy.Freeze, Why: policy.Enumerating}),
		})
	}
	untouched.write(6*time.Minute, unsigned)
	signing.write(6*time.Minute, unsigned)
	signing.write(time.Second, ledger.Entry{Kind: ledger.Raised, Account: "jeanne.vidal", Subject: "leo.perrin", Cost: meter.People(5), Until: galleryNow.Add(time.Hour)})
	waiting := "/manager?receipt=" + receipt(signing.entries[len(signing.entries)-2].Number)
	drained.fill()
	drained.spend("camille.aubry", 2)
	shorter, unread := newStage(), newStage()
	shorter.fill()
	shorter.dropped = 20
	unread.fill()
	unread.unread = 3_210_456
	together := newStage()
	together.conspire()

	stolen, undoing, own := newStage(), newStage(), newStage()
	stolen.drift("theo.marchand", 0)
	undoing.drift("theo.marchand", 5*24*time.Hour+time.Hour)
	own.drift("noa.lambert", 0)
	undoing.touched, own.touched = galleryNow.Add(-4*time.Minute), galleryNow.Add(-4*time.Minute)
	freeze := "/desk/orders/" + string(stolen.orders[0].ID)

	scenes := map[string]Scene{
		"front-full": full.visits("camille.aubry", "GET", "/", nil), "front-empty": empty.visits("camille.aubry", "GET", "/", nil),
		"front-suspended": held.visits("camille.aubry", "GET", "/", nil), "front-frozen": frozen.visits("camille.aubry", "GET", "/", nil),
		"front-drained": drained.visits("camille.aubry", "GET", "/", nil), "front-closed": closed.visits("camille.aubry", "GET", "/", nil),
		"front-manager": full.visits("jeanne.vidal", "GET", "/", nil), "front-security": full.visits("noa.lambert", "GET", "/", nil),
		"front-failing": broken.visits("camille.aubry", "GET", "/", nil),

		"desk-full": full.visits("noa.lambert", "GET", "/desk", nil), "desk-empty": empty.visits("noa.lambert", "GET", "/desk", nil),
		"desk-closed": closed.visits("noa.lambert", "GET", "/desk?said=closed", nil), "desk-failing": broken.visits("noa.lambert", "GET", "/desk", nil),
		"desk-refused":      full.visits("camille.aubry", "GET", "/desk", nil),
		"account-full":      full.visits("noa.lambert", "GET", "/desk/accounts/theo.marchand", nil),
		"account-empty":     empty.visits("noa.lambert", "GET", "/desk/accounts/theo.marchand", nil),
		"account-suspended": held.visits("noa.lambert", "GET", "/desk/accounts/camille.aubry?said=suspended", nil),
		"account-stopped":   frozen.visits("noa.lambert", "GET", "/desk/accounts/camille.aubry", nil),
		"account-absent":    full.visits("noa.lambert", "GET", "/desk/accounts/nobody", nil),
		"desk-frozen":       stolen.visits("noa.lambert", "GET", "/desk", nil),
		"account-frozen":    stolen.visits("noa.lambert", "GET", "/desk/accounts/theo.marchand", nil),
		"account-undoing":   undoing.visits("noa.lambert", "GET", "/desk/accounts/theo.marchand", nil),
		"undo-untouched":    stolen.visits("noa.lambert", "POST", freeze+"/lift", url.Values{"because": {"Vérifié au téléphone"}}),
		"curve":             full.visits("noa.lambert", "GET", "/desk/curve", nil),
		"undo":              undoing.visits("noa.lambert", "GET", freeze, nil),
		"undo-mend":         undoing.visits("noa.lambert", "POST", freeze+"/lift", url.Values{"because": {" "}}),
		"undo-own":          own.visits("noa.lambert", "GET", freeze, nil),
		"directory-full":    full.visits("noa.lambert", "GET", "/desk/directory", nil),
		"directory-none":    full.visits("noa.lambert", "GET", "/desk/directory?q=zzz", nil),

		"campaigns-full":    together.visits("noa.lambert", "GET", "/desk/campaigns", nil),
		"campaigns-empty":   empty.visits("noa.lambert", "GET", "/desk/campaigns", nil),
		"campaigns-failing": broken.visits("noa.lambert", "GET", "/desk/campaigns", nil),
		"campaigns-refused": full.visits("camille.aubry", "GET", "/desk/campaigns", nil),
		"desk-campaigns":    together.visits("noa.lambert", "GET", "/desk", nil),

		"exactly-new":     full.visits("noa.lambert", "GET", "/desk/exactly", nil),
		"exactly-choose":  full.visits("noa.lambert", "GET", "/desk/exactly?account=theo.marchand&account=parti.avant&q=mission", nil),
		"exactly-anyway":  full.visits("noa.lambert", "GET", "/desk/exactly?q=parti.avant", nil),
		"exactly-answer":  full.visits("noa.lambert", "GET", "/desk/exactly?account=theo.marchand&account=camille.aubry&period=today", nil),
		"exactly-broad":   full.visits("noa.lambert", "GET", "/desk/exactly?account=camille.aubry&period=month", nil),
		"exactly-dropped": shorter.visits("noa.lambert", "GET", "/desk/exactly?account=camille.aubry&period=between&until=2026-03-03T14:00", nil),
		"exactly-nobody":  full.visits("noa.lambert", "GET", "/desk/exactly?account=sacha.olive&period=hour", nil),
		"exactly-mend":    full.visits("noa.lambert", "GET", "/desk/exactly?period=between&since=2026-03-03T14:00&until=hier", nil),
		"exactly-waits":   unread.visits("noa.lambert", "GET", "/desk/exactly?account=camille.aubry&period=today", nil),
		"exactly-failing": broken.visits("noa.lambert", "GET", "/desk/exactly?account=camille.aubry&period=today", nil),
		"exactly-refused": full.visits("camille.aubry", "GET", "/desk/exactly?account=camille.aubry&period=today", nil),
		"whosaw-new":      full.visits("noa.lambert", "GET", "/desk/who-saw", nil),
		"whosaw-answer":   full.visits("noa.lambert", "POST", "/desk/who-saw", url.Values{"identifier": {"210"}}),
		"whosaw-nobody":   full.visits("noa.lambert", "POST", "/desk/who-saw", url.Values{"identifier": {"251"}}),
		"whosaw-mend":     full.visits("noa.lambert", "POST", "/desk/who-saw", url.Values{"identifier": {" "}}),
		"whosaw-waits":    unread.visits("noa.lambert", "POST", "/desk/who-saw", url.Values{"identifier": {"210"}}),

		"order-account":      full.visits("noa.lambert", "GET", "/desk/orders/new?reach=account&effect=suspended&target=theo.marchand", nil),
		"order-organisation": full.visits("noa.lambert", "GET", "/desk/orders/new?reach=organisation&effect=suspended&target=ml-bourg", nil),
		"order-service":      full.visits("noa.lambert", "GET", "/desk/orders/new?reach=service&effect=closed&target=dossier", nil),
		"order-everything":   full.visits("noa.lambert", "GET", "/desk/orders/new?reach=everything&effect=closed", nil),
		"order-mend":         full.visits("noa.lambert", "POST", "/desk/orders", url.Values{"reach": {"account"}, "target": {"theo.marchand"}, "effect": {"suspended"}, "message": {"Nous vous rappelons."}}),
		"lift-touched":       signing.visits("noa.lambert", "GET", "/desk/orders/8", nil),
		"lift":               full.visits("noa.lambert", "GET", "/desk/orders/7", nil),
		"lift-mend":          full.visits("noa.lambert", "POST", "/desk/orders/7/lift", url.Values{"because": {" "}}),

		"manager-empty":     untouched.visits("jeanne.vidal", "GET", "/manager", nil),
		"manager-untouched": untouched.visits("jeanne.vidal", "GET", waiting, nil),
		"manager-waiting":   signing.visits("jeanne.vidal", "GET", waiting, nil),
		"manager-raised":    signing.visits("jeanne.vidal", "GET", "/manager?said=raised", nil),
		"manager-none":      signing.visits("jeanne.vidal", "GET", "/manager?receipt=12", nil),
		"manager-mend":      signing.visits("jeanne.vidal", "POST", "/manager/raise", url.Values{"account": {"leo.perrin"}, "people": {"500"}, "because": {" "}}),
		"manager-thaw":      signing.visits("jeanne.vidal", "POST", "/manager/thaw", url.Values{"order": {"8"}, "because": {" "}}),
		"manager-security":  signing.visits("noa.lambert", "GET", waiting, nil),
		"manager-failing":   broken.visits("jeanne.vidal", "GET", waiting, nil),
		"manager-refused":   full.visits("camille.aubry", "GET", "/manager", nil),

		"absent": full.visits("camille.aubry", "GET", "/nowhere", nil),
		"signed-out": func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
			full.pages.SignedOut(w, spoken(r, in))
		},
	}
	scenes["elsewhere"] = func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
		asked := full.pages.AskFirst(func(*http.Request) bool { return true }, http.NotFoundHandler())
		r.Header.Set("Accept", "text/html")
		asked.ServeHTTP(w, spoken(r, in))
	}
	for _, bar := range []signin.Bar{signin.NoAccount, signin.OtherOrganisation} {
		scenes["stranger-"+string(bar)] = func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
			full.pages.Stranger(w, spoken(r, in), signin.Visitor{GivenName: "Alix", UsualName: "Morel", Email: "alix.morel@ml-bourg.example", SIRET: "90000000000017", Bar: bar})
		}
	}
	for _, why := range []signin.Reason{signin.Stale, signin.Declined, signin.Unverified, signin.Unreachable} {
		scenes["unsigned-"+string(why)] = func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
			full.pages.Failed(w, spoken(r, in), why)
		}
	}
	for _, why := range []signin.Reason{signin.Declined, signin.Unverified, signin.Unreachable, signin.SomebodyElse, signin.Weaker, signin.NotAsked} {
		scenes["untouched-"+string(why)] = func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
			full.pages.Untouched(w, spoken(r, in), why, "/dossier/files/4711")
		}
	}
	for _, kind := range []fault.Kind{fault.Broken, fault.Unavailable, fault.Invalid, fault.Refused} {
		scenes["failed-"+kind.String()] = func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
			full.pages.Stops().Failed(w, spoken(r, in), kind, policy.Granted)
		}
	}
	for _, why := range failing {
		scenes["failed-"+why.String()] = func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
			full.pages.Stops().Failed(w, spoken(r, in), fault.Unavailable, why)
		}
	}
	for why := range classes {
		refusal := Refusal{Service: "dossier", Receipt: 48213, Ruling: policy.Ruling{
			Verdict: policy.Refused, Why: why, Counted: meter.People(3), Limit: meter.People(3), Again: galleryNow.Add(32 * time.Minute),
		}}
		if verdict, asks := asking[why]; asks {
			refusal.Ruling.Verdict = verdict
		}
		if classes[why] != "limit" {
			refusal.Ruling.Again = time.Time{}
		}
		scenes["stopped-"+why.String()] = func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
			full.pages.Stops().Refused(w, spoken(r, in), refusal)
		}
	}
	scenes["ended-doubled"] = func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
		full.pages.Stops().SignIn(w, spoken(r, in), &fault.Error{Kind: fault.Anonymous, Err: &signin.Ended{Why: signin.Doubled}})
	}
	return scenes
}

// asking is what each ground asks for that asks for something.
var asking = map[policy.Why]policy.Verdict{
	policy.ShortEmpty: policy.AskTouch, policy.CanaryListed: policy.AskTouch, policy.PaceReached: policy.AskTouch,
	policy.LongEmpty: policy.AskCosign, policy.Doubted: policy.AskIdentity,
}

// spoken is a request of a browser that asks for pages in a language.
func spoken(r *http.Request, in i18n.Language) *http.Request {
	r = r.Clone(r.Context())
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Accept-Language", string(in))
	r.Header.Del("Cookie")
	return r
}

var galleryNow = time.Date(2026, time.March, 3, 13, 32, 7, 0, time.UTC)

// stage is a small invented house that the gallery and the tests visit.
type stage struct {
	pages   *Pages
	rooms   *Rooms
	orders  order.Book
	entries []ledger.Entry
	touched time.Time // when whoever visits proved to be there
	broken  error     // what everything answers, if anything
	picture campaign.Picture
	index   *index.Index

	recorded   []ledger.Entry // what Record was given
	unwritable error          // what Record answers, if anything
	dropped    ledger.Number  // the first entry that is still there
	unread     ledger.Number  // how many entries more there seem to be than the index has read
}

// unsigned is an opening that waits for a signature.
var unsigned = ledger.Entry{
	Kind: ledger.Attempted, Account: "leo.perrin", Organisation: "ml-bourg", Session: "s-1", Service: "dossier", Purpose: "accompagner",
	Route: "GET /files/{dossier}", Person: register.PersonID{250}, Verdict: policy.AskCosign, Why: policy.LongEmpty, Counted: meter.People(20), Limit: meter.People(20),
}

func newStage() *stage {
	s := &stage{}
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		zone = time.FixedZone("UTC+1", 3600)
	}
	s.pages = NewPages(Settings{
		Services: []Service{
			{ID: "dossier", Name: "Dossier", About: both("Les dossiers des personnes que vous suivez.", "The files of the people you accompany."), Address: "/dossier/", Search: "/dossier/search"},
			{ID: "kairos", Name: "Kairos", About: both("Le suivi des stagiaires en formation.", "Following trainees."), Address: "/kairos/"},
			{ID: "ouiform", Name: "Ouiform", About: both("Le catalogue des formations.", "The training catalogue."), Address: "/ouiform/"},
		},
		Help:    both("poste de garde, 01 99 00 12 34", "security desk, 01 99 00 12 34"),
		Silence: map[string]time.Duration{"agenda": 6 * time.Hour, "telephonie": 2 * time.Hour},
		Zone:    zone, Now: func() time.Time { return galleryNow },
	})
	s.index = index.New(index.Standard, s, s)
	s.rooms = New(s.pages, House{Door: s, Gate: s, Journal: s, Contain: s, Grants: s, Roster: s, Sources: s, Book: s, Campaigns: s, Directory: s, Notary: s, Index: s})
	return s
}

func both(french, english string) map[i18n.Language]string {
	return map[i18n.Language]string{i18n.French: french, i18n.English: english}
}

// visits is the scene of an account asking for one of the rooms.
func (s *stage) visits(who roster.AccountID, method, target string, form url.Values) Scene {
	return func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
		asked, err := http.NewRequestWithContext(r.Context(), method, target, strings.NewReader(form.Encode()))
		if err != nil {
			panic(err) // the scenes are ours
		}
		asked.RequestURI = target
		if method == http.MethodPost {
			asked.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		asked.Header.Set(actor, string(who))
		s.rooms.Handler().ServeHTTP(w, spoken(asked, in))
	}
}

// actor is the header by which the stage's door knows people.
const actor = "Poterne-Stage-Actor"

func (s *stage) place(reach order.Reach, target string, effect order.Effect, message string) {
	_, _ = s.Place(context.Background(), order.Order{Reach: reach, Target: target, Effect: effect, By: "noa.lambert", Because: "Connexion depuis un lieu inhabituel", Message: message})
}

// write appends an entry that was made some time ago.
func (s *stage) write(ago time.Duration, e ledger.Entry) {
	e.Number, e.Time = ledger.Number(len(s.entries)), ledger.Cut(galleryNow.Add(-ago))
	e.Receipt = e.Number
	s.entries = append(s.entries, e)
}

// fill plays an hour: honest people at work, and one who is not.
func (s *stage) fill() {
	decided := func(ago time.Duration, who roster.AccountID, organisation roster.OrganisationID, person byte, ruling policy.Ruling) {
		e := ledger.Entry{
			Kind: ledger.Consulted, Account: who, Organisation: organisation, Session: "s-1", Service: "dossier", Purpose: "accompagner",
			Route: "GET /files/{dossier}", Verdict: ruling.Verdict, Why: ruling.Why, Reason: ruling.Reason, Fields: ruling.Fields,
			Cost: ruling.Cost, Counted: ruling.Counted, Limit: ruling.Limit,
		}
		if person != 0 {
			e.Person = register.PersonID{person}
		}
		s.write(ago, e)
	}
	explained := policy.Ruling{Verdict: policy.Shown, Why: policy.Explained, Reason: reason.Reason{Kind: reason.Caseload, Source: "agenda"}, Fields: register.Name | register.Status | register.Contact}
	s.write(27*time.Hour, ledger.Entry{Kind: ledger.Opened})
	for i := range 6 {
		decided(26*time.Hour-time.Duration(i)*time.Minute, "camille.aubry", "ml-bourg", byte(1+i), explained)
	}
	s.place(order.Organisation, "of-rive", order.Suspended, "Votre structure est suspendue le temps d’une vérification.")
	for i := range 58 {
		decided(time.Duration(59-i)*time.Minute, "camille.aubry", "ml-bourg", byte(10+i), explained)
		for range i % 4 {
			decided(time.Duration(59-i)*time.Minute-10*time.Second, "leo.perrin", "ml-bourg", byte(80+i), explained)
		}
	}
	decided(40*time.Minute, "camille.aubry", "ml-bourg", 200, policy.Ruling{Verdict: policy.Shown, Why: policy.Counted, Cost: meter.Whole, Counted: meter.Whole, Limit: meter.People(3), Fields: register.Name})
	for i := range 3 {
		decided(time.Duration(20-i)*time.Minute, "theo.marchand", "ml-bourg", byte(210+i), policy.Ruling{Verdict: policy.Shown, Why: policy.Counted, Cost: meter.Whole, Counted: meter.People(i + 1), Limit: meter.People(3), Fields: register.Name | register.Birth | register.NIR})
	}
	for i := range 9 {
		decided(time.Duration(16-i)*time.Minute, "theo.marchand", "ml-bourg", byte(220+i), policy.Ruling{Verdict: policy.Refused, Why: policy.ShortEmpty, Counted: meter.People(3), Limit: meter.People(3)})
	}
	decided(4*time.Minute, "theo.marchand", "ml-bourg", 0, policy.Ruling{Verdict: policy.Refused, Why: policy.NotDeclared})
	s.place(order.Account, "leo.perrin", order.Frozen, "")
	slices.SortStableFunc(s.entries, func(a, b ledger.Entry) int { return cmp.Compare(a.Time.UnixMicro(), b.Time.UnixMicro()) })
	for i := range s.entries {
		s.entries[i].Number, s.entries[i].Receipt = ledger.Number(i), ledger.Number(i)
	}
	s.orders[0].ID, s.orders[0].Placed = "7", galleryNow.Add(-25*time.Hour)
	for _, e := range s.entries {
		s.rooms.hour.take([]ledger.Entry{e})
	}
}

// drift plays four weeks of an account whom nothing explains every so often, and
// who goes through the register in the end; the rules freeze it. An earlier freeze
// was undone some time ago, if ever.
func (s *stage) drift(who roster.AccountID, undone time.Duration) {
	const day = 24 * time.Hour
	at := func(ago time.Duration, person byte, device string, ruling policy.Ruling) {
		s.write(ago, ledger.Entry{
			Kind: ledger.Consulted, Account: who, Organisation: "ml-bourg", Session: "s-1", Service: "dossier", Purpose: "accompagner", Route: "GET /files/{dossier}",
			Person: register.PersonID{person, 7}, Verdict: ruling.Verdict, Why: ruling.Why, Reason: ruling.Reason, Fields: ruling.Fields, Cost: ruling.Cost, Counted: ruling.Counted, Limit: ruling.Limit,
			Device: device, Network: "office", Observed: ruling.Observed,
		})
	}
	counted := policy.Ruling{Verdict: policy.Shown, Why: policy.Counted, Cost: meter.Whole, Counted: meter.Whole, Limit: meter.People(3), Fields: register.Name}
	s.write(26*day, ledger.Entry{Kind: ledger.Opened})
	person := byte(0)
	for ago := 25; ago > 0; ago-- {
		if undone/day == time.Duration(ago) {
			s.write(undone, ledger.Entry{Kind: ledger.Lifted, Account: "noa.lambert", Subject: who, Effect: order.Frozen, Reach: order.Account, Target: string(who), From: 1, End: 2, Note: "vérifié"})
		}
		for range []int{1, 0, 3, 2, 1, 0, 0}[ago%7] {
			person++
			at(time.Duration(ago)*day, person, "b1", counted)
		}
		at(time.Duration(ago)*day-time.Hour, 200, "b1", policy.Ruling{Verdict: policy.Shown, Why: policy.AlreadySeen, Fields: register.Name})
	}
	s.write(50*time.Minute, ledger.Entry{Kind: ledger.Raised, Account: "jeanne.vidal", Subject: who, Cost: meter.People(2), Until: galleryNow.Add(2 * time.Hour), Note: "accueil du salon"})
	at(30*time.Minute, 240, "b2", policy.Ruling{Verdict: policy.Shown, Why: policy.ShortEmpty, Observed: true, Cost: meter.Whole, Counted: meter.People(3), Limit: meter.People(3), Fields: register.Name})
	for i := range 3 {
		at(time.Duration(10-i)*time.Minute, 0, "b2", policy.Ruling{Verdict: policy.Withheld, Why: policy.NobodyKnown})
	}
	at(6*time.Minute, 241, "b2", counted)
	at(6*time.Minute-time.Second, 242, "b2", counted)
	at(5*time.Minute, 243, "b2", policy.Ruling{Verdict: policy.Freeze, Why: policy.Enumerating})
	frozen := order.Order{Reach: order.Account, Target: string(who), Effect: order.Frozen, By: journal.Itself}
	_, _ = s.Place(context.Background(), frozen)
	s.entries[len(s.entries)-1].Why = policy.Enumerating
	s.entries[len(s.entries)-1].Time, s.orders[0].Placed = galleryNow.Add(-5*time.Minute), galleryNow.Add(-5*time.Minute)
	for _, e := range s.entries {
		s.rooms.hour.take([]ledger.Entry{e})
	}
}

// spend makes an account open people without a reason this hour.
func (s *stage) spend(who roster.AccountID, people int) {
	for i := range people {
		s.write(time.Duration(people-i)*time.Minute, ledger.Entry{
			Kind: ledger.Consulted, Account: who, Organisation: "ml-bourg", Service: "dossier", Person: register.PersonID{240, byte(i)},
			Verdict: policy.Shown, Why: policy.Counted, Cost: meter.Whole, Counted: meter.People(i + 1), Limit: meter.People(3), Fields: register.Name,
		})
	}
}

// conspire has accounts act together, in every way there is.
func (s *stage) conspire() {
	many := []roster.AccountID{"camille.aubry", "leo.perrin", "theo.marchand", "sacha.olive"}
	for i := range 11 {
		many = append(many, roster.AccountID("compte-"+strconv.Itoa(i)))
	}
	today, monday := galleryNow.Truncate(24*time.Hour), galleryNow.Truncate(24*time.Hour).AddDate(0, 0, -4)
	s.picture = campaign.Picture{
		Alarms: []campaign.Alarm{
			{Bond: campaign.Bond{Shared: campaign.Organisation, Name: "ml-bourg"}, Accounts: many[:3], People: 61, Usual: 12, Since: monday, Days: 5},
			{Bond: campaign.Bond{Shared: campaign.Device, Name: "k3vq7mzx2a9c"}, Accounts: many, People: 48, Usual: 7, Since: today, Days: 1},
			{Bond: campaign.Bond{Shared: campaign.Network, Name: "hebergeur"}, Accounts: many[1:4], People: 33, Usual: 3, Since: today, Days: 1},
			{Bond: campaign.Bond{Shared: campaign.Rhythm, Name: "20s"}, Accounts: many[:2], People: 29, Usual: 2, Since: today, Days: 1},
			{Bond: campaign.Bond{Shared: campaign.Proposer, Name: "jeanne.vidal"}, Accounts: many[:2], People: 21, Usual: 1, Since: today, Days: 1},
		},
		Thefts: []campaign.Theft{
			{Account: "theo.marchand", At: galleryNow.Add(-2 * time.Hour), Proof: campaign.Suspended},
			{Account: "leo.perrin", At: galleryNow.Add(-3 * time.Hour), Proof: campaign.Together},
		},
		Surges:   []campaign.Surge{{Role: roster.Desk, From: galleryNow.Add(-2 * time.Hour).Truncate(time.Hour), People: 142, Usual: 61, Weeks: 4}},
		Compares: true, KnowsLineage: true,
	}
	for _, o := range []order.Order{
		{Reach: order.Organisation, Target: "ml-bourg", Cause: 7},
		{Reach: order.Account, Target: "sacha.olive", Cause: 7},
	} {
		o.Effect, o.By, o.Ends = order.Narrowed, journal.Itself, galleryNow.Add(70*time.Hour).Truncate(time.Hour)
		_, _ = s.Place(context.Background(), o)
		placed := &s.entries[len(s.entries)-1]
		placed.Cause = ledger.Number(o.Cause)
		if placed.State = ledger.State(campaign.Organisation); o.Reach == order.Account {
			placed.State = ledger.State(campaign.Device)
		}
	}
}

func (s *stage) Picture() campaign.Picture { return s.picture }

func (s *stage) Alarms() []campaign.Alarm { return s.picture.Alarms }

var stageOrganisations = []roster.Organisation{
	{ID: "ml-bourg", SIRET: "90000000000017", Name: "Mission locale du Bourg"},
	{ID: "of-rive", SIRET: "90000000000025", Name: "Formation de la Rive"},
	{ID: "garde", SIRET: "90000000000033", Name: "Poste de garde du registre"},
}

var stageAccounts = []roster.Account{
	{ID: "camille.aubry", Organisation: "ml-bourg", Role: roster.Adviser, Name: "Camille Aubry"},
	{ID: "jeanne.vidal", Organisation: "ml-bourg", Role: roster.Manager, Name: "Jeanne Vidal"},
	{ID: "leo.perrin", Organisation: "ml-bourg", Role: roster.Adviser, Name: "Léo Perrin"},
	{ID: "theo.marchand", Organisation: "ml-bourg", Role: roster.Adviser, Name: "Théo Marchand"},
	{ID: "sacha.olive", Organisation: "of-rive", Role: roster.Training, Name: "Sacha Olive"},
	{ID: "remi.fort", Organisation: "of-rive", Role: roster.Manager, Name: "Rémi Fort"},
	{ID: "noa.lambert", Organisation: "garde", Role: roster.Security, Name: "Noa Lambert"},
}

// The stage as the house that the rooms rely on.

func (s *stage) Who(_ http.ResponseWriter, r *http.Request) (signin.Session, error) {
	who := roster.AccountID(r.Header.Get(actor))
	if who == "" {
		return signin.Session{}, &fault.Error{Kind: fault.Anonymous}
	}
	return signin.Session{ID: "s-1", Account: who, Touched: s.touched}, nil
}

func (s *stage) Still(context.Context, signin.Session) error { return s.broken }

func (s *stage) EndAll(context.Context, roster.AccountID) error { return s.broken }

func (s *stage) Standing(asker gate.Asker, service roster.ServiceID) gate.Standing {
	m := meter.New()
	for _, e := range s.entries {
		if e.Whose() == asker.Account {
			m.Record(e.Event())
		}
	}
	standing := gate.StandingOf(m.Draft(), policy.Watches[asker.Role], 0, galleryNow)
	standing.Allowance, standing.Signable = meter.Allowance{Short: meter.People(3), Long: meter.People(20)}, policy.Signed
	standing.Young = galleryNow.Sub(asker.Opened) < policy.Young
	standing.Held, standing.IsHeld = s.orders.Against(asker.Account, asker.Organisation, service, galleryNow)
	return standing
}

func (s *stage) Orders() order.Book { return slices.Clone(s.orders) }

func (s *stage) Place(_ context.Context, o order.Order) (order.Order, error) {
	if s.broken != nil {
		return o, s.broken
	}
	o.ID, o.Placed = order.ID(strconv.Itoa(len(s.entries))), galleryNow
	s.orders = append(s.orders, o)
	s.write(0, ledger.Entry{Kind: ledger.Placed, Account: roster.AccountID(o.By), Effect: o.Effect, Reach: o.Reach, Target: o.Target, Until: o.Ends, Note: o.Because})
	return o, o.Check()
}

func (s *stage) Lift(_ context.Context, lift containment.Lift) error {
	i := slices.IndexFunc(s.orders, func(o order.Order) bool { return o.ID == lift.ID })
	if i < 0 {
		return &fault.Error{Kind: fault.Absent}
	}
	lifted := s.orders[i]
	s.orders = slices.Delete(s.orders, i, i+1)
	s.write(0, ledger.Entry{Kind: ledger.Lifted, Account: roster.AccountID(lift.By), Effect: lifted.Effect, Reach: lifted.Reach, Target: lifted.Target, Note: lift.Because})
	return nil
}

func (s *stage) Waiting(_ context.Context, by roster.Account, receipt ledger.Number) (ledger.Entry, error) {
	for _, e := range s.entries {
		if e.Receipt == receipt && e.Why == policy.LongEmpty && (by.Role == roster.Security || by.Organisation == e.Organisation) {
			return e, s.broken
		}
	}
	if s.broken != nil {
		return ledger.Entry{}, s.broken
	}
	return ledger.Entry{}, &fault.Error{Kind: fault.Absent}
}

func (s *stage) Undo(ctx context.Context, undo containment.Undo) error {
	return s.Lift(ctx, containment.Lift{ID: undo.ID, By: string(undo.By), Because: undo.Because})
}

func (s *stage) Cosign(_ context.Context, by roster.AccountID, receipt ledger.Number) error {
	s.write(0, ledger.Entry{Kind: ledger.Cosigned, Account: by, Cause: receipt})
	return s.broken
}

func (s *stage) Raise(_ context.Context, raise grants.Raise) error {
	s.write(0, ledger.Entry{Kind: ledger.Raised, Account: raise.By, Subject: raise.Of, Cost: meter.People(raise.People), Until: raise.Until, Note: raise.Because})
	return s.broken
}

func (s *stage) RecentBy(_ context.Context, account roster.AccountID, limit int) ([]ledger.Entry, error) {
	var found []ledger.Entry
	for _, e := range slices.Backward(s.entries) {
		if e.Account == account && len(found) < limit {
			found = append(found, e)
		}
	}
	return found, s.broken
}

func (s *stage) Follow(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for _, e := range s.entries[min(int(from), len(s.entries)):] {
			if !yield(e, nil) {
				return
			}
		}
		<-ctx.Done()
	}
}

// Next is what the picture of the hour already holds: nothing runs on the stage.
func (s *stage) Next() ledger.Number {
	_, next := s.rooms.hour.recent()
	return next + s.unread
}

// The index of the stage is a real one. Nothing of it is ever sealed: the ledger is
// small.

func (s *stage) ShownTo(ctx context.Context, accounts []roster.AccountID, since, until time.Time) (index.Shown, error) {
	return s.index.ShownTo(ctx, accounts, since, until)
}

func (s *stage) WhoSaw(ctx context.Context, person register.PersonID) (index.Seen, error) {
	return s.index.WhoSaw(ctx, person)
}

func (s *stage) Read() ledger.Number { return 0 }

func (s *stage) Failing() bool { return false }

func (s *stage) First(context.Context) (ledger.Number, error) { return s.dropped, nil }

func (s *stage) Entries(_ context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for _, e := range s.entries[min(int(from), len(s.entries)):] {
			if !yield(e, s.broken) {
				return
			}
		}
	}
}

func (s *stage) Entry(_ context.Context, number ledger.Number) (ledger.Entry, error) {
	return s.entries[number], s.broken
}

func (s *stage) Segments(context.Context) ([][]byte, error) { return nil, s.broken }

func (s *stage) Seal(context.Context, int, func(index.Sealing) ([]byte, error)) error {
	return s.broken
}

func (s *stage) Keep(context.Context, index.Row) error { return s.broken }

func (s *stage) Pages(context.Context, index.Side, int, int, int, bool) iter.Seq2[index.Row, error] {
	return func(func(index.Row, error) bool) {}
}

func (s *stage) Row(context.Context, index.Key, bool) (index.Row, error) {
	return index.Row{}, &fault.Error{Kind: fault.Absent}
}

func (s *stage) Rows(context.Context) (int, error) { return 0, s.broken }

func (s *stage) Drop(context.Context) error { return s.broken }

func (s *stage) Covering(_ context.Context, before ledger.Number) ([]byte, error) {
	return fmt.Appendf(nil, "demo.poterne.example/ledger\n%d\nIQU8RNFx2liDDU4tT1oS2tR3boZeMdl5JykL2hHOxQo=\n\n— demo.poterne.example/ledger DTfnulF/Pbho3PX2ZTdDSPV2cUXfmpEfmKjW3pqkxmeQR65FhSvuEnckciUeRL3DUN0sLNlszmWixEd06HXh3VP08A8=\n", before), s.broken
}

// People finds whoever is asked for by a number.
func (s *stage) People(_ context.Context, refs []register.Ref) ([]register.PersonID, error) {
	number, _ := strconv.Atoi(refs[0].Value)
	return []register.PersonID{{byte(number)}}, s.broken
}

func (s *stage) Record(_ context.Context, e ledger.Entry) error {
	s.recorded = append(s.recorded, e)
	return cmp.Or(s.broken, s.unwritable)
}

func (s *stage) Account(_ context.Context, id roster.AccountID) (roster.Account, roster.Organisation, error) {
	for _, a := range stageAccounts {
		if a.ID != id {
			continue
		}
		a.Opened = galleryNow.Add(-400 * 24 * time.Hour)
		i := slices.IndexFunc(stageOrganisations, func(o roster.Organisation) bool { return o.ID == a.Organisation })
		return a, stageOrganisations[i], nil
	}
	return roster.Account{}, roster.Organisation{}, &fault.Error{Kind: fault.Absent}
}

func (s *stage) Accounts(context.Context) ([]roster.Account, error) { return stageAccounts, s.broken }

func (s *stage) Organisations(context.Context) ([]roster.Organisation, error) {
	return stageOrganisations, s.broken
}

func (s *stage) Habilitations(_ context.Context, account roster.AccountID) ([]roster.Habilitation, error) {
	return []roster.Habilitation{
		{Account: account, Service: "dossier", Purpose: "accompagner", From: galleryNow.Add(-100 * 24 * time.Hour), Until: galleryNow.Add(200 * 24 * time.Hour)},
		{Account: account, Service: "kairos", Purpose: "former", From: galleryNow.Add(-100 * 24 * time.Hour), Until: galleryNow.Add(12 * 24 * time.Hour)},
	}, s.broken
}

func (s *stage) Heard(context.Context) (map[string]time.Time, error) {
	if len(s.entries) < 10 {
		return nil, s.broken
	}
	return map[string]time.Time{"agenda": galleryNow.Add(-12 * time.Minute), "telephonie": galleryNow.Add(-5 * time.Hour), "formations": galleryNow.Add(-26 * time.Hour)}, s.broken
}

func (s *stage) FirstAt(context.Context, time.Time) (ledger.Number, error) { return 0, s.broken }
