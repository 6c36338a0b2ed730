package httpgate_test

import (
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	parsed "golang.org/x/net/html"

	"poterne/internal/gate/content"
	"poterne/internal/gate/httpgate"
	"poterne/internal/gate/network"
	"poterne/internal/i18n"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// files is an application that stores whatever it is sent, and shows each person's
// file as a form to edit.
type files struct {
	mu      sync.Mutex
	stored  map[string]url.Values // by person
	partial bool                  // what is not sent is left alone, otherwise emptied
}

// before is what is stored of everybody at first.
var before = url.Values{
	"id": {"p1"}, "name": {"‹p1›"}, "phone": {"01 99 00 00 01"}, "mail": {""}, "street": {"1 rue Basse"}, "nir": {"9 99 99"},
	"family": {"two"}, "health": {"yes"}, "rights": {"full"}, "text": {"seen on Monday"}, "tier": {"b"},
}

func (f *files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	who := strings.Split(r.URL.Path, "/")[2]
	if f.stored[who] == nil {
		f.stored[who] = maps.Clone(before)
		f.stored[who]["id"], f.stored[who]["name"] = []string{who}, []string{"‹" + who + "›"}
	}
	file := f.stored[who]
	w.Header().Set("Content-Type", "text/html")
	if r.Method == http.MethodPost {
		_ = r.ParseForm()
		for field := range before {
			if sent, there := r.PostForm[field]; there || !f.partial {
				file[field] = sent
			}
		}
		_, _ = fmt.Fprint(w, "<!DOCTYPE html><h1>Saved</h1>")
		return
	}
	is := func(field, value, word string) string {
		if file.Get(field) == value {
			return " " + word
		}
		return ""
	}
	text := func(field string) string { return html.EscapeString(file.Get(field)) }
	_, _ = fmt.Fprintf(w, `<!DOCTYPE html><h1>Edit</h1><form method="post" class="person" data-id="%s">
<input type="hidden" name="id" value="%[1]s"><input name="name" value="%s">
<input type="tel" name="phone" value="%s"><input type="email" name="mail" value="%s"><textarea name="street">%s</textarea>
<input type="hidden" name="nir" value="%s">
<select name="family"><option value="one"%s>One</option><option value="two"%s>Two</option></select>
<input type="checkbox" name="health" value="yes"%s>
<input type="radio" name="rights" value="none"%s><input type="radio" name="rights" value="full"%s>
<textarea name="text">%s</textarea>
<select name="tier"><option>a</option><option%s>b</option></select>
<button>Save</button></form>`,
		who, text("name"), text("phone"), text("mail"), text("street"), text("nir"), is("family", "one", "selected"), is("family", "two", "selected"),
		is("health", "yes", "checked"), is("rights", "none", "checked"), is("rights", "full", "checked"), text("text"), is("tier", "b", "selected"))
}

// of is what is stored of somebody.
func (f *files) of(who string) url.Values {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.stored[who])
}

// editing are the routes of a form, for a purpose: what it shows, and what saving it
// writes.
func editing(purpose roster.Purpose, partial bool) []httpgate.Route {
	at := func(field register.Fields, path, attribute string) content.Part {
		return content.Part{Field: field, Path: path, Attribute: attribute}
	}
	form := httpgate.Route{
		Path: "/files/{id}/edit", Kind: httpgate.People, Purpose: purpose,
		Request: []httpgate.Naming{{In: httpgate.InPath, Name: "id", Scheme: "dossier"}},
		Answers: []httpgate.Answer{{Layout: content.Layout{
			Format: content.HTML, Plain: []string{"h1", "form", "input", "textarea", "select", "option", "button"},
			People: []content.Group{{
				Row: "form.person", Person: []content.Naming{{Scheme: "dossier", Attribute: "data-id"}},
				Fields: []content.Part{
					at(register.Name, "input[name=name]", "value"), at(register.Contact, "input[name=phone]", "value"), at(register.Contact, "input[name=mail]", "value"),
					at(register.Contact, "textarea[name=street]", ""), at(register.NIR, "input[name=nir]", "value"), at(register.Family, "select[name=family] option", "selected"),
					at(register.Health, "input[name=health]", "checked"), at(register.Benefit, "input[name=rights]", "checked"),
				},
			}},
		}}},
	}
	save := form
	save.Methods, save.Partial = []string{"POST"}, partial
	save.Request = append(slices.Clone(form.Request), httpgate.Naming{In: httpgate.InForm, Name: "id", Scheme: "dossier"})
	save.Answers = []httpgate.Answer{{Layout: content.Layout{Format: content.HTML, Plain: []string{"h1"}}}}
	save.Form, save.Writes = []string{"tier"}, register.Note
	save.Written = []httpgate.Writing{
		{Name: "name", Field: register.Name},
		{Name: "phone", Field: register.Contact},
		{Name: "mail", Field: register.Contact},
		{Name: "street", Field: register.Contact},
		{Name: "nir", Field: register.NIR},
		{Name: "family", Field: register.Family},
		{Name: "health", Field: register.Health, Optional: true},
		{Name: "rights", Field: register.Benefit},
		{Name: "text", Field: register.Note},
	}
	return []httpgate.Route{form, save}
}

