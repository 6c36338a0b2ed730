package content_test

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"poterne/internal/gate/content"
	"poterne/internal/register"
)

// fragments are what pages are made of, and what they are broken with.
var fragments = []string{
	`<div class=person data-id=A1>`, `<tr class=person data-id=A2>`, `<li class=person data-id=A3>`, `<a class=person data-id=A4 href=S>`,
	`<p class=name title=V>`, `<td class=name>`, `<b class=name>`, `<a class=name href=V>`, `<span class=name>`, `<em data-v=V>`, `<input value=V>`,
	`<table>`, `<tbody>`, `<tr>`, `<td>`, `<th>`, `<caption>`, `<colgroup>`, `<col>`, `<form>`, `<button>`, `<select>`, `<option>`, `<p>`, `<div>`, `<ul>`, `<li>`,
	`<b>`, `<i>`, `<a href=S>`, `<nobr>`, `<font size=1>`, `<h1>`, `<pre>`, `<textarea>`, `<title>`, `<style>`, `<script>`, `<template>`, `<noscript>`, `<iframe>`,
	`<svg>`, `<math>`, `<mtext>`, `<mglyph>`, `<foreignObject>`, `<desc>`, `<annotation-xml encoding="text/html">`, `<![CDATA[`, `]]>`, `<!--`, `-->`,
	`</div>`, `</tr>`, `</td>`, `</table>`, `</a>`, `</b>`, `</p>`, `</form>`, `</select>`, `</svg>`, `</math>`, `</style>`, `</script>`, `</template>`, `</textarea>`,
	`</title>`, `</noscript>`, `</body>`, `</html>`, `<html lang=S>`, `<body data-s=S>`, `<head>`, `V`, `V`, `S`, `S`, ` `, "\n", `&amp;lt;p&gt;`, `"`, `<`, `<p title="`, `">`,
}

// TestNoPageHoweverBrokenLetsAnythingThrough throws pages together and looks at
// what goes out with an eye that knows nothing of rows: where nothing may be
// seen there is no text, and no attribute that says anything.
func TestNoPageHoweverBrokenLetsAnythingThrough(t *testing.T) {
	r := compile(t, content.Layout{Format: content.HTML, People: []content.Group{{
		Row: ".person", Person: []content.Naming{{Scheme: "d", Attribute: "data-id"}},
		Fields: []content.Part{
			{Field: register.Identifier, Attribute: "data-id"},
			{Field: register.Name, Path: ".name"},
			{Field: register.Contact, Path: "input", Attribute: "value"},
			{Field: register.NIR, Path: "em"},
		},
	}}})
	released, refused, people := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		body := strings.Join(rapid.SliceOfN(rapid.SampledFrom(fragments), 1, 25).Draw(t, "page"), "")
		reading, err := r.Read([]byte(body))
		if err != nil {
			t.Fatalf("%v\n%s", err, body)
		}
		people += len(reading.Rows())
		for sentence, keep := range map[string]content.Keep{"nobody shown": nothing, "nothing to be seen": only(0)} {
			out, err := reading.Release(nil, keep)
			if err != nil {
				refused++
				continue
			}
			released++
			page, err := html.Parse(bytes.NewReader(out))
			if err != nil {
				t.Fatal(err)
			}
			for n := range page.Descendants() {
				if text := strings.TrimSpace(n.Data); n.Type == html.CommentNode || n.Type == html.TextNode && text != "" && text != content.Mask {
					t.Errorf("%s: %q went out\n%s\n%s", sentence, text, body, out)
				}
				for _, a := range n.Attr {
					field := a.Key == "disabled" || a.Key == "selected" && n.Data == "option" || a.Key == "value" && a.Val == content.Mask // of a form, and masked
					if a.Key != "class" && a.Key != "lang" && !field {
						t.Errorf("%s: %s=%q went out\n%s\n%s", sentence, a.Key, a.Val, body, out)
					}
				}
			}
		}
		all, err := reading.Release(nil, everything)
		if err != nil {
			refused++
			return
		}
		again, err := r.Read(all)
		if err != nil || told(again.Rows()) != told(reading.Rows()) {
			t.Errorf("people of the released page:\n%s (%v)\nof the page:\n%s\n%s\n%s", told(again.Rows()), err, told(reading.Rows()), body, all)
		}
	})
	if people == 0 || refused > released/10 {
		t.Errorf("%d people in all, %d answers released, %d refused: the test shows too little", people, released, refused)
	}
	t.Logf("%d people in all, %d answers released, %d refused", people, released, refused)
}
