package content_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"poterne/internal/gate/content"
	"poterne/internal/register"
)

const personsURI = "urn:example:persons"

// envelope is a SOAP answer with persons, as applications write it.
func envelope(inside string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/" xmlns="` + personsURI + `"><S:Header/><S:Body><findResponse trace="h4711">` + inside + `</findResponse></S:Body></S:Envelope>`
}

func soapLayout() content.Layout {
	const row = "/soap:Envelope/soap:Body/p:findResponse/p:person"
	return content.Layout{
		Format: content.XML, Namespaces: content.Namespaces{"p": personsURI},
		People: []content.Group{{
			Row: row, Person: []content.Naming{{Scheme: "dossier", Path: "@id"}, {Scheme: "dossier", Path: "p:number"}},
			Fields: []content.Part{{Field: register.Name, Path: "p:name"}, {Field: register.Contact, Path: "p:contact"}, {Field: register.Health, Path: "p:contact/p:doctor"}, {Field: register.Birth, Path: "p:name/@born"}},
		}},
		Plain: []string{"/soap:Envelope/soap:Body/p:findResponse/p:count"},
	}
}

func readXML(t *testing.T, l content.Layout, body string) (*content.Reading, error) {
	t.Helper()
	reader, err := content.Compile(l)
	if err != nil {
		t.Fatal(err)
	}
	return reader.Read([]byte(body))
}

func releaseXML(t *testing.T, r *content.Reading, keep content.Keep) string {
	t.Helper()
	out, err := r.Release(nil, keep)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(string(out), xml.Header)
}

// Promise: SCOPE-9
func TestSCOPE_9_XMLShowsThePeopleItNamesAndNothingElse(t *testing.T) {
	r, err := readXML(t, soapLayout(), envelope(`<!-- h4711 --><count unit="h4711">2</count><secret>h4711</secret>`+
		`<person id="1" note="h4711"><number>1</number><name born="1990-05-01" title="Dr"><![CDATA[Zoé & Co <x>]]></name><contact><phone>06</phone><doctor>Dupont</doctor></contact><other>h4711</other></person>`+
		`<person id="2"><name>Karim</name></person><person xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/>`))
	if err != nil {
		t.Fatal(err)
	}
	rows := r.Rows()
	if len(rows) != 2 || len(rows[0].Refs) != 2 || rows[0].Fields != register.Name|register.Contact|register.Health|register.Birth || rows[1].Fields != register.Name {
		t.Fatalf("%+v", rows)
	}
	const open = `<soap:Envelope xmlns:p="urn:example:persons" xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><p:findResponse><p:count unit="h4711">2</p:count>`
	const end = "</p:findResponse></soap:Body></soap:Envelope>\n"
	for name, c := range map[string]struct {
		keep content.Keep
		want string
	}{
		"everybody": {
			func(int) (bool, register.Fields) { return true, register.AllFields },
			`<p:person><p:name born="1990-05-01" title="Dr">Zoé &amp; Co &lt;x&gt;</p:name><p:contact><p:phone>06</p:phone><p:doctor>Dupont</p:doctor></p:contact></p:person><p:person><p:name>Karim</p:name></p:person>`,
		},
		"nobody":            {func(int) (bool, register.Fields) { return false, 0 }, ``},
		"the second":        {func(row int) (bool, register.Fields) { return row == 1, register.Name }, `<p:person><p:name>Karim</p:name></p:person>`},
		"without health":    {func(row int) (bool, register.Fields) { return row == 0, register.Name | register.Contact }, `<p:person><p:name born="" title="Dr">Zoé &amp; Co &lt;x&gt;</p:name><p:contact><p:phone>06</p:phone><p:doctor/></p:contact></p:person>`},
		"health alone":      {func(row int) (bool, register.Fields) { return row == 0, register.Health }, `<p:person><p:name/><p:contact/></p:person>`},
		"nothing of anyone": {func(int) (bool, register.Fields) { return true, 0 }, `<p:person><p:name/><p:contact/></p:person><p:person><p:name/></p:person>`},
	} {
		if got := releaseXML(t, r, c.keep); got != open+c.want+end {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, open+c.want+end)
		}
	}
}

