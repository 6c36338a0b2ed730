package town

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"embed"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"poterne/internal/fault"
)

//go:embed pages
var pageFiles embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"date":   func(t time.Time) string { return t.Format("02/01/2006") },
	"short":  func(t time.Time) string { return t.Format("02/01") },
	"clock":  func(t time.Time) string { return t.Format("15:04") },
	"euros":  euros,
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

// Site is what each application is given: the register, its staff, who asks, the time, and
// the file where it keeps what is written in it and what other systems are to be told of that.
type Site struct {
	Register *Register
	Staff    *Staff
	Who      Verify
	Now      func() time.Time
	Kept     *Database
	Operator string // the token of who runs the application; empty for nobody
}

// application is what all have in common: they believe a gate about who asks, and write their
// links under the prefix it serves them at.
type application struct {
	Site
	id    string // also its colours in the stylesheet
	title string
	key   [32]byte // of the tokens of forms
	shut  atomic.Pointer[string]
	mux   *http.ServeMux
}

func newApplication(ctx context.Context, id, title string, site Site) (*application, error) {
	a := &application{Site: site, id: id, title: title, mux: http.NewServeMux()}
	_, _ = rand.Read(a.key[:]) // it never fails
	err := a.Kept.each(ctx, `select application, why from read_only`, func(scan func(...any) error) error {
		var id, why string
		if err := scan(&id, &why); err != nil {
			return err
		}
		if id == a.id {
			a.shut.Store(&why)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	a.mux.HandleFunc("PUT /operator/read-only", a.operate)
	a.mux.HandleFunc("DELETE /operator/read-only", a.operate)
	a.mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok\n")
	})
	a.mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, pageFiles, "pages/style.css")
	})
	a.handle("/", func(*visit) (answer, error) { return answer{}, errAbsent })
	return a, nil
}

func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// visit is a request of somebody known.
type visit struct {
	*http.Request
	Caller Caller
	App    *application
	Base   string // the prefix of links: "" or "/dossier"
}

// FormToken is what the application's own forms carry: another site's do not know it.
func (v *visit) FormToken() string {
	mac := hmac.New(sha256.New, v.App.key[:])
	mac.Write([]byte(v.Caller.Account + "\x00"))
	mac.Write([]byte(v.Caller.Session))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// ReadOnly is why nothing can be changed in the application now; empty when it can.
func (a *application) ReadOnly() string {
	if why := a.shut.Load(); why != nil {
		return *why
	}
	return ""
}

// operate makes the application read-only, with what it then says, or takes that back, for
// who runs it.
func (a *application) operate(w http.ResponseWriter, r *http.Request) {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if a.Operator == "" || subtle.ConstantTimeCompare([]byte(token), []byte(a.Operator)) != 1 {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var said *string
	statement, values := `delete from read_only where application = $1`, []any{a.id}
	if r.Method == http.MethodPut {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<10))
		why := strings.TrimSpace(string(body))
		if err != nil || why == "" {
			http.Error(w, "say in the body why nothing can be changed", http.StatusBadRequest)
			return
		}
		said = &why
		statement = `insert into read_only (application, why) values ($1, $2) on conflict (application) do update set why = excluded.why`
		values = append(values, why)
	}
	if err := a.Kept.set(r.Context(), statement, values...); err != nil {
		slog.ErrorContext(r.Context(), "what the application may do was not kept", slog.Any("err", err))
		http.Error(w, "it could not be written down: nothing was changed", http.StatusServiceUnavailable)
		return
	}
	a.shut.Store(said)
	w.WriteHeader(http.StatusNoContent)
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
		caller, err := a.Who(r.Header.Get(AssertionHeader))
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

// changes serves a change: not while the application is read-only.
func (a *application) changes(pattern string, serve func(*visit) (answer, error)) {
	a.handle(pattern, func(v *visit) (answer, error) {
		if why := a.ReadOnly(); why != "" {
			return answer{}, &shut{why}
		}
		return serve(v)
	})
}

// form serves a change that one of the application's own forms sends.
func (a *application) form(pattern string, serve func(*visit) (answer, error)) {
	a.changes(pattern, func(v *visit) (answer, error) {
		if !hmac.Equal([]byte(v.PostFormValue("token")), []byte(v.FormToken())) {
			return answer{}, invalid("ce formulaire a expiré : rouvrez la page, puis envoyez-le de nouveau")
		}
		return serve(v)
	})
}

// shut says that the application is read-only.
type shut struct{ why string }

// Error implements error.
func (s *shut) Error() string { return s.why }

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
	status := statusOf[kind]
	if closed, is := errors.AsType[*shut](err); is {
		status, sentence = http.StatusConflict, strings.TrimSuffix(closed.why, ".")
	} else if kind == fault.Broken {
		slog.ErrorContext(v.Context(), "request failed", slog.String("route", v.Pattern), slog.Any("err", err))
		sentence = "une erreur est survenue"
	}
	if strings.HasPrefix(v.URL.Path, "/api/") {
		return answer{status: status, data: map[string]string{"error": sentence}}
	}
	return answer{status: status, page: "problem.html", data: problemPage{v, sentence}}
}

func invalid(sentence string) error { return &fault.Error{Kind: fault.Invalid, Public: sentence} }

// euros writes an amount of cents.
func euros(cents int) string {
	whole := fmt.Sprint(cents / 100)
	for n := len(whole) - 3; n > 0; n -= 3 {
		whole = whole[:n] + "\u202f" + whole[n:]
	}
	return fmt.Sprintf("%s,%02d\u00a0€", whole, cents%100)
}
