package proof

import (
	"embed"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"

	"poterne/internal/roster"
)

//go:embed application
var embedded embed.FS

// Application is the configuration and the roster of a site in front of a crowd, at
// Upstream.
var Application, _ = fs.Sub(embedded, "application")

// Upstream is where that configuration says that the application is.
const Upstream = "http://127.0.0.1:3000"

const (
	CrowdSize = 5000
	CrowdOwn  = 300 // people in each account's caseload
	CrowdList = 12  // in one answer
	CrowdHour = 20  // strangers that an account may be shown, as the configuration says

	crowdWorkers = 2 // of each account
)

// CrowdStaff is whose caseloads are the first people of the crowd, in this order.
var CrowdStaff = []roster.AccountID{"pauline.mercier", "marc.petit", "karim.benali"}

// CrowdID is the identifier of one of a crowd.
func CrowdID(n int) string { return fmt.Sprintf("%06d", n) }

// stranger is somebody in nobody's caseload.
func stranger(n int) string { return CrowdID(len(CrowdStaff)*CrowdOwn + n) }

// Crowd is an application of many people with long notes, so that answers take a while
// to be sent. What it sends is written without a copy: the race detector follows each byte
// of one.
func Crowd() http.Handler { return crowd(CrowdList, strings.Repeat("long note ", 5000)) }

func crowd(list int, about string) http.Handler {
	note := []byte(`"note":"` + about + `"}`)
	file := func(w io.Writer, n int, more string) {
		_, _ = fmt.Fprintf(w, `{"id":"%s","name":"Nom %d",%s`, CrowdID(n), n, more)
		_, _ = w.Write(note)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /list", func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.Atoi(r.FormValue("from"))
		w.Header().Set("Content-Type", "application/json")
		for i := range list {
			_, _ = io.WriteString(w, map[bool]string{true: "[", false: ","}[i == 0])
			file(w, from+i, "")
		}
		_, _ = io.WriteString(w, "]")
	})
	mux.HandleFunc("GET /files/{id}", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.PathValue("id"))
		w.Header().Set("Content-Type", "application/json")
		file(w, n, fmt.Sprintf(`"mail":"%d@courriel.example",`, n))
	})
	return mux
}

// CrowdCaseloads is a file of facts: whose caseload people are in.
func CrowdCaseloads() string {
	var file strings.Builder
	file.WriteString("id,kind,account,scheme,person,from,until\n")
	for i, account := range CrowdStaff {
		for n := i * CrowdOwn; n < (i+1)*CrowdOwn; n++ {
			fmt.Fprintf(&file, "%d,caseload,%s,dossier,%s,2026-01-01T00:00:00Z,2099-01-01T00:00:00Z\n", n, account, CrowdID(n))
		}
	}
	return file.String()
}

// anyRequest is a list or a file, of one's own people mostly.
func anyRequest(member int) string {
	own := member*CrowdOwn + rand.IntN(CrowdOwn-CrowdList)
	switch rand.IntN(20) {
	case 0:
		return "/people/files/" + stranger(rand.IntN(CrowdSize))
	case 1: // some of them a colleague's, or strangers
		return fmt.Sprintf("/people/list?from=%d", (member+1)*CrowdOwn-CrowdList+rand.IntN(3))
	case 2, 3, 4, 5, 6, 7:
		return "/people/files/" + CrowdID(own)
	default:
		return fmt.Sprintf("/people/list?from=%d", own)
	}
}

// Held is an application that holds each answer until it is told to give it.
type Held struct {
	Asked  chan struct{} // a request has come
	Answer chan struct{} // closed or sent to: answer it
}

// NewHeld returns one that nobody has asked.
func NewHeld() *Held { return &Held{make(chan struct{}), make(chan struct{})} }

// ServeHTTP implements http.Handler.
func (a *Held) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case a.Asked <- struct{}{}:
	case <-r.Context().Done():
		return
	}
	select {
	case <-a.Answer:
	case <-r.Context().Done():
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"id":%q,"name":"Somebody","mail":"somebody@courriel.example","note":""}`, strings.TrimPrefix(r.URL.Path, "/files/"))
}
