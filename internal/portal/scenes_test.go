package portal_test

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/breakglass"
	"poterne/internal/fault"
	"poterne/internal/i18n"
	"poterne/internal/installed"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/portal"
	"poterne/internal/portal/portaltest"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/signin/strangers"
)

var languages = []i18n.Language{i18n.French, i18n.English}

// Gallery shows every page empty, full and failing, in both languages, from a
// small invented house. It is for looking at the pages and for their tests.
// refused is who was refused at the door.
var refused = []strangers.Stranger{
	{
		Identity: roster.Identity{Issuer: "https://proconnect.example/api/v2", Provider: "71144ab3-ee1a-4401-b7b3-79b44f7daeeb", Subject: "5f0c1d2e-9a7b-4c3d-8e6f-0a1b2c3d4e5f"},
		SIRET:    "90000000000017", ACR: "eidas1-mfa", AMR: "pwd hwk mfa", Factor: "strong", Why: ledger.NoAccount, Last: portaltest.Now.Add(-3 * time.Minute), Tries: 1,
	},
	{
		Identity: roster.Identity{Issuer: "https://proconnect.example/api/v2", Provider: "71144ab3-ee1a-4401-b7b3-79b44f7daeeb", Subject: "theo"},
		SIRET:    "90000000000025", ACR: "eidas1", AMR: "pwd", Factor: "weak", Why: ledger.OtherOrganisation, Account: "theo.marchand", Last: portaltest.Now.Add(-50 * time.Hour), Tries: 17,
	},
}

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
	portaltest.NewStage().Pages.Mount(mux)
	return mux
}

