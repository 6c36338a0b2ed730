package content

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"poterne/internal/register"
)

// Mask is what stands in a page where something may not be seen.
const Mask = "•••"

var errUnstable = errors.New("the page is not well-formed enough: written anew, it would be another page")

// release cuts a copy of the tree and writes it. What comes out must be, for a
// parser, the very page that was written; else it is not handed over.
func (p *htmlReading) release(dst []byte, keep Keep) ([]byte, error) {
	w := htmlWriter{htmlReading: p, keep: once(keep, len(p.rows)), chosen: make(map[*html.Node]bool)}
	page := &html.Node{Type: html.DocumentNode}
	for c := p.document.FirstChild; c != nil; c = c.NextSibling {
		if kept, _ := w.node(c, around{}); kept != nil {
			page.AppendChild(kept)
		}
	}
	var out bytes.Buffer
	out.Grow(p.size)
	if err := html.Render(&out, page); err != nil {
		return dst, errUnstable
	}
	reread, err := p.parse(out.Bytes())
	if err != nil {
		return dst, errUnstable
	}
	if !alike(page, reread) {
		var again bytes.Buffer
		if html.Render(&again, reread) != nil || !bytes.Equal(out.Bytes(), again.Bytes()) {
			return dst, errUnstable
		}
	}
	return append(dst, out.Bytes()...), nil
}

// alike reports whether two trees are so much alike that they are written alike. Texts that
// follow each other are one for a parser.
func alike(written, read *html.Node) bool {
	if written.Type != read.Type || written.Data != read.Data || written.Namespace != read.Namespace || !slices.Equal(written.Attr, read.Attr) {
		return false
	}
	w, r := written.FirstChild, read.FirstChild
	for w != nil && r != nil {
		if w.Type != html.TextNode || r.Type != html.TextNode {
			if !alike(w, r) {
				return false
			}
			w, r = w.NextSibling, r.NextSibling
			continue
		}
		text := r.Data
		for ; w != nil && w.Type == html.TextNode; w = w.NextSibling {
			var begins bool
			if text, begins = strings.CutPrefix(text, w.Data); !begins {
				return false
			}
		}
		if text != "" {
			return false
		}
		r = r.NextSibling
	}
	return w == nil && r == nil
}

// once asks about each of so many rows once.
func once(keep Keep, rows int) Keep {
	type answer struct {
		known, show bool
		fields      register.Fields
	}
	answers := make([]answer, rows)
	return func(row int) (bool, register.Fields) {
		a := &answers[row]
		if !a.known {
			a.known = true
			a.show, a.fields = keep(row)
		}
		return a.show, a.fields
	}
}

// htmlWriter copies what may go out of a page.
type htmlWriter struct {
	*htmlReading
	keep   Keep
	chosen map[*html.Node]bool // the options that selects stand at, and what is around them in the select
	spare  []html.Node         // for copies: made many at a time
}

// around is what holds for an element because of those around it.
type around struct {
	inRow   bool
	allowed register.Fields
	whole   bool // it is declared with them
	plain   bool // it speaks of nobody
}

// node returns a copy of what may go out of n. It counts when it is a reason to
// keep what is around it.
func (w *htmlWriter) node(n *html.Node, in around) (kept *html.Node, counts bool) {
	switch n.Type {
	case html.ElementNode:
		return w.element(n, in)
	case html.TextNode:
		if in.whole {
			return &html.Node{Type: html.TextNode, Data: n.Data}, true
		}
		if strings.TrimSpace(n.Data) == "" {
			return &html.Node{Type: html.TextNode, Data: " "}, false
		}
	case html.DoctypeNode:
		return doctype(n), true
	}
	return nil, false
}

// doctypes are the well-known ones, which decide how browsers lay a page out. Any
// other is written as today's.
var doctypes = map[string]string{
	"-//W3C//DTD HTML 4.01//EN":              "http://www.w3.org/TR/html4/strict.dtd",
	"-//W3C//DTD HTML 4.01 Transitional//EN": "http://www.w3.org/TR/html4/loose.dtd",
	"-//W3C//DTD HTML 4.01 Frameset//EN":     "http://www.w3.org/TR/html4/frameset.dtd",
	"-//W3C//DTD XHTML 1.0 Strict//EN":       "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd",
	"-//W3C//DTD XHTML 1.0 Transitional//EN": "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd",
	"-//W3C//DTD XHTML 1.0 Frameset//EN":     "http://www.w3.org/TR/xhtml1/DTD/xhtml1-frameset.dtd",
	"-//W3C//DTD XHTML 1.1//EN":              "http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd",
}

func doctype(n *html.Node) *html.Node {
	kept := &html.Node{Type: html.DoctypeNode, Data: "html"}
	var public, system string
	for _, a := range n.Attr {
		switch a.Key {
		case "public":
			public = a.Val
		case "system":
			system = a.Val
		}
	}
	if known, ok := doctypes[public]; ok && (system == known || system == "") {
		kept.Attr = slices.Clone(n.Attr)
	}
	return kept
}

