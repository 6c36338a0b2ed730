package portal

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"poterne/internal/gate"
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

// Pages writes pages, in the language of whoever reads them. It is safe to share.
type Pages struct {
	settings Settings
	speakers map[i18n.Language]speaker
	sets     map[i18n.Language]*template.Template
	assets   map[string]string // the address of each file in static, with its digest
	rule     string            // Content-Security-Policy
}

// NewPages reads the pages and their words. It panics when a word is missing,
// since both are part of the program.
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
	p := &Pages{
		settings: s,
		speakers: make(map[i18n.Language]speaker),
		sets:     make(map[i18n.Language]*template.Template),
		assets:   addresses(),
		rule: "default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; " +
			"form-action " + strings.Join(append([]string{"'self'"}, s.FormTo...), " ") + "; frame-ancestors 'none'; base-uri 'none'",
	}
	for _, in := range languages {
		p.speakers[in] = speaker{readWords(in), s.Zone, s.Now}
		p.sets[in] = p.read(p.speakers[in])
	}
	return p
}

// read parses every page, with functions that speak one language.
func (p *Pages) read(in speaker) *template.Template {
	set := template.New("").Funcs(template.FuncMap{
		"say": in.say, "plural": in.plural, "number": in.number, "entry": in.entry, "attack": in.attack, "people": in.people, "cost": in.cost, "decimal": in.decimal,
		"moment": in.moment, "date": in.date, "clock": in.clock, "clockwords": in.clockWords, "hourwords": in.hourWords, "lasting": in.lasting,
		"asset": func(name string) string { return p.assets[name] },
		"home":  func() string { return p.settings.Home },
		"help":  func() string { return p.settings.Help[in.language] },
	})
	files, err := fs.Glob(pageFiles, "pages/*.html")
	if err != nil {
		panic(err)
	}
	for _, file := range files {
		raw, err := pageFiles.ReadFile(file)
		if err != nil {
			panic(err)
		}
		in.demand(string(raw))
		template.Must(set.New(path.Base(file)).Parse(string(raw)))
	}
	return set
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

// Mount puts what every page needs on mux: the stylesheet, the fonts, the script
// and the choice of language. Each origin that may show a page needs it.
func (p *Pages) Mount(mux *http.ServeMux) {
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

// page is what every page is given.
type page struct {
	Lang   i18n.Language
	Other  i18n.Language // the one to switch to
	Title  string
	Here   string // the path to come back to
	Room   string // which of the rooms it is, for the list of them
	Viewer viewer
}

// viewer is who reads the page; the zero viewer is nobody we know.
type viewer struct {
	ID           roster.AccountID
	Name         string
	Organisation roster.Organisation
	Role         roster.Role
	Session      roster.SessionID
	Opened       time.Time
}

// asker is the viewer as the gate knows them.
func (v viewer) account() roster.Account {
	return roster.Account{ID: v.ID, Organisation: v.Organisation.ID, Role: v.Role, Name: v.Name, Opened: v.Opened}
}

func (v viewer) asker() gate.Asker {
	return gate.Asker{Account: v.ID, Organisation: v.Organisation.ID, Role: v.Role, Opened: v.Opened}
}

// AtDesk reports whether the viewer watches and contains.
func (v viewer) AtDesk() bool { return v.Role == roster.Security }

// page begins a page for a request; its title is said by key.
func (p *Pages) page(r *http.Request, who viewer, title string, pairs ...any) page {
	in := languageOf(r)
	begun := page{Lang: in, Other: i18n.English, Here: r.URL.RequestURI(), Viewer: who}
	if in == i18n.English {
		begun.Other = i18n.French
	}
	if r.Method != http.MethodGet {
		begun.Here = "/"
	}
	begun.Title = p.speakers[in].must(title, pairs...)
	return begun
}

// show writes a page, whole or not at all.
func (p *Pages) show(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	var body bytes.Buffer
	if err := p.sets[languageOf(r)].ExecuteTemplate(&body, name, data); err != nil {
		p.settings.Log.ErrorContext(r.Context(), "a page could not be written", slog.String("page", name), slog.Any("err", err))
		http.Error(w, "Cette page n’a pas pu être écrite. / This page could not be written.", http.StatusInternalServerError)
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

// service returns what people call a service.
func (p *Pages) service(id roster.ServiceID) string {
	for _, s := range p.settings.Services {
		if s.ID == id {
			return s.Name
		}
	}
	return string(id)
}
