package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"

	"poterne/internal/lab/town/life"
)

// Eight applications that nobody here wrote are used as their users do, with nothing declared of them but a sign-in of
// their own. What learn drafts of it is held against testdata/foreign/people.toml: of the places that are of people, 95 %
// are found, under their category; and none is among what speaks of nobody.
//
// POTERNE_LEARN=10m goes on for so long; without it, each is used for a few people.
//
// Promise: RUN-9
func TestRUN_9_LearnFindsPeopleInApplicationsAndDeclaresNobodyHarmless(t *testing.T) {
	t.Parallel()
	long, _ := time.ParseDuration(os.Getenv("POTERNE_LEARN"))
	text, err := os.ReadFile(filepath.Join("testdata", "foreign", "people.toml"))
	if err != nil {
		t.Fatal(err)
	}
	var people map[string]map[string]ofPeople
	if err := toml.Unmarshal(text, &people); err != nil {
		t.Fatal(err)
	}

	applications := usedApplications(t)
	h := newHouse(t, "foreign", nil)
	var services, then, used strings.Builder
	for _, a := range applications {
		head := fmt.Sprintf("[[service]]\nid = %q\nprefix = \"/%s\"\nupstream = %q\npurpose = \"accompany\"\nlearn = \"accompany\"\n%s\n", a.name, a.name, a.address, a.declared)
		services.WriteString(head)
		then.WriteString(head + a.then)
		fmt.Fprintf(&used, "\n[[account.habilitation]]\nservice = %q\npurpose = \"accompany\"\nuntil = 2099-01-31\n", a.name)
	}
	h.declares(services.String())
	h.entitles(used.String())
	asked, memory := make(map[string]int), 0
	begun := time.Now()
	for half := range 2 {
		if half == 1 {
			h.declares(then.String())
		}
		program := h.serve()
		pauline := h.browser("pauline.mercier")
		for n, began := 0, time.Now(); n < 4 || time.Since(began) < long/2; n++ {
			for _, a := range applications {
				u := &user{h: h, browser: pauline, prefix: "/" + a.name}
				a.use(u, 1+n%12)
				asked[a.name] += u.asked
			}
		}
		memory = max(memory, peak(t, program.cmd.Process.Pid))
		program.stop()
	}

	var table strings.Builder
	places, found := 0, 0
	for _, a := range applications {
		draft := h.poterne("learn", "--config", h.config, "--service", a.name)
		declaresNobodyHarmless(t, draft)
		routes := draftedRoutes(t, draft)
		of, in, harmless := 0, 0, 0
		for _, route := range slices.Sorted(maps.Keys(people[a.name])) {
			drafted := routes[route]
			for _, side := range []struct {
				what         string
				truth, found map[string][]string
			}{{"answer", people[a.name][route].Answer, drafted.answer}, {"sent", people[a.name][route].Sent, drafted.sent}} {
				for category, all := range side.truth {
					for _, place := range all {
						of++
						if slices.Contains(side.found[category], place) {
							in++
						} else {
							t.Logf("%s: not found: %s %s, %s of %s; there are %v", a.name, category, place, side.what, route, side.found)
						}
						if slices.Contains(drafted.listed, place) {
							harmless++
							t.Errorf("%s: %s of %s is among what speaks of nobody:\n%s", a.name, place, route, draft)
						}
					}
				}
			}
		}
		if of == 0 {
			t.Errorf("%s has no people", a.name)
		}
		places, found = places+of, found+in
		fmt.Fprintf(&table, "| %s | %d | %d | %d | %d |\n", a.name, asked[a.name], of, in, harmless)
	}
	t.Logf("%v, %d MB of memory at most\n| application | requests | places of people | found | declared harmless |\n|---|---|---|---|---|\n%s%d of %d", time.Since(begun).Round(time.Second), memory>>10, &table, found, places)
	if found*100 < places*95 {
		t.Errorf("%d of %d places of people were found", found, places)
	}
}

// entitles has the last account of the roster, of which there is one, use other services than it did.
func (h *house) entitles(habilitations string) {
	h.t.Helper()
	before, err := os.ReadFile(filepath.Join(h.dir, "roster.toml"))
	if err != nil {
		h.t.Fatal(err)
	}
	kept, _, _ := strings.Cut(string(before), "\n[[account.habilitation]]")
	h.poterne("roster", "import", "--config", h.config, "--as", "nadia", h.write("roster.toml", kept+habilitations))
}

// ofPeople is where people are in a request and its answer: places by category.
type ofPeople struct{ Answer, Sent map[string][]string }

