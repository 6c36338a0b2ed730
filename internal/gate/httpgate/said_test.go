package httpgate_test

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"poterne/internal/fault"
	"poterne/internal/gate/content"
	"poterne/internal/gate/httpgate"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
)

// A search asked by POST, with what is looked for in JSON, is a search like any other:
// nothing is written as a change, its rows cost what a search's do, and a sweep shows.
//
// Promises: SCOPE-4, WATCH-9
func TestSCOPE_4_ASearchMayHaveABodyInJSON(t *testing.T) {
	r := list()
	r.Path, r.Methods, r.Query, r.Reads = "/search", []string{"POST"}, nil, true
	r.Members, r.Search = []string{"$.who.surname", "$.birth"}, &httpgate.Search{Most: 2, Name: []string{"$.who.surname"}, Birth: "$.birth"}
	w := newWorld(t, r)
	l := w.listen(t, register.Canaries{}, r)
	w.says("application/json", sayAll("p1", "p20"))
	const js = "application/json"
	for n := range 3 {
		g := w.post("/search", js, fmt.Sprintf(`{"who":{"surname":"name%d"},"birth":"1990-01-01"}`, n))
		if g.status != 200 || len(shown(g.body)) != 2 {
			t.Fatalf("got %v", g)
		}
		if signs := l.last().Signs; !signs.Has(meter.SearchRow) || n > 0 && !signs.Has(meter.SameBirth) {
			t.Errorf("search %d has the signs %b", n, signs)
		}
	}
	for _, e := range w.entries() {
		if e.Kind.String() == "changed" || e.Cost >= meter.Whole {
			t.Errorf("a search is written as %v, for %v", e.Kind, e.Cost)
		}
	}
	w.says(js, sayAll("p1", "p2", "p3"))
	w.refused(w.post("/search", js, `{"birth":"1990-01-01"}`), policy.TooMany)
	w.refused(w.post("/search", js, `{"all":true}`), policy.UndeclaredField)
	asked := w.times()
	r2 := w.request("POST", "/search", `{"birth":"x"}`) // from another site
	r2.Header.Set("Content-Type", js)
	r2.Header.Set("Sec-Fetch-Site", "cross-site")
	if g := w.do(r2); g.status == 200 || w.times() != asked {
		t.Errorf("another site's search was let through: %v", g)
	}
}

