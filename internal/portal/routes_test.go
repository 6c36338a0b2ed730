package portal_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/portal"
	"poterne/internal/portal/portaltest"
	"poterne/internal/roster"
)

// odd is what nobody types, and somebody sends.
var odd = []string{
	"", " ", "-1", "0", "1", "7", "48213", "18446744073709551616", "9223372036854775807", "x", "{target}", "%s", "\x00", "\xff\xfe", "\u202e\u200b",
	"../..", "<script>", "a\r\nb", strings.Repeat("9", 3000),
}

// parameters are what each route of the rooms reads, and every value that means
// something there. Each is sent odd values too.
var parameters = map[string]struct {
	as     []roster.AccountID
	values map[string][]string
}{
	"GET /{$}":                       {[]roster.AccountID{"camille.aubry", "jeanne.vidal", "noa.lambert"}, map[string][]string{"said": saids}},
	"GET /sessions":                  {[]roster.AccountID{"camille.aubry", "jeanne.vidal", "noa.lambert"}, nil},
	"GET /databases":                 {[]roster.AccountID{"camille.aubry", "remi.fort"}, nil},
	"POST /databases":                {[]roster.AccountID{"camille.aubry", "remi.fort"}, nil},
	"POST /sessions/not-me":          {[]roster.AccountID{"camille.aubry", "jeanne.vidal", "noa.lambert"}, nil},
	"GET /desk":                      {watchers, map[string][]string{"said": saids}},
	"GET /desk/flow":                 {watchers, map[string][]string{"after": {"0", "3"}}},
	"GET /desk/wall":                 {watchers, nil},
	"GET /desk/wall/flow":            {watchers, nil},
	"POST /desk/mine":                {watchers, map[string][]string{"account": {"theo.marchand", "nobody"}}},
	"GET /desk/campaigns":            {watchers, nil},
	"GET /desk/month":                {watchers, nil},
	"GET /desk/undeclared":           {watchers, nil},
	"GET /desk/directory":            {watchers, map[string][]string{"q": {"ml", "théo"}}},
	"GET /desk/curve":                {watchers, nil},
	"GET /desk/accounts/{id}":        {watchers, map[string][]string{"{id}": {"theo.marchand", "noa.lambert", "remi.fort", "nobody"}, "said": saids}},
	"GET /desk/accounts/{id}/back":   {watchers, map[string][]string{"{id}": {"theo.marchand", "nobody"}, "period": {"1h", "168h", "x"}}},
	"GET /desk/orders/new":           {watchers, orderForm},
	"POST /desk/orders":              {watchers, orderForm},
	"GET /desk/orders/{id}":          {watchers, map[string][]string{"{id}": {"7", "8", "new"}}},
	"POST /desk/orders/{id}/propose": {watchers, map[string][]string{"{id}": {"7", "8"}, "because": {"a reason"}, "first": {"ml-bourg", ""}}},
	"POST /desk/orders/{id}/confirm": {watchers, map[string][]string{"{id}": {"7", "8"}, "proposed": {"1", "x"}}},
	"POST /desk/orders/{id}/drop":    {watchers, map[string][]string{"{id}": {"7", "8"}, "proposed": {"1", "x"}}},
	"POST /desk/orders/{id}/tick":    {watchers, map[string][]string{"{id}": {"7", "8"}, "line": {"cause-found", "x"}, "because": {"a reason"}}},
	"POST /desk/orders/{id}/lift": {watchers, map[string][]string{
		"{id}": {"7", "8"}, "because": {"verified by telephone"},
	}},
	"GET /installation":                               {keepers, nil},
	"GET /installation/configuration":                 {keepers, nil},
	"POST /installation/configuration/{number}/sign":  {keepers, map[string][]string{"{number}": {"960", "961"}, "because": {"a convention"}}},
	"POST /installation/configuration/{number}/allow": {keepers, map[string][]string{"{number}": {"960", "961"}}},
	"POST /installation/configuration/{number}/drop":  {keepers, map[string][]string{"{number}": {"960", "961"}}},
	"GET /mandates":                                   {keepers, nil},
	"POST /mandates":                                  {keepers, map[string][]string{"of-family": {"Aubry"}, "of-birth": {"2012-04-03", "2012-13-40"}, "with-family": {"Petit"}, "kind": {"guardianship"}, "because": {"a judgment"}, "begins": {"2026-03-03"}, "until": {"2026-09-03", "9999-12-31"}}},
	"POST /mandates/{number}/approve":                 {keepers, map[string][]string{"{number}": {"840", "826"}}},
	"POST /mandates/{number}/end":                     {keepers, map[string][]string{"{number}": {"840", "826"}}},
	"GET /installation/organisations":                 {keepers, map[string][]string{"q": {"ml", "x"}}},
	"POST /installation/organisations":                {keepers, map[string][]string{"does": {"adding", "altering", "closing", "x"}, "id": {"neuve", "ml-bourg", "garde", "nobody"}, "siret": {"90000000100017"}, "name": {"Neuve"}, "mail": {"direction@neuve.example"}, "because": {"a convention"}}},
	"GET /installation/organisation":                  {keepers, map[string][]string{"id": {"ml-bourg", "nobody"}}},
	"POST /installation/organisations/{number}/allow": {keepers, map[string][]string{"{number}": {"950", "952", "x"}}},
	"POST /installation/organisations/{number}/drop":  {keepers, map[string][]string{"{number}": {"951", "950"}}},
	"GET /terms":                               {keepers, nil},
	"GET /terms/{month}/proof":                 {keepers, map[string][]string{"{month}": {"2025-01", "2025-03", "mars"}}},
	"POST /terms":                              {watchers, map[string][]string{"since": {"2025-04", "mars"}, "until": {"", "2025-06"}, "hold": {"", "880", "x"}, "because": {"an inquiry"}}},
	"POST /terms/{number}/approve":             {watchers, map[string][]string{"{number}": {"904", "903"}}},
	"POST /terms/{number}/drop":                {watchers, map[string][]string{"{number}": {"904", "900"}}},
	"GET /readings":                            {keepers, nil},
	"POST /readings":                           {keepers, map[string][]string{"person": {"100", " "}, "because": {"a request"}}},
	"POST /readings/{number}/approve":          {keepers, map[string][]string{"{number}": {"902", "903"}, "person": {"100"}}},
	"POST /readings/{number}/drop":             {keepers, map[string][]string{"{number}": {"902", "900"}}},
	"GET /withheld":                            {keepers, nil},
	"POST /withheld":                           {keepers, map[string][]string{"account": {"theo.marchand", "nobody"}, "since": moments, "until": moments, "because": {"an enquiry"}}},
	"POST /withheld/{number}/approve":          {keepers, map[string][]string{"{number}": {"803", "802"}}},
	"POST /withheld/{number}/stop":             {keepers, map[string][]string{"{number}": {"803", "802"}}},
	"GET /manager":                             {vouchers, map[string][]string{"receipt": {"12", "250"}, "account": {"leo.perrin"}, "people": {"3"}, "hours": {"2"}, "said": saids}},
	"POST /manager/cosign":                     {vouchers, map[string][]string{"receipt": {"12", "250"}}},
	"POST /manager/archive":                    {vouchers, map[string][]string{"receipt": {"12", "250"}, "ticket": {"DOS-1187"}, "hours": {"2", "48"}}},
	"POST /manager/thaw":                       {vouchers, map[string][]string{"order": {"7", "8"}, "because": {"verified"}}},
	"POST /manager/raise":                      {vouchers, map[string][]string{"account": {"leo.perrin", "nobody"}, "people": {"3"}, "hours": {"2"}, "because": {"training"}}},
	"GET /incidents":                           {keepers, nil},
	"GET /incidents/new":                       {keepers, map[string][]string{"account": {"theo.marchand"}, "cause": {"7"}}},
	"POST /incidents":                          {keepers, map[string][]string{"title": {"A theft"}, "accounts": {"theo.marchand\ncamille.aubry"}, "since": moments, "cause": {"7"}}},
	"GET /incidents/{id}":                      {keepers, inFile(nil)},
	"POST /incidents/{id}/count":               {keepers, inFile(nil)},
	"POST /incidents/{id}/evidence":            {keepers, inFile(nil)},
	"POST /incidents/{id}/list":                {keepers, inFile(nil)},
	"POST /incidents/{id}/aware":               {keepers, inFile(map[string][]string{"at": moments, "from": {"press"}, "aware-because": {"read of it"}})},
	"POST /incidents/{id}/scope":               {keepers, inFile(map[string][]string{"accounts": {"theo.marchand"}, "until": moments, "scope-because": {"more of them"}})},
	"POST /incidents/{id}/decide":              {keepers, inFile(map[string][]string{"what": {"to wait"}, "decide-because": {"too early"}})},
	"POST /incidents/{id}/closing":             {keepers, inFile(map[string][]string{"closing-because": {"done"}})},
	"POST /incidents/{id}/close":               {keepers, inFile(nil)},
	"POST /incidents/{id}/escalate":            {keepers, inFile(map[string][]string{"escalate-because": {"nobody plays"}})},
	"POST /incidents/{id}/merging":             {keepers, inFile(map[string][]string{"into": {"500", "7"}, "merging-because": {"one theft"}})},
	"POST /incidents/{id}/merge":               {keepers, inFile(map[string][]string{"into": {"500", "7"}})},
	"GET /incidents/{id}/message":              {keepers, inFile(nil)},
	"GET /incident":                            {append(keepers, ""), map[string][]string{"reference": {"2026-001-A", "2026-001"}}},
	"POST /incidents/{id}/message/publish":     {keepers, inFile(nil)},
	"POST /incidents/{id}/message/withdraw":    {keepers, inFile(map[string][]string{"withdraw-because": {"a mistake"}})},
	"POST /incidents/{id}/message/begin":       {keepers, inFile(map[string][]string{"rate": {"200"}})},
	"POST /incidents/{id}/message/pause":       {keepers, inFile(nil)},
	"POST /incidents/{id}/message/resume":      {keepers, inFile(nil)},
	"POST /incidents/{id}/message/settle":      {keepers, inFile(map[string][]string{"taken": {"yes", "no"}, "settle-because": {"by its log"}})},
	"POST /incidents/{id}/message/end":         {keepers, inFile(nil)},
	"GET /incidents/{id}/notices/{form}":       {keepers, inFile(map[string][]string{"{form}": forms, "stage": {"complete"}})},
	"POST /incidents/{id}/notices/{form}":      {keepers, inFile(map[string][]string{"{form}": forms, "description": {"a text"}, "origin": {"attack"}, "origin.unknown": {"never"}, "telling-when": moments[:1]})},
	"POST /incidents/{id}/notices/{form}/sent": {keepers, inFile(map[string][]string{"{form}": forms, "stage": {"complete"}, "sent": moments, "number": {"N-1"}})},
	"GET /incidents/{id}/notices/{form}/pdf":   {keepers, inFile(map[string][]string{"{form}": forms, "stage": {"complete"}})},
	"GET /incidents/{id}/notices/{form}/json":  {keepers, inFile(map[string][]string{"{form}": forms, "stage": {"complete"}})},
	"GET /manager/accounts":                    {vouchers, map[string][]string{"said": {"proposed", "approved", "joined", "reviewed"}}},
	"GET /awareness":                           {[]roster.AccountID{"camille.aubry", "jeanne.vidal", "sacha.olive"}, nil},
	"POST /awareness":                          {[]roster.AccountID{"camille.aubry", "jeanne.vidal", "sacha.olive"}, map[string][]string{"reset": {"b"}}},
	"POST /recovery/stop":                      {[]roster.AccountID{"camille.aubry", "theo.marchand"}, nil},
	"POST /manager/accounts/{id}/recover":      {vouchers, map[string][]string{"{id}": {"leo.perrin", "nobody"}, "because": {"lost"}}},
	"POST /manager/accounts/{id}/readmit":      {vouchers, map[string][]string{"{id}": {"leo.perrin", "nobody"}}},
	"GET /manager/caseloads":                   {vouchers, map[string][]string{"said": {"assigned", "entrusted", "refused"}}},
	"POST /manager/caseloads":                  {vouchers, map[string][]string{"account": {"leo.perrin", "nobody"}, "people": {"12"}, "until": {"2026-04-01"}, "because": {"departure"}}},
	"POST /manager/caseloads/entrust":          {vouchers, map[string][]string{"of": {"source=agenda&account=leo.perrin&author=&upto=12&people=2"}, "do": {"admit", "refuse"}}},
	"POST /manager/review":                     {vouchers, map[string][]string{"of": {"leo.perrin", "nobody"}}},
	"POST /manager/accounts/{id}/close":        {vouchers, map[string][]string{"{id}": {"leo.perrin", "nobody"}, "because": {"left"}}},
	"GET /manager/propose":                     {vouchers, map[string][]string{"code": {"ABCD-EFGH"}}},
	"POST /manager/propose": {vouchers, map[string][]string{
		"name": {"Alix"}, "mail": {"alix@ml-bourg.example"}, "role": {"adviser", "security"}, "service": {"dossier"}, "until": {"2026-08-01"}, "because": {"hired"},
	}},
	"POST /manager/proposals/{number}": {vouchers, map[string][]string{"{number}": {"31", "99"}, "do": {"approve", "confirm", "decline", "admit"}}},
	"GET /desk/exactly": {watchers, map[string][]string{
		"account": {"theo.marchand", "nobody"}, "q": {"ml"}, "period": {"hour", "today", "month", "between"}, "since": moments, "until": moments,
	}},
	"POST /desk/exactly/list": {watchers, map[string][]string{"account": {"theo.marchand", "nobody"}, "since": moments, "until": moments}},
	"GET /nir":                {[]roster.AccountID{"camille.aubry", "theo.marchand"}, map[string][]string{"receipt": {"68", "99999"}, "said": {"asked"}}},
	"POST /nir":               {[]roster.AccountID{"camille.aubry", "theo.marchand"}, map[string][]string{"receipt": {"68", "99999"}}},
	"GET /questions":          {[]roster.AccountID{"jeanne.vidal", "claire.noir"}, nil},
	"POST /questions/{number}": {[]roster.AccountID{"jeanne.vidal", "claire.noir"}, map[string][]string{
		"{number}": {"600", "7"}, "why": {"for-you", "unexplained", "x"}, "words": {"a few words"},
	}},
	"GET /desk/who-saw": {watchers, nil},
	"GET /permits":      {vouchers, nil},
	"POST /permits": {vouchers, map[string][]string{
		"account": {"leo.perrin", "nobody"}, "export": {"dossier GET /export"}, "people": {"400", "100001"}, "until": moments[:2], "list": {"100\n101", " "}, "because": {"a report"},
	}},
	"POST /permits/{number}/approve": {vouchers, map[string][]string{"{number}": {"701", "702", "700"}}},
	"POST /permits/{number}/drop":    {vouchers, map[string][]string{"{number}": {"701", "702", "700"}}},
	"POST /permits/end":              {vouchers, map[string][]string{"account": {"camille.aubry", "nobody"}, "export": {"dossier GET /export"}}},
	"GET /bypass":                    {keepers, nil},
	"POST /bypass":                   {keepers, map[string][]string{"source": {"agenda", "formations"}, "hours": {"4", "12"}, "because": {"the agenda is silent"}}},

	"POST /bypass/{id}/approve": {keepers, map[string][]string{"{id}": {"2", "99"}}},
	"POST /bypass/{id}/end":     {keepers, map[string][]string{"{id}": {"2", "99"}}},

	"POST /rights":                   {[]roster.AccountID{"camille.aubry"}, map[string][]string{"service": {"ouiform", "dossier"}, "purpose": {"former"}, "because": {"a course"}}},
	"POST /rights/{number}/withdraw": {[]roster.AccountID{"camille.aubry"}, map[string][]string{"{number}": {"900", "901"}}},
	"GET /rights":                    {vouchers, nil},
	"POST /rights/{number}/sign":     {vouchers, map[string][]string{"{number}": {"900", "901"}}},
	"POST /rights/{number}/refuse":   {vouchers, map[string][]string{"{number}": {"900", "901"}}},

	"GET /break-glass":         {[]roster.AccountID{""}, nil},
	"POST /break-glass":        {[]roster.AccountID{""}, map[string][]string{"password": {"aaaa bbbb"}}},
	"POST /break-glass/orders": {[]roster.AccountID{""}, map[string][]string{"effect": {"suspended-account", "closed-everything"}, "target": {"theo.marchand", "nobody"}, "because": {"a theft"}}},
	"POST /break-glass/leave":  {[]roster.AccountID{""}, nil},
	"GET /break-glass/desk":    {watchers, nil},
	"POST /break-glass/desk":   {watchers, nil},

	"POST /desk/who-saw": {watchers, map[string][]string{"identifier": {"210", "251"}, "because": {"a complaint"}}},
}

