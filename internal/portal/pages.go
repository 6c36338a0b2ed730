package portal

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// Where what every page needs is mounted, on every origin.
const (
	staticPath   = signin.Prefix + "static/"
	languagePath = signin.Prefix + "language"
)

//go:embed pages
var pageFiles embed.FS

//go:embed static
var staticFiles embed.FS

// Pages writes the pages that stand outside the rooms, in the reader's
// language. It is safe to share.
type Pages struct {
	settings Settings
	speakers map[i18n.Language]Speaker
	layout   templates // what every page is made of; it is never executed, so that it can be cloned
	own      templates
	assets   map[string]string // the address of each file in static, with its digest
	rule     string            // Content-Security-Policy
}

// templates are page files, in each language.
type templates map[i18n.Language]*template.Template

// NewPages reads the pages. It panics when one cannot be read, since they are part of
// the program.
func NewPages(s Settings) *Pages {
	if s.Home == "" {
		s.Home = "/"
	}
	if s.Zone == nil {
		s.Zone = time.UTC
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if s.Roles == nil {
		for _, role := range roster.Readers {
			s.Roles = append(s.Roles, Role{ID: role})
		}
	}
	p := &Pages{
		settings: s,
		speakers: make(map[i18n.Language]Speaker),
		assets:   addresses(),
		rule: "default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; " +
			"form-action " + strings.Join(append([]string{"'self'"}, s.FormTo...), " ") + "; frame-ancestors 'none'; base-uri 'none'",
	}
	p.layout = make(templates)
	for _, in := range i18n.Languages {
		p.speakers[in] = Speaker{in, s.Zone, s.Now, make(map[roster.Role]string), s.Categories}
		for _, role := range s.Roles {
			p.speakers[in].roles[role.ID] = role.Names[in]
		}
		p.layout[in] = template.New("").Funcs(p.functions(p.speakers[in]))
	}
	p.layout = p.read(pageFiles, "pages/layout.html")
	p.own = p.read(pageFiles, "pages/*.html")
	return p
}

// functions are what a template can call; they speak one language.
func (p *Pages) functions(in Speaker) template.FuncMap {
	return template.FuncMap{
		"say": in.Say, "fields": in.Fields, "role": func(id any) string { return in.Role(roster.Role(fmt.Sprint(id))) }, "number": in.Number, "entry": in.Entry, "attack": in.Attack, "cost": in.Cost,
		"decimal": func(x float64) string { return in.Decimal(math.Round(100*x)/100, i18n.Shortest) },
		"moment":  in.Moment, "date": in.Date, "clock": in.Clock, "clockwords": in.ClockWords, "hourwords": in.HourWords, "monthwords": in.MonthOf, "lasting": in.Span,
		"dated": func(t time.Time) string { return in.Dated(t.In(in.zone)) },
		"asset": func(name string) string { return p.assets[name] },
		"home":  func() string { return p.settings.Home },
		"binds": func() bool { return p.settings.Binds },
		"help":  func() string { return p.settings.Help[in.Language] },
	}
}

// read parses page files on top of the layout.
func (p *Pages) read(files fs.FS, pattern string) templates {
	names, err := fs.Glob(files, pattern)
	if err != nil {
		panic(err)
	}
	read := make(templates)
	for in, layout := range p.layout {
		read[in] = template.Must(layout.Clone())
		for _, name := range names {
			raw, err := fs.ReadFile(files, name)
			if err != nil {
				panic(err)
			}
			template.Must(read[in].New(path.Base(name)).Parse(string(raw)))
		}
	}
	return read
}

// Writer writes the pages of one room.
type Writer struct {
	pages *Pages
	read  templates
}

// Writer reads a room's page files, below pages/. It panics when one cannot be read.
func (s *Shell) Writer(files fs.FS) Writer {
	return Writer{s.pages, s.pages.read(files, "pages/*.html")}
}

// Show writes a page for a visit, whole or not at all.
func (w Writer) Show(v *Visit, status int, name string, data any) {
	w.pages.write(v.Writer, v.Request, w.read, status, name, data)
}

// Draw writes a part of a page for a visit.
func (w Writer) Draw(to io.Writer, v *Visit, name string, data any) error {
	return w.read[v.Speaker.Language].ExecuteTemplate(to, name, data)
}

// addresses gives every static file an address that changes with its content.
func addresses() map[string]string {
	found := make(map[string]string)
	err := fs.WalkDir(staticFiles, "static", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := staticFiles.ReadFile(file)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(raw)
		name := strings.TrimPrefix(file, "static/")
		found[name] = staticPath + name + "?v=" + hex.EncodeToString(sum[:6])
		return nil
	})
	if err != nil {
		panic(err)
	}
	return found
}

