package content_test

import (
	"strings"
	"testing"

	"poterne/internal/gate/content"
	"poterne/internal/register"
)

// found is the layout of a page with a table of people; one of them may have a
// household in an inner table.
var found = content.Layout{
	Format: content.HTML,
	People: []content.Group{{
		Row: "tr.person",
		Person: []content.Naming{
			{Scheme: "dossier", Path: "td.id"},
			{Scheme: "key", Attribute: "data-key"},
		},
		Fields: []content.Part{
			{Field: register.Identifier, Path: "td.id"},
			{Field: register.Name, Path: "td.name"},
			{Field: register.NIR, Path: "td.name em"},
			{Field: register.Contact, Path: "td.mail a", Attribute: "href"},
			{Field: register.Contact, Path: "input", Attribute: "value"},
		},
	}, {
		Row:    "tr.child",
		Person: []content.Naming{{Scheme: "dossier", Path: ":scope", Attribute: "id"}},
		Fields: []content.Part{{Field: register.Family, Path: "td"}},
	}},
	Plain: []string{"head", "thead", "tr .action"},
	Keep:  []string{"wide other m", "people"},
}

// page puts rows into a page with all that surrounds them.
func page(rows string) string {
	return `<!DOCTYPE html><html lang="fr" data-secret="x"><head><title>Résultats</title><script>var t=1;</script></head>` +
		`<body class="wide" onload="secret()"><h1>secret</h1>secret<!-- secret --><table id="people" data-sql="secret"><thead><tr><th>Dossier</th></tr></thead>` +
		`<tbody>` + rows + `</tbody></table><script>secret</script></body></html>`
}

// cut is the page as it goes out around the rows that are left.
func cut(rows string) string {
	return `<!DOCTYPE html><html lang="fr"><head><title>Résultats</title><script>var t=1;</script></head>` +
		`<body class="wide"><table id="people"><thead><tr><th>Dossier</th></tr></thead><tbody>` + rows + `</tbody></table></body></html>`
}

func TestAnHTMLAnswerIsReadAndCut(t *testing.T) {
	const first = `<tr class="person" id="p-A1" data-key="77"><td class="id">A1</td><td class="other" colspan="2" data-x="1">secret</td>` +
		`<td class="name" title="Léa">Durand <em>9...</em><!-- secret --><script>secret</script></td>` +
		`<td class="mail"><a href="mailto:lea@x.example" class="m" onclick="x">lea@x.example</a></td><td><a class="action" href="/open">Ouvrir</a></td></tr>`
	const second = ` <tr class="person"><td class="id"> B2 </td><td class="name"></td><td>secret<table><tbody><tr class="child" id="C3"><td>fille</td></tr></tbody></table></td></tr>`
	for sentence, check := range map[string]struct {
		keep content.Keep
		want string
	}{
		"everything declared goes out, nothing else": {
			everything,
			`<tr class="person"><td class="id">A1</td><td class="other" colspan="2"></td><td class="name" title="Léa">Durand <em>9...</em></td>` +
				`<td class="mail"><a class="m" href="mailto:lea@x.example"></a></td><td><a class="action" href="/open">Ouvrir</a></td></tr>` +
				` <tr class="person"><td class="id"> B2 </td><td class="name"></td><td><table><tbody><tr class="child"><td>fille</td></tr></tbody></table></td></tr>`,
		},
		"withheld rows go whole, the inner ones with them": {without(0, 1), ` `},
		"an inner row goes alone":                          {without(0, 2), ` <tr class="person"><td class="id"> B2 </td><td class="name"></td><td><table><tbody></tbody></table></td></tr>`},
		"what may not be seen is dots": {
			only(register.Name),
			`<tr class="person"><td class="id">•••</td><td class="other" colspan="2"></td><td class="name" title="Léa">Durand <em>•••</em></td>` +
				`<td class="mail"><a class="m"></a></td><td><a class="action" href="/open">Ouvrir</a></td></tr>` +
				` <tr class="person"><td class="id">•••</td><td class="name"></td><td><table><tbody><tr class="child"><td>•••</td></tr></tbody></table></td></tr>`,
		},
		"the inner category alone does not open its parents": {
			only(register.NIR),
			`<tr class="person"><td class="id">•••</td><td class="other" colspan="2"></td><td class="name">•••</td>` +
				`<td class="mail"><a class="m"></a></td><td><a class="action" href="/open">Ouvrir</a></td></tr>` +
				` <tr class="person"><td class="id">•••</td><td class="name">•••</td><td><table><tbody><tr class="child"><td>•••</td></tr></tbody></table></td></tr>`,
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			reading, err := compile(t, found).Read([]byte(page(first + second)))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := told(reading.Rows()), "dossier:A1 key:77 name+nir+contact+identifier\ndossier:B2 name+identifier\ndossier:C3 family"; got != want {
				t.Errorf("rows:\n%s\nwant:\n%s", got, want)
			}
			got, err := reading.Release([]byte("before "), check.keep)
			if want := "before " + cut(check.want); err != nil || string(got) != want {
				t.Errorf("released %v\n%s\nwant\n%s", err, got, want)
			}
		})
	}
}

