package e2e

import (
	"fmt"
	"net/http"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"poterne/internal/lab/town/life"
)

// MailDev has a page made by scripts that shows, while it is open, what comes and goes, by socket.io: it polls first, and
// goes on by a WebSocket. Its user lists, opens, is shown what comes, and deletes, in a browser, as without
// Poterne, but for strangers.
//
// Promises: RUN-9, SCOPE-9, ACT-5
func TestRUN_9_APageThatShowsWhatHappensIsGuardedInABrowser(t *testing.T) {
	t.Parallel()
	application, post := mailbox(t)
	h := newHouse(t, "foreign", map[string]string{"http://127.0.0.1:3000": application})
	h.takeFacts("caseloads", filepath.Join("testdata", "foreign", "caseloads.csv"))
	service, routes := declarationOf(t, "MailDev")
	service = strings.NewReplacer("http://127.0.0.1:1080", application, `id = "mail"`, `id = "people"`, "mail.example", "people.localhost").Replace(service)
	host := strings.Replace(h.origin, "localhost", "people.localhost", 1)

	t.Log("Nothing is declared: what its page asks for is refused, and learnt from.")
	learning := strings.Replace(service, "\n\n", "\nlearn = \"accompany\"\n\n", 1)
	h.declares(learning)
	program := h.serve()
	met := life.NewBrowser(host)
	_ = met.SignIn(t.Context(), "0")
	for _, path := range []string{
		"/", "/email", "/email/" + foreigner(3), "/config", "/views/main.html", "/styles/style.css", "/scripts/app.js", "/scripts/controllers/main.js",
		"/components/angular/angular.min.js", "/webfonts/fa-solid-900.woff2", "/favicon.ico", "/socket.io/?EIO=4&transport=polling&t=x",
	} {
		if status, _ := sent(t, met, host, http.MethodGet, path, nil); status != http.StatusForbidden {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, _ := sent(t, met, host, http.MethodDelete, "/email/"+foreigner(3), nil); status != http.StatusForbidden {
		t.Errorf("a deletion: %d", status)
	}
	program.stop()
	drafts := h.poterne("learn", "--config", h.config)

	t.Log("What was drafted is declared, its page goes further, and more is learnt: how a session is opened, and then what comes by it.")
	removed := 5
	for _, round := range []struct {
		learns string
		meets  func()
	}{
		{`sends."40"]`, func() {}},
		{`sends."42 newMail".people`, func() { post("Between the rounds", 30) }},
		{`sends."42 deleteMail".people`, func() {
			if removed < 39 { // hers, the fortieth, stays
				removed++
				remove(t, application, removed)
			}
		}},
	} {
		h.declares(learning + confirmed(routes, drafts))
		program = h.serve()
		page := newScreen(t, host, "en-GB")
		page.tries()
		page.open("/")
		page.click("button[name=person][value='0']")
		page.comesToSay("ul.email-list", "Letter for 40", soon)
		draft := ""
		for end := time.Now().Add(soon); !strings.Contains(draft, round.learns); draft = h.poterne("learn", "--config", h.config) { // what is refused ends the WebSocket, and the page opens another
			if time.Now().After(end) {
				t.Fatalf("%q is not learnt:\n%s", round.learns, draft)
			}
			round.meets()
			time.Sleep(time.Second) // until the page has opened another
		}
		drafts += draft
		page.do(chromedp.Navigate("about:blank"))
		program.stop()
	}
	declaresNobodyHarmless(t, drafts)
	share(t, routes, drafts)

	t.Log("From now on all of it is declared.")
	h.declares(service + routes)
	h.serve()
	pauline := newScreen(t, host, "en-GB")
	heard := listens(pauline)
	pauline.open("/")
	pauline.click("button[name=person][value='0']")
	pauline.comesToSay("ul.email-list", "Letter for 40", soon)
	if letters := pauline.count("li.email-item"); letters != 4 { // two of her own, and two strangers
		t.Errorf("%d people are shown, of 40: %s", letters, pauline.text("ul.email-list"))
	}
	pauline.keep("maildev-list")
	pauline.do(chromedp.Click(chromedp.CSS(".email-" + foreigner(3) + " a")))
	pauline.comesToSay(".email-container", "What is said to 3", soon)
	pauline.keep("maildev-letter")

	t.Log("What comes meanwhile is there at once: her own, and no stranger's.")
	comesToHear(t, heard, `42["newMail"`, func() { post("News for 3", 3) })
	for _, n := range []int{20, 21, 22, 40} {
		post(fmt.Sprintf("News for %d", n), n)
	}
	pauline.comesToSay("ul.email-list", "News for 40", soon)
	if shown := pauline.text("ul.email-list"); !strings.Contains(shown, "News for 3") || strings.Contains(shown, "News for 2") {
		t.Errorf("the page shows %s", shown)
	}
	pauline.keep("maildev-news")

	t.Log("She deletes what is hers, and the page follows; nobody else's is opened, or deleted.")
	pauline.evaluate("String([...document.querySelectorAll('ul.email-toolbar a')].find(a => a.textContent.trim() === 'Delete').click())")
	pauline.comesToLack(".email-" + foreigner(3))
	pauline.tries()
	before := directly(t, application+"/email")
	for _, ask := range []string{"GET /email/" + foreigner(20), "DELETE /email/" + foreigner(20), "DELETE /email/all", "PATCH /email/read-all", "GET /email/" + foreigner(40) + "/source", "GET /reloadMailsFromDirectory"} {
		method, path, _ := strings.Cut(ask, " ")
		if got := pauline.evaluate(fmt.Sprintf("fetch(%q, { method: %q }).then(r => String(r.status))", path, method)); got != "403" {
			t.Errorf("%s is answered with %s", ask, got)
		}
	}
	if after := directly(t, application+"/email"); after != before || strings.Contains(after, `"Letter for 3"`) {
		t.Error("the application holds something else than before")
	}
	for _, text := range heard() {
		if strings.Contains(text, "What is said to 2") || strings.Contains(text, "News for 2") {
			t.Errorf("the browser is sent %s", text)
		}
	}

	t.Log("An order ends it: the page hears no more.")
	until := len(heard())
	if _, err := h.site.Place(t.Context(), "suspend", "account", "pauline.mercier"); err != nil {
		t.Fatal(err)
	}
	comesToHear(t, func() []string { return heard()[until:] }, "(closed)", func() {})
	post("After all", 40)
	if got := pauline.evaluate("fetch('/email').then(r => String(r.status))"); got != "403" || strings.Contains(pauline.text("ul.email-list"), "After all") {
		t.Errorf("the list is answered with %s", got)
	}
	h.verified()
}

// confirmed is what somebody declares who has read a draft: the routes that are in it, as they come to be written,
// of messages those that are in it, and what pages are made of.
func confirmed(routes, drafts string) string {
	var b strings.Builder
	for route := range strings.SplitSeq(routes, "[[service.route]]\n") {
		address, rest, _ := strings.Cut(route, "\n")
		if route == "" || !strings.Contains(drafts, address+"\n") && !strings.HasPrefix(address, `get = "/views/`) {
			continue
		}
		fmt.Fprintf(&b, "[[service.route]]\n%s\n", address)
		keeps := true
		for line := range strings.Lines(rest) {
			if strings.HasPrefix(line, "[") {
				keeps = !strings.Contains(line, ".sends.") || strings.Contains(drafts, line)
			}
			name, _, _ := strings.Cut(line, " = ")
			if keeps && (!strings.HasPrefix(line, `"`) || strings.Contains(drafts, ".sends."+name)) {
				b.WriteString(line)
			}
		}
	}
	return b.String()
}

// listens notes what a browser is sent by WebSockets, and that one is closed.
func listens(s *screen) (heard func() []string) {
	var mu sync.Mutex
	var all []string
	err := chromedp.Listen(s.tab, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch event := event.(type) {
		case *network.EventWebSocketFrameReceived:
			all = append(all, string(event.Response.PayloadData))
		case *network.EventWebSocketClosed:
			all = append(all, "(closed)")
		}
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), all...)
	}
}

