package content

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"poterne/internal/fault"
	"poterne/internal/gate/content/growth"
	"poterne/internal/gate/content/neat"
	"poterne/internal/register"
)

type htmlReader struct {
	groups   []htmlGroup
	plain    []cascadia.SelectorGroup
	words    words
	fragment bool
	under    string
}

// words are what a layout's own text mentions. Around and instead of what is
// declared, a page says nothing in other words: a class can hold a person's number
// as well as a text can.
type words map[string]bool

// notWords separates the words of a selector.
func notWords(r rune) bool {
	return r != '-' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

func (w words) of(text string) {
	for word := range strings.FieldsFuncSeq(text, notWords) {
		w[word] = true
	}
}

type htmlGroup struct {
	row   cascadia.SelectorGroup
	names []htmlName
	parts []htmlPart
}

// htmlPlace is an element inside a row, or one of its attributes. No selector
// means the row's own element.
type htmlPlace struct {
	selector  cascadia.SelectorGroup
	attribute string
}

type htmlName struct {
	htmlPlace
	order    int
	scheme   string
	template string
}

type htmlPart struct {
	htmlPlace
	needs register.Fields
}

func compileHTML(l Layout) (*htmlReader, error) {
	var wrong fault.Complaints
	r := &htmlReader{words: make(words), fragment: l.Fragment, under: l.Under}
	for _, text := range l.Keep {
		r.words.of(text)
	}
	selector := func(at, text string) cascadia.SelectorGroup {
		r.words.of(text)
		group, err := cascadia.ParseGroup(text)
		if err != nil {
			wrong.Add(at, "%q: not a CSS selector: %v", text, err)
		}
		return group
	}
	place := func(at, text, attribute string) htmlPlace {
		if text == "" || text == ":scope" {
			return htmlPlace{nil, strings.ToLower(attribute)}
		}
		return htmlPlace{selector(at, text), strings.ToLower(attribute)}
	}
	for i, group := range l.People {
		at := fmt.Sprintf("people[%d]", i)
		g := htmlGroup{row: selector(at+".row", group.Row)}
		for j, naming := range group.Person {
			g.names = append(g.names, htmlName{place(fmt.Sprintf("%s.person[%d].path", at, j), naming.Path, naming.Attribute), j, naming.Scheme, naming.Template})
		}
		for j, part := range group.Fields {
			g.parts = append(g.parts, htmlPart{place(fmt.Sprintf("%s.fields[%d].path", at, j), part.Path, part.Attribute), part.Field})
		}
		r.groups = append(r.groups, g)
	}
	for i, text := range l.Plain {
		r.plain = append(r.plain, selector(fmt.Sprintf("plain[%d]", i), text))
	}
	return r, wrong.Err()
}

// at reports whether the place is n, in the row that begins at root.
func (p htmlPlace) at(n, root *html.Node) bool {
	if p.selector == nil {
		return n == root
	}
	return n != root && p.selector.Match(n)
}

// mark is what the declared places together say about one element.
type mark struct {
	row        int // or nobody
	needs      register.Fields
	plain      bool
	names      bool // its text names a person
	attributes []attributeMark
}

type attributeMark struct {
	name  string
	needs register.Fields // none: it only names a person
}

var unmarked = &mark{row: nobody}

// declares reports whether anything at all is declared of the element.
func (m *mark) declares() bool {
	return m.row != nobody || m.needs != 0 || m.plain || m.names || len(m.attributes) > 0
}

// plainInside says whether what is inside the element speaks of nobody, given
// whether what is around it does.
func (m *mark) plainInside(around bool) bool {
	switch {
	case m.needs != 0:
		return false
	case m.plain:
		return true
	default:
		return around && m.row == nobody && !m.names
	}
}

// of returns what is declared of an attribute.
func (m *mark) of(name string) (needs register.Fields, declared bool) {
	for _, a := range m.attributes {
		if a.name == name {
			needs |= a.needs
			declared = true
		}
	}
	return needs, declared
}

// htmlReading is the tree a browser would build, with marks on it.
type htmlReading struct {
	*htmlReader
	document *html.Node
	size     int // of the page, in bytes
	marks    map[*html.Node]*mark
	rows     []Row
	refs     []placedRef
}

// read takes UTF-8 only: pages in another charset are decoded before, and what
// goes out is sent as UTF-8.
func (r *htmlReader) read(body []byte) ([]Row, releaser, error) {
	if !utf8.Valid(body) {
		return nil, nil, errors.New("not UTF-8")
	}
	document, err := r.parse(bytes.TrimPrefix(body, byteOrderMark))
	if err != nil {
		return nil, nil, err
	}
	p := &htmlReading{htmlReader: r, document: document, size: len(body), marks: make(map[*html.Node]*mark)}
	if err := r.visit(p, document, visited{row: nobody}); err != nil {
		return nil, nil, err
	}
	if err := nameRows(p.rows, p.refs); err != nil {
		return nil, nil, err
	}
	return p.rows, p, nil
}

var errTooDeep = errors.New("not readable as HTML: nested too deep")

// parse makes the tree of a page, or of what a script puts into one: what is in a
// template may be a table's row as well as anything else. A page that needs no repair does
// not grow.
func (r *htmlReader) parse(body []byte) (*html.Node, error) {
	if !r.fragment {
		if document, is := neat.Parse(body); is {
			return document, nil
		}
	}
	if err := growth.Check(body); err != nil {
		return nil, err
	}
	if !r.fragment {
		document, err := html.Parse(bytes.NewReader(body))
		if err != nil {
			return nil, errTooDeep
		}
		return document, nil
	}
	around := &html.Node{Type: html.ElementNode, Data: "template", DataAtom: atom.Template}
	parts, err := html.ParseFragment(bytes.NewReader(body), around)
	if err != nil {
		return nil, errTooDeep
	}
	root := &html.Node{Type: html.DocumentNode}
	for _, part := range parts {
		root.AppendChild(part)
	}
	return root, nil
}

// visited is where in the page an element is met.
type visited struct {
	row   int
	root  *html.Node // the row's own element
	group *htmlGroup
	plain bool
}

// visit marks n and what is beneath it.
func (r *htmlReader) visit(p *htmlReading, n *html.Node, in visited) error {
	if n.Type == html.ElementNode {
		if n.Data == "frameset" {
			return errors.New("a page of frames")
		}
		plain := slices.ContainsFunc(r.plain, func(s cascadia.SelectorGroup) bool { return s.Match(n) })
		if hidden(n, in.plain || plain) {
			return nil
		}
		m := &mark{row: nobody, plain: plain}
		if err := r.begin(p, n, m, &in); err != nil {
			return err
		}
		if err := r.mark(p, n, m, in); err != nil {
			return err
		}
		in.plain = m.plainInside(in.plain)
		if m.declares() {
			p.marks[n] = m
		}
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if err := r.visit(p, c, in); err != nil {
			return err
		}
	}
	return nil
}

// begin begins a row at n, if n stands for a person.
func (r *htmlReader) begin(p *htmlReading, n *html.Node, m *mark, in *visited) error {
	for i := range r.groups {
		if !r.groups[i].row.Match(n) {
			continue
		}
		if m.row != nobody {
			return errTwoGroups
		}
		m.row = len(p.rows)
		p.rows = append(p.rows, Row{})
		in.row, in.root, in.group = m.row, n, &r.groups[i]
	}
	return nil
}

// mark notes what n is in its row.
func (r *htmlReader) mark(p *htmlReading, n *html.Node, m *mark, in visited) error {
	if in.group == nil {
		return nil
	}
	for _, name := range in.group.names {
		if !name.at(n, in.root) {
			continue
		}
		value, present := "", true
		if name.attribute == "" {
			m.names = true
			value = strings.Join(strings.Fields(r.text(n, in.root)), " ")
		} else if value, present = attribute(n, name.attribute); present {
			m.attributes = append(m.attributes, attributeMark{name: name.attribute})
		}
		if !present {
			continue
		}
		ref, err := reference(name.scheme, name.template, value)
		if err != nil {
			return err
		}
		p.refs = append(p.refs, placedRef{int32(in.row), name.order, ref})
	}
	for _, part := range in.group.parts {
		if !part.at(n, in.root) {
			continue
		}
		var there bool
		if part.attribute == "" {
			m.needs |= part.needs
			there = r.says(n, in.root)
		} else if _, there = attribute(n, part.attribute); there || fills(n, part.attribute) {
			there = true
			m.attributes = append(m.attributes, attributeMark{part.attribute, part.needs})
		}
		if there {
			p.rows[in.row].Fields |= part.needs
		}
	}
	return nil
}

// own lists the elements of n's tree that belong to the row that begins at root,
// with their own text: nothing of inner rows, and nothing hidden.
func (r *htmlReader) own(n, root *html.Node, each func(*html.Node)) {
	if n.Type == html.ElementNode && (hidden(n, false) || n != root && r.begins(n)) {
		return
	}
	each(n)
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		r.own(c, root, each)
	}
}