// Mount puts what every page needs on mux: the stylesheet, the fonts, the scripts
// and the choice of language. Each origin that may show a page needs it.
func (p *Pages) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET "+signin.WorkerPath, p.worker)
	mux.HandleFunc("GET "+staticPath+"{file...}", p.static)
	mux.Handle("POST "+languagePath, http.NewCrossOriginProtection().Handler(http.HandlerFunc(p.chooseLanguage)))
}

func (p *Pages) static(w http.ResponseWriter, r *http.Request) {
	file := r.PathValue("file")
	if _, known := p.assets[file]; !known {
		http.NotFound(w, r)
		return
	}
	life := "max-age=3600"
	if p.assets[file] == r.URL.RequestURI() { // asked for by its digest
		life = "max-age=31536000, immutable"
	}
	p.protect(w)
	w.Header().Set("Cache-Control", life)
	http.ServeFileFS(w, r, staticFiles, "static/"+file)
}

// worker is the script that proves, for a whole origin, that a session is the browser's.
func (p *Pages) worker(w http.ResponseWriter, r *http.Request) {
	p.protect(w)
	w.Header().Set("Service-Worker-Allowed", "/")
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeFileFS(w, r, staticFiles, "static/proof.js")
}

func (p *Pages) chooseLanguage(w http.ResponseWriter, r *http.Request) {
	chosen := r.PostFormValue("language")
	if _, known := p.speakers[i18n.Language(chosen)]; known {
		http.SetCookie(w, &http.Cookie{
			Name: LanguageCookie, Value: chosen, Path: "/", MaxAge: int((365 * 24 * time.Hour).Seconds()),
			Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		})
	}
	back(w, r.PostFormValue("return"))
}

// back sends the browser on by GET to a path of this origin, or to the front page.
func back(w http.ResponseWriter, to string) {
	odd := func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsFunc(to, odd) {
		to = "/"
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// Page is what every page is given.
type Page struct {
	Lang   i18n.Language
	Other  i18n.Language // the one to switch to
	Title  string
	Here   string // the path to come back to
	Below  string // the path of the link under which the page is found
	Links  []Link // the ways into the rooms that the viewer may enter
	Viewer Viewer
	Bypass time.Time // until when a bypass is in force; zero when none is
	Broken time.Time // until when somebody is in by the break-glass access; zero when nobody is
}

// LanguageCookie remembers the language somebody chose. No application behind
// the gate has a use for it.
const LanguageCookie = "__Host-poterne-lang"

// languageOf is what the person chose, or else what their browser asks for.
func languageOf(r *http.Request) i18n.Language {
	if cookie, err := r.Cookie(LanguageCookie); err == nil && slices.Contains(i18n.Languages, i18n.Language(cookie.Value)) {
		return i18n.Language(cookie.Value)
	}
	return i18n.Preferred(r.Header.Get("Accept-Language"))
}

// page begins a page for a request; its title is said by key.
func (p *Pages) page(r *http.Request, who Viewer, title string, pairs ...any) Page {
	in := languageOf(r)
	begun := Page{Lang: in, Other: i18n.English, Here: r.URL.RequestURI(), Viewer: who}
	if p.settings.Bypass != nil && who.ID != "" { // whoever is not signed in is not told
		begun.Bypass = p.settings.Bypass()
	}
	if p.settings.Broken != nil && who.ID != "" {
		begun.Broken = p.settings.Broken(r.Context())
	}
	if in == i18n.English {
		begun.Other = i18n.French
	}
	if r.Method != http.MethodGet {
		begun.Here = "/"
	}
	begun.Title = p.speakers[in].Say(title, pairs...)
	return begun
}

// show writes a page that stands outside the rooms.
func (p *Pages) show(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	p.write(w, r, p.own, status, name, data)
}

// write writes a page, whole or not at all.
func (p *Pages) write(w http.ResponseWriter, r *http.Request, from templates, status int, name string, data any) {
	var body bytes.Buffer
	if err := from[languageOf(r)].ExecuteTemplate(&body, name, data); err != nil {
		p.settings.Log.ErrorContext(r.Context(), "a page could not be written", slog.String("page", name), slog.Any("err", err))
		http.Error(w, languageOf(r).Say("failed.unwritten"), http.StatusInternalServerError)
		return
	}
	p.protect(w)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", string(languageOf(r)))
	w.Header().Set("Vary", "Accept-Language, Cookie")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // the browser may have left
}

// protect lets a browser load nothing that is not served here, nor show our
// pages inside others.
func (p *Pages) protect(w http.ResponseWriter) {
	head := w.Header()
	head.Set("Content-Security-Policy", p.rule)
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "same-origin")
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	head.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// service returns a service; one that is not declared goes by its identifier.
func (p *Pages) service(id roster.ServiceID) Service {
	for _, s := range p.settings.Services {
		if s.ID == id {
			return s
		}
	}
	return Service{ID: id, Name: string(id)}
}
