package content_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"poterne/internal/gate/content"
	"poterne/internal/register"
)

// allocated is how many bytes something took, freed or not. What other goroutines
// take meanwhile counts too: no test here runs beside another.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// rowsByClass reads any page, and people where there are some.
var rowsByClass = content.Layout{Format: content.HTML, Plain: []string{"head", "nav"}, People: []content.Group{{
	Row: ".person", Person: []content.Naming{{Scheme: "d", Attribute: "data-id"}}, Fields: []content.Part{{Field: register.Name, Path: ".name"}},
}}}

// TestAPageThatWouldGrowIsRefusedBeforeItIsParsed has the pages of an attacker. Each
// is small, and became a tree of hundreds of megabytes.
func TestAPageThatWouldGrowIsRefusedBeforeItIsParsed(t *testing.T) {
	many := func(n int, format string) string {
		var out strings.Builder
		for i := range n {
			fmt.Fprintf(&out, format, i)
		}
		return out.String()
	}
	attributes := many(3000, " a%d")
	paragraphs := strings.Repeat("<p>x", 8000)
	for name, page := range map[string]string{
		"400 elements left open":                   "<p>" + many(400, "<b %d>") + paragraphs,
		"in capitals, with slashes":                "<p>" + many(400, "<B/x%d/>") + paragraphs,
		"of every kind":                            "<p>" + many(100, "<i x=%[1]d><u x=%[1]d><tt x=%[1]d><font x=%[1]d>") + paragraphs,
		"three with many attributes":               "<p>" + strings.Repeat("<b"+attributes+">", 3) + paragraphs,
		"closed, but in an attribute of something": "<p>" + many(400, "<b %d><q title='</b>'>") + paragraphs,
		"closed where end tags are not heeded":     "<p>" + many(400, "<b %d><table><tr><svg></b></svg></table>") + paragraphs,
		"closed in a comment":                      "<p>" + many(400, "<b %d><!--</b>-->") + paragraphs,
		"closed in a comment that ended":           "<p>" + many(400, "<b %d><!--><!--</b>-->") + paragraphs,
		"closed in a script":                       "<p>" + many(400, "<b %d><script></b></script>") + paragraphs,
		"closed in character data":                 "<p>" + many(400, "<b %d><svg><![CDATA[</b>]]></svg>") + paragraphs,
		"closed in a title of a drawing":           "<p>" + many(400, "<b %d><svg><title><!--</title></b>--></svg>") + paragraphs,
		"anchors left open nine blocks deep":       "<p>" + many(400, "<a href=%d>"+strings.Repeat("<div>", 9)+strings.Repeat("</div>", 9)) + paragraphs,
		"elements that enclose all paragraphs":     "<p>" + many(400, "<b %d>") + paragraphs + strings.Repeat("</b>", 400),
		"attributes of the root":                   "<html" + attributes + ">" + strings.Repeat("<html x>", 3000),
		"tags within tags":                         strings.Repeat("<b ", 1<<15),
	} {
		t.Run(name, func(t *testing.T) {
			r := compile(t, rowsByClass)
			var err error
			took := allocated(func() { _, err = r.Read([]byte(page)) })
			if err == nil {
				t.Errorf("%d bytes were read as a page", len(page))
			}
			if took > 50<<20 {
				t.Errorf("%d bytes took %d MB of memory", len(page), took>>20)
			}
		})
	}
}

// TestAnHonestPageIsReadHoweverLong has pages as applications write them.
func TestAnHonestPageIsReadHoweverLong(t *testing.T) {
	const rows = 2000
	for name, made := range map[string]struct{ before, row, after string }{
		"a table": {
			"<!doctype html><table><tbody>",
			`<tr class="person" data-id="A%[1]d"><th><input type="checkbox" name="_selected_action" value="%[1]d"></th><td class="name"><a href="/admin/person/%[1]d/change/?x=1&amp;y=2"><b>Name</b> <i title="a > b">of %[1]d</i></a></td>
			<td><b>x</b><br><em>y<!-- z --></em></td><td><strong><small>1</small></strong> <code>c</code> <a href="mailto:%[1]d@test.example" class="link"><svg viewBox="0 0 1 1"><title>Mail</title><path d="M0 0"/></svg> mail</a></td></tr>` + "\n", "</tbody></table>",
		},
		"cards in anchors": {"<ul>", `<li class="person" data-id="A%[1]d"><a class="card" href="/p/%[1]d"><div><h3 class="name">Name</h3><p>text <b>bold</b></p></div></a></li>`, "</ul>"},
		"all in one font":  {`<font face="sans">`, `<p class="person" data-id="A%[1]d"><b class="name">x</b> <a href="/p/%[1]d">open</a></p>`, "</font>"},
		"a script that writes tags": {
			`<script>for (const p of people) list.innerHTML += '<b>' + p + '</b><a href=' + p + '>' + "</a>"</script>`,
			`<p class="person" data-id="A%[1]d"><b class="name">x</b></p>`, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var page strings.Builder
			page.WriteString(made.before)
			for i := range rows {
				fmt.Fprintf(&page, made.row, i)
			}
			page.WriteString(made.after)
			reading, err := compile(t, rowsByClass).Read([]byte(page.String()))
			if err != nil {
				t.Fatal(err)
			}
			if len(reading.Rows()) != rows {
				t.Errorf("%d rows, want %d", len(reading.Rows()), rows)
			}
			if _, err := reading.Release(nil, everything); err != nil {
				t.Error(err)
			}
		})
	}
}

