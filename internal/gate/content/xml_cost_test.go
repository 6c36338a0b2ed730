package content_test

import (
	"fmt"
	"strings"
	"testing"

	"poterne/internal/gate/content"
)

// Promise: RUN-6
func TestRUN_6_XMLThatWouldCostTheSquareOfItsLengthIsNotRead(t *testing.T) {
	const many = 1 << 16
	var attributes, prefixes, comments, nested strings.Builder
	for i := range many {
		fmt.Fprintf(&attributes, ` a%d=""`, i)
		fmt.Fprintf(&prefixes, ` xmlns:a%d="x"`, i)
		comments.WriteString("a<!---->")
		nested.WriteString(`<b xmlns="x"/>`)
	}
	r, err := content.CompileXMLRequest([]content.Member{{Path: "/a"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"attributes": "<a" + attributes.String() + "/>",
		"prefixes":   "<a" + prefixes.String() + "/>",
		"namespaces that each element takes over": "<a" + prefixes.String() + ">" + nested.String() + "</a>",
	} {
		if _, err := r.Read([]byte(body)); err == nil || !strings.Contains(err.Error(), "more elements and attributes than are read") {
			t.Errorf("%s: %v", name, err)
		}
	}
	sent, err := r.Read([]byte("<a>" + comments.String() + "</a>"))
	if err != nil {
		t.Fatal(err)
	}
	if got := sent.Texts[0].Text; got != strings.Repeat("a", many) {
		t.Errorf("%d letters between comments came to %d", many, len(got))
	}
}

// BenchmarkXMLBetweenComments shows that text costs by its length, however often it is broken off.
func BenchmarkXMLBetweenComments(b *testing.B) {
	r, err := content.CompileXMLRequest([]content.Member{{Path: "/a"}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	body := []byte("<a>" + strings.Repeat("a<!---->", 1<<17) + "</a>")
	for b.Loop() {
		if _, err := r.Read(body); err != nil {
			b.Fatal(err)
		}
	}
}