// sends is what a browser sends of the form in a page, when nobody touches it.
func sends(t *testing.T, page string) url.Values {
	t.Helper()
	document, err := parsed.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	sent := url.Values{}
	has := func(n *parsed.Node, name string) (value string, there bool) {
		for _, a := range n.Attr {
			if a.Key == name {
				return a.Val, true
			}
		}
		return "", false
	}
	var text func(n *parsed.Node) string
	text = func(n *parsed.Node) (all string) {
		if n.Type == parsed.TextNode {
			return n.Data
		}
		for c := range n.ChildNodes() {
			all += text(c)
		}
		return all
	}
	for n := range document.Descendants() {
		name, _ := has(n, "name")
		_, disabled := has(n, "disabled")
		if n.Type != parsed.ElementNode || name == "" || disabled {
			continue
		}
		value, valued := has(n, "value")
		switch kind, _ := has(n, "type"); {
		case n.Data == "textarea":
			sent.Add(name, text(n))
		case n.Data == "input" && (kind == "checkbox" || kind == "radio"):
			if _, checked := has(n, "checked"); checked && !valued {
				sent.Add(name, "on")
			} else if checked {
				sent.Add(name, value)
			}
		case n.Data == "input":
			sent.Add(name, value)
		case n.Data == "select":
			var chosen *parsed.Node
			for option := range n.Descendants() {
				if _, selected := has(option, "selected"); option.Data == "option" && (chosen == nil || selected) {
					chosen = option
				}
			}
			if chosen == nil {
				continue
			}
			if value, valued = has(chosen, "value"); !valued {
				value = text(chosen)
			}
			sent.Add(name, value)
		}
	}
	return sent
}

func newEditing(t *testing.T, purpose roster.Purpose, partial bool) (*world, *files) {
	t.Helper()
	w, app := newWorld(t, editing(purpose, partial)...), &files{stored: map[string]url.Values{}, partial: partial}
	w.app = app.ServeHTTP
	return w, app
}

const asForm = "application/x-www-form-urlencoded"

// Whoever edits a file of which something is masked, and saves it, harms nothing of
// what they did not see: what is masked is not among what the form sends, whatever
// kind of field it has, and what they changed is changed.
//
// Promises: SCOPE-10, SCOPE-5
func TestSCOPE_10_SavingAFormLeavesWhatWasMasked(t *testing.T) {
	w, app := newEditing(t, "write", true)
	page := w.get("/files/p1/edit")
	if page.status != http.StatusOK {
		t.Fatal(page)
	}
	for _, hidden := range []string{"01 99", "rue Basse", "9 99", "selected=\"\" value=\"two\"", "checked", `name="phone"`, `name="nir"`} {
		if strings.Contains(page.body, hidden) {
			t.Errorf("%q went out:\n%s", hidden, page.body)
		}
	}
	for _, want := range []string{content.Mask, `name="text"`, `name="tier"`, `disabled=""`} {
		if !strings.Contains(page.body, want) {
			t.Errorf("no %q in:\n%s", want, page.body)
		}
	}
	sent := sends(t, page.body)
	if got := sent.Get("text"); got != "seen on Monday" || sent.Get("tier") != "b" {
		t.Errorf("what may be seen is not sent: %v", sent)
	}
	sent.Set("text", "seen on Tuesday")
	if saved := w.post("/files/p1/edit", asForm, sent.Encode()); saved.status != http.StatusOK {
		t.Errorf("saving %v: %v", sent, saved)
	}
	want := maps.Clone(before)
	want["text"] = []string{"seen on Tuesday"}
	for field, value := range app.of("p1") {
		if !slices.Equal(value, want[field]) {
			t.Errorf("%s is stored as %q, was %q", field, value, want[field])
		}
	}

	t.Log("Whatever the browser sends all the same is refused, and says why.")
	asked := w.times()
	for field, why := range map[string]policy.Why{"phone=": policy.NotToBeChanged, "phone=•••": policy.Overwrites, "phone=0": policy.NotToBeChanged, "text=•••": policy.Overwrites, "nir=": policy.NotToBeChanged, "family=one": policy.NotToBeChanged} {
		name, value, _ := strings.Cut(field, "=")
		w.refused(w.post("/files/p1/edit", asForm, url.Values{"id": {"p1"}, name: {value}}.Encode()), why)
		for _, language := range []i18n.Language{i18n.French, i18n.English} {
			said := language.Sentence(policy.Ruling{Verdict: policy.Refused, Why: why})
			if !strings.Contains(said, map[i18n.Language]string{i18n.French: "données que vous ne voyez pas", i18n.English: "data that you do not see"}[language]) && why == policy.Overwrites || said == "" {
				t.Errorf("%v is told as %q", why, said)
			}
		}
	}
	if w.times() != asked {
		t.Error("the application was asked")
	}
}