var galleryIndex = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Gallery</title><h1>Gallery</h1><ul>
{{range $name := .Names}}<li>{{$name}}: {{range $in := $.Languages}}<a href="/gallery/{{$in}}/{{$name}}">{{$in}}</a> {{end}}</li>
{{end}}</ul>`))

// Scene writes one page of the gallery in a language.
type Scene func(http.ResponseWriter, *http.Request, i18n.Language)

// Scenes returns every page of the gallery, by name.
func Scenes() map[string]Scene {
	full, empty, broken := portaltest.NewStage(), portaltest.NewStage(), portaltest.NewStage()
	full.Fill()
	broken.Fill()
	broken.Broken = errors.New("a stage broke on purpose")
	waits, bypassed := portaltest.NewStage(), portaltest.NewStage()
	asks := order.Order{ID: "40", Effect: order.BypassAsked, Reach: order.Source, Target: "formations", By: "claire.noir", Because: "la passerelle des portefeuilles est en panne", Placed: portaltest.Now.Add(-5 * time.Minute), Ends: portaltest.Now.Add(4 * time.Hour), Since: portaltest.Now.Add(-26 * time.Hour)}
	waits.Fill()
	bypassed.Fill()
	waits.InForce = order.Set{asks}
	asks.ID, asks.Effect = order.ID(strconv.Itoa(len(bypassed.Written))), order.Bypassed
	bypassed.InForce = order.Set{asks}
	bypassed.Write(time.Minute, ledger.Entry{Kind: ledger.Placed, Account: "claire.noir", Approver: "noa.lambert", Effect: asks.Effect, Reach: asks.Reach, Target: asks.Target, Since: asks.Since, Until: asks.Ends, Note: asks.Because})
	exporting := portaltest.NewStage()
	exporting.Fill()
	exporting.SteppedUp = portaltest.Now.Add(-4 * time.Minute)
	exporting.Write(24*time.Hour, portaltest.Exporting)
	held, closed, frozen, drained := portaltest.NewStage(), portaltest.NewStage(), portaltest.NewStage(), portaltest.NewStage()
	held.Contain(order.Account, "camille.aubry", order.Suspended, "L’équipe vous rappelle avant midi.")
	closed.Contain(order.Everything, "", order.Closed, "")
	frozen.Contain(order.Account, "camille.aubry", order.Frozen, "")
	unconfirmed, signing := portaltest.NewStage(), portaltest.NewStage()
	unconfirmed.Fill()
	signing.Fill()
	signing.SteppedUp = portaltest.Now.Add(-4 * time.Minute)
	unconfirmed.Freeze("theo.marchand", 5*time.Minute)
	thaw := string(signing.Freeze("theo.marchand", 5*time.Minute))
	unconfirmed.Write(6*time.Minute, portaltest.Unsigned)
	signing.Write(6*time.Minute, portaltest.Unsigned)
	signing.Refused = refused
	shut := portaltest.Unsigned
	shut.Verdict, shut.Why = policy.Refused, policy.FileArchived
	signing.Write(6*time.Minute, shut)
	inArchive := signing.Written[len(signing.Written)-1].Number
	signing.Write(time.Second, ledger.Entry{Kind: ledger.Raised, Account: "jeanne.vidal", Subject: "leo.perrin", Cost: meter.People(5), Until: portaltest.Now.Add(time.Hour)})
	waiting := fmt.Sprintf("/manager?receipt=%d", signing.Written[len(signing.Written)-3].Number)
	asked := portaltest.NewStage()
	asked.Fill()
	opened := slices.IndexFunc(full.Written, func(e ledger.Entry) bool {
		return e.Account == "camille.aubry" && e.Kind == ledger.Consulted && e.Time.After(portaltest.Now.Add(-3*time.Minute))
	})
	seen := fmt.Sprintf("/nir?receipt=%d", full.Written[opened].Receipt)
	asked.Write(time.Second, ledger.Entry{Kind: ledger.NIRAsked, Account: "camille.aubry", Service: "dossier", Fields: register.NIR, Cause: full.Written[opened].Receipt})
	drained.Fill()
	drained.Spend("camille.aubry", 2)
	shorter, unread := portaltest.NewStage(), portaltest.NewStage()
	shorter.Fill()
	shorter.Dropped = 20
	unread.Fill()
	unread.Unread = 3_210_456
	damaged := portaltest.NewStage()
	damaged.Fill()
	damaged.Damage()
	keeping, altered, telling, told, merging := portaltest.NewStage(), portaltest.NewStage(), portaltest.NewStage(), portaltest.NewStage(), portaltest.NewStage()
	merging.Incident("theo.marchand")
	merging.Merging()
	telling.Incident("theo.marchand")
	telling.Tell()
	told.Incident("theo.marchand")
	told.Told()
	playing, escalated := portaltest.NewStage(), portaltest.NewStage()
	for _, s := range []*portaltest.Stage{playing, escalated} {
		s.Fill()
		s.Contain(order.Account, "theo.marchand", order.Suspended, "")
		s.Play("Un compte pris à la Mission locale", "theo.marchand")
		s.Watch()
	}
	portaltest.Escalate(escalated)
	keeping.Fill()
	keeping.Incident("theo.marchand")
	keeping.Ask("ml-bourg", "theo.marchand")
	altered.Incident("theo.marchand")
	altered.Altered = 502
	crowded := portaltest.NewStage()
	crowded.Fill()
	crowded.Crowd = 60_000
	for n := range 41 {
		crowded.Freeze(roster.AccountID(fmt.Sprintf("stolen-%02d", n)), time.Duration(n)*time.Minute)
	}
	crowded.Write(5*time.Minute, ledger.Entry{Kind: ledger.TakenUp, Account: "noa.lambert", Subject: "stolen-00", Until: portaltest.Now.Add(3 * time.Hour)})
	crowded.Watch()
	inside, placing, locked, mistyped := portaltest.NewStage(), portaltest.NewStage(), portaltest.NewStage(), portaltest.NewStage()
	inside.Glass, placing.Glass = portaltest.Now.Add(52*time.Minute), portaltest.Now.Add(12*time.Minute)
	placing.InForce = order.Set{
		{ID: "3", Effect: order.Suspended, Reach: order.Account, Target: "theo.marchand", By: string(breakglass.ID), Because: "Compte volé"},
		{ID: "4", Effect: order.Closed, Reach: order.Service, Target: "kairos", By: string(breakglass.ID), Because: "Extraction en cours"},
	}
	placing.SteppedUp, mistyped.SteppedUp = portaltest.Now.Add(-4*time.Minute), portaltest.Now.Add(-4*time.Minute)
	locked.Tries, mistyped.Tries = 5, 2
	wanting, unsure := portaltest.NewStage(), portaltest.NewStage()
	wanted := []accounts.RightRequest{
		{Number: 900, Of: "camille.aubry", Right: accounts.Right{Service: "ouiform", Purpose: "former"}, Because: "Inscrire aux formations de printemps", Asked: portaltest.Now.Add(-26 * time.Hour)},
		{Number: 901, Of: "leo.perrin", Right: accounts.Right{Service: "ouiform", Purpose: "former"}, Because: "Remplacement de Sacha", Asked: portaltest.Now.Add(-3 * time.Hour), First: "jeanne.vidal"},
	}
	wanting.Rights, unsure.Rights, wanting.SteppedUp = wanted, wanted, portaltest.Now.Add(-4*time.Minute)
	bodies, ready := portaltest.NewStage(), portaltest.NewStage()
	bodies.Bodies = []accounts.OrganisationRequest{
		{Number: 950, By: "claire.noir", Does: ledger.Adding, As: roster.Organisation{ID: "ml-neuve", SIRET: "90000000100017", Name: "Mission locale de la Vallée neuve", Mail: "direction@ml-neuve.example", Quota: 25}, Because: "Convention signée le 3 mars", Asked: portaltest.Now.Add(-26 * time.Hour)},
		{Number: 951, By: "noa.lambert", Does: ledger.Altering, As: roster.Organisation{ID: "ml-bourg", Name: "Mission locale du Bourg et du Val", Mail: "direction@ml-bourg.example", Quota: 60, Until: portaltest.Now.AddDate(0, 8, 0)}, Because: "Fusion de deux antennes", Asked: portaltest.Now.Add(-3 * time.Hour)},
		{Number: 952, By: "claire.noir", Does: ledger.Closing, As: roster.Organisation{ID: "of-rive"}, Because: "Fin de la convention", Asked: portaltest.Now.Add(-time.Hour)},
	}
	allowing := portaltest.NewStage()
	allowing.SteppedUp = portaltest.Now.Add(-4 * time.Minute)
	allowing.Goes = installed.Change{Number: 700, Found: portaltest.Now.Add(-500 * time.Hour), Proposal: installed.Proposal{Node: "poterne-1", Digest: ledger.Digest{0x3f, 0x9a, 0x07}, ByTwo: true}, By: "claire.noir", Second: "noa.lambert", Allowed: portaltest.Now.Add(-499 * time.Hour)}
	allowing.Changed = []installed.Change{
		{Number: 960, Found: portaltest.Now.Add(-3 * time.Hour), Base: 700, Proposal: installed.Proposal{Node: "poterne-1", Digest: ledger.Digest{0x51, 0x7c}, ByTwo: true, Text: "allowance.adviser.month\t20\t45\nsource[telephonie].kinds\t\"call\"\t\"call\", \"cover\"\nalerts.mail\t\"astreinte@poterne.example\"\n"}},
		{Number: 961, Found: portaltest.Now.Add(-26 * time.Hour), Base: 700, Proposal: installed.Proposal{Node: "poterne-2", Digest: ledger.Digest{0xa2, 0x11}, Text: "configuration.by_two\ttrue\tfalse\n"}, By: "claire.noir", Because: "Fin de l’essai", Signed: portaltest.Now.Add(-2 * time.Hour)},
		{Number: 962, Found: portaltest.Now.Add(-600 * time.Hour), Base: 650, Proposal: installed.Proposal{Node: "poterne-3", Digest: ledger.Digest{0x07, 0x44}, ByTwo: true}},
	}
	settled := portaltest.NewStage()
	settled.Goes = allowing.Goes
	settled.Goes.Digest = ledger.Digest{1}
	bodies.SteppedUp, ready.SteppedUp = portaltest.Now.Add(-4*time.Minute), portaltest.Now.Add(-4*time.Minute)
	together := portaltest.NewStage()
	together.Conspire()

	stolen, undoing, own := portaltest.NewStage(), portaltest.NewStage(), portaltest.NewStage()
	stolen.Drift("theo.marchand", 0)
	undoing.Drift("theo.marchand", 5*24*time.Hour+time.Hour)
	own.Drift("noa.lambert", 0)
	undoing.SteppedUp, own.SteppedUp = portaltest.Now.Add(-4*time.Minute), portaltest.Now.Add(-4*time.Minute)
	freeze := "/desk/orders/" + string(stolen.InForce[0].ID)

	scenes := map[string]Scene{
		"front-full": full.Visits("camille.aubry", "GET", "/", nil), "front-empty": empty.Visits("camille.aubry", "GET", "/", nil),
		"front-suspended": held.Visits("camille.aubry", "GET", "/", nil), "front-frozen": frozen.Visits("camille.aubry", "GET", "/", nil),
		"front-drained": drained.Visits("camille.aubry", "GET", "/", nil), "front-closed": closed.Visits("camille.aubry", "GET", "/", nil),
		"front-manager": full.Visits("jeanne.vidal", "GET", "/", nil), "front-security": full.Visits("noa.lambert", "GET", "/", nil),
		"front-failing": broken.Visits("camille.aubry", "GET", "/", nil),

		"desk-full": full.Visits("noa.lambert", "GET", "/desk", nil), "desk-empty": empty.Visits("noa.lambert", "GET", "/desk", nil),
		"desk-closed": closed.Visits("noa.lambert", "GET", "/desk?said=closed", nil), "desk-failing": broken.Visits("noa.lambert", "GET", "/desk", nil),
		"desk-refused":      full.Visits("camille.aubry", "GET", "/desk", nil),
		"account-full":      full.Visits("noa.lambert", "GET", "/desk/accounts/theo.marchand", nil),
		"account-empty":     empty.Visits("noa.lambert", "GET", "/desk/accounts/theo.marchand", nil),
		"account-suspended": held.Visits("noa.lambert", "GET", "/desk/accounts/camille.aubry?said=suspended", nil),
		"account-stopped":   frozen.Visits("noa.lambert", "GET", "/desk/accounts/camille.aubry", nil),
		"account-absent":    full.Visits("noa.lambert", "GET", "/desk/accounts/nobody", nil),
		"desk-frozen":       stolen.Visits("noa.lambert", "GET", "/desk", nil),
		"account-frozen":    stolen.Visits("noa.lambert", "GET", "/desk/accounts/theo.marchand", nil),
		"account-undoing":   undoing.Visits("noa.lambert", "GET", "/desk/accounts/theo.marchand", nil),
		"undo-unconfirmed":  stolen.Visits("noa.lambert", "POST", freeze+"/lift", url.Values{"because": {"Vérifié au téléphone"}}),
		"curve":             full.Visits("noa.lambert", "GET", "/desk/curve", nil),
		"undo":              undoing.Visits("noa.lambert", "GET", freeze, nil),
		"undo-mend":         undoing.Visits("noa.lambert", "POST", freeze+"/lift", url.Values{"because": {" "}}),
		"undo-own":          own.Visits("noa.lambert", "GET", freeze, nil),
		"directory-full":    full.Visits("noa.lambert", "GET", "/desk/directory", nil),
		"directory-none":    full.Visits("noa.lambert", "GET", "/desk/directory?q=zzz", nil),

		"campaigns-full":    together.Visits("noa.lambert", "GET", "/desk/campaigns", nil),
		"campaigns-empty":   empty.Visits("noa.lambert", "GET", "/desk/campaigns", nil),
		"campaigns-failing": broken.Visits("noa.lambert", "GET", "/desk/campaigns", nil),
		"campaigns-refused": full.Visits("camille.aubry", "GET", "/desk/campaigns", nil),
		"wall":              crowded.Visits("noa.lambert", "GET", "/desk/wall", nil),
		"wall-full":         full.Visits("noa.lambert", "GET", "/desk/wall", nil),
		"wall-empty":        empty.Visits("noa.lambert", "GET", "/desk/wall", nil),
		"month":             full.Visits("noa.lambert", "GET", "/desk/month", nil),
		"month-before":      full.Visits("noa.lambert", "GET", "/desk/month?of=2026-02", nil),
		"month-empty":       empty.Visits("noa.lambert", "GET", "/desk/month", nil),
		"undeclared-full":   full.Visits("noa.lambert", "GET", "/desk/undeclared", nil),
		"undeclared-empty":  empty.Visits("noa.lambert", "GET", "/desk/undeclared", nil),
		"desk-damaged":      damaged.Visits("noa.lambert", "GET", "/desk", nil),
		"desk-crowded":      crowded.Visits("noa.lambert", "GET", "/desk", nil),
		"desk-campaigns":    together.Visits("noa.lambert", "GET", "/desk", nil),

		"exactly-new":     full.Visits("noa.lambert", "GET", "/desk/exactly", nil),
		"exactly-choose":  full.Visits("noa.lambert", "GET", "/desk/exactly?account=theo.marchand&account=parti.avant&q=mission", nil),
		"exactly-anyway":  full.Visits("noa.lambert", "GET", "/desk/exactly?q=parti.avant", nil),
		"exactly-answer":  full.Visits("noa.lambert", "GET", "/desk/exactly?account=theo.marchand&account=camille.aubry&period=today", nil),
		"exactly-broad":   full.Visits("noa.lambert", "GET", "/desk/exactly?account=camille.aubry&period=month", nil),
		"exactly-dropped": shorter.Visits("noa.lambert", "GET", "/desk/exactly?account=camille.aubry&period=between&until=2026-03-03T14:00", nil),
		"exactly-nobody":  full.Visits("noa.lambert", "GET", "/desk/exactly?account=sacha.olive&period=hour", nil),
		"exactly-mend":    full.Visits("noa.lambert", "GET", "/desk/exactly?period=between&since=2026-03-03T14:00&until=hier", nil),
		"exactly-waits":   unread.Visits("noa.lambert", "GET", "/desk/exactly?account=camille.aubry&period=today", nil),
		"exactly-failing": broken.Visits("noa.lambert", "GET", "/desk/exactly?account=camille.aubry&period=today", nil),
		"exactly-refused": full.Visits("camille.aubry", "GET", "/desk/exactly?account=camille.aubry&period=today", nil),
		"whosaw-new":      full.Visits("noa.lambert", "GET", "/desk/who-saw", nil),
		"whosaw-answer":   full.Visits("noa.lambert", "POST", "/desk/who-saw", url.Values{"identifier": {"210"}, "because": {"une réclamation"}}),
		"whosaw-nobody":   full.Visits("noa.lambert", "POST", "/desk/who-saw", url.Values{"identifier": {"251"}, "because": {"une réclamation"}}),
		"whosaw-mend":     full.Visits("noa.lambert", "POST", "/desk/who-saw", url.Values{"identifier": {" "}}),
		"whosaw-waits":    unread.Visits("noa.lambert", "POST", "/desk/who-saw", url.Values{"identifier": {"210"}, "because": {"une réclamation"}}),

		"incidents":          keeping.Visits("claire.noir", "GET", "/incidents", nil),
		"incidents-empty":    empty.Visits("claire.noir", "GET", "/incidents", nil),
		"incidents-failing":  broken.Visits("claire.noir", "GET", "/incidents", nil),
		"incidents-refused":  full.Visits("jeanne.vidal", "GET", "/incidents", nil),
		"incident-new":       full.Visits("noa.lambert", "GET", "/incidents/new?account=theo.marchand", nil),
		"incident-new-mend":  full.Visits("noa.lambert", "POST", "/incidents", url.Values{"title": {" "}, "accounts": {""}, "since": {"hier"}}),
		"incident":           keeping.Visits("claire.noir", "GET", "/incidents/500", nil),
		"incident-desk":      keeping.Visits("noa.lambert", "GET", "/incidents/500", nil),
		"incident-altered":   altered.Visits("claire.noir", "GET", "/incidents/500", nil),
		"incident-mend":      keeping.Visits("claire.noir", "POST", "/incidents/500/aware", url.Values{"at": {"demain"}, "from": {"nobody"}, "aware-because": {" "}}),
		"incident-notice":    keeping.Visits("claire.noir", "GET", "/incidents/500/notices/cnil", nil),
		"incident-edpb":      keeping.Visits("claire.noir", "GET", "/incidents/500/notices/edpb", nil),
		"incident-played":    playing.Visits("noa.lambert", "GET", "/incidents/500", nil),
		"incident-escalated": escalated.Visits("claire.noir", "GET", "/incidents/500", nil),
		"incident-real":      escalated.Visits("claire.noir", "GET", "/incidents/503", nil),
		"incidents-real":     escalated.Visits("claire.noir", "GET", "/incidents", nil),
		"incident-trial":     escalated.Visits("", "GET", "/incident?reference=EXERCICE-2026-001-A", nil),
		"desk-played":        playing.Visits("noa.lambert", "GET", "/desk", nil),
		"wall-played":        playing.Visits("noa.lambert", "GET", "/desk/wall", nil),
		"incident-merged":    merging.Visits("claire.noir", "GET", "/incidents/506", nil),
		"incident-joined":    merging.Visits("claire.noir", "GET", "/incidents/500", nil),
		"incident-merging":   merging.Visits("claire.noir", "GET", "/incidents/509", nil),
		"incidents-merged":   merging.Visits("claire.noir", "GET", "/incidents", nil),
		"incident-complete":  keeping.Visits("claire.noir", "POST", "/incidents/500/notices/cnil/sent", url.Values{"stage": {"complete"}}),
		"incident-answers":   keeping.Visits("claire.noir", "POST", "/incidents/500/notices/cnil", url.Values{"others": {"several"}, "description": {"une phrase"}}),
		"incident-complaint": keeping.Visits("claire.noir", "GET", "/incidents/500/notices/complaint", nil),
		"incident-public":    telling.Visits("", "GET", "/incident?reference=2026-001-A", nil),
		"incident-telling":   telling.Visits("claire.noir", "GET", "/incidents/500/message", nil),
		"incident-told":      told.Visits("claire.noir", "GET", "/incidents/500/message", nil),
		"incident-message":   keeping.Visits("claire.noir", "GET", "/incidents/500/message", nil),
		"bypass":             full.Visits("noa.lambert", "GET", "/bypass", nil),
		"bypass-waits":       waits.Visits("noa.lambert", "GET", "/bypass", nil),
		"bypass-own":         waits.Visits("claire.noir", "GET", "/bypass", nil),
		"bypass-in-force":    bypassed.Visits("noa.lambert", "GET", "/bypass", nil),
		"bypass-seen":        bypassed.Visits("camille.aubry", "GET", "/", nil),
		"bypass-mend":        full.Visits("noa.lambert", "POST", "/bypass", url.Values{"source": {"x"}, "hours": {"13"}, "because": {" "}}),
		"bypass-failing":     broken.Visits("noa.lambert", "GET", "/bypass", nil),
		"bypass-refused":     full.Visits("camille.aubry", "GET", "/bypass", nil),
		"questions":          keeping.Visits("jeanne.vidal", "GET", "/questions", nil),
		"break-glass":        empty.Breaks("GET", "/break-glass", nil),
		"break-glass-shut":   empty.Breaks("POST", "/break-glass", url.Values{"password": {"aaaa bbbb"}}),
		"break-glass-in":     inside.Breaks("GET", "/break-glass", nil),
		"break-glass-placed": placing.Breaks("GET", "/break-glass", nil),
		"break-glass-mend":   inside.Breaks("POST", "/break-glass/orders", url.Values{"effect": {"suspended-account"}, "target": {"nobody"}, "because": {" "}}),
		"break-glass-all":    inside.Breaks("POST", "/break-glass/orders", url.Values{"effect": {"closed-everything"}, "target": {"dossier"}, "because": {"Vol en cours"}}),
		"break-glass-fails":  broken.Breaks("GET", "/break-glass", nil),
		"glass-desk":         full.Visits("noa.lambert", "GET", "/break-glass/desk", nil),
		"glass-desk-open":    inside.Visits("noa.lambert", "GET", "/break-glass/desk", nil),
		"glass-desk-end":     placing.Visits("noa.lambert", "GET", "/break-glass/desk", nil),
		"glass-desk-locked":  locked.Visits("noa.lambert", "GET", "/break-glass/desk", nil),
		"glass-desk-wrong":   mistyped.Visits("noa.lambert", "GET", "/break-glass/desk", nil),
		"glass-desk-fails":   broken.Visits("noa.lambert", "GET", "/break-glass/desk", nil),
		"glass-desk-refused": full.Visits("camille.aubry", "GET", "/break-glass/desk", nil),
		"glass-seen":         inside.Visits("camille.aubry", "GET", "/", nil),
		"rights":             wanting.Visits("jeanne.vidal", "GET", "/rights", nil),
		"rights-desk":        wanting.Visits("noa.lambert", "GET", "/rights", nil),
		"rights-empty":       empty.Visits("jeanne.vidal", "GET", "/rights", nil),
		"rights-failing":     broken.Visits("jeanne.vidal", "GET", "/rights", nil),
		"rights-step-up":     unsure.Visits("jeanne.vidal", "GET", "/rights", nil),
		"rights-refused":     wanting.Visits("camille.aubry", "GET", "/rights", nil),
		"rights-card":        full.Visits("camille.aubry", "GET", "/", nil),
		"rights-card-waits":  wanting.Visits("camille.aubry", "GET", "/", nil),
		"rights-card-half":   wanting.Visits("leo.perrin", "GET", "/", nil),
		"permits":            exporting.Visits("noa.lambert", "GET", "/permits", nil),
		"permits-manager":    exporting.Visits("jeanne.vidal", "GET", "/permits", nil),
		"permits-step-up":    unconfirmed.Visits("noa.lambert", "GET", "/permits", nil),
		"permits-empty":      empty.Visits("noa.lambert", "GET", "/permits", nil),
		"permits-failing":    broken.Visits("noa.lambert", "GET", "/permits", nil),
		"permits-mend":       exporting.Visits("noa.lambert", "POST", "/permits", url.Values{"people": {"0"}, "until": {"demain"}, "list": {"0a"}, "because": {" "}}),
		"permits-refused":    exporting.Visits("camille.aubry", "GET", "/permits", nil),
		"permits-account":    exporting.Visits("noa.lambert", "GET", "/desk/accounts/camille.aubry", nil),
		"permits-card":       exporting.Visits("camille.aubry", "GET", "/", nil),

		"installation":          full.Visits("noa.lambert", "GET", "/installation", nil),
		"installation-officer":  keeping.Visits("claire.noir", "GET", "/installation", nil),
		"configuration":         allowing.Visits("noa.lambert", "GET", "/installation/configuration", nil),
		"configuration-own":     allowing.Visits("claire.noir", "GET", "/installation/configuration", nil),
		"configuration-mend":    allowing.Visits("noa.lambert", "POST", "/installation/configuration/960/sign", url.Values{"because": {" "}}),
		"configuration-none":    settled.Visits("noa.lambert", "GET", "/installation/configuration", nil),
		"configuration-alone":   full.Visits("noa.lambert", "GET", "/installation/configuration", nil),
		"configuration-failing": broken.Visits("noa.lambert", "GET", "/installation/configuration", nil),
		"installation-two":      allowing.Visits("noa.lambert", "GET", "/installation", nil),
		"organisations":         bodies.Visits("noa.lambert", "GET", "/installation/organisations", nil),
		"organisations-none":    full.Visits("claire.noir", "GET", "/installation/organisations?q=zzz", nil),
		"organisations-failing": broken.Visits("noa.lambert", "GET", "/installation/organisations", nil),
		"organisations-mend":    ready.Visits("noa.lambert", "POST", "/installation/organisations", url.Values{"does": {"adding"}, "id": {"ml neuve"}, "siret": {"90000000100018"}, "name": {""}, "mail": {"direction"}, "quota": {"0"}, "until": {"2001-01-01"}}),
		"organisation":          ready.Visits("noa.lambert", "GET", "/installation/organisation?id=ml-bourg", nil),
		"organisation-desk":     ready.Visits("noa.lambert", "GET", "/installation/organisation?id=garde", nil),
		"organisation-waits":    bodies.Visits("noa.lambert", "GET", "/installation/organisation?id=of-rive", nil),
		"organisation-absent":   ready.Visits("noa.lambert", "GET", "/installation/organisation?id=nobody", nil),
		"installation-failing":  broken.Visits("noa.lambert", "GET", "/installation", nil),
		"installation-refused":  full.Visits("camille.aubry", "GET", "/installation", nil),
		"terms":                 signing.Visits("noa.lambert", "GET", "/terms", nil),
		"terms-officer":         keeping.Visits("claire.noir", "GET", "/terms", nil),
		"terms-empty":           empty.Visits("noa.lambert", "GET", "/terms", nil),
		"terms-altered":         altered.Visits("noa.lambert", "GET", "/terms", nil),
		"terms-failing":         broken.Visits("noa.lambert", "GET", "/terms", nil),
		"terms-mend":            signing.Visits("noa.lambert", "POST", "/terms", url.Values{"since": {"mars"}, "until": {"2025"}, "because": {" "}}),
		"readings":              signing.Visits("noa.lambert", "GET", "/readings", nil),
		"readings-officer":      keeping.Visits("claire.noir", "GET", "/readings", nil),
		"readings-empty":        empty.Visits("noa.lambert", "GET", "/readings", nil),
		"readings-failing":      broken.Visits("noa.lambert", "GET", "/readings", nil),
		"readings-mend":         signing.Visits("noa.lambert", "POST", "/readings", url.Values{"person": {""}, "because": {" "}}),
		"mandates":              signing.Visits("noa.lambert", "GET", "/mandates", nil),
		"mandates-empty":        empty.Visits("noa.lambert", "GET", "/mandates", nil),
		"mandates-failing":      broken.Visits("noa.lambert", "GET", "/mandates", nil),
		"mandates-mend":         signing.Visits("noa.lambert", "POST", "/mandates", url.Values{"of-family": {"Aubry"}, "begins": {"demain"}, "because": {" "}}),
		"withheld":              signing.Visits("noa.lambert", "GET", "/withheld", nil),
		"withheld-officer":      keeping.Visits("claire.noir", "GET", "/withheld", nil),
		"withheld-empty":        empty.Visits("noa.lambert", "GET", "/withheld", nil),
		"withheld-failing":      broken.Visits("noa.lambert", "GET", "/withheld", nil),
		"withheld-mend":         signing.Visits("noa.lambert", "POST", "/withheld", url.Values{"account": {""}, "since": {"demain"}, "because": {" "}}),
		"questions-officer":     keeping.Visits("claire.noir", "GET", "/questions", nil),
		"questions-empty":       empty.Visits("jeanne.vidal", "GET", "/questions", nil),
		"questions-failing":     broken.Visits("jeanne.vidal", "GET", "/questions", nil),
		"questions-mend":        keeping.Visits("jeanne.vidal", "POST", "/questions/600", url.Values{"why": {"x"}}),
		"lookback":              full.Visits("noa.lambert", "GET", "/desk/accounts/theo.marchand/back?period=24h", nil),
		"lookback-empty":        empty.Visits("noa.lambert", "GET", "/desk/accounts/theo.marchand/back?period=1h", nil),
		"order-account":         full.Visits("noa.lambert", "GET", "/desk/orders/new?reach=account&effect=suspended&target=theo.marchand", nil),
		"order-organisation":    full.Visits("noa.lambert", "GET", "/desk/orders/new?reach=organisation&effect=suspended&target=ml-bourg", nil),
		"order-service":         full.Visits("noa.lambert", "GET", "/desk/orders/new?reach=service&effect=closed&target=dossier", nil),
		"order-everything":      full.Visits("noa.lambert", "GET", "/desk/orders/new?reach=everything&effect=closed", nil),
		"order-mend":            full.Visits("noa.lambert", "POST", "/desk/orders", url.Values{"reach": {"account"}, "target": {"theo.marchand"}, "effect": {"suspended"}, "message-fr": {"Nous vous rappelons."}}),
		"lift-stepped-up":       signing.Visits("noa.lambert", "GET", "/desk/orders/"+thaw, nil),
		"lift":                  full.Visits("noa.lambert", "GET", "/desk/orders/7", nil),
		"lift-mend":             full.Visits("noa.lambert", "POST", "/desk/orders/7/tick", url.Values{"line": {"cause-found"}, "because": {" "}}),
		"lift-own":              full.Visits("noa.lambert", "GET", "/desk/orders/8", nil),

		"manager-empty":        unconfirmed.Visits("jeanne.vidal", "GET", "/manager", nil),
		"manager-unconfirmed":  unconfirmed.Visits("jeanne.vidal", "GET", waiting, nil),
		"manager-waiting":      signing.Visits("jeanne.vidal", "GET", waiting, nil),
		"sessions":             full.Visits("camille.aubry", "GET", "/sessions", nil),
		"nir":                  signing.Visits("camille.aubry", "GET", seen, nil),
		"nir-step-up":          full.Visits("camille.aubry", "GET", seen, nil),
		"nir-asked":            asked.Visits("camille.aubry", "GET", seen+"&said=asked", nil),
		"nir-failing":          broken.Visits("camille.aubry", "GET", seen, nil),
		"nir-none":             full.Visits("theo.marchand", "GET", seen, nil),
		"databases":            full.Visits("camille.aubry", "GET", "/databases", nil),
		"databases-given":      signing.Visits("camille.aubry", "POST", "/databases", nil),
		"databases-empty":      unconfirmed.Visits("remi.fort", "GET", "/databases", nil),
		"databases-failing":    broken.Visits("camille.aubry", "GET", "/databases", nil),
		"front-recovered":      full.Visits("theo.marchand", "GET", "/", nil),
		"module":               full.Visits("camille.aubry", "GET", "/awareness", nil),
		"module-elsewhere":     full.Visits("sacha.olive", "GET", "/awareness", nil),
		"module-empty":         full.Visits("jeanne.vidal", "GET", "/awareness", nil),
		"module-answered":      full.Visits("camille.aubry", "POST", "/awareness", url.Values{"reset": {"b"}, "cookie": {"a"}}),
		"module-failing":       broken.Visits("camille.aubry", "GET", "/awareness", nil),
		"sessions-failing":     broken.Visits("camille.aubry", "GET", "/sessions", nil),
		"manager-archive":      signing.Visits("jeanne.vidal", "GET", fmt.Sprintf("/manager?receipt=%d", inArchive), nil),
		"manager-archive-mend": signing.Visits("noa.lambert", "POST", "/manager/archive", url.Values{"receipt": {fmt.Sprint(inArchive)}, "ticket": {" "}, "hours": {"48"}}),
		"manager-strangers":    signing.Visits("noa.lambert", "GET", "/manager", nil),
		"manager-raised":       signing.Visits("jeanne.vidal", "GET", "/manager?said=raised", nil),
		"manager-none":         signing.Visits("jeanne.vidal", "GET", "/manager?receipt=12", nil),
		"manager-mend":         signing.Visits("jeanne.vidal", "POST", "/manager/raise", url.Values{"account": {"leo.perrin"}, "people": {"500"}, "because": {" "}}),
		"manager-thaw":         signing.Visits("jeanne.vidal", "POST", "/manager/thaw", url.Values{"order": {thaw}, "because": {" "}}),
		"manager-security":     signing.Visits("noa.lambert", "GET", waiting, nil),
		"manager-failing":      broken.Visits("jeanne.vidal", "GET", waiting, nil),
		"people":               signing.Visits("jeanne.vidal", "GET", "/manager/accounts", nil),
		"caseloads":            signing.Visits("jeanne.vidal", "GET", "/manager/caseloads", nil),
		"caseloads-empty":      unconfirmed.Visits("remi.fort", "GET", "/manager/caseloads", nil),
		"caseloads-failing":    broken.Visits("jeanne.vidal", "GET", "/manager/caseloads", nil),
		"caseloads-mend":       signing.Visits("jeanne.vidal", "POST", "/manager/caseloads", url.Values{"people": {" "}, "until": {"1999-01-01"}, "because": {" "}}),
		"people-security":      signing.Visits("noa.lambert", "GET", "/manager/accounts", nil),
		"people-empty":         unconfirmed.Visits("remi.fort", "GET", "/manager/accounts", nil),
		"people-failing":       broken.Visits("jeanne.vidal", "GET", "/manager/accounts", nil),
		"propose":              signing.Visits("jeanne.vidal", "GET", "/manager/propose", nil),
		"propose-unconfirmed":  unconfirmed.Visits("jeanne.vidal", "GET", "/manager/propose?code=ABCD-EFGH", nil),
		"propose-mend":         signing.Visits("noa.lambert", "POST", "/manager/propose", url.Values{"name": {""}, "mail": {"x"}, "until": {"1999-01-01"}}),
		"invitation": func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
			full.Pages.Invitation(w, portaltest.Spoken(r, in), "token")
		},
		"welcomed-begun":      welcomed(full, signin.Begun),
		"welcomed-confirming": welcomed(full, signin.Confirming),
		"welcomed-over":       welcomed(full, signin.Over),
		"welcomed-not-theirs": welcomed(full, signin.NotTheirs),
		"manager-refused":     full.Visits("camille.aubry", "GET", "/manager", nil),

		"absent": full.Visits("camille.aubry", "GET", "/nowhere", nil),
		"signed-out": func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
			full.Pages.SignedOut(w, portaltest.Spoken(r, in))
		},
	}
	scenes["prove"] = func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
		full.Pages.Prove(w, portaltest.Spoken(r, in), "/dossier/files/4711", true)
	}
	scenes["choose"] = func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
		full.Pages.Choose(w, portaltest.Spoken(r, in), signin.Choice{Action: signin.BeginPath, Fields: []signin.Field{{Name: "return", Value: "/"}}, Names: []string{"ProConnect", "Mission locale"}})
	}
	scenes["ended-locked"] = func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
		sent := portaltest.Spoken(r, in).Clone(r.Context())
		sent.Method = http.MethodPost
		sent.Header.Set("Accept", "text/html")
		full.Pages.Stops().SignIn(w, sent, &fault.Error{Kind: fault.Anonymous, Err: signin.ErrLocked})
	}
	scenes["prove-lost"] = func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
		sent := portaltest.Spoken(r, in).Clone(r.Context())
		sent.Method = http.MethodPost
		sent.Header.Set("Accept", "text/html")
		full.Pages.Stops().SignIn(w, sent, &fault.Error{Kind: fault.Anonymous, Err: signin.ErrUnproven})
	}
	for name, scene := range map[string]Scene{
		"":                  full.Mine(true, "GET", "/", nil),
		"-empty":            empty.Mine(true, "GET", "/", nil),
		"-failing":          broken.Mine(true, "GET", "/", nil),
		"-easy":             full.Mine(true, "GET", "/easy", nil),
		"-line":             full.Mine(true, "GET", "/lines/700", nil),
		"-line-asked":       full.Mine(true, "GET", "/lines/699", nil),
		"-line-absent":      full.Mine(true, "GET", "/lines/1", nil),
		"-welcome":          full.Mine(false, "GET", "/", nil),
		"-concerned":        full.Mine(true, "GET", "/concerned", nil),
		"-concerned-empty":  empty.Mine(true, "GET", "/concerned", nil),
		"-concerned-failed": broken.Mine(true, "GET", "/concerned", nil),
		"-code":             full.Mine(false, "GET", "/code", nil),
		"-code-wrong":       full.Mine(false, "POST", "/code", url.Values{"code": {""}}),
		"-code-opened":      full.Mine(false, "POST", "/code", url.Values{"code": {"0A1B"}}),
		"-code-failing":     broken.Mine(false, "POST", "/code", url.Values{"code": {"0A1B"}}),
		"-mandates":         full.Mine(true, "GET", "/mandates", nil),
		"-mandates-empty":   empty.Mine(true, "GET", "/mandates", nil),
		"-mandates-failing": broken.Mine(true, "GET", "/mandates", nil),
		"-represented":      full.Mine(true, "GET", "/represented", nil),
		"-represented-none": empty.Mine(true, "GET", "/represented", nil),
		"-represented-file": full.Mine(true, "GET", "/represented/820", nil),
		"-represented-easy": full.Mine(true, "GET", "/represented/820/easy", nil),
		"-represented-line": full.Mine(true, "GET", "/represented/820/lines/700", nil),
		"-contacts":         empty.Mine(true, "GET", "/contacts", nil),
		"-contacts-pending": full.Mine(true, "GET", "/contacts", nil),
		"-contacts-failing": broken.Mine(true, "GET", "/contacts", nil),
		"-contacts-mail":    empty.Mine(true, "POST", "/contacts", url.Values{"mail": {"nobody"}}),
		"-contacts-phone":   empty.Mine(true, "POST", "/contacts", url.Values{"mail": {"a@b.example"}, "phone": {"1"}}),
		"-contacts-nothing": empty.Mine(true, "POST", "/contacts", nil),
		"-contacts-resting": empty.Mine(true, "POST", "/contacts", url.Values{"mail": {"a@b.example"}}),
		"-contacts-lately":  empty.Mine(true, "POST", "/contacts", url.Values{"mail": {"a@b.example"}, "phone": {"06 39 98 42 18"}}),
		"-stop":             full.Mine(false, "GET", "/contacts/link?token=waiting", nil),
		"-stop-stopped":     full.Mine(false, "POST", "/contacts/link", url.Values{"token": {"waiting"}}),
		"-stop-put-back":    full.Mine(false, "POST", "/contacts/link", url.Values{"token": {"in-force"}}),
		"-stop-over":        full.Mine(false, "POST", "/contacts/link", url.Values{"token": {"?"}}),
		"-contacts-post":    empty.Mine(true, "POST", "/contacts", url.Values{"post": {"1"}}),
		"-letter":           full.Mine(false, "GET", "/contacts/letter", nil),
		"-letter-stopped":   full.Mine(false, "POST", "/contacts/letter", url.Values{"code": {"waiting"}}),
		"-letter-over":      full.Mine(false, "POST", "/contacts/letter", url.Values{"code": {"?"}}),
		"-stop-failing":     broken.Mine(false, "POST", "/contacts/link", url.Values{"token": {"waiting"}}),
		"-stranger": func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
			full.Doorstep().Stranger(w, portaltest.Spoken(r, in), signin.Visitor{})
		},
		"-unsigned": func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
			full.Doorstep().Failed(w, portaltest.Spoken(r, in), signin.Stale)
		},
		"-left": func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
			full.Doorstep().SignedOut(w, portaltest.Spoken(r, in))
		},
	} {
		scenes["mine"+name] = scene
	}
	scenes["elsewhere"] = func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
		asked := full.Pages.AskFirst(func(*http.Request) bool { return true }, http.NotFoundHandler())
		r.Header.Set("Accept", "text/html")
		asked.ServeHTTP(w, portaltest.Spoken(r, in))
	}
	for _, bar := range []signin.Bar{signin.NoAccount, signin.OtherOrganisation, signin.TooWeak} {
		scenes["stranger-"+string(bar)] = func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
			full.Pages.Stranger(w, portaltest.Spoken(r, in), signin.Visitor{GivenName: "Alix", UsualName: "Morel", Email: "alix.morel@ml-bourg.example", SIRET: "90000000000017", Bar: bar})
		}
	}
	for _, why := range []signin.Reason{signin.Stale, signin.Declined, signin.Unverified, signin.Unreachable} {
		scenes["unsigned-"+string(why)] = func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
			full.Pages.Failed(w, portaltest.Spoken(r, in), why)
		}
	}
	for _, why := range []signin.Reason{signin.Declined, signin.Unverified, signin.Unreachable, signin.SomebodyElse, signin.Weaker, signin.NotAsked} {
		scenes["unconfirmed-"+string(why)] = func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
			full.Pages.Unconfirmed(w, portaltest.Spoken(r, in), why, "/dossier/files/4711")
		}
	}
	for _, kind := range []fault.Kind{fault.Broken, fault.Unavailable, fault.Invalid, fault.Refused} {
		scenes["failed-"+kind.String()] = func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
			full.Pages.Stops().Failed(w, portaltest.Spoken(r, in), kind, policy.Granted)
		}
	}
	for _, why := range failing {
		scenes["failed-"+why.String()] = func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
			full.Pages.Stops().Failed(w, portaltest.Spoken(r, in), fault.Unavailable, why)
		}
	}
	for why, again := range stopping {
		refusal := portal.Refusal{Service: "dossier", Receipt: 48213, Ruling: policy.Ruling{
			Verdict: policy.Refused, Why: why, Counted: meter.People(3), Limit: meter.People(3), Again: portaltest.Now.Add(32 * time.Minute),
		}}
		if verdict, asks := asking[why]; asks {
			refusal.Ruling.Verdict = verdict
		}
		if !again {
			refusal.Ruling.Again = time.Time{}
		}
		scenes["stopped-"+why.String()] = func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
			full.Pages.Stops().Refused(w, portaltest.Spoken(r, in), refusal)
		}
	}
	for name, asked := range map[string]signin.Asked{
		"refill":  {For: signin.ToAct, About: "refill", Action: signin.StepUpPath, Reason: signin.Stale, SignIn: true, Return: "/dossier/files/4711"},
		"sign-in": {For: signin.ToSignIn, Action: signin.PasskeyPath},
		"enrol":   {For: signin.ToEnrol, Action: signin.EnrolPath, Return: signin.OwnPath},
		"accept":  {For: signin.ToAccept, Action: signin.AcceptPath},
		"unlock":  {For: signin.ToGoOn, Action: signin.UnlockPath, Return: "/dossier/files/4711"},
	} {
		scenes["passkey-"+name] = func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
			full.Pages.Passkey(w, portaltest.Spoken(r, in), asked)
		}
	}
	for name, method := range map[string]string{"halt": http.MethodGet, "halt-done": http.MethodPost} {
		scenes[name] = func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
			mux := http.NewServeMux()
			full.Pages.MountHalt(mux, func(context.Context, string) error { return nil })
			r = portaltest.Spoken(r, in)
			r.Method, r.URL.Path = method, portal.HaltPath
			mux.ServeHTTP(w, r)
		}
	}
	scenes["ended-doubled"] = func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
		full.Pages.Stops().SignIn(w, portaltest.Spoken(r, in), &fault.Error{Kind: fault.Anonymous, Err: &signin.Ended{Why: signin.Doubled}})
	}
	return scenes
}

// stopping are the grounds that stop somebody, and whether the scene tells when there is room again.
var stopping = map[policy.Why]bool{
	policy.ShortEmpty: true, policy.LongEmpty: true, policy.SignedEmpty: true, policy.CanaryListed: true, policy.Doubted: true,
	policy.PaceReached: false, policy.WallReached: false, policy.CeilingReached: false, policy.RowsReached: false, policy.ListsReached: false, policy.StrangersReached: false, policy.Frozen: false, policy.Enumerating: false, policy.Drifting: false, policy.CanaryOpened: false,
	policy.ShareReached: false, policy.OrganisationEmpty: false, policy.ServiceEmpty: false, policy.RegisterEmpty: false, policy.NobodyKnown: false, policy.NotThere: false, policy.TooMany: false, policy.FileClosed: false, policy.FileArchived: false,
	policy.NotForPurpose: false, policy.Overwrites: false, policy.NotHabilitated: false, policy.RoleReadsNothing: false, policy.NotReviewed: false, policy.NotTrained: false,
	policy.Suspended: false, policy.Closed: false, policy.Expelled: false, policy.NotToBeChanged: false, policy.OnlyTheirs: false, policy.Unnamed: false,
	policy.NotDeclared: false, policy.NotUnderstood: false, policy.UndeclaredMethod: false, policy.UndeclaredParameter: false,
	policy.UndeclaredField: false, policy.UndeclaredBody: false, policy.UndeclaredAnswer: false, policy.RequestUnreadable: false,
}

// asking is what each ground asks for that asks for something.
var asking = map[policy.Why]policy.Verdict{
	policy.ShortEmpty: policy.AskStepUp, policy.CanaryListed: policy.AskStepUp, policy.PaceReached: policy.AskStepUp,
	policy.LongEmpty: policy.AskCosign, policy.FileClosed: policy.AskCosign, policy.Doubted: policy.AskIdentity,
}

func welcomed(on *portaltest.Stage, what signin.Welcome) func(http.ResponseWriter, *http.Request, i18n.Language) {
	return func(w http.ResponseWriter, r *http.Request, in i18n.Language) {
		on.Pages.Welcomed(w, portaltest.Spoken(r, in), signin.Visitor{GivenName: "Alix", UsualName: "Morel", SIRET: "90000000000017", Code: "ABCD-EFGH"}, what)
	}
}
