package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"

	"poterne/internal/lab/town/life"
)

// An application that nobody here wrote, met as a newcomer meets it: everything of it is
// refused, what it looks like is learnt, the draft has its people, and what docs/foreign.md
// made of the draft guards it and lets its user work.
//
// Promises: RUN-9, RUN-2
func TestRUN_9_WhatIsLearntOfAnApplicationGuardsIt(t *testing.T) {
	t.Parallel()
	application := contacts(t)
	const upstream = "http://127.0.0.1:3000"
	h := newHouse(t, "foreign", map[string]string{upstream: application})
	h.takeFacts("caseloads", filepath.Join("testdata", "foreign", "caseloads.csv"))
	person := func(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-9000000000%02d", n) }

	t.Log("Nothing is declared: what is asked for is refused, and learnt from.")
	program := h.serve()
	pauline := h.browser("pauline.mercier")
	for _, path := range []string{"/people", "/people/" + person(3), "/people/" + person(4), "/notes?include=author"} {
		if !strings.Contains(directly(t, application+"/rest"+path), "boite.example") {
			t.Fatalf("the application itself shows nobody at %s", path)
		}
		page := h.get(pauline, "/contacts/rest"+path)
		if page.Status != http.StatusForbidden || strings.Contains(string(page.Body), "boite.example") {
			t.Fatalf("%s: %d\n%s", path, page.Status, page.Body)
		}
	}
	if status, _ := patch(t, h, pauline, person(3), "06 39 98 77 77"); status != http.StatusForbidden {
		t.Errorf("a change that nobody declared is answered with %d", status)
	}
	program.stop()
	draft := h.poterne("learn", "--config", h.config)

	t.Run("the draft", func(t *testing.T) {
		found, all := 0, 0
		for _, of := range []struct {
			get, row, inside string
			more             []string
		}{
			{"/rest/people", "$.data[*]", "@", nil},
			{"/rest/people/{id}", "$", "@.data", nil},
			{"/rest/notes", "$.included[*]", "@", nil},
			{"/rest/notes", "$.data[*]", "@", []string{"note attributes.text", "identifier id", "identifier relationships.author.data.id"}},
		} {
			fields := of.more
			if fields == nil {
				fields = []string{"name attributes.firstName", "name attributes.lastName", "birth attributes.birthDate", "nir attributes.nir", "contact attributes.email", "contact attributes.phone", "identifier id"}
			}
			for _, field := range fields {
				all++
				category, path, _ := strings.Cut(field, " ")
				if slices.Contains(drafted(t, draft, of.get, of.row, category), of.inside+"."+path) {
					found++
				} else {
					t.Logf("not found: %s of %s in %s", field, of.row, of.get)
				}
			}
		}
		if t.Logf("%d of %d fields of people were found", found, all); found*100 < all*95 {
			t.Errorf("%d of %d fields of people were found:\n%s", found, all, draft)
		}
		for line := range strings.Lines(draft) {
			if said, _, _ := strings.Cut(line, "#"); strings.Contains(said, "plain") || strings.Contains(said, "static") || strings.Contains(said, "unread") || strings.Contains(said, "shows") {
				t.Errorf("learn declares by itself: %s", line)
			}
		}
	})

	page, err := os.ReadFile(filepath.Join("..", "docs", "foreign.md"))
	if err != nil {
		t.Fatal(err)
	}
	declaration := string(tomlBlock.FindSubmatch(page)[1])
	t.Run("what was made of it", func(t *testing.T) {
		_, routes, _ := strings.Cut(declaration, "\n\n")
		total, kept := 0, 0
		for line := range strings.Lines(routes) {
			line = strings.TrimSpace(line)
			if line == "" {
				continue
			}
			if total++; strings.Contains(draft, line+"\n") || strings.Contains(draft, line+" #") {
				kept++
			} else {
				t.Logf("by hand: %s", line)
			}
		}
		t.Logf("%d lines, of which %d were drafted", total, kept)
		if total > 60 || kept*100 < total*80 {
			t.Errorf("%d lines, of which %d were drafted:\n%s", total, kept, draft)
		}
	})

	t.Log("From now on it is declared.")
	text, err := os.ReadFile(h.config)
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(text), "\n[[service]]")
	h.write("poterne.toml", before+"\n"+strings.NewReplacer(upstream, application, `id = "contacts"`, `id = "people"`).Replace(declaration))
	h.serve()
	pauline = h.browser("pauline.mercier")

	var list struct {
		Data []struct {
			ID, Type   string
			Attributes map[string]any
		}
	}
	h.readJSON(pauline, "/contacts/rest/people", &list)
	if len(list.Data) != 4 { // two of her own, two strangers
		t.Errorf("%d people are shown", len(list.Data))
	}
	for _, one := range list.Data {
		if nir, there := one.Attributes["nir"]; !there || nir != nil || one.Attributes["email"] == nil || one.Type != "people" {
			t.Errorf("somebody is shown as %v", one)
		}
	}
	if body := string(h.received(pauline, "/contacts/rest/people/"+person(40))); !strings.Contains(body, "contact40@boite.example") || strings.Contains(body, "nir") {
		t.Errorf("one of her own is shown as %s", body)
	}
	h.refused(pauline, "/contacts/rest/people/"+person(20))
	if body := string(h.received(pauline, "/contacts/rest/notes?include=author")); strings.Count(body, "Came to the desk") != 1 || strings.Count(body, "@boite.example") != 3 || !strings.Contains(body, "contact3@") {
		t.Errorf("the notes are %s", body) // of strangers nobody is shown what was written freely
	}
	if status, body := patch(t, h, pauline, person(40), "06 39 98 77 77"); status != http.StatusOK || !strings.Contains(directly(t, application+"/rest/people/"+person(40)), "06 39 98 77 77") {
		t.Errorf("saving is answered with %d: %s", status, body)
	}
	if status, _ := patch(t, h, pauline, person(20), "06 39 98 77 77"); status != http.StatusForbidden || strings.Contains(directly(t, application+"/rest/people/"+person(20)), "06 39 98 77 77") {
		t.Errorf("a stranger is written over: %d", status)
	}
	h.verified()
}