// What may be seen is sent as the application wrote it, and so is a field that is
// simply empty.
func TestSCOPE_10_WhatMayBeSeenIsSentAsItWas(t *testing.T) {
	w, app := newEditing(t, "all", false)
	w.get("/files/p1/edit")
	w.asksNIR()
	page := w.get("/files/p1/edit")
	if strings.Contains(page.body, content.Mask) || strings.Contains(page.body, "disabled") {
		t.Errorf("something is masked:\n%s", page.body)
	}
	if saved := w.post("/files/p1/edit", asForm, sends(t, page.body).Encode()); saved.status != http.StatusOK {
		t.Errorf("saving: %v", saved)
	}
	if stored := app.of("p1"); !maps.EqualFunc(stored, before, slices.Equal) {
		t.Errorf("stored is %v, was %v", stored, before)
	}
}

// A form that was masked for want of a step-up lacks what was masked. Once the step-up
// is made the account may change it, and the old form would empty it: it is refused,
// since the application takes what is not sent for empty.
func TestSCOPE_10_AFormFromBeforeATouchErasesNothing(t *testing.T) {
	names := list()
	names.Path, names.Query = "/names", nil
	routes := append(editing("all", false), names)
	w, app := newWorld(t, routes...), &files{stored: map[string]url.Values{}}
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/names" {
			app.ServeHTTP(rw, r)
			return
		}
		rw.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(rw, `[{"id":"p20","name":"‹p20›"},{"id":"p21","name":"‹p21›"},{"id":"p22","name":"‹p22›"}]`)
	}
	if g := w.get("/names"); g.status != http.StatusOK {
		t.Fatal(g)
	}
	page := w.get("/files/p20/edit")
	if page.status != http.StatusOK || !strings.Contains(page.body, "‹p20›") || strings.Contains(page.body, "01 99") {
		t.Fatalf("not masked for want of a step-up: %v", page)
	}
	old := sends(t, page.body)
	w.refused(w.post("/files/p20/edit", asForm, old.Encode()), policy.Overwrites)
	filled := maps.Clone(old)
	for _, field := range []string{"phone", "mail", "street", "nir", "family", "rights", "text"} {
		filled[field] = []string{""}
	}
	w.refused(w.post("/files/p20/edit", asForm, filled.Encode()), policy.ShortEmpty)
	if err := w.gate.StepUp(t.Context(), account, "s1", "", network.Elsewhere); err != nil {
		t.Fatal(err)
	}
	w.refused(w.post("/files/p20/edit", asForm, old.Encode()), policy.Overwrites)
	w.refused(w.post("/files/p20/edit", asForm, ""), policy.Overwrites)
	stored := app.of("p20")
	for _, field := range []string{"phone", "street", "nir", "family", "health", "rights", "text"} {
		if !slices.Equal(stored[field], before[field]) {
			t.Errorf("%s is stored as %q, was %q", field, stored[field], before[field])
		}
	}
	w.get("/files/p20/edit")
	w.asksNIR()
	page = w.get("/files/p20/edit")
	now := sends(t, page.body)
	now.Set("phone", "02 99")
	if saved := w.post("/files/p20/edit", asForm, now.Encode()); saved.status != http.StatusOK || app.of("p20").Get("phone") != "02 99" {
		t.Errorf("after the step-up, the new form: %v", saved)
	}
}

// What a form shows of a category and what saving it takes under the same name are
// one thing: the route says that it writes the category, or its service is not
// guarded.
func TestSCOPE_10_WhatAFormShowsItsSavingWrites(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct {
		change func(form, save *httpgate.Route)
		want   string
	}{
		"as it is": {func(_, _ *httpgate.Route) {}, ""},
		"a field that nobody says writes anything": {func(_, save *httpgate.Route) {
			save.Written = save.Written[2:]
			save.Form = append(save.Form, "name", "phone")
		}, `form: POST /files/{id}/edit takes "phone", which is contact on /files/{id}/edit`},
		"under writes": {func(_, save *httpgate.Route) {
			save.Written = save.Written[2:]
			save.Form, save.Writes = append(save.Form, "name", "phone"), register.Note|register.Name|register.Contact
		}, ""},
		"another category": {func(_, save *httpgate.Route) { save.Written[4].Field = register.Name }, `form: POST /files/{id}/edit takes "nir", which is nir on /files/{id}/edit`},
		"a field without a name": {func(form, _ *httpgate.Route) {
			form.Answers[0].Layout.People[0].Fields[1].Path = "#phone"
		}, `answers[0]: "#phone" is a field of a form; say under which name it is sent`},
		"an attribute that is no field's": {func(form, _ *httpgate.Route) {
			form.Answers[0].Layout.People[0].Fields[1] = content.Part{Field: register.Contact, Path: "td > data", Attribute: "value"}
		}, ""},
		"nothing is saved": {func(form, save *httpgate.Route) {
			form.Answers[0].Layout.People[0].Fields[1].Path = "#phone"
			*save = list()
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			routes := editing("all", true)
			test.change(&routes[0], &routes[1])
			_, err := httpgate.New([]httpgate.Service{w.service(routes...)}, w.dependencies(t))
			if said := fmt.Sprint(err); test.want == "" && err != nil || !strings.Contains(said, test.want) {
				t.Errorf("it says %q, want %q", said, test.want)
			}
		})
	}
}