var (
	keepers   = []roster.AccountID{"noa.lambert", "claire.noir"}
	forms     = []string{"cnil", "anssi"}
	watchers  = []roster.AccountID{"noa.lambert"}
	vouchers  = []roster.AccountID{"jeanne.vidal", "noa.lambert"}
	saids     = []string{"frozen", "suspended", "narrowed", "closed", "lifted", "sessions", "cosigned", "raised", "archive-opened"}
	moments   = []string{"2026-03-03T14:00", "2026-03-03", "2026-03-03T14:00:00Z", "0001-01-01", "9999-12-31T23:59:59Z"}
	orderForm = map[string][]string{
		"reach": {"account", "organisation", "role", "network", "function", "everything"}, "effect": {"frozen", "narrowed", "suspended", "closed"},
		"target": {"theo.marchand", "ml-bourg", "searches", "adviser"}, "because": {"a reason"}, "message-fr": {"a message"}, "lineage": {"1"},
	}
)

// inFile is what a route of a file reads.
func inFile(values map[string][]string) map[string][]string {
	all := map[string][]string{"{id}": {"500", "7"}}
	maps.Copy(all, values)
	return all
}

// absent is no value of a parameter.
const absent = "absent"

// sendings are what is sent to a route: nothing at all, every two parameters with every
// two of the values that mean something, or without them, and each odd value in each place.
func sendings(values map[string][]string) []map[string]string {
	usual, names := make(map[string]string), slices.Sorted(maps.Keys(values))
	for name, known := range values {
		usual[name] = known[0]
	}
	with := func(form map[string]string, name, value string) map[string]string {
		form = maps.Clone(form)
		if form[name] = value; value == absent {
			delete(form, name)
		}
		return form
	}
	all := []map[string]string{{}, usual}
	for i, name := range names {
		for _, value := range slices.Concat(values[name], []string{absent}) {
			one := with(usual, name, value)
			all = append(all, one)
			for _, other := range names[i+1:] {
				for _, second := range slices.Concat(values[other], []string{absent}) {
					all = append(all, with(one, other, second))
				}
			}
		}
		for _, value := range odd {
			all = append(all, with(usual, name, value))
		}
	}
	return all
}