func (r *htmlReader) begins(n *html.Node) bool {
	return slices.ContainsFunc(r.groups, func(g htmlGroup) bool { return g.row.Match(n) })
}

func (r *htmlReader) text(n, root *html.Node) string {
	var b strings.Builder
	r.own(n, root, func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
	})
	return b.String()
}

// says reports whether an element says anything of its category: a text that is
// not the mask, an empty one included, or an attribute that says more than how it
// looks.
func (r *htmlReader) says(n, root *html.Node) bool {
	if text := strings.TrimSpace(r.text(n, root)); text != Mask && (text != "" || takesText(n)) {
		return true
	}
	telling := false
	r.own(n, root, func(n *html.Node) {
		for _, a := range n.Attr {
			telling = telling || strings.TrimSpace(a.Val) != "" && !harmless(n, a, true)
		}
	})
	return telling
}

func attribute(n *html.Node, name string) (value string, present bool) {
	for _, a := range n.Attr {
		if nameOf(a) == name {
			return a.Val, true
		}
	}
	return "", false
}

func nameOf(a html.Attribute) string {
	if a.Namespace != "" {
		return a.Namespace + ":" + strings.ToLower(a.Key)
	}
	return strings.ToLower(a.Key)
}

// hidden reports whether an element is always cut: what browsers differ about or
// do not show, and, where it was not declared plain, what runs, loads or redirects.
func hidden(n *html.Node, plain bool) bool {
	switch n.Data {
	case "noscript", "noembed", "noframes", "plaintext", "xmp":
		return true
	case "script", "style", "template", "iframe", "object", "embed", "base", "meta", "link":
		return !plain
	default:
		return false
	}
}

