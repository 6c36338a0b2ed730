// Package neat builds the tree of a page of HTML that needs no repair: every element is
// closed where it was opened, and stands where it may. The tree is the one that
// golang.org/x/net/html builds, at a part of the cost; any other page is left to that
// parser. What is not known here to need no repair is taken to need some.
package neat

import (
	"cmp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// kind sorts elements by where they may stand, and by what a parser would repair there.
type kind uint8

const (
	unknown kind = iota // left to the parser
	root
	page    // html
	head    //
	body    //
	block   // closes a paragraph that is open
	list    // a block of items
	heading // h1 to h6: no heading is right inside one
	item    // right inside a list
	terms   // dl
	term    // right inside terms
	phrase
	format // opened anew by a parser if it is not closed
	link   // none inside another
	button // the same
	form   // the same
	void
	rule   // hr: void, and closes a paragraph
	meta   // void, in the head
	title  // text, in the head
	script // and style: text as it is
	area   // textarea: text
	table
	section // right inside a table
	row     // right inside a section
	cell    // right inside a row
	choice  // select
	group   // right inside a choice
	option  // right inside a choice or a group: text only
	kinds
)

var kindOf = map[atom.Atom]kind{atom.Html: page, atom.Head: head, atom.Body: body, atom.Title: title, atom.Form: form, atom.Button: button, atom.A: link, atom.Hr: rule, atom.Dl: terms, atom.Li: item, atom.Textarea: area, atom.Table: table, atom.Tr: row, atom.Select: choice, atom.Optgroup: group, atom.Option: option}

func init() {
	for k, atoms := range map[kind][]atom.Atom{
		block: {
			atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Details, atom.Div, atom.Fieldset, atom.Figcaption, atom.Figure,
			atom.Footer, atom.Header, atom.Main, atom.Nav, atom.P, atom.Section, atom.Summary,
		},
		list:    {atom.Ul, atom.Ol},
		heading: {atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6},
		term:    {atom.Dt, atom.Dd},
		phrase: {
			atom.Abbr, atom.Bdi, atom.Bdo, atom.Cite, atom.Data, atom.Del, atom.Dfn, atom.Ins, atom.Kbd, atom.Label, atom.Legend, atom.Mark,
			atom.Meter, atom.Output, atom.Progress, atom.Q, atom.Samp, atom.Span, atom.Sub, atom.Sup, atom.Time, atom.Var,
		},
		format:  {atom.B, atom.Code, atom.Em, atom.I, atom.S, atom.Small, atom.Strong, atom.U},
		void:    {atom.Br, atom.Img, atom.Input, atom.Wbr},
		meta:    {atom.Meta, atom.Link},
		script:  {atom.Script, atom.Style},
		section: {atom.Thead, atom.Tbody, atom.Tfoot},
		cell:    {atom.Td, atom.Th},
	} {
		for _, a := range atoms {
			kindOf[a] = k
		}
	}
}

// flows reports whether text and most elements may stand inside an element.
func (k kind) flows() bool {
	switch k {
	case body, block, list, heading, item, terms, term, phrase, format, link, button, form, cell:
		return true
	default:
		return false
	}
}

// empty reports whether an element has no inside.
func (k kind) empty() bool { return k == void || k == rule || k == meta }

// deepest is how many elements may be open at once: the parser takes 512.
const deepest = 256

// builder is a page that is being read, and the tree of what was read.
type builder struct {
	text  string
	at    int
	open  []*html.Node // the document first
	is    []kind       // of those that are open
	opens [kinds]int   // how many are open of each kind
	paras int          // how many paragraphs are open
	head  bool         // it was there
	body  *html.Node   // it was there, and is closed

	nodes      []html.Node // that are not used yet: one piece of memory for many
	attributes []html.Attribute
}

// Parse returns the tree of a page, which is UTF-8, if the page needs no repair.
func Parse(text []byte) (*html.Node, bool) {
	p := builder{text: string(text)}
	if strings.ContainsAny(p.text, "\r\x00") || !p.begin() {
		return nil, false
	}
	for p.at < len(p.text) {
		rest := p.text[p.at:]
		var read bool
		switch {
		case rest[0] != '<':
			end := strings.IndexByte(rest, '<')
			if end < 0 {
				end = len(rest)
			}
			p.at += end
			read = p.words(rest[:end])
		case strings.HasPrefix(rest, "</"):
			read = p.end(rest)
		case strings.HasPrefix(rest, "<!--"):
			read = p.comment(rest)
		default:
			read = p.start()
		}
		if !read {
			return nil, false
		}
	}
	return p.open[0], len(p.open) == 1 && p.body != nil
}

// begin reads what is before the page's first element.
func (p *builder) begin() bool {
	p.open, p.is = []*html.Node{{Type: html.DocumentNode}}, []kind{root}
	p.skip()
	const doctype = "<!doctype html>"
	if len(p.text)-p.at < len(doctype) || !strings.EqualFold(p.text[p.at:p.at+len(doctype)], doctype) {
		return false
	}
	if name := p.text[p.at+len("<!doctype ") : p.at+len(doctype)-1]; name != "html" { // in other letters it is an old page
		return false
	}
	p.at += len(doctype)
	p.top().AppendChild(p.node(html.Node{Type: html.DoctypeNode, Data: "html"}))
	return true
}

func (p *builder) top() *html.Node { return p.open[len(p.open)-1] }
func (p *builder) in() kind        { return p.is[len(p.is)-1] }

func (p *builder) node(n html.Node) *html.Node {
	if len(p.nodes) == 0 {
		p.nodes = make([]html.Node, 128)
	}
	one := &p.nodes[0]
	p.nodes = p.nodes[1:]
	*one = n
	return one
}

// words adds the text between two tags.
func (p *builder) words(text string) bool {
	if p.in().flows() || p.in() == option {
		p.add(html.UnescapeString(text))
		return true
	}
	if strings.Trim(text, " \t\n\f") != "" {
		return false
	}
	switch p.in() {
	case root, page:
		if p.body != nil { // what comes after it is put into it
			if last := p.body.LastChild; last != nil && last.Type == html.TextNode {
				last.Data += text
			} else {
				p.body.AppendChild(p.node(html.Node{Type: html.TextNode, Data: text}))
			}
		} else if p.head {
			p.add(text)
		}
	default:
		p.add(text)
	}
	return true
}

func (p *builder) add(text string) {
	p.top().AppendChild(p.node(html.Node{Type: html.TextNode, Data: text}))
}

// comment adds a comment, where it is no question where it ends.
func (p *builder) comment(rest string) bool {
	text, _, ended := strings.Cut(rest[len("<!--"):], "-->")
	if !ended || !p.in().flows() && p.in() != head || strings.HasPrefix(text, ">") || strings.HasPrefix(text, "->") || strings.HasSuffix(text, "-") ||
		strings.Contains(text, "--") || strings.Contains(text, "&") {
		return false
	}
	p.top().AppendChild(p.node(html.Node{Type: html.CommentNode, Data: text}))
	p.at += len("<!--") + len(text) + len("-->")
	return true
}

// end closes the element that was opened last; anything else is for the parser.
func (p *builder) end(rest string) bool {
	name, _, ended := strings.Cut(rest[len("</"):], ">")
	if !ended || name != p.top().Data || p.top().Type != html.ElementNode {
		return false
	}
	if p.in() == body {
		p.body = p.top()
	}
	p.at += len("</") + len(name) + len(">")
	p.close()
	return true
}

func (p *builder) close() {
	last := len(p.open) - 1
	p.opens[p.is[last]]--
	if p.open[last].DataAtom == atom.P {
		p.paras--
	}
	p.open, p.is = p.open[:last], p.is[:last]
}

// start reads a start tag, and opens its element if it may stand there.
func (p *builder) start() bool {
	from := p.at + 1
	p.at = from
	for p.at < len(p.text) && ('a' <= p.text[p.at] && p.text[p.at] <= 'z' || '0' <= p.text[p.at] && p.text[p.at] <= '9') {
		p.at++
	}
	name := p.text[from:p.at]
	of := atom.Lookup([]byte(name))
	k := kindOf[of]
	if k == unknown || !p.fits(of, k) || len(p.open) == deepest {
		return false
	}
	attributes, read := p.tag(k.empty())
	if !read {
		return false
	}
	if k == format || k == link { // the parser sorts them, to tell such elements apart
		slices.SortFunc(attributes, func(a, b html.Attribute) int { return cmp.Compare(a.Key, b.Key) })
	}
	n := p.node(html.Node{Type: html.ElementNode, DataAtom: of, Data: of.String(), Attr: attributes})
	p.top().AppendChild(n)
	switch {
	case k.empty():
		return true
	case k == head:
		p.head = true
	case of == atom.P:
		p.paras++
	}
	p.open, p.is = append(p.open, n), append(p.is, k)
	p.opens[k]++
	if k == title || k == area || k == script {
		return p.inside(name, k)
	}
	return true
}

// fits reports whether an element may stand in the one that was opened last, and makes no
// parser close another for it.
func (p *builder) fits(of atom.Atom, k kind) bool {
	in := p.in()
	switch k {
	case page:
		return in == root && p.body == nil
	case head:
		return in == page && !p.head
	case body:
		return in == page && p.head && p.body == nil
	case meta, title:
		return in == head
	case script:
		return in == head || in.flows()
	case section:
		return in == table
	case row:
		return in == section
	case cell:
		return in == row
	case option:
		return in == choice || in == group
	case group:
		return in == choice
	case item:
		return in == list && p.paras == 0
	case term:
		return in == terms && p.paras == 0
	case block, list, terms, rule, table:
		return in.flows() && p.paras == 0
	case form:
		return in.flows() && p.paras == 0 && p.opens[form] == 0
	case heading:
		return in.flows() && p.paras == 0 && in != heading
	case link, button, choice:
		return in.flows() && p.opens[k] == 0
	default:
		return in.flows()
	}
}

// inside reads the text of an element whose inside is no HTML, and closes it.
func (p *builder) inside(name string, k kind) bool {
	text, _, ended := strings.Cut(p.text[p.at:], "</")
	end := p.at + len(text)
	if !ended || !strings.HasPrefix(p.text[end:], "</"+name+">") || strings.Contains(text, "<!--") || k == area && strings.HasPrefix(text, "\n") {
		return false
	}
	p.at = end + len("</"+name+">")
	if k != script {
		text = html.UnescapeString(text)
	}
	if text != "" {
		p.add(text)
	}
	p.close()
	return true
}

// tag reads the attributes of a start tag, and its end.
func (p *builder) tag(empty bool) (attributes []html.Attribute, read bool) {
	if cap(p.attributes)-len(p.attributes) < 16 { // one piece of memory for many tags
		p.attributes = make([]html.Attribute, 0, 256)
	}
	from := len(p.attributes)
	for {
		spaces := p.skip()
		switch {
		case p.at >= len(p.text):
			return nil, false
		case p.text[p.at] == '>':
			p.at++
			if attributes = p.attributes[from:len(p.attributes):len(p.attributes)]; len(attributes) == 0 {
				attributes = nil
			}
			return attributes, true
		case empty && p.text[p.at] == '/':
			p.at++
			if p.at >= len(p.text) || p.text[p.at] != '>' {
				return nil, false
			}
			continue
		case !spaces:
			return nil, false
		}
		one, read := p.attribute()
		if !read {
			return nil, false
		}
		for _, before := range p.attributes[from:] {
			if before.Key == one.Key {
				return nil, false
			}
		}
		p.attributes = append(p.attributes, one)
	}
}

// attribute reads one.
func (p *builder) attribute() (one html.Attribute, read bool) {
	from := p.at
	for p.at < len(p.text) && inName(p.text[p.at]) {
		p.at++
	}
	if one.Key = p.text[from:p.at]; one.Key == "" || p.at >= len(p.text) {
		return one, false
	}
	if p.text[p.at] != '=' {
		return one, true
	}
	rest := p.text[p.at+1:]
	if rest == "" || rest[0] != '"' && rest[0] != '\'' {
		return one, false
	}
	value, _, ended := strings.Cut(rest[1:], rest[:1])
	if !ended || !plain(value) {
		return one, false
	}
	one.Val = html.UnescapeString(value)
	p.at += len(`=""`) + len(value)
	return one, true
}

func inName(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == ':' || c == '.'
}

// plain reports whether a value has no character reference but those that are read alike in
// a value and in a text.
func plain(value string) bool {
	for {
		_, after, another := strings.Cut(value, "&")
		if !another {
			return true
		}
		name, _, ended := strings.Cut(after, ";")
		switch {
		case !ended:
			return false
		case name == "amp", name == "lt", name == "gt", name == "quot", name == "nbsp":
		case strings.HasPrefix(name, "#") && len(name) > 1 && strings.Trim(name[1:], "0123456789") == "":
		default:
			return false
		}
		value = after
	}
}

// skip passes over spaces, and reports whether there are any.
func (p *builder) skip() bool {
	from := p.at
	for p.at < len(p.text) && strings.IndexByte(" \t\n\f", p.text[p.at]) >= 0 {
		p.at++
	}
	return p.at > from
}
