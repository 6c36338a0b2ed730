package shape

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/net/html"

	"poterne/internal/gate/content"
)

// What is looked at of a body.
const (
	mostBytes   = 512 << 10
	mostDepth   = 24
	mostRows    = 200
	mostColumns = 64
	mostTuple   = 8 // of a list whose elements are told apart by their places
)

// Read says what a body of a content type looks like. What cannot be read has no
// parts.
func Read(media string, body []byte) ([]Part, bool) { return new(Spaces).Read(media, body) }

// ReadList is Read of a list in JSON whose elements are told apart by where they stand.
func ReadList(body []byte) (all []Part, more bool) {
	d := jsontext.NewDecoder(bytes.NewReader(body))
	if d.PeekKind() != '[' || len(body) > mostBytes {
		return Read("application/json", body)
	}
	_, err := d.ReadToken()
	for n := 0; err == nil && d.PeekKind() != ']'; n++ {
		var value jsontext.Value
		if value, err = d.ReadValue(); err != nil || n == mostTuple {
			more = true
			break
		}
		parts, over := Read("application/json", value)
		for _, p := range parts {
			p.Path = fmt.Sprintf("$[%d]%s", n, strings.TrimPrefix(p.Path, "$"))
			all = append(all, p)
		}
		more = more || over
	}
	return all[:min(len(all), mostParts)], more || len(all) > mostParts
}

// Read is Read, of XML whose namespaces are called as they were in what was read before.
func (s *Spaces) Read(media string, body []byte) ([]Part, bool) {
	p := parts{spaces: s}
	if len(body) > mostBytes {
		body, p.more = body[:mostBytes], true
	}
	switch {
	case isJSON(media):
		p.json(jsontext.NewDecoder(bytes.NewReader(body)), "$", 0)
	case strings.Contains(media, "ndjson") || media == "application/jsonl":
		for line := range bytes.Lines(body) {
			p.json(jsontext.NewDecoder(bytes.NewReader(line)), "$", 0)
		}
	case media == "text/html":
		p.html(body)
	case media == eventsMedia:
		p.events(body)
	case media == "text/csv" || media == "application/csv":
		p.csv(body)
	case isXML(media):
		p.xml(body)
	}
	return p.list, p.more
}

func isJSON(media string) bool {
	return media == "application/json" || strings.HasSuffix(media, "+json")
}

func isXML(media string) bool {
	return media == "application/xml" || media == "text/xml" || strings.HasSuffix(media, "+xml") && media != "image/svg+xml"
}

// step is a member's name as a path has it.
func step(name string) string {
	word := Word(name)
	switch {
	case word == Placeholder:
		return "[" + Placeholder + "]"
	case strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == "":
		return "." + word
	default:
		return "['" + word + "']"
	}
}

// keys are the kinds of names under which an object keeps its rows.
var keys = []Kind{NIR, Mail, Telephone, PersonName, Identifier, Number, Date, Leading}

