// Package portaltest gives tests of the rooms something to visit: a Stage, which is
// invented and can break at any step, and a Site, which is a real gate over a real
// ledger. Both serve every room, to the account that a header names.
package portaltest

import (
	"archive/zip"
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// Parse reads a page.
func Parse(t testing.TB, raw string) *html.Node {
	t.Helper()
	page, err := html.Parse(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// All returns the elements with one of the names, in the order of the page.
func All(page *html.Node, names ...string) (found []*html.Node) {
	for n := range page.Descendants() {
		if n.Type == html.ElementNode && slices.Contains(names, n.Data) {
			found = append(found, n)
		}
	}
	return found
}

// Attr is the value of an element's attribute; empty when it has none.
func Attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// Text is what a person reads of an element.
func Text(n *html.Node) string {
	var said strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			said.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(said.String()), " ")
}

// Read is what a person reads of a page.
func Read(t testing.TB, raw string) string {
	t.Helper()
	return Text(Parse(t, raw))
}

// Forms are the addresses that a page's forms lead to.
func Forms(t *testing.T, raw string) (actions []string) {
	t.Helper()
	for _, form := range All(Parse(t, raw), "form") {
		actions = append(actions, Attr(form, "action"))
	}
	return actions
}

// Unpack returns the files of an archive, by name.
func Unpack(t *testing.T, packed string) map[string]string {
	t.Helper()
	archive, err := zip.NewReader(strings.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for _, file := range archive.File {
		opened, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(opened)
		if err != nil {
			t.Fatal(err)
		}
		files[file.Name] = string(raw)
	}
	return files
}
