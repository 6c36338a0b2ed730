package content

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"poterne/internal/register"
)

// Namespaces are those that an XML document may use, by the prefixes under which paths name
// them and under which they are written. Names without a prefix are in none.
type Namespaces map[string]string

// usualNamespaces are known without being declared. No other prefix may mean them.
var usualNamespaces = Namespaces{
	"soap":   "http://schemas.xmlsoap.org/soap/envelope/",
	"soap12": "http://www.w3.org/2003/05/soap-envelope",
	"xsi":    "http://www.w3.org/2001/XMLSchema-instance",
	"xsd":    "http://www.w3.org/2001/XMLSchema",
	"xml":    "http://www.w3.org/XML/1998/namespace",
}

// Prefix is how paths call a namespace that need not be declared; empty for any other.
func Prefix(uri string) string {
	for prefix, known := range usualNamespaces {
		if known == uri {
			return prefix
		}
	}
	return ""
}

const (
	schemaInstance = "http://www.w3.org/2001/XMLSchema-instance"
	xmlItself      = "http://www.w3.org/XML/1998/namespace"
)

// with are the usual namespaces and these.
func (n Namespaces) with() (all Namespaces, err error) {
	all = maps.Clone(usualNamespaces)
	for _, prefix := range slices.Sorted(maps.Keys(n)) {
		uri := n[prefix]
		switch {
		case !prefixNames.MatchString(prefix) || strings.HasPrefix(strings.ToLower(prefix), "xml"):
			return nil, fmt.Errorf("%q is no prefix; write small letters and digits", prefix)
		case uri == "" || strings.ContainsAny(uri, " \t\r\n<>\""):
			return nil, fmt.Errorf("%q has no namespace; write its name, such as urn:example:people", prefix)
		case all[prefix] != "" && all[prefix] != uri:
			return nil, fmt.Errorf("the prefix %s means %s already", prefix, all[prefix])
		}
		for other, known := range all {
			if known == uri && other != prefix {
				return nil, fmt.Errorf("%s is %s already; write paths with that prefix", uri, other)
			}
		}
		all[prefix] = uri
	}
	return all, nil
}

var prefixNames = regexp.MustCompile(`^[a-z][a-z0-9]*$`)

// xmlName is a name in its namespace.
type xmlName struct{ space, local string }

// xmlNode is an element, or the text between two when it has no name.
type xmlNode struct {
	name  xmlName
	text  string
	attrs []xmlAttr
	kids  []*xmlNode

	// What a reader found it to be.
	row   int32           // that it is in, or nobody
	begin bool            // it is that row
	needs register.Fields // of all that it is part of
	whole bool            // all that is in it is declared with it
	leads bool            // something in it is declared
	drop  bool            // it names a person and is not declared, or nobody is there
	known bool            // its name may stay where what is in it may not
}

type xmlAttr struct {
	name  xmlName
	value string
	needs register.Fields
	shown bool // it is declared itself
	drop  bool // it names a person and is not declared
}

// Why XML is not read. The texts hold nothing of it.
var (
	errNotXML       = errors.New("not strict XML 1.0 in UTF-8")
	errDoctype      = errors.New("a document type, which could mean anything")
	errDeepXML      = fmt.Errorf("deeper than %d elements", MaxDepth)
	errNamespace    = errors.New("a namespace that is not declared")
	errTwiceXML     = errors.New("an attribute comes twice in one element")
	errXMLCharset   = errors.New("it says of itself that it is in another charset than UTF-8; declare charset")
	errManyElements = errors.New("more elements and attributes than are read")
)

// mostXML bounds the elements and attributes of one document. Those of one element are compared
// with each other, and the prefixes that are known in it copied for what it declares.
const (
	mostXML         = 1 << 18
	mostXMLAttrs    = 256
	mostXMLPrefixes = 64
)