// harmless reports whether an attribute says how an element looks, or what it is
// to a reader of the page, and nothing of a person but in its words. Inside a row
// an id could name the person.
func harmless(n *html.Node, a html.Attribute, inRow bool) bool {
	switch nameOf(a) {
	case "class", "lang", "dir", "role":
		return true
	case "id":
		return !inRow
	case "colspan", "rowspan", "scope":
		return cell(n)
	default:
		return false
	}
}

// cell reports whether n has its place in a table's row: when it is cut, an empty
// cell stays, or the others would come under the wrong headings.
func cell(n *html.Node) bool { return n.Data == "td" || n.Data == "th" }

// fills reports whether an attribute is what a field of a form holds. It is always
// there: what is left out says that the field is empty, or not chosen.
func fills(n *html.Node, attribute string) bool {
	switch n.Data {
	case "input":
		return attribute == "value" || attribute == "checked"
	case "option":
		return attribute == "selected"
	default:
		return false
	}
}

// takesText reports whether text inside an element stays there: a table throws
// it out, and a field of a form has no inside.
func takesText(n *html.Node) bool {
	switch n.Data {
	case "table", "thead", "tbody", "tfoot", "tr", "colgroup", "select", "optgroup",
		"area", "br", "col", "hr", "img", "input", "keygen", "param", "source", "track", "wbr":
		return false
	default:
		return n.Namespace == ""
	}
}