// comesToHear waits until a browser is sent what begins with a text by a WebSocket; again has it sent again.
func comesToHear(t *testing.T, heard func() []string, text string, again func()) {
	t.Helper()
	for end := time.Now().Add(soon); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		again()
		for _, one := range heard() {
			if strings.HasPrefix(one, text) {
				return
			}
		}
	}
	t.Fatalf("nothing begins with %s: %q", text, heard())
}

// remove deletes a person's letter in the application, without Poterne.
func remove(t *testing.T, application string, n int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, application+"/email/"+foreigner(n), nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
}

// comesToLack waits until something is on the page no more.
func (s *screen) comesToLack(selector string) {
	s.t.Helper()
	for end := time.Now().Add(soon); s.count(selector) > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("%s is still there", selector)
		}
	}
}

// mailbox starts MailDev over a letter to each of the forty invented people, and returns its address, and what
// posts a mail to one of them.
func mailbox(t *testing.T) (address string, post func(subject string, to int)) {
	program := npm(t, "maildev", "2.2.1", filepath.Join("bin", "maildev"))
	letters := t.TempDir()
	mail := func(subject string, n int) []byte {
		return fmt.Appendf(nil, "From: Agency <desk@agence.example>\r\nTo: Invented %d <%s@mail.example>\r\nSubject: %s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nWhat is said to %d.\r\n", n, foreigner(n), subject, n)
	}
	for n := 1; n <= 40; n++ {
		if err := os.WriteFile(filepath.Join(letters, foreigner(n)+".eml"), mail(fmt.Sprintf("Letter for %d", n), n), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	port, incoming := freePort(t), freePort(t)
	neighbour(t, exec.Command("node", program, "--web", fmt.Sprint(port), "--smtp", fmt.Sprint(incoming), "--ip", "127.0.0.1", "--mail-directory", letters), port)
	return fmt.Sprintf("http://127.0.0.1:%d", port), func(subject string, to int) {
		t.Helper()
		if err := smtp.SendMail(fmt.Sprintf("127.0.0.1:%d", incoming), nil, "desk@agence.example", []string{foreigner(to) + "@mail.example"}, mail(subject, to)); err != nil {
			t.Fatal(err)
		}
	}
}