// growers are what pages grow by, and what might hide it.
var growers = []string{
	`<b>`, `<b %d>`, `<i %d>`, `<a href=%d>`, `<nobr>`, `<font size=%d>`, `<code %d>`, `<b a b c d e f g h i j k l m n o p %d>`, `<u><tt><s><em>`,
	`</b>`, `</i>`, `</a>`, `</nobr>`, `</font>`, `</u>`, `<p>x`, `<p>`, `</p>`, `x`, `<div>x`, `<div>`, `</div>`, `</div></div></div>`, `<li>x`, `<dd>`, `<h1>`, `</h1>`,
	`<b %d>x</b>`, `<a href=%d><div>x</div></a>`, `<b %d><i><u><s><p>x</p><p>x</p><p>x</p></s></u></i></b>`, `<b %d><a href=x>y</a></b>`, `<a x><b %d><i><a>x</a></i></b>`,
	`<a %d><svg><path/><title>x</title></svg></a>`, `<b %d><svg></b></svg>`, `<div><div><div><div></b></i></u></s></div></div></div></div>`,
	`<table>`, `<tr>`, `<td>`, `<td>x</td>`, `<caption>`, `</table>`, `</td>`, `<table><tr><td>`, `</td></tr></table>`, `<select>`, `<option>`, `</select>`, `<button>`, `</button>`,
	`<svg>`, `</svg>`, `<math><mi>`, `</math>`, `<foreignObject>`, `<title>`, `</title>`, `<style>`, `</style>`, `<script>`, `</script>`, `<template>`, `</template>`, `<object>`, `</object>`,
	`<![CDATA[`, `]]>`, `<!--`, `-->`, `<br>`, `<input>`, `<hr>`, `<form>`, `<html %d>`, `<body %d>`, `<frameset>`, `<br/>`, `"`, `'`, `<q title="`, `">`, `<span>x</span>`,
}

// leftOpen leaves elements open, and opensAnew has what opens them anew.
var (
	leftOpen = []string{
		`<p><b %d></p>`, `<p><b>x</p>`, `<div><i %d><u %d></div>`, `<p><a href=%d><div><i></div></p>`, `<p><b` + strings.Repeat(" y%d", 40) + `></p>`,
		`<div><nobr %d></div>`, `<table><tr><td><b %d></table>`, `<svg><b %d></svg>`, `<p><font size=%d></p>`,
	}
	opensAnew = []string{`<p>x</p>`, `<p>x`, `x<p>`, `<div>x</div>`, `<li>x`, `</p>x`, `<h1>x</h1>`, `<table>x</table>`, `<p></b>x`, `<div>x</b></div>`, `<p><a>x`, `<p><i>`}
)

// TestWhatPassesTheBoundDoesNotGrow makes pages of a few things, often repeated, and
// weighs the trees of those that are not refused.
func TestWhatPassesTheBoundDoesNotGrow(t *testing.T) {
	const largest = 64 << 10
	read := compile(t, rowsByClass)
	passed, refused, worst := 0, 0, uint64(0)
	rapid.Check(t, func(t *rapid.T) {
		var page []byte
		n := 0
		add := func(from []string, times ...int) {
			part := strings.Join(rapid.SliceOfN(rapid.SampledFrom(from), 1, rapid.SampledFrom([]int{1, 2, 8}).Draw(t, "length")).Draw(t, "part"), "")
			numbered := strings.Contains(part, "%d")
			for range rapid.SampledFrom(times).Draw(t, "times") {
				n++
				next := part
				if numbered {
					next = strings.ReplaceAll(part, "%d", "x"+strconv.Itoa(n))
				}
				if len(page)+len(next) > largest {
					break
				}
				page = append(page, next...)
			}
		}
		if rapid.Bool().Draw(t, "any") {
			for range rapid.IntRange(1, 5).Draw(t, "parts") {
				add(growers, 1, 2, 5, 30, 200, 1000, 8000)
			}
		} else {
			add(leftOpen, 1, 2, 5, 30, 200)
			add(growers, 1)
			add(opensAnew, 1000, 8000)
		}
		if _, err := read.Read(page); err != nil && strings.Contains(err.Error(), "left open") {
			refused++
			return
		}
		passed++
		took := allocated(func() { _, _ = html.Parse(bytes.NewReader(page)) })
		worst = max(worst, took)
		if took > 200*largest {
			t.Errorf("%d bytes took %d KB: %.200s", len(page), took>>10, page)
		}
	})
	t.Logf("%d passed, %d refused, the worst took %d KB", passed, refused, worst>>10)
	if passed == 0 || refused == 0 {
		t.Errorf("%d passed, %d refused: the test shows too little", passed, refused)
	}
}