func TestNothingHiddenIsInAReleasedPage(t *testing.T) {
	cards := content.Layout{
		Format: content.HTML,
		People: []content.Group{{
			Row: ".card", Person: []content.Naming{{Scheme: "d", Path: "b"}},
			Fields: []content.Part{{Field: register.Name, Path: "p"}, {Field: register.Identifier, Path: "b"}},
		}},
		Plain: []string{"nav"},
	}
	for sentence, body := range map[string]string{
		"a comment":                    `<div class=card><b>1</b><p>x<!--` + sentinel + `--></p></div>`,
		"a conditional comment":        `<!--[if IE]>` + sentinel + `<![endif]-->`,
		"a script in a part":           `<div class=card><b>1</b><p>x<script>` + sentinel + `</script></p></div>`,
		"a template in a part":         `<div class=card><b>1</b><p>x<template>` + sentinel + `</template></p></div>`,
		"a style in a part":            `<div class=card><b>1</b><p>x<style>` + sentinel + `</style></p></div>`,
		"a noscript in a part":         `<div class=card><b>1</b><p>x<noscript>` + sentinel + `</noscript></p></div>`,
		"a frame's own page":           `<div class=card><b>1</b><p>x<iframe srcdoc="` + sentinel + `"></iframe></p></div>`,
		"a frame's own page, in plain": `<nav><iframe srcdoc="` + sentinel + `">` + sentinel + `</iframe></nav>`,
		"a noscript in plain":          `<nav><noscript><p>` + sentinel + `</noscript></nav>`,
		"xmp in plain":                 `<nav><xmp>` + sentinel + `</xmp></nav>`,
		"noembed and noframes":         `<nav><noembed>` + sentinel + `</noembed><noframes>` + sentinel + `</noframes></nav>`,
		"plaintext":                    `<nav>x</nav><nav><plaintext>` + sentinel,
		"text around":                  sentinel + `<div class=card>` + sentinel + `<b>1</b></div>` + sentinel,
		"text thrown out of a table":   `<table>` + sentinel + `<tr><td><div class=card><b>1</b></div></table>`,
		"text in a select":             `<select>` + sentinel + `<option>` + sentinel + `</select>`,
		"a title":                      `<title>` + sentinel + `</title>`,
		"a base":                       `<base href="` + sentinel + `">`,
		"a refresh":                    `<meta http-equiv=refresh content="0;url=` + sentinel + `">`,
		"a link":                       `<link rel=preload href="` + sentinel + `">`,
		"an attribute of the body":     `<body data-x="` + sentinel + `" onload="` + sentinel + `">`,
		"an attribute of a row":        `<div class=card id="` + sentinel + `" data-x="` + sentinel + `" title="` + sentinel + `"><b>1</b></div>`,
		"the id of something in a row": `<div class=card><span id="` + sentinel + `"><b>1</b></span></div>`,
		"an image":                     `<div class=card><b>1</b><img alt="` + sentinel + `" src="` + sentinel + `"></div>`,
		"a form's hidden field":        `<form action="` + sentinel + `"><input type=hidden value="` + sentinel + `"><div class=card><b>1</b></div></form>`,
		"a nested form":                `<form><div class=card><b>1</b><form action="` + sentinel + `"><input value="` + sentinel + `"></form></div></form>`,
		"a foreign element":            `<svg><title>` + sentinel + `</title><desc><div class=card><b>1</b></div></desc></svg>`,
		"character data":               `<svg><![CDATA[` + sentinel + `]]></svg>`,
		"a processing instruction":     `<?xml ` + sentinel + `?>`,
		"an odd end tag":               `</` + sentinel + `><//` + sentinel + `>`,
		"a doctype that tells":         `<!DOCTYPE html PUBLIC "` + sentinel + `" "` + sentinel + `"><nav>x</nav>`,
		"a tag that is not closed":     `<div class=card><b>1</b></div><p title="` + sentinel,
		"an element named by it":       `<x-` + sentinel + `>x</x-` + sentinel + `>`,
	} {
		t.Run(sentence, func(t *testing.T) {
			reading, err := compile(t, cards).Read([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			out, err := reading.Release(nil, everything)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(strings.ToUpper(string(out)), sentinel) {
				t.Errorf("released %s", out)
			}
			if strings.Contains(body, "class=card") && !strings.Contains(string(out), "<b>1</b>") {
				t.Errorf("the row is missing in %s", out)
			}
		})
	}
}

func TestAnHTMLAnswerThatCannotBeReadWholeIsRefused(t *testing.T) {
	r := compile(t, found)
	for sentence, body := range map[string]string{
		"invalid UTF-8":                  page(`<tr class=person><td class=id>` + sentinel + "\xe9"),
		"UTF-16":                         "\xff\xfe<\x00p\x00>\x00",
		"frames":                         `<frameset><frame src="` + sentinel + `"></frameset>`,
		"a row without a name":           page(`<tr class=person><td class=name>` + sentinel),
		"a row named by nothing":         page(`<tr class=person><td class=id> <td class=name>` + sentinel),
		"a row named by a comment":       page(`<tr class=person><td class=id><!--` + sentinel + `-->`),
		"a row named by a script":        page(`<tr class=person><td class=id><script>` + sentinel + `</script>`),
		"a row named by an inner row":    page(`<tr class=person><td class=id><table><tr class=child id=C><td>` + sentinel + `</table>`),
		"an empty attribute":             page(`<tr class=person data-key=""><td class=id>` + sentinel),
		"an inner row without a name":    page(`<tr class=person><td class=id>1<td><table><tr class=child><td>` + sentinel + `</table>`),
		"a row of two groups":            page(`<tr class="person child" id="` + sentinel + `"><td class=id>1`),
		"nested without end":             strings.Repeat("<div>", 100_000),
		"a second name that is no name":  page(`<tr class=person><td class=id>1<td class=id>`),
		"a control character as a name":  page(`<tr class=person><td class=id>a&#x1;` + sentinel),
		"a row hidden from some readers": page(`<tr class=person><td class=id><noscript>` + sentinel + `</noscript>`),
	} {
		t.Run(sentence, func(t *testing.T) {
			_, err := r.Read([]byte(body))
			if err == nil {
				t.Fatal("was read")
			}
			if strings.Contains(err.Error(), sentinel) {
				t.Errorf("the error quotes the answer: %v", err)
			}
		})
	}
}

func TestAPageSaysThatItIsInUTF8(t *testing.T) {
	r := compile(t, content.Layout{Format: content.HTML, Plain: []string{"head"}})
	released(t, r, `<meta charset="iso-8859-1"><meta http-equiv="Content-Type" content="text/html; Charset=utf-7"><meta name="author" content="x">`, "",
		`<html><head><meta charset="utf-8"/><meta http-equiv="Content-Type" content="text/html; charset=utf-8"/><meta name="author" content="x"/></head><body></body></html>`)
}

func TestAPageThatWouldBecomeAnotherOneIsRefused(t *testing.T) {
	r := compile(t, content.Layout{Format: content.HTML, Plain: []string{"body"}})
	reading, err := r.Read([]byte(`<form id=a><div></form><form id=b><input></form></div>`))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := reading.Release(nil, everything); err == nil {
		t.Errorf("released %s", out)
	}
}

func TestAWholePageMayBeOnePerson(t *testing.T) {
	r := compile(t, content.Layout{Format: content.HTML, People: []content.Group{{
		Row: "body", Person: []content.Naming{{Scheme: "d", Attribute: "data-id"}}, Fields: []content.Part{{Field: register.Name, Path: "h1"}},
	}}, Plain: []string{"head", "nav"}, Keep: []string{"c"}})
	reading, err := r.Read([]byte("\ufeff<!doctype html><title>Dossier</title><body data-id=A class=c><nav><a href=/>Retour</a></nav><h1>Durand</h1><p>secret"))
	if err != nil {
		t.Fatal(err)
	}
	if got := told(reading.Rows()); got != "d:A name" {
		t.Errorf("rows %q", got)
	}
	for want, keep := range map[string]content.Keep{
		`<!DOCTYPE html><html><head><title>Dossier</title></head><body class="c"><nav><a href="/">Retour</a></nav><h1>Durand</h1></body></html>`: everything,
		`<!DOCTYPE html><html><head><title>Dossier</title></head><body class="c"><nav><a href="/">Retour</a></nav><h1>•••</h1></body></html>`:    only(0),
		`<!DOCTYPE html><html><head><title>Dossier</title></head><body></body></html>`:                                                           nothing,
	} {
		if got, err := reading.Release(nil, keep); err != nil || string(got) != want {
			t.Errorf("released %v\n%s\nwant\n%s", err, got, want)
		}
	}
}

func TestAMaskedPartKeepsThePageInShape(t *testing.T) {
	parts := func(path string) content.Layout {
		return content.Layout{Format: content.HTML, People: []content.Group{{
			Row: ".p", Person: []content.Naming{{Scheme: "d", Attribute: "data-id"}}, Fields: []content.Part{{Field: register.Note, Path: path}},
		}}}
	}
	for path, element := range map[string]string{
		"input": `<input value="9">`, "img": `<img src="9">`, "table": `<table><tr><td>9</table>`, "select": `<select><option>9</select>`,
		"textarea": `<textarea>9</textarea>`, "ul": `<ul><li>9</ul>`, "svg": `<svg><text>9</text></svg>`, "pre": "<pre>\n\n9</pre>",
	} {
		reading, err := compile(t, parts(path)).Read([]byte(`<div class=p data-id=1>` + element + `</div>`))
		if err != nil {
			t.Fatal(err)
		}
		if got := told(reading.Rows()); got != "d:1 note" {
			t.Errorf("%s: rows %q", path, got)
		}
		if out, err := reading.Release(nil, only(register.Name)); err != nil || strings.Contains(string(out), "9") || !strings.Contains(string(out), "<"+path) {
			t.Errorf("%s masked: %s, %v", path, out, err)
		}
		if out, err := reading.Release(nil, everything); err != nil || !strings.Contains(string(out), "9") {
			t.Errorf("%s shown: %s, %v", path, out, err)
		}
	}
}

func TestCSSSelectorsAreCheckedAtOnce(t *testing.T) {
	_, err := content.Compile(content.Layout{Format: content.HTML, Plain: []string{"a["}, People: []content.Group{{
		Row: "tr..x", Person: []content.Naming{{Scheme: "d", Path: ">"}}, Fields: []content.Part{{Field: register.Name, Path: "p::before"}},
	}}})
	for _, want := range []string{"people[0].row:", "people[0].person[0].path:", "people[0].fields[0].path:", "plain[0]:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no complaint about %s in: %v", want, err)
		}
	}
}