// plainXMLName is a name that every reader takes for one.
var plainXMLName = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}._-]*$`)

// parseXML reads a document into a tree: elements, attributes and text. Comments and instructions
// are left out, and CDATA is text. There are no entities but the five that XML has. Whatever is
// written goes by the tree, so that no other reader sees another document.
func parseXML(body []byte, known Namespaces, decoded bool) (*xmlNode, error) {
	if !utf8.Valid(body) {
		return nil, errNotXML
	}
	body = bytes.TrimPrefix(body, byteOrderMark)
	d := xml.NewDecoder(bytes.NewReader(body))
	var charset error
	d.CharsetReader = func(label string, in io.Reader) (io.Reader, error) {
		if !decoded || !slices.Contains([]string{"windows-1252", "iso-8859-1", "us-ascii"}, strings.ToLower(label)) {
			charset = errXMLCharset
			return nil, errXMLCharset
		}
		return in, nil
	}
	prefixes := make(map[string]bool, len(known))
	for _, uri := range known {
		prefixes[uri] = true
	}
	p := &xmlParser{known: prefixes}
	for {
		began := d.InputOffset()
		token, err := d.RawToken()
		switch {
		case err == io.EOF && p.root != nil && len(p.open) == 0:
			return p.root, nil
		case charset != nil:
			return nil, charset
		case err != nil: // its own words quote the document
			return nil, errNotXML
		}
		switch token := token.(type) {
		case xml.StartElement:
			err = p.start(token)
		case xml.EndElement:
			err = p.end(token)
		case xml.CharData:
			err = p.characters(token)
		case xml.ProcInst:
			if strings.EqualFold(token.Target, "xml") && (token.Target != "xml" || began != 0) {
				err = errNotXML
			}
		case xml.Directive:
			err = errDoctype
		}
		if err != nil {
			return nil, err
		}
	}
}

// xmlParser builds a tree.
type xmlParser struct {
	known  map[string]bool // namespaces
	root   *xmlNode
	open   []openXML
	amount int
}

// openXML is an element whose end has not come.
type openXML struct {
	node   *xmlNode
	raw    xml.Name
	scopes map[string]string // prefixes; shared with the element around it where it declares none
	text   []byte            // since the last element in it, however often a comment broke it off
}

// closeText makes a part of an element of the text that came last in it.
func (o *openXML) closeText() {
	if len(o.text) > 0 {
		o.node.kids = append(o.node.kids, &xmlNode{text: string(o.text)})
		o.text = nil
	}
}

func (p *xmlParser) start(token xml.StartElement) error {
	switch {
	case len(p.open) == 0 && p.root != nil:
		return errNotXML // a second root
	case len(p.open) >= MaxDepth:
		return errDeepXML
	}
	if p.amount += 1 + len(token.Attr); p.amount > mostXML || len(token.Attr) > mostXMLAttrs {
		return errManyElements
	}
	var scopes map[string]string
	if len(p.open) > 0 {
		scopes = p.open[len(p.open)-1].scopes
	}
	own := false
	declared := make(map[string]bool)
	for _, a := range token.Attr {
		prefix, is := a.Name.Local, a.Name.Space == "xmlns"
		if a.Name.Space == "" && a.Name.Local == "xmlns" {
			prefix, is = "", true
		}
		if !is {
			continue
		}
		switch {
		case declared[prefix]:
			return errTwiceXML
		case prefix != "" && (a.Value == "" || !plainXMLName.MatchString(prefix)), prefix == "xmlns", prefix == "xml", a.Value == xmlItself:
			return errNotXML
		}
		if declared[prefix] = true; !own {
			if scopes, own = maps.Clone(scopes), true; scopes == nil {
				scopes = make(map[string]string)
			}
		}
		scopes[prefix] = a.Value
	}
	if len(scopes) > mostXMLPrefixes {
		return errManyElements
	}
	name, err := p.resolve(token.Name, scopes, true)
	if err != nil {
		return err
	}
	n := &xmlNode{name: name}
	for _, a := range token.Attr {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		name, err := p.resolve(a.Name, scopes, false)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(n.attrs, func(other xmlAttr) bool { return other.name == name }) {
			return errTwiceXML
		}
		n.attrs = append(n.attrs, xmlAttr{name: name, value: a.Value})
	}
	if len(p.open) > 0 {
		around := &p.open[len(p.open)-1]
		around.closeText()
		around.node.kids = append(around.node.kids, n)
	} else {
		p.root = n
	}
	p.open = append(p.open, openXML{node: n, raw: token.Name, scopes: scopes})
	return nil
}

// resolve finds the namespace of a name. An attribute without a prefix is in none.
func (p *xmlParser) resolve(raw xml.Name, scopes map[string]string, element bool) (xmlName, error) {
	if !plainXMLName.MatchString(raw.Local) {
		return xmlName{}, errNotXML
	}
	if raw.Space == "xml" {
		return xmlName{xmlItself, raw.Local}, nil
	}
	if raw.Space == "" && !element {
		return xmlName{local: raw.Local}, nil
	}
	uri, bound := scopes[raw.Space]
	switch {
	case !bound && raw.Space != "":
		return xmlName{}, errNotXML
	case uri != "" && !p.known[uri]:
		return xmlName{}, errNamespace
	}
	return xmlName{uri, raw.Local}, nil
}

func (p *xmlParser) end(token xml.EndElement) error {
	if len(p.open) == 0 || p.open[len(p.open)-1].raw != token.Name {
		return errNotXML
	}
	p.open[len(p.open)-1].closeText()
	p.open = p.open[:len(p.open)-1]
	return nil
}

func (p *xmlParser) characters(text []byte) error {
	if len(p.open) == 0 {
		if len(bytes.TrimSpace(text)) > 0 {
			return errNotXML
		}
		return nil
	}
	in := &p.open[len(p.open)-1]
	in.text = append(in.text, text...)
	return nil
}

func (n *xmlNode) isText() bool { return n.name.local == "" }

// says is an element's text, if it has nothing else.
func (n *xmlNode) says() (text string, only bool) {
	switch {
	case len(n.kids) == 0:
		return "", true
	case len(n.kids) == 1 && n.kids[0].isText():
		return n.kids[0].text, true
	default:
		return "", false
	}
}

// empty reports whether there is nothing in an element, nor said of it but that.
func (n *xmlNode) empty() bool {
	text, only := n.says()
	return only && strings.TrimSpace(text) == "" && !slices.ContainsFunc(n.attrs, func(a xmlAttr) bool { return a.name != (xmlName{schemaInstance, "nil"}) })
}

// xmlWriter writes trees, under the prefixes that are declared.
type xmlWriter struct {
	prefixes map[string]string // by namespace
	out      *bytes.Buffer
}

func newXMLWriter(known Namespaces, dst []byte) *xmlWriter {
	w := &xmlWriter{prefixes: make(map[string]string, len(known)), out: bytes.NewBuffer(dst)}
	for prefix, uri := range known {
		w.prefixes[uri] = prefix
	}
	return w
}

// begin writes what is before a document's first element, and returns what declares the namespaces
// that it uses.
func (w *xmlWriter) begin(root *xmlNode) (declarations string) {
	used := make(map[string]bool)
	var look func(*xmlNode)
	look = func(n *xmlNode) {
		used[n.name.space] = true
		for _, a := range n.attrs {
			used[a.name.space] = true
		}
		for _, kid := range n.kids {
			look(kid)
		}
	}
	look(root)
	delete(used, "")
	delete(used, xmlItself)
	var b strings.Builder
	for _, uri := range slices.SortedFunc(maps.Keys(used), func(a, b string) int { return strings.Compare(w.prefixes[a], w.prefixes[b]) }) {
		b.WriteString(" xmlns:" + w.prefixes[uri] + `="` + inAttribute.Replace(uri) + `"`)
	}
	w.out.WriteString(xml.Header)
	return b.String()
}

func (w *xmlWriter) name(n xmlName) string {
	if n.space == "" {
		return n.local
	}
	return w.prefixes[n.space] + ":" + n.local
}

func (w *xmlWriter) attribute(name xmlName, value string) {
	w.out.WriteString(" " + w.name(name) + `="` + inAttribute.Replace(value) + `"`)
}

var (
	inAttribute = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "\t", "&#9;", "\n", "&#10;", "\r", "&#13;")
	inText      = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#13;")
)

// element writes an element with all that is in it.
func (w *xmlWriter) element(n *xmlNode, declarations string) {
	w.out.WriteString("<" + w.name(n.name) + declarations)
	for _, a := range n.attrs {
		w.attribute(a.name, a.value)
	}
	if len(n.kids) == 0 {
		w.out.WriteString("/>")
		return
	}
	w.out.WriteByte('>')
	for _, kid := range n.kids {
		if kid.isText() {
			w.out.WriteString(inText.Replace(kid.text))
		} else {
			w.element(kid, "")
		}
	}
	w.out.WriteString("</" + w.name(n.name) + ">")
}