// A form with files is written anew: the application gets the fields and files that
// were read, in one spelling, and no other.
//
// Promise: SCOPE-10
func TestSCOPE_10_AFormWithFilesIsWrittenAnew(t *testing.T) {
	r := changing()
	r.Methods, r.Form = []string{"POST"}, []string{"text", "csrf"}
	r.Request = append(r.Request, httpgate.Naming{In: httpgate.InForm, Name: "person", Scheme: "dossier", Optional: true})
	r.Files = []httpgate.File{{Name: "photo", Types: []string{"image/png"}}}
	w := newWorld(t, r)
	w.says("application/json", say("p1"))
	send := func(parts ...string) got {
		return w.post("/files/p1/notes", "multipart/form-data; boundary=b", "--b\r\n"+strings.Join(parts, "\r\n--b\r\n")+"\r\n--b--\r\n")
	}
	const text, photo = "Content-Disposition: form-data; name=\"text\"\r\n\r\nligne 1\r\nligne 2", "content-disposition: form-data; name=photo; filename=\"C:\\\\dir\\\\p \\\"1\\\".png\"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n\x00--b"
	if g := send(text, photo); g.status != 200 {
		t.Fatalf("got %v", g)
	}
	_, parameters, err := mime.ParseMediaType(w.asked[0].Header.Get("Content-Type"))
	if err != nil || parameters["boundary"] == "b" {
		t.Fatalf("sent on as %v", w.asked[0].Header)
	}
	form, err := multipart.NewReader(strings.NewReader(w.bodies[0]), parameters["boundary"]).ReadForm(1 << 20)
	if err != nil || form.Value["text"][0] != "ligne 1\r\nligne 2" || len(form.File["photo"]) != 1 {
		t.Fatalf("the application has %v: %v", form, err)
	}
	sent, _ := form.File["photo"][0].Open()
	if content, _ := io.ReadAll(sent); string(content) != "\x89PNG\r\n\x00--b" || strings.ContainsAny(form.File["photo"][0].Filename, `\"`) {
		t.Errorf("the file is %q, called %q", content, form.File["photo"][0].Filename)
	}
	const none = "Content-Disposition: form-data; name=\"photo\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n"
	if g := send(text, none); g.status != 200 {
		t.Errorf("a form in which no file was chosen: %v", g)
	}
	asked := w.times()
	for sentence, test := range map[string]struct {
		why   policy.Why
		parts []string
	}{
		"a field that is not declared":   {policy.UndeclaredField, []string{text, strings.Replace(text, `"text"`, `"other"`, 1)}},
		"a file that is not declared":    {policy.UndeclaredField, []string{strings.Replace(photo, "photo", "other", 1)}},
		"a field that is a file":         {policy.UndeclaredField, []string{strings.Replace(photo, "photo", "text", 1)}},
		"another type of file":           {policy.UndeclaredBody, []string{strings.Replace(photo, "image/png", "text/html", 1)}},
		"a mask":                         {policy.Overwrites, []string{strings.Replace(text, "ligne 1", content.Mask, 1)}},
		"a part in an encoding":          {policy.RequestUnreadable, []string{"Content-Transfer-Encoding: base64\r\n" + text}},
		"a part without a name":          {policy.RequestUnreadable, []string{"Content-Disposition: form-data\r\n\r\nx"}},
		"a part with two names":          {policy.RequestUnreadable, []string{"Content-Disposition: form-data; name=text; name*=UTF-8''person\r\n\r\nx"}},
		"a part with two headers":        {policy.RequestUnreadable, []string{"Content-Disposition: form-data; name=person\r\n" + text}},
		"a part that is an attachment":   {policy.RequestUnreadable, []string{strings.Replace(text, "form-data", "attachment", 1)}},
		"a text in another charset":      {policy.RequestUnreadable, []string{"Content-Type: text/plain; charset=utf-16\r\n" + text}},
		"a text with a control char":     {policy.RequestUnreadable, []string{text + "\x00"}},
		"somebody who has not the form":  {policy.Unnamed, []string{text, "Content-Disposition: form-data; name=person\r\n\r\nP 2"}},
		"a person who may not be opened": {policy.RequestUnreadable, []string{text, "Content-Disposition: form-data; name=person; filename*=x\r\n\r\np2"}},
	} {
		t.Run(sentence, func(t *testing.T) {
			w.t = t
			w.refused(send(test.parts...), test.why)
		})
	}
	w.t = t
	w.refused(w.post("/files/p1/notes", "multipart/form-data", "x"), policy.RequestUnreadable)
	w.refused(w.post("/files/p1/notes", "multipart/form-data; boundary=b", "--b\r\n"+text), policy.RequestUnreadable)
	if w.times() != asked {
		t.Errorf("the application was asked %d times more", w.times()-asked)
	}
}

// What an application says of a request that it finds wrong goes out where it is
// declared, read and written like an answer; what it does not declare does not.
//
// Promise: SCOPE-9
func TestSCOPE_9_WhatIsWrongWithARequestIsReadLikeAnAnswer(t *testing.T) {
	r := changing()
	r.Methods, r.Shows = []string{"POST"}, register.Note
	r.Invalid = &httpgate.Invalid{Status: []int{422}, Answers: []httpgate.Answer{
		{Type: "application/problem+json", Layout: content.Layout{Format: content.JSON, Plain: []string{"$.errors[*].message"}}},
	}}
	w := newWorld(t, r)
	status, media := 422, "application/problem+json"
	w.app = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", media)
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, `{"errors":[{"message":"too short","value":"secret"}],"stack":"secret"}`)
	}
	send := func() got { return w.post("/files/p1/notes", "application/x-www-form-urlencoded", "text=x") }
	if g := send(); g.status != 422 || g.body != `{"errors":[{"message":"too short"}]}` || g.header.Get("Poterne-Receipt") == "" {
		t.Errorf("got %v", g)
	}
	media = "application/json"
	w.refused(send(), policy.UndeclaredAnswer)
	status = 400
	w.failed(send(), fault.Invalid, policy.AnsweredNo)
	for want, change := range map[string]func(*httpgate.Route){
		"404 is not said":  func(r *httpgate.Route) { r.Invalid.Status = []int{404} },
		"for which status": func(r *httpgate.Route) { r.Invalid.Status = nil },
		"speaks of nobody": func(r *httpgate.Route) {
			r.Kind, r.Path, r.Request, r.Writes, r.Shows = httpgate.Page, "/x", nil, 0, 0
			r.Answers = []httpgate.Answer{{Layout: content.Layout{Format: content.HTML, Plain: []string{"p"}}}}
			r.Invalid.Answers = []httpgate.Answer{{Layout: oneFile}}
		},
	} {
		bad := r
		bad.Invalid = &httpgate.Invalid{Status: []int{422}, Answers: r.Invalid.Answers}
		change(&bad)
		if err := httpgate.Check([]httpgate.Service{w.service(bad)}, schemes, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want a sentence with %q", err, want)
		}
	}
}