func (w *htmlWriter) element(n *html.Node, in around) (_ *html.Node, counts bool) {
	m := w.marks[n]
	if m == nil {
		m = unmarked
	}
	if hidden(n, in.plain || m.plain) {
		return nil, false
	}
	if m.row != nobody {
		show, allowed := w.keep(m.row)
		if !show && n.Data == "body" {
			return w.bare(n), true // there is no page without one
		}
		if !show && w.chosen[n] {
			return unchosen(), true
		}
		if !show {
			return nil, true // what was around it stays, as an empty list does
		}
		in = around{inRow: true, allowed: allowed}
	}
	in.plain = m.plainInside(in.plain)
	if n.Data == "select" {
		w.choose(n)
	}
	if w.shut(n, m, in) {
		return w.control(n, m, in), true
	}
	switch {
	case !in.allowed.Has(m.needs):
		return w.masked(n, m, in), true
	case m.needs != 0 || m.plain:
		in.whole = true
	case m.names:
		in.whole = false // what only names a person does not go out with what encloses it
	}
	kept := w.alone(n)
	if !in.whole {
		kept = w.bare(n)
	}
	counts = in.whole || m.row != nobody
	for _, a := range n.Attr {
		needs, declared := m.of(nameOf(a))
		counts = counts || needs != 0
		switch {
		case nameOf(a) == "srcdoc": // a page in itself, which nobody read
		case declared && needs == 0 && !m.plain:
		case !in.allowed.Has(needs):
		case declared, in.whole:
			kept.Attr = append(kept.Attr, w.within(inUTF8(n, a)))
		default:
			if a, ok := w.words.kept(n, a, in.inRow); ok {
				kept.Attr = append(kept.Attr, a)
			}
		}
	}
	counts = w.inside(kept, n, in) || counts
	if counts || n.Parent.Type == html.DocumentNode && !w.fragment || n.Data == "head" || n.Data == "body" || cell(n) {
		return kept, counts
	}
	return nil, false
}

// alone is n's element without what it has and says.
func (w *htmlWriter) alone(n *html.Node) *html.Node {
	if len(w.spare) == 0 {
		w.spare = make([]html.Node, 128)
	}
	kept := &w.spare[0]
	w.spare = w.spare[1:]
	kept.Type, kept.Data, kept.DataAtom, kept.Namespace = html.ElementNode, n.Data, n.DataAtom, n.Namespace
	return kept
}

// bare is the same, under a name that says nothing: elements can be named
// by anything at all.
func (w *htmlWriter) bare(n *html.Node) *html.Node {
	kept := w.alone(n)
	if kept.DataAtom == 0 && !w.words[kept.Data] {
		kept.Data, kept.DataAtom, kept.Namespace = "span", atom.Span, ""
	}
	return kept
}

// inUTF8 makes a page that says in what charset it once was say what it is now.
func inUTF8(n *html.Node, a html.Attribute) html.Attribute {
	switch {
	case n.Data != "meta":
	case a.Key == "charset":
		a.Val = "utf-8"
	case a.Key == "content" && strings.Contains(strings.ToLower(a.Val), "charset"):
		a.Val = "text/html; charset=utf-8"
	}
	return a
}

// links are the attributes that hold the address of one thing.
var links = []string{"href", "src", "action", "formaction", "poster", "hx-get", "hx-post", "hx-put", "hx-patch", "hx-delete", "data-hx-get", "data-hx-post"}

// within makes a link from the application's root one from where browsers see the
// application. One that leads there already stays as it is.
func (w *htmlWriter) within(a html.Attribute) html.Attribute {
	if w.under == "" || !strings.HasPrefix(a.Val, "/") || strings.HasPrefix(a.Val, "//") || !slices.Contains(links, nameOf(a)) {
		return a
	}
	if rest, inside := strings.CutPrefix(a.Val, w.under); inside && (rest == "" || strings.ContainsAny(rest[:1], "/?#")) {
		return a
	}
	a.Val = w.under + a.Val
	return a
}

// inside copies what may go out of n's children.
func (w *htmlWriter) inside(kept, n *html.Node, in around) (counts bool) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.TextNode && n.Data == "iframe" {
			continue // a page in itself, too
		}
		child, counted := w.node(c, in)
		counts = counts || counted
		if child == nil || gap(child) && kept.LastChild != nil && gap(kept.LastChild) {
			continue
		}
		kept.AppendChild(child)
	}
	return counts
}

// gap reports whether n is the space between two elements.
func gap(n *html.Node) bool { return n.Type == html.TextNode && n.Data == " " }

// masked is what stands for an element whose category may not be seen.
func (w *htmlWriter) masked(n *html.Node, m *mark, in around) *html.Node {
	kept := w.bare(n)
	for _, a := range n.Attr {
		if _, declared := m.of(nameOf(a)); declared {
			continue
		}
		if a, ok := w.words.kept(n, a, in.inRow); ok {
			kept.Attr = append(kept.Attr, a)
		}
	}
	if takesText(n) {
		kept.AppendChild(&html.Node{Type: html.TextNode, Data: Mask})
	}
	return kept
}

