package town

import (
	"bytes"
	"embed"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"

	"poterne/internal/fault"
)

//go:embed pages
var pageFiles embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"date":   func(t time.Time) string { return t.Format("02/01/2006") },
	"iso":    func(t time.Time) string { return t.Format(time.DateOnly) },
	"status": func(s Status) string { return statusWords[s] },
	"groups": groups,
	"day": func(iso string) string {
		if t, err := time.Parse(time.DateOnly, iso); err == nil {
			return t.Format("02/01/2006")
		}
		return iso
	},
}).ParseFS(pageFiles, "pages/*.html"))

var statusWords = map[Status]string{
	Registered:      "Inscription en cours",
	StruckOff:       "Inscription close",
	NeverRegistered: "Compte sans inscription",
}

// groups writes a NIR as it is printed on cards.
func groups(nir string) string {
	if len(nir) != 15 {
		return nir
	}
	return strings.Join([]string{nir[:1], nir[1:3], nir[3:5], nir[5:7], nir[7:10], nir[10:13], nir[13:]}, " ")
}

// application is what the three have in common: they believe a gate about who
// asks, and write their links under the prefix it serves them at.
type application struct {
	id       string // also its colours in the stylesheet
	title    string
	register *Register
	staff    *Staff
	who      Verify
	now      func() time.Time
	mux      *http.ServeMux
}

func newApplication(id, title string, r *Register, s *Staff, who Verify) *application {
	a := &application{id: id, title: title, register: r, staff: s, who: who, now: time.Now, mux: http.NewServeMux()}
	a.mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok\n")
	})
	a.mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, pageFiles, "pages/style.css")
	})
	a.handle("/", func(*visit) (answer, error) { return answer{}, errAbsent })
	return a
}

func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// visit is a request of somebody known.
type visit struct {
	*http.Request
	Caller Caller
	App    *application
	Base   string // the prefix of links: "" or "/dossier"
}

// ID and Title are for the pages.
func (a *application) ID() string { return a.id }

// Title is the application's name.
func (a *application) Title() string { return a.title }

// answer is what a handler returns: a page, a JSON value, or where to go next.
type answer struct {
	status int    // 200, unless said
	page   string // a template, shown with data
	data   any    // JSON, if there is no page
	to     string // a path of the application to go to
	file   string // the name of a CSV file made of rows
	rows   [][]string
}

// handle serves pattern to callers that the gate vouches for, and nobody else.
func (a *application) handle(pattern string, serve func(*visit) (answer, error)) {
	a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		v := &visit{Request: r, App: a, Base: prefix(r.Header.Get("X-Forwarded-Prefix"))}
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		caller, err := a.who(r.Header.Get(AssertionHeader))
		var said answer
		if err == nil {
			v.Caller = caller
			said, err = serve(v)
		}
		if err != nil {
			said = problem(v, err)
		}
		a.write(w, v, said)
	})
}

// prefixes keeps links on this host: no second slash, no dots that climb.
var prefixes = regexp.MustCompile(`^(/[A-Za-z0-9_-]+)+$`)

func prefix(header string) string {
	header = strings.TrimSuffix(header, "/")
	if !prefixes.MatchString(header) {
		return ""
	}
	return header
}

func (a *application) write(w http.ResponseWriter, v *visit, said answer) {
	var body bytes.Buffer
	contentType, err := "text/html; charset=utf-8", error(nil)
	switch {
	case said.to != "":
		w.Header().Set("Location", v.Base+said.to)
		said.status = http.StatusSeeOther
	case said.page != "":
		err = pages.ExecuteTemplate(&body, said.page, said.data)
	case said.file != "":
		contentType = "text/csv; charset=utf-8"
		w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename=%q`, said.file))
		err = csv.NewWriter(&body).WriteAll(said.rows)
	default:
		contentType = "application/json"
		err = json.NewEncoder(&body).Encode(said.data)
	}
	if err != nil {
		slog.ErrorContext(v.Context(), "answer could not be written", slog.String("route", v.Pattern), slog.Any("err", err))
		http.Error(w, "erreur interne", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(max(said.status, http.StatusOK))
	_, _ = w.Write(body.Bytes())
}

var (
	errAbsent  = &fault.Error{Kind: fault.Absent, Public: "cette page n’existe pas, ou plus"}
	errRefused = &fault.Error{Kind: fault.Refused, Public: "cette page n’est pas ouverte à votre structure"}
)

var statusOf = map[fault.Kind]int{
	fault.Invalid: http.StatusUnprocessableEntity, fault.Anonymous: http.StatusUnauthorized, fault.Refused: http.StatusForbidden,
	fault.Absent: http.StatusNotFound, fault.Unavailable: http.StatusServiceUnavailable, fault.Broken: http.StatusInternalServerError,
}

type problemPage struct {
	*visit
	Sentence string
}

func problem(v *visit, err error) answer {
	kind, sentence := fault.KindOf(err), fault.Public(err)
	if kind == fault.Broken {
		slog.ErrorContext(v.Context(), "request failed", slog.String("route", v.Pattern), slog.Any("err", err))
		sentence = "une erreur est survenue"
	}
	if strings.HasPrefix(v.URL.Path, "/api/") {
		return answer{status: statusOf[kind], data: map[string]string{"error": sentence}}
	}
	return answer{status: statusOf[kind], page: "problem.html", data: problemPage{v, sentence}}
}

func invalid(sentence string) error { return &fault.Error{Kind: fault.Invalid, Public: sentence} }