// usedApplication is one that runs, and what its user does.
type usedApplication struct {
	name     string // as people.toml has it
	address  string
	declared string // its own sign-in
	then     string // what is declared in the second half of what is sent by POST, but for its answer, which is seen where it is refused
	use      func(u *user, n int)
}

// user asks an application through the gate.
type user struct {
	h       *house
	browser *life.Browser
	prefix  string
	asked   int
}

// get asks for pages.
func (u *user) get(paths ...string) {
	for _, path := range paths {
		u.send(http.MethodGet, path, "", "")
	}
}

func (u *user) send(method, path, media, body string, headers ...string) (answer string) {
	u.h.t.Helper()
	request, err := http.NewRequestWithContext(u.h.t.Context(), method, u.h.origin+u.prefix+path, strings.NewReader(body))
	if err != nil {
		u.h.t.Fatal(err)
	}
	if method != http.MethodGet {
		request.Header.Set("Origin", u.h.origin)
		request.Header.Set("Content-Type", media)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	page, err := u.browser.Do(request)
	if err != nil {
		u.h.t.Fatal(err)
	}
	if page.Status != http.StatusForbidden && !strings.HasSuffix(path, "/login") && path != "/" {
		u.h.t.Errorf("%s %s%s is answered with %d", method, u.prefix, path, page.Status)
	}
	u.asked++
	return string(page.Body)
}

// usedApplications starts them all.
func usedApplications(t *testing.T) []usedApplication {
	const jsonMedia, form = "application/json", "application/x-www-form-urlencoded"
	surname := func(n int) string { return []string{"Berthelot", "chastel", "Dumontet", "fourcade"}[n%4] }
	graph := func(u *user, document, variables string) {
		u.send(http.MethodPost, "/", jsonMedia, fmt.Sprintf(`{"query":%q,"variables":%s}`, document, variables))
	}
	envelope := func(u *user, operation, inside string) {
		u.send(http.MethodPost, "/service", "text/xml; charset=utf-8", fmt.Sprintf(`<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/" xmlns:w="urn:example:people"><S:Body><w:%s>%s</w:%s></S:Body></S:Envelope>`, operation, inside, operation), "SOAPAction", `"urn:example:people#`+operation+`"`)
	}
	_, routes := declarationOf(t, "express-admin")
	signIn, _, _ := strings.Cut(routes, "\n[[service.route]]\nget = \"/people\"")
	files, _ := fileServer(t)
	pages, _ := admin(t)
	// undeclared is the rest of a route of which all but the answer is declared.
	const undeclared = "reads = true\nunread = [\"application/pdf\"]\nshows = [\"name\"]\n\n"
	const soap = "[[service.route]]\npost = \"/service\"\noperation = %q\nnamespaces = { p = \"urn:example:people\" }\n"
	const at = "/soap:Envelope/soap:Body/p:"
	const (
		listing = "query List($page: Int, $filter: PersonFilter) { allPeople(page: $page, perPage: 10, filter: $filter) { id firstName lastName birthDate email phone city children } }"
		person  = "query Person($id: ID!) { Person(id: $id) { id firstName lastName birthDate email phone } }"
		letters = "query Letters { allLetters { id title text people_id } }"
		update  = "mutation Update($id: ID!, $phone: String) { updatePerson(id: $id, phone: $phone) { id phone } }"
	)
	graphRoute := func(document, members, list string) string {
		return fmt.Sprintf("[[service.route]]\npost = \"/\"\ndocument = %q\n%sjson = { row = \"$.data.%s\", person = { dossier = \"@.id\" }, fields = { identifier = \"@.id\" } }\n\n", document, members, list)
	}
	return []usedApplication{
		{"jsonapi-server", contacts(t), "", "", func(u *user, n int) {
			u.get("/rest/people", "/rest/people?filter[lastName]="+surname(n), "/rest/people/"+foreigner(n), "/rest/notes?include=author")
			u.send(http.MethodPatch, "/rest/people/"+foreigner(n), "application/vnd.api+json", fmt.Sprintf(`{"data":{"type":"people","id":%q,"attributes":{"phone":"06 39 98 77 %02d"}}}`, foreigner(n), n))
		}},
		{"json-server", jsonServer(t), "", "", func(u *user, n int) {
			id := strconv.Itoa(100 + n)
			u.get("/users", "/users?_page=1&_limit=5", "/users?q="+surname(n), "/users?name_like="+surname(n), "/users/"+id, "/contracts?userId="+id)
			u.send(http.MethodPatch, "/users/"+id, jsonMedia, `{"phone":"01 99 00 12 34"}`)
			u.send(http.MethodPost, "/users", jsonMedia, `{"name":"Elsa Fourcade","email":"elsa@courriel.example","nir":"990029900100134"}`)
		}},
		{"nginx", nginx(t), "", "", func(u *user, n int) { u.get("/people.html", "/people.csv") }},
		{"json-graphql-server", graphServer(t), "", graphRoute(listing, "members = [\"$.variables.page\", \"$.variables.filter.q\"]\n", "allPeople") + graphRoute(letters, "", "allLetters"), func(u *user, n int) {
			graph(u, listing, fmt.Sprintf(`{"page":0,"filter":{"q":%q}}`, surname(n)))
			graph(u, person, fmt.Sprintf(`{"id":%q}`, foreigner(n)))
			graph(u, letters, `{}`)
			graph(u, update, fmt.Sprintf(`{"id":%q,"phone":"06 39 98 77 %02d"}`, foreigner(n), n))
		}},
		{"soap", soapServer(t), "", fmt.Sprintf(soap+"members = [\""+at+"findRequest/p:city\", \""+at+"findRequest/p:page\"]\nreads = true\nunread = [\"application/pdf\"]\n\n", "findRequest") +
			fmt.Sprintf(soap+"request = { xml = { dossier = \""+at+"getRequest/p:id\" } }\n"+undeclared, "getRequest") +
			fmt.Sprintf(soap+"request = { xml = { dossier = \""+at+"updateRequest/p:id\" } }\nwritten = { contact = \""+at+"updateRequest/p:phone\" }\nunread = [\"application/pdf\"]\nshows = [\"name\"]\n\n", "updateRequest"), func(u *user, n int) {
			envelope(u, "findRequest", "<w:city>Vire</w:city><w:page>1</w:page>")
			envelope(u, "getRequest", "<w:id>"+foreigner(n)+"</w:id>")
			envelope(u, "updateRequest", fmt.Sprintf("<w:id>%s</w:id><w:phone>06 39 98 77 %02d</w:phone>", foreigner(n), n))
		}},
		{"fhir", fhirServer(t), "", "", func(u *user, n int) {
			u.get("/4_0_1/Patient?_count=20", "/4_0_1/Patient?family="+surname(n), "/4_0_1/Patient/"+foreigner(n), "/4_0_1/Observation?patient="+foreigner(n), "/4_0_1/Observation/"+foreigner(50+n%10))
		}},
		{"express-admin", pages, "cookies = [\"express-admin\", \"lang\"]\n" + signIn, "", func(u *user, n int) {
			page := u.send(http.MethodGet, "/login", "", "")
			u.send(http.MethodPost, "/login", form, url.Values{"_csrf": {csrf(page)}, "username": {"clerk"}, "password": {"clerk of Valbourg"}}.Encode())
			u.get("/people?p=1", "/people/"+foreigner(n))
			columns := "view[people][records][0][columns]"
			u.send(http.MethodPost, "/people/"+foreigner(n), form, url.Values{
				"_csrf": {"x"}, "view[people][records][0][pk]": {foreigner(n)}, columns + "[id]": {foreigner(n)}, columns + "[first_name]": {"Denis"}, columns + "[last_name]": {surname(n)},
				columns + "[birth]": {"1953-03-13"}, columns + "[email]": {"contact3@boite.example"}, columns + "[phone]": {"06 39 98 10 03"}, columns + "[note]": {"Came to the desk."}, "action[save]": {""},
			}.Encode())
		}},
		{"hfs", files, "", "", func(u *user, n int) {
			folder := "/people/" + foreigner(n) + "/"
			u.get("/people/", folder, folder+"letter.pdf", "/~/frontend/fontello.css", "/~/api/get_file_list?uri=/people/")
			for _, uri := range []string{"/people/", folder} {
				u.send(http.MethodGet, "/~/api/get_file_list?uri="+uri, "", "", "Accept", "text/event-stream")
			}
		}},
	}
}

// draftedRoute is what learn made of one route: places by category, and those that would pass as nobody's.
type draftedRoute struct {
	answer, sent map[string][]string
	listed       []string
}

// mayBe is what learn says of a name that it does not declare.
var mayBe = regexp.MustCompile(`^# (?:query|form|members) ("(?:[^"\\]|\\.)*") (?:may say of a person:|looks like) ([a-z-]+)`)

// draftedRoutes reads a draft, by "METHOD /path operation".
func draftedRoutes(t *testing.T, draft string) map[string]draftedRoute {
	t.Helper()
	all := make(map[string]draftedRoute)
	for _, text := range strings.Split(draft, "[[service.route]]\n")[1:] {
		var route struct {
			Get, Post, Path, Operation, Document string
			Methods, Query, Form, Members        []string
			Request                              map[string]map[string]any
			Written                              map[string]any
			JSON, HTML, XML, CSV                 draftedAnswer
			Events                               struct{ Of map[string]draftedAnswer }
		}
		text = strings.ReplaceAll(text, "[[service.route.", "[[")
		text = strings.ReplaceAll(text, "[service.route.", "[")
		if err := toml.Unmarshal([]byte(text), &route); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		operation := route.Operation
		if words := strings.FieldsFunc(route.Document, func(r rune) bool { return r == ' ' || r == '(' }); len(words) > 1 {
			operation = words[1]
		}
		name := ""
		switch {
		case route.Get != "":
			name = "GET " + route.Get
		case route.Post != "":
			name = "POST " + route.Post
		default:
			name = route.Methods[0] + " " + route.Path
		}
		name = strings.TrimSpace(name + " " + operation)
		if _, twice := all[name]; twice {
			t.Errorf("%s is drafted twice:\n%s", name, draft)
		}
		r := draftedRoute{answer: make(map[string][]string), sent: make(map[string][]string), listed: slices.Concat(route.Query, route.Form, route.Members)}
		for _, of := range route.Request {
			for _, names := range of {
				r.sent["identifier"] = append(r.sent["identifier"], several(names)...)
			}
		}
		for category, names := range route.Written {
			r.sent[category] = append(r.sent[category], several(names)...)
		}
		for line := range strings.Lines(text) {
			if said := mayBe.FindStringSubmatch(line); said != nil {
				name, err := strconv.Unquote(said[1])
				if err != nil {
					t.Fatal(err)
				}
				r.sent[said[2]] = append(r.sent[said[2]], name)
			}
		}
		route.JSON.add(r.answer, func(row, place string) string { return row + strings.TrimPrefix(place, "@") })
		route.HTML.add(r.answer, func(row, place string) string { return row + " " + place })
		route.XML.add(r.answer, func(row, place string) string { return row + "/" + place })
		route.CSV.add(r.answer, func(_, place string) string { return place })
		for _, one := range route.Events.Of {
			one.add(r.answer, func(row, place string) string { return row + strings.TrimPrefix(place, "@") })
		}
		all[name] = r
	}
	return all
}

// draftedAnswer is where people are in one kind of answer.
type draftedAnswer struct {
	People []struct {
		Row    string
		Fields map[string]any
	}
	Fields map[string]any // of a file with columns
}

func (d draftedAnswer) add(to map[string][]string, place func(row, place string) string) {
	for category, places := range d.Fields {
		to[category] = append(to[category], several(places)...)
	}
	for _, people := range d.People {
		for category, places := range people.Fields {
			for _, one := range several(places) {
				to[category] = append(to[category], place(people.Row, one))
			}
		}
	}
}

// several is one text of TOML, or a list of them.
func several(value any) (all []string) {
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		for _, one := range value {
			all = append(all, fmt.Sprint(one))
		}
	}
	return all
}

