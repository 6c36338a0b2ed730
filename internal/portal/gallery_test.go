package portal_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"

	"poterne/internal/i18n"
	"poterne/internal/portal/portaltest"
)

// shown is one page of the gallery in one language, which is looked at and not changed.
type shown struct {
	name   string
	in     i18n.Language
	answer *http.Response
	page   *html.Node
	raw    string
	err    error
}

// gallery is every page of it in each language, written once for all who look.
var gallery = sync.OnceValue(func() (all []shown) {
	for name, scene := range Scenes() {
		for _, in := range languages {
			answer := httptest.NewRecorder()
			scene(answer, httptest.NewRequest(http.MethodGet, "/dossier/files/1", nil), in)
			raw := answer.Body.String()
			page, err := html.Parse(strings.NewReader(raw))
			all = append(all, shown{name, in, answer.Result(), page, raw, err})
		}
	}
	return all
})

// every runs check on each page of the gallery, in both languages.
func every(t *testing.T, check func(t *testing.T, in i18n.Language, answer *http.Response, page *html.Node, raw string)) {
	t.Helper()
	for _, one := range gallery() {
		t.Run(one.name+"/"+string(one.in), func(t *testing.T) {
			if one.err != nil {
				t.Fatal(one.err)
			}
			check(t, one.in, one.answer, one.page, one.raw)
		})
	}
}

func TestEveryPageIsOnePageInOneLanguage(t *testing.T) {
	every(t, func(t *testing.T, in i18n.Language, answer *http.Response, page *html.Node, raw string) {
		root := portaltest.All(page, "html")[0]
		if portaltest.Attr(root, "lang") != string(in) || answer.Header.Get("Content-Language") != string(in) {
			t.Errorf("the page says it is in %q", portaltest.Attr(root, "lang"))
		}
		if titles := portaltest.All(page, "title"); len(titles) == 0 || len(portaltest.Text(titles[0])) <= len(" · Poterne") {
			t.Error("the page has no title")
		}
		if h1 := portaltest.All(page, "h1"); len(h1) != 1 || portaltest.Text(h1[0]) == "" {
			t.Errorf("the page has %d first headings", len(h1))
		}
		raw = strings.ReplaceAll(raw, "GET /files/{dossier}", "") // a route is declared like that
		if strings.Contains(raw, "{") || strings.Contains(raw, "ZgotmplZ") || strings.Contains(raw, "no value") {
			t.Error("a word or a value was left out")
		}
	})
}

// French counts nothing in the singular: a heading that writes its singular as a word must not be said of nothing.
func TestNoEmptyPageIsHeadedByACount(t *testing.T) {
	for _, one := range gallery() {
		if strings.HasSuffix(one.name, "-empty") {
			heading := portaltest.Text(portaltest.All(one.page, "h1")[0])
			if first, _, _ := strings.Cut(heading, " "); first == "Un" || first == "Une" || first == "One" || first == "0" {
				t.Errorf("%s/%s: nothing is there, and the page is headed %q", one.name, one.in, heading)
			}
		}
	}
}

func TestHeadingsComeInOrder(t *testing.T) {
	every(t, func(t *testing.T, _ i18n.Language, _ *http.Response, page *html.Node, _ string) {
		last := 0
		for _, h := range portaltest.All(page, "h1", "h2", "h3", "h4") {
			if level := int(h.Data[1] - '0'); level > last+1 {
				t.Errorf("%q is a heading of level %d after one of level %d", portaltest.Text(h), level, last)
			} else {
				last = level
			}
		}
	})
}

func TestNothingIsInline(t *testing.T) {
	every(t, func(t *testing.T, _ i18n.Language, answer *http.Response, page *html.Node, _ string) {
		for n := range page.Descendants() {
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
					t.Errorf("<%s> has an inline %s", n.Data, a.Key)
				}
			}
		}
		for _, n := range portaltest.All(page, "script", "style") {
			if n.Data == "style" || n.FirstChild != nil || portaltest.Attr(n, "src") == "" {
				t.Errorf("there is an inline <%s>", n.Data)
			}
		}
		policy := answer.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("Content-Security-Policy: %s", policy)
		}
		if answer.Header.Get("Cache-Control") != "no-store" {
			t.Error("the page may be kept by a cache")
		}
	})
}

func TestEveryFieldHasItsLabelAndEveryNameIsUnique(t *testing.T) {
	every(t, func(t *testing.T, _ i18n.Language, _ *http.Response, page *html.Node, _ string) {
		ids := make(map[string]bool)
		for n := range page.Descendants() {
			if id := portaltest.Attr(n, "id"); id != "" {
				if ids[id] {
					t.Errorf("two elements are called %q", id)
				}
				ids[id] = true
			}
		}
		labelled := make(map[string]bool)
		for _, label := range portaltest.All(page, "label") {
			labelled[portaltest.Attr(label, "for")] = portaltest.Text(label) != ""
		}
		for _, field := range portaltest.All(page, "input", "textarea", "select") {
			if portaltest.Attr(field, "type") != "hidden" && !labelled[portaltest.Attr(field, "id")] {
				t.Errorf("the field %q has no label", portaltest.Attr(field, "name"))
			}
		}
		for _, named := range []string{"aria-labelledby", "aria-describedby", "for"} {
			for n := range page.Descendants() {
				for _, id := range strings.Fields(portaltest.Attr(n, named)) {
					if !ids[id] {
						t.Errorf("%s names %q, which is not there", named, id)
					}
				}
			}
		}
		for _, n := range portaltest.All(page, "button", "a") {
			if portaltest.Text(n) == "" {
				t.Errorf("a <%s> says nothing", n.Data)
			}
		}
		for _, table := range portaltest.All(page, "table") {
			if caption := portaltest.All(table, "caption"); len(caption) != 1 || portaltest.Text(caption[0]) == "" {
				t.Error("a table does not say what it shows")
			}
		}
		for _, svg := range portaltest.All(page, "svg") {
			if portaltest.Attr(svg, "aria-hidden") == "" && (len(portaltest.All(svg, "title")) == 0 || len(portaltest.All(svg, "desc")) == 0) {
				t.Error("a picture has no title and description")
			}
		}
	})
}