// Promise: SCOPE-10
func TestSCOPE_10_NothingUndeclaredGoesOutInOtherWords(t *testing.T) {
	cards := content.Layout{
		Format: content.HTML,
		People: []content.Group{{
			Row: ".card", Person: []content.Naming{{Scheme: "d", Path: "b"}},
			Fields: []content.Part{{Field: register.Name, Path: "p"}, {Field: register.NIR, Path: ".nir"}, {Field: register.Identifier, Path: "b"}},
		}},
		Keep: []string{"wide"},
	}
	const s = "MASKME-2850699"
	for sentence, body := range map[string]string{
		"a class of a masked cell":        `<div class=card><b>1</b><i class="nir ` + s + `">9</i></div>`,
		"a class of a row":                `<div class="card ` + s + `"><b>1</b></div>`,
		"a class around a row":            `<div class="wide ` + s + `"><div class=card><b>1</b></div></div>`,
		"an id around a row":              `<div id="` + s + `"><div class=card><b>1</b></div></div>`,
		"a role":                          `<div role="` + s + `"><div class=card role="` + s + `"><b>1</b></div></div>`,
		"a language":                      `<html lang="` + s + `"><div class=card lang="x-` + s + `"><b>1</b></div>`,
		"a direction":                     `<div dir="` + s + `"><div class=card><b>1</b></div></div>`,
		"a span of cells":                 `<table><tr class=card><td colspan=2850699><b>1</b></td><td rowspan=2850699></td></table>`,
		"a scope":                         `<table><tr class=card><th scope="` + s + `"><b>1</b></table>`,
		"a masked element's own name":     `<div class=card><b>1</b><x-2850699 class=nir>9</x-2850699></div>`,
		"the name of an element around":   `<x-2850699><div class=card><b>1</b></div></x-2850699>`,
		"the suffix of a doctype":         `<!DOCTYPE html PUBLIC "-//W3C//DTD ` + s + `//EN" "http://www.w3.org/TR/` + s + `"><div class=card><b>1</b></div>`,
		"a well-known doctype, elsewhere": `<!DOCTYPE html PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/` + s + `"><div class=card><b>1</b></div>`,
		"an attribute's name":             `<div data-2850699=x x-2850699><div class=card 2850699><b>1</b></div></div>`,
		"a title, a style, a label":       `<div class=card title="` + s + `" style="--x:` + s + `" aria-label="` + s + `"><b>1</b><i class=nir title="` + s + `">9</i></div>`,
		"a hidden field, an option":       `<div class=card><b>1</b><input type=hidden value="` + s + `"><select><option value="` + s + `">` + s + `</select></div>`,
	} {
		t.Run(sentence, func(t *testing.T) {
			reading, err := compile(t, cards).Read([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			out, err := reading.Release(nil, only(register.Name|register.Identifier))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(strings.ToUpper(string(out)), "2850699") || !strings.Contains(string(out), "<b>1</b>") {
				t.Errorf("released %s", out)
			}
		})
	}
}