func TestNoValueOfAnyParameterMakesARoutePanic(t *testing.T) {
	var routes []portal.Route
	for _, room := range portaltest.NewStage().Rooms {
		routes = append(routes, room.Routes()...)
	}
	for _, r := range routes {
		known, there := parameters[r.Pattern]
		if !there {
			t.Errorf("%s: say in this test what it reads", r.Pattern)
			continue
		}
		t.Run(r.Pattern, func(t *testing.T) {
			method, path, _ := strings.Cut(r.Pattern, " ")
			s := portaltest.NewStage() // where much has happened, and more happens
			s.Fill()
			s.Incident("theo.marchand")
			s.SteppedUp = portaltest.Now.Add(-time.Minute)
			for i, form := range sendings(known.values) {
				for _, who := range known.as {
					in := languages[i%len(languages)]
					if said := panicsAt(t, s, who, method, path, form, in); said != "" {
						t.Errorf("%s %v as %s in %s panics: %s", path, form, who, in, said)
					}
				}
			}
		})
	}
}

// panicsAt sends a form, and returns what the rooms panic of; empty when they do
// not.
func panicsAt(t *testing.T, s *portaltest.Stage, who roster.AccountID, method, path string, form map[string]string, in i18n.Language) (said string) {
	t.Helper()
	sent := make(url.Values)
	path = strings.TrimSuffix(path, "{$}")
	for name, value := range form {
		if strings.HasPrefix(name, "{") {
			path = strings.ReplaceAll(path, name, url.PathEscape(value))
		} else {
			sent.Set(name, value)
		}
	}
	target, body := path, sent
	if method == http.MethodGet {
		target, body = path+"?"+sent.Encode(), nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond) // the flow does not end by itself
	defer cancel()
	if !strings.HasSuffix(path, "/flow") {
		ctx = t.Context()
	}
	defer func() {
		if value := recover(); value != nil && value != http.ErrAbortHandler {
			said = fmt.Sprintf("%v\n%s", value, debug.Stack())
		}
	}()
	s.Visits(who, method, target, body)(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil).WithContext(ctx), in)
	return ""
}