// A list by pages says how many it has, less those that are withheld here, and where
// its other pages are, if these are declared addresses that say nothing of their own.
//
// Promise: SCOPE-7
func TestSCOPE_7_PagesOfAListAreLinkedAndCountedWithoutWhomIsWithheld(t *testing.T) {
	r := list()
	r.Total, r.Links, r.Query = "X-Total-Count", true, []string{"page", "q"}
	r.Leads = []httpgate.Value{{Name: "page", Pattern: "[0-9]{1,3}"}}
	w := newWorld(t, r, file())
	w.app = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		rw.Header().Set("X-Total-Count", "40")
		rw.Header().Set("X-Other", "secret")
		rw.Header().Add("Link", `</list?page=2&q=mine>; rel="next", </list?page=Dupont>; rel="last"`)
		rw.Header().Add("Link", `<https://elsewhere.example/list>; rel=first, </files/p9>; rel="prev", </list>; rel="author"`)
		_, _ = io.WriteString(rw, sayAll("p1", "p20", "p21", "p22", "p23", "p24"))
	}
	g := w.get("/list?page=1&q=mine")
	if n := len(shown(g.body)); n != 4 || g.header.Get("X-Total-Count") != "38" {
		t.Errorf("%d are shown, of %s", n, g.header.Get("X-Total-Count"))
	}
	if link := g.header.Get("Link"); link != `</dossier/list?page=2&q=mine>; rel="next"` {
		t.Errorf("Link: %s", link)
	}
	if g.header.Get("X-Other") != "" {
		t.Error("a header that nobody declared went out")
	}
}

// Of a page in an old charset every letter is read, and it goes out as UTF-8.
//
// Promise: RUN-2
func TestRUN_2_OldCharsetsAreRead(t *testing.T) {
	r := list()
	r.Answers[2].Charset = "windows-1252"
	w := newWorld(t, r)
	w.says("text/html; charset=ISO-8859-1", "<h1>\xe9t\xe9 \x80</h1>")
	if g := w.get("/list"); !strings.Contains(g.body, "<h1>été €</h1>") || g.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("got %v", g)
	}
	w.says("text/csv", "id,name\np1,Fran\xe7oise\n")
	if g := w.get("/list"); !strings.Contains(g.body, "Françoise") {
		t.Errorf("got %v", g)
	}
	for _, media := range []string{"text/html; charset=utf-16", "text/html; charset=windows-1252"} {
		w.says(media, "<h1>\x81</h1>")
		w.refused(w.get("/list"), policy.NotUnderstood)
	}
}

// A service that has a host to itself keeps the names of its cookies, for scripts look
// for them; under a prefix nobody's cookie can be taken for another's.
//
// Promise: RUN-2
func TestRUN_2_CookiesKeepTheirNamesOnAHostOfTheirOwn(t *testing.T) {
	page := httpgate.Route{Path: "/", Kind: httpgate.Page, Purpose: "accompany", Answers: []httpgate.Answer{{Layout: content.Layout{Format: content.HTML, Plain: []string{"p"}}}}}
	w := newWorld(t, page)
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		http.SetCookie(rw, &http.Cookie{Name: "csrftoken", Value: "t"})
		http.SetCookie(rw, &http.Cookie{Name: "other", Value: "secret"})
		rw.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprint(rw, "<p>", r.Header["Cookie"])
	}
	front, _ := url.Parse(w.front.URL)
	alone := w.service(page)
	alone.Prefix, alone.Host, alone.Cookies = "", "app.example", []string{"csrftoken"}
	beside := w.service(page)
	beside.ID, beside.Prefix, beside.Host, beside.Cookies = "beside", "", "app.example:8443", []string{"csrftoken"}
	ask := func(services ...httpgate.Service) got {
		var err error
		if w.proxy, err = httpgate.New(services, w.dependencies(t)); err != nil {
			t.Fatal(err)
		}
		r, _ := http.NewRequestWithContext(t.Context(), "GET", front.String(), nil)
		r.Host = "app.example"
		r.Header.Set("Cookie", "csrftoken=mine; __Host-poterne=session; svc-dossier.csrftoken=prefixed")
		return w.do(r)
	}
	if g := ask(alone); !strings.HasPrefix(g.header.Get("Set-Cookie"), "csrftoken=t;") || len(g.header["Set-Cookie"]) != 1 || !strings.Contains(g.body, "[csrftoken=mine]") {
		t.Errorf("on a host of its own: %v %v", g, g.header)
	}
	if g := ask(alone, beside); !strings.HasPrefix(g.header.Get("Set-Cookie"), "svc-dossier.csrftoken=t;") || !strings.Contains(g.body, "[csrftoken=prefixed]") {
		t.Errorf("on a host that two services have: %v %v", g, g.header)
	}
	alone.Cookies = []string{"__Host-poterne"}
	if err := httpgate.Check([]httpgate.Service{alone}, schemes, 0); err == nil || !strings.Contains(err.Error(), "the gate's own") {
		t.Errorf("a cookie of the gate's own: %v", err)
	}
}