// Promise: SCOPE-9
func TestSCOPE_9_XMLThatCouldBeReadInTwoWaysIsRefused(t *testing.T) {
	person := `<person id="1"><name>Zoé</name></person>`
	if _, err := readXML(t, soapLayout(), envelope(person)); err != nil {
		t.Fatal(err)
	}
	deep := strings.Repeat("<other>", 200) + strings.Repeat("</other>", 200)
	for name, body := range map[string]string{
		"a document type":           strings.Replace(envelope(person), "?>", `?><!DOCTYPE x [<!ENTITY a "b">]>`, 1),
		"an entity":                 envelope(`<count>&secret;</count>` + person),
		"a second root":             envelope(person) + "<more/>",
		"text after it":             envelope(person) + "more",
		"another end":               strings.Replace(envelope(person), "</name>", "</nom>", 1),
		"another prefix's end":      strings.Replace(envelope(person), "</S:Body>", "</Body>", 1),
		"an attribute twice":        envelope(`<person id="1" id="2"><name>Zoé</name></person>`),
		"the same by two prefixes":  envelope(`<person xmlns:a="` + personsURI + `" xmlns:b="` + personsURI + `" id="1"><name a:x="1" b:x="2">Zoé</name></person>`),
		"an unknown namespace":      envelope(`<person id="1"><name xmlns="urn:other">Zoé</name></person>`),
		"a prefix without one":      envelope(`<q:person id="1"><name>Zoé</name></q:person>`),
		"not its charset":           strings.Replace(envelope(person), "Zoé", "Zo\xe9", 1),
		"another charset":           strings.Replace(envelope(person), "UTF-8", "ISO-8859-1", 1),
		"another version":           strings.Replace(envelope(person), `"1.0"`, `"1.1"`, 1),
		"a declaration within":      envelope(`<?xml version="1.0"?>` + person),
		"a character that is none":  envelope(`<person id="1"><name>&#1;</name></person>`),
		"an open element":           strings.TrimSuffix(envelope(person), "</S:Envelope>"),
		"a row of nobody":           envelope(`<person><name>Zoé</name></person>`),
		"a row of an empty name":    envelope(`<person id=""><name>Zoé</name></person>`),
		"a name of several":         envelope(`<person id="1"><number><a/></number></person>`),
		"deeper than anything":      envelope(deep + person),
		"nothing":                   "",
		"no XML":                    "{}",
		"two colons":                envelope(`<S:a:b/>` + person),
		"xmlns for itself":          envelope(`<person xmlns:xmlns="urn:x" id="1"/>`),
		"the namespace of xml":      envelope(`<person xmlns:q="http://www.w3.org/XML/1998/namespace" id="1"><name q:lang="x">Zoé</name></person>`),
		"an attribute not quoted":   envelope(`<person id=1><name>Zoé</name></person>`),
		"less-than in an attribute": envelope(`<person id="1<"><name>Zoé</name></person>`),
	} {
		r, err := readXML(t, soapLayout(), body)
		if err == nil {
			t.Errorf("%s is read: %+v", name, r.Rows())
		} else if strings.Contains(err.Error(), "Zo") || strings.Contains(err.Error(), "4711") {
			t.Errorf("%s: the error quotes it: %v", name, err)
		}
	}
}

// Promise: SCOPE-10
func TestSCOPE_10_NoNameInXMLIsMadeUpByTheApplication(t *testing.T) {
	l := content.Layout{Format: content.XML, People: []content.Group{{
		Row: "/list/*", Person: []content.Naming{{Scheme: "dossier", Path: "@id"}}, Fields: []content.Part{{Field: register.Note, Path: "*"}},
	}}, Keep: []string{"person"}}
	if _, err := readXML(t, l, `<list><h4711 id="1"><a>x</a></h4711></list>`); err == nil {
		t.Error("a row of any name goes out")
	}
	r, err := readXML(t, l, `<list><person id="1"><h4711 h4711="4711">4711</h4711></person></list>`)
	if err != nil {
		t.Fatal(err)
	}
	if got := releaseXML(t, r, func(int) (bool, register.Fields) { return true, register.Name }); strings.Contains(got, "4711") {
		t.Errorf("what is hidden says its name: %s", got)
	}
	if _, err := readXML(t, content.Layout{Format: content.XML, Plain: []string{"//status"}}, `<h4711><status>ok</status></h4711>`); err == nil {
		t.Error("an element around what is declared has any name")
	}
}

