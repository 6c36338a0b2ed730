package portal

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"poterne/internal/i18n"
)

// every runs check on each page of the gallery, in both languages.
func every(t *testing.T, check func(t *testing.T, in i18n.Language, answer *http.Response, page *html.Node, raw string)) {
	t.Helper()
	for name, scene := range Scenes() {
		for _, in := range languages {
			t.Run(name+"/"+string(in), func(t *testing.T) {
				answer := httptest.NewRecorder()
				scene(answer, httptest.NewRequest(http.MethodGet, "/dossier/files/1", nil), in)
				raw := answer.Body.String()
				page, err := html.Parse(strings.NewReader(raw))
				if err != nil {
					t.Fatal(err)
				}
				check(t, in, answer.Result(), page, raw)
			})
		}
	}
}

// all returns the elements with one of the names, in the order of the page.
func all(page *html.Node, names ...string) (found []*html.Node) {
	for n := range page.Descendants() {
		if n.Type == html.ElementNode && slices.Contains(names, n.Data) {
			found = append(found, n)
		}
	}
	return found
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	var said strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			said.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(said.String()), " ")
}

func TestEveryPageIsOnePageInOneLanguage(t *testing.T) {
	every(t, func(t *testing.T, in i18n.Language, answer *http.Response, page *html.Node, raw string) {
		root := all(page, "html")[0]
		if attr(root, "lang") != string(in) || answer.Header.Get("Content-Language") != string(in) {
			t.Errorf("the page says it is in %q", attr(root, "lang"))
		}
		if titles := all(page, "title"); len(titles) == 0 || len(text(titles[0])) <= len(" · Poterne") {
			t.Error("the page has no title")
		}
		if h1 := all(page, "h1"); len(h1) != 1 || text(h1[0]) == "" {
			t.Errorf("the page has %d first headings", len(h1))
		}
		raw = strings.ReplaceAll(raw, "GET /files/{dossier}", "") // a route is declared like that
		if strings.Contains(raw, "{") || strings.Contains(raw, "ZgotmplZ") || strings.Contains(raw, "no value") {
			t.Error("a word or a value was left out")
		}
	})
}

func TestHeadingsComeInOrder(t *testing.T) {
	every(t, func(t *testing.T, _ i18n.Language, _ *http.Response, page *html.Node, _ string) {
		last := 0
		for _, h := range all(page, "h1", "h2", "h3", "h4") {
			if level := int(h.Data[1] - '0'); level > last+1 {
				t.Errorf("%q is a heading of level %d after one of level %d", text(h), level, last)
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
		for _, n := range all(page, "script", "style") {
			if n.Data == "style" || n.FirstChild != nil || attr(n, "src") == "" {
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
			if id := attr(n, "id"); id != "" {
				if ids[id] {
					t.Errorf("two elements are called %q", id)
				}
				ids[id] = true
			}
		}
		labelled := make(map[string]bool)
		for _, label := range all(page, "label") {
			labelled[attr(label, "for")] = text(label) != ""
		}
		for _, field := range all(page, "input", "textarea", "select") {
			if attr(field, "type") != "hidden" && !labelled[attr(field, "id")] {
				t.Errorf("the field %q has no label", attr(field, "name"))
			}
		}
		for _, named := range []string{"aria-labelledby", "aria-describedby", "for"} {
			for n := range page.Descendants() {
				for _, id := range strings.Fields(attr(n, named)) {
					if !ids[id] {
						t.Errorf("%s names %q, which is not there", named, id)
					}
				}
			}
		}
		for _, n := range all(page, "button", "a") {
			if text(n) == "" {
				t.Errorf("a <%s> says nothing", n.Data)
			}
		}
		for _, table := range all(page, "table") {
			if caption := all(table, "caption"); len(caption) != 1 || text(caption[0]) == "" {
				t.Error("a table does not say what it shows")
			}
		}
		for _, svg := range all(page, "svg") {
			if attr(svg, "aria-hidden") == "" && (len(all(svg, "title")) == 0 || len(all(svg, "desc")) == 0) {
				t.Error("a picture has no title and description")
			}
		}
	})
}

func TestFrenchTypography(t *testing.T) {
	wrong := regexp.MustCompile(`[^\s\x{202f}\x{a0}:/][;!?»]|[\p{L}\d)] ?[;:!?»](\s|$)|«[^\x{202f}]|\p{L}'\p{L}`)
	fr := readWords(i18n.French)
	for key, said := range fr.texts {
		if found := wrong.FindString(said); found != "" {
			t.Errorf("%s: %q in %q", key, found, said)
		}
	}
}

func TestBothLanguagesHaveTheSameWordsAndEachIsUsed(t *testing.T) {
	fr, en := readWords(i18n.French), readWords(i18n.English)
	hole := regexp.MustCompile(`\{[a-z]+\}`)
	for key, french := range fr.texts {
		english, ok := en.texts[key]
		if !ok {
			t.Errorf("%q is not said in English", key)
			continue
		}
		a, b := hole.FindAllString(french, -1), hole.FindAllString(english, -1)
		slices.Sort(a)
		slices.Sort(b)
		if !slices.Equal(slices.Compact(a), slices.Compact(b)) {
			t.Errorf("%q has other names in it: %v and %v", key, a, b)
		}
	}
	for key := range en.texts {
		if _, ok := fr.texts[key]; !ok {
			t.Errorf("%q is not said in French", key)
		}
	}
	source := sources(t)
	for key := range fr.texts {
		if !used(key, source) {
			t.Errorf("%q is never said", key)
		}
	}
}

// used reports whether a key, or the beginning that a template or the program
// completes, is written somewhere.
func used(key string, source []byte) bool {
	plain := strings.TrimSuffix(strings.TrimSuffix(key, "-one"), "-many")
	table, _, _ := strings.Cut(key, ".")
	for _, written := range []string{key, plain, table + "."} {
		if bytes.Contains(source, []byte(`"`+written+`"`)) {
			return true
		}
	}
	for i := range key { // "order.title-" and the like
		if key[i] == '-' && bytes.Contains(source, []byte(`"`+key[:i+1]+`"`)) {
			return true
		}
	}
	return false
}

// sources is every template and every file of the program together.
func sources(t *testing.T) (all []byte) {
	t.Helper()
	for _, folder := range []string{".", "pages"} {
		files, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if file.IsDir() || strings.HasSuffix(file.Name(), "_test.go") {
				continue
			}
			raw, err := os.ReadFile(folder + "/" + file.Name())
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, raw...)
		}
	}
	return all
}