// json reads one value, and reports whether it could.
func (p *parts) json(d *jsontext.Decoder, path string, depth int) bool {
	kind := d.PeekKind()
	switch {
	case (kind == '{' || kind == '[') && (depth == mostDepth || len(path) > longestPlace):
		p.more = true
		return d.SkipValue() == nil
	case kind == '{':
		if _, err := d.ReadToken(); err != nil {
			return false
		}
		empty := true
		for d.PeekKind() == '"' {
			empty = false
			token, err := d.ReadToken()
			if err != nil {
				return false
			}
			name := token.String()
			inside := path + step(name)
			if kind := KindOf(name); Word(name) == Placeholder && slices.Contains(keys, kind) {
				inside = path + "[*]"
				p.leads(inside+"~", name)
			}
			if !p.json(d, inside, depth+1) {
				return false
			}
		}
		if empty {
			p.saw(path, Nothing)
		}
	case kind == '[':
		if _, err := d.ReadToken(); err != nil {
			return false
		}
		count, tuple := 0, false
		for ; d.PeekKind() != ']' && d.PeekKind() != 0; count++ {
			if count >= mostRows {
				p.more = true
				if d.SkipValue() != nil {
					return false
				}
				continue
			}
			inside := path + "[*]"
			if count == 0 && d.PeekKind() == '"' { // a text before something else: each place has a meaning of its own
				token, err := d.ReadToken()
				if err != nil {
					return false
				}
				text := token.String()
				if tuple = d.PeekKind() == '{' || d.PeekKind() == '['; tuple {
					inside = path + "[0]"
				}
				p.leads(inside, text)
				continue
			}
			if tuple && count < mostTuple {
				inside = fmt.Sprintf("%s[%d]", path, count)
			}
			if !p.json(d, inside, depth+1) {
				return false
			}
		}
		if count == 0 {
			p.saw(path, Nothing)
		}
	case kind == '"':
		token, err := d.ReadToken()
		if err != nil {
			return false
		}
		p.leads(path, token.String())
		return true
	case kind == '0':
		token, err := d.ReadToken()
		if err != nil {
			return false
		}
		found, number := Number, token.String()
		if kind := KindOf(number); kind == Identifier || kind == NIR {
			found = kind
		}
		p.saw(path, found)
		p.tells(path, number)
		return true
	case kind == 't' || kind == 'f':
		p.saw(path, Truth)
		return d.SkipValue() == nil
	case kind == 'n':
		p.saw(path, Nothing)
		return d.SkipValue() == nil
	default:
		return false
	}
	_, err := d.ReadToken()
	return err == nil
}

const eventsMedia = "text/event-stream"

// events reads a stream of server-sent events, each as JSON under its type. An event whose end
// was not seen is none.
func (p *parts) events(body []byte) {
	from := content.NewEvents(bytes.NewReader(body), mostBytes)
	for range mostRows {
		event, err := from.Next()
		if err != nil {
			return
		}
		name := Word(event.Name)
		if event.ID != "" {
			p.saw(name+" id", KindOf(event.ID))
		}
		if !event.Bare && !p.json(jsontext.NewDecoder(bytes.NewReader(event.Data)), name+" $", 0) {
			p.leads(name+" $", string(event.Data))
		}
	}
}

// csv reads a file by its columns.
func (p *parts) csv(body []byte) {
	header, _, _ := bytes.Cut(body, []byte("\n"))
	lines := csv.NewReader(bytes.NewReader(body))
	for _, comma := range ";\t" {
		if bytes.ContainsRune(header, comma) {
			lines.Comma = comma
			break
		}
	}
	names, err := lines.Read()
	if err != nil {
		return
	}
	for i, name := range names {
		if names[i] = Word(strings.TrimPrefix(name, "\ufeff")); names[i] == Placeholder {
			names[i] = fmt.Sprintf("%s %d", Placeholder, i+1) // its place says which it is
		}
	}
	for range mostRows {
		record, err := lines.Read()
		if err != nil {
			return
		}
		for i, cell := range record {
			p.leads(names[i], cell)
		}
	}
}

// Spaces are the namespaces that XML was seen with, in the order in which they came: the first is called p in
// places, the others p2 and p3.
type Spaces []string

const mostSpaces = 3

// Words are the names of the namespaces, each a placeholder that is not made of plain words.
func (s Spaces) Words() (names []string) {
	for _, uri := range s {
		names = append(names, Word(uri))
	}
	return names
}

// prefix is how the n-th of them is called.
func prefix(n int) string {
	if n == 0 {
		return "p"
	}
	return fmt.Sprintf("p%d", n+1)
}

// called is a name of XML as a path has it.
func (s *Spaces) called(name xml.Name) string {
	word := Word(name.Local)
	switch usual := content.Prefix(name.Space); {
	case name.Space == "":
		return word
	case usual != "":
		return usual + ":" + word
	}
	n := slices.Index(*s, name.Space)
	if n < 0 {
		if n = len(*s); n == mostSpaces {
			return Placeholder + ":" + word
		}
		*s = append(*s, name.Space)
	}
	return prefix(n) + ":" + word
}