func TestXMLLayoutsAreComplainedOf(t *testing.T) {
	for name, l := range map[string]content.Layout{
		"no slash":            {Format: content.XML, Plain: []string{"list/person"}},
		"an unknown prefix":   {Format: content.XML, Plain: []string{"/q:list"}},
		"a filter":            {Format: content.XML, Plain: []string{"/list[1]"}},
		"in an attribute":     {Format: content.XML, Plain: []string{"/list/@a/b"}},
		"an absolute in rows": {Format: content.XML, People: []content.Group{{Row: "/a", Person: []content.Naming{{Scheme: "dossier", Path: "/a/b"}}}}},
		"a row of attributes": {Format: content.XML, People: []content.Group{{Row: "/a/@b", Person: []content.Naming{{Scheme: "dossier", Path: "@id"}}}}},
		"a taken prefix":      {Format: content.XML, Plain: []string{"/a"}, Namespaces: content.Namespaces{"soap": "urn:x"}},
		"a known namespace":   {Format: content.XML, Plain: []string{"/a"}, Namespaces: content.Namespaces{"s": "http://www.w3.org/2003/05/soap-envelope"}},
		"JSON's namespaces":   {Format: content.JSON, Plain: []string{"$.a"}, Namespaces: content.Namespaces{"s": "urn:x"}},
		"an end with a slash": {Format: content.XML, Plain: []string{"/a/"}},
	} {
		if _, err := content.Compile(l); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// Promise: SCOPE-10
func TestSCOPE_10_AnXMLRequestHoldsWhatIsListedAndIsWrittenAnew(t *testing.T) {
	r, err := content.CompileXMLRequest([]content.Member{
		{Path: "/soap:Envelope/soap:Body/p:get/p:id", Scheme: "dossier"},
		{Path: "/soap:Envelope/soap:Body/p:get/p:also/@ref", Scheme: "dossier", Template: "Person/{id}", Optional: true},
		{Path: "/soap:Envelope/soap:Body/p:get/p:note", Writes: register.Note},
	}, content.Namespaces{"p": personsURI})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(inside string) string {
		return `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:q="` + personsURI + `"><e:Header/><e:Body>` + inside + `</e:Body></e:Envelope>`
	}
	sent, err := r.Read([]byte(ask(`<!-- 9 --><q:get><q:id>7</q:id><q:also ref="Person/8"/><q:note>a &lt; b</q:note></q:get>`)))
	if err != nil || sent.Operation != "get" || len(sent.Refs) != 2 || sent.Refs[0].Value != "7" || sent.Refs[1].Value != "8" || sent.Writes != register.Note {
		t.Fatalf("%+v %v", sent, err)
	}
	const anew = xml.Header + `<soap:Envelope xmlns:p="urn:example:persons" xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><p:get><p:id>7</p:id><p:also ref="Person/8"/><p:note>a &lt; b</p:note></p:get></soap:Body></soap:Envelope>`
	if string(sent.Body) != anew {
		t.Errorf("it is sent as %s", sent.Body)
	}
	for name, inside := range map[string]string{
		"nobody":                 `<q:get/>`,
		"an empty name":          `<q:get><q:id/></q:get>`,
		"space around it":        `<q:get><q:id> 7</q:id></q:get>`,
		"a second of nobody":     `<q:get><q:id>7</q:id></q:get><q:get/>`,
		"another operation":      `<q:delete/>`,
		"one more operation":     `<q:get><q:id>7</q:id></q:get><q:delete/>`,
		"another element":        `<q:get><q:id>7</q:id><q:all/></q:get>`,
		"another attribute":      `<q:get all="true"><q:id>7</q:id></q:get>`,
		"text beside":            `<q:get>8<q:id>7</q:id></q:get>`,
		"an element in a value":  `<q:get><q:id>7<q:id>8</q:id></q:id></q:get>`,
		"the same elsewhere":     `<get><id>7</id></get>`,
		"not its form":           `<q:get><q:id>7</q:id><q:also ref="8"/></q:get>`,
		"a header that says":     `</e:Body><e:Header><q:id>8</q:id></e:Header><e:Body><q:get><q:id>7</q:id></q:get>`,
		"an entity":              `<q:get><q:id>&x;</q:id></q:get>`,
		"an attribute of a type": `<q:get><q:id xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="x">7</q:id></q:get>`,
	} {
		if sent, err := r.Read([]byte(ask(inside))); err == nil {
			t.Errorf("%s is read: %+v", name, sent)
		}
	}
}

// leaf is a random document's text, at a path.
type leaf struct{ path, text string }

// growXML writes a random document, and lists its texts.
func growXML(r *rand.Rand, path string, depth int, b *strings.Builder, leaves *[]leaf) {
	name := string("abc"[r.IntN(3)])
	path += "/" + name
	b.WriteString("<" + name)
	if r.IntN(3) == 0 {
		text := fmt.Sprintf("t%dt", len(*leaves))
		*leaves = append(*leaves, leaf{path + "/@x", text})
		b.WriteString(` x="` + text + `"`)
	}
	b.WriteString(">")
	if depth == 0 || r.IntN(3) == 0 {
		text := fmt.Sprintf("t%dt", len(*leaves))
		*leaves = append(*leaves, leaf{path, text})
		b.WriteString(text)
	} else {
		for range r.IntN(4) {
			growXML(r, path, depth-1, b, leaves)
		}
	}
	b.WriteString("</" + name + ">")
}

// What goes out of a document that speaks of nobody is, text by text, what lies at a declared path or
// below one: as a regular expression over the paths of texts says, which knows no tree.
func TestSCOPE_9_XMLGoesOutAsItsPathsSay(t *testing.T) {
	paths := []string{"/a", "/a/b", "/*/c", "//b/c", "/a//c", "//a/@x", "/a/b/a", "/b/@x", "//c/*/a", "/a/a/@x", "/*/*/b"}
	expression := func(path string) *regexp.Regexp {
		s := regexp.QuoteMeta(path)
		s = strings.ReplaceAll(s, `\*`, `[abc]`)
		s = strings.ReplaceAll(s, "//", "/(?:[abc]/)*")
		if strings.Contains(path, "@") {
			return regexp.MustCompile("^" + s + "$")
		}
		return regexp.MustCompile("^" + s + "(?:/.*)?$")
	}
	went := 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		var b strings.Builder
		var leaves []leaf
		growXML(r, "", 4, &b, &leaves)
		var plain []string
		for range 1 + r.IntN(3) {
			if one := paths[r.IntN(len(paths))]; !slices.Contains(plain, one) {
				plain = append(plain, one)
			}
		}
		reading, err := readXML(t, content.Layout{Format: content.XML, Plain: plain, Keep: []string{"a b c"}}, b.String())
		if err != nil {
			t.Fatalf("%v: %s", err, b.String())
		}
		out := releaseXML(t, reading, nil)
		for _, one := range leaves {
			declared := slices.ContainsFunc(plain, func(path string) bool { return expression(path).MatchString(one.path) })
			if strings.Contains(out, one.text) != declared {
				t.Fatalf("%v of %s: %s at %s goes out: %v, declared: %v\n%s", plain, b.String(), one.text, one.path, !declared, declared, out)
			}
			if declared {
				went++
			}
		}
	}
	if went < 1000 {
		t.Errorf("only %d texts went out", went)
	}
}

// FuzzXML holds what goes out against what the standard library's own decoder reads of it, and
// against a second reading.
func FuzzXML(f *testing.F) {
	f.Add(envelope(`<count>1</count><person id="1"><number>1</number><name born="x">Zoé</name></person>`))
	f.Add(envelope(`<person id="1"><contact>a<person id="2"><name>b</name></person></contact></person>`))
	f.Add(`<?xml version="1.0"?><a/>`)
	f.Add(envelope(`<person id="1"><name>&#13;]]&gt;<![CDATA[<&]]></name></person>`))
	reader, err := content.Compile(soapLayout())
	if err != nil {
		f.Fatal(err)
	}
	all := func(int) (bool, register.Fields) { return true, register.AllFields }
	f.Fuzz(func(t *testing.T, body string) {
		reading, err := reader.Read([]byte(body))
		if err != nil {
			return
		}
		out, err := reading.Release(nil, all)
		if err != nil {
			t.Fatal(err)
		}
		decoder := xml.NewDecoder(strings.NewReader(string(out)))
		for {
			token, err := decoder.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("what goes out is no XML: %v\n%s", err, out)
			}
			switch token.(type) {
			case xml.Comment, xml.Directive:
				t.Fatalf("%T goes out: %s", token, out)
			}
		}
		// Nobody is in what goes out when nobody may be shown.
		none, err := reading.Release(nil, func(int) (bool, register.Fields) { return false, 0 })
		if err != nil || strings.Contains(string(none), "p:person") {
			t.Fatalf("%v: %s", err, none)
		}
		if len(reading.Rows()) == 0 {
			again, err := reader.Read(out)
			if err != nil {
				t.Fatalf("what goes out is not read again: %v\n%s", err, out)
			}
			if twice, err := again.Release(nil, all); err != nil || string(twice) != string(out) {
				t.Fatalf("read again it is another document: %v\n%s\n%s", err, out, twice)
			}
		}
	})
}

// FuzzXMLRequest holds what is sent to the application against a second reading of it.
func FuzzXMLRequest(f *testing.F) {
	r, err := content.CompileXMLRequest([]content.Member{
		{Path: "/get/id", Scheme: "dossier"}, {Path: "/get/note/@a"}, {Path: "/get/note/text", Writes: register.Note},
	}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(`<get><id>7</id><note a="&#10;"><text>a&amp;&#13;b</text></note></get>`)
	f.Add(`<get><id>7</id><id>8</id></get>`)
	f.Fuzz(func(t *testing.T, body string) {
		sent, err := r.Read([]byte(body))
		if err != nil {
			return
		}
		again, err := r.Read(sent.Body)
		if err != nil || fmt.Sprint(again.Sent) != fmt.Sprint(sent.Sent) || string(again.Body) != string(sent.Body) {
			t.Fatalf("the application reads another request: %v\n%+v\n%+v\n%s", err, sent.Sent, again.Sent, sent.Body)
		}
		if len(sent.Refs) == 0 {
			t.Fatalf("it names nobody: %s", sent.Body)
		}
	})
}