// control reports whether an element is one whose value a form sends.
func control(n *html.Node) bool {
	switch n.Data {
	case "input", "textarea", "select", "button":
		return n.Namespace == ""
	default:
		return false
	}
}

// shut reports whether something that a field of a form holds may not be seen. A
// browser would send what is left of it, and the application would store that.
func (w *htmlWriter) shut(n *html.Node, m *mark, in around) bool {
	if !control(n) {
		return false
	}
	return !in.allowed.Has(m.needs) || !in.allowed.Has(m.ofValue()) || n.Data == "select" && w.shutInside(n, in)
}

// ofValue is what the attributes need that say what a field holds.
func (m *mark) ofValue() (needs register.Fields) {
	for _, a := range m.attributes {
		switch a.name {
		case "value", "checked", "selected":
			needs |= a.needs
		}
	}
	return needs
}

// shutInside reports whether something in a select is masked.
func (w *htmlWriter) shutInside(n *html.Node, in around) bool {
	for c := range n.ChildNodes() {
		m, inside := w.marks[c], in
		if m == nil {
			m = unmarked
		}
		if m.row != nobody {
			show, allowed := w.keep(m.row)
			if !show {
				continue
			}
			inside.allowed = allowed
		}
		if !inside.allowed.Has(m.needs) || !inside.allowed.Has(m.ofValue()) || w.shutInside(c, inside) {
			return true
		}
	}
	return false
}

// choose notes what a select stands at: the options that say so, or the first one
// if none does.
func (w *htmlWriter) choose(n *html.Node) {
	var first *html.Node
	_, settled := attribute(n, "multiple")
	note := func(option *html.Node) {
		for ; option != n; option = option.Parent {
			w.chosen[option] = true
		}
	}
	for option := range n.Descendants() {
		if option.Type != html.ElementNode || option.Data != "option" {
			continue
		}
		if first == nil {
			first = option
		}
		if _, selected := attribute(option, "selected"); selected {
			settled = true
			note(option)
		}
	}
	if !settled && first != nil {
		note(first)
	}
}

// unchosen is what stands for somebody at whom a select stood and who is not shown.
// The form sends nothing of it, and somebody else can be chosen in their place.
func unchosen() *html.Node {
	option := &html.Node{Type: html.ElementNode, Data: "option", DataAtom: atom.Option, Attr: []html.Attribute{{Key: "disabled"}, {Key: "selected"}}}
	option.AppendChild(&html.Node{Type: html.TextNode, Data: Mask})
	return option
}

// control is what stands for a field of a form that holds what may not be seen: the
// mask, of which the form sends nothing. It cannot be changed, and has no name.
func (w *htmlWriter) control(n *html.Node, m *mark, in around) *html.Node {
	kept := w.masked(n, m, in)
	kept.Attr = append(kept.Attr, html.Attribute{Key: "disabled"})
	switch n.Data {
	case "select":
		kept.AppendChild(unchosen())
	case "input":
		value := html.Attribute{Key: "value", Val: Mask} // others than these hold no such text, and are written as lines of text
		switch kind, _ := attribute(n, "type"); strings.ToLower(strings.TrimSpace(kind)) {
		case "hidden":
			value = html.Attribute{Key: "type", Val: "hidden"}
		case "submit", "button", "reset":
			kept.Attr = append(kept.Attr, html.Attribute{Key: "type", Val: "button"})
		}
		kept.Attr = append(kept.Attr, value)
	}
	return kept
}

// only returns the words of a value that the layout mentions, or that are among
// others.
func (w words) only(value string, others ...string) string {
	known := slices.DeleteFunc(strings.Fields(value), func(word string) bool { return !w[word] && !slices.Contains(others, word) })
	return strings.Join(known, " ")
}

// kept returns what may go out of an attribute of an element that is not declared,
// but around something that is, or that is masked.
func (w words) kept(n *html.Node, a html.Attribute, inRow bool) (html.Attribute, bool) {
	if !harmless(n, a, inRow) {
		return a, false
	}
	switch nameOf(a) {
	case "lang":
		if !isTag.MatchString(a.Val) {
			a.Val = w.only(a.Val)
		}
	case "dir":
		a.Val = w.only(a.Val, "ltr", "rtl", "auto")
	case "scope":
		a.Val = w.only(a.Val, "row", "col", "rowgroup", "colgroup")
	case "colspan", "rowspan":
		if !isSpan.MatchString(a.Val) {
			a.Val = ""
		}
	default:
		a.Val = w.only(a.Val)
	}
	return a, a.Val != ""
}

var (
	isTag  = regexp.MustCompile(`^[a-z]{2}(-[A-Z]{2})?$`) // of a language
	isSpan = regexp.MustCompile(`^[1-9][0-9]?$`)          // of cells
)
