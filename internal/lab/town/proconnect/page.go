package proconnect

import (
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"poterne/internal/i18n"
)

//go:embed page.html style.css
var files embed.FS

var pages = template.Must(template.ParseFS(files, "page.html"))

// layout is what every page has.
type layout struct {
	In     i18n.Language
	Of     Federation
	Title  string
	Style  string
	French string // this page in French; empty where there is no choice
	Other  string // this page in English
}

// peoplePage offers the people one may sign in as.
type peoplePage struct {
	layout
	Client string
	Again  bool // whoever is signed in is to confirm that it is them
	People []choice
}

type choice struct {
	Index        int
	Name         string
	Label        string
	Organisation string
	Factor       string
	Strong       bool
}

// noticePage says one thing.
type noticePage struct {
	layout
	Text, Detail string
	Leave        string // where whoever is signed in signs out
}

func (p *Provider) showPeople(w http.ResponseWriter, r *http.Request, asked request) {
	page := peoplePage{layout: p.layout(r), Client: asked.client.Name, Again: asked.again}
	page.Title = page.In.Say("identity.title")
	if page.Again {
		page.Title = page.In.Say("identity.again-title")
	}
	page.French, page.Other = inLanguage(r, "fr"), inLanguage(r, "en")
	for i, person := range p.settings.People {
		one := choice{
			Index: i, Name: person.GivenName + " " + person.UsualName, Organisation: person.Organisation,
		}
		if p.settings.Imitates == ProConnect {
			one.Strong, one.Factor = strong(person.AMR), page.In.Say("identity.factor-"+factor(person.AMR))
		}
		if person.Role != "" {
			one.Label = page.In.Say("identity.role-" + string(person.Role))
		}
		page.People = append(page.People, one)
	}
	// The form leads back to the client, which the browser must know beforehand.
	back, _ := url.Parse(asked.redirect)
	show(w, http.StatusOK, "people", page, back.Scheme+"://"+back.Host)
}

// problem says what is wrong with a request, to whoever wrote the client.
func (p *Provider) problem(w http.ResponseWriter, r *http.Request, err error) {
	page := noticePage{layout: p.layout(r), Detail: "Y000400 · " + err.Error()}
	page.Title, page.Text = page.In.Say("identity.problem-title"), page.In.Say("identity.problem-text")
	show(w, http.StatusBadRequest, "notice", page, "")
}

// about tells somebody who came to the provider's address what it is, or under
// which name they are signed in.
func (p *Provider) about(w http.ResponseWriter, r *http.Request) {
	page := noticePage{layout: p.layout(r)}
	page.Title, page.Text = page.In.Say("identity.about-title"), page.In.Say("identity.about-text")
	if person, ok := p.visitor(r); ok {
		page.Title, page.Text = person.GivenName+" "+person.UsualName, page.In.Say("identity.visit-text")
		page.Leave = p.base + "/session/end"
	}
	show(w, http.StatusOK, "notice", page, "")
}

func (p *Provider) layout(r *http.Request) layout {
	return layout{In: languageFor(r), Of: p.settings.Imitates, Style: p.base + "/style.css"}
}

// inLanguage is the address of the page that r asked for, in a language.
func inLanguage(r *http.Request, lang string) string {
	q := r.URL.Query()
	q.Set("ui_locales", lang)
	return r.URL.Path + "?" + q.Encode()
}

func show(w http.ResponseWriter, status int, name string, page any, formsTo string) {
	var body strings.Builder
	if err := pages.ExecuteTemplate(&body, name, page); err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Language")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' "+formsTo)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body.String())) // a browser that went away needs no answer
}

func style(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, files, "style.css")
}

// strong says whether a second factor was used that is not a message.
func strong(amr []string) bool {
	return slices.ContainsFunc(amr, func(m string) bool { return slices.Contains([]string{"hwk", "swk", "pop", "otp"}, m) })
}

// factor is how somebody signs in, as the catalogue names it.
func factor(amr []string) string {
	used := func(means ...string) bool {
		return slices.ContainsFunc(means, func(m string) bool { return slices.Contains(amr, m) })
	}
	switch {
	case used("hwk", "swk", "pop"):
		return "key"
	case used("mail"):
		return "mailed"
	case used("otp"):
		return "code"
	case used("mfa"):
		return "several"
	}
	return "password"
}

// languageFor is the language that r asks for.
func languageFor(r *http.Request) i18n.Language {
	asked := strings.ReplaceAll(r.URL.Query().Get("ui_locales"), " ", ",")
	return i18n.Preferred(asked, r.Header.Get("Accept-Language"))
}