// drafted are the places of a category in a row of a drafted route.
func drafted(t *testing.T, draft, get, row, category string) (places []string) {
	t.Helper()
	var tree struct {
		Service struct {
			Route []struct {
				Get  string
				JSON struct {
					People []struct {
						Row    string
						Fields map[string]any
					}
				}
			}
		}
	}
	if err := toml.Unmarshal([]byte(draft), &tree); err != nil {
		t.Fatalf("%v\n%s", err, draft)
	}
	for _, route := range tree.Service.Route {
		for _, people := range route.JSON.People {
			if route.Get != get || people.Row != row {
				continue
			}
			switch at := people.Fields[category].(type) {
			case string:
				places = append(places, at)
			case []any:
				for _, one := range at {
					places = append(places, fmt.Sprint(one))
				}
			}
		}
	}
	return places
}

// patch changes somebody's telephone number as a client of JSON:API does.
func patch(t *testing.T, h *house, b *life.Browser, person, phone string) (status int, body []byte) {
	t.Helper()
	sent, err := json.Marshal(map[string]any{"data": map[string]any{"type": "people", "id": person, "attributes": map[string]string{"phone": phone}}})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, h.origin+"/contacts/rest/people/"+person, strings.NewReader(string(sent)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Origin", h.origin)
	request.Header.Set("Content-Type", "application/vnd.api+json")
	page, err := b.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	return page.Status, page.Body
}

// contacts starts jsonapi-server over testdata's invented people, and returns its address.
func contacts(t *testing.T) (address string) {
	manifest := npm(t, "jsonapi-server", "4.2.0", "package.json")
	port := freePort(t)
	neighbour(t, exec.Command("node", filepath.Join("testdata", "foreign", "contacts.cjs"), filepath.Dir(manifest), fmt.Sprint(port)), port)
	address = fmt.Sprintf("http://127.0.0.1:%d", port)
	for range 600 { // it listens before it knows its people
		answer, err := http.Get(address + "/rest/people")
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return address
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("the contacts are not there")
	return ""
}