// A page under a prefix leads to itself, not to the portal.
//
// Promise: RUN-2
func TestRUN_2_LinksOfAPageLeadToWhereItIsSeen(t *testing.T) {
	w := newWorld(t, httpgate.Route{Path: "/", Kind: httpgate.Page, Purpose: "accompany", Answers: []httpgate.Answer{{Layout: content.Layout{Format: content.HTML, Plain: []string{"body"}}}}})
	w.says("text/html", `<a href="/a?b">1</a><a href="/dossier/a">2</a><a href="//x.example/">3</a><a href="a">4</a><form action="/"><button formaction="/dossiers">5</button></form><img src="/i.png" alt="/i"><a hx-get="/dossier">6</a>`)
	const want = `<a href="/dossier/a?b">1</a><a href="/dossier/a">2</a><a href="//x.example/">3</a><a href="a">4</a><form action="/dossier/"><button formaction="/dossier/dossiers">5</button></form><img src="/dossier/i.png" alt="/i"/><a hx-get="/dossier">6</a>`
	if g := w.get("/"); !strings.Contains(g.body, want) {
		t.Errorf("got %v", g)
	}
}

// FuzzMultipart holds that a form which is read is, for another parser, the form that
// the application is sent.
func FuzzMultipart(f *testing.F) {
	for _, seed := range []string{
		"--b\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nx\r\n--b--\r\n", "--b\nContent-Disposition: form-data; name=text\n\nx\n--b--", "preamble\r\n--b\r\n\r\n\r\n--b--",
		"--b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"\xc3\xa9%22\\\".png\"\r\nContent-Type: image/png\r\n\r\n\x00\r\n--b\r\n--b--\r\n", "--b\r\nContent-Disposition: form-data; name=\"a\r\n b\"\r\n\r\n\r\n--b--\r\n",
		"--b\r\nContent-Disposition: form-data; name=\"text\"\r\nContent-Disposition: form-data; name=\"person\"\r\n\r\nx\r\n--b--\r\n", "--b  \r\nContent-Disposition: form-data; name*=UTF-8''text\r\n\r\nx\r\n--b--\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		anew, media, names, values, err := httpgate.RewriteMultipart(body, "multipart/form-data; boundary=b")
		if err != nil {
			return
		}
		_, parameters, err := mime.ParseMediaType(media)
		if err != nil {
			t.Fatal(err)
		}
		parts := multipart.NewReader(bytes.NewReader(anew), parameters["boundary"])
		for {
			part, err := parts.NextPart()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("what was written cannot be read: %v\n%q", err, anew)
			}
			text, _ := io.ReadAll(part)
			if part.FileName() != "" || part.Header.Get("Content-Type") != "" {
				if part.FormName() != "photo" {
					t.Errorf("a file in %q", part.FormName())
				}
				continue
			}
			if len(names) == 0 || part.FormName() != strings.NewReplacer(`"`, "%22", `\`, "%5C").Replace(names[0]) || string(text) != values[0] {
				t.Fatalf("%q=%q was written of %q\n%q", part.FormName(), text, names, anew)
			}
			names, values = names[1:], values[1:]
		}
		if len(names) > 0 {
			t.Errorf("%q are lost", names)
		}
	})
}
