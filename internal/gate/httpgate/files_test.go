package httpgate_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"poterne/internal/gate/content"
	"poterne/internal/gate/httpgate"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/register"
)

// The content types of files that people keep of people.
const (
	asPDF  = "application/pdf"
	asJPEG = "image/jpeg"
	asWord = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	asXLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
)

// bookOf is a workbook of people, as another program writes it.
func bookOf(t testing.TB, people ...string) string {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	lines := [][]any{{"id", "name", "status"}}
	for _, who := range people {
		lines = append(lines, []any{who, "‹" + who + "›", "‹" + who + "›"})
	}
	for i, line := range lines {
		if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &line); err != nil {
			t.Fatal(err)
		}
	}
	out, err := f.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// unpacked is a body as it came, or every part of it where it is an archive.
func unpacked(body string) string {
	archive, err := zip.NewReader(strings.NewReader(body), int64(len(body)))
	if err != nil {
		return body
	}
	var all strings.Builder
	for _, part := range archive.File {
		if from, err := part.Open(); err == nil {
			_, _ = io.Copy(&all, from)
		}
	}
	return all.String()
}

// linesOf is what another program reads in a workbook.
func (w *world) linesOf(g got) (lines []string) {
	w.t.Helper()
	f, err := excelize.OpenReader(strings.NewReader(g.body))
	if err != nil {
		w.t.Fatalf("%d: not a workbook: %v", g.status, err)
	}
	defer f.Close()
	rows, err := f.GetRows(f.GetSheetName(0))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, row := range rows {
		lines = append(lines, strings.Join(row, "|"))
	}
	return lines
}

var book = content.Layout{Format: content.XLSX, People: sheet.People}

// filed is a route of files about whom the request names.
func filed() httpgate.Route {
	r := file()
	r.Path, r.Answers, r.Shows = "/scans/{id}", nil, register.Name|register.Note
	r.Unread = []string{asPDF, asJPEG, asWord}
	return r
}

// Promise: SCOPE-11
func TestSCOPE_11_AFileAboutOnePersonPassesUnreadAndIsCounted(t *testing.T) {
	w := newWorld(t, filed())
	n := 10
	for _, media := range []string{asPDF, asJPEG, asWord, asPDF + "; charset=ISO-8859-1"} {
		who := fmt.Sprintf("p%d", n)
		body := "\xff\xd8%PDF \x81\x8d\xe9 ‹" + who + "›"
		w.says(media, body)
		if n == 13 { // three are the allowance
			w.refused(w.get("/scans/"+who), policy.ShortEmpty)
			who = "p1" // whom a fact explains
			body = strings.ReplaceAll(body, "p13", who)
			w.says(media, body)
		}
		got := w.get("/scans/" + who)
		last := w.last()
		if got.status != http.StatusOK || got.body != body || strings.Contains(got.header.Get("Content-Type"), "charset") {
			t.Errorf("%s: got %v of %q", media, got, got.header.Get("Content-Type"))
		}
		if last.Person != w.key.Person(who) || !last.Disclosed() || last.Fields != register.Name|register.Note {
			t.Errorf("%s: the ledger ends with %v", media, last)
		}
		n++
	}
	times := w.times()
	w.refused(w.get("/scans/p14"), policy.ShortEmpty)
	if w.times() != times {
		t.Error("the application was asked for a file that is not shown")
	}
	w.says("text/html", "‹p1›")
	w.refused(w.get("/scans/p1"), policy.UndeclaredAnswer)
}

