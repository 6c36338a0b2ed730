package neat_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"poterne/internal/gate/content/neat"
)

// tree writes a tree down to the last detail, so that two are the same only if they read alike.
func tree(n *html.Node) string {
	var b strings.Builder
	var write func(n *html.Node, depth int)
	write = func(n *html.Node, depth int) {
		fmt.Fprintf(&b, "%*d %d %q %q %q\n", 2*depth, n.Type, n.DataAtom, n.Data, n.Namespace, n.Attr)
		for c := range n.ChildNodes() {
			write(c, depth+1)
		}
	}
	write(n, 0)
	return b.String()
}

// same holds the tree of a page against the parser's, and reports whether there is one.
func same(t interface{ Errorf(string, ...any) }, page string) bool {
	got, is := neat.Parse([]byte(page))
	if !is {
		return false
	}
	want, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Errorf("the parser refuses what was taken for neat: %v\n%s", err, page)
		return true
	}
	if tree(got) != tree(want) {
		t.Errorf("%q is read as\n%s\nby the parser as\n%s", page, tree(got), tree(want))
	}
	return true
}

const before, after = "<!DOCTYPE html>\n<html lang=\"fr\"> <head><meta charset=\"utf-8\"> <title>A &amp; B</title><style>a > b {}</style></head> <body class='x'>", "</body>\n</html>\n"

// pieces are what pages are made of, neat or not.
var pieces = []string{
	`<div class="a">`, `</div>`, `<p>`, `</p>`, `<ul>`, `</ul>`, `<li>`, `</li>`, `<dl>`, `</dl>`, `<dt>`, `</dt>`, `<h2>`, `</h2>`, `<b>`, `</b>`, `<a href="/x?a=1&amp;b">`, `</a>`,
	`<span title='"'>`, `<em z="1" a="2">`, `</em>`, `</span>`, `<table>`, `</table>`, `<tbody>`, `</tbody>`, `<tr>`, `</tr>`, `<td>`, `</td>`, `<form>`, `</form>`, `<button>`, `</button>`, `<select>`, `</select>`,
	`<option selected>`, `</option>`, `<optgroup>`, `</optgroup>`, `<input value="1"/>`, `<br>`, `<hr>`, `<img src="a" src="b">`, `<textarea>`, `</textarea>`, `<script>`, `</script>`, `<style>`, `</style>`,
	`<pre>`, `</pre>`, `<svg>`, `</svg>`, `<template>`, `<!-- x -->`, `<!-- - -->`, `<!-->`, ` `, "\n", `texte`, `&eacute;&amp`, `<`, `<p/>`, `<html class="y">`, `<body id="z">`, `</body>`, `</html>`, `<title>`, `</title>`,
	`<b a='&copy=1'>`, `<i A="1">`, `<nobr>`, `<select>`, "\r\n", "\x00", `<td><p>`, `<small`, ` x="`, `">`, `<summary>`, `</summary>`, `<center>`,
}

// nested makes a page in which what is opened is closed, so that many are neat.
func nested(t *rapid.T, depth int) string {
	var b strings.Builder
	for range rapid.IntRange(0, 4).Draw(t, "parts") {
		name := rapid.SampledFrom([]string{"", "", "div", "p", "ul", "li", "dl", "dd", "h1", "h3", "b", "em", "a", "span", "label", "table", "tbody", "tr", "td", "form", "button", "select", "option", "optgroup", "textarea", "script", "fieldset", "legend", "nav"}).Draw(t, "name")
		switch {
		case name == "" || depth == 0:
			b.WriteString(rapid.SampledFrom([]string{" ", "\n", "texte &amp; suite", "<br>", "<hr/>", "<input disabled>", "<!-- x -->", "&notit; &lt"}).Draw(t, "text"))
		default:
			attributes := rapid.SampledFrom([]string{"", " id=\"a\"", " class='b' id=\"a\"", " z b=\"&amp;\" a=\"1\""}).Draw(t, "attributes")
			fmt.Fprintf(&b, "<%s%s>%s</%s>", name, attributes, nested(t, depth-1), name)
		}
	}
	return b.String()
}

// Promise: SCOPE-9. What is built here is the very tree that the parser builds.
func TestSCOPE_9_ANeatPageHasTheParsersTree(t *testing.T) {
	neat, all := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		all++
		if same(t, before+nested(t, 5)+after) {
			neat++
		}
		same(t, before+strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 20).Draw(t, "pieces"), "")+after)
	})
	if neat*10 < all {
		t.Errorf("%d of %d pages were neat: the test shows too little", neat, all)
	}
}

func TestWhatNeedsRepairIsLeftToTheParser(t *testing.T) {
	for _, page := range []string{
		"", "<p>x</p>", "<!DOCTYPE html><p>x</p>", before, before + "<p>" + after, before + "<p><div></div></p>" + after, before + "<table><tr></tr></table>" + after,
		before + "<ul><li>a<li>b</ul>" + after, before + "<b><i></b></i>" + after, before + "<a><span><a></a></span></a>" + after, before + "<h1><h2></h2></h1>" + after,
		before + "<form><form></form></form>" + after, before + "<table><tbody>x</tbody></table>" + after, before + "<div a='1' a='2'></div>" + after, before + after + "<p>x</p>",
		before + "<div/>" + after, before + "<svg></svg>" + after, before + "<!-- -- -->" + after, before + "<script><!-- </script>" + after, before + "\r" + after,
		before + strings.Repeat("<div>", 600) + strings.Repeat("</div>", 600) + after, strings.Replace(before, "html>", "HTML>", 1) + after,
		before + "<textarea>\nx</textarea>" + after, before + `<a href="?a&copy=1"></a>` + after, before + "<select><option><b>x</b></option></select>" + after,
	} {
		if same(t, page) {
			t.Errorf("taken for neat: %.200q", page)
		}
	}
	if !same(t, before+`<main><table><thead><tr><th scope="col">Nom</th></tr></thead><tbody><tr><td><a href="/p?a=1&amp;b=&#39;"><b>A</b></a></td></tr></tbody></table><p>x<br/>y</p></main>`+after) {
		t.Error("not taken for neat")
	}
}

func FuzzNeat(f *testing.F) {
	for _, piece := range pieces {
		f.Add(before + piece + after)
	}
	f.Add(before + strings.Join(slices.Concat(pieces, pieces), "") + after)
	f.Add(before + "<table><tbody><tr><td><p>a</p><ul><li>b</li></ul></td></tr></tbody></table><select><optgroup><option>c</option></optgroup></select>" + after)
	f.Fuzz(func(t *testing.T, page string) { same(t, string(bytes.ToValidUTF8([]byte(page), nil))) })
}