// Operation is the name of the one element in the body of an envelope of SOAP, as Word has it; empty where
// there is none, or several.
func Operation(parts []Part) (name string) {
	for _, p := range parts {
		envelope, rest, found := strings.Cut(p.Path, ":Body/")
		if !found || strings.Count(envelope, "/") != 2 || !strings.HasPrefix(envelope, "/soap") {
			continue
		}
		one, _, _ := strings.Cut(rest, "/")
		one = strings.TrimSuffix(one[strings.LastIndexByte(one, ':')+1:], "[*]")
		if name != "" && one != name {
			return ""
		}
		name = one
	}
	return name
}

// xml reads a document by its elements. One that comes more than once within another is
// a row.
func (p *parts) xml(body []byte) {
	type open struct {
		path, key string
		text      strings.Builder
		met       map[string]int // how often each child came
	}
	again := make(map[string]bool) // which elements come more than once
	for _, note := range []bool{false, true} {
		d := xml.NewDecoder(bytes.NewReader(body))
		d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
		stack := []*open{{}}
		for {
			token, err := d.Token()
			if err != nil {
				break
			}
			top := stack[len(stack)-1]
			switch token := token.(type) {
			case xml.StartElement:
				if len(stack) == 2*mostDepth || len(top.path) > longestPlace {
					p.more = true
					_ = d.Skip() // what is wrong in it, the next token says
					continue
				}
				name := p.spaces.called(token.Name)
				one := &open{path: top.path + "/" + name, key: top.key + "/" + name}
				if top.met == nil {
					top.met = make(map[string]int)
				}
				if top.met[name]++; top.met[name] > 1 {
					again[one.key] = true
				}
				if note && again[one.key] {
					one.path += "[*]"
				}
				stack = append(stack, one)
				for _, a := range token.Attr {
					if note && a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
						p.leads(one.path+"/@"+p.spaces.called(a.Name), a.Value)
					}
				}
			case xml.CharData:
				top.text.Write(token)
			case xml.EndElement:
				if text := top.text.String(); note && (strings.TrimSpace(text) != "" || len(top.met) == 0) {
					p.leads(top.path, text)
				}
				stack = stack[:len(stack)-1]
			}
		}
	}
}

// rows are the elements that may stand for one person.
var rows = []string{"tr", "li", "article", "option", "dl", "form"}

// fields are those whose value a form sends, under their names.
var fields = []string{"input", "textarea", "select"}

// pressedTypes are of fields that are buttons: their value is what stands on them.
var pressedTypes = []string{"submit", "button", "reset", "image"}

// silent are those whose text nobody sees.
var silent = []string{"script", "style", "head", "title", "template", "noscript", "svg"}