// Promise: SCOPE-11
func TestSCOPE_11_AFileOfNobodyInParticularIsNotDeclared(t *testing.T) {
	w := newWorld(t, filed())
	for want, change := range map[string]func(*httpgate.Route){
		"an answer about people is read": func(r *httpgate.Route) { r.Shows = 0 },
		"may be about whomever the addr": func(r *httpgate.Route) { r.Request, r.Kind, r.Shows = nil, httpgate.Page, 0 },
	} {
		route := filed()
		change(&route)
		if _, err := httpgate.New([]httpgate.Service{w.service(route)}, w.dependencies(t)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// Promise: SCOPE-11
func TestSCOPE_11_AWorkbookIsReadByColumnAndCut(t *testing.T) {
	route := list()
	route.Answers = []httpgate.Answer{{Layout: book, Download: "people.xlsx"}}
	w := newWorld(t, route)
	w.says(asXLSX, bookOf(t, "p1", "p10", "p2", "p11", "p12", "p13"))
	got := w.get("/list")
	want := []string{"name", "‹p1›", "‹p10›", "‹p2›", "‹p11›", "‹p12›"}
	if lines := w.linesOf(got); !slices.Equal(lines, want) {
		t.Errorf("%q, want %q: three people without a reason are the allowance", lines, want)
	}
	if got.header.Get("Content-Type") != asXLSX || got.header.Get("Content-Disposition") != `attachment; filename="people.xlsx"` {
		t.Errorf("%v", got.header)
	}
	w.says(asXLSX+"; charset=UTF-8", bookOf(t))
	if lines := w.linesOf(w.get("/list")); !slices.Equal(lines, []string{"name"}) {
		t.Errorf("%q of nobody", lines)
	}
	w.says(asXLSX, "PK ‹p1›")
	w.refused(w.get("/list"), policy.NotUnderstood)
}

// Promise: SCOPE-11
func TestSCOPE_11_AWorkbookTakesThePlaceOfWhatIsInIt(t *testing.T) {
	route := list()
	route.Answers = []httpgate.Answer{{Layout: book}}
	w := newWorld(t, route)
	f, err := excelize.OpenReader(strings.NewReader(bookOf(t, "p1")))
	if err != nil {
		t.Fatal(err)
	}
	_ = f.SetCellValue("Sheet1", "C2", strings.Repeat("x", 30_000))
	_ = f.SetCellValue("Sheet1", "C1", "y"+strings.Repeat("x", 30_000))
	_ = f.SetCellValue("Sheet1", "B1", "z"+strings.Repeat("x", 30_000))
	large, err := f.WriteToBuffer()
	if err != nil || large.Len() > 32<<10 {
		t.Fatalf("%d bytes, %v", large.Len(), err)
	}
	w.says(asXLSX, large.String())
	w.refused(w.get("/list"), policy.NotUnderstood) // more than 64 KiB, unpacked
	d := w.dependencies(t)
	d.Reading = 16 * 64 << 10
	w.remake(d, route)
	w.says(asXLSX, bookOf(t, "p1"))
	if lines := w.linesOf(w.get("/list")); len(lines) != 2 {
		t.Errorf("%q", lines)
	}
}

// Promises: SCOPE-11, METER-8
func TestSCOPE_11_AnExportAsAWorkbookIsCappedAndWatermarked(t *testing.T) {
	route := exporting()
	route.Answers = []httpgate.Answer{{Layout: book, Download: "people.xlsx"}}
	w := newWorld(t, route)
	w.says(asXLSX, bookOf(t, "p1", "p20", "p2", "p3"))
	w.refused(w.get("/export"), policy.NoPermit)
	w.permits("p1", "p2", "p3", "p20")
	got := w.get("/export")
	receipt := got.header.Get("Poterne-Receipt")
	want := []string{"name|poterne", "‹p1›|" + receipt, "‹p2›|" + receipt}
	if lines := w.linesOf(got); receipt == "" || !slices.Equal(lines, want) {
		t.Errorf("%q, want %q", lines, want)
	}
}

// large is how much a file has that goes out as it comes, in these tests.
const large = 24 << 20

// downloading puts files behind the gate that are larger than what is collected.
func downloading(t *testing.T, limit int64) *world {
	w := newWorld(t)
	service := w.service(filed())
	service.Downloads = limit
	var err error
	if w.proxy, err = httpgate.New([]httpgate.Service{service}, w.dependencies(t)); err != nil {
		t.Fatal(err)
	}
	return w
}

// pours makes the application send so many bytes, and says its length if it is to. It
// does so once it was let; wrote is told of each portion.
func (w *world) pours(bytesInAll, length int64, wrote func(sent int64)) {
	w.app = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", asPDF)
		if length >= 0 {
			rw.Header().Set("Content-Length", fmt.Sprint(length))
		}
		portion := bytes.Repeat([]byte("%PDF 1.7 "), 8<<10)
		for sent := int64(0); sent < bytesInAll; {
			n, err := rw.Write(portion[:min(int64(len(portion)), bytesInAll-sent)])
			if err != nil {
				return
			}
			sent += int64(n)
			if wrote != nil {
				wrote(sent)
			}
		}
	}
}

// Promise: SCOPE-11
func TestSCOPE_11_ALargeFileIsDecidedFirstAndThenPassedOnAsItComes(t *testing.T) {
	w := downloading(t, large)
	for sentence, length := range map[string]int64{"its length is said": large, "its length is not said": -1} {
		t.Run(sentence, func(t *testing.T) {
			var most atomic.Uint64
			var early atomic.Bool
			w.pours(large, length, func(sent int64) {
				if sent > 8<<20 { // more than any buffers on the way hold
					if w.last().Person != w.key.Person("p1") {
						early.Store(true)
					}
				}
				if sent%(4<<20) < 64<<10 {
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					most.Store(max(most.Load(), m.HeapAlloc))
				}
			})
			defer debug.SetGCPercent(debug.SetGCPercent(100)) // as the program runs, however tests are run
			var before runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			response, err := browser.Do(w.request("GET", "/scans/p1", ""))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			digest := sha256.New()
			n, err := io.Copy(digest, response.Body)
			if err != nil || n != large || response.ContentLength != length || response.Header.Get("Poterne-Receipt") == "" {
				t.Errorf("%d bytes of %d: %v, %v", n, response.ContentLength, err, response.Header)
			}
			if last := w.last(); early.Load() || last.Person != w.key.Person("p1") || !last.Disclosed() || last.Fields != register.Name|register.Note {
				t.Errorf("the ledger ends with %v; something came before it: %v", last, early.Load())
			}
			if most := most.Load(); most > before.HeapAlloc+large/3 {
				t.Errorf("%d MiB of memory for a file of %d MiB", (most-before.HeapAlloc)>>20, large>>20)
			}
			if head := w.do(w.request("HEAD", "/scans/p1", "")); head.status != http.StatusOK || head.body != "" {
				t.Errorf("HEAD: %v", head)
			}
		})
	}
}

// Promises: SCOPE-11, ACT-1
func TestSCOPE_11_AnOrderCutsALargeFileMidway(t *testing.T) {
	w := downloading(t, large)
	var once sync.Once
	w.pours(large, large, func(sent int64) {
		if sent < 8<<20 {
			return
		}
		once.Do(func() {
			o := order.Order{Reach: order.Account, Target: string(account), Effect: order.Suspended, By: "desk"}
			if _, err := w.gate.Place(t.Context(), o); err != nil {
				t.Error(err)
			}
		})
	})
	response, err := browser.Do(w.request("GET", "/scans/p1", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if n, err := io.Copy(io.Discard, response.Body); err == nil || n >= large {
		t.Errorf("%d bytes came after the order: %v", n, err)
	}
	w.mu.Lock()
	outcomes := slices.Clone(w.outcomes)
	w.mu.Unlock()
	if !slices.Contains(outcomes, httpgate.Aborted) {
		t.Errorf("outcomes %v", outcomes)
	}
}

// Promise: SCOPE-11
func TestSCOPE_11_WhoMayNotBeShownTheLargeFileGetsNoByteOfIt(t *testing.T) {
	w := downloading(t, large)
	w.pours(large, large, nil)
	for n := 10; n < 13; n++ {
		if got := w.get(fmt.Sprintf("/scans/p%d", n)); got.status != http.StatusOK {
			t.Fatal(got.status)
		}
	}
	w.refused(w.get("/scans/p13"), policy.ShortEmpty)
	frozen := false
	w.app = func(rw http.ResponseWriter, _ *http.Request) { // while the application thinks
		if !frozen {
			frozen = true
			if _, err := w.gate.Place(t.Context(), order.Order{Reach: order.Account, Target: string(account), Effect: order.Suspended, By: "desk"}); err != nil {
				t.Error(err)
			}
		}
		rw.Header().Set("Content-Type", asPDF)
		rw.Header().Set("Content-Length", fmt.Sprint(large))
		_, _ = rw.Write(bytes.Repeat([]byte("‹p2›"), 1<<10))
	}
	if got := w.get("/scans/p2"); got.status == http.StatusOK || strings.Contains(got.body, "p2") {
		t.Errorf("got %d, %d bytes", got.status, len(got.body))
	}
}

// Promise: SCOPE-11
func TestSCOPE_11_ALargeFileThatIsNotWholeIsSeenNotToBe(t *testing.T) {
	w := downloading(t, large)
	cut := func(sent, length int64) {
		t.Helper()
		w.pours(sent, length, nil)
		response, err := browser.Do(w.request("GET", "/scans/p1", ""))
		if err != nil {
			return
		}
		defer response.Body.Close()
		if n, err := io.Copy(io.Discard, response.Body); err == nil {
			t.Errorf("%d bytes of %d were taken for a whole file of %d", n, sent, length)
		}
	}
	cut(large/2, large)                                     // the application stops in the middle
	cut(large+(1<<20), -1)                                  // or sends more than may be
	w.app = func(rw http.ResponseWriter, _ *http.Request) { // or falls in the middle, without a length
		rw.Header().Set("Content-Type", asPDF)
		_, _ = rw.Write(make([]byte, 100<<10))
		_ = http.NewResponseController(rw).Flush()
		panic(http.ErrAbortHandler)
	}
	if response, err := browser.Do(w.request("GET", "/scans/p1", "")); err == nil {
		if n, err := io.Copy(io.Discard, response.Body); err == nil {
			t.Errorf("%d bytes were taken for a whole file", n)
		}
		_ = response.Body.Close()
	}
	w.pours(large+1, large+1, nil) // and what says that it is too large is not begun
	w.refused(w.get("/scans/p1"), policy.NotUnderstood)
	w = newWorld(t, filed()) // nor is anything where nobody said so
	w.pours(large, large, nil)
	w.refused(w.get("/scans/p1"), policy.NotUnderstood)
}

// A file that waits for an application, or for a browser, does not wait for ever, and
// gives back what it took.
//
// Promise: SCOPE-11
func TestSCOPE_11_ALargeFileThatStandsStillIsBrokenOff(t *testing.T) {
	w := newWorld(t)
	service := w.service(filed())
	service.Downloads, service.Timeout = large, 200*time.Millisecond
	d := w.dependencies(t)
	d.Reading = 64 << 10 // of one file at a time
	var err error
	if w.proxy, err = httpgate.New([]httpgate.Service{service}, d); err != nil {
		t.Fatal(err)
	}
	stands := make(chan struct{})
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", asPDF)
		_, _ = rw.Write(make([]byte, 100<<10))
		_ = http.NewResponseController(rw).Flush()
		close(stands)
		<-r.Context().Done()
	}
	var group sync.WaitGroup
	group.Go(func() {
		response, err := browser.Do(w.request("GET", "/scans/p1", ""))
		if err != nil {
			return
		}
		defer response.Body.Close()
		if n, err := io.Copy(io.Discard, response.Body); err == nil {
			t.Errorf("%d bytes were taken for a whole file", n)
		}
	})
	<-stands
	group.Wait()
	w.pours(1<<20, -1, nil)
	if got := w.get("/scans/p1"); got.status != http.StatusOK || len(got.body) != 1<<20 {
		t.Errorf("%d, %d bytes: the first one holds its place still", got.status, len(got.body))
	}
}

// A server bounds a request and its response as a whole. A file may take longer.
//
// Promise: SCOPE-11
func TestSCOPE_11_ALargeFileMayTakeLongerThanAnAnswer(t *testing.T) {
	w := downloading(t, large)
	server := httptest.NewUnstartedServer(w.proxy)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond
	server.Start()
	defer server.Close()
	w.front = server
	w.pours(1<<20, 1<<20, func(int64) { time.Sleep(50 * time.Millisecond) })
	if got := w.get("/scans/p1"); got.status != http.StatusOK || len(got.body) != 1<<20 {
		t.Errorf("%d, %d bytes of a file", got.status, len(got.body))
	}
}

func TestDownloadsAreLargerThanAnswers(t *testing.T) {
	w := newWorld(t, filed())
	service := w.service(filed())
	service.Downloads = service.Largest
	if _, err := httpgate.New([]httpgate.Service{service}, w.dependencies(t)); err == nil || !strings.Contains(err.Error(), "pass without it") {
		t.Error(err)
	}
	route := list()
	route.Answers = []httpgate.Answer{{Layout: book, Charset: "windows-1252"}}
	if _, err := httpgate.New([]httpgate.Service{w.service(route)}, w.dependencies(t)); err == nil || !strings.Contains(err.Error(), "a workbook says its own") {
		t.Error(err)
	}
}

// A parameter that names somebody may be left out, but not where nothing in the answer says whose it is: the application
// may have somebody of its own for it, whoever was asked for last.
//
// Promises: SCOPE-10, SCOPE-11
func TestSCOPE_11_AFileOfNobodyInParticularIsNotAskedFor(t *testing.T) {
	scan := filed()
	scan.Path, scan.Request = "/scan", []httpgate.Naming{{In: httpgate.InQuery, Name: "id", Scheme: "dossier"}}
	plain := scan
	plain.Path, plain.Unread, plain.Answers = "/plain", nil, []httpgate.Answer{{Layout: nobodyInIt}}
	w := newWorld(t, scan, plain)
	w.says(asPDF, "%PDF ‹p1›")
	for _, path := range []string{"/scan", "/scan?id=", "/scan?id=&id=", "/plain", "/plain?id="} {
		w.refused(w.get(path), policy.Unnamed)
	}
	if w.times() != 0 {
		t.Error("the application was asked")
	}
	if g := w.get("/scan?id=p1"); g.status != 200 || w.last().Person != w.key.Person("p1") {
		t.Errorf("whom it names is shown with %d, and written of %v", g.status, w.last().Person)
	}
}