// peak is how much memory a process had at most, in KB.
func peak(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	line, _, _ := strings.Cut(after, "kB")
	kb, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return kb
}

// graphServer starts json-graphql-server over testdata's invented people, and returns its address.
func graphServer(t *testing.T) (address string) {
	program := npm(t, "json-graphql-server", "3.3.2", filepath.Join("bin", "json-graphql-server.cjs"))
	port := freePort(t)
	data, err := filepath.Abs(filepath.Join("testdata", "foreign", "graph.cjs"))
	if err != nil {
		t.Fatal(err)
	}
	neighbour(t, exec.Command("node", program, data, "-h", "127.0.0.1", "-p", fmt.Sprint(port)), port)
	return fmt.Sprintf("http://127.0.0.1:%d", port)
}

// soapServer starts a service of SOAP over testdata's invented people, and returns its address.
func soapServer(t *testing.T) (address string) {
	return script(t, "soap.cjs", filepath.Dir(npm(t, "soap", "1.13.0", "package.json")))
}

// fhirServer starts a server of FHIR over testdata's invented patients, and returns its address.
func fhirServer(t *testing.T) (address string) {
	return script(t, "fhir.cjs", filepath.Dir(npm(t, "@asymmetrik/node-fhir-server-core", "2.2.5", "package.json")))
}

// script starts one of testdata's applications over a package, and returns its address.
func script(t *testing.T, name, folder string) (address string) {
	t.Helper()
	port := freePort(t)
	neighbour(t, exec.Command("node", filepath.Join("testdata", "foreign", name), folder, fmt.Sprint(port)), port)
	return fmt.Sprintf("http://127.0.0.1:%d", port)
}