// void are those that have no inside.
var void = []string{"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}

// html reads a page's texts by the elements they are in, without making a tree of it.
func (p *parts) html(body []byte) {
	type open struct {
		tag, selector  string
		cells, columns int      // of a line of a table, so far
		heads          []string // of a table: what its columns are called
		named          bool     // of a field: it is called by its name
		single         bool     // of a field: its form has one of it
	}
	tokens := html.NewTokenizer(bytes.NewReader(body))
	tokens.SetMaxBuf(64 << 10)
	var stack []open
	at := func() (row, part string, hidden bool) {
		last := stack[max(0, len(stack)-1):]
		inForm := len(last) > 0 && last[0].named && last[0].single && slices.ContainsFunc(stack, func(o open) bool { return o.tag == "form" })
		for i := len(stack) - 1; i >= 0; i-- {
			if slices.Contains(silent, stack[i].tag) {
				return "", "", true
			}
			if row == "" && slices.Contains(rows, stack[i].tag) && (!inForm || stack[i].tag == "form") { // a form may be laid out in a table
				row = stack[i].selector
				switch last := stack[len(stack)-1]; {
				case i+1 == len(stack):
				case i+2 == len(stack), stack[i].tag == "form": // the fields of a form have names
					part = last.selector
				default:
					part = stack[i+1].selector + " " + last.selector
				}
			}
		}
		if row == "" && len(stack) > 0 {
			part = stack[len(stack)-1].selector
		}
		return row, part, false
	}
	// column is the table around what is open, and which column of it that lies in; none outside of one.
	column := func() (table *open, n int) {
		for i := range slices.Backward(stack) {
			switch stack[i].tag {
			case "tr":
				n = max(n, stack[i].columns)
			case "table":
				return &stack[i], n - 1
			}
		}
		return nil, -1
	}
	saw := func(what, value string) {
		row, part, hidden := at()
		if hidden {
			return
		}
		place := strings.TrimSpace(row + " | " + part + what)
		p.leads(place, value)
		table, n := column()
		switch {
		case n < 0:
		case slices.ContainsFunc(stack, func(o open) bool { return o.tag == "th" }):
			for len(table.heads) <= n && n < mostColumns {
				table.heads = append(table.heads, Placeholder)
			}
			if n < mostColumns && what == "" && table.heads[n] == Placeholder {
				table.heads[n] = Word(value)
			}
		case n < len(table.heads):
			p.heads(place, table.heads[n])
		}
	}
	for {
		switch kind := tokens.Next(); kind {
		case html.ErrorToken:
			return
		case html.TextToken:
			if text := strings.Join(strings.Fields(string(tokens.Text())), " "); text != "" {
				saw("", text)
			}
		case html.EndTagToken:
			name, _ := tokens.TagName()
			for i := len(stack) - 1; i >= 0; i-- {
				if stack[i].tag == string(name) {
					stack = stack[:i]
					break
				}
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			token := tokens.Token()
			if len(stack) == 4*mostDepth {
				p.more = true
				return
			}
			for i := len(stack) - 1; i >= 0 && (token.Data == "tr" || token.Data == "td" || token.Data == "th" || token.Data == "li"); i-- { // they close what is before them
				if stack[i].tag == token.Data || token.Data == "tr" && (stack[i].tag == "td" || stack[i].tag == "th") {
					stack = stack[:i]
				} else if stack[i].tag == "table" || stack[i].tag == "ul" || stack[i].tag == "ol" {
					break
				}
			}
			one := open{tag: Placeholder, selector: Placeholder}
			place, field, pressed, many := "", "", false, false
			if (token.Data == "td" || token.Data == "th") && len(stack) > 0 {
				stack[len(stack)-1].columns++
			}
			if token.Data == "td" && len(stack) > 0 {
				stack[len(stack)-1].cells++
				place = fmt.Sprintf(":nth-of-type(%d)", stack[len(stack)-1].cells)
			}
			for _, a := range token.Attr {
				switch {
				case a.Key == "name" && Word(a.Val) != Placeholder:
					field = "[name=\"" + a.Val + "\"]"
					many = many || strings.TrimRight(a.Val, "0123456789") != a.Val
				case a.Key == "type" && (a.Val == "checkbox" || a.Val == "radio"):
					many = true
				case a.Key == "type" && slices.Contains(pressedTypes, a.Val):
					pressed = true
				}
				if a.Key != "class" {
					continue
				}
				for class := range strings.FieldsSeq(a.Val) {
					if Word(class) != Placeholder && !strings.ContainsAny(class, ".:[]/") {
						place = "." + class
						break
					}
				}
			}
			if slices.Contains(fields, token.Data) && field != "" {
				place, one.named, one.single = field, true, !many
			}
			if token.DataAtom != 0 {
				one.tag, one.selector = token.Data, token.Data+place
			}
			if one.tag == "tr" && place == "" && len(stack) > 0 && stack[len(stack)-1].tag == "tbody" { // not the head's
				one.selector = "tbody tr"
			}
			if one.tag == "option" { // of which list it is
				for _, around := range slices.Backward(stack) {
					if around.tag == "select" {
						one.selector = around.selector + " option"
						break
					}
				}
			}
			stack = append(stack, one)
			for _, a := range token.Attr {
				if a.Key == "href" || a.Key == "action" || a.Key == "value" && !pressed || strings.HasPrefix(a.Key, "data-") && Word(strings.TrimPrefix(a.Key, "data-")) != Placeholder {
					saw("@"+a.Key, a.Val)
				}
			}
			if kind == html.SelfClosingTagToken || slices.Contains(void, token.Data) {
				stack = stack[:len(stack)-1]
			}
		}
	}
}
